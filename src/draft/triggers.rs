//! The user's triggers that must not fire while row images are replayed: they already had their effect.

use rusqlite::Connection;

use crate::difference::{TableDifference, reached};
use crate::schema::{Object, Schema};
use crate::sql_text::{Event, Timing, firing};

/// The triggers that statements for these differences would fire, actions of foreign keys included.
pub(super) fn concerned<'s>(
    conn: &Connection,
    schema: &'s Schema,
    differences: &[TableDifference],
) -> rusqlite::Result<Vec<&'s Object>> {
    let reached = reached(conn, schema, differences)?;
    let fires = |object: &Object| {
        let Some(firing) = firing(&object.sql) else {
            return true;
        };
        if firing.timing == Timing::InsteadOf {
            return false;
        }
        let is_reached = reached.iter().any(|table| table.eq_ignore_ascii_case(&object.table));
        let difference =
            differences.iter().find(|other| other.table.name.eq_ignore_ascii_case(&object.table));
        let counts = difference.map(|difference| difference.counts).unwrap_or_default();
        match firing.event {
            Event::Insert => counts.inserted > 0 || is_reached,
            // A long value is put together by UPDATEs, in whatever way its row came.
            Event::Update => counts.updated + counts.inserted > 0 || is_reached,
            Event::Delete => counts.deleted > 0 || is_reached,
        }
    };
    let tables = schema.tables.iter().filter(|table| {
        differences.iter().any(|difference| difference.table.name == table.name)
            || reached.contains(&table.name)
    });
    Ok(tables.flat_map(|table| schema.triggers_on(&table.name)).filter(|trigger| fires(trigger)).collect())
}
