//! What is still different after the statements were run on the shadow: what a foreign key's action took along, above all.

use rusqlite::Connection;

use super::Error;
use super::columns::RowShape;
use super::compare::{Rows, TableDifference, compare_tables, count};
use super::look::{Look, Scope};
use crate::schema::{Schema, Table, TableKind};

/// Compares once more the rows that were written and the tables that foreign keys' actions reach from them. Rows that are
/// meant to stay different (`left`) do not count.
pub fn recheck(
    conn: &Connection,
    here: &Schema,
    files: &Schema,
    written: &[TableDifference],
    left: &[TableDifference],
    round: usize,
) -> Result<Vec<TableDifference>, Error> {
    let reached = reached(here, written);
    let mut narrow: Vec<(String, Look)> = reached
        .iter()
        .map(|table| (table.clone(), Look::Everywhere))
        .collect();
    for difference in written {
        if !reached.contains(&difference.table.name) {
            narrow.push((
                difference.table.name.clone(),
                look_again(conn, difference, round)?,
            ));
        }
    }
    let tables: Vec<&Table> = here.tables.iter().collect();
    let scope = Scope::only(narrow, &here.tables);
    let mut found = compare_tables(conn, files, &tables, &scope, round)?;
    for difference in &mut found {
        let stays = left
            .iter()
            .find(|other| other.table.name == difference.table.name);
        if let (Some(stays), Rows::Listed(diff)) = (stays, &difference.rows) {
            forget(conn, &difference.table, diff, &stays.rows)?;
            difference.counts = count(conn, &difference.table, &difference.rows)?;
        }
    }
    found.retain(|difference| difference.counts.total() > 0);
    Ok(found)
}

/// The tables that point, over any number of steps, to a table in which rows went or changed, with a foreign key that acts.
pub fn reached(here: &Schema, written: &[TableDifference]) -> Vec<String> {
    let mut sources: Vec<String> = (written.iter())
        .filter(|difference| difference.counts.updated + difference.counts.deleted > 0)
        .map(|difference| difference.table.name.clone())
        .collect();
    let mut reached: Vec<String> = Vec::new();
    while let Some(parent) = sources.pop() {
        let children = here.tables.iter().filter(|table| {
            table
                .foreign_keys
                .iter()
                .any(|key| key.acts && key.parent.eq_ignore_ascii_case(&parent))
        });
        for child in children {
            if !reached.contains(&child.name) {
                reached.push(child.name.clone());
                sources.push(child.name.clone());
            }
        }
    }
    reached
}

fn look_again(
    conn: &Connection,
    difference: &TableDifference,
    round: usize,
) -> rusqlite::Result<Look> {
    let shape = RowShape::of(&difference.table);
    match &difference.rows {
        // Rows of a virtual table are few or many, but its module decides what an UPDATE touches.
        Rows::Listed(diff) if !matches!(difference.table.kind, TableKind::Virtual(_)) => {
            let keys = format!("{diff}_again_{round}");
            let slots = shape.slots('k').join(", ");
            conn.execute_batch(&format!(
                "CREATE TABLE {keys}({slots}, UNIQUE ({slots}));
                 INSERT OR IGNORE INTO {keys} SELECT {} FROM {diff} WHERE kind <> 'D';
                 INSERT OR IGNORE INTO {keys} SELECT {} FROM {diff} WHERE kind <> 'I';",
                shape.slots('l').join(", "),
                shape.slots('s').join(", "),
            ))?;
            Ok(Look::At(keys))
        }
        _ => Ok(Look::Everywhere),
    }
}

/// Takes the rows that stay different out of the list.
fn forget(conn: &Connection, table: &Table, diff: &str, stays: &Rows) -> rusqlite::Result<()> {
    let Rows::Listed(stays) = stays else {
        return conn.execute_batch(&format!("DELETE FROM {diff}"));
    };
    let shape = RowShape::of(table);
    let same = |side: char| {
        let slots = shape.slots(side).into_iter();
        let same: Vec<String> = slots.map(|slot| format!("o.{slot} = d.{slot}")).collect();
        format!(
            "EXISTS (SELECT 1 FROM {stays} o WHERE {})",
            same.join(" AND ")
        )
    };
    conn.execute_batch(&format!(
        "DELETE FROM {diff} AS d WHERE {} OR {}",
        same('l'),
        same('s')
    ))
}
