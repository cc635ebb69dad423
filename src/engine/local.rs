//! Opens the local database.

use std::time::Duration;

use camino::Utf8Path;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Error, Progress, Told};
use crate::math;

/// How long to wait for somebody else's write lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long before it is said.
const UNNOTICED: Duration = Duration::from_millis(200);

/// Opens it for short writes, with D1's settings, once nobody else holds the write lock.
///
/// # Errors
/// [`Error::Locked`] when that takes longer than a person waits.
pub fn open_to_write(path: &Utf8Path, progress: Progress) -> Result<Connection, Error> {
    must_be_there(path)?;
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    wait_for_lock(&conn, progress).map_err(|error| Error::from_sqlite(path, error))?;
    Ok(conn)
}

/// Takes the write lock and lets it go: whoever writes next finds it free, as a rule.
fn wait_for_lock(conn: &Connection, progress: Progress) -> rusqlite::Result<()> {
    const TAKE: &str = "BEGIN IMMEDIATE; ROLLBACK";
    conn.busy_timeout(UNNOTICED)?;
    let taken = conn.execute_batch(TAKE);
    conn.busy_timeout(PATIENCE)?;
    match taken {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            progress(Told::Waiting("for another program that is writing to the local database"));
            conn.execute_batch(TAKE)
        }
        taken => taken,
    }
}

/// Opens it for reading.
pub fn open_to_read(path: &Utf8Path) -> Result<Connection, Error> {
    must_be_there(path)?;
    let as_it_lies = || format!("file:{}?immutable=1", percent_encoded(path));
    match open_sqlite(path.as_str(), OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(error) if can_be_read_as_it_lies(&error, path) => {
            open_sqlite(&as_it_lies(), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
        }
        opened => opened,
    }
    .map_err(|error| Error::from_sqlite(path, error))
}

/// In WAL mode even a reader writes beside the file. Where nobody can write, and no WAL waits, nothing changes.
pub(super) fn can_be_read_as_it_lies(error: &rusqlite::Error, path: &Utf8Path) -> bool {
    let needs_to_write =
        matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly));
    needs_to_write && std::fs::metadata(format!("{path}-wal")).map_or(true, |found| found.len() == 0)
}

/// SQLite's URI takes `?`, `#` and `%` for its own.
pub(super) fn percent_encoded(path: &Utf8Path) -> String {
    path.as_str().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// Opens it, and makes it where there is none: in WAL mode, as workerd does.
pub(super) fn open_or_create(path: &Utf8Path) -> Result<Connection, Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::CreateFolder { path: folder.to_owned(), source })?;
    }
    let is_new = !path.exists();
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    if is_new {
        conn.pragma_update(None, "journal_mode", "wal").map_err(|error| Error::from_sqlite(path, error))?;
    }
    Ok(conn)
}

/// An error that says so, instead of an empty database that SQLite would make.
pub(super) fn must_be_there(path: &Utf8Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(Error::NotADatabase { path: path.to_owned(), reason: "it is a folder".into() })
        }
        Ok(found) if found.len() == 0 => {
            Err(Error::NotADatabase { path: path.to_owned(), reason: "the file is empty".into() })
        }
        Ok(_) => Ok(()),
        Err(_) => Err(Error::NoDatabase { path: path.to_owned() }),
    }
}

fn open(path: &Utf8Path, flags: OpenFlags) -> Result<Connection, Error> {
    open_sqlite(path.as_str(), flags).map_err(|error| Error::from_sqlite(path, error))
}

fn open_sqlite(path: &str, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
    math::define(&conn)?;
    conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = OFF;")?;
    // The first read tells whether this is a database at all.
    conn.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(conn)
}
