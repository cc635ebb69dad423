//! How two schemas differ. Pure.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashSet;

use super::{Object, ObjectKind, Schema, same_statement};
use crate::sql_text::one_line;

/// One object that is not the same in the local database and in what the files give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The database has it, no file makes it.
    OnlyHere(Object),
    /// The files make it, the database does not have it.
    OnlyInFiles(Object),
    /// Both have it, with different definitions: here, then in the files.
    Different(Object, Object),
}

impl Drift {
    /// The object, as it is here where it is here.
    pub fn object(&self) -> &Object {
        match self {
            Self::OnlyHere(object) | Self::OnlyInFiles(object) | Self::Different(object, _) => object,
        }
    }

    /// One line for a person.
    pub fn sentence(&self) -> String {
        let object = self.object();
        let (kind, name) = (object.kind.word(), &object.name);
        match self {
            Self::OnlyHere(_) => {
                format!("{kind} `{name}` is in the local database, but no migration makes it")
            }
            Self::OnlyInFiles(_) => {
                format!("{kind} `{name}` is made by the migrations, but is not in the local database")
            }
            Self::Different(..) => {
                format!("{kind} `{name}` is defined otherwise in the local database than by the migrations")
            }
        }
    }
}

/// The objects that differ: first what is here, in the order of the schema, then what only the files make.
pub fn compare(here: &Schema, files: &Schema) -> Vec<Drift> {
    let mut drifts = Vec::new();
    let names = LazyCell::new(|| names(here).chain(names(files)).collect::<HashSet<String>>());
    let same = |one: &Object, other: &Object| {
        one.sql == other.sql
            || one.name == other.name
                && column_names(here, one) == column_names(files, other)
                && same_statement(&definition(one), &definition(other), |name| names.contains(name))
    };
    for object in &here.objects {
        match find(files, object) {
            None => drifts.push(Drift::OnlyHere(object.clone())),
            Some(other) if !same(object, other) => {
                drifts.push(Drift::Different(object.clone(), other.clone()));
            }
            Some(_) => {}
        }
    }
    let only_in_files = files.objects.iter().filter(|object| find(here, object).is_none());
    drifts.extend(only_in_files.cloned().map(Drift::OnlyInFiles));
    drifts
}

fn find<'s>(schema: &'s Schema, object: &Object) -> Option<&'s Object> {
    schema
        .objects
        .iter()
        .find(|other| other.kind == object.kind && other.name.eq_ignore_ascii_case(&object.name))
}

/// Triggers are written on one line for the remote D1, so they are compared in that shape.
fn definition(object: &Object) -> Cow<'_, str> {
    match object.kind {
        ObjectKind::Trigger => one_line(&object.sql).into(),
        _ => object.sql.as_str().into(),
    }
}

/// The names under which a program gets what it selects: there upper and lower case count.
fn column_names<'s>(schema: &'s Schema, object: &'s Object) -> Vec<&'s str> {
    match schema.table(&object.name) {
        Some(table) if object.kind == ObjectKind::Table => {
            table.columns.iter().map(|column| column.name.as_str()).collect()
        }
        _ => object.view_columns.iter().map(String::as_str).collect(),
    }
}

/// Everything that has a name, in small letters.
fn names(schema: &Schema) -> impl Iterator<Item = String> {
    let objects =
        schema.objects.iter().flat_map(|object| std::iter::once(&object.name).chain(&object.view_columns));
    let columns = schema.tables.iter().flat_map(|table| &table.columns).map(|column| &column.name);
    objects.chain(columns).map(|name| name.to_ascii_lowercase())
}
