//! The statements for rows that come, as many in one as D1 takes.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row};

use super::Error;
use super::name::names;
use super::rows::{Place, RowWriter, ordered, ordered_slots};
use crate::difference::Rows;
use crate::schema::TableKind;
use crate::sql_text::{Batch, Pushed, condition, display_identifier, insert, quote_identifier};

/// A key that is longer than this does not fit into a statement with room to spare.
const LONGEST_NAME: usize = 90_000;

impl RowWriter<'_> {
    /// Rows that come.
    pub(super) fn inserts(&mut self) -> Result<(), Error> {
        if self.rises()? {
            return self.inserts_that_rise();
        }
        let written: Vec<String> =
            (self.shape.written.iter()).map(|name| format!("l.{}", quote_identifier(name))).collect();
        let written = written.join(", ");
        let live = self.shape.live();
        let sql = match self.rows {
            Rows::AllNew => {
                let order = ordered(&self.shape.identity, "ASC");
                format!("SELECT {written} FROM {live} l ORDER BY {order}")
            }
            Rows::Rewritten => format!("SELECT {written} FROM {live} l"),
            Rows::Listed(diff) => format!(
                "SELECT {written} FROM {diff} d CROSS JOIN {live} l ON {} WHERE d.kind = 'I' ORDER BY {}",
                self.shape.is_named("l", 'l'),
                ordered_slots(&self.shape, 'l', "ASC"),
            ),
        };
        let sql = sql.trim_end_matches(" ORDER BY ").to_owned();
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query(())?;
        let mut natural = self.next_natural_rowid()?;
        let mut batch = self.batch(natural.is_some());
        while let Some(row) = rows.next()? {
            let mut values = Vec::with_capacity(self.shape.written.len());
            for position in 0..self.shape.written.len() {
                values.push(row.get_ref(position)?);
            }
            let expected = natural.map(ValueRef::Integer);
            let is_natural = expected.is_some() && expected == values.first().copied();
            if expected.is_some() && !is_natural {
                self.spool_rest(&mut batch)?;
                batch = self.batch(false);
            }
            self.insert(&mut batch, &values, is_natural)?;
            natural = natural.filter(|_| is_natural).and_then(|rowid| rowid.checked_add(1));
            if is_natural && natural.is_none() {
                self.spool_rest(&mut batch)?;
                batch = self.batch(false);
            }
        }
        self.spool_rest(&mut batch)
    }

    /// New rows, and rows that a REPLACE gave a new hidden rowid, in the order of these rowids: each is then the one that
    /// SQLite gives by itself, and none can meet that of a row that only the real D1 has.
    fn inserts_that_rise(&mut self) -> Result<(), Error> {
        let Rows::Listed(diff) = self.rows else { return Ok(()) };
        let key = names(self.table, &self.declared);
        let columns =
            self.shape.written.iter().chain(&key).map(|name| format!("l.{}", quote_identifier(name)));
        let sql = format!(
            "SELECT d.kind = 'U', d.s1, {} FROM {diff} d CROSS JOIN {} l ON {} WHERE d.kind = 'I' OR (d.kind = 'U' AND d.l1 <> d.s1)
               ORDER BY d.l1",
            columns.collect::<Vec<_>>().join(", "),
            self.shape.live(),
            self.shape.is_named("l", 'l'),
        );
        let rowid = display_identifier(&self.shape.written[0]).into_owned();
        let table = display_identifier(&self.table.name).into_owned();
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query(())?;
        let mut batch = self.batch(true);
        while let Some(row) = rows.next()? {
            let values = cells(row, 2, self.shape.written.len())?;
            if !row.get::<_, bool>(0)? {
                self.insert(&mut batch, &values, true)?;
                continue;
            }
            self.spool_rest(&mut batch)?;
            let by_key = key.iter().cloned().zip(cells(row, 2 + values.len(), key.len())?);
            let by_key: Place = by_key.map(Into::into).collect();
            let is_name = !by_key.is_empty() && by_key.iter().all(|witness| witness.value != ValueRef::Null);
            let place = match is_name && condition(&by_key).len() < LONGEST_NAME {
                true => by_key,
                false => vec![(self.shape.written[0].clone(), row.get_ref(1)?).into()],
            };
            self.spool.push(&format!(
                "{} SET {rowid} = (SELECT max({rowid}) + 1 FROM {table}) WHERE {};",
                self.table.target().update(),
                condition(&place)
            ))?;
        }
        self.spool_rest(&mut batch)
    }

    fn insert(&mut self, batch: &mut Batch, values: &[ValueRef], is_natural: bool) -> Result<(), Error> {
        self.fits(values.iter().copied(), || self.place_of_new(values))?;
        let first = usize::from(is_natural);
        match batch.push_row(&values[first..]) {
            Pushed::Held => {}
            Pushed::Finished(statement) => self.spool.push(&statement)?,
            Pushed::TooLarge(before) => {
                if let Some(statement) = before {
                    self.spool.push(&statement)?;
                }
                self.push_all(insert(self.table.target(), &self.shape.written[first..], &values[first..])?)?;
            }
        }
        Ok(())
    }

    fn place_of_new<'r>(&self, values: &[ValueRef<'r>]) -> Place<'r> {
        let names = self.identity_names();
        let values = self.shape.written.iter().cloned().zip(values.iter().copied());
        values.filter(|(name, _)| names.contains(name)).map(Into::into).collect()
    }

    fn batch(&self, is_natural: bool) -> Batch {
        Batch::insert(self.table.target(), &self.shape.written[usize::from(is_natural)..])
    }

    fn spool_rest(&mut self, batch: &mut Batch) -> Result<(), Error> {
        if let Some(statement) = batch.finish() {
            self.spool.push(&statement)?;
        }
        Ok(())
    }

    /// The hidden rowid that SQLite would give to the first new row: one more than the highest. As long as the new rows
    /// follow it without a gap, their rowids need not be written, and cannot meet those of rows that only the real D1 has.
    fn next_natural_rowid(&self) -> rusqlite::Result<Option<i64>> {
        if !self.shape.hidden_rowid || matches!(self.table.kind, TableKind::Virtual(_)) {
            return Ok(None);
        }
        let Rows::Listed(diff) = self.rows else {
            return Ok(Some(1));
        };
        let rowid = &self.shape.identity[0];
        let highest = format!(
            "SELECT l.{rowid} FROM {} l WHERE l.{rowid} NOT IN (SELECT l1 FROM {diff} WHERE kind = 'I') ORDER BY l.{rowid} DESC LIMIT 1",
            self.shape.live()
        );
        let highest: Option<i64> = self.conn.query_row(&highest, (), |row| row.get(0)).optional()?;
        // After the highest possible rowid SQLite picks one at random; below 1 it goes on with 1.
        Ok(highest.unwrap_or(0).max(0).checked_add(1))
    }
}

fn cells<'r>(row: &'r Row, from: usize, count: usize) -> rusqlite::Result<Vec<ValueRef<'r>>> {
    (from..from + count).map(|at| row.get_ref(at)).collect()
}
