//! Compares two databases table by table and leaves the rows that differ in temporary tables, so that memory stays flat.

use rusqlite::Connection;

use super::Error;
use super::columns::{RowShape, rows_differ};
use super::look::{Look, Scope};
use super::moves::{Follow, Follows};
use super::order::arrange_updates;
use super::pairs::{Known, pair, pointed_to_keys};
use super::search::differing_indexes;
use super::sequences::{Sequence, sequences};
use super::unknown::any_unknown_in;
use super::went::Partners;
use crate::names::SHADOW_FILES;
use crate::schema::{Action, Column, Drift, ForeignKey, Module, Schema, Table, TableKind};

/// What differs.
#[derive(Debug)]
pub struct Comparison {
    /// The schema of the local database.
    pub here: Schema,
    /// The schema that the files give.
    pub files: Schema,
    /// How these two differ.
    pub drift: Vec<Drift>,
    /// Tables whose rows differ, in the order of the local schema.
    pub tables: Vec<TableDifference>,
    /// FTS5 tables of which the settings differ, or the index that stands apart from its text.
    pub indexes: Vec<String>,
    /// AUTOINCREMENT counters that differ.
    pub sequences: Vec<Sequence>,
}

/// The rows of one table that differ.
#[derive(Debug, Clone)]
pub struct TableDifference {
    /// The table, as it is in the local database.
    pub table: Table,
    /// Where they stand.
    pub rows: Rows,
    /// How many there are.
    pub counts: Counts,
}

/// Where the rows that differ stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// In the temporary table of this name: `kind` ('I', 'U', 'D'), the local identity `l1…`, the shadow's `s1…`, and
    /// `step`, `aside` and `loose` for the order of writing.
    Listed(String),
    /// The shadow's table is empty: every local row is new.
    AllNew {
        /// Does the migration that brings the rows make the table too, so that it is empty on the real D1?
        with_table: bool,
    },
    /// Rows have no name, and the contents differ: all of them go and come again.
    Rewritten,
}

/// How many rows of a table differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows that only the local database has.
    pub inserted: u64,
    /// Rows that both have, with other values.
    pub updated: u64,
    /// Rows that only the files give.
    pub deleted: u64,
}

impl Counts {
    /// All of them.
    pub fn total(self) -> u64 {
        self.inserted + self.updated + self.deleted
    }
}

impl Comparison {
    /// Is there nothing that differs?
    pub fn is_same(&self) -> bool {
        self.drift.is_empty() && !self.has_changes()
    }

    /// Are there rows, counters or search indexes that differ?
    pub fn has_changes(&self) -> bool {
        !(self.tables.is_empty() && self.sequences.is_empty() && self.indexes.is_empty())
    }
}

/// Compares the rows of every table that both schemas define alike, looking only where `scope` says.
pub fn compare(conn: &Connection, here: Schema, files: Schema, scope: &Scope) -> Result<Comparison, Error> {
    let drift = crate::schema::compare(&here, &files);
    let comparable: Vec<&Table> =
        (here.tables.iter()).filter(|table| has_same_columns(table, files.table(&table.name))).collect();
    let tables = compare_tables(conn, &files, &comparable, scope, Moment::Before)?;
    let sequences = sequences(conn, &comparable)?;
    let indexes = differing_indexes(conn, &here, &files, scope.is_everything())?;
    Ok(Comparison { here, files, drift, tables, indexes, sequences })
}

/// When rows are compared: before anything is written, or in between. Tells apart the temporary tables of several comparisons.
#[derive(Debug, Clone, Copy)]
pub enum Moment<'a> {
    /// Before anything was written.
    Before,
    /// The same once more: what was found then was followed too boldly.
    Again,
    /// The same for the last time: no keys were traded, values were.
    Plainly,
    /// After such a step, in which keys were changed that children follow; the rows that were one then still are.
    AfterKeys(usize, &'a [Partners]),
    /// After so many rounds of statements.
    AfterRound(usize),
}

impl<'a> Moment<'a> {
    /// What tells which rows of this table changed their keys. The changefeed, asked once too often, would let rows that changed
    /// places change them back.
    fn known(self, files: &Schema, table: &Table, follows: Follows) -> Known<'a> {
        match self {
            Self::Before => Known::Told { as_told: Follow::boldly(files, table, follows), of_replaced: true },
            Self::Again => {
                Known::Told { as_told: Follow::carefully(files, table, follows), of_replaced: false }
            }
            Self::Plainly => Known::Told { as_told: Follow::plainly(follows), of_replaced: false },
            Self::AfterKeys(_, partners) => {
                let own = partners.iter().find(|partners| partners.table == table.name);
                own.map_or(Known::Settled, Known::Before)
            }
            Self::AfterRound(_) => Known::Settled,
        }
    }

    /// A part of the names of temporary tables.
    pub(super) fn name(self) -> String {
        match self {
            Self::Before => "0".into(),
            Self::Again => "again".into(),
            Self::Plainly => "plainly".into(),
            Self::AfterKeys(step, _) => format!("keys_{step}"),
            Self::AfterRound(round) => round.to_string(),
        }
    }
}

/// Compares the rows of these tables.
pub(super) fn compare_tables(
    conn: &Connection,
    files: &Schema,
    tables: &[&Table],
    scope: &Scope,
    moment: Moment<'_>,
) -> Result<Vec<TableDifference>, Error> {
    let mut differences = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let rows = match scope.of(&table.name) {
            Look::Nowhere => None,
            look => compare_table(conn, files, table, &look, moment, &format!("{}_{number}", moment.name()))?,
        };
        let Some(rows) = rows else { continue };
        let counts = count(conn, table, &rows)?;
        if counts.total() > 0 {
            differences.push(TableDifference { table: (*table).clone(), rows, counts });
        }
    }
    Ok(differences)
}

/// Would the rows of this table be matched otherwise if the changefeed were believed less?
pub fn is_bold(conn: &Connection, files: &Schema, table: &Table) -> rusqlite::Result<bool> {
    let follows = follows(conn, files, table)?;
    Ok(Follow::boldly(files, table, follows) != Follow::carefully(files, table, follows)
        || !pointed_to_keys(files, table).is_empty())
}

/// Would they be matched otherwise if rows were not believed to trade keys?
pub fn trades_keys(conn: &Connection, files: &Schema, table: &Table) -> rusqlite::Result<bool> {
    let follows = follows(conn, files, table)?;
    Ok(Follow::carefully(files, table, follows) != Follow::plainly(follows))
}

/// What goes along with a key of this table.
fn follows(conn: &Connection, files: &Schema, table: &Table) -> rusqlite::Result<Follows> {
    Ok(match files.children(&table.name).next() {
        Some(_) => Follows::Children,
        // A row that went and came again would bring what the clock gave here.
        None if any_unknown_in(conn, &table.name)? => Follows::Values,
        // Matched by key, its rows would trade the keys once more that they got from their parents.
        None if key_follows_a_parent(table) => Follows::Values,
        None => Follows::Nothing,
    })
}

/// Does a part of its key change along with a key of another table?
fn key_follows_a_parent(table: &Table) -> bool {
    let is_part =
        |column: &String| table.column(column).is_some_and(|position| table.primary_key.contains(&position));
    let follows = |key: &&ForeignKey| key.on_update == Action::Cascade;
    table.foreign_keys.iter().filter(follows).any(|key| key.columns.iter().any(|(own, _)| is_part(own)))
}

/// Rows can be compared where both tables store the same columns under the same names, and tell their keys apart alike.
pub fn has_same_columns(table: &Table, other: Option<&Table>) -> bool {
    let stored = |table: &Table| names(table.stored().map(|position| &table.columns[position]));
    let collations = |table: &Table| -> Vec<String> {
        let key = table.primary_key.iter().map(|&position| &table.columns[position]);
        key.map(|column| column.collation.to_ascii_uppercase()).collect()
    };
    other.is_some_and(|other| {
        stored(table) == stored(other)
            && table.identity() == other.identity()
            && collations(table) == collations(other)
    })
}

fn names<'t>(columns: impl IntoIterator<Item = &'t Column>) -> Vec<String> {
    columns.into_iter().map(|column| column.name.to_lowercase()).collect()
}

fn compare_table(
    conn: &Connection,
    files: &Schema,
    table: &Table,
    look: &Look,
    moment: Moment<'_>,
    name: &str,
) -> Result<Option<Rows>, Error> {
    let shape = RowShape::of(table);
    if matches!(
        table.kind,
        TableKind::Virtual(
            Module::FtsExternalContent | Module::FtsContentless | Module::FtsVocabulary | Module::Unknown
        )
    ) {
        return Ok(None);
    }
    if *look == Look::Everywhere && is_empty(conn, &shape.shadow())? {
        return Ok(Some(Rows::AllNew { with_table: !any_file(conn)? }));
    }
    if shape.identity.is_empty() {
        return Ok(contents_differ(conn, &shape)?.then_some(Rows::Rewritten));
    }
    let diff = list_rows(conn, table, look, name)?;
    let kinds: String = conn.query_row(
        &format!("SELECT coalesce(group_concat(DISTINCT kind), '') FROM {diff}"),
        (),
        |row| row.get(0),
    )?;
    // Where a row took the key of an equal one, only the one that came or went is listed.
    let follows = follows(conn, files, table)?;
    if (!shape.hidden_rowid && follows != Follows::Nothing && !kinds.is_empty())
        || kinds.contains('U')
        || (kinds.contains('I') && kinds.contains('D'))
    {
        let known = moment.known(files, table, follows);
        pair(conn, files, table, &diff, known)?;
    }
    // While generated columns have other names there, nothing is written, and unique keys over them cannot be asked for.
    if files.table(&table.name).is_some_and(|other| names(&other.columns) == names(&table.columns)) {
        arrange_updates(conn, table, &diff)?;
    }
    Ok(Some(Rows::Listed(diff)))
}

/// Lists the rows that differ, matched by their identity.
pub(super) fn list_rows(
    conn: &Connection,
    table: &Table,
    look: &Look,
    name: &str,
) -> rusqlite::Result<String> {
    let shape = RowShape::of(table);
    let diff = format!("temp.d1_migrate_diff_{name}");
    let (l, s) = (shape.slots('l'), shape.slots('s'));
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS {diff}; CREATE TABLE {diff}(kind TEXT, {}, {}, step INTEGER, aside INTEGER NOT NULL DEFAULT 0, loose INTEGER NOT NULL DEFAULT 0);",
        l.join(", "),
        s.join(", ")
    ))?;
    let into = format!("INSERT INTO {diff}(kind, {}, {})", l.join(", "), s.join(", "));
    let (live, shadow) = (shape.live(), shape.shadow());
    let (of_l, of_s) = (shape.identity_of("l"), shape.identity_of("s"));
    let first = &shape.identity[0];
    let differ = rows_differ(table);
    match look {
        Look::Everywhere => {
            let nothing = vec!["NULL"; l.len()].join(", ");
            let same = shape.same_row("s", "l");
            conn.execute_batch(&format!(
                "{into} SELECT CASE WHEN s.{first} IS NULL THEN 'I' ELSE 'U' END, {of_l}, {of_s}
                   FROM {live} l LEFT JOIN {shadow} s ON {same} WHERE s.{first} IS NULL OR {differ};"
            ))?;
            // Each local row that is not new has met one row of the shadow: counting tells whether any is left over.
            let all_met = format!(
                "SELECT (SELECT count(*) FROM {live}) - (SELECT count(*) FROM {diff} WHERE kind = 'I')
                      = (SELECT count(*) FROM {shadow})"
            );
            if !conn.query_row(&all_met, (), |row| row.get::<_, bool>(0))? {
                conn.execute_batch(&format!(
                    "{into} SELECT 'D', {nothing}, {of_s}
                       FROM {shadow} s WHERE NOT EXISTS (SELECT 1 FROM {live} l WHERE {})",
                    shape.same_row("l", "s"),
                ))?;
            }
        }
        // Two spellings of one key, equal under its collation, are one row.
        Look::At(keys) => conn.execute_batch(&format!(
            "{into} SELECT DISTINCT CASE WHEN s.{first} IS NULL THEN 'I' WHEN l.{first} IS NULL THEN 'D' ELSE 'U' END, {of_l}, {of_s}
               FROM {keys} d LEFT JOIN {live} l ON {} LEFT JOIN {shadow} s ON {}
               WHERE (s.{first} IS NULL) <> (l.{first} IS NULL) OR (l.{first} IS NOT NULL AND ({differ}));",
            shape.is_named("l", 'k'),
            shape.is_named("s", 'k'),
        ))?,
        Look::Nowhere => {}
    }
    conn.execute_batch(&format!(
        "CREATE INDEX {diff}_s ON {}({});",
        diff.trim_start_matches("temp."),
        s.join(", ")
    ))?;
    Ok(diff)
}

pub(super) fn count(conn: &Connection, table: &Table, rows: &Rows) -> rusqlite::Result<Counts> {
    let shape = RowShape::of(table);
    let number = |sql: &str| conn.query_row(sql, (), |row| row.get::<_, i64>(0)).map(|count| count as u64);
    let all = |place: String| number(&format!("SELECT count(*) FROM {place}"));
    let listed =
        |diff: &str, kind: char| number(&format!("SELECT count(*) FROM {diff} WHERE kind = '{kind}'"));
    Ok(match rows {
        Rows::AllNew { .. } => Counts { inserted: all(shape.live())?, ..Counts::default() },
        Rows::Rewritten => Counts { inserted: all(shape.live())?, updated: 0, deleted: all(shape.shadow())? },
        Rows::Listed(diff) => {
            Counts { inserted: listed(diff, 'I')?, updated: listed(diff, 'U')?, deleted: listed(diff, 'D')? }
        }
    })
}

/// Do the files give anything? Where they do not, the initial migration is to be written.
fn any_file(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row(&format!("SELECT EXISTS (SELECT 1 FROM main.{SHADOW_FILES})"), (), |row| row.get(0))
}

fn is_empty(conn: &Connection, place: &str) -> rusqlite::Result<bool> {
    conn.query_row(&format!("SELECT NOT EXISTS (SELECT 1 FROM {place})"), (), |row| row.get(0))
}

/// Do two tables whose rows have no name hold other rows, or another number of the same?
fn contents_differ(conn: &Connection, shape: &RowShape) -> rusqlite::Result<bool> {
    let exact: Vec<String> = (shape.stored.iter())
        .map(|column| format!("typeof({column}), quote({column}), hex({column})"))
        .collect();
    let exact = exact.join(", ");
    let rows = |place: String| format!("SELECT count(*), {exact} FROM {place} GROUP BY {exact}");
    let (live, shadow) = (rows(shape.live()), rows(shape.shadow()));
    conn.query_row(
        &format!(
            "SELECT EXISTS (SELECT * FROM ({live}) EXCEPT SELECT * FROM ({shadow}))
                 OR EXISTS (SELECT * FROM ({shadow}) EXCEPT SELECT * FROM ({live}))"
        ),
        (),
        |row| row.get(0),
    )
}
