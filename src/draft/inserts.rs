//! The statements for rows that come, as many in one as D1 takes.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::Error;
use super::name::names;
use super::rows::{Place, Rise, RowWriter, ordered, ordered_slots};
use super::updates::ASIDE;
use crate::difference::Rows;
use crate::sql_text::{Batch, Pushed, condition, display_identifier, highest, insert, quote_identifier};

/// A key that is longer than this does not fit into a statement with room to spare.
const LONGEST_NAME: usize = 90_000;

/// The column of a query about rows that come or got another rowid in which their values begin.
const MOVED: usize = 3;

/// Counted from what the real D1 has, a rowid far above this one might not be any more.
pub(super) const HIGHEST_COUNTED: i64 = 1 << 60;

impl RowWriter<'_> {
    /// Rows that come.
    pub(super) fn inserts(&mut self) -> Result<(), Error> {
        if let Some(rise) = self.rise()? {
            return self.inserts_that_rise(&rise);
        }
        let written: Vec<String> =
            (self.shape.written.iter()).map(|name| format!("l.{}", quote_identifier(name))).collect();
        let written = written.join(", ");
        let live = self.shape.live();
        let sql = match self.rows {
            Rows::AllNew { .. } => {
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
        let mut series = self.series(self.highest_rowid()?);
        while let Some(row) = rows.next()? {
            let values = cells(row, 0, self.shape.written.len())?;
            self.insert(&mut series, values)?;
        }
        self.spool_rest(&mut series)
    }

    /// New rows, and rows that a REPLACE gave a new hidden rowid, in the order of these rowids: each is then counted from the highest,
    /// and none can meet that of a row that only the real D1 has.
    fn inserts_that_rise(&mut self, rise: &Rise) -> Result<(), Error> {
        let Rows::Listed(diff) = self.rows else { return Ok(()) };
        let key = names(self.table, &self.declared);
        let columns =
            self.shape.written.iter().chain(&key).map(|name| format!("l.{}", quote_identifier(name)));
        let sql = format!(
            "SELECT d.kind = 'U', d.s1, d.rowid, {} FROM {diff} d CROSS JOIN {} l ON {} WHERE d.kind = 'I' OR (d.kind = 'U' AND d.l1 <> d.s1)
               ORDER BY d.l1",
            columns.collect::<Vec<_>>().join(", "),
            self.shape.live(),
            self.shape.is_named("l", 'l'),
        );
        let rowid = display_identifier(&self.shape.written[0]).into_owned();
        let table = display_identifier(&self.table.name).into_owned();
        let mut statement = self.conn.prepare(&sql)?;
        let target = self.table.target().update();
        if rise.steps_aside {
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                if row.get::<_, bool>(0)? {
                    let place = self.place_of_moved(row, &key, row.get(1)?)?;
                    let aside = ASIDE + row.get::<_, i64>(2)?;
                    self.spool.push(&format!("{target} SET {rowid} = {aside} WHERE {place};"))?;
                }
            }
        }
        let mut rows = statement.query(())?;
        let mut series = Series { any_aside: rise.steps_aside, ..self.series(rise.base) };
        while let Some(row) = rows.next()? {
            let values = cells(row, MOVED, self.shape.written.len())?;
            if !row.get::<_, bool>(0)? {
                self.insert(&mut series, values)?;
                continue;
            }
            self.spool_rest(&mut series)?;
            let highest = highest(&rowid, &table, series.is_empty);
            let above = series.take(values[0]);
            series.count_anew();
            let stands_at = if rise.steps_aside { ASIDE + row.get::<_, i64>(2)? } else { row.get(1)? };
            let place = self.place_of_moved(row, &key, stands_at)?;
            self.spool.push(&format!("{target} SET {rowid} = ({highest}) + {above} WHERE {place};"))?;
        }
        self.spool_rest(&mut series)
    }

    /// A condition for a row that gets another rowid: its declared key, or else the rowid at which it stands.
    fn place_of_moved(&self, row: &Row, key: &[String], stands_at: i64) -> rusqlite::Result<String> {
        let by_key = key.iter().cloned().zip(cells(row, MOVED + self.shape.written.len(), key.len())?);
        let by_key: Place = by_key.map(Into::into).collect();
        let is_name = !by_key.is_empty() && by_key.iter().all(|witness| witness.value != ValueRef::Null);
        let condition_by_key = condition(&by_key);
        Ok(match is_name && condition_by_key.len() < LONGEST_NAME {
            true => condition_by_key,
            false => condition(&[(self.shape.written[0].clone(), ValueRef::Integer(stands_at)).into()]),
        })
    }

    fn insert<'r>(&mut self, series: &mut Series, mut values: Vec<ValueRef<'r>>) -> Result<(), Error> {
        self.fits(values.iter().copied(), || self.place_of_new(&values))?;
        let numbering = series.numbering_of(values[0]);
        if numbering != series.numbering {
            self.spool_rest(series)?;
            (series.numbering, series.batch) = (numbering, self.batch(numbering));
        }
        let rowid = values[0];
        if let (Numbering::Above { base, .. }, ValueRef::Integer(rowid)) = (numbering, rowid) {
            values[0] = ValueRef::Integer(rowid - base);
        }
        let first = usize::from(numbering == Numbering::Natural);
        match series.batch.push_row(&values[first..]) {
            Pushed::Held => {}
            Pushed::Finished(statement) => {
                self.spool.push(&statement)?;
                if let Numbering::Above { .. } = numbering {
                    series.batch.finish();
                    series.count_anew();
                    values[0] = rowid;
                    return self.insert(series, values);
                }
            }
            Pushed::TooLarge(before) => {
                if let Some(statement) = before {
                    self.spool.push(&statement)?;
                }
                values[0] = rowid;
                let first = usize::from(series.is_next(rowid));
                self.push_all(insert(self.table.target(), &self.shape.written[first..], &values[first..])?)?;
                series.take(rowid);
                series.count_anew();
                return Ok(());
            }
        }
        series.take(rowid);
        Ok(())
    }

    fn place_of_new<'r>(&self, values: &[ValueRef<'r>]) -> Place<'r> {
        let names = self.identity_names();
        let values = self.shape.written.iter().cloned().zip(values.iter().copied());
        values.filter(|(name, _)| names.contains(name)).map(Into::into).collect()
    }

    fn series(&self, highest: Option<i64>) -> Series {
        // In a table that comes with its rows there are no others whose rowids could be met.
        let leaps = !matches!(self.rows, Rows::AllNew { with_table: true });
        Series {
            batch: self.batch(Numbering::Written),
            numbering: Numbering::Written,
            is_empty: highest.is_none(),
            last: self.counts_on().then(|| highest.unwrap_or(0)),
            leaps,
            any_aside: false,
        }
    }

    fn batch(&self, numbering: Numbering) -> Batch {
        let (target, columns) = (self.table.target(), &self.shape.written);
        match numbering {
            Numbering::Written => Batch::insert(target, columns),
            Numbering::Natural => Batch::insert(target, &columns[1..]),
            Numbering::Above { is_first, .. } => Batch::insert_above(target, columns, is_first),
        }
    }

    fn spool_rest(&mut self, series: &mut Series) -> Result<(), Error> {
        if let Some(statement) = series.batch.finish() {
            self.spool.push(&statement)?;
        }
        Ok(())
    }

    /// The highest hidden rowid before the new rows come, if there is any row then.
    fn highest_rowid(&self) -> rusqlite::Result<Option<i64>> {
        let Rows::Listed(diff) = self.rows else { return Ok(None) };
        if !self.counts_on() {
            return Ok(None);
        }
        let rowid = &self.shape.identity[0];
        // Not the highest here: new rows that this migration leaves pending are not on the real D1.
        let highest = format!(
            "SELECT max(rowid) FROM (SELECT * FROM (SELECT s.{rowid} AS rowid FROM {} s
               WHERE s.{rowid} NOT IN (SELECT s1 FROM {diff} WHERE kind = 'D' OR (kind = 'U' AND l1 <> s1)) ORDER BY s.{rowid} DESC LIMIT 1)
               UNION ALL SELECT max(l1) FROM {diff} WHERE kind = 'U')",
            self.shape.shadow()
        );
        self.conn.query_row(&highest, (), |row| row.get(0))
    }
}

/// How new rows get their rowids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbering {
    /// They are written.
    Written,
    /// SQLite gives each the one after the highest.
    Natural,
    /// They leave some out, and are counted from the highest: here, this one; 0 where these are the first rows.
    Above { base: i64, is_first: bool },
}

/// New rows in the order of their rowids.
struct Series {
    batch: Batch,
    numbering: Numbering,
    /// The highest rowid so far: 0 while there is no row, `None` where rowids must be written.
    last: Option<i64>,
    /// Is there no row yet?
    is_empty: bool,
    /// May rowids be left out and others follow?
    leaps: bool,
    /// Do rows stand aside, from which SQLite would count on while there is no other?
    any_aside: bool,
}

impl Series {
    fn numbering_of(&mut self, rowid: ValueRef) -> Numbering {
        let (Some(last), ValueRef::Integer(rowid)) = (self.last, rowid) else { return Numbering::Written };
        match self.numbering {
            _ if rowid <= last || rowid > HIGHEST_COUNTED || last < -HIGHEST_COUNTED => Numbering::Written,
            above @ Numbering::Above { .. } => above,
            _ if self.is_next(ValueRef::Integer(rowid)) => Numbering::Natural,
            _ if self.leaps => Numbering::Above { base: last, is_first: self.is_empty },
            _ => {
                self.last = None;
                Numbering::Written
            }
        }
    }

    /// Is this the rowid that SQLite gives next?
    fn is_next(&self, rowid: ValueRef) -> bool {
        !(self.is_empty && self.any_aside)
            && self.last.and_then(|last| last.checked_add(1)).map(ValueRef::Integer) == Some(rowid)
    }

    /// Notes that a row got this rowid; gives how far above the last one it lies.
    fn take(&mut self, rowid: ValueRef) -> i64 {
        let (Some(last), ValueRef::Integer(rowid)) = (self.last, rowid) else { return 1 };
        // After a negative one SQLite goes on with the next.
        self.last = Some(if std::mem::take(&mut self.is_empty) { rowid } else { last.max(rowid) });
        rowid.saturating_sub(last)
    }

    /// The rows of another statement are counted from the last one before it.
    fn count_anew(&mut self) {
        if let (Numbering::Above { base, .. }, Some(last)) = (&mut self.numbering, self.last) {
            *base = last;
        }
    }
}

fn cells<'r>(row: &'r Row, from: usize, count: usize) -> rusqlite::Result<Vec<ValueRef<'r>>> {
    (from..from + count).map(|at| row.get_ref(at)).collect()
}
