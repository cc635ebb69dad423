//! What names a row on the real D1, whose hidden rowids are others than here: the values of a declared key.

use rusqlite::Connection;

use crate::difference::{RowShape, any_unknown};
use crate::schema::{Table, UniqueKey};

/// The declared key that names rows whose rowid is hidden, as positions: the primary one, else a UNIQUE one, best of columns that
/// are all NOT NULL; not one that chance filled, nor a UNIQUE one that is not made of `steady` columns alone.
pub(super) fn declared_key(
    conn: &Connection,
    table: &Table,
    steady: &[usize],
) -> rusqlite::Result<Vec<usize>> {
    if !RowShape::of(table).hidden_rowid {
        return Ok(Vec::new());
    }
    let primary = Some(table.primary_key.clone()).filter(|key| !key.is_empty() && table.key_names_rows);
    for key in primary.into_iter().chain(unique_keys(table, steady)) {
        if !any_unknown(conn, &table.name, &names(table, &key))? {
            return Ok(key);
        }
    }
    Ok(Vec::new())
}

/// The names of these columns.
pub(super) fn names(table: &Table, columns: &[usize]) -> Vec<String> {
    columns.iter().map(|&position| table.columns[position].name.clone()).collect()
}

/// The UNIQUE keys of these columns that name rows, in the order of columns within.
fn unique_keys(table: &Table, steady: &[usize]) -> Vec<Vec<usize>> {
    let keys = table.naming_keys().into_iter().filter_map(UniqueKey::plain_columns);
    let mut keys: Vec<Vec<usize>> = keys.filter(|key| key.iter().all(|own| steady.contains(own))).collect();
    for key in &mut keys {
        // An index may name a column twice.
        key.sort_unstable();
        key.dedup();
    }
    keys
}

/// The stored columns that no action of a foreign key may change before the turn of the row comes. `loose` are those that rows let go of.
pub(super) fn steady(table: &Table, loose: &[String]) -> Vec<usize> {
    let points_to_itself = points_to_itself(table);
    let points = |&position: &usize| {
        let mut own = table.foreign_keys.iter().flat_map(|key| &key.columns);
        own.any(|(own, _)| table.column(own) == Some(position))
    };
    table.stored().filter(|own| (loose.is_empty() && !points_to_itself) || !points(own)).collect()
}

pub(super) fn points_to_itself(table: &Table) -> bool {
    table.foreign_keys.iter().any(|key| key.parent.eq_ignore_ascii_case(&table.name))
}
