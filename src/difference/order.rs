//! The order of updates, so that a UNIQUE value is let go before another row takes it. Where rows take values in a
//! circle, one of them steps aside first.

use std::collections::{HashMap, VecDeque};

use rusqlite::Connection;

use super::columns::{RowShape, column_differs};
use crate::schema::{Identity, Table};
use crate::sql_text::quote_identifier;

/// Numbers the updates in the table of differences (`step`), and gives the rows of it that must step aside first.
pub fn arrange_updates(conn: &Connection, table: &Table, diff: &str) -> rusqlite::Result<Vec<i64>> {
    let edges = waits(conn, table, diff)?;
    if edges.is_empty() {
        return Ok(Vec::new());
    }
    let order = sort(&edges);
    let mut put = conn.prepare(&format!("UPDATE {diff} SET step = ?2 WHERE rowid = ?1"))?;
    for (step, row) in order.rows.iter().enumerate() {
        put.execute([*row, step as i64 + 1])?;
    }
    Ok(order.aside)
}

/// Pairs of rows of the table of differences: the first takes a value that the second still holds.
fn waits(conn: &Connection, table: &Table, diff: &str) -> rusqlite::Result<Vec<(i64, i64)>> {
    let shape = RowShape::of(table);
    let mut edges = Vec::new();
    let mut collect = |sql: &str| -> rusqlite::Result<()> {
        let mut statement = conn.prepare(sql)?;
        for edge in statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))? {
            edges.push(edge?);
        }
        Ok(())
    };
    if let Identity::Rowid(_) = table.identity() {
        let taken = format!(
            "SELECT d.rowid, h.rowid FROM {diff} d JOIN {diff} h ON h.s1 = d.l1 AND h.kind = 'U'
             WHERE d.kind = 'U' AND d.l1 <> d.s1"
        );
        collect(&taken)?;
    }
    for key in table.secondary_keys() {
        let Some(columns) = key.columns.iter().cloned().collect::<Option<Vec<_>>>() else {
            continue;
        };
        let moved: Vec<String> = (columns.iter())
            .map(|(position, _)| column_differs(&table.columns[*position], "l", "s"))
            .collect();
        let held: Vec<String> = (columns.iter())
            .map(|(position, collation)| {
                let name = quote_identifier(&table.columns[*position].name);
                format!("o.{name} = l.{name} COLLATE {}", quote_identifier(collation))
            })
            .collect();
        let holder: Vec<String> = (shape.identity.iter().zip(shape.slots('s')))
            .map(|(name, slot)| format!("h.{slot} = o.{name}"))
            .collect();
        collect(&format!(
            "SELECT d.rowid, h.rowid FROM {diff} d
               CROSS JOIN {live} l ON {l} CROSS JOIN {shadow} s ON {s}
               CROSS JOIN {shadow} o ON {held} CROSS JOIN {diff} h ON {holder} AND h.kind = 'U' AND h.rowid <> d.rowid
             WHERE d.kind = 'U' AND ({moved})",
            live = shape.live(),
            shadow = shape.shadow(),
            l = shape.is_named("l", 'l'),
            s = shape.is_named("s", 's'),
            held = held.join(" AND "),
            holder = holder.join(" AND "),
            moved = moved.join(" OR "),
        ))?;
    }
    Ok(edges)
}

/// An order of rows.
#[derive(Debug, PartialEq, Eq)]
struct Order {
    /// Every row that waits or is waited for, those that are waited for first.
    rows: Vec<i64>,
    /// Rows that must give up what they hold before the first update.
    aside: Vec<i64>,
}

/// Sorts rows so that each comes after those it waits for. When only circles are left, one row of them steps aside, and
/// so is no longer waited for.
fn sort(edges: &[(i64, i64)]) -> Order {
    let mut waiting: HashMap<i64, usize> = HashMap::new();
    let mut waiters: HashMap<i64, Vec<i64>> = HashMap::new();
    for &(taker, holder) in edges {
        *waiting.entry(taker).or_default() += 1;
        waiting.entry(holder).or_default();
        waiters.entry(holder).or_default().push(taker);
    }
    let mut all: Vec<i64> = waiting.keys().copied().collect();
    all.sort_unstable();
    let mut ready: VecDeque<i64> = all.iter().copied().filter(|row| waiting[row] == 0).collect();
    let mut order = Order { rows: Vec::with_capacity(all.len()), aside: Vec::new() };
    let mut rest = all.iter().copied();
    loop {
        while let Some(row) = ready.pop_front() {
            order.rows.push(row);
            release(row, &mut waiters, &mut waiting, &mut ready);
        }
        let Some(row) = rest.find(|row| waiters.contains_key(row)) else {
            return order;
        };
        order.aside.push(row);
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

    #[test]
    fn a_chain_is_followed_from_its_free_end() {
        let order = sort(&[(1, 2), (2, 3)]);
        assert_eq!(order, Order { rows: vec![3, 2, 1], aside: vec![] });
    }

    #[test]
    fn in_a_circle_one_row_steps_aside() {
        let order = sort(&[(1, 2), (2, 3), (3, 1)]);
        assert_eq!(order, Order { rows: vec![3, 2, 1], aside: vec![1] });
    }

    #[test]
    fn every_row_comes_once_in_two_circles_that_share_a_row() {
        let order = sort(&[(1, 2), (2, 1), (2, 3), (3, 2)]);
        let mut rows = order.rows.clone();
        rows.sort_unstable();
        assert_eq!(rows, [1, 2, 3]);
        let held = |row: &i64| !order.aside.contains(row);
        for (taker, holder) in [(1, 2), (2, 1), (2, 3), (3, 2)] {
            let at = |row| order.rows.iter().position(|&other| other == row);
            assert!(!held(&holder) || at(holder) < at(taker), "{taker} takes from {holder}");
        }
    }
}
