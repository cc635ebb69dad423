//! Where rows came from: the changefeed, read from the first change of a key on, over any number of steps.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::LIVE;
use super::columns::{RowShape, all};
use super::look::key_values;
use crate::changefeed;
use crate::names::CHANGEFEED;
use crate::schema::Table;

/// What was traced: the key that a row has now, the key that it had in the files.
pub(super) const TRACED: &str = "temp.d1_migrate_traced";

/// What a trace found besides its list.
pub(super) struct Traced {
    /// Was a row that had changed its key deleted or pushed out since?
    pub(super) any_ended: bool,
}

/// Lists where rows came from, if any moved at all.
pub(super) fn trace(conn: &Connection, table: &Table) -> rusqlite::Result<Option<Traced>> {
    if !changefeed::exists(conn, LIVE)? {
        return Ok(None);
    }
    let feed = format!("{LIVE}.{CHANGEFEED}");
    let moved = "tbl = ?1 AND op = 'U' AND new_key IS NOT NULL";
    let first = format!("SELECT min(id) FROM {feed} WHERE {moved}");
    let Some(first) = conn.query_row(&first, [&table.name], |row| row.get::<_, Option<i64>>(0))? else {
        return Ok(None);
    };
    conn.execute_batch(&format!(
        "CREATE TABLE {TRACED}(now UNIQUE, was, held INTEGER NOT NULL DEFAULT 0); CREATE INDEX temp.d1_migrate_traced_was ON d1_migrate_traced(was);"
    ))?;
    let mut go_on = conn.prepare(&format!("UPDATE OR REPLACE {TRACED} SET now = ?2 WHERE now = ?1"))?;
    // A second row that leaves the same key was not in the files.
    let mut set_out = conn.prepare(&format!(
        "INSERT OR REPLACE INTO {TRACED}(now, was) SELECT ?2, ?1 WHERE NOT EXISTS (SELECT 1 FROM {TRACED} WHERE was = ?1)"
    ))?;
    let mut end = conn.prepare(&format!("DELETE FROM {TRACED} WHERE now = ?1"))?;
    let mut any = conn.prepare(&format!("SELECT EXISTS (SELECT 1 FROM {TRACED})"))?;
    let entries = format!(
        "SELECT op, key, new_key FROM {feed} WHERE id >= ?2 AND ((tbl = ?1 AND op IN ('I', 'D')) OR ({moved}) OR {}) ORDER BY id",
        changefeed::applied_in_sight(),
    );
    let mut entries = conn.prepare(&entries)?;
    let mut entries = entries.query(params![table.name, first])?;
    let mut is_empty = true;
    let mut any_ended = false;
    while let Some(entry) = entries.next()? {
        let operation = entry.get_ref(0)?.as_str()?;
        if is_empty && operation != "U" {
            continue;
        }
        match operation {
            "A" => {
                any_ended = false;
                forget_what_the_files_hold(conn, table)?;
                is_empty = !any.query_row((), |row| row.get(0))?;
            }
            "U" => {
                // A key that is not UTF-8 cannot be read back from its literal.
                let (Ok(key), Ok(new)) = (entry.get::<_, Value>(1), entry.get::<_, Value>(2)) else {
                    continue;
                };
                if go_on.execute([&key, &new])? == 0 {
                    set_out.execute([&key, &new])?;
                }
                is_empty = false;
            }
            _ => {
                if let Ok(key) = entry.get::<_, Value>(1) {
                    any_ended |= end.execute([key])? > 0;
                }
            }
        }
    }
    Ok(Some(Traced { any_ended }))
}

/// When a migration was applied, it may have held what was traced until then: what the files give tells. A key that they give may
/// still be that of the row that left it, if that row has not come to its own new key there.
fn forget_what_the_files_hold(conn: &Connection, table: &Table) -> rusqlite::Result<()> {
    let shape = RowShape::of(table);
    let named = all(shape.identity.iter().map(|name| format!("{name} = ?")));
    let mut is_there =
        conn.prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {named})", shape.shadow()))?;
    let mut in_files = |key: Value| -> rusqlite::Result<bool> {
        key_values(table, key)
            .map_or(Ok(false), |key| is_there.query_row(params_from_iter(key), |row| row.get(0)))
    };
    let mut forget = conn.prepare_cached(&format!("DELETE FROM {TRACED} WHERE rowid = ?1"))?;
    let mut hold = conn.prepare_cached(&format!("UPDATE {TRACED} SET held = ?2 WHERE rowid = ?1"))?;
    let mut traced = conn.prepare_cached(&format!("SELECT rowid, now, was FROM {TRACED}"))?;
    let mut traced = traced.query(())?;
    while let Some(row) = traced.next()? {
        let rowid: i64 = row.get(0)?;
        match in_files(row.get(2)?)? {
            true => hold.execute(params![rowid, in_files(row.get(1)?)?])?,
            false => forget.execute([rowid])?,
        };
    }
    conn.execute_batch(&format!(
        "DELETE FROM {TRACED} WHERE rowid NOT IN (
           WITH RECURSIVE pending(r, was) AS (
             SELECT rowid, was FROM {TRACED} WHERE NOT held
             UNION SELECT t.rowid, t.was FROM pending p CROSS JOIN {TRACED} t ON t.now = p.was)
           SELECT r FROM pending)"
    ))
}
