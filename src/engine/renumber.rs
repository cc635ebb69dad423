//! Rowids that no column shows, and that a migration changes, as one does that rebuilds a table: what was noted about a row is about it
//! whatever its rowid is then.

use rusqlite::Connection;

use crate::changefeed;
use crate::difference::{RowShape, lasting_key, lasting_name};
use crate::names::CHANGEFEED;
use crate::schema::{Table, name_now};
use crate::sql_text::{quote_identifier, string_literal};

/// The rows that entries were about before the migration ran: `was`, their rowid, and `name`, what lasts whatever that is; NULL where there
/// was no row any more.
const BEFORE: &str = "temp.d1_migrate_rowids_before";

/// Their rowids before (`was`) and `now`, as far as they are others now: NULL where another row may have that one.
const NOW: &str = "temp.d1_migrate_rowids_now";

/// Notes which rows the entries are about. Part of the transaction in which the migration runs.
pub fn note(conn: &Connection, tables: &[Table]) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {BEFORE}; CREATE TABLE {BEFORE}(tbl, was, name)"))?;
    if !changefeed::exists(conn, "main")? {
        return Ok(());
    }
    for table in tables {
        let Some(key) = lasting_name(table) else { continue };
        let (shape, tbl) = (RowShape::of(table), string_literal(&table.name));
        let nameless = key
            .iter()
            .map(|(column, _)| format!("t.{} IS NULL", quote_identifier(&table.columns[*column].name)));
        let rowid = &shape.identity[0];
        conn.execute_batch(&format!(
            "INSERT INTO {BEFORE} SELECT {tbl}, f.key, iif(t.{rowid} IS NULL, NULL, {name})
               FROM (SELECT key FROM {CHANGEFEED} WHERE tbl = {tbl} AND typeof(key) = 'integer'
                     UNION SELECT new_key FROM {CHANGEFEED} WHERE tbl = {tbl} AND typeof(new_key) = 'integer') f
               LEFT JOIN main.{t} t ON t.{rowid} = f.key WHERE t.{rowid} IS NULL OR NOT ({nameless})",
            name = lasting_key(table, "t"),
            t = shape.table,
            nameless = nameless.collect::<Vec<_>>().join(" OR "),
        ))?;
    }
    conn.execute_batch(&format!("CREATE INDEX {BEFORE}_name ON d1_migrate_rowids_before(tbl, name)"))
}

/// Gives the entries the rowids that their rows have, now that this file has run. `renamed` are tables, under the names that they had and
/// have; the entries have these by now.
pub fn follow(
    conn: &Connection,
    file: &str,
    renamed: &[(String, String)],
    tables: &[Table],
) -> rusqlite::Result<()> {
    if !renamed.is_empty() {
        conn.execute_batch(&format!("UPDATE {BEFORE} SET tbl = {}", name_now(renamed)))?;
    }
    for table in tables.iter().filter(|table| lasting_name(table).is_some()) {
        if any_is_elsewhere(conn, table)? {
            list_now(conn, table)?;
            changefeed::renumber(conn, &table.name, NOW, file)?;
            conn.execute_batch(&format!("DROP TABLE {NOW}"))?;
        }
    }
    conn.execute_batch(&format!("DROP TABLE {BEFORE}"))
}

/// Is there another row, or none, under a rowid that was noted? Only then the whole table is read.
fn any_is_elsewhere(conn: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let shape = RowShape::of(table);
    let rowid = &shape.identity[0];
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {BEFORE} b LEFT JOIN main.{} t ON t.{rowid} = b.was
           WHERE b.tbl = ?1 AND iif(t.{rowid} IS NULL, NULL, {}) IS NOT b.name)",
        shape.table,
        lasting_key(table, "t"),
    );
    conn.query_row(&sql, [&table.name], |row| row.get(0))
}

fn list_now(conn: &Connection, table: &Table) -> rusqlite::Result<()> {
    let shape = RowShape::of(table);
    let (rowid, tbl) = (&shape.identity[0], string_literal(&table.name));
    // Where all rows stayed where they were, one whose key is gone has another key, and a rowid without a row may have got one.
    conn.execute_batch(&format!(
        "CREATE TABLE {NOW} AS SELECT b.was, t.{rowid} AS now FROM main.{t} t CROSS JOIN {BEFORE} b ON b.tbl = {tbl} AND b.name = {name};
         CREATE INDEX {NOW}_was ON d1_migrate_rowids_now(was);
         INSERT INTO {NOW} SELECT b.was, NULL FROM {BEFORE} b WHERE b.tbl = {tbl} AND b.was NOT IN (SELECT was FROM {NOW})
           AND (EXISTS (SELECT 1 FROM {NOW} WHERE now <> was)
             OR (b.name IS NULL AND EXISTS (SELECT 1 FROM main.{t} t WHERE t.{rowid} = b.was)))",
        t = shape.table,
        name = lasting_key(table, "t"),
    ))
}
