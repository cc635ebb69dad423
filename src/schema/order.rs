//! The order of tables along their foreign keys. Pure.

use super::{Schema, Table};

/// Tables so that a table that points to another comes before it. Tables that point to each other in a circle keep
/// the order of the schema among themselves.
pub fn children_first(schema: &Schema) -> Vec<&Table> {
    let mut parents_first = Vec::with_capacity(schema.tables.len());
    let mut seen = vec![false; schema.tables.len()];
    for start in 0..schema.tables.len() {
        visit(schema, start, &mut seen, &mut parents_first);
    }
    parents_first.reverse();
    parents_first
}

/// Depth first with a stack of its own: a chain of a thousand tables must not end the thread's stack.
fn visit<'s>(schema: &'s Schema, start: usize, seen: &mut [bool], out: &mut Vec<&'s Table>) {
    let mut stack = vec![(start, false)];
    while let Some((position, parents_done)) = stack.pop() {
        let table = &schema.tables[position];
        if parents_done {
            out.push(table);
            continue;
        }
        if std::mem::replace(&mut seen[position], true) {
            continue;
        }
        stack.push((position, true));
        for key in table.foreign_keys.iter().rev() {
            let parent = schema.tables.iter().position(|other| other.name.eq_ignore_ascii_case(&key.parent));
            if let Some(parent) = parent.filter(|&parent| !seen[parent]) {
                stack.push((parent, false));
            }
        }
    }
}
