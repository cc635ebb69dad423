//! Which row is which: the changefeed, read from the first change of a key on, over any number of steps.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::LIVE;
use super::columns::{RowShape, all};
use super::look::key_values;
use crate::changefeed;
use crate::names::{CHANGEFEED, SHADOW_FILES};
use crate::schema::Table;
use crate::shadow::{column_set, renames, rows_inserted};

/// What was traced: the key that a row has now, the key that it had in the files.
pub(super) const TRACED: &str = "temp.d1_migrate_traced";

/// Entries, by the key that the row which they tell of had in the files; those of rows that came since under the key of another one
/// (`of_new`) by that key.
pub(super) const ABOUT: &str = "temp.d1_migrate_about";

/// What was traced and is in the files by now.
const HELD: &str = "temp.d1_migrate_held_by_files";

/// The keys of rows that came here, and by which entry; and of rows that went (`came` is 0): who comes in place of one is that one.
const NEW: &str = "temp.d1_migrate_new_rows";

/// What a trace found besides its list.
pub(super) struct Traced {
    /// Was a row that had changed its key deleted or pushed out since?
    pub(super) any_ended: bool,
}

/// Lists where rows came from, if any moved at all.
pub(super) fn trace(conn: &Connection, table: &Table) -> rusqlite::Result<Option<Traced>> {
    match changefeed::exists(conn, LIVE)?.then(|| first_move(conn, table)).transpose()?.flatten() {
        Some(first) => {
            create_lists(conn)?;
            Ok(Some(Trace::of(conn, table, None)?.read(first)?))
        }
        None => Ok(None),
    }
}

/// The same, and lists also which entries after this one are about which row; where no entry matters, the lists stay empty.
pub(super) fn trace_entries(conn: &Connection, table: &Table, after: Option<i64>) -> rusqlite::Result<()> {
    create_lists(conn)?;
    let Some(after) = after else { return Ok(()) };
    let first = first_move(conn, table)?;
    // Until the first row moves, each has the key that it has in the files.
    conn.execute(
        &format!(
            "INSERT INTO {ABOUT}(was, id) SELECT key, id FROM {LIVE}.{CHANGEFEED}
               WHERE tbl = ?1 AND op IN ('I', 'U', 'D', 'K') AND id > ?2 AND id < ?3 AND key IS NOT NULL"
        ),
        params![table.name, after, first.unwrap_or(i64::MAX)],
    )?;
    match first {
        Some(first) => Trace::of(conn, table, Some(after))?.read(first).map(drop),
        None => Ok(()),
    }
}

fn create_lists(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE TABLE {TRACED}(now UNIQUE, was, held INTEGER NOT NULL DEFAULT 0);
         CREATE INDEX temp.d1_migrate_traced_was ON d1_migrate_traced(was);
         CREATE TABLE {HELD}(now, was);
         CREATE TABLE {NEW}(key PRIMARY KEY, came INTEGER NOT NULL);
         CREATE TABLE {ABOUT}(was, id, of_new INTEGER NOT NULL DEFAULT 0);
         CREATE INDEX temp.d1_migrate_about_was ON d1_migrate_about(was, id);"
    ))
}

/// Drops the lists.
pub(super) fn forget(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS {TRACED}; DROP TABLE IF EXISTS {HELD}; DROP TABLE IF EXISTS {NEW}; DROP TABLE IF EXISTS {ABOUT}"
    ))
}

/// An entry about a row that changed its key.
const MOVED: &str = "tbl = ?1 AND op = 'U' AND new_key IS NOT NULL";

/// A query for the names and digests of the files.
pub(super) fn held_files() -> String {
    format!("SELECT name, digest FROM main.{SHADOW_FILES}")
}

/// The first such entry that the files do not hold.
fn first_move(conn: &Connection, table: &Table) -> rusqlite::Result<Option<i64>> {
    let written = changefeed::last_written(LIVE, &held_files());
    let first =
        format!("SELECT min(id) FROM {LIVE}.{CHANGEFEED} WHERE {MOVED} AND id > coalesce(({written}), 0)");
    conn.query_row(&first, [&table.name], |row| row.get(0))
}

/// What files may have done to a table, under whatever name it had then.
#[derive(Debug, Default)]
pub(super) struct Doers {
    /// The names of those that may have changed keys.
    change_keys: HashSet<String>,
    /// The names of those that may have put rows in.
    pub(super) insert: HashSet<String>,
}

/// Asks what the statements of each file did ([`column_set`]), and what they gave other names.
pub(super) fn doers(conn: &Connection, table: &Table) -> rusqlite::Result<Doers> {
    let mut tables = HashSet::from([table.name.to_lowercase()]);
    let columns = table.primary_key.iter().map(|&position| table.columns[position].name.to_lowercase());
    let mut columns: HashSet<String> = columns.chain(["rowid".to_owned()]).collect();
    let mut files =
        conn.prepare(&format!("SELECT name, sets FROM main.{SHADOW_FILES} ORDER BY position DESC"))?;
    let mut files = files.query(())?;
    let mut found = Doers::default();
    while let Some(file) = files.next()? {
        let (name, sets): (String, Option<String>) = (file.get(0)?, file.get(1)?);
        let Some(sets) = sets else {
            found.change_keys.insert(name.clone());
            found.insert.insert(name);
            continue;
        };
        // Once there is a new name, the old one may have stood for the same; it may also have been a name of something else.
        for names in renames(&sets).collect::<Vec<_>>().into_iter().rev() {
            match &names[..] {
                [old, new] if tables.contains(new) => {
                    tables.insert(old.clone());
                }
                [of, old, new] if tables.contains(of) && columns.contains(new) => {
                    columns.insert(old.clone());
                }
                _ => {}
            }
        }
        let any_set = |table: &String| columns.iter().any(|column| sets.contains(&column_set(table, column)));
        if tables.iter().any(any_set) {
            found.change_keys.insert(name.clone());
        }
        if tables.iter().any(|table| sets.contains(&rows_inserted(table))) {
            found.insert.insert(name);
        }
    }
    Ok(found)
}

/// The last entry about one of these files; 0 where there is none.
fn last_applied(conn: &Connection, files: &HashSet<String>) -> rusqlite::Result<i64> {
    let mut applied =
        conn.prepare(&format!("SELECT id, tbl FROM {LIVE}.{CHANGEFEED} WHERE op = 'A' ORDER BY id DESC"))?;
    let mut applied = applied.query(())?;
    while let Some(entry) = applied.next()? {
        if files.contains(&entry.get::<_, String>(1)?) {
            return entry.get(0);
        }
    }
    Ok(0)
}

struct Trace<'a> {
    conn: &'a Connection,
    table: &'a Table,
    /// Entries after this one are listed, if any are.
    about: Option<i64>,
    doers: Doers,
    /// The last entry about a migration that may have put rows in.
    last_insert: i64,
}

impl<'a> Trace<'a> {
    /// There must be a changefeed.
    fn of(conn: &'a Connection, table: &'a Table, about: Option<i64>) -> rusqlite::Result<Self> {
        let doers = doers(conn, table)?;
        let last_insert = last_applied(conn, &doers.insert)?;
        Ok(Self { conn, table, about, doers, last_insert })
    }

    /// Reads the entries from this one on, by which the first row moved.
    fn read(&self, first: i64) -> rusqlite::Result<Traced> {
        self.list_new_rows(first)?;
        // Entries that keep one in sight ('K') move nothing.
        let of_rows = if self.about.is_some() { "('I', 'D', 'U', 'K')" } else { "('I', 'D')" };
        let entries = format!(
            "SELECT op, key, new_key, id, tbl FROM {LIVE}.{CHANGEFEED}
               WHERE id >= ?2 AND ((tbl = ?1 AND op IN {of_rows}) OR ({MOVED}) OR ({} AND tbl IN (SELECT name FROM ({})))) ORDER BY id",
            changefeed::applied_in_sight(),
            held_files(),
        );
        let mut entries = self.conn.prepare(&entries)?;
        let mut entries = entries.query(params![self.table.name, first])?;
        let mut any_ended = false;
        while let Some(entry) = entries.next()? {
            let operation = entry.get_ref(0)?.as_str()?;
            if operation == "A" {
                self.forget_new_rows_of_the_files()?;
                if self.doers.change_keys.contains(&entry.get::<_, String>(4)?) {
                    any_ended = false;
                    self.forget_what_the_files_hold()?;
                }
                continue;
            }
            // A key that is not UTF-8 cannot be read back from its literal.
            let (Ok(key), Ok(new)) = (entry.get::<_, Value>(1), entry.get::<_, Value>(2)) else { continue };
            let id = entry.get(3)?;
            self.note(&key, id)?;
            match operation {
                "U" if new != Value::Null => {
                    // Whoever had that key was pushed out.
                    self.note(&new, id)?;
                    self.go(&key, &new, id)?;
                }
                "U" | "K" => {}
                "I" => {
                    any_ended |= self.end(&key)?;
                    self.put_new(&key, id)?;
                }
                _ => {
                    any_ended |= self.end(&key)?;
                    self.put_gone(&key, id)?;
                }
            }
        }
        Ok(Traced { any_ended })
    }

    /// Lists the rows that had come here before this entry, since files held all that the entries tell.
    fn list_new_rows(&self, before: i64) -> rusqlite::Result<()> {
        let entries = format!(
            "SELECT op, key, id FROM {LIVE}.{CHANGEFEED} WHERE id < ?2 AND id > coalesce(({}), 0)
               AND ((tbl = ?1 AND op IN ('I', 'D')) OR ({} AND tbl IN (SELECT name FROM ({})))) ORDER BY id",
            changefeed::last_written(LIVE, &held_files()),
            changefeed::applied_in_sight(),
            held_files(),
        );
        let mut entries = self.conn.prepare(&entries)?;
        let mut entries = entries.query(params![self.table.name, before])?;
        while let Some(entry) = entries.next()? {
            let Ok(key) = entry.get::<_, Value>(1) else { continue };
            match entry.get_ref(0)?.as_str()? {
                "I" => self.put_new(&key, entry.get(2)?)?,
                "D" => self.put_gone(&key, entry.get(2)?)?,
                _ => self.forget_new_rows_of_the_files()?,
            }
        }
        Ok(())
    }

    /// An entry is about the row of this key.
    fn note(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        if self.about.is_none_or(|after| id <= after) {
            return Ok(());
        }
        // A row under a key that another one of the files has left came since.
        self.conn
            .prepare_cached(&format!(
                "INSERT INTO {ABOUT} SELECT coalesce(t.was, k.key), ?2, t.now IS NULL AND EXISTS (SELECT 1 FROM {TRACED} WHERE was = k.key)
                   FROM (SELECT ?1 AS key) k LEFT JOIN {TRACED} t ON t.now = k.key"
            ))?
            .execute(params![key, id])
            .map(drop)
    }

    fn go(&self, key: &Value, new: &Value, id: i64) -> rusqlite::Result<()> {
        self.take_new(new, id)?;
        if let Some(came) = self.take_new(key, id)? {
            // Whoever had the key that it takes is no more.
            self.end(new)?;
            return self.put_new(new, came);
        }
        let go_on = format!("UPDATE OR REPLACE {TRACED} SET now = ?2 WHERE now = ?1");
        if self.conn.prepare_cached(&go_on)?.execute([key, new])? > 0 {
            return Ok(());
        }
        // A second row that leaves the same key was not in the files.
        let set_out = format!(
            "INSERT OR REPLACE INTO {TRACED}(now, was) SELECT ?2, ?1 WHERE NOT EXISTS (SELECT 1 FROM {TRACED} WHERE was = ?1)"
        );
        self.conn.prepare_cached(&set_out)?.execute([key, new]).map(drop)
    }

    /// The row of this key came here by this entry.
    fn put_new(&self, key: &Value, came: i64) -> rusqlite::Result<()> {
        let went = format!("DELETE FROM {NEW} WHERE key = ?1 AND came = 0");
        if self.conn.prepare_cached(&went)?.execute([key])? == 0 {
            let put = format!("INSERT OR IGNORE INTO {NEW}(key, came) VALUES (?1, ?2)");
            self.conn.prepare_cached(&put)?.execute(params![key, came])?;
        }
        Ok(())
    }

    /// The row of this key went.
    fn put_gone(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        if self.take_new(key, id)?.is_none() {
            let put = format!("INSERT OR IGNORE INTO {NEW}(key, came) VALUES (?1, 0)");
            self.conn.prepare_cached(&put)?.execute([key])?;
        }
        Ok(())
    }

    /// The row of this key left it by an entry. Gives the one by which it had come here, where it is not one of the files: these have none
    /// of that key, or may have got one of their own from a migration that was applied after it had left.
    fn take_new(&self, key: &Value, left: i64) -> rusqlite::Result<Option<i64>> {
        let take = format!("DELETE FROM {NEW} WHERE key = ?1 AND came > 0 RETURNING came");
        let came: Option<i64> =
            self.conn.prepare_cached(&take)?.query_row([key], |row| row.get(0)).optional()?;
        match came {
            Some(_) if left > self.last_insert && self.is_in_files(key.clone())? => Ok(None),
            came => Ok(came),
        }
    }

    /// Rows that a file brought here, which ran in sight, are not new.
    fn forget_new_rows_of_the_files(&self) -> rusqlite::Result<()> {
        let mut new = self.conn.prepare_cached(&format!("SELECT key FROM {NEW}"))?;
        let new: Vec<Value> = new.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut forget = self.conn.prepare_cached(&format!("DELETE FROM {NEW} WHERE key = ?1"))?;
        for key in new {
            if self.is_in_files(key.clone())? {
                forget.execute([key])?;
            }
        }
        Ok(())
    }

    fn is_in_files(&self, key: Value) -> rusqlite::Result<bool> {
        let shape = RowShape::of(self.table);
        let named = all(shape.identity.iter().map(|name| format!("{name} = ?")));
        let is_there = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {named})", shape.shadow());
        let mut is_there = self.conn.prepare_cached(&is_there)?;
        key_values(self.table, key)
            .map_or(Ok(false), |key| is_there.query_row(params_from_iter(key), |row| row.get(0)))
    }

    /// Gives whether the row of this key had another one.
    fn end(&self, key: &Value) -> rusqlite::Result<bool> {
        let end = format!("DELETE FROM {TRACED} WHERE now = ?1");
        Ok(self.conn.prepare_cached(&end)?.execute([key])? > 0)
    }

    /// When a migration was applied, it may have held what was traced until then: what the files give tells. A key that they give may
    /// still be that of the row that left it, if that row has not come to its own new key there.
    fn forget_what_the_files_hold(&self) -> rusqlite::Result<()> {
        let conn = self.conn;
        let mut judge = conn.prepare_cached(&format!("UPDATE {TRACED} SET held = ?2 WHERE rowid = ?1"))?;
        let mut traced = conn.prepare_cached(&format!("SELECT rowid, now, was FROM {TRACED}"))?;
        let mut traced = traced.query(())?;
        while let Some(row) = traced.next()? {
            let (was_is_there, now_is_there) =
                (self.is_in_files(row.get(2)?)?, self.is_in_files(row.get(1)?)?);
            let held = if was_is_there { i64::from(now_is_there) } else { GONE };
            judge.execute(params![row.get::<_, i64>(0)?, held])?;
        }
        drop(traced);
        conn.execute_batch(&format!(
            "INSERT INTO {HELD} SELECT now, was FROM {TRACED} WHERE held = {GONE} OR rowid NOT IN (
               WITH RECURSIVE pending(r, was) AS (
                 SELECT rowid, was FROM {TRACED} WHERE held = 0
                 UNION SELECT t.rowid, t.was FROM pending p CROSS JOIN {TRACED} t ON t.now = p.was AND t.held <> {GONE})
               SELECT r FROM pending);
             DELETE FROM {TRACED} WHERE now IN (SELECT now FROM {HELD});"
        ))?;
        if self.about.is_some() {
            // From here on the files give the row its new key.
            conn.execute_batch(&format!(
                "UPDATE {ABOUT} AS a SET was = t.now FROM {HELD} t WHERE t.was = a.was"
            ))?;
        }
        // A table cannot be dropped while the entries are read.
        conn.execute_batch(&format!("DELETE FROM {HELD}"))
    }
}

/// In place of a yes or no: the files give no row under the key that it had.
const GONE: i64 = 2;
