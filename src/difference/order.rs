//! The order of updates, so that a UNIQUE value is let go before another row takes it. Where rows take values in a
//! circle, one of them steps aside first: it gives up the keys that others wait for, and no more.

use std::collections::{HashMap, HashSet, VecDeque};

use rusqlite::Connection;

use super::columns::{RowShape, column_differs, points_to};
use crate::schema::{ForeignKey, Identity, Table, Term, UniqueKey};
use crate::sql_text::quote_identifier;

/// The bit that stands for what names the row (a rowid, or the key of a table without) among the keys that it gives up. The
/// secondary unique keys have the bits from 0 on, in their order.
pub const ROWID_BIT: i64 = 1 << 62;

/// The bit of a secondary unique key.
pub fn key_bit(number: usize) -> i64 {
    // More keys than bits share the last one, and are given up together.
    1 << number.min(61)
}

/// Arranges the updates in the table of differences: `step` is their order, `aside` the keys that a row must give up before
/// the first of them.
pub fn arrange_updates(conn: &Connection, table: &Table, diff: &str) -> rusqlite::Result<()> {
    arrange(conn, diff, &waits(conn, table, diff)?)
}

/// Arranges them anew, so that rows that would follow a row of their own table, though they change themselves, go before it where
/// they can: after it, they could have been taken to where another row still is.
pub fn arrange_followers_first(conn: &Connection, table: &Table, diff: &str) -> rusqlite::Result<()> {
    conn.execute(&format!("UPDATE {diff} SET step = NULL, aside = 0"), ())?;
    let mut edges = waits(conn, table, diff)?;
    for foreign in table.own_followers() {
        collect(conn, &followers(table, foreign, diff), 0, &mut edges)?;
    }
    arrange(conn, diff, &edges)
}

fn arrange(conn: &Connection, diff: &str, edges: &[Wait]) -> rusqlite::Result<()> {
    let order = sort(edges);
    let mut put = conn.prepare(&format!("UPDATE {diff} SET step = ?2 WHERE rowid = ?1"))?;
    for (step, row) in order.rows.iter().enumerate() {
        put.execute([*row, step as i64 + 1])?;
    }
    let mut put = conn.prepare(&format!("UPDATE {diff} SET aside = aside | ?2 WHERE rowid = ?1"))?;
    for edge in edges.iter().filter(|edge| order.aside.contains(&edge.holder)) {
        put.execute([edge.holder, edge.key])?;
    }
    Ok(())
}

/// One row of the table of differences takes a value that another one still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait {
    taker: i64,
    holder: i64,
    /// The bit of the key; 0 where nothing can be given up.
    key: i64,
}

fn waits(conn: &Connection, table: &Table, diff: &str) -> rusqlite::Result<Vec<Wait>> {
    let mut edges = Vec::new();
    let names = names(table);
    if !names.is_empty() {
        let slots = |one: &str, other: &str| {
            let slots = names.iter().enumerate().map(|(at, collation)| {
                format!("{one}{} = {other}{} COLLATE {}", at + 1, at + 1, quote_identifier(collation))
            });
            slots.collect::<Vec<_>>().join(" AND ")
        };
        if names.iter().any(|collation| collation != "BINARY") {
            let place = diff.trim_start_matches("temp.");
            let index = names.iter().enumerate();
            let index =
                index.map(|(at, collation)| format!("s{} COLLATE {}", at + 1, quote_identifier(collation)));
            let index = index.collect::<Vec<_>>().join(", ");
            conn.execute_batch(&format!("CREATE INDEX IF NOT EXISTS {diff}_names ON {place}({index})"))?;
        }
        let taken = format!(
            "SELECT d.rowid, h.rowid FROM {diff} d CROSS JOIN {diff} h ON {} AND h.kind = 'U' AND h.rowid <> d.rowid
             WHERE d.kind = 'U' AND NOT ({})",
            slots("h.s", "d.l"),
            slots("d.l", "d.s"),
        );
        collect(conn, &taken, ROWID_BIT, &mut edges)?;
    }
    for (number, key) in table.secondary_keys().enumerate() {
        list_values(conn, table, diff, key)?;
        let held = (key.terms.iter().enumerate())
            .map(|(at, (_, collation))| format!("h.v{at} = t.v{at} COLLATE {}", quote_identifier(collation)));
        let taken = format!(
            "SELECT t.r, h.r FROM temp.d1_migrate_taken t JOIN temp.d1_migrate_held h ON {} WHERE h.r <> t.r",
            held.collect::<Vec<_>>().join(" AND ")
        );
        collect(conn, &taken, key_bit(number), &mut edges)?;
        conn.execute_batch("DROP TABLE temp.d1_migrate_taken; DROP TABLE temp.d1_migrate_held;")?;
    }
    Ok(edges)
}

/// Each such row, waited for by the one that it would follow.
fn followers(table: &Table, foreign: &ForeignKey, diff: &str) -> String {
    let shape = RowShape::of(table);
    let points = points_to(foreign, (table, "c"), (table, "p"));
    let parent = table.pointed_to(foreign);
    let changes = parent.iter().map(|&column| column_differs(&table.columns[column], "l", "p"));
    format!(
        "SELECT e.rowid, d.rowid FROM {diff} d CROSS JOIN {shadow} c ON {child} CROSS JOIN {shadow} p ON {points}
           CROSS JOIN {diff} e ON {was} AND e.kind = 'U' AND e.rowid <> d.rowid CROSS JOIN {live} l ON {is_now}
         WHERE d.kind = 'U' AND ({})",
        changes.collect::<Vec<_>>().join(" OR "),
        shadow = shape.shadow(),
        live = shape.live(),
        child = shape.is_named("c", 's'),
        was = shape.is_named_in("e", "p", 's'),
        is_now = shape.is_named_in("e", "l", 'l'),
    )
}

/// The collations of what names a row.
fn names(table: &Table) -> Vec<String> {
    match table.identity() {
        Identity::Rowid(_) => return vec!["BINARY".to_owned()],
        Identity::Key(_) => {}
        Identity::Nothing => return Vec::new(),
    }
    let own = table.unique_keys.iter().find(|key| key.primary);
    own.map_or_else(Vec::new, |key| key.terms.iter().map(|(_, collation)| collation.clone()).collect())
}

fn collect(conn: &Connection, sql: &str, key: i64, edges: &mut Vec<Wait>) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(sql)?;
    let wait = |row: &rusqlite::Row| Ok(Wait { taker: row.get(0)?, holder: row.get(1)?, key });
    for edge in statement.query_map((), wait)? {
        edges.push(edge?);
    }
    Ok(())
}

/// Lists what the updated rows will hold in a unique key and what they hold now, as `r, v0, v1 …`.
///
/// Rows whose value stays take nothing from anybody, unless another column decides whether they are in the index.
fn list_values(conn: &Connection, table: &Table, diff: &str, key: &UniqueKey) -> rusqlite::Result<()> {
    let shape = RowShape::of(table);
    let values = |place: &str, side: char| -> String {
        // In a subselect of its own, because an expression names its columns without the table.
        let row = shape.is_named(&shape.table, side);
        let term = |(at, (term, _)): (usize, &(Term, String))| {
            let value = match term {
                Term::Column(position) => quote_identifier(&table.columns[*position].name),
                Term::Expression(text) => text.clone(),
            };
            format!("(SELECT {value} FROM {place} WHERE {row}) AS v{at}")
        };
        key.terms.iter().enumerate().map(term).collect::<Vec<_>>().join(", ")
    };
    let moved = match key.plain_columns().filter(|_| key.predicate.is_none()) {
        None => "1".to_owned(),
        Some(columns) => {
            let changed = columns.iter().map(|&position| column_differs(&table.columns[position], "l", "s"));
            changed.collect::<Vec<_>>().join(" OR ")
        }
    };
    // A row outside of a partial index neither takes nor holds.
    let inside = |place: &str, side: char| match &key.predicate {
        Some(predicate) => {
            format!("(SELECT {predicate} FROM {place} WHERE {})", shape.is_named(&shape.table, side))
        }
        None => "1".into(),
    };
    let index = key.terms.iter().enumerate();
    let index: Vec<String> =
        index.map(|(at, (_, collation))| format!("v{at} COLLATE {}", quote_identifier(collation))).collect();
    conn.execute_batch(&format!(
        "CREATE TEMP TABLE d1_migrate_taken AS SELECT d.rowid AS r, {taken} FROM {diff} d
           CROSS JOIN {live} l ON {named_l} CROSS JOIN {shadow} s ON {named_s} WHERE d.kind = 'U' AND ({moved}) AND {takes};
         CREATE TEMP TABLE d1_migrate_held AS SELECT d.rowid AS r, {held} FROM {diff} d
           WHERE d.kind = 'U' AND {holds} AND EXISTS (SELECT 1 FROM temp.d1_migrate_taken);
         CREATE INDEX temp.d1_migrate_held_v ON d1_migrate_held({index});",
        taken = values(&shape.live(), 'l'),
        held = values(&shape.shadow(), 's'),
        live = shape.live(),
        shadow = shape.shadow(),
        named_l = shape.is_named("l", 'l'),
        named_s = shape.is_named("s", 's'),
        takes = inside(&shape.live(), 'l'),
        holds = inside(&shape.shadow(), 's'),
        index = index.join(", "),
    ))
}

/// An order of rows.
#[derive(Debug, PartialEq, Eq)]
struct Order {
    /// Every row that waits or is waited for, those that are waited for first.
    rows: Vec<i64>,
    /// Rows that must give up what others wait for before the first update.
    aside: HashSet<i64>,
}

/// Sorts rows so that each comes after those it waits for. When only circles are left, one row of them steps aside, and
/// so is no longer waited for.
fn sort(edges: &[Wait]) -> Order {
    let mut waiting: HashMap<i64, usize> = HashMap::new();
    let mut waiters: HashMap<i64, Vec<i64>> = HashMap::new();
    for &Wait { taker, holder, .. } in edges {
        *waiting.entry(taker).or_default() += 1;
        waiting.entry(holder).or_default();
        waiters.entry(holder).or_default().push(taker);
    }
    let mut all: Vec<i64> = waiting.keys().copied().collect();
    all.sort_unstable();
    let mut ready: VecDeque<i64> = all.iter().copied().filter(|row| waiting[row] == 0).collect();
    let mut order = Order { rows: Vec::with_capacity(all.len()), aside: HashSet::new() };
    // A row that is waited for only by those it would follow has nothing to give up: it comes last.
    let gives_up: HashSet<i64> = edges.iter().filter(|edge| edge.key != 0).map(|edge| edge.holder).collect();
    let mut rest = all.iter().copied().filter(|row| gives_up.contains(row)).chain(all.iter().copied());
    loop {
        while let Some(row) = ready.pop_front() {
            order.rows.push(row);
            release(row, &mut waiters, &mut waiting, &mut ready);
        }
        let Some(row) = rest.find(|row| waiters.contains_key(row)) else {
            return order;
        };
        order.aside.insert(row);
        release(row, &mut waiters, &mut waiting, &mut ready);
    }
}

/// `row` lets go of what it holds.
fn release(
    row: i64,
    waiters: &mut HashMap<i64, Vec<i64>>,
    waiting: &mut HashMap<i64, usize>,
    ready: &mut VecDeque<i64>,
) {
    for waiter in waiters.remove(&row).unwrap_or_default() {
        if let Some(count) = waiting.get_mut(&waiter) {
            *count -= 1;
            if *count == 0 {
                ready.push_back(waiter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(pairs: &[(i64, i64)]) -> Order {
        let waits: Vec<Wait> = pairs.iter().map(|&(taker, holder)| Wait { taker, holder, key: 1 }).collect();
        sort(&waits)
    }

    #[test]
    fn a_chain_is_followed_from_its_free_end() {
        assert_eq!(sorted(&[(1, 2), (2, 3)]), Order { rows: vec![3, 2, 1], aside: HashSet::new() });
    }

    #[test]
    fn in_a_circle_one_row_steps_aside() {
        let order = sorted(&[(1, 2), (2, 3), (3, 1)]);
        assert_eq!(order, Order { rows: vec![3, 2, 1], aside: HashSet::from([1]) });
    }

    #[test]
    fn every_row_comes_once_in_two_circles_that_share_a_row() {
        let pairs = [(1, 2), (2, 1), (2, 3), (3, 2)];
        let order = sorted(&pairs);
        let mut rows = order.rows.clone();
        rows.sort_unstable();
        assert_eq!(rows, [1, 2, 3]);
        let at = |row| order.rows.iter().position(|&other| other == row);
        for (taker, holder) in pairs {
            assert!(order.aside.contains(&holder) || at(holder) < at(taker), "{taker} takes from {holder}");
        }
    }
}
