//! What is here: tables, columns, keys, indexes, triggers and foreign keys of one database, read once into values.
//!
//! Pure except for [`read()`], the one reader. The migrations table, SQLite's own tables, workerd's `_cf_` tables and the
//! tool's own objects are no part of a [`Schema`].

mod compare;
mod definition;
mod order;
mod parent;
mod read;
mod rename;

pub use compare::{Drift, compare};
pub use definition::unquoted;
use definition::{mentions, same_statement};
pub use order::children_first;
pub use read::read;
pub use rename::{RenamedColumn, name_now, renamed_columns, renamed_tables};

use rusqlite::types::ValueRef;

use crate::sql_text::Target;

/// Everything the user made in one database, in the order of `sqlite_schema`.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Tables, virtual ones included, shadow tables of virtual ones left out.
    pub tables: Vec<Table>,
    /// Every row of `sqlite_schema` that has a text, shadow tables left out.
    pub objects: Vec<Object>,
}

/// One row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// The table it stands on (its own name for tables and views).
    pub table: String,
    /// Its `CREATE` statement, as SQLite keeps it.
    pub sql: String,
    /// The names of a view's columns; none for other objects, or where the view cannot be read.
    pub view_columns: Vec<String>,
}

/// The kinds of object that `sqlite_schema` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A table, ordinary or virtual.
    Table,
    /// An index with a text of its own.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

impl ObjectKind {
    /// The word that SQL and messages use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// How its rows are stored.
    pub kind: TableKind,
    /// Every column that `table_xinfo` names, generated ones included, hidden ones of virtual tables left out.
    pub columns: Vec<Column>,
    /// The columns of the declared primary key, in key order, as positions in `columns`.
    pub primary_key: Vec<usize>,
    /// Does a value of the primary key mean one row at most, compared as its columns compare? Not in
    /// `k COLLATE NOCASE, PRIMARY KEY (k COLLATE BINARY)`.
    pub key_names_rows: bool,
    /// Does a row keep others away by its primary key that have another value there? So it does in
    /// `k, PRIMARY KEY (k COLLATE NOCASE)`.
    pub key_takes_more: bool,
    /// The column that is another name of the rowid (`INTEGER PRIMARY KEY`).
    pub rowid_alias: Option<usize>,
    /// UNIQUE constraints and unique indexes, the primary key's own index included, the rowid left out.
    pub unique_keys: Vec<UniqueKey>,
    /// Foreign keys of this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// Does its definition say ON CONFLICT?
    pub has_conflict_clause: bool,
    /// Does a foreign key point to it by what is no key? Any trigger on it would bring that to light.
    pub is_pointed_to_in_vain: bool,
    /// Does `sqlite_sequence` count for it?
    pub autoincrement: bool,
}

/// How the rows of a table are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableKind {
    /// An ordinary table: every row has a rowid.
    Rowid,
    /// `WITHOUT ROWID`: the primary key is the row's only name.
    WithoutRowid,
    /// A virtual table.
    Virtual(Module),
}

/// What a virtual table keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// FTS5 that stores its own text: rows can be read and written.
    FtsOwnContent,
    /// FTS5 over another table: only the index is its own.
    FtsExternalContent,
    /// FTS5 without text: rows cannot be read back.
    FtsContentless,
    /// The terms of an FTS5 table: nothing of its own.
    FtsVocabulary,
    /// R*Tree.
    Rtree,
    /// A module that D1 does not offer: it answers `not authorized` to fts3, fts4, geopoly and dbstat.
    Unknown,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// SQLite's affinity of the declared type.
    pub affinity: Affinity,
    /// The name of its collation.
    pub collation: String,
    /// Is NULL refused?
    pub not_null: bool,
    /// Is its value computed from other columns?
    pub generated: bool,
    /// From which ones, over any number of others, as positions. Rather one too many.
    pub computed_from: Vec<usize>,
}

/// Affinities, as far as comparing needs them (<https://sqlite.org/datatype3.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Holds no INTEGER and no REAL.
    Text,
    /// A REAL with an integer's value is kept as INTEGER.
    Integer,
    /// Numbers are kept as REAL; the sign of zero is lost.
    Real,
    /// Anything is kept as it comes.
    Blob,
}

/// One UNIQUE constraint or unique index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// Is it that of the primary key?
    pub primary: bool,
    /// What is unique together, each with the collation of the index.
    pub terms: Vec<(Term, String)>,
    /// The WHERE clause of a partial index: it holds only for these rows.
    pub predicate: Option<String>,
}

/// One part of a unique key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A column, by its position.
    Column(usize),
    /// An expression over columns, as it stands in the index.
    Expression(String),
}

impl Term {
    /// The position, where it is a column.
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::Column(position) => Some(*position),
            Self::Expression(_) => None,
        }
    }
}

/// One foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The table it points to, as written.
    pub parent: String,
    /// Pairs of own column and parent column; no parent column means the parent's primary key.
    pub columns: Vec<(String, Option<String>)>,
    /// Does deleting or changing a parent row do something to this table at once (anything but NO ACTION)?
    pub acts: bool,
    /// What deleting a parent row does.
    pub on_delete: Action,
    /// What changing its key does.
    pub on_update: Action,
}

/// An action of a foreign key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// NO ACTION.
    Nothing,
    /// RESTRICT: it is refused at once.
    Restrict,
    /// CASCADE: the children do the same.
    Cascade,
    /// SET NULL, SET DEFAULT: the children let go.
    LetGo,
}

impl Schema {
    /// The table of this name (SQLite compares names without ASCII case).
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// The tables whose foreign keys point to this one, with those keys.
    pub fn children<'s>(&'s self, parent: &'s str) -> impl Iterator<Item = (&'s Table, &'s ForeignKey)> {
        children_among(self.tables.iter(), parent)
    }

    /// These tables, and those that actions of foreign keys reach from them, over any number of steps by such keys.
    pub fn reachable(&self, mut from: Vec<String>, acts: impl Fn(&ForeignKey) -> bool) -> Vec<String> {
        let mut next = 0;
        while let Some(parent) = from.get(next).cloned() {
            next += 1;
            for (child, _) in self.children(&parent).filter(|(_, key)| acts(key)) {
                if !from.contains(&child.name) {
                    from.push(child.name.clone());
                }
            }
        }
        from
    }

    /// The triggers that stand on this table.
    pub fn triggers_on<'s>(&'s self, table: &'s str) -> impl Iterator<Item = &'s Object> {
        self.objects.iter().filter(move |object| {
            object.kind == ObjectKind::Trigger && object.table.eq_ignore_ascii_case(table)
        })
    }
}

/// The same among some tables.
pub fn children_among<'t>(
    tables: impl Iterator<Item = &'t Table>,
    parent: &'t str,
) -> impl Iterator<Item = (&'t Table, &'t ForeignKey)> {
    let keys = tables.flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)));
    keys.filter(move |(_, key)| key.parent.eq_ignore_ascii_case(parent))
}

/// How a row is named: the same row in two databases has the same identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By its rowid, under a name that no column hides.
    Rowid(String),
    /// By the primary key, as positions in `columns`: the table is WITHOUT ROWID, or columns hide all names of its rowid.
    Key(Vec<usize>),
    /// By nothing: there is no rowid, or columns hide all its names, and the primary key may be NULL or means more rows than one.
    Nothing,
}

impl Table {
    /// The columns that a foreign key to this table points to, as positions: the named ones, else the primary key.
    pub fn pointed_to(&self, key: &ForeignKey) -> Vec<usize> {
        let named: Option<Vec<usize>> =
            key.columns.iter().map(|(_, column)| self.column(column.as_deref()?)).collect();
        named.unwrap_or_else(|| self.primary_key.clone())
    }

    /// Foreign keys to the table itself by which a unique value follows its parent (ON UPDATE CASCADE).
    pub fn own_followers(&self) -> impl Iterator<Item = &ForeignKey> {
        let is_unique = |(column, _): &(String, Option<String>)| {
            let column = self.column(column);
            column.is_some_and(|column| self.unique_keys.iter().any(|key| key.hangs_on(self, column)))
        };
        self.foreign_keys.iter().filter(move |key| {
            key.parent.eq_ignore_ascii_case(&self.name)
                && key.on_update == Action::Cascade
                && key.columns.iter().any(is_unique)
        })
    }

    /// How its rows are named.
    pub fn identity(&self) -> Identity {
        if self.kind == TableKind::WithoutRowid {
            return match self.key_names_rows {
                true => Identity::Key(self.primary_key.clone()),
                false => Identity::Nothing,
            };
        }
        let hidden = |name: &&str| self.column(name).is_none();
        match ["rowid", "_rowid_", "oid"].into_iter().find(hidden) {
            Some(name) => Identity::Rowid(name.to_owned()),
            None => match self.rowid_alias {
                Some(alias) => Identity::Rowid(self.columns[alias].name.clone()),
                None if self.has_sure_key() => Identity::Key(self.primary_key.clone()),
                None => Identity::Nothing,
            },
        }
    }

    /// Has every row a primary key? SQLite lets it be NULL, unless its columns say NOT NULL.
    fn has_sure_key(&self) -> bool {
        !self.primary_key.is_empty()
            && self.key_names_rows
            && self.primary_key.iter().all(|&position| self.columns[position].not_null)
    }

    /// The position of the column of this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// It, for the statements that write to it.
    pub fn target(&self) -> Target<'_> {
        Target { table: &self.name, has_conflict_clause: self.has_conflict_clause }
    }

    /// Positions of the columns that are stored, and so can be written.
    pub fn stored(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.columns.len()).filter(|&position| !self.columns[position].generated)
    }

    /// Can triggers stand on it, and so the changefeed follow its rows?
    pub fn is_trackable(&self) -> bool {
        !matches!(self.kind, TableKind::Virtual(_))
            && self.identity() != Identity::Nothing
            && !self.is_pointed_to_in_vain
    }

    /// The UNIQUE keys of stored columns that name rows, in the order of their making; but first those that are never NULL.
    pub fn naming_keys(&self) -> Vec<&UniqueKey> {
        let of_columns = |key: &UniqueKey, holds: fn(&Column) -> bool| {
            key.terms.iter().all(|(term, _)| term.column().is_some_and(|own| holds(&self.columns[own])))
        };
        // SQLite lists the youngest index first.
        let keys = self.unique_keys.iter().rev();
        let names = |key: &&UniqueKey| {
            !key.primary && key.names_rows(&self.columns) && of_columns(key, |column| !column.generated)
        };
        let mut keys: Vec<&UniqueKey> = keys.filter(names).collect();
        keys.sort_by_key(|key| !of_columns(key, |column| column.not_null));
        keys
    }

    /// Unique keys besides the one that identifies the row: a REPLACE can push out *another* row through them, and
    /// SQLite fires no DELETE trigger for that row (`recursive_triggers` is off on D1).
    pub fn secondary_keys(&self) -> impl Iterator<Item = &UniqueKey> {
        let is_name = matches!(self.identity(), Identity::Key(_)) && !self.key_takes_more;
        self.unique_keys.iter().filter(move |key| !(is_name && key.primary))
    }
}

impl Column {
    /// Can it hold another value that `=` takes for this one? (It does not tell the zeros of a REAL apart.)
    pub fn has_doubles(&self, value: ValueRef) -> bool {
        match (value, self.affinity) {
            (ValueRef::Text(_), _) => !self.collation.eq_ignore_ascii_case("BINARY"),
            (ValueRef::Integer(_) | ValueRef::Real(_), Affinity::Blob) => true,
            // The only whole number that stays a REAL in such a column.
            (ValueRef::Integer(i64::MIN), Affinity::Integer) => true,
            (ValueRef::Real(value), Affinity::Integer) => value == i64::MIN as f64,
            _ => false,
        }
    }
}

impl UniqueKey {
    /// Does its value hang on this column? Rather once too often: an expression is only searched for the name.
    pub fn hangs_on(&self, table: &Table, column: usize) -> bool {
        let hangs_on = |&own: &usize| own == column || table.columns[own].computed_from.contains(&column);
        self.terms.iter().any(|(term, _)| match term {
            Term::Column(own) => hangs_on(own),
            Term::Expression(text) => (0..table.columns.len())
                .filter(|&own| mentions(text, &table.columns[own].name))
                .any(|own| hangs_on(&own)),
        })
    }

    /// Does its value mean one row at most, compared as its columns compare? Rows with a NULL in it have no such value.
    pub fn names_rows(&self, columns: &[Column]) -> bool {
        let names = |(term, collation): &(Term, String)| {
            let own = term.column().map(|position| columns[position].collation.as_str());
            own.is_some_and(|own| own.eq_ignore_ascii_case("BINARY") || own.eq_ignore_ascii_case(collation))
        };
        self.predicate.is_none() && self.terms.iter().all(names)
    }

    /// Its columns where all of them are columns.
    pub fn plain_columns(&self) -> Option<Vec<usize>> {
        self.terms.iter().map(|(term, _)| term.column()).collect()
    }
}
