//! Keys that children follow (ON UPDATE CASCADE) change first, and alone: so the children go with their parents on the real
//! D1, those too that only it has, as they did here. Written before their parents, they could meet a value that another
//! child still holds, or be taken along a second time.

use rusqlite::Connection;

use super::Error;
use super::batches::Batches;
use super::loose::{own_columns, parent_columns};
use super::rows::{Key, RowWriter};
use super::spool::Spool;
use crate::difference::{ROWID_BIT, Rows, TableDifference, any_update_changes, column_differs, key_bit};
use crate::schema::{Action, ForeignKey, Table, UniqueKey, children_among};
use crate::sql_text::quote_identifier;

/// The differences in which such keys change.
pub(super) fn leading(
    conn: &Connection,
    order: &[&Table],
    differences: &[TableDifference],
) -> rusqlite::Result<Vec<TableDifference>> {
    let mut leading = Vec::new();
    for table in order {
        let named = |other: &&TableDifference| other.table.name.eq_ignore_ascii_case(&table.name);
        if let Some(difference) = differences.iter().find(named)
            && let Rows::Listed(diff) = &difference.rows
            && can_lead(order, table)
            && any_update_changes(conn, &difference.table, diff, &followed(order, table))?
        {
            leading.push(difference.clone());
        }
    }
    Ok(leading)
}

/// The statements that change the keys of these.
pub(super) fn statements(
    conn: &Connection,
    order: &[&Table],
    leading: &[TableDifference],
) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    for difference in leading {
        RowWriter::new(conn, difference, order, &mut spool).keys()?;
    }
    Ok(spool)
}

/// The columns that children of this table follow.
pub(super) fn followed(tables: &[&Table], parent: &Table) -> Vec<usize> {
    let columns = following(tables, parent).flat_map(|(_, key)| parent_columns(parent, key));
    let mut columns: Vec<usize> = columns.filter(|&column| !parent.columns[column].generated).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Would children let go (ON UPDATE SET NULL) of a row that steps aside, though they would not go, or let go, with it?
pub(super) fn sets_children_free(tables: &[&Table], table: &Table) -> bool {
    let followed = followed(tables, table);
    children(tables, table).any(|(_, key)| {
        key.on_update == Action::LetGo
            && !matches!(key.on_delete, Action::Cascade | Action::LetGo)
            && parent_columns(table, key).iter().any(|column| followed.contains(column))
    })
}

/// Does what children follow name the rows?
pub(super) fn is_name(tables: &[&Table], table: &Table) -> bool {
    followed(tables, table).iter().any(|column| table.primary_key.contains(column))
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

/// May the keys of this table change before anything else? Not where that would change the name of a child that others point
/// to: what the changefeed tells of that child's moves would be hard to follow any more.
fn can_lead(tables: &[&Table], parent: &Table) -> bool {
    let own = followed(tables, parent);
    let is_whole = parent.primary_key.iter().all(|column| own.contains(column));
    (is_whole || !is_name(tables, parent))
        && following(tables, parent).all(|(child, key)| {
            let followed = followed(tables, child);
            let is_name = |column: &usize| child.primary_key.contains(column) || followed.contains(column);
            children(tables, child).next().is_none() || !own_columns(child, key).iter().any(is_name)
        })
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
        let bits = self.bits_of_followed();
        if !self.sets_children_free {
            self.park(&self.in_the_way(diff, &key), &key, &[], |writer, _| Ok(writer.given_up(bits)))?;
        }
        let steps_aside = format!("d.aside & {bits} <> 0");
        self.park(&self.update_query(diff, &key, &steps_aside), &key, &[], |writer, row| {
            Ok(writer.given_up(row.get::<_, i64>(1)? & bits))
        })?;
        let followed = self.followed.iter().map(|&column| self.table.columns[column].name.as_str());
        let followed: Vec<&str> = followed.collect();
        let either = self.update_query(diff, &key, &format!("({steps_aside} OR {changes})"));
        let mut statement = self.conn.prepare(&either)?;
        let mut rows = statement.query(())?;
        let mut batches = Batches::new(&self.table.name);
        while let Some(row) = rows.next()? {
            let aside = row.get::<_, i64>(1)? & bits;
            self.update(row, &key, aside, &|name| followed.contains(&name), &mut batches)?;
        }
        batches.finish(self.spool)
    }

    /// Asks for the rows that will go and still hold what a changed row takes. They go later, and the children that hang on them
    /// meet their end then; gone before, they would take along those that have followed the other row.
    fn in_the_way(&self, diff: &str, key: &Key) -> String {
        let held = self.followed.iter().map(|&column| {
            let name = quote_identifier(&self.table.columns[column].name);
            format!(
                "s.{name} IN (SELECT l.{name} FROM {diff} d CROSS JOIN {} l ON {} WHERE d.kind = 'U')",
                self.shape.live(),
                self.shape.is_named("l", 'l'),
            )
        });
        format!(
            "SELECT {} FROM {diff} d CROSS JOIN {} s ON {} WHERE d.kind = 'D' AND ({})",
            self.about_row(key),
            self.shape.shadow(),
            self.shape.is_named("s", 's'),
            held.collect::<Vec<_>>().join(" OR "),
        )
    }

    /// The bits of the keys that hang on what children follow.
    fn bits_of_followed(&self) -> i64 {
        let name = match self.followed.iter().any(|column| self.named_by().contains(column)) {
            true => ROWID_BIT,
            false => 0,
        };
        let hangs = |key: &UniqueKey| self.followed.iter().any(|&column| key.hangs_on(self.table, column));
        let keys = self.table.secondary_keys().enumerate().filter(|(_, key)| hangs(key));
        keys.fold(name, |bits, (number, _)| bits | key_bit(number))
    }
}
