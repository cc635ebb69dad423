//! Keys that children follow (ON UPDATE CASCADE) change first, and alone: so the children go with their parents on the real
//! D1, those too that only it has, as they did here. Written before their parents, they could meet a value that another
//! child still holds, or be taken along a second time. A key that becomes NULL does so with the other changes: children would
//! have lost it when they move on.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::Error;
use super::batches::Batches;
use super::parts::Parts;
use super::rows::RowWriter;
use super::spool::Spool;
use crate::difference::{
    Moment, ROWID_BIT, Rows, Selected, TableDifference, Watch, any_update_changes, arrange_followers_first,
    column_differs, key_bit, reached, recheck,
};
use crate::schema::{Action, ForeignKey, Schema, Table, children_among, children_first};
use crate::sql_text::quote_identifier;

/// Which rows of a table that points to itself are changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Any, as their values allow.
    Any,
    /// Those that would follow others, but go or move elsewhere.
    AfterOwnChildren,
}

/// Changes them, parents first: what has followed then differs no more. Gives what still does.
pub(super) fn change(
    parts: &mut Parts,
    here: &Schema,
    files: &Schema,
    selected: &Selected,
    lead: Lead,
) -> Result<Vec<TableDifference>, Error> {
    let conn = parts.conn();
    let order = children_first(files);
    let mut pending = selected.taken.clone();
    for (step, table) in order.iter().rev().enumerate() {
        let is_named = |other: &&TableDifference| other.table.name.eq_ignore_ascii_case(&table.name);
        let Some(leading) = pending.iter().find(is_named).cloned() else { continue };
        if !leads(conn, &order, &leading)? {
            continue;
        }
        let mut spool = statements(conn, &order, &leading, lead)?;
        let reached = reached(conn, here, std::slice::from_ref(&leading))?;
        let (compared, others): (Vec<_>, Vec<_>) = pending
            .into_iter()
            .partition(|other| reached.contains(&other.table.name) || other.table.name == leading.table.name);
        let watched = here.tables.iter();
        let watched =
            watched.filter(|table| reached.contains(&table.name) || table.name == leading.table.name);
        let watch = Watch::begin(conn, &watched.collect::<Vec<_>>(), step)?;
        // Rows that will go may stand aside until then: the file goes on.
        spool.each(|sql| parts.statement(sql))?;
        let partners = watch.end(compared.iter().chain(&selected.left))?;
        let moment = Moment::AfterKeys(step, &partners);
        pending = recheck(conn, here, files, &[leading], &reached, &selected.left, moment)?;
        pending.extend(others);
    }
    Ok(pending)
}

/// Do such keys change in this difference?
pub(super) fn leads(
    conn: &Connection,
    order: &[&Table],
    difference: &TableDifference,
) -> rusqlite::Result<bool> {
    let Rows::Listed(diff) = &difference.rows else { return Ok(false) };
    any_update_changes(conn, &difference.table, diff, &followed(order, &difference.table))
}

/// The statements that change them.
fn statements(
    conn: &Connection,
    order: &[&Table],
    leading: &TableDifference,
    lead: Lead,
) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    let mut writer = RowWriter::new(conn, leading, order, &mut spool)?;
    if let (Lead::AfterOwnChildren, Rows::Listed(diff)) = (lead, &leading.rows) {
        arrange_followers_first(conn, &leading.table, diff)?;
        writer.let_go(diff)?;
    }
    writer.keys()?;
    Ok(spool)
}

/// The columns that children of this table follow.
pub(super) fn followed(tables: &[&Table], parent: &Table) -> Vec<usize> {
    let columns = following(tables, parent).flat_map(|(_, key)| parent.pointed_to(key));
    let mut columns: Vec<usize> = columns.filter(|&column| !parent.columns[column].generated).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Would children not follow a row that steps aside, though they hang on what it gives up? What becomes of them when it is deleted
/// would not reach them any more.
pub(super) fn leaves_children(tables: &[&Table], table: &Table) -> bool {
    let followed = followed(tables, table);
    children(tables, table).any(|(_, key)| {
        key.on_update != Action::Cascade
            && table.pointed_to(key).iter().any(|column| followed.contains(column))
    })
}

fn following<'t>(
    tables: &'t [&'t Table],
    parent: &'t Table,
) -> impl Iterator<Item = (&'t Table, &'t ForeignKey)> {
    children(tables, parent).filter(|(_, key)| key.on_update == Action::Cascade)
}

fn children<'t>(
    tables: &'t [&'t Table],
    parent: &'t Table,
) -> impl Iterator<Item = (&'t Table, &'t ForeignKey)> {
    children_among(tables.iter().copied(), &parent.name)
}

impl RowWriter<'_> {
    /// Changes nothing but what children follow, in the order of all changes.
    fn keys(&mut self) -> Result<(), Error> {
        let Rows::Listed(diff) = self.rows else { return Ok(()) };
        let changes: Vec<String> = (self.followed.iter())
            .map(|&column| column_differs(&self.table.columns[column], "s", "l"))
            .collect();
        let changes = changes.join(" OR ");
        let key = self.key()?;
        let bits = self.followed.iter().fold(0, |bits, &column| bits | self.bits_of(column));
        self.mark_in_the_way(diff)?;
        let steps_aside = format!("d.aside & {bits} <> 0");
        if self.leaves_children {
            self.deletes(&steps_aside)?;
        }
        let aside = format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} s ON {} WHERE d.kind {} AND {steps_aside}",
            self.about_row(&key),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
            if self.leaves_children { "= 'U'" } else { "<> 'I'" },
        );
        self.park(&aside, &key, &[], |writer, row| Ok(writer.given_up(row.get::<_, i64>(1)? & bits)))?;
        let followed = self.followed.iter().map(|&column| self.table.columns[column].name.as_str());
        let followed: Vec<&str> = followed.collect();
        let changed = self.update_query(diff, &key, &format!("({steps_aside} OR {changes})"));
        let mut statement = self.conn.prepare(&changed)?;
        let mut rows = statement.query(())?;
        let mut batches = Batches::new(self.table.target());
        while let Some(row) = rows.next()? {
            let aside = row.get::<_, i64>(1)? & bits;
            let wanted = |name: &str, value: ValueRef, is_given_up| match followed.contains(&name) {
                true => value != ValueRef::Null,
                false => is_given_up,
            };
            self.update(row, &key, aside, &wanted, &mut batches)?;
        }
        batches.finish(self.spool)
    }

    /// Lets those rows step aside that will go, or let go, and still hold what a changed row takes. They go later, and the children
    /// that hang on them meet their end then; gone before, they would take along those that have followed the other row.
    fn mark_in_the_way(&self, diff: &str) -> rusqlite::Result<()> {
        let (live, of_live) = (self.shape.live(), self.shape.is_named("l", 'l'));
        let (shadow, of_shadow) = (self.shape.shadow(), self.shape.is_named("s", 's'));
        for &column in &self.followed {
            let name = quote_identifier(&self.table.columns[column].name);
            self.conn.execute_batch(&format!(
                "UPDATE {diff} AS d SET aside = aside | {}
                   WHERE (kind = 'D' OR (kind = 'U' AND EXISTS (SELECT 1 FROM {live} l WHERE {of_live} AND l.{name} IS NULL)))
                     AND EXISTS (SELECT 1 FROM {shadow} s WHERE {of_shadow} AND s.{name} IN (
                       SELECT l.{name} FROM {diff} d CROSS JOIN {live} l ON {of_live} WHERE d.kind = 'U'))",
                self.bits_of(column),
            ))?;
        }
        Ok(())
    }

    /// The bits of the keys that hang on a column.
    fn bits_of(&self, column: usize) -> i64 {
        let name = if self.named_by().contains(&column) { ROWID_BIT } else { 0 };
        let keys = self.table.secondary_keys().enumerate();
        let keys = keys.filter(|(_, key)| key.hangs_on(self.table, column));
        keys.fold(name, |bits, (number, _)| bits | key_bit(number))
    }
}
