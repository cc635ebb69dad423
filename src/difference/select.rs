//! Takes a part of a difference: some tables, or what changed since a moment. What is not taken stays pending.

use rusqlite::Connection;

use super::Error;
use super::columns::RowShape;
use super::compare::{Comparison, Counts, Rows, TableDifference, count, list_rows};
use super::look::{Look, touched_since};
use super::sequences::Sequence;
use crate::schema::Schema;

/// Which part of the difference is wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these tables; all where there are none.
    pub tables: Vec<String>,
    /// Only rows that changed at or after this moment, in milliseconds since 1970.
    pub since: Option<i64>,
}

/// A difference in two parts.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// What was wanted.
    pub taken: Vec<TableDifference>,
    /// Search indexes that were wanted.
    pub indexes: Vec<String>,
    /// Counters of the tables that were wanted.
    pub sequences: Vec<Sequence>,
    /// What stays pending.
    pub left: Vec<TableDifference>,
    /// Tables whose counters stay pending.
    pub left_sequences: Vec<String>,
    /// Search indexes that stay pending.
    pub left_indexes: Vec<String>,
}

impl Selected {
    /// Is nothing wanted of what differs?
    pub fn is_nothing(&self) -> bool {
        self.taken.is_empty() && self.sequences.is_empty() && self.indexes.is_empty()
    }
}

impl Selection {
    /// Is this table wanted?
    pub fn takes(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|name| name.eq_ignore_ascii_case(table))
    }

    /// Every table that is named must be there.
    pub fn check(&self, here: &Schema) -> Result<(), Error> {
        match self.tables.iter().find(|name| here.table(name).is_none()) {
            None => Ok(()),
            Some(table) => Err(Error::UnknownTable {
                table: table.clone(),
                known: here.tables.iter().map(|table| table.name.clone()).collect(),
            }),
        }
    }
}

/// Divides a difference.
pub fn select(conn: &Connection, comparison: &Comparison, selection: &Selection) -> Result<Selected, Error> {
    let mut selected = Selected::default();
    for (number, difference) in comparison.tables.iter().enumerate() {
        if !selection.takes(&difference.table.name) {
            selected.left.push(difference.clone());
            continue;
        }
        match selection.since {
            None => selected.taken.push(difference.clone()),
            Some(since) => {
                let (taken, left) = divide(conn, difference, since, number)?;
                selected.taken.extend(taken);
                selected.left.extend(left);
            }
        }
    }
    let wanted = comparison.sequences.iter().filter(|sequence| {
        selection.takes(&sequence.table)
            && (selection.since.is_none()
                || selected.taken.iter().any(|taken| taken.table.name == sequence.table))
    });
    let indexes =
        comparison.indexes.iter().filter(|index| selection.takes(index) && selection.since.is_none());
    selected.indexes = indexes.cloned().collect();
    let left = comparison.indexes.iter().filter(|index| !selected.indexes.contains(index));
    selected.left_indexes = left.cloned().collect();
    selected.sequences = wanted.cloned().collect();
    let left = comparison.sequences.iter().filter(|sequence| !selected.sequences.contains(sequence));
    selected.left_sequences = left.map(|sequence| sequence.table.clone()).collect();
    Ok(selected)
}

/// Rows that the changefeed names at or after `since`, and the others.
fn divide(
    conn: &Connection,
    difference: &TableDifference,
    since: i64,
    number: usize,
) -> Result<(Option<TableDifference>, Option<TableDifference>), Error> {
    let table = &difference.table;
    let shape = RowShape::of(table);
    let Some(keys) = touched_since(conn, table, since)? else {
        return Ok((None, Some(difference.clone())));
    };
    let diff = match &difference.rows {
        Rows::Listed(diff) => diff.clone(),
        Rows::AllNew { .. } => list_rows(conn, table, &Look::Everywhere, &format!("since_{number}"))?,
        Rows::Rewritten => return Ok((None, Some(difference.clone()))),
    };
    // The whole list stays: what is left is remembered by it.
    let (since, rest) = (format!("{diff}_since"), format!("{diff}_left"));
    let named = |side: char| {
        let pairs = shape.slots('k').into_iter().zip(shape.slots(side));
        let same = pairs.map(|(key, slot)| format!("k.{key} = d.{slot}")).collect::<Vec<_>>();
        format!("EXISTS (SELECT 1 FROM {keys} k WHERE {})", same.join(" AND "))
    };
    let untouched = format!("NOT {} AND NOT {}", named('l'), named('s'));
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS {rest}; CREATE TABLE {rest} AS SELECT * FROM {diff} d WHERE {untouched};
         DROP TABLE IF EXISTS {since}; CREATE TABLE {since} AS SELECT * FROM {diff} d WHERE NOT ({untouched});"
    ))?;
    let part = |name: String| -> Result<Option<TableDifference>, Error> {
        let rows = Rows::Listed(name);
        let counts = count(conn, table, &rows)?;
        Ok((counts != Counts::default()).then(|| TableDifference { table: table.clone(), rows, counts }))
    };
    Ok((part(since)?, part(rest)?))
}
