//! The statements for the rows of one table that differ: what goes here, what changes and what comes in its neighbours.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};

use super::Error;
use super::batches::Batches;
use super::inserts::HIGHEST_COUNTED;
use super::keys::{followed, leaves_children};
use super::loose::loose_columns;
use super::name::{declared_key, names, points_to_itself, steady};
use super::spool::Sink;
use super::updates::IDENTITY;
use crate::difference::{RowShape, Rows, TableDifference, any_unknown};
use crate::schema::{Identity, Table, TableKind};
use crate::sql_text::{Witness, condition, delete, display_identifier};

/// Documented for the real D1: a row, a string or a BLOB (workerd takes up to 4.3 MB).
const MAX_ROW_BYTES: usize = 2_000_000;

/// Columns and values that name one row.
pub(super) type Place<'r> = Vec<Witness<'r>>;

/// Columns that name a row beside its identity.
pub(super) struct Key {
    /// The declared key, then every column that can tell.
    pub(super) names: Vec<String>,
    /// How many of them are the declared key.
    declared: usize,
}

/// Hidden rowids that only rise.
pub(super) struct Rise {
    /// The highest rowid of the rows that keep theirs, if any do; where none need step aside, also of those that get another one.
    pub(super) base: Option<i64>,
    /// Must those that get another one leave theirs first, because others come there?
    pub(super) steps_aside: bool,
}

/// Writes the statements of one table's difference.
pub(super) struct RowWriter<'a> {
    pub(super) conn: &'a Connection,
    pub(super) table: &'a Table,
    pub(super) rows: &'a Rows,
    pub(super) shape: RowShape,
    pub(super) spool: &'a mut dyn Sink,
    /// Columns that point to a table that is written no later: rows may have to let go of it first.
    pub(super) loose: Vec<String>,
    /// Columns that children follow by ON UPDATE CASCADE, as positions.
    pub(super) followed: Vec<usize>,
    /// Must no row that goes step aside before, because of children that would not follow it?
    pub(super) leaves_children: bool,
    /// Columns that no action changes before the row's turn comes, as positions.
    steady: Vec<usize>,
    /// The declared key of a table whose rowid is hidden, as positions: it reads better, and it is the row's name on the real D1 too.
    pub(super) declared: Vec<usize>,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(
        conn: &'a Connection,
        difference: &'a TableDifference,
        order: &[&Table],
        spool: &'a mut dyn Sink,
    ) -> rusqlite::Result<Self> {
        let table = &difference.table;
        let loose = names(table, &loose_columns(order, table));
        let followed = followed(order, table);
        let steady = steady(table, &loose);
        let declared = match difference.rows {
            Rows::Listed(_) => declared_key(conn, table, &steady)?,
            // No row is named.
            Rows::AllNew { .. } | Rows::Rewritten => Vec::new(),
        };
        Ok(Self {
            conn,
            table,
            rows: &difference.rows,
            shape: RowShape::of(table),
            spool,
            loose,
            followed,
            leaves_children: leaves_children(order, table),
            steady,
            declared,
        })
    }

    /// Rows that go, of those that are meant.
    pub(super) fn deletes(&mut self, which: &str) -> Result<(), Error> {
        let diff = match self.rows {
            Rows::AllNew { .. } => return Ok(()),
            Rows::Rewritten => {
                return Ok(self
                    .spool
                    .push(&format!("DELETE FROM {};", display_identifier(&self.table.name)))?);
            }
            Rows::Listed(diff) => diff,
        };
        let key = self.key()?;
        // Where rows point to rows of their own table, the younger one is the child as a rule, and must go first.
        let direction = if points_to_itself(self.table) { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} s ON {} WHERE d.kind = 'D' AND {which} ORDER BY {}",
            self.about_row(&key),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
            ordered_slots(&self.shape, 's', direction),
        );
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query(())?;
        let in_order = points_to_itself(self.table) || matches!(self.table.kind, TableKind::Virtual(_));
        let mut batches = Batches::new(self.table.target());
        while let Some(row) = rows.next()? {
            let is_loose: bool = row.get(2)?;
            let given_up = self.loose.iter().filter(|_| is_loose).cloned().collect();
            let parked = self.parked(given_up, row)?;
            let place = self.place_now(row, IDENTITY, &key, &parked)?;
            match in_order {
                true => self.push_all(delete(&self.table.name, &place)?)?,
                false => batches.push(self.spool, &[], &place)?,
            }
        }
        batches.finish(self.spool)
    }

    /// Has the table hidden rowids, of which SQLite counts on from the highest? Then those above it need not be written, and cannot meet
    /// those of rows that only the real D1 has.
    pub(super) fn counts_on(&self) -> bool {
        self.shape.hidden_rowid && !matches!(self.table.kind, TableKind::Virtual(_))
    }

    /// Do hidden rowids only rise: are those of the new rows and of rows that got another one all above the highest of the others? (Only
    /// where a row got another one; new rows alone need no such care.)
    pub(super) fn rise(&self) -> rusqlite::Result<Option<Rise>> {
        let Rows::Listed(diff) = self.rows else { return Ok(None) };
        if !self.counts_on() {
            return Ok(None);
        }
        let rowid = &self.shape.identity[0];
        let moved = "kind = 'U' AND l1 <> s1";
        let highest_but = |others: &str| {
            format!(
                "SELECT s.{rowid} FROM {} s WHERE s.{rowid} NOT IN (SELECT s1 FROM {diff} WHERE {others}) ORDER BY s.{rowid} DESC LIMIT 1",
                self.shape.shadow()
            )
        };
        let sql = format!(
            "SELECT min(l1), max(l1), ({}), ({}) FROM {diff}
               WHERE (kind = 'I' OR ({moved})) HAVING EXISTS (SELECT 1 FROM {diff} WHERE {moved})",
            highest_but("kind = 'D'"),
            highest_but(&format!("kind = 'D' OR ({moved})")),
        );
        let found =
            self.conn.query_row(&sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        let Some((first, last, all, still)): Option<(i64, i64, Option<i64>, Option<i64>)> =
            found.optional()?
        else {
            return Ok(None);
        };
        let lies_below = |base: Option<i64>| (-HIGHEST_COUNTED..first).contains(&base.unwrap_or(0));
        Ok(match lies_below(all) {
            _ if last > HIGHEST_COUNTED => None,
            true => Some(Rise { base: all, steps_aside: false }),
            false => lies_below(still).then_some(Rise { base: still, steps_aside: true }),
        })
    }

    pub(super) fn push_all(&mut self, statements: Vec<String>) -> Result<(), Error> {
        Ok(self.spool.push_all(&statements)?)
    }

    /// What names rows where their identity does not, or not on the real D1.
    pub(super) fn key(&self) -> rusqlite::Result<Key> {
        let declared = self.declared.len();
        let mut key = names(self.table, &self.declared);
        for column in names(self.table, &self.steady).into_iter().filter(|_| self.counts_on()) {
            if !any_unknown(self.conn, &self.table.name, std::slice::from_ref(&column))? {
                key.push(column);
            }
        }
        Ok(Key { names: key, declared })
    }

    pub(super) fn identity_names(&self) -> Vec<String> {
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

    /// What names a row that was read with its identity from column `first` on and then its [`Key`]: the declared key, unless a
    /// part of it is NULL; else a hidden rowid together with all that the row holds, so that another row, which has that
    /// rowid on the real D1, is left alone.
    pub(super) fn place<'r>(&self, row: &'r Row, first: usize, key: &Key) -> rusqlite::Result<Place<'r>> {
        let read = |names: &[String], first: usize| -> rusqlite::Result<Place<'r>> {
            let names = names.iter().enumerate();
            names.map(|(at, name)| Ok((name.clone(), row.get_ref(first + at)?).into())).collect()
        };
        let identity = self.identity_names();
        let mut place = read(&key.names, first + identity.len())?;
        let mut witnesses = place.split_off(key.declared);
        if !place.is_empty() && place.iter().all(|witness| witness.value != ValueRef::Null) {
            return Ok(place);
        }
        for witness in &mut witnesses {
            let column = self.table.column(&witness.column).map(|position| &self.table.columns[position]);
            witness.has_doubles = column.is_some_and(|column| column.has_doubles(witness.value));
        }
        place = read(&identity, first)?;
        place.extend(witnesses);
        Ok(place)
    }

    /// The same while some of its columns are given up: they hold other values then. The rowid would do only here: on the real
    /// D1 another row may have it.
    pub(super) fn place_now<'r>(
        &self,
        row: &'r Row,
        first: usize,
        key: &Key,
        parked: &'r [(String, Value)],
    ) -> rusqlite::Result<Place<'r>> {
        let mut place = self.place(row, first, key)?;
        for witness in &mut place {
            if let Some((_, value)) = parked.iter().find(|(other, _)| *other == witness.column) {
                (witness.value, witness.has_doubles) = (value.into(), false);
            }
        }
        Ok(place)
    }

    pub(super) fn fits<'r>(
        &self,
        values: impl Iterator<Item = ValueRef<'r>>,
        place: impl FnOnce() -> Place<'r>,
    ) -> Result<(), Error> {
        let bytes = values.map(size).sum();
        if bytes <= MAX_ROW_BYTES {
            return Ok(());
        }
        let key: String = condition(&place()).chars().take(200).collect();
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

/// An ORDER BY list of what names one side in the table of differences `d`. A column of the user's may be called `l1` too.
pub(super) fn ordered_slots(shape: &RowShape, side: char, direction: &str) -> String {
    let slots: Vec<String> = shape.slots(side).iter().map(|slot| format!("d.{slot}")).collect();
    ordered(&slots, direction)
}

/// An ORDER BY list.
pub(super) fn ordered(names: &[String], direction: &str) -> String {
    names.iter().map(|name| format!("{name} {direction}")).collect::<Vec<_>>().join(", ")
}
