//! Ways to write the same difference, tried one after the other on the shadow until D1 would take every statement.

use rusqlite::Connection;

use super::{Error, keys};
use crate::difference::{Counts, RowShape, Rows, Selected, TableDifference, key_bit};
use crate::schema::{Schema, Table, Term, UniqueKey, children_first};

/// How rows are written that stand in each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// What children follow changes first, so that they go along.
    KeysFirst,
    /// Children are written before their parents.
    ChildrenFirst,
    /// The same; and rows that may have no other value to stand on meanwhile go and come again.
    Anew,
}

/// Drafts in the first way that works. What a way that failed did on the shadow is undone.
pub(super) fn first_that_works<T>(
    conn: &Connection,
    files: &Schema,
    selected: &Selected,
    draft: impl Fn(Way, &Selected) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut ways = Vec::new();
    if !keys::statements(conn, &children_first(files), &selected.taken)?.1.is_empty() {
        ways.push(Way::KeysFirst);
    }
    let mut last = Way::ChildrenFirst;
    for difference in &selected.taken {
        if gives_up_computed(conn, files, difference)? {
            ways.push(std::mem::replace(&mut last, Way::Anew));
            break;
        }
    }
    for way in ways {
        conn.execute_batch("SAVEPOINT way")?;
        match draft(way, selected) {
            Err(Error::Refused { .. } | Error::Unproven { .. } | Error::OpenForeignKey) => {
                conn.execute_batch("ROLLBACK TO way; RELEASE way; PRAGMA ignore_check_constraints=OFF")?;
            }
            done => {
                conn.execute_batch("RELEASE way")?;
                return done;
            }
        }
    }
    match last {
        Way::Anew => {
            draft(last, &Selected { taken: anew(conn, files, &selected.taken)?, ..selected.clone() })
        }
        _ => draft(last, selected),
    }
}

/// The differences in which rows that give up a computed value go and come again.
fn anew(
    conn: &Connection,
    files: &Schema,
    differences: &[TableDifference],
) -> Result<Vec<TableDifference>, Error> {
    let mut differences = differences.to_vec();
    for difference in &mut differences {
        let Rows::Listed(diff) = &difference.rows else { continue };
        let slots = RowShape::of(&difference.table).slots('s').join(", ");
        let aside = gives_up(computed_keys(files, &difference.table));
        conn.execute(
            &format!("INSERT INTO {diff}(kind, {slots}) SELECT 'D', {slots} FROM {diff} WHERE {aside}"),
            (),
        )?;
        let come = format!("UPDATE {diff} SET kind = 'I', step = NULL, aside = 0 WHERE {aside}");
        let rows = conn.execute(&come, ())? as u64;
        let Counts { inserted, updated, deleted } = difference.counts;
        difference.counts =
            Counts { inserted: inserted + rows, updated: updated - rows, deleted: deleted + rows };
    }
    Ok(differences)
}

fn gives_up_computed(
    conn: &Connection,
    files: &Schema,
    difference: &TableDifference,
) -> rusqlite::Result<bool> {
    let (bits, Rows::Listed(diff)) = (computed_keys(files, &difference.table), &difference.rows) else {
        return Ok(false);
    };
    conn.prepare(&format!("SELECT 1 FROM {diff} WHERE {}", gives_up(bits)))?.exists(())
}

fn gives_up(bits: i64) -> String {
    format!("kind = 'U' AND aside & {bits} <> 0")
}

/// The bits of the unique keys over generated columns or expressions, of a table whose rows can be deleted without an action
/// on others.
fn computed_keys(files: &Schema, table: &Table) -> i64 {
    if files.children(&table.name).any(|(_, key)| key.acts) {
        return 0;
    }
    let is_computed = |key: &UniqueKey| {
        key.terms.iter().any(|(term, _)| match term {
            Term::Column(position) => table.columns[*position].generated,
            Term::Expression(_) => true,
        })
    };
    let keys = table.secondary_keys().enumerate().filter(|(_, key)| is_computed(key));
    keys.fold(0, |bits, (number, _)| bits | key_bit(number))
}
