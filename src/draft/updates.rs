//! The statements for rows that change, in an order in which no unique value is ever held twice.

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

use super::Error;
use super::batches::Batches;
use super::parts::HOLD;
use super::rows::{Key, Place, RowWriter, ordered_slots};
use crate::difference::{ROWID_BIT, Rows, column_differs, key_bit};
use crate::schema::{Affinity, Identity, TableKind, UniqueKey};
use crate::sql_text::{Cell, quote_identifier, update};

/// Below every rowid that an app makes: where rows stand for a moment when they step aside.
pub(super) const ASIDE: i64 = -9_000_000_000_000_000_000;

/// Between what two columns of a row hold then: one that follows another may be unique too.
const COLUMN_APART: i64 = 1_000_000_000_000;

/// The column of a query about rows in which the shadow's identity begins.
pub(super) const IDENTITY: usize = 5;

const CHECKS_OFF: &str = "PRAGMA ignore_check_constraints=ON;";
const CHECKS_ON: &str = "PRAGMA ignore_check_constraints=OFF;";

/// Is a column to be set: told by name, value, and whether it was given up.
type Wanted<'w> = dyn Fn(&str, ValueRef, bool) -> bool + 'w;

impl RowWriter<'_> {
    /// Rows that change, in an order in which no unique value is ever held twice.
    pub(super) fn updates(&mut self) -> Result<(), Error> {
        let Rows::Listed(diff) = self.rows else {
            return Ok(());
        };
        let key = self.key()?;
        // Then the rowid is given with the new rows.
        let rowid = self.rise()?.map(|_| self.shape.written[0].clone());
        let loosened = self.loose.clone();
        let keeps = if rowid.is_some() { ROWID_BIT } else { 0 };
        self.park(&self.update_query(diff, &key, "d.aside <> 0"), &key, &loosened, |writer, row| {
            Ok(writer.given_up(row.get::<_, i64>(1)? & !keeps))
        })?;
        let mut statement = self.conn.prepare(&self.update_query(diff, &key, "1"))?;
        let mut rows = statement.query(())?;
        let mut batches = Batches::new(self.table.target());
        while let Some(row) = rows.next()? {
            let wanted = |name: &str, _: ValueRef, is_given_up| is_given_up || rowid.as_deref() != Some(name);
            self.update(row, &key, row.get::<_, i64>(1)? & !keeps, &wanted, &mut batches)?;
        }
        batches.finish(self.spool)
    }

    /// The columns with which a query about changed rows begins: the row of the list, the keys that it gives up first, whether
    /// it is loose, whether its turn matters, the storage classes of what it holds, the shadow's identity and key.
    pub(super) fn about_row(&self, key: &Key) -> String {
        // Only a generated column minds what class another one is of.
        let classes = match self.table.columns.iter().any(|column| column.generated) {
            true => {
                let names = self.shape.written.iter().map(|name| quote_identifier(name));
                names.map(|name| format!("substr(typeof(s.{name}), 1, 1)")).collect::<Vec<_>>().join(" || ")
            }
            false => "''".into(),
        };
        let key = key.names.iter().map(|name| quote_identifier(name));
        let names: Vec<String> =
            self.shape.identity.iter().cloned().chain(key).map(|name| format!("s.{name}")).collect();
        format!("d.rowid, d.aside, d.loose, d.step IS NOT NULL, {classes}, {}", names.join(", "))
    }

    /// Columns: [`Self::about_row`], then for each written column whether it differs and its local value.
    pub(super) fn update_query(&self, diff: &str, key: &Key, which: &str) -> String {
        let mut columns = vec![self.about_row(key)];
        if self.shape.hidden_rowid {
            let rowid = &self.shape.identity[0];
            columns.push(format!("s.{rowid} <> l.{rowid}, l.{rowid}"));
        }
        columns.extend(self.table.stored().map(|position| {
            let column = &self.table.columns[position];
            format!("{}, l.{}", column_differs(column, "s", "l"), quote_identifier(&column.name))
        }));
        format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} l ON {} CROSS JOIN {} s ON {} WHERE d.kind = 'U' AND {which} ORDER BY coalesce(d.step, 0), {}",
            columns.join(", "),
            self.shape.live(),
            self.shape.is_named("l", 'l'),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
            ordered_slots(&self.shape, 's', "ASC"),
        )
    }

    /// Sets the written columns that differ, or that the row gave up for the keys of `aside`, if they are `wanted`: told by name,
    /// value, and whether it was given up.
    pub(super) fn update(
        &mut self,
        row: &Row,
        key: &Key,
        aside: i64,
        wanted: &Wanted,
        batches: &mut Batches,
    ) -> Result<(), Error> {
        let first = IDENTITY + self.shape.identity.len() + key.names.len();
        let mut given_up = self.given_up(aside);
        let is_loose: bool = row.get(2)?;
        given_up.extend(self.loose.iter().filter(|_| is_loose).cloned());
        let set = self.changed(row, first, &given_up, wanted)?;
        if set.is_empty() {
            return Ok(());
        }
        let parked = self.parked(given_up, row)?;
        let place = self.place_now(row, IDENTITY, key, &parked)?;
        self.check_size(row, first, &place)?;
        if is_loose || row.get(3)? || matches!(self.table.kind, TableKind::Virtual(_)) {
            return self.push_all(update(self.table.target(), &set, &place)?);
        }
        batches.push(self.spool, &set, &place)
    }

    /// The columns to set.
    fn changed<'r>(
        &self,
        row: &'r Row,
        first: usize,
        given_up: &[String],
        wanted: &Wanted,
    ) -> rusqlite::Result<Vec<Cell<'r>>> {
        let mut set = Vec::new();
        for (position, name) in self.shape.written.iter().enumerate() {
            let differs: bool = row.get(first + 2 * position)?;
            let (value, is_given_up) = (row.get_ref(first + 2 * position + 1)?, given_up.contains(name));
            if (differs || is_given_up) && wanted(name, value, is_given_up) {
                set.push((name.clone(), value));
            }
        }
        Ok(set)
    }

    /// Gives up what the columns of these rows hold for such values as nobody else has. The query begins with
    /// [`Self::about_row`]. Loose rows have given up the `loosened` columns before.
    pub(super) fn park(
        &mut self,
        query: &str,
        key: &Key,
        loosened: &[String],
        columns: impl Fn(&Self, &Row) -> rusqlite::Result<Vec<String>>,
    ) -> Result<(), Error> {
        let mut statement = self.conn.prepare(query)?;
        let mut rows = statement.query(())?;
        let mut any = false;
        while let Some(row) = rows.next()? {
            let values = self.parked(columns(self, row)?, row)?;
            let set: Vec<Cell> = values.iter().map(|(name, value)| (name.clone(), value.into())).collect();
            if set.is_empty() {
                // Every column that decides also names the row, and stays.
                continue;
            }
            if !std::mem::replace(&mut any, true) {
                self.spool.push(HOLD)?;
                self.spool.push(CHECKS_OFF)?;
            }
            let is_loose: bool = row.get(2)?;
            let given_up = loosened.iter().filter(|_| is_loose).cloned().collect();
            let parked = self.parked(given_up, row)?;
            let place = self.place_now(row, IDENTITY, key, &parked)?;
            self.push_all(update(self.table.target(), &set, &place)?)?;
        }
        if any {
            self.spool.push(CHECKS_ON)?;
        }
        Ok(())
    }

    /// The columns on which the given up keys hang: those that name the row only where there are no others.
    pub(super) fn given_up(&self, bits: i64) -> Vec<String> {
        let named_by = self.named_by();
        let hang = |key: &UniqueKey| {
            let columns = self.table.stored().filter(|&position| key.hangs_on(self.table, position));
            let (names, others): (Vec<usize>, Vec<usize>) =
                columns.partition(|column| named_by.contains(column));
            if others.is_empty() { names } else { others }
        };
        let keys = self.table.secondary_keys().enumerate().filter(|(number, _)| bits & key_bit(*number) != 0);
        let columns: Vec<usize> = keys.flat_map(|(_, key)| hang(key)).collect();
        let name = self.parked_name().filter(|_| bits & ROWID_BIT != 0);
        let columns = self.table.stored().filter(|position| columns.contains(position));
        let columns = columns.map(|position| self.table.columns[position].name.clone());
        let others: Vec<String> = columns.filter(|column| name.as_ref() != Some(column)).collect();
        name.into_iter().chain(others).collect()
    }

    pub(super) fn named_by(&self) -> Vec<usize> {
        match self.table.identity() {
            Identity::Key(columns) => columns,
            _ => self.table.rowid_alias.into_iter().collect(),
        }
    }

    /// The column of a row's name that is given up: one is enough.
    fn parked_name(&self) -> Option<String> {
        self.identity_names().pop()
    }

    /// What these columns hold while they are given up.
    pub(super) fn parked(&self, names: Vec<String>, row: &Row) -> rusqlite::Result<Vec<(String, Value)>> {
        names.into_iter().map(|name| self.parked_value(&name, row).map(|value| (name, value))).collect()
    }

    fn parked_value(&self, name: &str, row: &Row) -> rusqlite::Result<Value> {
        let moment = moment(row)?;
        let Some(position) = self.table.column(name) else {
            return Ok(Value::Integer(moment));
        };
        let moment = moment + position as i64 * COLUMN_APART;
        let column = &self.table.columns[position];
        let has_generated = self.table.columns.iter().any(|other| other.generated);
        // A generated column may not be able to do with NULL what it does with a value, and children that follow would be lost.
        // By NULL the row could not be named any more.
        let names = self.table.primary_key.contains(&position) || self.declared.contains(&position);
        let may_be_null = !column.not_null && !names;
        if may_be_null && !has_generated && !self.followed.contains(&position) {
            return Ok(Value::Null);
        }
        let classes: String = row.get(4)?;
        let at = self.shape.written.iter().position(|other| other == name);
        let class = at.and_then(|at| classes.as_bytes().get(at));
        Ok(match (column.affinity, class) {
            // A STRICT generated column may be able to do with a number what it does with what the row holds, but not with a word.
            (Affinity::Text, _) | (Affinity::Blob, Some(b't')) if has_generated => {
                Value::Text(moment.to_string())
            }
            (Affinity::Text, _) | (Affinity::Blob, Some(b't')) => Value::Text(format!("d1-migrate {moment}")),
            (Affinity::Integer, _) | (Affinity::Blob, Some(b'i')) => Value::Integer(moment),
            // Neighbours among the integers of this size are one REAL; up to 2^53 each has its own.
            (Affinity::Real, _) | (Affinity::Blob, Some(b'r')) => {
                Value::Real(-4.0e15 - (moment - ASIDE) as f64)
            }
            (Affinity::Blob, _) => Value::Blob(moment.to_be_bytes().to_vec()),
        })
    }

    fn check_size(&self, row: &Row, first: usize, place: &Place) -> Result<(), Error> {
        let values = (0..self.shape.written.len())
            .map(|position| row.get_ref(first + 2 * position + 1))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.fits(values.into_iter(), || place.clone())
    }
}

/// Where a row stands while it steps aside: no other one does.
fn moment(row: &Row) -> rusqlite::Result<i64> {
    Ok(ASIDE + row.get::<_, i64>(0)?)
}
