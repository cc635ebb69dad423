//! Own values in cells that a migration fills from the clock or by chance on the real D1: where it leaves them as they are here, they
//! stay pending, under whatever name.
//!
//! Lives in temporary tables of the connection that runs the migrations. These may rename, move or rebuild what holds a value, so
//! that is looked for in its row rather than followed. An UPDATE too many can be seen in the file, a lost value cannot.

use anyhow::Result;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params};

use super::bench::Bench;
use crate::changefeed::{self, Tracking};
use crate::difference::{Comparison, RowShape, Rows, TableDifference, WHOLE_ROW, column_differs};
use crate::names::SHADOW_UNKNOWN;
use crate::schema::Table;
use crate::sql_text::{quote_identifier, string_literal};

/// Pending cells, before any file runs.
const OWN: &str = "temp.d1_migrate_own_cells";

/// Cells that each file leaves unknown.
const UNKNOWN: &str = "temp.d1_migrate_own_unknown";

/// Values that are not in the row any more in which they were: a file took it away, or gave it another key.
const HOMELESS: &str = "temp.d1_migrate_own_homeless";

/// Begins, with nothing noted.
pub fn begin(runner: &Connection) -> rusqlite::Result<()> {
    runner.execute_batch(&format!(
        "CREATE TABLE {OWN}(tbl TEXT, key, col TEXT, value);
         CREATE TABLE {UNKNOWN}(file TEXT, tbl TEXT, col TEXT, key, PRIMARY KEY (file, tbl, col, key)) WITHOUT ROWID;"
    ))
}

/// Notes the pending cells of tracked tables: untracked, nobody can tell an own value from what a file made here.
pub fn note_pending(runner: &Connection, bench: &Bench, comparison: &Comparison) -> Result<()> {
    let is_tracked = |table: &Table| {
        let mut tracking = bench.here.tables.iter().zip(&bench.tracking);
        tracking.any(|(other, tracking)| {
            other.name == table.name && matches!(tracking, Tracking::On | Tracking::Stale)
        })
    };
    for difference in comparison.tables.iter().filter(|difference| is_tracked(&difference.table)) {
        note_table(runner, bench.conn(), difference)?;
    }
    runner.execute_batch(&format!("CREATE INDEX {OWN}_by_key ON d1_migrate_own_cells(key)"))?;
    Ok(())
}

fn note_table(runner: &Connection, conn: &Connection, difference: &TableDifference) -> Result<()> {
    let (table, shape) = (&difference.table, RowShape::of(&difference.table));
    let mut put = runner.prepare(&format!("INSERT INTO {OWN} VALUES (?1, ?2, ?3, ?4)"))?;
    for position in table.stored().filter(|&position| table.rowid_alias != Some(position)) {
        let column = &table.columns[position];
        let (key, value) = (shape.noted_key("l"), format!("l.{}", quote_identifier(&column.name)));
        let cells = match &difference.rows {
            Rows::Listed(diff) => format!(
                "SELECT {key}, {value} FROM {diff} d JOIN {} l ON {} LEFT JOIN {} s ON {}
                   WHERE d.kind = 'I' OR (d.kind = 'U' AND ({}))",
                shape.live(),
                shape.is_named("l", 'l'),
                shape.shadow(),
                shape.is_named("s", 's'),
                column_differs(column, "l", "s"),
            ),
            Rows::AllNew => format!("SELECT {key}, {value} FROM {} l", shape.live()),
            Rows::Rewritten => return Ok(()),
        };
        let mut cells = conn.prepare(&cells)?;
        let mut cells = cells.query(())?;
        while let Some(cell) = cells.next()? {
            let borrowed = |at| cell.get_ref(at).map(ToSqlOutput::Borrowed);
            put.execute(params![table.name, borrowed(0)?, column.name, borrowed(1)?])?;
        }
    }
    Ok(())
}

/// Is there any pending cell?
pub fn any(runner: &Connection) -> rusqlite::Result<bool> {
    runner.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {OWN})"), (), |row| row.get(0))
}

/// Notes what a file that has just been replayed leaves unknown; of these tables, whatever is unknown then.
pub fn note_unknown(runner: &Connection, shadow: &Connection, file: &str, tables: &[String]) -> Result<()> {
    let tables: Vec<String> = tables.iter().map(|table| string_literal(table)).collect();
    let mut put = runner.prepare(&format!("INSERT OR IGNORE INTO {UNKNOWN} VALUES (?1, ?2, ?3, ?4)"))?;
    let mut cells = shadow.prepare(&format!(
        "SELECT tbl, col, key FROM {SHADOW_UNKNOWN} WHERE file = ?1 OR tbl IN ({})",
        tables.join(", ")
    ))?;
    let mut cells = cells.query([file])?;
    while let Some(cell) = cells.next()? {
        let borrowed = |at| cell.get_ref(at).map(ToSqlOutput::Borrowed);
        put.execute(params![file, borrowed(0)?, borrowed(1)?, borrowed(2)?])?;
    }
    Ok(())
}

/// The tables with pending cells whose rows have a hidden rowid: any file may give rows that of another one, unnoticed.
pub fn shifting<'c>(comparison: &'c Comparison) -> impl Iterator<Item = String> + 'c {
    let shifts = |difference: &&TableDifference| RowShape::of(&difference.table).hidden_rowid;
    comparison.tables.iter().filter(shifts).map(|difference| difference.table.name.clone())
}

/// Enters into the changefeed again which cells are own ones, after the file has run here. Part of its transaction.
pub fn keep(runner: &Connection, file: &str, tables: &[Table], followed: &[Table]) -> rusqlite::Result<()> {
    let mut columns = runner.prepare(&format!("SELECT DISTINCT tbl, col FROM {UNKNOWN} WHERE file = ?1"))?;
    let columns: Vec<(String, String)> =
        columns.query_map([file], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (table, column) in columns {
        let Some(table) = followed.iter().find(|other| other.name == table) else { continue };
        let own = own_cells(runner, table, tables)?;
        if column == WHOLE_ROW {
            // Which row became which, nobody can tell.
            changefeed::note_changed(runner, &table.name, None, &format!("SELECT DISTINCT key FROM {own}"))?;
        } else if let Some(position) = table.column(&column) {
            let name = &table.columns[position].name;
            let kept = kept_cells(runner, table, name, file, &own)?;
            changefeed::note_changed(runner, &table.name, Some(name), &kept)?;
        }
    }
    Ok(())
}

/// The pending cells that may be in this table by now: those that were, and those of tables that are no more.
fn own_cells(runner: &Connection, table: &Table, tables: &[Table]) -> rusqlite::Result<String> {
    let mut names = runner.prepare(&format!("SELECT DISTINCT tbl FROM {OWN}"))?;
    let names: Vec<String> = names.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let may_be_here =
        |name: &&String| **name == table.name || !tables.iter().any(|other| other.name == **name);
    let names: Vec<String> = names.iter().filter(may_be_here).map(|name| string_literal(name)).collect();
    Ok(format!("(SELECT * FROM {OWN} WHERE tbl IN ({}))", names.join(", ")))
}

/// A query for the keys of the rows whose cell in this column holds an own value, or may hold what became of one.
fn kept_cells(
    runner: &Connection,
    table: &Table,
    column: &str,
    file: &str,
    own: &str,
) -> rusqlite::Result<String> {
    let shape = RowShape::of(table);
    let is_in = |name: &str| {
        let cell = format!("l.{}", quote_identifier(name));
        format!("(o.value IS {cell} COLLATE BINARY AND typeof(o.value) = typeof({cell}))")
    };
    let stored: Vec<&str> = table.stored().map(|position| table.columns[position].name.as_str()).collect();
    let names: Vec<String> = stored.iter().map(|name| string_literal(name)).collect();
    let anywhere: Vec<String> = stored.iter().map(|name| is_in(name)).collect();
    // Where the key is no column, only the list of keys has an index.
    let (rows, key) = (format!("main.{} l", shape.table), shape.noted_key("l"));
    let with_row = |list: &str, alias: &str| match shape.names_by_rowid {
        true => format!("{list} {alias} CROSS JOIN {rows} ON {key} = {alias}.key"),
        false => format!("{rows} CROSS JOIN {list} {alias} ON {alias}.key = {key}"),
    };
    let anywhere = anywhere.join(" OR ");
    runner.execute_batch(&format!(
        "DROP TABLE IF EXISTS {HOMELESS}; CREATE TABLE {HOMELESS}(value);
         INSERT INTO {HOMELESS} SELECT value FROM {own} WHERE value IS NOT NULL AND key NOT IN (SELECT {key} FROM {rows});
         INSERT INTO {HOMELESS} SELECT o.value FROM {} WHERE o.value IS NOT NULL AND NOT ({anywhere});
         CREATE INDEX {HOMELESS}_by_value ON d1_migrate_own_homeless(value);",
        with_row(own, "o"),
    ))?;
    Ok(format!(
        "SELECT u.key FROM {}
           WHERE u.file = {file} AND u.tbl = {name} AND u.col = {column} AND (
             EXISTS (SELECT 1 FROM {own} o WHERE o.key = u.key
               AND ({here} OR (o.col NOT IN ({names}) AND NOT ({anywhere}))))
             OR EXISTS (SELECT 1 FROM {HOMELESS} o WHERE {here}))",
        with_row(UNKNOWN, "u"),
        file = string_literal(file),
        name = string_literal(&table.name),
        column = string_literal(column),
        here = is_in(column),
        names = names.join(", "),
    ))
}
