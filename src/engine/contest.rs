//! Rows with a change of one's own that the migrations to come touch too: the last writer counts, and that must be said.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use rusqlite::Connection;
use rusqlite::hooks::Action;

use super::bench::{Bench, replay_noting, sources};
use super::{Place, Progress, own};
use crate::difference::{Comparison, RowShape, Rows, TableDifference};
use crate::migrations::Folder;

/// Above this many pending rows nobody reads which ones were touched.
const MOST: u64 = 10_000;

/// Table and rowid.
type RowName = (String, i64);

/// Replays the migrations that are missing on the shadow, before they run here. Gives how many rows of each table with a pending
/// change they touch too (of tables whose rows have a rowid: SQLite tells nothing about the others), and notes for [`own::keep`] on
/// the connection that will run them what may be an own value.
pub fn contest(runner: &Connection, place: &Place, progress: Progress) -> Result<Vec<(String, usize)>> {
    let mut bench = Bench::open_as_applied(place.clone(), progress)?;
    let comparison = bench.compare()?;
    let pending = pending(&bench, &comparison)?;
    own::note_pending(runner, &bench, &comparison)?;
    let has_own = own::any(runner)?;
    if pending.is_empty() && !has_own {
        return Ok(Vec::new());
    }
    let shifting: Vec<String> = own::shifting(&comparison).collect();
    let note = |shadow: &Connection, file: &str| match has_own {
        true => own::note_unknown(runner, shadow, file, &shifting),
        false => Ok(()),
    };
    let mut tables: Vec<(String, usize)> = Vec::new();
    for (table, _) in replay_missing(&mut bench, pending, progress, note)? {
        match tables.iter_mut().find(|(name, _)| *name == table) {
            Some((_, count)) => *count += 1,
            None => tables.push((table, 1)),
        }
    }
    tables.sort();
    Ok(tables)
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
    pending: HashSet<RowName>,
    progress: Progress,
    note: impl FnMut(&Connection, &str) -> Result<()>,
) -> Result<HashSet<RowName>> {
    let mut folder = Folder::read(&bench.place.folder, bench.place.pattern.as_deref(), &bench.place.folder)?;
    folder.migrations.sort_by_key(|migration| bench.folder.get(&migration.name).is_none());
    let sources = sources(&folder, &bench.shadow)?;
    bench.conn().execute_batch("COMMIT; DETACH live")?;
    let touched = listen(&mut bench.shadow.conn, pending)?;
    replay_noting(&mut bench.shadow, &sources, &bench.place, progress, note)?;
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
