//! Rows with a change of one's own that the migrations to come touch too: the last writer counts, and that must be said.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use rusqlite::hooks::Action;
use rusqlite::{Connection, Row};

use super::bench::{Bench, replay, sources};
use super::{Place, Progress};
use crate::difference::{RowShape, Rows, TableDifference};
use crate::migrations::Folder;
use crate::names::SHADOW_UNKNOWN;

/// Above this many pending rows nobody reads which ones were touched. (Their cells are not looked for either: README, limits.)
const MOST: u64 = 10_000;

/// Table and rowid.
type RowName = (String, i64);

/// What the migrations that are missing mean for rows with a pending change. Rows of WITHOUT ROWID tables are not looked at: SQLite
/// does not tell which ones a statement touches.
#[derive(Debug, Default)]
pub struct Contest {
    /// How many rows of each table they touch too.
    pub tables: Vec<(String, usize)>,
    /// Cells of pending rows that they fill from the clock or by chance on the real D1, though perhaps not here.
    pub cells: Vec<OwnCell>,
}

/// A cell of a row with a pending change.
#[derive(Debug)]
pub struct OwnCell {
    /// The table, as it is called when the file has run.
    pub table: String,
    /// The row.
    pub rowid: i64,
    /// The column.
    pub column: String,
    /// The migration.
    pub file: String,
}

/// Looks before they run.
pub fn contest(place: &Place, progress: Progress) -> Result<Contest> {
    let mut bench = Bench::open_as_applied(place.clone(), progress)?;
    let pending = pending(&bench)?;
    if pending.is_empty() {
        return Ok(Contest::default());
    }
    let touched = touched(&mut bench, progress)?;
    let mut tables: Vec<(String, usize)> = Vec::new();
    for (table, _) in pending.intersection(&touched) {
        match tables.iter_mut().find(|(name, _)| name == table) {
            Some((_, count)) => *count += 1,
            None => tables.push((table.clone(), 1)),
        }
    }
    tables.sort();
    let cells = unknown_cells(bench.conn())?;
    let is_own = |cell: &OwnCell| pending.contains(&(cell.table.clone(), cell.rowid));
    Ok(Contest { tables, cells: cells.into_iter().filter(is_own).collect() })
}

fn pending(bench: &Bench) -> Result<HashSet<RowName>> {
    let comparison = bench.compare()?;
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

/// Replays the migrations that are missing on the shadow, and listens.
fn touched(bench: &mut Bench, progress: Progress) -> Result<HashSet<RowName>> {
    let folder = Folder::read(&bench.place.folder, bench.place.pattern.as_deref(), &bench.place.folder)?;
    let sources = sources(&folder, &bench.shadow)?;
    bench.conn().execute_batch("COMMIT; DETACH live")?;
    let listener = Listener::begin(&mut bench.shadow.conn)?;
    let replayed = replay(&mut bench.shadow, &sources, &bench.place, progress);
    let touched = listener.end(&mut bench.shadow.conn)?;
    replayed?;
    Ok(touched)
}

/// Hears which rows with a rowid statements touch.
#[derive(Default)]
pub(super) struct Listener {
    heard: Arc<Mutex<HashSet<RowName>>>,
}

impl Listener {
    pub(super) fn begin(conn: &mut Connection) -> rusqlite::Result<Self> {
        let listener = Self::default();
        let heard = Arc::clone(&listener.heard);
        conn.update_hook(Some(move |_: Action, _: &str, table: &str, rowid: i64| {
            if let Ok(mut heard) = heard.lock() {
                heard.insert((table.to_owned(), rowid));
            }
        }))?;
        Ok(listener)
    }

    pub(super) fn has_heard(&self, table: &str, rowid: i64) -> bool {
        self.heard.lock().is_ok_and(|heard| heard.contains(&(table.to_owned(), rowid)))
    }

    pub(super) fn end(self, conn: &mut Connection) -> rusqlite::Result<HashSet<RowName>> {
        conn.update_hook(None::<fn(Action, &str, &str, i64)>)?;
        Ok(self.heard.lock().map(|mut rows| std::mem::take(&mut *rows)).unwrap_or_default())
    }
}

/// The unknown cells of rows with a rowid.
fn unknown_cells(conn: &Connection) -> rusqlite::Result<Vec<OwnCell>> {
    let sql = format!("SELECT tbl, key, col, file FROM {SHADOW_UNKNOWN} WHERE typeof(key) = 'integer'");
    let mut statement = conn.prepare(&sql)?;
    let cell = |row: &Row| {
        Ok(OwnCell { table: row.get(0)?, rowid: row.get(1)?, column: row.get(2)?, file: row.get(3)? })
    };
    statement.query_map((), cell)?.collect()
}
