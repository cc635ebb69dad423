//! Ways to write the same difference, tried one after the other on the shadow until D1 would take every statement.

use std::borrow::Cow;

use rusqlite::Connection;

use super::{Error, keys};
use crate::difference;
use crate::difference::{
    Counts, Moment, RowShape, Rows, Selected, TableDifference, any_update_touches, is_bold, key_bit, recheck,
    trades_keys,
};
use crate::schema::{Schema, Table, Term, UniqueKey, children_first};
use crate::sql_text::quote_identifier;

/// How rows are written that stand in each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// What children follow changes first, so that they go along.
    KeysFirst,
    /// The same; and before them the rows of the same table that would follow them, but go or move elsewhere.
    OwnChildrenFirst,
    /// Children are written before their parents.
    ChildrenFirst,
    /// The same; and rows that may have no other value to stand on meanwhile go and come again.
    Anew,
}

/// Drafts in the first way that works. What a way that failed did on the shadow is undone.
pub(super) fn first_that_works<T>(
    conn: &Connection,
    here: &Schema,
    files: &Schema,
    selected: &Selected,
    draft: impl Fn(Way, &Selected) -> Result<T, Error>,
) -> Result<T, Error> {
    let with = |taken| Selected { taken, ..selected.clone() };
    let again = |taken: &[TableDifference], moment| -> Result<Selected, Error> {
        Ok(with(recheck(conn, here, files, taken, &[], &selected.left, moment)?))
    };
    let draft = |way, selected: &Selected| match way {
        Way::Anew => draft(way, &with(anew(conn, files, &selected.taken)?)),
        _ => draft(way, selected),
    };
    let mut selected = Cow::Borrowed(selected);
    if any_moves(conn, files, &selected.taken, is_bold)? {
        let ways = ways(conn, files, &selected.taken)?;
        // Those in which keys lead, or the first.
        let leading = ways.iter().position(|way| *way == Way::ChildrenFirst).unwrap_or(0).max(1);
        for way in &ways[..leading] {
            if let Some(done) = attempt(conn, || draft(*way, &selected))? {
                return Ok(done);
            }
        }
        selected = Cow::Owned(again(&selected.taken, Moment::Again)?);
    }
    if any_moves(conn, files, &selected.taken, trades_keys)? {
        for way in ways(conn, files, &selected.taken)? {
            if let Some(done) = attempt(conn, || draft(way, &selected))? {
                return Ok(done);
            }
        }
        selected = Cow::Owned(again(&selected.taken, Moment::Plainly)?);
    }
    let mut ways = ways(conn, files, &selected.taken)?;
    let last = ways.pop().unwrap_or(Way::ChildrenFirst);
    for way in ways {
        if let Some(done) = attempt(conn, || draft(way, &selected))? {
            return Ok(done);
        }
    }
    draft(last, &selected)
}

/// The ways that this difference can be written in, the best one first.
fn ways(conn: &Connection, files: &Schema, differences: &[TableDifference]) -> Result<Vec<Way>, Error> {
    let mut ways = vec![Way::ChildrenFirst];
    let order = children_first(files);
    for difference in differences {
        if keys::leads(conn, &order, difference)? {
            ways.insert(0, Way::KeysFirst);
            break;
        }
    }
    let follows_itself = |difference: &TableDifference| difference.table.own_followers().next().is_some();
    if ways[0] == Way::KeysFirst && differences.iter().any(follows_itself) {
        ways.insert(1, Way::OwnChildrenFirst);
    }
    for difference in differences {
        if gives_up_computed(conn, files, difference)? {
            ways.push(Way::Anew);
            break;
        }
    }
    Ok(ways)
}

/// Tries a draft; where D1 would not take it, all is as before, and there is none.
pub(super) fn attempt<T>(
    conn: &Connection,
    draft: impl Fn() -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    conn.execute_batch("SAVEPOINT way")?;
    match draft() {
        Err(
            Error::Refused { .. }
            | Error::Unproven { .. }
            | Error::OpenForeignKey
            | Error::Difference(difference::Error::TakenAlong { .. }),
        ) => {
            conn.execute_batch("ROLLBACK TO way; RELEASE way; PRAGMA ignore_check_constraints=OFF")?;
            Ok(None)
        }
        done => {
            conn.execute_batch("RELEASE way")?;
            done.map(Some)
        }
    }
}

/// Did a row change its key, or come where another one went, in a table of this sort?
fn any_moves(
    conn: &Connection,
    files: &Schema,
    differences: &[TableDifference],
    is_meant: fn(&Connection, &Schema, &Table) -> rusqlite::Result<bool>,
) -> rusqlite::Result<bool> {
    let order = children_first(files);
    for TableDifference { table, rows, .. } in differences {
        let Rows::Listed(diff) = rows else { continue };
        if is_meant(conn, files, table)?
            && (come_and_go(conn, diff)? || keys_change(conn, table, diff, &keys::followed(&order, table))?)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn come_and_go(conn: &Connection, diff: &str) -> rusqlite::Result<bool> {
    let is_any = |kind: char| format!("EXISTS (SELECT 1 FROM {diff} WHERE kind = '{kind}')");
    conn.query_row(&format!("SELECT {} AND {}", is_any('I'), is_any('D')), (), |row| row.get(0))
}

fn keys_change(conn: &Connection, table: &Table, diff: &str, followed: &[usize]) -> rusqlite::Result<bool> {
    let shape = RowShape::of(table);
    let columns: Vec<usize> = table.primary_key.iter().chain(followed).copied().collect();
    let names = |column: &usize| shape.identity.contains(&quote_identifier(&table.columns[*column].name));
    if !columns.iter().all(names) {
        return any_update_touches(conn, table, diff, &columns);
    }
    // The list itself tells, without a look at the rows.
    let slots = shape.slots('l').into_iter().zip(shape.slots('s'));
    let differ: Vec<String> = slots.map(|(l, s)| format!("{l} IS NOT {s}")).collect();
    let sql = format!("SELECT 1 FROM {diff} WHERE kind = 'U' AND ({})", differ.join(" OR "));
    conn.prepare(&sql)?.exists(())
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

/// The bits of the unique keys over generated columns or expressions, or over what generated columns are computed from (NOT NULL
/// or STRICT, they may be able to do with no other value), of a table whose rows can be deleted without an action on others.
fn computed_keys(files: &Schema, table: &Table) -> i64 {
    if files.children(&table.name).any(|(_, key)| key.acts) {
        return 0;
    }
    let is_computed = |key: &UniqueKey| {
        key.terms.iter().any(|(term, _)| match term {
            Term::Column(position) => {
                table.columns[*position].generated
                    || table.columns.iter().any(|column| column.computed_from.contains(position))
            }
            Term::Expression(_) => true,
        })
    };
    let keys = table.secondary_keys().enumerate().filter(|(_, key)| is_computed(key));
    keys.fold(0, |bits, (number, _)| bits | key_bit(number))
}
