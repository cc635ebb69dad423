//! Own values in cells that a migration fills from the clock or by chance on the real D1: where it leaves them as they are here, they
//! stay pending, whatever it renames, rebuilds or computes from them.
//!
//! The missing files run on the shadow, which holds the local database without what was changed here; and they run on two copies of
//! the local database, by the shadow's clock and random numbers and by others. A cell that comes out otherwise than on the shadow,
//! but alike on both copies, is an own one.

use std::path::Path;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::Place;
use super::local::open_to_read;
use crate::changefeed;
use crate::difference::{RowShape, WHOLE_ROW, column_differs, has_same_columns, rows_differ};
use crate::names::SHADOW_UNKNOWN;
use crate::schema::{self, Table};
use crate::shadow::{Shadow, Source, World, take_baseline};
use crate::sql_text::string_literal;

/// The own cells after each file, on the connection that will run it here.
const OWN: &str = "temp.d1_migrate_own";

/// Begins, with nothing noted.
pub fn begin(runner: &Connection) -> rusqlite::Result<()> {
    runner.execute_batch(&format!(
        "DROP TABLE IF EXISTS {OWN}; CREATE TABLE {OWN}(file TEXT, tbl TEXT, col TEXT, key)"
    ))
}

/// The local database as it was before any file ran, in two worlds.
pub struct Copies {
    first: Shadow,
    second: Shadow,
    _folder: TempDir,
}

impl Copies {
    /// Copies the local database, which has run these files.
    pub fn take(place: &Place, applied: &[Source]) -> Result<Self> {
        let beside = place.home.as_deref().map_or_else(std::env::temp_dir, |home| home.into());
        let folder = tempfile::tempdir_in(beside)?;
        let home = utf8(folder.path()).join("copy");
        let files: Vec<(String, String)> =
            applied.iter().map(|file| (file.name.to_owned(), file.digest.clone())).collect();
        take_baseline(&home, &open_to_read(&place.local_file)?, &files)?;
        let [first, second] = [World::First, World::Second].map(|world| Shadow::open(Some(&home), world));
        Ok(Self { first: first?, second: second?, _folder: folder })
    }

    /// Runs these files on the copies, as the shadow has run them, and notes which unknown cells are own ones then.
    pub fn note(
        &mut self,
        runner: &Connection,
        shadow: &Connection,
        files: &[Source],
        place: &Place,
    ) -> Result<()> {
        for copy in [&mut self.first, &mut self.second] {
            copy.bring_to(files, |_| {}, |_, _| Ok(()))?;
        }
        let attach =
            |path: &Utf8Path, name: &str| shadow.execute(&format!("ATTACH ?1 AS {name}"), [path.as_str()]);
        attach(&self.first.path, "own_first")?;
        attach(&self.second.path, "own_second")?;
        let noted = note_attached(runner, shadow, files.last().map_or("", |file| file.name), place);
        shadow.execute_batch("DETACH own_first; DETACH own_second")?;
        noted
    }
}

fn note_attached(runner: &Connection, shadow: &Connection, file: &str, place: &Place) -> Result<()> {
    let read = |database| schema::read(shadow, database, &place.migrations_table);
    let (files, first, second) = (read("main")?, read("own_first")?, read("own_second")?);
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
        let Some(keys) = own_keys(table, &column) else { continue };
        let mut keys = shadow.prepare(&keys)?;
        let mut keys = keys.query(())?;
        while let Some(key) = keys.next()? {
            put.execute(params![file, name, column, ToSqlOutput::Borrowed(key.get_ref(0)?)])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// A query for the keys of the rows in which a column, or the row as a whole, is an own one.
fn own_keys(table: &Table, column: &str) -> Option<String> {
    let shape = RowShape::of(table);
    let of = |database: &str, alias: &str| format!("{database}.{} {alias}", shape.table);
    let here = of("own_first", "l");
    if column == WHOLE_ROW {
        let other = |database: &str, differs: &str| {
            format!(
                "EXISTS (SELECT 1 FROM {} WHERE {} AND {differs})",
                of(database, "s"),
                shape.same_row("l", "s")
            )
        };
        let alike = format!("NOT ({})", rows_differ(table));
        return Some(format!(
            "SELECT {} FROM {here} WHERE NOT {} AND {}",
            shape.noted_key("l"),
            other("main", &alike),
            other("own_second", &alike),
        ));
    }
    let column = &table.columns[table.column(column)?];
    Some(format!(
        "SELECT {} FROM {here} JOIN {} ON {} JOIN {} ON {} WHERE ({}) AND NOT ({}) AND {} IN (
           SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {} AND col = {})",
        shape.noted_key("l"),
        of("main", "s"),
        shape.same_row("l", "s"),
        of("own_second", "o"),
        shape.same_row("l", "o"),
        column_differs(column, "l", "s"),
        column_differs(column, "l", "o"),
        shape.noted_key("l"),
        string_literal(&table.name),
        string_literal(&column.name),
    ))
}

/// Enters into the changefeed again which cells are own ones, after the file has run here. Part of its transaction.
pub fn keep(runner: &Connection, file: &str, followed: &[Table]) -> rusqlite::Result<()> {
    let mut columns = runner.prepare(&format!("SELECT DISTINCT tbl, col FROM {OWN} WHERE file = ?1"))?;
    let columns: Vec<(String, String)> =
        columns.query_map([file], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (table, column) in
        columns.iter().filter(|(table, _)| followed.iter().any(|other| other.name == *table))
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
