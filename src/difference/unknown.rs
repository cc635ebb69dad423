//! Values that nobody can know: what CURRENT_TIMESTAMP or random() gave in a migration on the real D1 is not what it gave
//! here. A cell that comes out otherwise in a world with another clock and other random numbers is unknown.

use camino::Utf8Path;
use rusqlite::{Connection, OptionalExtension};

use super::Error;
use super::columns::{RowShape, column_differs};
use super::compare::{Rows, TableDifference};
use crate::changefeed::sql_literal;
use crate::names::SHADOW_UNKNOWN;
use crate::schema::{self, Schema, Table, TableKind};
use crate::sql_text::{quote_identifier, string_literal};

/// Stands in place of a column where a whole row is unknown: its key, or its being there.
pub const WHOLE_ROW: &str = "";

/// What unknown cells held before a file ran.
const VALUES: &str = "temp.d1_migrate_unknown_values";

const CREATE_VALUES: &str = "CREATE TABLE IF NOT EXISTS temp.d1_migrate_unknown_values(tbl TEXT, col TEXT, key, value, PRIMARY KEY (tbl, col, key)) WITHOUT ROWID";

/// Keeps what unknown cells hold before a file runs, for [`find_unknown`].
pub fn keep_unknown_values(conn: &Connection, migrations_table: &str) -> Result<(), Error> {
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {VALUES}"))?;
    if !any_unknown_cell(conn)? {
        return Ok(());
    }
    let files = schema::read(conn, "main", migrations_table)?;
    conn.execute_batch(&format!("BEGIN; {CREATE_VALUES}"))?;
    for cells in unknown_columns(conn, &files)? {
        conn.execute_batch(&format!(
            "INSERT INTO {VALUES} SELECT {}, {}, {}, s.{} FROM {} s WHERE {} IN ({})",
            cells.table,
            cells.column,
            cells.shape.noted_key("s"),
            cells.name,
            cells.shape.shadow(),
            cells.shape.noted_key("s"),
            cells.keys(),
        ))?;
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}

/// The unknown cells of one column; the names are literals, but for `name`, which is an identifier.
struct UnknownColumn {
    shape: RowShape,
    table: String,
    column: String,
    name: String,
}

impl UnknownColumn {
    /// A query for the keys of their rows.
    fn keys(&self) -> String {
        format!("SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {} AND col = {}", self.table, self.column)
    }
}

fn unknown_columns(conn: &Connection, files: &Schema) -> rusqlite::Result<Vec<UnknownColumn>> {
    let mut columns = conn.prepare(&format!("SELECT DISTINCT tbl, col FROM {SHADOW_UNKNOWN}"))?;
    let columns: Vec<(String, String)> =
        columns.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let of_table = |(name, column): &(String, String)| {
        let table = files.table(name).filter(|table| is_plain(table))?;
        table.column(column)?;
        Some(UnknownColumn {
            shape: RowShape::of(table),
            table: string_literal(name),
            column: string_literal(column),
            name: quote_identifier(column),
        })
    };
    Ok(columns.iter().filter_map(of_table).collect())
}

/// Whoever changed an unknown cell last made it what it is.
fn note_changed(conn: &Connection, files: &Schema, file: &str) -> rusqlite::Result<()> {
    for cells in unknown_columns(conn, files)? {
        conn.execute_batch(&format!(
            "UPDATE {SHADOW_UNKNOWN} SET file = {} WHERE tbl = {table} AND col = {column} AND key IN (
               SELECT v.key FROM {} s CROSS JOIN {VALUES} v ON v.tbl = {table} AND v.col = {column} AND v.key = +({})
                 WHERE v.value IS NOT s.{name} COLLATE BINARY OR typeof(v.value) <> typeof(s.{name}))",
            string_literal(file),
            cells.shape.shadow(),
            cells.shape.noted_key("s"),
            table = cells.table,
            column = cells.column,
            name = cells.name,
        ))?;
    }
    Ok(())
}

/// Compares the shadow with one that was made in another world, and notes the cells that differ, and the file that made each what it
/// is: the last that changed it ([`keep_unknown_values`]), or the first after which it differed.
pub fn find_unknown(conn: &Connection, other: &Utf8Path, files: &Schema, file: &str) -> Result<(), Error> {
    conn.execute("ATTACH ?1 AS other", [other.as_str()])?;
    let found = compare_worlds(conn, files, file);
    conn.execute_batch("DETACH other")?;
    found
}

fn compare_worlds(conn: &Connection, files: &Schema, file: &str) -> Result<(), Error> {
    conn.execute_batch(
        "BEGIN; CREATE TEMP TABLE d1_migrate_differing(tbl TEXT, key, col TEXT, PRIMARY KEY (tbl, col, key)) WITHOUT ROWID",
    )?;
    for table in files.tables.iter().filter(|table| is_plain(table)) {
        let shape = RowShape::of(table);
        for position in table.stored().filter(|&position| table.rowid_alias != Some(position)) {
            let column = &table.columns[position];
            conn.execute_batch(&format!(
                "INSERT OR IGNORE INTO d1_migrate_differing SELECT {}, {}, {} FROM {} l JOIN other.{} s ON {} WHERE {}",
                string_literal(&table.name),
                shape.noted_key("l"),
                string_literal(&column.name),
                shape.shadow(),
                shape.table,
                shape.same_row("s", "l"),
                column_differs(column, "l", "s"),
            ))?;
        }
        // A row that only one world has: its key, or its being there at all, is unknown.
        for (here, there) in [("main", "other"), ("other", "main")] {
            conn.execute_batch(&format!(
                "INSERT OR IGNORE INTO d1_migrate_differing SELECT {}, {}, '{WHOLE_ROW}' FROM {here}.{table} l
                   WHERE NOT EXISTS (SELECT 1 FROM {there}.{table} s WHERE {})",
                string_literal(&table.name),
                shape.noted_key("l"),
                shape.same_row("s", "l"),
                table = shape.table,
            ))?;
        }
    }
    // Not `(tbl, key, col) NOT IN`: SQLite looks for NULLs in it row by row.
    let same = "d.tbl = u.tbl AND d.col = u.col AND d.key = u.key";
    conn.execute_batch(&format!(
        "DELETE FROM {SHADOW_UNKNOWN} AS u WHERE NOT EXISTS (SELECT 1 FROM d1_migrate_differing d WHERE {same});
         DELETE FROM d1_migrate_differing AS d WHERE (tbl, key, col) IN (SELECT tbl, key, col FROM {SHADOW_UNKNOWN});
         INSERT INTO {SHADOW_UNKNOWN} SELECT tbl, key, col, {} FROM d1_migrate_differing;
         DROP TABLE d1_migrate_differing; {CREATE_VALUES};",
        string_literal(file)
    ))?;
    note_changed(conn, files, file)?;
    conn.execute_batch(&format!("DROP TABLE {VALUES}; COMMIT"))?;
    Ok(())
}

/// Is there any unknown cell or row?
pub fn any_unknown_cell(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN})"), (), |row| row.get(0))
}

/// Is there any unknown cell in this table?
pub fn any_unknown_in(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN} WHERE tbl = ?1)");
    conn.query_row(&sql, [table], |row| row.get(0))
}

/// Does one of these files leave unknown cells or rows?
pub fn hangs_on_chance(conn: &Connection, files: &[String]) -> rusqlite::Result<bool> {
    let mut statement =
        conn.prepare(&format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN} WHERE file = ?1)"))?;
    for file in files {
        if statement.query_row([file], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
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

/// A row of these that cannot be named on the real D1, because chance made its key: the key as it is here.
pub fn unnameable(conn: &Connection, difference: &TableDifference) -> Result<Option<String>, Error> {
    let shape = RowShape::of(&difference.table);
    let diff = match &difference.rows {
        Rows::Listed(diff) => diff,
        // The row of the files was taken out: which one it was, nobody can tell.
        Rows::AllNew { .. } if shape.identity.is_empty() => return Ok(None),
        Rows::AllNew { .. } => {
            let sql = format!(
                "SELECT CAST(key AS TEXT) FROM {SHADOW_UNKNOWN} WHERE tbl = ?1 AND col = '{WHOLE_ROW}'
                   AND key IN (SELECT {} FROM {} l) LIMIT 1",
                shape.noted_key("l"),
                shape.live(),
            );
            return Ok(conn.query_row(&sql, [&difference.table.name], |row| row.get(0)).optional()?);
        }
        Rows::Rewritten => return Ok(None),
    };
    let key = |side: char| match shape.names_by_rowid {
        true => format!("d.{side}1"),
        false => {
            let literals = shape.slots(side).into_iter().map(|slot| sql_literal(&format!("d.{slot}")));
            literals.collect::<Vec<_>>().join(" || ',' || ")
        }
    };
    let (old, new) = (key('s'), key('l'));
    let sql = format!(
        "SELECT CAST(u.key AS TEXT) FROM {diff} d JOIN {SHADOW_UNKNOWN} u ON u.key = CASE d.kind WHEN 'I' THEN {new} ELSE {old} END
           WHERE u.tbl = ?1 AND u.col = '{WHOLE_ROW}' LIMIT 1"
    );
    Ok(conn.query_row(&sql, [&difference.table.name], |row| row.get(0)).optional()?)
}

pub(super) fn is_plain(table: &Table) -> bool {
    !matches!(table.kind, TableKind::Virtual(_)) && !RowShape::of(table).identity.is_empty()
}
