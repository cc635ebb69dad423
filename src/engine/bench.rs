//! The workbench: shadow and local database side by side on one connection, in one moment.

use std::fs::{File, TryLockError};

use anyhow::Result;
use camino::Utf8Path;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::local::must_be_there;
use super::{Error, Place, Progress};
use crate::changefeed::{self, Mark, Tracking};
use crate::difference::{Comparison, LIVE, NEGATIVE_ZERO, Scope, compare, remember};
use crate::migrations::{Folder, table};
use crate::schema::{self, Schema};
use crate::shadow::{Made, Shadow, Source, World};

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
    /// The last entry of the changefeed.
    pub mark: Option<Mark>,
    pub(super) shadow: Shadow,
    _lock: Option<File>,
}

impl Bench {
    /// Replays the folder, attaches the local database and reads what is there.
    pub fn open(place: Place, progress: Progress) -> Result<Self> {
        must_be_there(&place.local_file)?;
        let lock = place
            .home
            .as_deref()
            .map(|home| lock(home, progress))
            .transpose()?;
        let folder = Folder::read(&place.folder, place.pattern.as_deref(), &place.folder)?;
        let mut shadow = Shadow::open(place.home.as_deref(), World::First)?;
        let made = shadow.made()?;
        let mut sources = Vec::with_capacity(folder.migrations.len());
        for migration in &folder.migrations {
            let digest = hex(&migration.digest()?);
            let text = Box::new(|| Ok(migration.read_text()?));
            sources.push(Source {
                name: &migration.name,
                digest,
                text,
            });
        }
        shadow.bring_to(&sources, |name| progress(&format!("replaying {name}")))?;
        let digests: Vec<(String, String)> = sources
            .into_iter()
            .map(|source| (source.name.to_owned(), source.digest))
            .collect();

        attach(&shadow.conn, &place.local_file)?;
        let conn = &shadow.conn;
        let here = schema::read(conn, LIVE, &place.migrations_table)
            .map_err(|error| Error::from_sqlite(&place.local_file, error))?;
        let tracking = changefeed::state(conn, LIVE, &here.tables)?;
        let mark = changefeed::last(conn, LIVE)?;
        let applied: Vec<String> = table::applied(conn, LIVE, &place.migrations_table)?
            .into_iter()
            .map(|row| row.name)
            .collect();
        let unrecorded = unrecorded(&made, &digests, &applied, mark.as_ref());
        Ok(Self {
            place,
            folder,
            applied,
            unrecorded,
            here,
            tracking,
            mark,
            shadow,
            _lock: lock,
        })
    }

    /// The connection with both databases.
    pub fn conn(&self) -> &Connection {
        &self.shadow.conn
    }

    /// Migrations of the folder that the local database has not run.
    pub fn behind(&self) -> Vec<String> {
        let names = self
            .folder
            .migrations
            .iter()
            .map(|migration| &migration.name);
        names
            .filter(|name| !self.applied.contains(name) && !self.unrecorded.contains(name))
            .cloned()
            .collect()
    }

    /// Migrations that the local database has run and that are not in the folder.
    pub fn gone(&self) -> Vec<String> {
        self.applied
            .iter()
            .filter(|name| self.folder.get(name).is_none())
            .cloned()
            .collect()
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
            remember(self.conn(), &comparison.tables)?;
            self.conn().execute_batch("COMMIT")?;
        }
        Ok(())
    }
}

/// One copy of the tool at a time for one database.
fn lock(home: &Utf8Path, progress: Progress) -> Result<File, Error> {
    let path = home.join("lock");
    let wrong = |source| Error::Lock {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(home).map_err(wrong)?;
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress("waiting for another cargo d1-migrate to finish");
            file.lock().map_err(wrong)?;
        }
        Err(TryLockError::Error(source)) => return Err(wrong(source)),
    }
    Ok(file)
}

/// Attaches the local database for reading and opens the transaction in which everything is read.
fn attach(conn: &Connection, path: &Utf8Path) -> Result<()> {
    conn.create_scalar_function(
        NEGATIVE_ZERO,
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| Ok(matches!(context.get_raw(0), ValueRef::Real(value) if value == 0.0 && value.is_sign_negative())),
    )?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    let wrong = |error| Error::from_sqlite(path, error);
    conn.execute(
        "ATTACH ?1 AS live",
        [format!("file:{}?mode=ro", percent_encoded(path))],
    )
    .map_err(wrong)?;
    conn.execute_batch("BEGIN").map_err(wrong)?;
    conn.query_row("SELECT count(*) FROM live.sqlite_schema", (), |_| Ok(()))
        .map_err(wrong)?;
    Ok(())
}

/// SQLite's URI takes `?`, `#` and `%` for its own.
fn percent_encoded(path: &Utf8Path) -> String {
    path.as_str()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}

/// Files that were made from this very database and lie in the folder unchanged, but are not noted as applied: the tool was
/// stopped between writing and recording.
fn unrecorded(
    made: &[Made],
    digests: &[(String, String)],
    applied: &[String],
    mark: Option<&Mark>,
) -> Vec<String> {
    let from_here = made.iter().filter(|made| {
        mark.is_some_and(|mark| mark.feed == made.feed)
            && !applied.contains(&made.name)
            && digests
                .iter()
                .any(|(name, digest)| *name == made.name && *digest == made.digest)
    });
    from_here.map(|made| made.name.clone()).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
