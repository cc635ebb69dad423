//! Rows with a change of one's own that the migrations to come touch too: the last writer counts, and that must be said.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use rusqlite::Connection;
use rusqlite::hooks::Action;

use super::bench::{Bench, replay_noting, sources};
use super::{Place, Progress, own};
use crate::difference::{
    Comparison, RowShape, Rows, TableDifference, any_unknown_cell, any_unknown_in, has_same_columns,
};
use crate::migrations::{Folder, Migration};
use crate::schema::Drift;

/// Above this many pending rows nobody reads which ones were touched.
const MOST: u64 = 10_000;

/// Table and rowid.
type RowName = (String, i64);

/// What was found before the missing migrations ran.
pub struct Contest {
    /// How many rows of each table with a pending change they touch too (of tables whose rows have a rowid: SQLite tells nothing about
    /// the others).
    pub touched: Vec<(String, usize)>,
    /// Why own values are not known, where a table with unknown cells is defined otherwise here than by the files.
    pub unseen: Option<String>,
}

/// Replays the migrations that are missing on the shadow, before they run here, and notes for [`own::keep`] on the connection that will
/// run them which cells they leave to be own ones.
pub fn contest(runner: &Connection, place: &Place, progress: Progress) -> Result<Contest> {
    let mut bench = Bench::open_as_applied(place.clone(), progress)?;
    let comparison = bench.compare()?;
    let unseen = unseen(&bench, &comparison)?;
    let mut tables: Vec<(String, usize)> = Vec::new();
    if comparison.tables.is_empty() {
        return Ok(Contest { touched: tables, unseen });
    }
    let pending = pending(&bench, &comparison)?;
    own::list_moved(bench.conn(), &comparison)?;
    for (table, _) in replay_missing(&mut bench, runner, pending, progress)? {
        match tables.iter_mut().find(|(name, _)| *name == table) {
            Some((_, count)) => *count += 1,
            None => tables.push((table, 1)),
        }
    }
    tables.sort();
    Ok(Contest { touched: tables, unseen })
}

fn unseen(bench: &Bench, comparison: &Comparison) -> rusqlite::Result<Option<String>> {
    for table in &comparison.here.tables {
        if !has_same_columns(table, comparison.files.table(&table.name))
            && any_unknown_in(bench.conn(), &table.name)?
        {
            return Ok(comparison.drift.first().map(Drift::sentence));
        }
    }
    Ok(None)
}

fn pending(bench: &Bench, comparison: &Comparison) -> Result<HashSet<RowName>> {
    let total: u64 = comparison.tables.iter().map(|difference| difference.counts.total()).sum();
    let mut rows = HashSet::new();
    let named = |difference: &&TableDifference| RowShape::of(&difference.table).names_by_rowid;
    for difference in comparison.tables.iter().filter(named).filter(|_| total <= MOST) {
        let Rows::Listed(diff) = &difference.rows else { continue };
        let sql = format!("SELECT coalesce(s1, l1) FROM {diff}");
        let mut statement = bench.conn().prepare(&sql)?;
        for rowid in statement.query_map((), |row| row.get(0))? {
            rows.insert((difference.table.name.clone(), rowid?));
        }
    }
    Ok(rows)
}

/// Gives which of the pending rows were touched. The missing files come last, as they do on the database that ran the others.
fn replay_missing(
    bench: &mut Bench,
    runner: &Connection,
    pending: HashSet<RowName>,
    progress: Progress,
) -> Result<HashSet<RowName>> {
    let place = bench.place.clone();
    let mut folder = Folder::read(&place.folder, place.pattern.as_deref(), &place.folder)?;
    let is_missing = |migration: &Migration| bench.folder.get(&migration.name).is_none();
    folder.migrations.sort_by_key(is_missing);
    let applied = bench.folder.migrations.len();
    let sources = sources(&folder, &bench.shadow)?;
    bench.conn().execute_batch("COMMIT; DETACH live")?;
    let touched = listen(&mut bench.shadow.conn, pending)?;
    let mut copies: Option<own::Copies> = None;
    replay_noting(&mut bench.shadow, &sources, &place, progress, |shadow, files| {
        // Any file may move them, unnoticed.
        if !any_unknown_cell(shadow)? {
            return Ok(());
        }
        let copies = match &mut copies {
            Some(copies) => copies,
            None => copies.insert(own::Copies::take(shadow, &place, &files[..applied])?),
        };
        copies.note(runner, shadow, files, &place)
    })?;
    bench.shadow.conn.update_hook(None::<fn(Action, &str, &str, i64)>)?;
    Ok(touched.lock().map(|mut rows| std::mem::take(&mut *rows)).unwrap_or_default())
}

/// Hears from now on which of these rows statements touch.
fn listen(conn: &mut Connection, rows: HashSet<RowName>) -> rusqlite::Result<Arc<Mutex<HashSet<RowName>>>> {
    let heard = Arc::new(Mutex::new(HashSet::new()));
    let touched = Arc::clone(&heard);
    conn.update_hook(Some(move |_: Action, _: &str, table: &str, rowid: i64| {
        let row = (table.to_owned(), rowid);
        if rows.contains(&row)
            && let Ok(mut heard) = heard.lock()
        {
            heard.insert(row);
        }
    }))?;
    Ok(touched)
}
