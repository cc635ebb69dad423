//! Runs on the local database the migrations that it lacks, without recording what they do as changes.

use anyhow::{Result, anyhow};
use camino::Utf8Path;
use rusqlite::Connection;

use super::bench::Settled;
use super::contest::contest;
use super::held::{self, Held};
use super::local::open_or_create;
use super::publish::record;
use super::{Error, Place, Progress, Told, own, renumber};
use crate::changefeed::{self, Tracking};
use crate::migrations::{Folder, Migration, table};
use crate::schema::{self, Table, renamed_tables};
use crate::shadow::{self, run_file};
use crate::sql_text::statements;

/// What `apply` did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Was the local database made?
    pub created: bool,
    /// Migrations that were run, in order.
    pub names: Vec<String>,
    /// Tables with rows whose pending change these migrations touched too, and how many.
    pub contested: Vec<(String, usize)>,
    /// Why that could not be found out, nor which values from the clock or chance are own ones.
    pub unguarded: Option<anyhow::Error>,
    /// Why the migrations that follow did not run.
    pub stopped: Option<anyhow::Error>,
}

/// Runs what is missing, each file with its record as one transaction. What ran before a file that fails stays.
pub fn apply(place: &Place, progress: Progress) -> Result<Applied> {
    let folder = Folder::read(&place.folder, place.pattern.as_deref(), &place.folder)?;
    let created = !place.local_file.exists();
    if folder.migrations.is_empty() {
        return Ok(Applied::default());
    }
    let mut conn = open_or_create(&place.local_file)?;
    let mut applied = Applied { created, ..Applied::default() };
    for attempt in 1.. {
        let mut looked = Looked {
            seen: changefeed::last_id(&conn)?,
            is_last: attempt == ATTEMPTS,
            at_all: true,
            held: Vec::new(),
        };
        own::begin(&conn)?;
        if !created {
            // Never in the way: a folder that cannot be replayed is for the run itself to name.
            match contest(&conn, place, &mut looked.held, progress) {
                Ok(unseen) => {
                    looked.at_all = unseen.is_none();
                    applied.unguarded = unseen.map(|sentence| anyhow!("{sentence}"));
                }
                Err(error) => {
                    applied.unguarded = Some(error);
                    looked.at_all = false;
                }
            }
        }
        if looked.is_last {
            applied.unguarded = Some(anyhow!("a program goes on writing to the local database"));
            looked.at_all = false;
        }
        match run_all(&mut conn, place, &folder, &mut looked, &mut applied, progress) {
            Ok(Ran::Changed) => {}
            Ok(_) => break,
            Err(error) if applied.names.is_empty() => return Err(error),
            Err(error) => {
                applied.stopped = Some(error);
                break;
            }
        }
    }
    Ok(applied)
}

/// So often what a program changed meanwhile is looked at.
const ATTEMPTS: usize = 5;

/// What was looked at before the files run.
struct Looked {
    /// The last entry of the changefeed then.
    seen: i64,
    /// Do the files run whatever was changed since?
    is_last: bool,
    /// Are all own values known for such?
    at_all: bool,
    /// What pending rows held.
    held: Vec<Held>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    /// It has run.
    Now,
    /// Somebody else has run it since it was found to be missing.
    Before,
    /// Rows have changed since they were looked at.
    Changed,
}

/// Runs what is missing; gives up where rows have changed since they were looked at, unless it was for the last time.
fn run_all(
    conn: &mut Connection,
    place: &Place,
    folder: &Folder,
    looked: &mut Looked,
    applied: &mut Applied,
    progress: Progress,
) -> Result<Ran> {
    for migration in missing(conn, place, folder)? {
        progress(Told::Working(&format!("running {}", migration.name)));
        let ran = run(conn, place, migration, looked, applied);
        if ran.is_err() && applied.created && applied.names.is_empty() {
            // Nothing came of it: there is no database, as before.
            drop(std::mem::replace(conn, Connection::open_in_memory()?));
            remove(&place.local_file);
        }
        match ran.map_err(not_here)? {
            Ran::Now => {
                progress(Told::Applied(&migration.name));
                applied.names.push(migration.name.clone());
            }
            Ran::Before => {}
            Ran::Changed => return Ok(Ran::Changed),
        }
    }
    Ok(Ran::Now)
}

/// Only notes what is missing as applied.
pub fn record_only(
    place: &Place,
    names: &[String],
    settled: Option<&Settled>,
    progress: Progress,
) -> Result<()> {
    if names.is_empty() { Ok(()) } else { record(place, names, settled, progress) }
}

fn missing<'f>(conn: &Connection, place: &Place, folder: &'f Folder) -> Result<Vec<&'f Migration>> {
    let wrong = |error| Error::from_sqlite(&place.local_file, error);
    conn.execute_batch("BEGIN IMMEDIATE").map_err(wrong)?;
    table::create_if_missing(conn, &place.migrations_table)?;
    conn.execute_batch("COMMIT").map_err(wrong)?;
    let applied = table::applied(conn, "main", &place.migrations_table)?;
    let is_missing = |migration: &&Migration| !applied.iter().any(|row| row.name == migration.name);
    Ok(folder.migrations.iter().filter(is_missing).collect())
}

/// Runs one file.
fn run(
    conn: &mut Connection,
    place: &Place,
    migration: &Migration,
    looked: &mut Looked,
    applied: &mut Applied,
) -> Result<Ran> {
    let run = Run::of(conn, place, migration)?;
    let mut became = Ran::Now;
    let mut touched = Ok(Vec::new());
    let Looked { seen, is_last, at_all, held } = looked;
    let ran = run_file(
        conn,
        &migration.name,
        &run.text,
        |conn| {
            became = run.is_it_time(conn, (!*is_last).then_some(*seen))?;
            match became {
                Ran::Now => run.prepare(conn),
                Ran::Before | Ran::Changed => Err(rusqlite::Error::QueryReturnedNoRows),
            }
        },
        |conn| {
            touched = run.finish(conn, held, at_all.then_some(*seen))?;
            Ok(())
        },
    );
    if became == Ran::Now {
        ran?;
        match touched {
            Ok(touched) => {
                touched.into_iter().for_each(|(table, rows)| add(&mut applied.contested, table, rows))
            }
            Err(error) => applied.unguarded = Some(error.into()),
        }
        looked.seen = changefeed::last_id(conn)?;
    }
    Ok(became)
}

/// A file that runs here. The triggers of the tool step aside for it, in its transaction, and stand afterwards on every table that was
/// tracked and, if any was, on every new one.
struct Run<'a> {
    place: &'a Place,
    migration: &'a Migration,
    text: String,
    /// The tables before it runs.
    before: Vec<Table>,
    /// Those of them that were tracked.
    tracked: Vec<Table>,
}

/// How many rows with a pending change a file touched, of which table; or why that could not be found out.
type Touched = rusqlite::Result<Vec<(String, usize)>>;

impl<'a> Run<'a> {
    fn of(conn: &Connection, place: &'a Place, migration: &'a Migration) -> Result<Self> {
        let text = migration.read_text()?;
        if statements(&text).next().is_none() {
            return Err(Error::NoStatement { file: migration.name.clone() }.into());
        }
        let before = schema::read(conn, "main", &place.migrations_table)?.tables;
        let tracked = tracked(conn, &before)?;
        Ok(Self { place, migration, text, before, tracked })
    }

    /// Has somebody else run it since it was found to be missing, or have rows changed after this entry?
    fn is_it_time(&self, conn: &Connection, seen: Option<i64>) -> rusqlite::Result<Ran> {
        let applied = table::applied(conn, "main", &self.place.migrations_table);
        if applied.is_ok_and(|rows| rows.iter().any(|row| row.name == self.migration.name)) {
            return Ok(Ran::Before);
        }
        Ok(match seen {
            Some(seen) if changefeed::any_row_after(conn, seen)? => Ran::Changed,
            _ => Ran::Now,
        })
    }

    /// What there is to do before its statements run, in its transaction.
    fn prepare(&self, conn: &Connection) -> rusqlite::Result<()> {
        renumber::note(conn, &self.before)?;
        changefeed::remove(conn, &self.tracked).map(drop)
    }

    /// What is left to do when its statements have run, in its transaction. `seen` is the last entry up to which all own values are known.
    fn finish(&self, conn: &Connection, held: &mut [Held], seen: Option<i64>) -> rusqlite::Result<Touched> {
        let Self { place, migration, text, .. } = self;
        if !self.tracked.is_empty() {
            changefeed::follow_applied(conn, &place.migrations_table)?;
        }
        insert_record(conn, place, &migration.name)?;
        let is_fed = changefeed::exists(conn, "main")?;
        if !is_fed && held.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let after = schema::read(conn, "main", &place.migrations_table)?.tables;
        // Before anybody else can write: only what the file did counts. Never in its way.
        let touched = held::take_touched(held, conn, &migration.name, text, &after);
        if is_fed {
            let renamed = renamed(text, &self.before, &after);
            changefeed::rename(conn, &renamed)?;
            renumber::follow(conn, &migration.name, &renamed, &after)?;
            own::keep(conn, &migration.name, &after)?;
        }
        if is_fed && !self.tracked.is_empty() {
            changefeed::note_unseen(conn, seen)?;
            self.track(conn, &after)?;
        }
        Ok(touched)
    }

    fn track(&self, conn: &Connection, after: &[Table]) -> rusqlite::Result<()> {
        let is_among = |tables: &[Table], table: &Table| tables.iter().any(|other| other.name == table.name);
        let follow = |table: &&Table| !is_among(&self.before, table) || is_among(&self.tracked, table);
        let follow: Vec<Table> = after.iter().filter(follow).cloned().collect();
        changefeed::install(conn, &follow).map(drop)
    }
}

fn add(counts: &mut Vec<(String, usize)>, table: String, rows: usize) {
    match counts.iter_mut().find(|(name, _)| *name == table) {
        Some((_, count)) => *count += rows,
        None => counts.push((table, rows)),
    }
}

/// The names that tables had and have: what was noted about such a one is about it under its new name.
fn renamed(text: &str, before: &[Table], after: &[Table]) -> Vec<(String, String)> {
    let named = |tables: &[Table], name: &str| {
        tables.iter().map(|table| &table.name).find(|other| other.eq_ignore_ascii_case(name)).cloned()
    };
    let renamed = renamed_tables(text, after);
    let names = renamed.into_iter().filter_map(|(old, new)| Some((named(before, &old)?, new)));
    // A table that was made anew may have its name in other letters.
    let respelt = before.iter().filter_map(|table| Some((table.name.clone(), named(after, &table.name)?)));
    names.chain(respelt.filter(|(old, new)| old != new)).collect()
}

/// The folder ran on the shadow, as a rule: then it is the local database that stands against the statement.
fn not_here(error: anyhow::Error) -> anyhow::Error {
    match error.downcast() {
        Ok(shadow::Error::Statement { file, line, reason, .. }) => {
            Error::NotHere { file, line, reason }.into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

fn remove(path: &Utf8Path) {
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{path}{suffix}")));
    }
}

fn tracked(conn: &Connection, tables: &[Table]) -> rusqlite::Result<Vec<Table>> {
    let state = changefeed::state(conn, "main", tables)?;
    let followed =
        tables.iter().zip(state).filter(|(_, state)| matches!(state, Tracking::On | Tracking::Stale));
    Ok(followed.map(|(table, _)| table.clone()).collect())
}

fn insert_record(conn: &Connection, place: &Place, name: &str) -> rusqlite::Result<()> {
    match table::record(conn, &place.migrations_table, [name]) {
        Ok(_) => Ok(()),
        Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
    }
}
