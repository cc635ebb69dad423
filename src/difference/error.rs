//! What can go wrong while two databases are compared.

/// Errors of comparing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading one of the two databases fails.
    #[error("the local database cannot be compared: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A table was named that is not there.
    #[error("there is no table `{table}` in the local database")]
    UnknownTable {
        /// The name.
        table: String,
        /// The tables that are there.
        known: Vec<String>,
    },
    /// A row whose change stays pending would go with another one, by ON DELETE CASCADE.
    #[error(
        "a row of table `{table}` whose change is left pending would be deleted with the row that it points to in the files"
    )]
    TakenAlong {
        /// The table.
        table: String,
    },
}

impl Error {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => {
                Some("see that the file is an SQLite database that nobody holds locked".into())
            }
            Self::UnknownTable { known, .. } if known.is_empty() => {
                Some("the database has no tables yet".into())
            }
            Self::UnknownTable { known, .. } => Some(format!("its tables are: {}", known.join(", "))),
            Self::TakenAlong { .. } => Some("let it go along (--tables, --since)".into()),
        }
    }
}

#[cfg(test)]
mod tests;
