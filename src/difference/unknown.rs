//! Values that nobody can know: what CURRENT_TIMESTAMP or random() gave in a migration on the real D1 is not what it gave
//! here. A cell that comes out otherwise in a world with another clock and other random numbers is unknown; the shadow takes
//! over what the local database holds there, so that it is never pending by itself, unless it was changed here since.

use camino::Utf8Path;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::columns::{RowShape, column_differs};
use super::{Error, LIVE};
use crate::changefeed;
use crate::names::{CHANGEFEED, SHADOW_UNKNOWN};
use crate::schema::{Schema, Table, TableKind};
use crate::sql_text::{quote_identifier, string_literal};

/// Compares the shadow with one that was made in another world, and notes the cells that differ.
pub fn find_unknown(conn: &Connection, other: &Utf8Path, files: &Schema) -> Result<(), Error> {
    conn.execute("ATTACH ?1 AS other", [other.as_str()])?;
    let found = compare_worlds(conn, files);
    conn.execute_batch("DETACH other")?;
    found
}

fn compare_worlds(conn: &Connection, files: &Schema) -> Result<(), Error> {
    conn.execute_batch(&format!("BEGIN; DELETE FROM {SHADOW_UNKNOWN}"))?;
    for table in files.tables.iter().filter(|table| is_plain(table)) {
        let shape = RowShape::of(table);
        for position in table.stored().filter(|&position| table.rowid_alias != Some(position)) {
            let column = &table.columns[position];
            let note = format!(
                "INSERT INTO {SHADOW_UNKNOWN}(tbl, key, col) SELECT {}, {}, {} FROM {} l JOIN other.{} s ON {} WHERE {}",
                string_literal(&table.name),
                key_of(&shape, "l"),
                string_literal(&column.name),
                shape.shadow(),
                shape.table,
                shape.same_row("s", "l"),
                column_differs(column, "l", "s"),
            );
            conn.execute_batch(&note)?;
        }
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}

/// Takes over the unknown cells from the local database, except those that the changefeed says were changed here. Gives
/// how many cells there are that cannot be compared.
///
/// Runs outside of a transaction: neither a trigger nor a foreign key of the user may take notice.
pub fn adopt_unknown(conn: &Connection, here: &Schema) -> Result<u64, Error> {
    let mut cells = conn.prepare(&format!("SELECT DISTINCT tbl, col FROM {SHADOW_UNKNOWN}"))?;
    let cells: Vec<(String, String)> =
        cells.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    if cells.is_empty() {
        return Ok(0);
    }
    conn.execute_batch("PRAGMA foreign_keys = OFF")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.execute_batch("BEGIN")?;
    let mut adopted = 0;
    for (table, column) in cells {
        let known = here.table(&table).filter(|table| is_plain(table) && table.column(&column).is_some());
        if let Some(table) = known {
            adopted += adopt_column(conn, table, &column)?;
        }
    }
    conn.execute_batch("COMMIT")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    conn.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(adopted)
}

/// Is there an unknown cell in one of these columns?
pub fn any_unknown(conn: &Connection, table: &str, columns: &[String]) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN} WHERE tbl = ?1 AND col = ?2)");
    let mut statement = conn.prepare_cached(&sql)?;
    for column in columns {
        if statement.query_row([table, column], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn adopt_column(conn: &Connection, table: &Table, column: &str) -> Result<u64, Error> {
    let shape = RowShape::of(table);
    let (name, text) = (string_literal(&table.name), string_literal(column));
    let quoted = quote_identifier(column);
    let changed_here = match changefeed::exists(conn, LIVE)? {
        false => String::new(),
        true => {
            let label = string_literal(&format!("{quoted}="));
            let entries =
                format!("FROM {LIVE}.{CHANGEFEED} WHERE tbl = {name} AND (op = 'D' OR instr(old, {label}))");
            format!(
                " AND key NOT IN (SELECT key {entries} AND key IS NOT NULL UNION SELECT new_key {entries} AND new_key IS NOT NULL)"
            )
        }
    };
    let adopt = format!(
        "UPDATE OR IGNORE {shadow} AS s SET {quoted} = (SELECT l.{quoted} FROM {live} l WHERE {same})
           WHERE {key} IN (SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = {text}{changed_here})
             AND EXISTS (SELECT 1 FROM {live} l WHERE {same})",
        shadow = shape.shadow(),
        live = shape.live(),
        same = shape.same_row("l", "s"),
        key = key_of(&shape, "s"),
    );
    Ok(conn.execute(&adopt, ())? as u64)
}

/// The key as the changefeed writes it.
fn key_of(shape: &RowShape, alias: &str) -> String {
    match &shape.identity[..] {
        [_only] if shape.names_by_rowid => shape.identity_of(alias),
        names => {
            let literals: Vec<String> = names.iter().map(|name| format!("quote({alias}.{name})")).collect();
            literals.join(" || ',' || ")
        }
    }
}

fn is_plain(table: &Table) -> bool {
    !matches!(table.kind, TableKind::Virtual(_)) && !RowShape::of(table).identity.is_empty()
}
