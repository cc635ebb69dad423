//! Changes and deletions that are alike, many in one statement: a statement for each row would take D1, and the proof on the
//! shadow, ten times as long.

use rusqlite::types::ValueRef;

use super::Error;
use super::rows::Place;
use super::spool::Sink;
use crate::sql_text::{Batch, Cell, Pushed, Target, delete, update};

/// Fewer rows than this are written one by one: that reads better.
const MANY: usize = 5;

/// More kinds of changes than this are not kept apart at a time.
const MOST_GROUPS: usize = 16;

/// D1 takes 100 columns, and SQLite adds some of its own to those of the values.
const MOST_COLUMNS: usize = 90;

/// Statements for rows of one table whose order does not matter.
pub(super) struct Batches<'t> {
    table: Target<'t>,
    groups: Vec<Group>,
}

/// Rows that are named by the same columns and set the same columns.
struct Group {
    set: Vec<String>,
    place: Vec<String>,
    /// The first ones, each as statements of its own, until there are many.
    few: Vec<String>,
    rows: usize,
    batch: Batch,
}

impl<'t> Batches<'t> {
    pub(super) fn new(table: Target<'t>) -> Self {
        Self { table, groups: Vec::new() }
    }

    /// Sets columns of the row that `place` names, or deletes it where there are none to be set.
    pub(super) fn push(&mut self, sink: &mut dyn Sink, set: &[Cell], place: &Place) -> Result<(), Error> {
        let alone = match set.is_empty() {
            true => place.len() > 1,
            false => {
                let is_set = |name: &String| set.iter().any(|(changed, _)| changed == name);
                set.len() + place.len() > MOST_COLUMNS || place.iter().any(|witness| is_set(&witness.column))
            }
        };
        // NULL is equal to nothing, and a DELETE by several columns would look at the whole table.
        if alone || place.iter().any(|witness| witness.value == ValueRef::Null || witness.has_doubles) {
            return Ok(sink.push_all(&one_by_one(self.table, set, place)?)?);
        }
        let table = self.table;
        let group = self.group(sink, set, place)?;
        group.rows += 1;
        if group.rows < MANY {
            group.few.extend(one_by_one(table, set, place)?);
        }
        let new = set.iter().map(|(_, value)| *value);
        let values: Vec<ValueRef> = place.iter().map(|witness| witness.value).chain(new).collect();
        match group.batch.push_row(&values) {
            Pushed::Held => Ok(()),
            Pushed::Finished(statement) => {
                // The row that did not fit is in the batch, the ones before it are written.
                group.few = one_by_one(table, set, place)?;
                group.rows = 1;
                Ok(sink.push(&statement)?)
            }
            Pushed::TooLarge(before) => {
                group.few.clear();
                group.rows = 0;
                before.iter().try_for_each(|statement| sink.push(statement))?;
                Ok(sink.push_all(&one_by_one(table, set, place)?)?)
            }
        }
    }

    fn group(&mut self, sink: &mut dyn Sink, set: &[Cell], place: &Place) -> Result<&mut Group, Error> {
        let is_alike = |group: &Group| columns(set).eq(&group.set) && named_by(place).eq(&group.place);
        let at = match self.groups.iter().position(is_alike) {
            Some(at) => at,
            None => {
                if self.groups.len() == MOST_GROUPS {
                    self.finish(sink)?;
                }
                self.groups.push(Group::new(
                    self.table,
                    columns(set).cloned().collect(),
                    named_by(place).cloned().collect(),
                ));
                self.groups.len() - 1
            }
        };
        Ok(&mut self.groups[at])
    }

    /// Writes what is still held.
    pub(super) fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        for mut group in self.groups.drain(..) {
            match group.rows < MANY {
                true => sink.push_all(&group.few)?,
                false => group.batch.finish().iter().try_for_each(|statement| sink.push(statement))?,
            }
        }
        Ok(())
    }
}

impl Group {
    fn new(table: Target, set: Vec<String>, place: Vec<String>) -> Self {
        let batch = match set.is_empty() {
            true => Batch::delete(table.table, &place[0]),
            false => Batch::update(table, &place, &set),
        };
        Self { set, place, few: Vec::new(), rows: 0, batch }
    }
}

fn one_by_one(table: Target, set: &[Cell], place: &Place) -> Result<Vec<String>, Error> {
    Ok(match set.is_empty() {
        true => delete(table.table, place)?,
        false => update(table, set, place)?,
    })
}

fn columns<'c>(set: &'c [Cell]) -> impl Iterator<Item = &'c String> {
    set.iter().map(|(name, _)| name)
}

fn named_by<'p>(place: &'p Place) -> impl Iterator<Item = &'p String> {
    place.iter().map(|witness| &witness.column)
}
