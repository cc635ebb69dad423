//! What is still different after the statements were run on the shadow: what a foreign key's action took along, above all.

use rusqlite::Connection;

use super::Error;
use super::columns::{RowShape, column_differs};
use super::compare::{Counts, Moment, Rows, TableDifference, compare_tables, count, list_rows};
use super::look::{Look, Scope};
use super::order::key_bit;
use crate::schema::{ForeignKey, Schema, Table, TableKind, UniqueKey};
use crate::sql_text::quote_identifier;

/// Compares once more the rows that were written and the tables that foreign keys' actions reached from them, as
/// [`reached`] said before the writing. Rows that are meant to stay different (`left`) do not count.
pub fn recheck(
    conn: &Connection,
    here: &Schema,
    files: &Schema,
    written: &[TableDifference],
    reached: &[String],
    left: &[TableDifference],
    moment: Moment<'_>,
) -> Result<Vec<TableDifference>, Error> {
    let mut narrow: Vec<(String, Look)> =
        reached.iter().map(|table| (table.clone(), Look::Everywhere)).collect();
    for difference in written {
        if !reached.contains(&difference.table.name) {
            narrow.push((difference.table.name.clone(), look_again(conn, difference, moment)?));
        }
    }
    let tables: Vec<&Table> = here.tables.iter().collect();
    let scope = Scope::only(narrow, &here.tables);
    let mut found = compare_tables(conn, files, &tables, &scope, moment)?;
    for difference in &mut found {
        let stays = left.iter().find(|other| other.table.name == difference.table.name);
        if let Some(stays) = stays {
            forget(conn, difference, &stays.rows, moment)?;
        }
    }
    found.retain(|difference| difference.counts.total() > 0);
    Ok(found)
}

/// The tables in which actions of foreign keys may do something when these differences are written: those that point, over
/// any number of steps, to a row that goes or to a column that changes.
pub fn reached(
    conn: &Connection,
    here: &Schema,
    written: &[TableDifference],
) -> rusqlite::Result<Vec<String>> {
    let mut reached: Vec<String> = Vec::new();
    for difference in written {
        for (child, key) in here.children(&difference.table.name).filter(|(_, key)| key.acts) {
            if !reached.contains(&child.name) && lets_go(conn, difference, key)? {
                reached.push(child.name.clone());
            }
        }
    }
    Ok(here.reachable(reached, |key| key.acts))
}

/// Does a row go that this key may point to, or does its value change?
fn lets_go(conn: &Connection, difference: &TableDifference, key: &ForeignKey) -> rusqlite::Result<bool> {
    let Rows::Listed(diff) = &difference.rows else { return Ok(difference.counts.deleted > 0) };
    if difference.counts.deleted > 0 || difference.counts.updated == 0 {
        return Ok(difference.counts.deleted > 0);
    }
    let table = &difference.table;
    let pointed_to = table.pointed_to(key);
    let given_up = pointed_to_keys(table, &pointed_to);
    // A key that points to nothing that is known may point to anything.
    let changes = if pointed_to.is_empty() { "1".into() } else { one_differs(table, &pointed_to) };
    any_update(conn, table, diff, &format!("d.aside & {given_up} OR {changes}"))
}

/// Does an update of this list change one of these columns, or step aside?
pub fn any_update_touches(
    conn: &Connection,
    table: &Table,
    diff: &str,
    columns: &[usize],
) -> rusqlite::Result<bool> {
    any_update(conn, table, diff, &format!("d.aside <> 0 OR {}", one_differs(table, columns)))
}

/// Does an update of this list give one of these columns another value, and not NULL?
pub fn any_update_changes(
    conn: &Connection,
    table: &Table,
    diff: &str,
    columns: &[usize],
) -> rusqlite::Result<bool> {
    let changes = columns.iter().map(|&column| {
        let column = &table.columns[column];
        format!("l.{} IS NOT NULL AND ({})", quote_identifier(&column.name), column_differs(column, "l", "s"))
    });
    any_update(conn, table, diff, &any(changes))
}

fn one_differs(table: &Table, columns: &[usize]) -> String {
    any(columns.iter().map(|&position| column_differs(&table.columns[position], "l", "s")))
}

/// Joins conditions by OR; of none, none holds.
fn any(conditions: impl Iterator<Item = String>) -> String {
    std::iter::once("0".to_owned()).chain(conditions).collect::<Vec<_>>().join(" OR ")
}

fn any_update(conn: &Connection, table: &Table, diff: &str, which: &str) -> rusqlite::Result<bool> {
    let shape = RowShape::of(table);
    let sql = format!(
        "SELECT 1 FROM {diff} d CROSS JOIN {} l ON {} CROSS JOIN {} s ON {} WHERE d.kind = 'U' AND ({which})",
        shape.live(),
        shape.is_named("l", 'l'),
        shape.shadow(),
        shape.is_named("s", 's'),
    );
    conn.prepare(&sql)?.exists(())
}

/// The bits of the keys whose giving up changes one of these columns for a moment.
fn pointed_to_keys(table: &Table, columns: &[usize]) -> i64 {
    let keys = table.secondary_keys().enumerate();
    let meets = |key: &UniqueKey| columns.iter().any(|&column| key.hangs_on(table, column));
    keys.filter(|(_, key)| meets(key)).fold(0, |bits, (number, _)| bits | key_bit(number))
}

fn look_again(conn: &Connection, difference: &TableDifference, moment: Moment<'_>) -> rusqlite::Result<Look> {
    let shape = RowShape::of(&difference.table);
    match &difference.rows {
        // Rows of a virtual table are few or many, but its module decides what an UPDATE touches.
        Rows::Listed(diff) if !matches!(difference.table.kind, TableKind::Virtual(_)) => {
            let keys = format!("{diff}_again_{}", moment.name());
            let slots = shape.slots('k').join(", ");
            conn.execute_batch(&format!(
                "CREATE TABLE {keys}({slots}, UNIQUE ({slots}));
                 INSERT OR IGNORE INTO {keys} SELECT {} FROM {diff} WHERE kind <> 'D';
                 INSERT OR IGNORE INTO {keys} SELECT {} FROM {diff} WHERE kind <> 'I';",
                shape.slots('l').join(", "),
                shape.slots('s').join(", "),
            ))?;
            Ok(Look::At(keys))
        }
        _ => Ok(Look::Everywhere),
    }
}

/// Takes the rows that stay different out of a difference. What was written must not have deleted one of those that are here: it would
/// be missing on the real D1 until the rest is written, and come back without what hung on it there.
fn forget(
    conn: &Connection,
    found: &mut TableDifference,
    stays: &Rows,
    moment: Moment<'_>,
) -> Result<(), Error> {
    let Rows::Listed(stays) = stays else {
        // The whole table stays as it is.
        found.counts = Counts::default();
        return Ok(());
    };
    let diff = match &found.rows {
        Rows::Listed(diff) => diff.clone(),
        Rows::AllNew { .. } => {
            list_rows(conn, &found.table, &Look::Everywhere, &format!("{}_all", moment.name()))?
        }
        Rows::Rewritten => return Ok(()),
    };
    let shape = RowShape::of(&found.table);
    let went = format!(
        "SELECT 1 FROM {stays} o WHERE o.kind = 'U' AND NOT EXISTS (SELECT 1 FROM {} s WHERE {})",
        shape.shadow(),
        shape.is_named_in("o", "s", 's'),
    );
    if conn.prepare(&went)?.exists(())? {
        return Err(Error::TakenAlong { table: found.table.name.clone() });
    }
    let same = |side: char| {
        let slots = shape.slots(side).into_iter();
        let same: Vec<String> = slots.map(|slot| format!("o.{slot} = d.{slot}")).collect();
        format!("EXISTS (SELECT 1 FROM {stays} o WHERE {})", same.join(" AND "))
    };
    conn.execute_batch(&format!("DELETE FROM {diff} AS d WHERE {} OR {}", same('l'), same('s')))?;
    found.rows = Rows::Listed(diff);
    found.counts = count(conn, &found.table, &found.rows)?;
    Ok(())
}
