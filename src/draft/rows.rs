//! The statements for the rows of one table that differ: what goes, what changes, what comes.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use super::Error;
use super::spool::Spool;
use crate::difference::{RowShape, Rows, TableDifference, any_unknown, arrange_updates, column_differs};
use crate::schema::{Affinity, Identity, Table, TableKind};
use crate::sql_text::{
    InsertBatch, Pushed, display_identifier, literal, oversized_row, oversized_update, quote_identifier,
};

/// Documented for the real D1: a row, a string or a BLOB (workerd takes up to 4.3 MB).
const MAX_ROW_BYTES: usize = 2_000_000;

/// Below every rowid that an app makes: where rows stand for a moment when they step aside.
const ASIDE: i64 = -9_000_000_000_000_000_000;

/// Columns and values that name one row.
type Place<'r> = Vec<(String, ValueRef<'r>)>;

const CHECKS_OFF: &str = "PRAGMA ignore_check_constraints=ON;";
const CHECKS_ON: &str = "PRAGMA ignore_check_constraints=OFF;";

/// Writes the statements of one table's difference.
pub(super) struct RowWriter<'a> {
    conn: &'a Connection,
    table: &'a Table,
    rows: &'a Rows,
    shape: RowShape,
    spool: &'a mut Spool,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(conn: &'a Connection, difference: &'a TableDifference, spool: &'a mut Spool) -> Self {
        let shape = RowShape::of(&difference.table);
        Self { conn, table: &difference.table, rows: &difference.rows, shape, spool }
    }

    /// Rows that go.
    pub(super) fn deletes(&mut self) -> Result<(), Error> {
        let diff = match self.rows {
            Rows::AllNew => return Ok(()),
            Rows::Rewritten => {
                return Ok(self
                    .spool
                    .push(&format!("DELETE FROM {};", display_identifier(&self.table.name)))?);
            }
            Rows::Listed(diff) => diff,
        };
        let key = self.declared_key()?;
        let names = self.identity_names().into_iter().chain(key.iter().cloned());
        let columns: Vec<String> = names.map(|name| format!("s.{}", quote_identifier(&name))).collect();
        // Where rows point to rows of their own table, the younger one is the child as a rule, and must go first.
        let direction = if points_to_itself(self.table) { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} s ON {} WHERE d.kind = 'D' ORDER BY {}",
            columns.join(", "),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
            ordered(&self.shape.slots('s'), direction),
        );
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let place = self.place(row, 0, &key)?;
            self.spool.push(&format!(
                "DELETE FROM {} WHERE {};",
                display_identifier(&self.table.name),
                condition(&place)
            ))?;
        }
        Ok(())
    }

    /// Rows that change, in an order in which no unique value is ever held twice.
    pub(super) fn updates(&mut self) -> Result<(), Error> {
        let Rows::Listed(diff) = self.rows else {
            return Ok(());
        };
        let aside = arrange_updates(self.conn, self.table, diff)?;
        let key = self.declared_key()?;
        let query = self.update_query(diff, &key);
        let mut statement = self.conn.prepare(&query)?;
        let mut asides: Vec<i64> = Vec::new();
        if !aside.is_empty() {
            self.spool.push(CHECKS_OFF)?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if aside.contains(&id) {
                    self.step_aside(row, id)?;
                    asides.push(id);
                }
            }
            self.spool.push(CHECKS_ON)?;
        }
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let stepped = asides.contains(&id);
            self.update(row, id, &key, stepped)?;
        }
        Ok(())
    }

    /// Columns: the row of the list, the shadow's identity, the shadow's key, then for each written column whether it
    /// differs and its local value.
    fn update_query(&self, diff: &str, key: &[String]) -> String {
        let mut columns = vec!["d.rowid".to_owned(), self.shape.identity_of("s")];
        columns.extend(key.iter().map(|name| format!("s.{}", quote_identifier(name))));
        if self.shape.hidden_rowid {
            let rowid = &self.shape.identity[0];
            columns.push(format!("s.{rowid} <> l.{rowid}, l.{rowid}"));
        }
        columns.extend(self.table.stored().map(|position| {
            let column = &self.table.columns[position];
            format!("{}, l.{}", column_differs(column, "s", "l"), quote_identifier(&column.name))
        }));
        format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} l ON {} CROSS JOIN {} s ON {} WHERE d.kind = 'U' ORDER BY coalesce(d.step, 0), {}",
            columns.join(", "),
            self.shape.live(),
            self.shape.is_named("l", 'l'),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
            ordered(&self.shape.slots('s'), "ASC"),
        )
    }

    fn update(&mut self, row: &Row, id: i64, key: &[String], stepped: bool) -> Result<(), Error> {
        let first = 1 + self.shape.identity.len() + key.len();
        let set = self.changed(row, first, stepped)?;
        if set.is_empty() {
            return Ok(());
        }
        let key_stays = !key.iter().any(|name| set.iter().any(|(changed, _)| changed == name));
        let place = match stepped {
            true => self.place_aside(row, id)?,
            false => self.place(row, 1, if key_stays { key } else { &[] })?,
        };
        self.check_size(row, first, &place)?;
        let statements = oversized_update(&self.table.name, &set, &place)?;
        self.spool_in_pieces(statements)
    }

    /// The columns to set. A row that stepped aside gets back every unique column.
    fn changed<'r>(&self, row: &'r Row, first: usize, stepped: bool) -> rusqlite::Result<Place<'r>> {
        let aside = if stepped { self.aside_columns() } else { Vec::new() };
        let mut set = Vec::new();
        for (position, name) in self.shape.written.iter().enumerate() {
            let differs: bool = row.get(first + 2 * position)?;
            if differs || aside.contains(name) {
                set.push((name.clone(), row.get_ref(first + 2 * position + 1)?));
            }
        }
        Ok(set)
    }

    /// Gives up every unique value that the row holds, for values that nobody else has.
    fn step_aside(&mut self, row: &Row, id: i64) -> Result<(), Error> {
        let place = self.place(row, 1, &[])?;
        let moment = ASIDE + id;
        let set: Vec<String> = (self.aside_columns().iter())
            .map(|name| format!("{} = {}", display_identifier(name), self.aside_value(name, moment)))
            .collect();
        self.spool.push(&format!(
            "UPDATE {} SET {} WHERE {};",
            display_identifier(&self.table.name),
            set.join(", "),
            condition(&place)
        ))?;
        Ok(())
    }

    /// A hidden rowid, and the columns of secondary unique keys that do not name the row.
    fn aside_columns(&self) -> Vec<String> {
        let named_by = match self.table.identity() {
            Identity::Key(columns) => columns,
            _ => self.table.rowid_alias.into_iter().collect(),
        };
        let mut columns: Vec<String> = Vec::new();
        if self.shape.hidden_rowid {
            columns.push(self.shape.written[0].clone());
        }
        for position in crate::changefeed::unique_columns(self.table) {
            let column = &self.table.columns[position];
            if !named_by.contains(&position) && !column.generated {
                columns.push(column.name.clone());
            }
        }
        columns
    }

    fn aside_value(&self, name: &str, moment: i64) -> String {
        let Some(position) = self.table.column(name) else {
            return moment.to_string();
        };
        let column = &self.table.columns[position];
        match column.affinity {
            _ if !column.not_null && !self.table.primary_key.contains(&position) => "NULL".into(),
            Affinity::Text => format!("'d1-migrate {moment}'"),
            Affinity::Blob => format!("X'{:016X}'", moment),
            Affinity::Integer | Affinity::Real => moment.to_string(),
        }
    }

    /// Where a row stands that stepped aside: its rowid was given up too where it is hidden.
    fn place_aside<'r>(&self, row: &'r Row, id: i64) -> rusqlite::Result<Place<'r>> {
        if self.shape.hidden_rowid {
            return Ok(vec![(self.shape.written[0].clone(), ValueRef::Integer(ASIDE + id))]);
        }
        self.place(row, 1, &[])
    }

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
                true => natural.map(|rowid| rowid + 1),
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
        let names = self.identity_names();
        let written = &self.shape.written;
        let place: Place = (written.iter().cloned().zip(values.iter().copied()))
            .filter(|(name, _)| names.contains(name))
            .collect();
        self.fits(values.iter().copied(), &place)?;
        match batch.push_row(&values[usize::from(is_natural)..]) {
            Pushed::Held => {}
            Pushed::Finished(statement) => self.spool.push(&statement)?,
            Pushed::TooLarge(before) => {
                if let Some(statement) = before {
                    self.spool.push(&statement)?;
                }
                let statements = oversized_row(&self.table.name, written, values, &place)?;
                self.spool_in_pieces(statements)?;
            }
        }
        Ok(())
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

    /// A value that is put together in pieces may break a CHECK until it is whole.
    fn spool_in_pieces(&mut self, statements: Vec<String>) -> Result<(), Error> {
        let in_pieces = statements.len() > 1;
        if in_pieces {
            self.spool.push(CHECKS_OFF)?;
        }
        for statement in statements {
            self.spool.push(&statement)?;
        }
        if in_pieces {
            self.spool.push(CHECKS_ON)?;
        }
        Ok(())
    }

    /// The declared key of a table whose rowid is hidden: it reads better, and it is the row's name on the real D1 too,
    /// unless chance made it.
    fn declared_key(&self) -> rusqlite::Result<Vec<String>> {
        let key: Vec<String> = (self.table.primary_key.iter().filter(|_| self.shape.hidden_rowid))
            .map(|&position| self.table.columns[position].name.clone())
            .collect();
        Ok(if any_unknown(self.conn, &self.table.name, &key)? { Vec::new() } else { key })
    }

    fn identity_names(&self) -> Vec<String> {
        match self.table.identity() {
            Identity::Key(columns) => {
                columns.iter().map(|&position| self.table.columns[position].name.clone()).collect()
            }
            Identity::Rowid(name) => match self.table.rowid_alias {
                Some(alias) => vec![self.table.columns[alias].name.clone()],
                None => vec![name],
            },
            Identity::Nothing => Vec::new(),
        }
    }

    /// What names a row that was read with its identity from column `first` on and then its declared key: the key,
    /// unless a part of it is NULL.
    fn place<'r>(&self, row: &'r Row, first: usize, key: &[String]) -> rusqlite::Result<Place<'r>> {
        let read = |names: &[String], first: usize| -> rusqlite::Result<Place<'r>> {
            let cells = names.iter().enumerate();
            cells.map(|(position, name)| Ok((name.clone(), row.get_ref(first + position)?))).collect()
        };
        let identity = self.identity_names();
        let key = read(key, first + identity.len())?;
        let is_name = !key.is_empty() && key.iter().all(|(_, value)| *value != ValueRef::Null);
        if is_name { Ok(key) } else { read(&identity, first) }
    }

    fn check_size(&self, row: &Row, first: usize, place: &Place) -> Result<(), Error> {
        let values = (0..self.shape.written.len())
            .map(|position| row.get_ref(first + 2 * position + 1))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.fits(values.into_iter(), place)
    }

    fn fits<'r>(&self, values: impl Iterator<Item = ValueRef<'r>>, place: &Place) -> Result<(), Error> {
        let bytes = values.map(size).sum();
        if bytes <= MAX_ROW_BYTES {
            return Ok(());
        }
        let key: String = condition(place).chars().take(200).collect();
        Err(Error::RowTooLarge { table: self.table.name.clone(), key, bytes })
    }
}

fn size(value: ValueRef) -> usize {
    match value {
        ValueRef::Null => 1,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
    }
}

fn condition(place: &Place) -> String {
    let parts: Vec<String> = (place.iter())
        .map(|(name, value)| format!("{} = {}", display_identifier(name), literal(*value)))
        .collect();
    parts.join(" AND ")
}

fn ordered(names: &[String], direction: &str) -> String {
    names.iter().map(|name| format!("{name} {direction}")).collect::<Vec<_>>().join(", ")
}

fn points_to_itself(table: &Table) -> bool {
    table.foreign_keys.iter().any(|key| key.parent.eq_ignore_ascii_case(&table.name))
}
