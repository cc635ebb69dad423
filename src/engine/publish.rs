//! Makes a draft real: into the shadow, into the folder, into the local migrations table, in this order.
//!
//! Whatever stops in between, the next run finds either a file whose record the shadow remembers to be owed, or no file at all.

use std::io::Write;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::bench::{Bench, hex};
use super::local::open_to_write;
use super::{Error, Place, Progress};
use crate::changefeed;
use crate::difference::{Selected, remember};
use crate::draft::Part;
use crate::migrations::{Folder, NewFile, file_name, header_line, sweep, table};
use crate::shadow::{add_file, run_file};

/// Writes the files of a draft and notes them as applied. Gives the paths.
pub(super) fn publish(
    bench: Bench,
    mut parts: Vec<Part>,
    selected: &Selected,
    progress: Progress,
) -> Result<Vec<Utf8PathBuf>> {
    prove_in_second_world(&bench, &mut parts)?;
    let feed = bench.mark.as_ref().map(|mark| mark.feed.as_str());
    for part in &parts {
        bench.folder.accepts(&part.name)?;
        add_file(bench.conn(), &part.name, &hex(&part.digest()), feed, false)?;
    }
    remember(bench.conn(), &bench.here, &selected.left, &selected.left_indexes)?;
    step("drafted");
    bench.conn().execute_batch("COMMIT")?;
    step("remembered");

    sweep(&bench.folder.path);
    let mut paths = Vec::with_capacity(parts.len());
    let mut names = Vec::with_capacity(parts.len());
    for mut part in parts {
        let mut file = NewFile::create(&bench.folder.path, &part.name)?;
        part.read(|piece| file.write_all(piece))?;
        step("written");
        paths.push(file.publish()?);
        step("published");
        names.push(part.name);
    }
    record(&bench.place, &names, progress)?;
    step("recorded");
    Ok(paths)
}

/// In a debug build, ends the process at the step that `D1_MIGRATE_STOP_AT` names, as a crash would: the tests use it.
fn step(name: &str) {
    if cfg!(debug_assertions) && std::env::var_os("D1_MIGRATE_STOP_AT").is_some_and(|at| at == name) {
        std::process::abort();
    }
}

/// Where values hang on the clock or on chance, the migration must also run where they came out otherwise.
fn prove_in_second_world(bench: &Bench, parts: &mut [Part]) -> Result<()> {
    let Some(mut other) = bench.second_world()? else { return Ok(()) };
    let proven = parts.iter_mut().try_for_each(|part| {
        let nothing = |_: &rusqlite::Connection| Ok(());
        let text = part.text()?;
        run_file(&mut other.conn, &part.name, &text, nothing, nothing)
            .map_err(|error| Error::Unknowable { reason: error.to_string() })?;
        Ok(())
    });
    // It gets the files themselves when it is next opened; nothing of this run may stay.
    other.discard();
    proven
}

/// Notes migrations as applied, in one short transaction.
pub(super) fn record(place: &Place, names: &[String], progress: Progress) -> Result<()> {
    let conn = open_to_write(&place.local_file, progress)?;
    let wrong = |error| Error::from_sqlite(&place.local_file, error);
    conn.execute_batch("BEGIN IMMEDIATE").map_err(wrong)?;
    table::create_if_missing(&conn, &place.migrations_table)?;
    if changefeed::is_fed(&conn)? {
        // The first migration makes the table.
        changefeed::follow_applied(&conn, &place.migrations_table)?;
    }
    table::record(&conn, &place.migrations_table, names)?;
    conn.execute_batch("COMMIT").map_err(wrong)?;
    Ok(())
}

/// Writes an empty numbered migration, to be edited.
pub fn new_schema_file(folder: &Folder, message: &str, at: jiff::Timestamp) -> Result<Utf8PathBuf> {
    let number = folder.next_number()?;
    let name = file_name(number, message)?;
    folder.accepts(&name)?;
    let mut file = NewFile::create(&folder.path, &name)?;
    file.write_text(&format!("{}\n", header_line(number, at)))?;
    Ok(file.publish()?)
}
