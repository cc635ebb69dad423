//! Which row is which: the changefeed, read from the first change of a key on, over any number of steps.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::LIVE;
use super::about::{ABOUT, About, create_about};
use super::arrivals::{self, Arrivals};
use super::columns::{RowShape, all};
use super::doers::{APPLIED, Doers, applied, doers};
use super::look::key_values;
use crate::changefeed;
use crate::names::{CHANGEFEED, SHADOW_FILES};
use crate::schema::Table;

/// What was traced: the key that a row has now, by which entry it came to that (`since`), the key that it had in the files, and by which
/// entry that was left (`vacant`; NULL while an entry tells of another row there).
pub(super) const TRACED: &str = "temp.d1_migrate_traced";

/// What was traced and is in the files by now.
const HELD: &str = "temp.d1_migrate_held_by_files";

/// The keys that rows left, or under which they went, and the last entry about that: the changefeed has no index.
const LEFT: &str = "temp.d1_migrate_left_keys";

/// What a trace found besides its list.
#[derive(Default)]
pub(super) struct Traced {
    /// Was a row that had changed its key deleted or pushed out since, under a key that the files give to another one?
    pub(super) any_ended: bool,
    /// The keys that those had in the files which ended under one that the files do not give.
    pub(super) ended: Vec<Value>,
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
    if after.is_none() {
        return Ok(());
    }
    let first = first_move(conn, table)?;
    About { conn, after }.note_until(table, first.unwrap_or(i64::MAX))?;
    match first {
        Some(first) => Trace::of(conn, table, after)?.read(first).map(drop),
        None => Ok(()),
    }
}

fn create_lists(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE TABLE {TRACED}(now UNIQUE, was, since, vacant, held INTEGER NOT NULL DEFAULT 0);
         CREATE INDEX temp.d1_migrate_traced_was ON d1_migrate_traced(was);
         CREATE TABLE {HELD}(now, was);
         CREATE TABLE {LEFT}(key PRIMARY KEY, last INTEGER NOT NULL)"
    ))?;
    arrivals::create(conn)?;
    create_about(conn)
}

/// Drops the lists.
pub(super) fn forget(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS {TRACED}; DROP TABLE IF EXISTS {HELD}; DROP TABLE IF EXISTS {LEFT};
         DROP TABLE IF EXISTS {ABOUT}"
    ))?;
    arrivals::drop(conn)
}

/// An entry about a row that changed its key.
const MOVED: &str = "tbl = ?1 AND op = 'U' AND new_key IS NOT NULL";

/// A query for the names and digests of the files.
pub(super) fn held_files() -> String {
    format!("SELECT name, digest FROM main.{SHADOW_FILES}")
}

/// The first such entry that the files do not hold.
fn first_move(conn: &Connection, table: &Table) -> rusqlite::Result<Option<i64>> {
    let written = changefeed::last_written(LIVE, &table.name, &held_files());
    let first =
        format!("SELECT min(id) FROM {LIVE}.{CHANGEFEED} WHERE {MOVED} AND id > coalesce(({written}), 0)");
    conn.query_row(&first, [&table.name], |row| row.get(0))
}

struct Trace<'a> {
    conn: &'a Connection,
    table: &'a Table,
    about: About<'a>,
    arrivals: Arrivals<'a>,
    doers: Doers,
    /// The entries about migrations that may have brought rows to keys.
    bringing: Vec<i64>,
}

impl<'a> Trace<'a> {
    /// There must be a changefeed.
    fn of(conn: &'a Connection, table: &'a Table, after: Option<i64>) -> rusqlite::Result<Self> {
        let doers = doers(conn, table)?;
        let bringing = doers.insert.union(&doers.change_keys).cloned().collect();
        let bringing = applied(conn, &bringing, APPLIED)?;
        let (about, arrivals) = (About { conn, after }, Arrivals { conn });
        Ok(Self { conn, table, about, arrivals, doers, bringing })
    }

    /// Reads the entries from this one on, by which the first row moved.
    fn read(&self, first: i64) -> rusqlite::Result<Traced> {
        self.list_left_keys()?;
        self.list_new_rows(first)?;
        // Entries that keep one in sight ('K') move nothing.
        let of_rows = if self.about.after.is_some() { "('I', 'D', 'U', 'K')" } else { "('I', 'D')" };
        let entries = format!(
            "SELECT op, key, new_key, id, tbl FROM {LIVE}.{CHANGEFEED}
               WHERE id >= ?2 AND ((tbl = ?1 AND op IN {of_rows}) OR ({MOVED}) OR ({} AND tbl IN (SELECT name FROM ({})))) ORDER BY id",
            changefeed::applied_in_sight(),
            held_files(),
        );
        let mut entries = self.conn.prepare(&entries)?;
        let mut entries = entries.query(params![self.table.name, first])?;
        let mut traced = Traced::default();
        while let Some(entry) = entries.next()? {
            let operation = entry.get_ref(0)?.as_str()?;
            if operation == "A" {
                self.forget_new_rows_of_the_files()?;
                if self.doers.change_keys.contains(&entry.get::<_, String>(4)?) {
                    traced = Traced::default();
                    self.forget_what_the_files_hold()?;
                }
                continue;
            }
            // A key that is not UTF-8 cannot be read back from its literal.
            let (Ok(key), Ok(new)) = (entry.get::<_, Value>(1), entry.get::<_, Value>(2)) else { continue };
            let id = entry.get(3)?;
            match operation {
                "U" if new != Value::Null => {
                    self.about.note(&key, id)?;
                    // Whoever had that key was pushed out.
                    self.about.note(&new, id)?;
                    self.go(&key, &new, id)?;
                }
                "U" | "K" => self.about.note(&key, id)?,
                "I" => {
                    // It pushed out who stood there.
                    let was = self.end(&key)?;
                    self.note_end(&mut traced, was, &key)?;
                    self.about.note(&key, id)?;
                    self.take_place(&key)?;
                    self.arrivals.put(&key, id)?;
                }
                _ => {
                    self.lose_if_replaced(&key, id)?;
                    self.lose_replaced(&key, id)?;
                    self.about.note(&key, id)?;
                    let was = self.end(&key)?;
                    self.leave(&key, id)?;
                    if was.is_none() {
                        self.put_gone(&key, id)?;
                    }
                    self.note_end(&mut traced, was, &key)?;
                }
            }
        }
        self.lose_what_files_replaced()?;
        Ok(traced)
    }

    /// The row that had this key in the files, if any, ended under that one.
    fn note_end(&self, traced: &mut Traced, was: Option<Value>, key: &Value) -> rusqlite::Result<()> {
        match was {
            Some(_) if self.is_in_files(key.clone())? => traced.any_ended = true,
            Some(was) => traced.ended.push(was),
            None => {}
        }
        Ok(())
    }

    fn list_left_keys(&self) -> rusqlite::Result<()> {
        if self.bringing.is_empty() {
            return Ok(());
        }
        let list = format!(
            "INSERT INTO {LEFT} SELECT key, max(id) FROM {LIVE}.{CHANGEFEED}
               WHERE tbl = ?1 AND (op = 'D' OR (op = 'U' AND new_key IS NOT NULL)) GROUP BY key"
        );
        self.conn.execute(&list, [&self.table.name]).map(drop)
    }

    /// Lists the rows that had come here before this entry, since files held all that the entries tell.
    fn list_new_rows(&self, before: i64) -> rusqlite::Result<()> {
        let entries = format!(
            "SELECT op, key, id FROM {LIVE}.{CHANGEFEED} WHERE id < ?2 AND id > coalesce(({}), 0)
               AND ((tbl = ?1 AND op IN ('I', 'D')) OR ({} AND tbl IN (SELECT name FROM ({})))) ORDER BY id",
            changefeed::last_written(LIVE, &self.table.name, &held_files()),
            changefeed::applied_in_sight(),
            held_files(),
        );
        let mut entries = self.conn.prepare(&entries)?;
        let mut entries = entries.query(params![self.table.name, before])?;
        while let Some(entry) = entries.next()? {
            let Ok(key) = entry.get::<_, Value>(1) else { continue };
            match entry.get_ref(0)?.as_str()? {
                "I" => self.arrivals.put(&key, entry.get(2)?)?,
                "D" => self.put_gone(&key, entry.get(2)?)?,
                _ => self.forget_new_rows_of_the_files()?,
            }
        }
        Ok(())
    }

    fn go(&self, key: &Value, new: &Value, id: i64) -> rusqlite::Result<()> {
        self.take_new(new, id)?;
        // Whoever had the key that it takes is no more.
        self.end(new)?;
        self.take_place(new)?;
        let came = self.take_new(key, id)?;
        if came.is_none() {
            self.lose_overtaken(key, id)?;
            self.lose_replaced(key, id)?;
        }
        self.leave(key, id)?;
        if let Some(came) = came {
            self.arrivals.put(new, came)?;
            return self.about.note_whole(new, id);
        }
        let go_on = format!("UPDATE {TRACED} SET now = ?2, since = ?3 WHERE now = ?1");
        if self.conn.prepare_cached(&go_on)?.execute(params![key, new, id])? > 0 {
            return Ok(());
        }
        // A second row that leaves the same key was not in the files.
        let set_out = format!(
            "INSERT INTO {TRACED}(now, was, since, vacant) SELECT ?2, ?1, ?3, ?3 WHERE NOT EXISTS (SELECT 1 FROM {TRACED} WHERE was = ?1)"
        );
        self.conn.prepare_cached(&set_out)?.execute(params![key, new, id]).map(drop)
    }

    /// An entry tells of a row that came to this key.
    fn take_place(&self, key: &Value) -> rusqlite::Result<()> {
        let take = format!("UPDATE {TRACED} SET vacant = NULL WHERE was = ?1");
        self.conn.prepare_cached(&take)?.execute([key]).map(drop)
    }

    /// An entry tells that a row left this key, or went.
    fn leave(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        let leave = format!("UPDATE {TRACED} SET vacant = ?2 WHERE was = ?1");
        self.conn.prepare_cached(&leave)?.execute(params![key, id]).map(drop)
    }

    /// May a file have brought a row to any key, between these entries?
    fn any_brought(&self, after: i64, before: i64) -> bool {
        self.bringing.iter().any(|&id| id > after && id < before)
    }

    /// May one have brought a row to this key, which another one had left by the first of these entries? Then that is here, or an entry tells
    /// that it went.
    fn may_be_brought(&self, key: &Value, left: i64, before: i64) -> rusqlite::Result<bool> {
        if !self.any_brought(left, before) {
            return Ok(false);
        }
        let went = format!("SELECT 1 FROM {LEFT} WHERE key = ?1 AND last > ?2");
        let mut went = self.conn.prepare_cached(&went)?;
        Ok(self.is_here(key.clone())? || went.exists(params![key, left])?)
    }

    /// The row that leaves this key by this entry is not the one that had come to it, but one that a file put in when it had taken that.
    fn lose_overtaken(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        let traced = format!("SELECT was, since FROM {TRACED} WHERE now = ?1");
        let traced =
            self.conn.prepare_cached(&traced)?.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((was, since)): Option<(Value, i64)> = traced.optional()? else { return Ok(()) };
        if self.any_brought(since, id) && !self.is_in_files(was)? && self.is_in_files(key.clone())? {
            self.lose(key)?;
        }
        Ok(())
    }

    /// The row that leaves this key by this entry is one that a file put in, in place of the one that had left it before.
    fn lose_replaced(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        let traced = format!("SELECT now, vacant FROM {TRACED} WHERE was = ?1 AND vacant IS NOT NULL");
        let traced =
            self.conn.prepare_cached(&traced)?.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)));
        match traced.optional()? {
            Some((now, vacant)) if self.any_brought(vacant, id) => self.lose(&now),
            _ => Ok(()),
        }
    }

    /// The same of the row of this key, which goes by this entry.
    fn lose_if_replaced(&self, now: &Value, id: i64) -> rusqlite::Result<()> {
        let traced = format!("SELECT was, vacant FROM {TRACED} WHERE now = ?1 AND vacant IS NOT NULL");
        let traced =
            self.conn.prepare_cached(&traced)?.query_row([now], |row| Ok((row.get(0)?, row.get(1)?)));
        match traced.optional()? {
            Some((was, vacant)) if self.may_be_brought(&was, vacant, id)? => self.lose(now),
            _ => Ok(()),
        }
    }

    /// The same of rows that are still there. A row that no entry brought was put in by a file, and there it took the place of the one
    /// that left it here.
    fn lose_what_files_replaced(&self) -> rusqlite::Result<()> {
        let traced = format!("SELECT now, was, vacant FROM {TRACED}");
        let traced: Vec<(Value, Value, Option<i64>)> = (self.conn.prepare(&traced)?)
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (now, was, vacant) in traced {
            match vacant {
                Some(vacant) if self.may_be_brought(&was, vacant, i64::MAX)? => self.lose(&now)?,
                _ => self.lose_overtaken(&now, i64::MAX)?,
            }
        }
        Ok(())
    }

    /// The row of this key is not the one of the files that had come to it.
    fn lose(&self, now: &Value) -> rusqlite::Result<()> {
        let lost = format!("DELETE FROM {TRACED} WHERE now = ?1 RETURNING was, since");
        let (was, since): (Value, i64) =
            self.conn.prepare_cached(&lost)?.query_row([now], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.about.give(&was, now)?;
        self.about.note_whole(now, since)
    }

    /// Has the row that the files give under this key left it here?
    fn has_left(&self, key: &Value) -> rusqlite::Result<bool> {
        let left = format!("SELECT 1 FROM {TRACED} WHERE was = ?1 AND now <> was");
        self.conn.prepare_cached(&left)?.exists([key])
    }

    /// The row of this key left it by an entry. Gives the one by which it had come here, where it is not one of the files: their row had
    /// left that key before, they have none of it, or may have got one of their own from a migration that was applied after it had left.
    fn take_new(&self, key: &Value, left: i64) -> rusqlite::Result<Option<i64>> {
        let came = self.arrivals.take(key)?;
        let is_another = came.is_some()
            && (self.has_left(key)?
                || !self.is_in_files(key.clone())?
                || self.may_be_brought(key, left, i64::MAX)?);
        Ok(came.filter(|_| is_another))
    }

    /// The row of this key went.
    fn put_gone(&self, key: &Value, id: i64) -> rusqlite::Result<()> {
        match self.take_new(key, id)? {
            Some(_) => Ok(()),
            None => self.arrivals.put_gone(key),
        }
    }

    /// Rows that a file brought here, which ran in sight, are not new.
    fn forget_new_rows_of_the_files(&self) -> rusqlite::Result<()> {
        self.arrivals.forget(|key| self.is_in_files(key))
    }

    fn is_in_files(&self, key: Value) -> rusqlite::Result<bool> {
        self.is_in(&RowShape::of(self.table).shadow(), key)
    }

    fn is_here(&self, key: Value) -> rusqlite::Result<bool> {
        self.is_in(&RowShape::of(self.table).live(), key)
    }

    fn is_in(&self, rows: &str, key: Value) -> rusqlite::Result<bool> {
        let named = all(RowShape::of(self.table).identity.iter().map(|name| format!("{name} = ?")));
        let is_there = format!("SELECT EXISTS (SELECT 1 FROM {rows} WHERE {named})");
        let mut is_there = self.conn.prepare_cached(&is_there)?;
        key_values(self.table, key)
            .map_or(Ok(false), |key| is_there.query_row(params_from_iter(key), |row| row.get(0)))
    }

    /// The row of this key is no more. Gives the one that it had in the files, if another.
    fn end(&self, key: &Value) -> rusqlite::Result<Option<Value>> {
        let end = format!("DELETE FROM {TRACED} WHERE now = ?1 RETURNING was");
        let was: Option<Value> =
            self.conn.prepare_cached(&end)?.query_row([key], |row| row.get(0)).optional()?;
        if let Some(was) = &was {
            self.about.take_new_for_it(was)?;
        }
        Ok(was)
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
        if self.about.after.is_some() {
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
