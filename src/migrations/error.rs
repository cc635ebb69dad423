//! Everything that can go wrong with the migrations folder, its files and its table.

use std::io;

use camino::Utf8PathBuf;

/// An error of the migrations folder or of the migrations table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file stands where the folder should be.
    #[error("{path}: the migrations folder is not a folder")]
    NotAFolder {
        /// The path of the folder.
        path: Utf8PathBuf,
    },
    /// The folder, or a subfolder that `migrations_pattern` reaches, cannot be listed.
    #[error("{path}: cannot read the migrations folder: {source}")]
    ReadFolder {
        /// The folder that cannot be listed.
        path: Utf8PathBuf,
        /// The reason that the system gave.
        source: io::Error,
    },
    /// A migration cannot be read.
    #[error("{path}: cannot read the migration: {source}")]
    ReadFile {
        /// The file.
        path: Utf8PathBuf,
        /// The reason that the system gave.
        source: io::Error,
    },
    /// A migration has a name that is not UTF-8.
    #[error("{folder}: the name of the migration `{name}` is not UTF-8")]
    NameNotUtf8 {
        /// The folder.
        folder: Utf8PathBuf,
        /// The name, with U+FFFD for what is not UTF-8.
        name: String,
    },
    /// A migration holds bytes that are not UTF-8.
    #[error("{path}:{line}:{column}: the migration is not UTF-8 text")]
    TextNotUtf8 {
        /// The file.
        path: Utf8PathBuf,
        /// The line of the first bad byte, from 1.
        line: usize,
        /// The column of the first bad byte in characters, from 1.
        column: usize,
    },
    /// `migrations_pattern` cannot be understood.
    #[error("the migrations_pattern `{pattern}` cannot be used: {reason}")]
    Pattern {
        /// The pattern as configured.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `migrations_pattern` does not begin with `migrations_dir`.
    #[error("the migrations_pattern `{pattern}` does not begin with the migrations folder {folder}")]
    PatternOutside {
        /// The pattern as configured.
        pattern: String,
        /// The migrations folder.
        folder: Utf8PathBuf,
    },
    /// wrangler would not see a new migration, because `migrations_pattern` does not match it.
    #[error("the migrations_pattern `{pattern}` does not match the new migration `{name}`")]
    PatternMisses {
        /// The pattern as configured.
        pattern: String,
        /// The name of the new file, relative to the folder.
        name: String,
    },
    /// A message from which no file name can be made.
    #[error("the message has no letter and no digit to name a migration after")]
    EmptyMessage,
    /// No number can follow the highest one of the folder.
    #[error("no number can follow that of the migration `{name}`")]
    NoNextNumber {
        /// The migration with the highest number.
        name: String,
    },
    /// A file with the name of the new migration is there already. It was not touched.
    #[error("{path}: the migration exists already")]
    Exists {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The migrations folder is missing and cannot be created.
    #[error("{path}: cannot create the migrations folder: {source}")]
    CreateFolder {
        /// The folder.
        path: Utf8PathBuf,
        /// The reason that the system gave.
        source: io::Error,
    },
    /// A migration cannot be written. Nothing of it stays behind.
    #[error("{path}: cannot write the migration: {source}")]
    Write {
        /// The name that the file was to have.
        path: Utf8PathBuf,
        /// The reason that the system gave.
        source: io::Error,
    },
    /// The migrations table cannot be read.
    #[error("cannot read the migrations table `{table}`: {}", reason(source))]
    ReadTable {
        /// The table.
        table: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The migrations table cannot be created or written.
    #[error("cannot write the migrations table `{table}`: {}", reason(source))]
    WriteTable {
        /// The table.
        table: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl Error {
    /// What to do next, in one sentence.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Error::NotAFolder { .. } => "move that file away, or set migrations_dir to another folder",
            Error::ReadFolder { .. } => "allow the folder to be read, or set migrations_dir",
            Error::ReadFile { .. } => "allow the file to be read, or restore it",
            Error::NameNotUtf8 { .. } => "rename the file: wrangler cannot open it either",
            Error::TextNotUtf8 { .. } => "save the file as UTF-8: D1 would get replacement characters",
            Error::Pattern { .. } => "use *, ?, [...], {a,b} and ** as a whole folder in migrations_pattern",
            Error::PatternOutside { .. } => {
                "let migrations_pattern begin with migrations_dir, as wrangler asks"
            }
            Error::PatternMisses { .. } => {
                "let migrations_pattern match .sql files directly in migrations_dir"
            }
            Error::EmptyMessage => "say in a few words what changed, for example `add spring posts`",
            Error::NoNextNumber { .. } => "give that file a smaller number",
            Error::Exists { .. } => "run the command again: it takes the next free number",
            Error::CreateFolder { .. } => "create the folder, or set migrations_dir to another one",
            Error::Write { .. } => {
                "make room on the disk or allow the folder to be written; no migration was written"
            }
            Error::ReadTable { source, .. } | Error::WriteTable { source, .. } => {
                if is_locked(source) {
                    "another program is writing to the local database: try again when it is done"
                } else {
                    "set migrations_table to the table that wrangler keeps (id, name, applied_at)"
                }
            }
        };
        Some(help.to_owned())
    }
}

/// What SQLite said, without the statement that rusqlite adds to it: it is ours, not the user's.
fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Whether SQLite gave up because another connection holds a lock.
fn is_locked(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, "Permission denied")
    }

    fn sqlite(code: i32, message: &str) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(message.to_owned()))
    }

    #[test]
    fn every_error_has_a_message_of_one_line_and_a_help() {
        let path = || Utf8PathBuf::from("migrations/0001_x.sql");
        let folder = || Utf8PathBuf::from("migrations");
        let pattern = || "db/*.sql".to_owned();
        let busy = || sqlite(rusqlite::ffi::SQLITE_BUSY, "database is locked");
        let shape = || sqlite(rusqlite::ffi::SQLITE_ERROR, "no such column: id");
        let table = || "d1_migrations".to_owned();
        let all: Vec<(Error, &str, &str)> = vec![
            (
                Error::NotAFolder { path: folder() },
                "migrations: the migrations folder is not a folder",
                "move that file away, or set migrations_dir to another folder",
            ),
            (
                Error::ReadFolder { path: folder(), source: denied() },
                "migrations: cannot read the migrations folder: Permission denied",
                "allow the folder to be read, or set migrations_dir",
            ),
            (
                Error::ReadFile { path: path(), source: denied() },
                "migrations/0001_x.sql: cannot read the migration: Permission denied",
                "allow the file to be read, or restore it",
            ),
            (
                Error::NameNotUtf8 { folder: folder(), name: "0001_\u{fffd}.sql".into() },
                "migrations: the name of the migration `0001_\u{fffd}.sql` is not UTF-8",
                "rename the file: wrangler cannot open it either",
            ),
            (
                Error::TextNotUtf8 { path: path(), line: 3, column: 7 },
                "migrations/0001_x.sql:3:7: the migration is not UTF-8 text",
                "save the file as UTF-8: D1 would get replacement characters",
            ),
            (
                Error::Pattern { pattern: pattern(), reason: "invalid range pattern".into() },
                "the migrations_pattern `db/*.sql` cannot be used: invalid range pattern",
                "use *, ?, [...], {a,b} and ** as a whole folder in migrations_pattern",
            ),
            (
                Error::PatternOutside { pattern: pattern(), folder: folder() },
                "the migrations_pattern `db/*.sql` does not begin with the migrations folder migrations",
                "let migrations_pattern begin with migrations_dir, as wrangler asks",
            ),
            (
                Error::PatternMisses { pattern: pattern(), name: "0001_x.sql".into() },
                "the migrations_pattern `db/*.sql` does not match the new migration `0001_x.sql`",
                "let migrations_pattern match .sql files directly in migrations_dir",
            ),
            (
                Error::EmptyMessage,
                "the message has no letter and no digit to name a migration after",
                "say in a few words what changed, for example `add spring posts`",
            ),
            (
                Error::NoNextNumber { name: "99999999999999999999_x.sql".into() },
                "no number can follow that of the migration `99999999999999999999_x.sql`",
                "give that file a smaller number",
            ),
            (
                Error::Exists { path: path() },
                "migrations/0001_x.sql: the migration exists already",
                "run the command again: it takes the next free number",
            ),
            (
                Error::CreateFolder { path: folder(), source: denied() },
                "migrations: cannot create the migrations folder: Permission denied",
                "create the folder, or set migrations_dir to another one",
            ),
            (
                Error::Write { path: path(), source: denied() },
                "migrations/0001_x.sql: cannot write the migration: Permission denied",
                "make room on the disk or allow the folder to be written; no migration was written",
            ),
            (
                Error::ReadTable { table: table(), source: shape() },
                "cannot read the migrations table `d1_migrations`: no such column: id",
                "set migrations_table to the table that wrangler keeps (id, name, applied_at)",
            ),
            (
                Error::WriteTable { table: table(), source: busy() },
                "cannot write the migrations table `d1_migrations`: database is locked",
                "another program is writing to the local database: try again when it is done",
            ),
        ];
        for (error, message, help) in all {
            assert_eq!(error.to_string(), message);
            assert_eq!(error.help().as_deref(), Some(help));
            assert!(!message.contains('\n'));
        }
    }
}
