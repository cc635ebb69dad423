//! Which entries of the changefeed are about which row of the files, by the key that it has there.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::LIVE;
use super::trace::TRACED;
use crate::names::CHANGEFEED;
use crate::schema::Table;

/// Entries, by the key that the row which they tell of had in the files; those of rows that came since under the key of another one
/// (`of_new`) by that key. By one that brought another row under the key (`whole`), every column may have changed.
pub(super) const ABOUT: &str = "temp.d1_migrate_about";

/// Makes the list, with nothing in it.
pub(super) fn create_about(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE TABLE {ABOUT}(was, id, of_new INTEGER NOT NULL DEFAULT 0, whole INTEGER NOT NULL DEFAULT 0);
         CREATE INDEX temp.d1_migrate_about_was ON d1_migrate_about(was, id);"
    ))
}

/// Lists entries while rows are traced.
pub(super) struct About<'a> {
    pub(super) conn: &'a Connection,
    /// Entries after this one are listed, if any are.
    pub(super) after: Option<i64>,
}

impl About<'_> {
    /// Lists those before this entry, by which the first row moves: until then, each has the key that it has in the files.
    pub(super) fn note_until(&self, table: &Table, first: i64) -> rusqlite::Result<()> {
        let list = format!(
            "INSERT INTO {ABOUT}(was, id) SELECT key, id FROM {LIVE}.{CHANGEFEED}
               WHERE tbl = ?1 AND op IN ('I', 'U', 'D', 'K') AND id > ?2 AND id < ?3 AND key IS NOT NULL"
        );
        self.conn.execute(&list, params![table.name, self.after, first]).map(drop)
    }

    /// This entry is about the row of this key.
    pub(super) fn note(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        if self.after.is_none_or(|after| id <= after) {
            return Ok(());
        }
        // A row under a key that another one of the files has left came since.
        let note = format!(
            "INSERT INTO {ABOUT}(was, id, of_new) SELECT coalesce(t.was, k.key), ?2, t.now IS NULL AND EXISTS (SELECT 1 FROM {TRACED} WHERE was = k.key)
               FROM (SELECT ?1 AS key) k LEFT JOIN {TRACED} t ON t.now = k.key"
        );
        self.conn.prepare_cached(&note)?.execute(params![key, id]).map(drop)
    }

    /// By this entry another row than that of the files came to this key.
    pub(super) fn note_whole(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        if self.after.is_none_or(|after| id <= after) {
            return Ok(());
        }
        let note = format!(
            "INSERT INTO {ABOUT}(was, id, of_new, whole) SELECT ?1, ?2, EXISTS (SELECT 1 FROM {TRACED} WHERE was = ?1), 1"
        );
        self.conn.prepare_cached(&note)?.execute(params![key, id]).map(drop)
    }

    /// The row of the files that had this key is no more: who stands under it now stands for it.
    pub(super) fn take_new_for_it(&self, was: &Value) -> rusqlite::Result<()> {
        let take = format!("UPDATE {ABOUT} SET of_new = 0 WHERE was = ?1");
        self.conn.prepare_cached(&take)?.execute([was]).map(drop)
    }

    /// What was noted of the row of the files that had this key is about another row, which has this one.
    pub(super) fn give(&self, was: &Value, now: &Value) -> rusqlite::Result<()> {
        let give = format!("UPDATE {ABOUT} SET was = ?2 WHERE was = ?1 AND NOT of_new");
        self.conn.prepare_cached(&give)?.execute([was, now])?;
        self.take_new_for_it(was)
    }
}
