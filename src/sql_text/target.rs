//! The table that a statement writes to.

use super::identifier::display_identifier;

/// A table to be written to.
///
/// Where its definition says ON CONFLICT, the statement says OR ABORT: under REPLACE or IGNORE a row that only the real D1 has
/// would go, or the new one not come, and nobody would know.
#[derive(Debug, Clone, Copy)]
pub struct Target<'t> {
    /// Its name.
    pub table: &'t str,
    /// Does its definition say ON CONFLICT?
    pub has_conflict_clause: bool,
}

impl Target<'_> {
    /// `INSERT INTO posts`.
    pub fn insert_into(self) -> String {
        format!("INSERT {}INTO {}", self.or_abort(), display_identifier(self.table))
    }

    /// `UPDATE posts`.
    pub fn update(self) -> String {
        format!("UPDATE {}{}", self.or_abort(), display_identifier(self.table))
    }

    fn or_abort(self) -> &'static str {
        if self.has_conflict_clause { "OR ABORT " } else { "" }
    }
}

impl<'t> From<&'t str> for Target<'t> {
    fn from(table: &'t str) -> Self {
        Self { table, has_conflict_clause: false }
    }
}
