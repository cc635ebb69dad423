//! Rows with a change of one's own that the migrations to come touch too: the last writer counts, and that must be said.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use rusqlite::hooks::Action;

use super::bench::{Bench, replay, sources};
use super::{Place, Progress};
use crate::difference::{RowShape, Rows, TableDifference};
use crate::migrations::Folder;

/// Above this many pending rows nobody reads which ones were touched.
const MOST: u64 = 10_000;

/// Table and rowid.
type RowName = (String, i64);

/// How many rows of each table are pending now and touched by the migrations that are missing. Rows of WITHOUT ROWID tables
/// are not looked at: SQLite does not tell which ones a statement touches.
pub fn contested(place: &Place, progress: Progress) -> Result<Vec<(String, usize)>> {
    let mut bench = Bench::open_as_applied(place.clone(), progress)?;
    let pending = pending(&bench)?;
    if pending.is_empty() {
        return Ok(Vec::new());
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
    Ok(tables)
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
    let touched: Arc<Mutex<HashSet<RowName>>> = Arc::default();
    let heard = Arc::clone(&touched);
    bench.shadow.conn.update_hook(Some(move |_: Action, _: &str, table: &str, rowid: i64| {
        if let Ok(mut heard) = heard.lock() {
            heard.insert((table.to_owned(), rowid));
        }
    }))?;
    let replayed = replay(&mut bench.shadow, &sources, &bench.place, progress);
    bench.shadow.conn.update_hook(None::<fn(Action, &str, &str, i64)>)?;
    replayed?;
    Ok(touched.lock().map(|rows| rows.clone()).unwrap_or_default())
}
