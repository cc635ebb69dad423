//! Rows that came here while rows are traced, by the key that each came under: they are none of the files.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

/// The keys of rows that came, and by which entry; and of rows that went (`came` is 0): who comes in place of one is that one.
const NEW: &str = "temp.d1_migrate_new_rows";

/// Makes the list, with nothing in it.
pub(super) fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("CREATE TABLE {NEW}(key PRIMARY KEY, came INTEGER NOT NULL)"))
}

/// Drops it, if it is there.
pub(super) fn drop(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {NEW}"))
}

pub(super) struct Arrivals<'a> {
    pub(super) conn: &'a Connection,
}

impl Arrivals<'_> {
    /// The row of this key came by this entry.
    pub(super) fn put(&self, key: &Value, came: i64) -> rusqlite::Result<()> {
        let went = format!("DELETE FROM {NEW} WHERE key = ?1 AND came = 0");
        if self.conn.prepare_cached(&went)?.execute([key])? == 0 {
            let put = format!("INSERT OR IGNORE INTO {NEW}(key, came) VALUES (?1, ?2)");
            self.conn.prepare_cached(&put)?.execute(params![key, came])?;
        }
        Ok(())
    }

    /// A row of this key went that had not come here.
    pub(super) fn put_gone(&self, key: &Value) -> rusqlite::Result<()> {
        let put = format!("INSERT OR IGNORE INTO {NEW}(key, came) VALUES (?1, 0)");
        self.conn.prepare_cached(&put)?.execute([key]).map(|_| ())
    }

    /// The row of this key leaves it. Gives the entry by which it had come, if it had.
    pub(super) fn take(&self, key: &Value) -> rusqlite::Result<Option<i64>> {
        let take = format!("DELETE FROM {NEW} WHERE key = ?1 AND came > 0 RETURNING came");
        self.conn.prepare_cached(&take)?.query_row([key], |row| row.get(0)).optional()
    }

    /// Forgets rows by their keys.
    pub(super) fn forget(&self, is_known: impl Fn(Value) -> rusqlite::Result<bool>) -> rusqlite::Result<()> {
        let mut new = self.conn.prepare_cached(&format!("SELECT key FROM {NEW}"))?;
        let new: Vec<Value> = new.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut forget = self.conn.prepare_cached(&format!("DELETE FROM {NEW} WHERE key = ?1"))?;
        for key in new {
            if is_known(key.clone())? {
                forget.execute([key])?;
            }
        }
        Ok(())
    }
}
