//! The statements for rows that come, as many in one as D1 takes.

use rusqlite::OptionalExtension;
use rusqlite::types::ValueRef;

use super::Error;
use super::rows::{Place, RowWriter, ordered};
use crate::difference::Rows;
use crate::schema::TableKind;
use crate::sql_text::{InsertBatch, Pushed, insert, quote_identifier};

impl RowWriter<'_> {
    /// Rows that come.
    pub(super) fn inserts(&mut self) -> Result<(), Error> {
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
                ordered(&self.shape.slots('l'), "ASC"),
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
            natural = match expected == values.first().copied() {
                true => natural.and_then(|rowid| rowid.checked_add(1)),
                false => {
                    if expected.is_some() {
                        self.spool_rest(&mut batch)?;
                        batch = self.batch(false);
                    }
                    None
                }
            };
            self.insert(&mut batch, &values, natural.is_some())?;
        }
        self.spool_rest(&mut batch)
    }

    fn insert(
        &mut self,
        batch: &mut InsertBatch,
        values: &[ValueRef],
        is_natural: bool,
    ) -> Result<(), Error> {
        self.fits(values.iter().copied(), || self.place_of_new(values))?;
        match batch.push_row(&values[usize::from(is_natural)..]) {
            Pushed::Held => {}
            Pushed::Finished(statement) => self.spool.push(&statement)?,
            Pushed::TooLarge(before) => {
                if let Some(statement) = before {
                    self.spool.push(&statement)?;
                }
                self.push_all(insert(&self.table.name, &self.shape.written, values)?)?;
            }
        }
        Ok(())
    }

    fn place_of_new<'r>(&self, values: &[ValueRef<'r>]) -> Place<'r> {
        let names = self.identity_names();
        let values = self.shape.written.iter().cloned().zip(values.iter().copied());
        values.filter(|(name, _)| names.contains(name)).collect()
    }

    fn batch(&self, is_natural: bool) -> InsertBatch {
        InsertBatch::new(&self.table.name, &self.shape.written[usize::from(is_natural)..])
    }

    fn spool_rest(&mut self, batch: &mut InsertBatch) -> Result<(), Error> {
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
