//! What can go wrong with the shadow.

use camino::Utf8PathBuf;
use rusqlite::ErrorCode;

/// Errors of the shadow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement of a migration fails when the folder is replayed.
    #[error("{file}:{line}: this statement fails: {reason}")]
    Statement {
        /// The migration's name.
        file: String,
        /// The line of the statement's first word, from 1.
        line: usize,
        /// The statement.
        sql: String,
        /// What SQLite says.
        reason: String,
    },
    /// All statements of a migration run, but its end is refused.
    #[error("{file}: the end of this migration is refused: {reason}")]
    Commit {
        /// The migration's name.
        file: String,
        /// What SQLite says.
        reason: String,
    },
    /// The shadow's own file cannot be made.
    #[error("cannot keep the shadow database in {path}: {source}")]
    Storage {
        /// Where.
        path: Utf8PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The baseline cannot be read.
    #[error("the baseline is damaged")]
    BrokenBaseline,
    /// The baseline stands for other files than those that lie in the folder.
    #[error("the baseline was taken when other files lay in the migrations folder")]
    Baseline,
    /// Reading or writing the shadow fails.
    #[error("the shadow database fails: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl Error {
    pub(super) fn statement(file: &str, line: usize, sql: &str, error: rusqlite::Error) -> Self {
        Self::Statement { file: file.into(), line, sql: sql.into(), reason: reason(&error) }
    }

    pub(super) fn commit(file: &str, error: rusqlite::Error) -> Self {
        Self::Commit { file: file.into(), reason: reason(&error) }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Statement { sql, .. } => format!(
                "the migrations must run from nothing, and this statement does not: `{}` (if it cannot, `cargo d1-migrate track --baseline` begins from the local database as it is)",
                sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect::<String>()
            ),
            Self::Commit { .. } => {
                "a row points to a row that does not exist; D1 refuses such a migration as `internal error`".into()
            }
            Self::BrokenBaseline => "where the local database still stands for all migrations, take it anew with `cargo d1-migrate track --baseline`".into(),
            Self::Baseline => "bring those files back, or take the baseline anew with `cargo d1-migrate track --baseline`; a new file must sort after them, or run before that by `wrangler d1 migrations apply --local`".into(),
            Self::Storage { .. } => "make that folder writable".into(),
            Self::Sqlite(_) => {
                "delete the folder .wrangler/d1-migrate (it holds nothing that cannot be made again) and run the command again".into()
            }
        })
    }
}

/// SQLite's own sentence, on one line, without the statement that rusqlite may append.
fn reason(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(code, Some(message))
            if code.code == ErrorCode::AuthorizationForStatementDenied =>
        {
            format!("{message} (D1 does not allow it)")
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests;
