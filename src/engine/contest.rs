//! Rows with a change of one's own that the migrations to come touch too: the last writer counts, and that must be said.

use anyhow::Result;
use rusqlite::Connection;

use super::bench::{Bench, replay_noting, sources};
use super::held::{Held, note_deleted};
use super::{Place, Progress, own};
use crate::difference::{
    Comparison, Rows, TableDifference, any_unknown_cell, any_unknown_in, has_same_columns,
};
use crate::migrations::{Folder, Migration};
use crate::schema::{self, Drift};

/// Above this many pending rows nobody reads which ones were touched.
const MOST: u64 = 10_000;

/// Replays the migrations that are missing on the shadow, before they run here. Lists on the connection that will run them what
/// pending rows hold, and for [`own::keep`] which cells they leave to be own ones.
///
/// Gives why own values are not known, where a table with unknown cells is defined otherwise here than by the files.
pub fn contest(
    runner: &Connection,
    place: &Place,
    held: &mut Vec<Held>,
    progress: Progress,
) -> Result<Option<String>> {
    let mut bench = Bench::open_as_applied(place.clone(), progress)?;
    let comparison = bench.compare()?;
    let unseen = unseen(&bench, &comparison)?;
    if comparison.tables.is_empty() {
        return Ok(unseen);
    }
    for (number, difference) in told(&comparison).enumerate() {
        held.push(Held::list(bench.conn(), runner, difference, number)?);
    }
    own::list_moved(bench.conn(), &comparison)?;
    replay_missing(&mut bench, runner, held.clone(), progress)?;
    Ok(unseen)
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

/// The tables of which it is told which rows were touched.
fn told(comparison: &Comparison) -> impl Iterator<Item = &TableDifference> {
    let total: u64 = comparison.tables.iter().map(|difference| difference.counts.total()).sum();
    // Rows of the others have no names.
    let have_names = |difference: &&TableDifference| difference.rows != Rows::Rewritten;
    comparison.tables.iter().filter(have_names).filter(move |_| total <= MOST)
}

/// The missing files come last, as they do on the database that ran the others.
fn replay_missing(
    bench: &mut Bench,
    runner: &Connection,
    mut held: Vec<Held>,
    progress: Progress,
) -> Result<()> {
    let place = bench.place.clone();
    let mut folder = Folder::read(&place.folder, place.pattern.as_deref(), &place.folder)?;
    let is_missing = |migration: &Migration| bench.folder.get(&migration.name).is_none();
    folder.migrations.sort_by_key(is_missing);
    let applied = bench.folder.migrations.len();
    let sources = sources(&folder, &bench.shadow)?;
    bench.conn().execute_batch("COMMIT; DETACH live")?;
    let mut copies: Option<own::Copies> = None;
    replay_noting(&mut bench.shadow, &sources, &place, progress, |shadow, files| {
        if let Some(file) = files.last().filter(|_| !held.is_empty()) {
            let after = schema::read(shadow, "main", &place.migrations_table)?.tables;
            note_deleted(&mut held, shadow, runner, file.name, &(file.text)()?, &after)?;
        }
        // Any file may move them, unnoticed.
        if !any_unknown_cell(shadow)? {
            return Ok(());
        }
        let copies = match &mut copies {
            Some(copies) => copies,
            None => copies.insert(own::Copies::take(shadow, &place, &files[..applied])?),
        };
        copies.note(runner, shadow, files, &place)
    })
}
