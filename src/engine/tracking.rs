//! Tracking on and off, each in one short transaction.

use anyhow::Result;
use rusqlite::Connection;

use super::Error;
use crate::changefeed::{self, Tracking};
use crate::difference::Selection;
use crate::schema::{self, Table};

/// Installs or refreshes the triggers of these tables, of all where none are named. Gives those where something was done.
pub fn track(conn: &Connection, migrations_table: &str, tables: &[String]) -> Result<Vec<String>> {
    let tables = chosen(conn, migrations_table, tables)?;
    let state = changefeed::state(conn, "main", &tables)?;
    let is_done = state.iter().all(|state| matches!(state, Tracking::On | Tracking::Impossible));
    let is_numbered = changefeed::file_number(conn, "main")? != 0;
    if is_done && is_numbered && changefeed::follows_applied(conn, migrations_table)? {
        return Ok(Vec::new());
    }
    if changefeed::name_is_taken(conn)? {
        return Err(Error::NameTaken.into());
    }
    in_transaction(conn, || {
        let installed = changefeed::install(conn, &tables)?;
        changefeed::follow_applied(conn, migrations_table)?;
        Ok(installed)
    })
}

/// Removes the triggers of these tables, of all where none are named; with `purge` the changefeed too.
pub fn untrack(
    conn: &Connection,
    migrations_table: &str,
    tables: &[String],
    purge: bool,
) -> Result<Vec<String>> {
    let tables = chosen(conn, migrations_table, tables)?;
    in_transaction(conn, || {
        let removed = changefeed::remove(conn, &tables)?;
        let left = changefeed::state(conn, "main", &schema::read(conn, "main", migrations_table)?.tables)?;
        if purge || left.iter().all(|state| matches!(state, Tracking::Off | Tracking::Impossible)) {
            changefeed::unfollow_applied(conn)?;
        }
        if purge {
            changefeed::drop_changefeed(conn)?;
        }
        Ok(removed)
    })
}

/// Removes the changefeed where it holds nothing but its own beginnings and nothing fills it.
pub fn purge_if_unused(conn: &Connection, migrations_table: &str) -> Result<()> {
    if !changefeed::exists(conn, "main")? || changefeed::is_fed(conn)? || changefeed::has_rows(conn)? {
        return Ok(());
    }
    untrack(conn, migrations_table, &[], true).map(drop)
}

fn chosen(conn: &Connection, migrations_table: &str, tables: &[String]) -> Result<Vec<Table>> {
    let schema = schema::read(conn, "main", migrations_table)?;
    let selection = Selection { tables: tables.to_vec(), since: None };
    selection.check(&schema)?;
    Ok(schema.tables.into_iter().filter(|table| selection.takes(&table.name)).collect())
}

fn in_transaction<T>(conn: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    match work() {
        Ok(done) => {
            conn.execute_batch("COMMIT")?;
            Ok(done)
        }
        Err(error) => {
            conn.execute_batch("ROLLBACK")?;
            Err(error)
        }
    }
}
