//! Own values in cells that a migration fills from the clock or by chance on the real D1: where it leaves them as they are here, they
//! stay pending, whatever it renames, rebuilds or computes from them.
//!
//! The missing files run on the shadow, which holds the local database without what was changed here; and they run on two copies of
//! the local database, by the shadow's clock and random numbers and by others. A cell that comes out otherwise than on the shadow,
//! but alike on both copies, is an own one. Rows whose key was changed here have another one on the shadow: where there are such, the
//! files run on a third copy too, which is the first one without the own values.

use std::path::Path;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::config::DbConfig;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::Place;
use super::local::open_to_read;
use crate::changefeed;
use crate::difference::{
    Comparison, RowShape, Rows, TableDifference, WHOLE_ROW, any_unknown_in, column_differs, has_same_columns,
    lasting_key, lasting_name, rows_differ, same_lasting,
};
use crate::names::SHADOW_UNKNOWN;
use crate::schema::{self, Column, Table, name_now, renamed_tables};
use crate::shadow::{Shadow, Source, World, take_baseline};
use crate::sql_text::{quote_identifier, string_literal};

/// The own cells after each file, on the connection that will run it here.
const OWN: &str = "temp.d1_migrate_own";

/// Rows whose key was changed here, once each; and own cells, with what the files give there: all of their tables, as a file may yet make
/// them unknown by a key that such a row has left, and the unknown ones of others. On the connection of the shadow.
const MOVED: &str = "temp.d1_migrate_own_moved";

/// Begins, with nothing noted.
pub fn begin(runner: &Connection) -> rusqlite::Result<()> {
    runner.execute_batch(&format!(
        "DROP TABLE IF EXISTS {OWN}; CREATE TABLE {OWN}(file TEXT, tbl TEXT, col TEXT, key)"
    ))
}

/// Lists the rows whose key was changed here, and own values in unknown cells.
pub fn list_moved(conn: &Connection, comparison: &Comparison) -> Result<()> {
    conn.execute_batch(&format!(
        "CREATE TABLE {MOVED}(tbl TEXT COLLATE NOCASE, col TEXT, key, value);
         CREATE INDEX {MOVED}_key ON d1_migrate_own_moved(tbl, col, key)"
    ))?;
    for TableDifference { table, rows, .. } in &comparison.tables {
        let (Rows::Listed(diff), shape) = (rows, RowShape::of(table)) else { continue };
        let moved = format!("{} IS NOT {}", lasting_key(table, "l"), lasting_key(table, "s"));
        let (name, key) = (string_literal(&table.name), lasting_key(table, "l"));
        let pairs = format!(
            "{diff} d JOIN {} l ON {} JOIN {} s ON {}",
            shape.live(),
            shape.is_named("l", 'l'),
            shape.shadow(),
            shape.is_named("s", 's'),
        );
        let any_moved = conn.execute(
            &format!("INSERT INTO {MOVED}(tbl, key) SELECT {name}, {key} FROM {pairs} WHERE d.kind = 'U' AND {moved}"),
            (),
        )? > 0;
        if !any_moved && !any_unknown_in(conn, &table.name)? {
            continue;
        }
        // The key stays, by which the copies are compared.
        let lasting = lasting_name(table).unwrap_or_default();
        let is_key =
            |own: &usize| table.primary_key.contains(own) || lasting.iter().any(|(column, _)| column == own);
        let values = table.stored().filter(|position| !is_key(position));
        for column in values.map(|position| &table.columns[position]) {
            let col = string_literal(&column.name);
            conn.execute_batch(&format!(
                "INSERT INTO {MOVED}(tbl, col, key, value) SELECT {name}, {col}, {key}, s.{} FROM {pairs}
                   WHERE d.kind = 'U' AND ({}) AND ({any_moved} OR {} IN (SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = {col}))",
                quote_identifier(&column.name),
                column_differs(column, "l", "s"),
                shape.noted_key("s"),
            ))?;
        }
    }
    Ok(())
}

/// The local database as it was before any file ran.
pub struct Copies {
    first: Shadow,
    second: Shadow,
    /// The first one without the own values, where there are any, and rows whose key was changed here.
    without: Option<Shadow>,
    _folder: TempDir,
}

impl Copies {
    /// Copies the local database, which has run these files. `shadow` holds the list of [`list_moved`].
    pub fn take(shadow: &Connection, place: &Place, applied: &[Source]) -> Result<Self> {
        let beside = place.home.as_deref().map_or_else(std::env::temp_dir, |home| home.into());
        let folder = tempfile::tempdir_in(beside)?;
        let files: Vec<(String, String)> =
            applied.iter().map(|file| (file.name.to_owned(), file.digest.clone())).collect();
        let copy = |name: &str| -> Result<Utf8PathBuf> {
            let home = utf8(folder.path()).join(name);
            take_baseline(&home, &open_to_read(&place.local_file)?, &files)?;
            Ok(home)
        };
        let home = copy("copy")?;
        let [first, second] = [World::First, World::Second].map(|world| Shadow::open(Some(&home), world));
        let any_own = format!(
            "SELECT EXISTS (SELECT 1 FROM {MOVED} WHERE col IS NULL) AND EXISTS (SELECT 1 FROM {MOVED} WHERE col IS NOT NULL)"
        );
        let without = match shadow.query_row(&any_own, (), |row| row.get(0))? {
            true => Some(Shadow::open(Some(&copy("without")?), World::First)?),
            false => None,
        };
        if let Some(without) = &without {
            take_out(shadow, &without.path, place)?;
        }
        Ok(Self { first: first?, second: second?, without, _folder: folder })
    }

    /// Runs these files on the copies, as the shadow has run them, and notes which unknown cells are own ones then.
    pub fn note(
        &mut self,
        runner: &Connection,
        shadow: &Connection,
        files: &[Source],
        place: &Place,
    ) -> Result<()> {
        let Some(file) = files.last() else { return Ok(()) };
        for copy in [&mut self.first, &mut self.second].into_iter().chain(&mut self.without) {
            copy.bring_to(files, |_, _| Ok(()), |_, _| Ok(()))?;
        }
        let attach =
            |path: &Utf8Path, name: &str| shadow.execute(&format!("ATTACH ?1 AS {name}"), [path.as_str()]);
        attach(&self.first.path, "own_first")?;
        attach(&self.second.path, "own_second")?;
        if let Some(without) = &self.without {
            attach(&without.path, "own_without")?;
        }
        let noted = note_attached(runner, shadow, file, place, self.without.is_some());
        shadow.execute_batch("DETACH own_first; DETACH own_second")?;
        if self.without.is_some() {
            shadow.execute_batch("DETACH own_without")?;
        }
        noted
    }
}

/// Puts into a copy what the files give, in place of what is in the list of [`list_moved`].
fn take_out(shadow: &Connection, copy: &Utf8Path, place: &Place) -> Result<()> {
    shadow.execute("ATTACH ?1 AS own_without", [copy.as_str()])?;
    shadow.execute_batch("PRAGMA foreign_keys = OFF")?;
    shadow.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let taken_out = take_out_attached(shadow, place);
    shadow.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    shadow.execute_batch("PRAGMA foreign_keys = ON; DETACH own_without")?;
    taken_out
}

fn take_out_attached(shadow: &Connection, place: &Place) -> Result<()> {
    let tables = schema::read(shadow, "own_without", &place.migrations_table)?.tables;
    let mut cells =
        shadow.prepare(&format!("SELECT DISTINCT tbl, col FROM {MOVED} WHERE col IS NOT NULL"))?;
    let cells: Vec<(String, String)> =
        cells.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (name, column) in cells {
        let Some(table) = tables.iter().find(|table| table.name == name) else { continue };
        let shape = RowShape::of(table);
        let of_cell = format!("tbl = {} AND col = {}", string_literal(&name), string_literal(&column));
        let key = lasting_key(table, "t");
        shadow.execute_batch(&format!(
            "UPDATE OR IGNORE own_without.{} AS t SET {} = (SELECT value FROM {MOVED} WHERE {of_cell} AND key = +({key}))
               WHERE {key} IN (SELECT key FROM {MOVED} WHERE {of_cell})",
            shape.table,
            quote_identifier(&column),
        ))?;
    }
    Ok(())
}

fn note_attached(
    runner: &Connection,
    shadow: &Connection,
    file: &Source,
    place: &Place,
    has_without: bool,
) -> Result<()> {
    let read = |database| schema::read(shadow, database, &place.migrations_table);
    let (files, first, second) = (read("main")?, read("own_first")?, read("own_second")?);
    let renamed = renamed_tables(&(file.text)()?, &files.tables);
    if !renamed.is_empty() {
        shadow.execute(&format!("UPDATE {MOVED} SET tbl = {}", name_now(&renamed)), ())?;
    }
    let mut columns = shadow.prepare(&format!("SELECT DISTINCT tbl, col FROM {SHADOW_UNKNOWN}"))?;
    let columns: Vec<(String, String)> =
        columns.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    // Only temporary tables are written: nobody is locked out.
    let transaction = runner.unchecked_transaction()?;
    let mut put = runner.prepare(&format!("INSERT INTO {OWN} VALUES (?1, ?2, ?3, ?4)"))?;
    for (name, column) in columns {
        let Some(table) = files.table(&name) else { continue };
        if ![&first, &second].iter().all(|copy| has_same_columns(table, copy.table(&name))) {
            continue;
        }
        let came_of_own = if has_without { keys_of_what_came_of_own(table, &column) } else { None };
        for keys in own_keys(table, &column).into_iter().chain(came_of_own) {
            let mut keys = shadow.prepare(&keys)?;
            let mut keys = keys.query(())?;
            while let Some(key) = keys.next()? {
                put.execute(params![file.name, name, column, ToSqlOutput::Borrowed(key.get_ref(0)?)])?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Queries for the keys of the rows in which a column, or the row as a whole, is an own one.
fn own_keys(table: &Table, column: &str) -> Vec<String> {
    if column == WHOLE_ROW {
        return vec![keys_of_own_rows(table)];
    }
    let Some(column) = table.column(column).map(|position| &table.columns[position]) else {
        return Vec::new();
    };
    let query = |same: String| {
        format!(
            "{} AND {} IN (SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = {})
               AND {} NOT IN (SELECT key FROM {MOVED} WHERE tbl = {name} AND col IS NULL)",
            keys_where_both_differ(table, column, "main", &same),
            RowShape::of(table).noted_key("s"),
            string_literal(&column.name),
            lasting_key(table, "l"),
            name = string_literal(&table.name),
        )
    };
    same_lasting(table, "l", "s").into_iter().map(query).collect()
}

fn keys_of_own_rows(table: &Table) -> String {
    let shape = RowShape::of(table);
    let is_alike_in = |database: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {database}.{} s WHERE {} AND NOT ({}))",
            shape.table,
            shape.same_row("l", "s"),
            rows_differ(table)
        )
    };
    format!(
        "SELECT {} FROM own_first.{} l WHERE NOT {} AND {}",
        shape.noted_key("l"),
        shape.table,
        is_alike_in("main"),
        is_alike_in("own_second"),
    )
}

/// A query, to which a condition can be added, for the keys of the rows in which a cell is alike on both copies, and another one in `base`.
fn keys_where_both_differ(table: &Table, column: &Column, base: &str, same: &str) -> String {
    let shape = RowShape::of(table);
    let name = &shape.table;
    format!(
        "SELECT {} FROM own_first.{name} l JOIN {base}.{name} s ON {same} JOIN own_second.{name} o ON {} WHERE ({}) AND NOT ({})",
        shape.noted_key("l"),
        shape.same_row("l", "o"),
        column_differs(column, "l", "s"),
        column_differs(column, "l", "o"),
    )
}

/// The same for what comes of own values, under whatever key.
fn keys_of_what_came_of_own(table: &Table, column: &str) -> Option<String> {
    let column = &table.columns[table.column(column)?];
    Some(keys_where_both_differ(table, column, "own_without", &RowShape::of(table).same_row("l", "s")))
}

/// Enters into the changefeed again which cells are own ones, after the file has run here. Part of its transaction.
pub fn keep(runner: &Connection, file: &str, tables: &[Table]) -> rusqlite::Result<()> {
    let mut columns = runner.prepare(&format!("SELECT DISTINCT tbl, col FROM {OWN} WHERE file = ?1"))?;
    let columns: Vec<(String, String)> =
        columns.query_map([file], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (table, column) in columns.iter().filter(|(table, _)| tables.iter().any(|other| other.name == *table))
    {
        let [file, name, col] = [file, table, column].map(string_literal);
        let keys = format!("SELECT key FROM {OWN} WHERE file = {file} AND tbl = {name} AND col = {col}");
        changefeed::note_changed(runner, table, column, &keys)?;
    }
    Ok(())
}

fn utf8(path: &Path) -> Utf8PathBuf {
    Utf8PathBuf::from(path.to_string_lossy().into_owned())
}
