//! The workbench: shadow and local database side by side on one connection, in one moment.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, ErrorCode};

use super::local::{can_be_read_as_it_lies, must_be_there, open_to_read, percent_encoded};
use super::{Error, Place, Progress, Told};
use crate::changefeed::{self, Holds, Tracking};
use crate::difference::{
    Comparison, LIVE, Scope, adopt_unknown, any_unknown_cell, compare, find_unknown, hangs_on_chance,
    keep_unknown_values, remember,
};
use crate::migrations::{Folder, table};
use crate::schema::{self, Schema};
use crate::shadow::{self, Shadow, Source, World, has_baseline, hear_columns_set, stamp};
use crate::sql_text::statements;

/// Everything about one database, read in one moment.
///
/// The connection's `main` is the shadow, which holds what all files of the folder give; `live` is the local database.
/// A transaction is open that [`super::publish`] commits; dropping the bench rolls it back.
pub struct Bench {
    /// Where everything is.
    pub place: Place,
    /// The migrations folder.
    pub folder: Folder,
    /// Names of the migrations that the local database has run.
    pub applied: Vec<String>,
    /// Migrations that this tool made from this database and did not come to record.
    pub unrecorded: Vec<String>,
    /// The schema of the local database.
    pub here: Schema,
    /// How each of its tables is tracked.
    pub tracking: Vec<Tracking>,
    /// Cells whose value on the real D1 nobody can know, and that were therefore not compared.
    pub unknown_cells: u64,
    pub(super) shadow: Shadow,
    /// Is it noted which columns the statements set that are tried on the shadow?
    pub(super) hears_updates: bool,
    _lock: Option<File>,
}

/// Files, name and digest, that hold what is here, though they were not made from it.
pub struct Settled {
    pub(super) files: Vec<(String, String)>,
    pub(super) holds: Holds,
}

impl Bench {
    /// Replays the folder, attaches the local database and reads what is there.
    pub fn open(place: Place, progress: Progress) -> Result<Self> {
        Self::open_with(place, false, progress)
    }

    /// The same with only those migrations that the local database has run.
    pub(super) fn open_as_applied(place: Place, progress: Progress) -> Result<Self> {
        Self::open_with(place, true, progress)
    }

    fn open_with(place: Place, only_applied: bool, progress: Progress) -> Result<Self> {
        match Self::open_once(place.clone(), only_applied, progress) {
            // A shadow that is damaged is made anew, once.
            Err(error) if place.home.is_some() && is_damaged(&error) => {
                Shadow::forget_all(place.home.as_deref());
                Self::open_once(place, only_applied, progress)
            }
            opened => opened,
        }
    }

    fn open_once(place: Place, only_applied: bool, progress: Progress) -> Result<Self> {
        must_be_there(&place.local_file)?;
        let mut place = place;
        let lock = lock(&place.local_file, progress)?;
        place.home = place.home.filter(|home| lock.is_some() && std::fs::create_dir_all(home).is_ok());
        let mut folder = Folder::read(&place.folder, place.pattern.as_deref(), &place.folder)?;
        if only_applied {
            let applied = table::applied(&open_to_read(&place.local_file)?, "main", &place.migrations_table)?;
            folder.migrations.retain(|migration| applied.iter().any(|row| row.name == migration.name));
        }
        let mut shadow = Shadow::open(place.home.as_deref(), World::First)?;
        let sources = sources(&folder, &shadow)?;
        replay(&mut shadow, &sources, &place, progress).map_err(|error| name_new_file(&place, error))?;
        let digests: Vec<(String, String)> =
            sources.into_iter().map(|source| (source.name.to_owned(), source.digest)).collect();

        attach(&shadow.conn, &place.local_file)?;
        let conn = &shadow.conn;
        let wrong = |error| Error::from_sqlite(&place.local_file, error);
        let before = schema::read(conn, LIVE, &place.migrations_table).map_err(wrong)?;
        let unknown_cells = adopt_unknown(conn, &before, &place.migrations_table)?;
        shadow.seal();
        conn.execute_batch("BEGIN").map_err(wrong)?;
        let here = schema::read(conn, LIVE, &place.migrations_table).map_err(wrong)?;
        let tracking = changefeed::state(conn, LIVE, &here.tables)?;
        let applied: Vec<String> =
            table::applied(conn, LIVE, &place.migrations_table)?.into_iter().map(|row| row.name).collect();
        let unrecorded = unrecorded(changefeed::owed(conn, LIVE)?, &digests, &applied);
        Ok(Self {
            place,
            folder,
            applied,
            unrecorded,
            here,
            tracking,
            unknown_cells,
            shadow,
            hears_updates: false,
            _lock: lock,
        })
    }

    /// The connection with both databases.
    pub fn conn(&self) -> &Connection {
        &self.shadow.conn
    }

    /// Notes from here on which columns the statements set that are tried on the shadow.
    pub(super) fn hear_updates(&mut self) -> rusqlite::Result<()> {
        self.hears_updates = true;
        hear_columns_set(&mut self.shadow.conn)
    }

    /// Another connection on which the local database is attached, a moment later. Where it cannot be had, work is slower.
    pub(super) fn second_reader(&self) -> Option<Connection> {
        let conn = Connection::open_in_memory().ok()?;
        attach(&conn, &self.place.local_file).ok()?;
        conn.execute_batch("BEGIN; SELECT 1 FROM live.sqlite_schema").ok()?;
        Some(conn)
    }

    /// Does the shadow begin with a baseline, in place of nothing?
    pub fn has_baseline(&self) -> bool {
        self.place.home.as_deref().is_some_and(has_baseline)
    }

    /// Migrations of the folder that the local database has not run.
    pub fn behind(&self) -> Vec<String> {
        let names = self.folder.migrations.iter().map(|migration| &migration.name);
        names
            .filter(|name| !self.applied.contains(name) && !self.unrecorded.contains(name))
            .cloned()
            .collect()
    }

    /// Migrations that the local database has run and that are not in the folder.
    pub fn gone(&self) -> Vec<String> {
        self.applied.iter().filter(|name| self.folder.get(name).is_none()).cloned().collect()
    }

    /// Does the local database already hold what all files give, so that what is missing only lacks its record?
    ///
    /// A file without a statement is no such file: it waits to be edited, and would never run once it is recorded. Nor is
    /// one that leaves unknown values: nobody can tell whether they are here.
    pub fn lacks_only_records(&self, comparison: &Comparison) -> Result<bool> {
        let behind = self.behind();
        if !comparison.is_same() || hangs_on_chance(self.conn(), &behind)? {
            return Ok(false);
        }
        for name in behind {
            let Some(migration) = self.folder.get(&name) else { continue };
            if statements(&migration.read_text()?).next().is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// That these files, which lack only their record, hold all that the changefeed tells.
    pub fn settled(&self, names: &[String]) -> Result<Option<Settled>> {
        let Some(mark) = changefeed::last(self.conn(), LIVE)? else { return Ok(None) };
        let files = names.iter().filter_map(|name| self.folder.get(name));
        let files = files.map(|file| Ok((file.name.clone(), hex(&file.digest()?)))).collect::<Result<_>>()?;
        Ok(Some(Settled { files, holds: Holds { id: mark.id, but: Vec::new() } }))
    }

    /// A shadow of the same folder with another clock and other random numbers, where any value hangs on them.
    pub(super) fn second_world(&self) -> Result<Option<Shadow>> {
        if self.unknown_cells == 0 {
            return Ok(None);
        }
        let mut other = Shadow::open(self.place.home.as_deref(), World::Second)?;
        other.bring_to(&sources(&self.folder, &self.shadow)?, |_, _| Ok(()), |_, _| Ok(()))?;
        Ok(Some(other))
    }

    /// Compares both databases, looking only where something may have changed.
    pub fn compare(&self) -> Result<Comparison> {
        self.compare_in(&Scope::narrow(self.conn(), &self.here, &self.tracking)?)
    }

    /// Compares every row of both databases.
    pub fn compare_everything(&self) -> Result<Comparison> {
        self.compare_in(&Scope::everything())
    }

    fn compare_in(&self, scope: &Scope) -> Result<Comparison> {
        let files = schema::read(self.conn(), "main", &self.place.migrations_table)?;
        let comparison = compare(self.conn(), self.here.clone(), files, scope)?;
        Ok(comparison)
    }

    /// Ends the work without a new migration, but remembers what was compared.
    pub fn leave(self, comparison: &Comparison) -> Result<()> {
        if comparison.drift.is_empty() {
            remember(self.conn(), &self.here, &comparison.tables, &comparison.indexes)?;
            self.conn().execute_batch("COMMIT")?;
            self.shadow.seal();
        }
        Ok(())
    }
}

/// Replays the folder; after each file that used chance, the cells that it left unknown are noted.
pub(super) fn replay(
    shadow: &mut Shadow,
    sources: &[Source],
    place: &Place,
    progress: Progress,
) -> Result<()> {
    replay_noting(shadow, sources, place, progress, |_, _| Ok(()))
}

/// The same, and calls `ran` with the shadow and the files up to each, once what that leaves unknown is noted.
pub(super) fn replay_noting(
    shadow: &mut Shadow,
    sources: &[Source],
    place: &Place,
    progress: Progress,
    mut ran: impl FnMut(&Connection, &[Source]) -> Result<()>,
) -> Result<()> {
    let mut other: Option<Shadow> = None;
    shadow.bring_to(
        sources,
        |shadow, name| {
            progress(Told::Working(&format!("replaying {name}")));
            Ok(keep_unknown_values(&shadow.conn, &place.migrations_table)?)
        },
        |shadow, files| {
            // What is unknown may be moved, renamed or fixed by any file.
            let may_matter = shadow.last_used_chance()? || any_unknown_cell(&shadow.conn)?;
            if let Some(last) = files.last().filter(|_| may_matter) {
                let other = match &mut other {
                    Some(other) => other,
                    None => other.insert(Shadow::open(place.home.as_deref(), World::Second)?),
                };
                other.bring_to(files, |_, _| Ok(()), |_, _| Ok(()))?;
                let schema = schema::read(&shadow.conn, "main", &place.migrations_table)?;
                find_unknown(&shadow.conn, &other.path, &schema, last.name)?;
            }
            ran(&shadow.conn, files)
        },
    )
}

/// The folder as the shadow reads it.
pub(super) fn sources<'f>(folder: &'f Folder, shadow: &Shadow) -> Result<Vec<Source<'f>>> {
    let known = shadow.digests()?;
    folder
        .migrations
        .iter()
        .map(|migration| {
            let text = Box::new(|| Ok(migration.read_text()?));
            let key = stamp(&migration.path).map(|stamp| (migration.name.clone(), stamp));
            if let Some(digest) = key.as_ref().and_then(|key| known.get(key)) {
                return Ok(Source { name: &migration.name, digest: digest.clone(), stamp: None, text });
            }
            let digest = hex(&migration.digest()?);
            Ok(Source { name: &migration.name, digest, stamp: key.map(|(_, stamp)| stamp), text })
        })
        .collect()
}

/// One copy of the tool at a time for one database. In a checkout that cannot be written there is no lock, and no home
/// for the shadow either.
pub(super) fn lock(local_file: &Utf8Path, progress: Progress) -> Result<Option<File>, Error> {
    let path = Utf8PathBuf::from(format!("{local_file}-d1-migrate-lock"));
    let wrong = |source| Error::Lock { path: path.clone(), source };
    let opened = File::options().create(true).write(true).truncate(false).open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if is_read_only(&error) => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(Told::Waiting("for another cargo d1-migrate to finish"));
            file.lock().map_err(wrong)?;
        }
        Err(TryLockError::Error(source)) => return Err(wrong(source)),
    }
    Ok(Some(file))
}

/// A file that has not run here yet can still be corrected.
fn name_new_file(place: &Place, error: anyhow::Error) -> anyhow::Error {
    let has_run = |name: &str| {
        let conn = open_to_read(&place.local_file).ok()?;
        let applied = table::applied(&conn, "main", &place.migrations_table).ok()?;
        Some(applied.is_empty() || applied.iter().any(|row| row.name == name))
    };
    match error.downcast() {
        Ok(shadow::Error::Statement { file, line, reason, .. }) if has_run(&file) == Some(false) => {
            Error::NotRunnable { file, line, reason }.into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

fn is_damaged(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<rusqlite::Error>()).any(|error| {
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    })
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// Attaches the local database for reading.
fn attach(conn: &Connection, path: &Utf8Path) -> Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    let wrong = |error| Error::from_sqlite(path, error);
    let open = |options: &str| {
        conn.execute("ATTACH ?1 AS live", [format!("file:{}?{options}", percent_encoded(path))])?;
        conn.query_row("SELECT count(*) FROM live.sqlite_schema", (), |_| Ok(()))
    };
    match open("mode=ro") {
        Err(error) if can_be_read_as_it_lies(&error, path) => {
            drop(conn.execute_batch("DETACH live"));
            open("immutable=1").map_err(wrong)?;
        }
        opened => opened.map_err(wrong)?,
    }
    Ok(())
}

/// Files that this tool wrote from this very database and that lie in the folder unchanged, but are not noted as applied: it
/// was stopped between writing and recording.
fn unrecorded(owed: Vec<(String, String)>, digests: &[(String, String)], applied: &[String]) -> Vec<String> {
    let mut names: Vec<String> =
        owed.into_iter().filter(|file| digests.contains(file)).map(|(name, _)| name).collect();
    names.retain(|name| !applied.contains(name));
    names.dedup();
    names
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
