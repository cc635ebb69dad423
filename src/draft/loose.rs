//! Rows that must let go of a parent before it goes or changes its key.
//!
//! Tables are written children first. Where tables point to each other in a circle, or to themselves, a parent comes too
//! early for some children: an action would change or delete them, or be refused. These children are made loose first:
//! their foreign keys point to nothing for a moment, which `defer_foreign_keys` allows.

use rusqlite::Connection;

use super::Error;
use super::rows::{Key, RowWriter};
use crate::difference::{RowShape, Rows, TableDifference, column_differs, points_to};
use crate::schema::{Action, ForeignKey, Identity, Table, children_among};

/// Marks the rows that must be made loose (`loose` in the tables of differences). `order` is the order of writing.
pub(super) fn mark(
    conn: &Connection,
    order: &[&Table],
    differences: &[TableDifference],
) -> Result<(), Error> {
    for (at, child) in order.iter().enumerate() {
        for (key, parent) in backward_keys(order, at, child) {
            let find = |table: &Table| {
                differences.iter().find(|other| other.table.name.eq_ignore_ascii_case(&table.name))
            };
            if let (Some(child), Some(parent)) = (find(child), find(parent)) {
                mark_by(conn, child, key, parent)?;
            }
        }
    }
    Ok(())
}

/// The columns of the foreign keys that point to a table that is written no later, as positions.
pub(super) fn loose_columns(order: &[&Table], child: &Table) -> Vec<usize> {
    let at = order.iter().position(|table| table.name.eq_ignore_ascii_case(&child.name)).unwrap_or(0);
    let acts = |column: &usize| {
        children_among(order.iter().copied(), &child.name)
            .any(|(_, key)| key.on_update != Action::Nothing && child.pointed_to(key).contains(column))
    };
    let let_go = |key: &ForeignKey| {
        // One column of several is enough: best one whose change does nothing to children.
        let own = own_columns(child, key);
        let free: Vec<usize> = own.iter().copied().filter(|column| !acts(column)).collect();
        if free.is_empty() { own } else { free }
    };
    let mut columns: Vec<usize> = backward_keys(order, at, child).flat_map(|(key, _)| let_go(key)).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn backward_keys<'o>(
    order: &'o [&'o Table],
    at: usize,
    child: &'o Table,
) -> impl Iterator<Item = (&'o ForeignKey, &'o Table)> {
    child.foreign_keys.iter().filter_map(move |key| {
        let parent = order[..=at].iter().find(|table| table.name.eq_ignore_ascii_case(&key.parent))?;
        let can_point_elsewhere = own_columns(child, key).iter().all(|column| !names_the_row(child, *column));
        can_point_elsewhere.then_some((key, *parent))
    })
}

fn own_columns(child: &Table, key: &ForeignKey) -> Vec<usize> {
    key.columns.iter().filter_map(|(own, _)| child.column(own)).collect()
}

fn names_the_row(table: &Table, column: usize) -> bool {
    table.rowid_alias == Some(column)
        || table.columns[column].generated
        || matches!(table.identity(), Identity::Key(columns) if columns.contains(&column))
}

fn mark_by(
    conn: &Connection,
    child: &TableDifference,
    key: &ForeignKey,
    parent: &TableDifference,
) -> Result<(), Error> {
    let (Rows::Listed(rows), Rows::Listed(parents)) = (&child.rows, &parent.rows) else { return Ok(()) };
    let (shape, parent_shape) = (RowShape::of(&child.table), RowShape::of(&parent.table));
    let parent_columns = parent.table.pointed_to(key);
    let points = points_to(key, (&child.table, "c"), (&parent.table, "p"));
    let changes: Vec<String> = parent_columns
        .iter()
        .map(|&column| column_differs(&parent.table.columns[column], "l", "p"))
        .collect();
    if points.is_empty() || changes.is_empty() {
        return Ok(());
    }
    let goes = format!(
        "EXISTS (SELECT 1 FROM {parents} d WHERE {named} AND (d.kind = 'D' OR (d.kind = 'U' AND (d.aside <> 0 OR
           EXISTS (SELECT 1 FROM {live} l WHERE {changed} AND ({differ}))))))",
        named = parent_shape.is_named("p", 's'),
        live = parent_shape.live(),
        changed = parent_shape.is_named("l", 'l'),
        differ = changes.join(" OR "),
    );
    // In a table that points to itself no row is its own parent, and of the rows that go those with higher rowids go
    // first: the younger ones, which are the children as a rule.
    let other = match child.table.name == parent.table.name {
        true if shape.names_by_rowid => {
            let rowid = &shape.identity[0];
            format!("(d.kind = 'U' AND p.{rowid} <> c.{rowid} OR p.{rowid} > c.{rowid})")
        }
        true => format!("NOT ({})", shape.same_row("p", "c")),
        false => "1".into(),
    };
    conn.execute_batch(&format!(
        "UPDATE {rows} AS d SET loose = 1 WHERE kind <> 'I' AND EXISTS (SELECT 1 FROM {child} c WHERE {named} AND EXISTS (
           SELECT 1 FROM {parent} p WHERE {points} AND {other} AND {goes}))",
        child = shape.shadow(),
        named = shape.is_named("c", 's'),
        parent = parent_shape.shadow(),
    ))?;
    Ok(())
}

impl RowWriter<'_> {
    /// Makes the marked rows point to nothing.
    pub(super) fn loosen(&mut self) -> Result<(), Error> {
        let Rows::Listed(diff) = self.rows else { return Ok(()) };
        if self.loose.is_empty() {
            return Ok(());
        }
        let key = self.key()?;
        let query = format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} s ON {} WHERE d.loose",
            self.about_row(&key),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
        );
        self.park(&query, &key, &[], |writer, _| Ok(writer.loose.clone()))
    }

    /// Lets rows go of a parent in their own table whose key changes, if they go or move elsewhere: the unique value in which they
    /// would follow it may be one that another row still holds.
    pub(super) fn let_go(&mut self, diff: &str) -> Result<(), Error> {
        let table = self.table;
        let key = self.key()?;
        for foreign in table.own_followers() {
            let own = own_columns(table, foreign);
            if own.iter().any(|column| names_the_row(table, *column) || self.followed.contains(column)) {
                continue;
            }
            let query = self.query_elsewhere(diff, &key, foreign);
            let names: Vec<String> = own.iter().map(|&own| table.columns[own].name.clone()).collect();
            self.park(&query, &key, &[], |_, _| Ok(names.clone()))?;
        }
        Ok(())
    }

    /// Rows that point by `foreign` to a row of their own table that changes what they point to, and that do not follow it.
    fn query_elsewhere(&self, diff: &str, key: &Key, foreign: &ForeignKey) -> String {
        let (table, shape) = (self.table, &self.shape);
        let points = |child: &str, parent: &str| points_to(foreign, (table, child), (table, parent));
        let parent = table.pointed_to(foreign);
        let changes: Vec<String> =
            parent.iter().map(|&column| column_differs(&table.columns[column], "n", "p")).collect();
        format!(
            "SELECT {about} FROM {diff} d CROSS JOIN {shadow} s ON {named} WHERE d.kind <> 'I' AND EXISTS (
               SELECT 1 FROM {shadow} p CROSS JOIN {diff} e ON {was} AND e.kind = 'U' CROSS JOIN {live} n ON {is_now}
                 WHERE {pointed} AND ({changes})
                   AND NOT (d.kind = 'U' AND EXISTS (SELECT 1 FROM {live} l WHERE {is_here} AND {follows})))",
            about = self.about_row(key),
            shadow = shape.shadow(),
            live = shape.live(),
            named = shape.is_named("s", 's'),
            was = shape.is_named_in("e", "p", 's'),
            is_now = shape.is_named_in("e", "n", 'l'),
            pointed = points("s", "p"),
            changes = changes.join(" OR "),
            is_here = shape.is_named("l", 'l'),
            follows = points("l", "n"),
        )
    }
}
