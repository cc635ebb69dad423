//! Why a migration cannot be written.

use crate::sql_text::display_identifier;

/// Errors of drafting a migration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// D1 takes no row of this size.
    #[error("a row of table `{table}` has {bytes} bytes, and D1 takes at most 2000000: {key}")]
    RowTooLarge {
        /// The table.
        table: String,
        /// The row's name: `column = literal`.
        key: String,
        /// What its values take together.
        bytes: usize,
    },
    /// The key of a changed row came from chance in a migration.
    #[error(
        "a changed row of table `{table}` cannot be named on the real D1: a migration made its key `{key}` from chance or the clock"
    )]
    Unnameable {
        /// The table.
        table: String,
        /// The key as it is here.
        key: String,
    },
    /// A virtual table of a module that D1 does not offer.
    #[error("the virtual table `{table}` is of a module that D1 does not offer")]
    Module {
        /// The table.
        table: String,
    },
    /// A row points to one that does not exist.
    #[error("a row of table `{child}` points to a row of table `{parent}` that is not there")]
    ForeignKey {
        /// The table of the row.
        child: String,
        /// The table it points to.
        parent: String,
    },
    /// SQLite counts a foreign key as open although every row has its parent.
    #[error("D1 would refuse the end of the migration: a foreign key is left open")]
    OpenForeignKey,
    /// A statement of the draft is refused under D1's settings.
    #[error("D1 would refuse a statement of the migration: {reason}")]
    Refused {
        /// The statement's beginning.
        sql: String,
        /// What SQLite says.
        reason: String,
    },
    /// A name or a definition holds what wrangler's trimmer eats.
    #[error("wrangler cuts `BEGIN TRANSACTION` out of every file, and a statement of the migration holds it")]
    EatenByWrangler {
        /// The statement's beginning.
        sql: String,
    },
    /// The draft ran, but what came out is not the local database.
    #[error("the migration would not give what the local database holds in table `{table}`")]
    Unproven {
        /// The first table that differs.
        table: String,
    },
    /// A search index cannot be made from its terms.
    #[error("the search index `{table}` cannot be made again from its terms, and it keeps no text")]
    Search {
        /// The FTS5 table.
        table: String,
    },
    /// A search index holds other words than its text. (INSERT OR REPLACE fires no DELETE trigger, and leaves those of the old row.)
    #[error("the search index `{table}` cannot be made again from its text: it holds other words")]
    OldWords {
        /// The FTS5 table.
        table: String,
    },
    /// The draft ran, but the schema that came out is not the local one.
    #[error("the migration would not give the local schema: {difference}")]
    SchemaUnproven {
        /// The first difference.
        difference: String,
    },
    /// A row or a name cannot be written in D1's limits.
    #[error(transparent)]
    Text(#[from] crate::sql_text::Error),
    /// The databases cannot be compared.
    #[error(transparent)]
    Difference(#[from] crate::difference::Error),
    /// A name of a file cannot be made, or a file not be written.
    #[error(transparent)]
    Migrations(#[from] crate::migrations::Error),
    /// The shadow fails.
    #[error(transparent)]
    Shadow(#[from] crate::shadow::Error),
    /// Reading or writing a database fails.
    #[error("reading the local database fails: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file of a draft, beside the shadow, or its statements, in the temporary folder, cannot be written.
    #[error("the draft of the migration cannot be kept: {0}")]
    Spool(#[from] std::io::Error),
}

impl Error {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Module { .. } => {
                Some("D1 has FTS5 and R*Tree: fill a table of these in its place, and drop it".into())
            }
            Self::RowTooLarge { .. } => Some("shorten that row, or split it in several".into()),
            Self::ForeignKey { child, .. } => Some(format!(
                "with --tables or --since, let the other row go along; else mend the row in the local database (`PRAGMA foreign_key_check(\"{child}\")` names it)"
            )),
            Self::Unnameable { .. } => Some("change that row by hand in a schema migration, by what is known of it".into()),
            Self::OpenForeignKey => Some("look for a row that points to itself in other letters than its own (under COLLATE NOCASE), and write them alike".into()),
            Self::Refused { reason, .. } if reason.starts_with("foreign key mismatch") => {
                Some("make what that foreign key points to a PRIMARY KEY or UNIQUE, or take the foreign key out".into())
            }
            Self::Refused { sql, reason } if reason.starts_with("CHECK constraint failed") => Some(format!(
                "mend the rows that break it in the local database; the statement begins `{sql}`, nothing was written"
            )),
            Self::Refused { sql, reason } if reason.starts_with("UNIQUE constraint failed") => Some(format!(
                "the row in its way may have to go along (--tables, --since); else please report it: the statement begins `{sql}`, nothing was written"
            )),
            Self::Refused { sql, .. } => {
                Some(format!("the statement begins `{sql}`; please report it, nothing was written"))
            }
            Self::EatenByWrangler { sql } => Some(format!(
                "write it in small letters in the schema of the local database; the statement begins `{sql}`"
            )),
            Self::Unproven { .. } => Some("please report it, nothing was written".into()),
            Self::SchemaUnproven { .. } => Some(
                "write a carriage return in a string of its definition as char(13), if there is one; anything else please report, nothing was written".into(),
            ),
            Self::OldWords { table } => {
                let name = display_identifier(table);
                Some(format!("an INSERT OR REPLACE leaves old words there: run `INSERT INTO {name}({name}) VALUES ('rebuild')` on the local database; an index of some rows only can have a view of these as its content"))
            }
            Self::Search { .. } => {
                Some("fill it by triggers of a table that do nothing else, or make and fill it in a schema migration".into())
            }
            Self::Spool(_) => Some("make room on the disk of the project and in the temporary folder, which TMPDIR names".into()),
            Self::Sqlite(_) => {
                Some("see that the file is an SQLite database that nobody holds locked".into())
            }
            Self::Text(error) => error.help(),
            Self::Difference(error) => error.help(),
            Self::Migrations(error) => error.help(),
            Self::Shadow(error) => error.help(),
        }
    }
}

#[cfg(test)]
mod tests;
