//! AUTOINCREMENT counters.

use rusqlite::{Connection, OptionalExtension};

use super::LIVE;
use crate::schema::Table;
use crate::sql_text::quote_identifier;

/// A counter that is not the same in both databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The table that it counts for.
    pub table: String,
    /// What it is here; `None` where nothing was ever inserted.
    pub here: Option<i64>,
    /// What the files give.
    pub files: Option<i64>,
}

/// The counters of these tables that differ.
pub fn sequences(conn: &Connection, tables: &[&Table]) -> rusqlite::Result<Vec<Sequence>> {
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| table.autoincrement) {
        let here = read(conn, LIVE, &table.name)?;
        let files = read(conn, "main", &table.name)?;
        // SQLite also notes a 0 for a table into which a statement might have inserted.
        if here.unwrap_or(0) != files.unwrap_or(0) {
            found.push(Sequence { table: table.name.clone(), here, files });
        }
    }
    Ok(found)
}

fn read(conn: &Connection, database: &str, table: &str) -> rusqlite::Result<Option<i64>> {
    let database = quote_identifier(database);
    let exists = format!("SELECT 1 FROM {database}.sqlite_schema WHERE name = 'sqlite_sequence'");
    if conn.query_row(&exists, (), |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    // The column has no type: another program may have put anything there. What is no number does not count.
    let sql =
        format!("SELECT CAST(seq AS INTEGER) FROM {database}.sqlite_sequence WHERE name = ?1 ORDER BY rowid");
    let value = conn.query_row(&sql, [table], |row| row.get::<_, Option<i64>>(0)).optional()?;
    Ok(value.flatten())
}
