//! R*Trees, and FTS5 tables with text of their own, that triggers on other tables fill.
//!
//! Where these triggers fire, their rows may need no statement, and belong to the same ones on the real D1, under whichever rowids
//! they are there. Written by the rowids from here they may be those of rows that only the real D1 has.

use super::triggers::targets;
use crate::difference::{Selected, TableDifference, is_search_index};
use crate::schema::{Module, Object, Schema, Table, TableKind};

fn keeps_rows(table: &Table) -> bool {
    matches!(table.kind, TableKind::Virtual(Module::FtsOwnContent | Module::Rtree))
}

fn is_among(differences: &[TableDifference], table: &Table) -> bool {
    differences.iter().any(|other| other.table.name == table.name)
}

fn writes_to(trigger: &Object, table: &Table) -> bool {
    targets(&trigger.sql).iter().any(|name| name.eq_ignore_ascii_case(&table.name))
}

/// Do triggers on the table of this difference fill that one?
fn feeds(schema: &Schema, difference: &TableDifference, fed: &Table) -> bool {
    schema.triggers_on(&difference.table.name).any(|trigger| writes_to(trigger, fed))
}

/// Those that the triggers on the tables that are written may fill. Also some in which nothing differs: a new row may have got the rowid,
/// and the text, of a deleted one; and a trigger that fills several fires for all of them or none.
pub(super) fn fed_tables<'s>(schema: &'s Schema, selected: &Selected) -> Vec<&'s Table> {
    let is_search =
        |name: &String| schema.table(name).is_some_and(|table| keeps_rows(table) || is_search_index(table));
    let is_meant = |table: &&Table| {
        let feeding: Vec<&TableDifference> =
            selected.taken.iter().filter(|difference| feeds(schema, difference, table)).collect();
        let come_and_go = feeding.iter().any(|difference| difference.counts.inserted > 0)
            && feeding.iter().any(|difference| difference.counts.deleted > 0);
        let mut triggers = feeding.iter().flat_map(|difference| schema.triggers_on(&difference.table.name));
        let fills_several = |trigger: &Object| {
            let mut others = targets(&trigger.sql);
            others.retain(|name| !name.eq_ignore_ascii_case(&table.name));
            writes_to(trigger, table) && others.iter().any(is_search)
        };
        !feeding.is_empty()
            && !is_among(&selected.left, table)
            && (is_among(&selected.taken, table) || come_and_go || triggers.any(fills_several))
    };
    schema.tables.iter().filter(|table| keeps_rows(table)).filter(is_meant).collect()
}

/// What triggers on the wanted tables fill is wanted too, and indexes over other tables that they keep, where no table stays pending
/// that fills it, too: left for later, its rows would have to be written without them.
pub fn take_fed(schema: &Schema, selected: &mut Selected) {
    let goes_along = |selected: &Selected, table: &Table| {
        selected.taken.iter().any(|difference| feeds(schema, difference, table))
            && !selected.left.iter().any(|difference| feeds(schema, difference, table))
    };
    for difference in selected.left.clone() {
        if keeps_rows(&difference.table) && goes_along(selected, &difference.table) {
            selected.left.retain(|other| other.table.name != difference.table.name);
            selected.taken.push(difference);
        }
    }
    for name in selected.left_indexes.clone() {
        if schema.table(&name).is_some_and(|table| goes_along(selected, table)) {
            selected.left_indexes.retain(|other| *other != name);
            selected.indexes.push(name);
        }
    }
}
