//! SQL as text: identifiers, lossless literals, statements within D1's limits, splitting a file, triggers on one line.
//!
//! A pure room: no connection, no paths. What it writes must survive three readers: wrangler's splitter, workerd, and
//! whatever `sqlite3` (3.31 and later) opens the result.

mod change;
pub mod identifier;
pub mod literal;
pub mod parse;
mod pieces;
mod real;
pub mod split;
pub mod statement;
pub mod target;
pub mod tokens;
pub mod trigger;

pub use change::{Cell, Witness, condition, delete, insert, update};
pub use identifier::{display_identifier, quote_identifier, string_literal};
pub use literal::{EATEN_BY_WRANGLER, literal, push_literal};
pub use parse::parse_literals;
pub use pieces::PIECES;
pub use split::statements;
pub use statement::{Batch, MAX_STATEMENT_BYTES, Pushed, highest};
pub use target::Target;
pub use tokens::{Token, TokenKind, tokens};
pub use trigger::{Event, Timing, firing, one_line};

/// What cannot be written as SQL that D1 takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The names and the values that cannot be shortened are together longer than a statement may be.
    #[error(
        "table {table}: a row does not fit into statements of {MAX_STATEMENT_BYTES} bytes, the limit of D1"
    )]
    RowTooLarge {
        /// The table of the row.
        table: String,
    },
}

impl Error {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::RowTooLarge { .. } => "give the table fewer columns or shorter column names",
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_is_wrong_and_what_to_do() {
        let table = || "posts".to_owned();
        let all = [(
            Error::RowTooLarge { table: table() },
            "table posts: a row does not fit into statements of 99900 bytes, the limit of D1",
            "give the table fewer columns or shorter column names",
        )];
        for (error, message, help) in all {
            assert_eq!(error.to_string(), message);
            assert_eq!(error.help().as_deref(), Some(help));
        }
    }
}
