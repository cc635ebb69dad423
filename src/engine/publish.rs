//! Makes a draft real: into the shadow, into the folder, into the local migrations table, in this order.
//!
//! Whatever stops in between, the next run finds either a file whose record the changefeed says is owed, or no file at all.

use anyhow::Result;
use camino::Utf8PathBuf;
use rusqlite::Connection;

use super::bench::{Bench, Settled, hex};
use super::local::open_to_write;
use super::tracking::purge_if_unused;
use super::{Error, Place, Progress};
use crate::changefeed::{self, Holds};
use crate::difference::{LIVE, Selected, find_unknown, remember};
use crate::draft::{self, Part};
use crate::migrations::{self, Folder, NewFile, file_name, header_line, sweep, table};
use crate::schema;
use crate::shadow::{Shadow, add_file, run_file, take_columns_set};

/// Writes the files of a draft and notes them as applied. Gives the paths.
pub(super) fn publish(
    bench: Bench,
    parts: Vec<Part>,
    selected: &Selected,
    progress: Progress,
) -> Result<Vec<Utf8PathBuf>> {
    // Of all parts, and of ways that were tried: once too often does no harm.
    let sets = bench.hears_updates.then(take_columns_set);
    let other = prove_in_second_world(&bench, &parts)?;
    let holds = holds(&bench, selected)?;
    for part in &parts {
        bench.folder.accepts(&part.name)?;
        add_file(bench.conn(), &part.name, &hex(&part.digest), false, sets.as_deref())?;
    }
    remember(bench.conn(), &bench.here, &selected.left, &selected.left_indexes)?;
    step("drafted");
    bench.conn().execute_batch("COMMIT").map_err(refused)?;
    if let (Some(other), Some(last)) = (other, parts.last()) {
        // What the migration fixed is unknown no longer.
        let files = schema::read(bench.conn(), "main", &bench.place.migrations_table)?;
        find_unknown(bench.conn(), &other.path, &files, &last.name)?;
    }
    bench.shadow.seal();
    step("remembered");
    promise(&bench.place, &parts, holds.as_ref(), progress)?;
    step("promised");

    sweep(&bench.folder.path);
    let mut paths = Vec::with_capacity(parts.len());
    let mut names = Vec::with_capacity(parts.len());
    for part in parts {
        step("written");
        paths.push(NewFile::adopt(&bench.folder.path, &part.name, part.file)?);
        step("published");
        names.push(part.name);
    }
    record(&bench.place, &names, None, progress)?;
    step("recorded");
    Ok(paths)
}

/// What the files hold of what the entries of the changefeed tell that were seen.
fn holds(bench: &Bench, selected: &Selected) -> Result<Option<Holds>> {
    let files = schema::read(bench.conn(), "main", &bench.place.migrations_table)?;
    if !schema::compare(&bench.here, &files).is_empty() {
        return Ok(None);
    }
    let but = selected.left.iter().map(|difference| difference.table.name.clone()).collect();
    Ok(changefeed::last(bench.conn(), LIVE)?.map(|mark| Holds { id: mark.id, but }))
}

/// SQLite counts foreign keys, and sometimes miscounts: then D1 would refuse the end of the migration too.
fn refused(error: rusqlite::Error) -> anyhow::Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => draft::Error::OpenForeignKey.into(),
        _ => error.into(),
    }
}

/// In a debug build, ends the process at the step that `D1_MIGRATE_STOP_AT` names, as a crash would: the tests use it.
fn step(name: &str) {
    if cfg!(debug_assertions) && std::env::var_os("D1_MIGRATE_STOP_AT").is_some_and(|at| at == name) {
        std::process::abort();
    }
}

/// Where values hang on the clock or on chance, the migration must also run where they came out otherwise. Gives that other
/// shadow, with the files run.
fn prove_in_second_world(bench: &Bench, parts: &[Part]) -> Result<Option<Shadow>> {
    let Some(mut other) = bench.second_world()? else { return Ok(None) };
    for part in parts {
        let (text, digest) = (part.text()?, hex(&part.digest));
        let nothing = |_: &Connection| Ok(());
        let note = |conn: &Connection| add_file(conn, &part.name, &digest, false, None);
        if let Err(error) = run_file(&mut other.conn, &part.name, &text, nothing, note) {
            other.discard();
            return Err(Error::Unknowable { reason: error.to_string() }.into());
        }
    }
    other.seal();
    Ok(Some(other))
}

/// Finds out whether the files can be noted as applied, and notes in the changefeed that this is owed: whatever stops before
/// it is done, the next run does it.
fn promise(place: &Place, parts: &[Part], holds: Option<&Holds>, progress: Progress) -> Result<()> {
    let conn = open_to_write(&place.local_file, progress)?;
    let wrong = |error| Error::from_sqlite(&place.local_file, error);
    conn.execute_batch("BEGIN IMMEDIATE; SAVEPOINT trial").map_err(wrong)?;
    note(&conn, place, &parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>())?;
    conn.execute_batch("ROLLBACK TO trial").map_err(wrong)?;
    if !changefeed::name_is_taken(&conn)? {
        changefeed::create(&conn)?;
        for part in parts {
            changefeed::owe(&conn, &part.name, &hex(&part.digest), holds)?;
        }
    }
    conn.execute_batch("COMMIT").map_err(wrong)?;
    Ok(())
}

/// Notes migrations as applied, and what they hold if that is known, in one short transaction.
pub(super) fn record(
    place: &Place,
    names: &[String],
    settled: Option<&Settled>,
    progress: Progress,
) -> Result<()> {
    let conn = open_to_write(&place.local_file, progress)?;
    let wrong = |error| Error::from_sqlite(&place.local_file, error);
    conn.execute_batch("BEGIN IMMEDIATE").map_err(wrong)?;
    note(&conn, place, names)?;
    if let Some(Settled { files, holds }) = settled
        && changefeed::exists(&conn, "main")?
    {
        for (name, digest) in files {
            changefeed::owe(&conn, name, digest, Some(holds))?;
        }
    }
    conn.execute_batch("COMMIT").map_err(wrong)?;
    // Where nothing is tracked, the changefeed stood only for what was owed.
    purge_if_unused(&conn, &place.migrations_table)
}

fn note(conn: &Connection, place: &Place, names: &[String]) -> Result<()> {
    let made = table::create_if_missing(conn, &place.migrations_table);
    made.map_err(|error| of_local(place, error))?;
    if changefeed::is_fed(conn)? {
        // The first migration makes the table.
        changefeed::follow_applied(conn, &place.migrations_table)?;
    }
    let noted = table::record(conn, &place.migrations_table, names);
    noted.map_err(|error| of_local(place, error))?;
    Ok(())
}

/// Where the whole database cannot be written, the table is not what is wrong.
fn of_local(place: &Place, error: migrations::Error) -> anyhow::Error {
    match error {
        migrations::Error::WriteTable { source, .. } if is_about_the_file(&source) => {
            Error::from_sqlite(&place.local_file, source).into()
        }
        error => error.into(),
    }
}

fn is_about_the_file(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, ReadOnly, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(CannotOpen | DatabaseBusy | ReadOnly | SystemIoFailure))
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
