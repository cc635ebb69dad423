//! What can stand in the way of a piece of work.

use camino::Utf8PathBuf;
use rusqlite::ErrorCode;

use crate::names::CHANGEFEED;

/// Errors of working on one database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no local database.
    #[error("there is no local database: {path} does not exist")]
    NoDatabase {
        /// Where it was looked for.
        path: Utf8PathBuf,
    },
    /// What lies there is no SQLite database.
    #[error("{path}: this is not an SQLite database that can be read: {reason}")]
    NotADatabase {
        /// The file.
        path: Utf8PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// Another program holds the write lock for too long.
    #[error("{path}: another program keeps the local database locked")]
    Locked {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The local database cannot be written.
    #[error("{path}: the local database cannot be written: {reason}")]
    NotWritable {
        /// The file.
        path: Utf8PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The disk or the system stands in the way.
    #[error("{path}: the local database cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: Utf8PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// A migration runs from nothing, but not on the local database.
    #[error("{file}:{line}: this statement fails on the local database: {reason}")]
    NotHere {
        /// The migration's name.
        file: String,
        /// The line of the statement's first word, from 1.
        line: usize,
        /// What SQLite says.
        reason: String,
    },
    /// A migration that has not run here fails when the folder is replayed.
    #[error("{file}:{line}: this statement fails: {reason}")]
    NotRunnable {
        /// The migration's name.
        file: String,
        /// The line of the statement's first word, from 1.
        line: usize,
        /// What SQLite says.
        reason: String,
    },
    /// A migration was made to be edited, and was not.
    #[error("{file}: there is no statement in this migration yet")]
    NoStatement {
        /// The migration's name.
        file: String,
    },
    /// There is no migration yet.
    #[error("{folder}: there is no migration yet")]
    NoMigrations {
        /// The folder.
        folder: Utf8PathBuf,
    },
    /// Something else has the name of the changefeed.
    #[error("there is a table or a view `{CHANGEFEED}` that is not the changefeed")]
    NameTaken,
    /// The folder holds migrations that the local database has not run.
    #[error("the local database has not run {}", listed(names))]
    Behind {
        /// Their names.
        names: Vec<String>,
    },
    /// The schemas differ.
    #[error("{}{}", sentences[0], more(sentences.len() - 1))]
    SchemaDiffers {
        /// One sentence for each object.
        sentences: Vec<String>,
        /// Statements that would make what only the local database has.
        missing: Vec<String>,
    },
    /// Data changes are pending, and schema and data stay in separate files.
    #[error("data changes are pending in {}", listed(tables))]
    PendingData {
        /// The tables.
        tables: Vec<String>,
    },
    /// The folder already holds migrations.
    #[error("{folder}: there are migrations already, and an initial one can only be the first")]
    NotFirst {
        /// The folder.
        folder: Utf8PathBuf,
    },
    /// Files without a number run after every numbered one.
    #[error(
        "{} would run after the new migration, because wrangler runs files without a number last",
        listed(names)
    )]
    NotLast {
        /// Their names.
        names: Vec<String>,
    },
    /// The database has no tables.
    #[error("{path}: the local database has no tables, so there is nothing to migrate")]
    Empty {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A change hangs on a value that came out otherwise on the real D1.
    #[error(
        "a change points to a value that the clock or chance made, and that is another one on the real D1: {reason}"
    )]
    Unknowable {
        /// What fails where the value is another one.
        reason: String,
    },
    /// The lock of another run of this tool cannot be had.
    #[error("{path}: this lock file cannot be used: {source}")]
    Lock {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A baseline needs a folder to be kept in.
    #[error(
        "a baseline is kept beside wrangler's own state, and there is no project whose folder can be written"
    )]
    NoHome,
    /// A folder for the local database cannot be made.
    #[error("{path}: this folder cannot be made: {source}")]
    CreateFolder {
        /// The folder.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoDatabase { .. } => "`cargo d1-migrate apply` makes it from the migrations, `wrangler dev` and `wrangler d1 execute --local` from what they run".into(),
            Self::NotADatabase { .. } => "look at what lies there, or name another file with --db".into(),
            Self::Locked { .. } => "end the other program's transaction, then run the command again".into(),
            Self::NotWritable { .. } => "see who owns the file and its folder, and that there is room on the disk".into(),
            Self::Unusable { .. } => "see that the disk has room and is sound, and who may read the folder".into(),
            Self::NotHere { .. } => {
                "if the local database holds already what the file makes, note it with `apply --record`; else change the rows that stand against it".into()
            }
            Self::NotRunnable { .. } => {
                "correct the file: it has not run here yet. If the real D1 has run it, correct what stands against it in an earlier file of yours".into()
            }
            Self::NoStatement { .. } => {
                "put the statements in, or delete the file; `apply --record` notes it as it is".into()
            }
            Self::NoMigrations { .. } => "`cargo d1-migrate` writes the initial one".into(),
            Self::NameTaken => "`cargo d1-migrate untrack --purge` removes it".into(),
            Self::Behind { .. } => "`cargo d1-migrate apply` runs what is missing (`apply --record` only notes it as applied)".into(),
            Self::SchemaDiffers { missing, .. } if missing.is_empty() => {
                "`cargo d1-migrate schema -m MESSAGE` makes a file for the statements that are missing".into()
            }
            Self::SchemaDiffers { missing, .. } => format!(
                "`cargo d1-migrate schema -m MESSAGE` makes a file; put in: {}",
                missing.join("; ").split_whitespace().collect::<Vec<_>>().join(" ")
            ),
            Self::PendingData { .. } => "write them first with `cargo d1-migrate data -m MESSAGE`".into(),
            Self::NotFirst { .. } => "`cargo d1-migrate data -m MESSAGE` writes the next data migration".into(),
            Self::NotLast { .. } => "give them numbers that say where they belong (and rename them in the migrations table where they were applied)".into(),
            Self::Empty { .. } => "make tables first, with wrangler or in a schema migration".into(),
            Self::Unknowable { .. } => {
                "give those rows a fixed value in a migration first, or write this change by hand in a schema migration".into()
            }
            Self::NoHome => "run the command in the project, without --db and --dir".into(),
            Self::Lock { .. } | Self::CreateFolder { .. } => "make that folder writable".into(),
        })
    }

    /// Tells from SQLite's answer what is wrong with the local database.
    pub(super) fn from_sqlite(path: &camino::Utf8Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string().replace(['\n', '\r'], " ");
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
                Self::Unusable { path, reason }
            }
            Some(ErrorCode::ReadOnly) => Self::NotWritable { path, reason },
            _ => Self::NotADatabase { path, reason },
        }
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".into(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

fn more(number: usize) -> String {
    match number {
        0 => String::new(),
        1 => " (and one more difference)".into(),
        _ => format!(" (and {number} more differences)"),
    }
}

#[cfg(test)]
mod tests;
