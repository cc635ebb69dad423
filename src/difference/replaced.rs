//! Rows that came under the key of another one that went.
//!
//! As a rule such a row is that one, as after a REPLACE: what hangs on its key stays. Not where another row has what foreign
//! keys pointed to in the old one: children that hang on that value would follow the key to a new value, though their parent is
//! the row that has the value now.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::LIVE;
use super::columns::{RowShape, all, column_differs, same_key};
use super::look::key_values;
use super::pairs::{Key, set_apart, was};
use crate::changefeed;
use crate::names::CHANGEFEED;
use crate::schema::Table;

/// Such rows: `r` in the table of differences, `l1…`, `s1…`, and whether the changefeed saw them come.
const REPLACED: &str = "temp.d1_migrate_replaced";

/// Takes them apart, as far as the changefeed saw them come. `keys` are those that foreign keys point to, besides the primary one.
pub(super) fn part_replaced(
    conn: &Connection,
    table: &Table,
    shape: &RowShape,
    keys: &[Key],
    diff: &str,
) -> rusqlite::Result<()> {
    if keys.is_empty() || !changefeed::exists(conn, LIVE)? {
        return Ok(());
    }
    if list(conn, table, shape, keys, diff)? {
        mark_those_that_came(conn, table, shape, keys)?;
        set_apart(conn, shape, diff, &format!("SELECT r FROM {REPLACED} WHERE came"))?;
    }
    conn.execute_batch(&format!("DROP TABLE {REPLACED}"))
}

/// Lists the rows under an old key whose former value another row has; gives whether there are any.
fn list(
    conn: &Connection,
    table: &Table,
    shape: &RowShape,
    keys: &[Key],
    diff: &str,
) -> rusqlite::Result<bool> {
    let (live, shadow) = (shape.live(), shape.shadow());
    let gave_up = keys.iter().map(|key| {
        let differs = key.iter().map(|(position, _)| column_differs(&table.columns[*position], "l", "s"));
        format!(
            "(({}) AND EXISTS (SELECT 1 FROM {live} o WHERE {} AND NOT ({})))",
            differs.collect::<Vec<_>>().join(" OR "),
            same_key(table, key, "s", "o"),
            shape.same_row("o", "l"),
        )
    });
    // A row with another hidden rowid came in place of one that is gone.
    let under_old_key = match shape.hidden_rowid {
        true => {
            format!("(d.l1 = d.s1 OR NOT EXISTS (SELECT 1 FROM {live} x WHERE {}))", shape.same_row("x", "s"))
        }
        false => shape.same_row("l", "s"),
    };
    let slots =
        shape.slots('l').into_iter().chain(shape.slots('s')).map(|slot| format!("d.{slot} AS {slot}"));
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {REPLACED}"))?;
    conn.execute(
        &format!(
            "CREATE TABLE {REPLACED} AS SELECT d.rowid AS r, {}, 0 AS came FROM {diff} d
               CROSS JOIN {live} l ON {} CROSS JOIN {shadow} s ON {} WHERE d.kind = 'U' AND {under_old_key} AND ({})",
            slots.collect::<Vec<_>>().join(", "),
            shape.is_named("l", 'l'),
            shape.is_named("s", 's'),
            gave_up.collect::<Vec<_>>().join(" OR "),
        ),
        (),
    )?;
    conn.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {REPLACED})"), (), |row| row.get(0))
}

/// Marks those that the changefeed saw come since the last migration. A row whose key was changed may be the old one still; one
/// that first had what the old one had took over its children before it changed.
fn mark_those_that_came(
    conn: &Connection,
    table: &Table,
    shape: &RowShape,
    keys: &[Key],
) -> rusqlite::Result<()> {
    let slots = shape.slots('l');
    conn.execute_batch(&format!(
        "CREATE INDEX {REPLACED}_l ON {}({})",
        REPLACED.trim_start_matches("temp."),
        slots.join(", ")
    ))?;
    let named = all(slots.iter().map(|slot| format!("{slot} = ?")));
    let mut came = conn.prepare(&format!("UPDATE {REPLACED} SET came = 1 WHERE {named}"))?;
    let mut moved = conn.prepare(&format!("DELETE FROM {REPLACED} WHERE {named}"))?;
    let had = keys.iter().map(|key| was(table, key)).collect::<Vec<_>>().join(" OR ");
    let mut took_over = conn.prepare(&format!(
        "DELETE FROM {REPLACED} AS d WHERE {named} AND EXISTS (
           SELECT 1 FROM (SELECT ? AS old) f CROSS JOIN {} s ON {} WHERE {had})",
        shape.shadow(),
        shape.is_named("s", 's'),
    ))?;
    let mut entries = conn.prepare(&format!(
        "SELECT op, key, new_key, old FROM {LIVE}.{CHANGEFEED}
           WHERE id > (SELECT coalesce(max(id), 0) FROM {LIVE}.{CHANGEFEED} WHERE op = 'A')
             AND tbl = ?1 AND op IN ('I', 'U') ORDER BY id"
    ))?;
    let mut entries = entries.query([&table.name])?;
    while let Some(entry) = entries.next()? {
        let key = |column| -> Option<Vec<Value>> { key_values(table, entry.get(column).ok()?) };
        if entry.get_ref(0)?.as_str()? == "I" {
            if let Some(key) = key(1) {
                came.execute(params_from_iter(key))?;
            }
            continue;
        }
        if let Some(key) = key(1) {
            let old = std::iter::once(entry.get(3)?);
            took_over.execute(params_from_iter(key.into_iter().chain(old)))?;
        }
        if entry.get_ref(2)? == ValueRef::Null {
            continue;
        }
        for key in [key(1), key(2)].into_iter().flatten() {
            moved.execute(params_from_iter(key))?;
        }
    }
    Ok(())
}
