//! Which deleted row and which inserted row are one row that changed its name.
//!
//! A row of a table without `INTEGER PRIMARY KEY` gets a new rowid from every REPLACE and, it may be, from VACUUM; it is
//! still the row of its declared key. Written as DELETE and INSERT, the DELETE would take its children along on the real
//! D1. So rows are matched by rowid and key, then by key alone, and where the changefeed saw their key change by the one that they
//! began with: a new row may have got the rowid of one that went, and must not get its children too.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::LIVE;
use super::began::{BEGAN, list_began, take_for_one};
use super::columns::{RowShape, all, column_differs, lasting_name, same_key};
use super::doers::doers;
use super::moves::{Follow, any_has_children, follow, stay_together};
use super::replaced::part_replaced;
use super::went::Partners;
use crate::changefeed::{self, Image};
use crate::names::CHANGEFEED;
use crate::schema::{Identity, Schema, Table, Term, UniqueKey};
use crate::sql_text::{quote_identifier, string_literal};

/// Rows whose key changed under their rowid: `r` in the table of differences, `l1`, `s1`.
const CHANGED: &str = "temp.d1_migrate_changed";

/// What is known of rows that changed their keys.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// What the changefeed tells.
    Told {
        /// How far it is believed.
        as_told: Option<Follow>,
        /// Also of rows that came under the key of another one that went?
        of_replaced: bool,
    },
    /// What was found before.
    Before(&'a Partners),
    /// The rows of the files have their rowids from here by now.
    Settled,
}

/// Rewrites the table of differences: a deleted and an inserted row that are one, by what is known or by a key, become one
/// changed row.
pub fn pair(
    conn: &Connection,
    files: &Schema,
    table: &Table,
    diff: &str,
    known: Known,
) -> rusqlite::Result<()> {
    let shape = RowShape::of(table);
    match known {
        Known::Told { as_told: Some(as_told), .. } if !shape.hidden_rowid => {
            follow(conn, files, as_told, table, diff)?;
        }
        Known::Told { .. } | Known::Settled => {}
        Known::Before(partners) => stay_together(conn, files, partners, table, diff)?,
    }
    let pointed_to = pointed_to_keys(files, table);
    if let Identity::Rowid(_) = table.identity() {
        pair_by_keys(conn, files, table, &shape, &pointed_to, diff, known)?;
    }
    match known {
        Known::Told { of_replaced: true, .. } => part_replaced(conn, table, &shape, &pointed_to, diff),
        _ => Ok(()),
    }
}

/// Pairs rows by their declared key, where that is not their identity, and by those that foreign keys point to.
fn pair_by_keys(
    conn: &Connection,
    files: &Schema,
    table: &Table,
    shape: &RowShape,
    pointed_to: &[Key],
    diff: &str,
    known: Known,
) -> rusqlite::Result<()> {
    let lasting = lasting_name(table);
    let keys: Vec<&Key> = match table.primary_key.is_empty() {
        // Children hang on what they point to, not on any other UNIQUE key.
        true => pointed_to.iter().chain(&lasting).collect(),
        false => lasting.iter().chain(pointed_to).collect(),
    };
    // Where the rowid is hidden, the first key names a row.
    let name = keys.first().filter(|_| shape.hidden_rowid && !matches!(known, Known::Before(_)));
    if let Some(name) = name {
        part(conn, files, table, shape, name, diff, known)?;
    }
    let may_be_one = match known {
        Known::Before(partners) => partners.knows_no_end_of("s", shape),
        _ => "1".into(),
    };
    for key in &keys {
        join_by(conn, shape, diff, &format!("{} AND {may_be_one}", same_key(table, key, "s", "l")))?;
    }
    if name.is_some() {
        join_by(conn, shape, diff, &began(shape))?;
        conn.execute_batch(&format!("DROP TABLE {CHANGED}; DROP TABLE {BEGAN}"))?;
    }
    match known {
        Known::Told { .. } => part_without_name(conn, table, shape, &keys, diff),
        _ => Ok(()),
    }
}

/// Takes apart a row without a name and the new one that got its rowid, as the changefeed saw, unless they have any of the `keys` in common.
/// On the real D1 the old one may have another rowid: an UPDATE would not find it, and the new row would never get there.
fn part_without_name(
    conn: &Connection,
    table: &Table,
    shape: &RowShape,
    keys: &[&Key],
    diff: &str,
) -> rusqlite::Result<()> {
    if !shape.hidden_rowid || !changefeed::exists(conn, LIVE)? {
        return Ok(());
    }
    let is_null = |(position, _): &(usize, String)| {
        format!("s.{} IS NULL", quote_identifier(&table.columns[*position].name))
    };
    let has_no_name = match keys.first() {
        Some(name) => name.iter().map(is_null).collect::<Vec<_>>().join(" OR "),
        None => "1".into(),
    };
    let same = keys.iter().map(|key| format!("({})", same_key(table, key, "s", "l"))).collect::<Vec<_>>();
    let same = if same.is_empty() { "0".into() } else { same.join(" OR ") };
    let feed = format!("{LIVE}.{CHANGEFEED}");
    let which = format!(
        "SELECT d.rowid FROM {diff} d CROSS JOIN {} s ON {} CROSS JOIN {} l ON {}
           WHERE d.kind = 'U' AND d.l1 = d.s1 AND ({has_no_name}) AND NOT ({same})
           AND d.l1 IN (SELECT key FROM {feed} WHERE tbl = {} AND op = 'I' AND id > (SELECT coalesce(max(id), 0) FROM {feed} WHERE op = 'A'))",
        shape.shadow(),
        shape.is_named("s", 's'),
        shape.live(),
        shape.is_named("l", 'l'),
        string_literal(&table.name),
    );
    set_apart(conn, shape, diff, &which)
}

/// Columns of a unique key with their collations.
pub(super) type Key = Vec<(usize, String)>;

fn plain(key: &UniqueKey) -> Option<Key> {
    let column =
        |(term, collation): &(Term, String)| term.column().map(|position| (position, collation.clone()));
    if key.predicate.is_some() { None } else { key.terms.iter().map(column).collect() }
}

/// Keys besides the primary one that foreign keys point to.
pub(super) fn pointed_to_keys(files: &Schema, table: &Table) -> Vec<Key> {
    let is_primary = |key: &UniqueKey| key.plain_columns().as_ref() == Some(&table.primary_key);
    let keys = table.unique_keys.iter().filter(|key| !is_primary(key) && is_pointed_to(files, table, key));
    keys.filter_map(plain).collect()
}

fn is_pointed_to(files: &Schema, table: &Table, key: &UniqueKey) -> bool {
    let Some(columns) = key.plain_columns() else {
        return false;
    };
    files.tables.iter().flat_map(|child| &child.foreign_keys).any(|foreign| {
        foreign.parent.eq_ignore_ascii_case(&table.name)
            && foreign.columns.len() == columns.len()
            && foreign.columns.iter().all(|(_, parent)| {
                parent
                    .as_ref()
                    .and_then(|parent| table.column(parent))
                    .is_some_and(|position| columns.contains(&position))
            })
    })
}

/// Takes the rows apart whose key changed under their rowid, to be matched by key first, and lists those that are one by what is known:
/// these come together first as far as the changefeed is believed.
fn part(
    conn: &Connection,
    files: &Schema,
    table: &Table,
    shape: &RowShape,
    key: &[(usize, String)],
    diff: &str,
    known: Known,
) -> rusqlite::Result<()> {
    list_changed(conn, table, shape, key, diff)?;
    let mut keeps = false;
    match known {
        Known::Told { as_told, .. } => {
            list_began(conn, table, key, &doers(conn, table)?)?;
            if let Some(as_told) = as_told {
                keeps = match as_told.or_gone(|| any_traded(conn, files, table, shape, key, diff))? {
                    Follow::All | Follow::AllButTraded => true,
                    Follow::Places => {
                        !takes_key_of_deleted(conn, shape, diff, &same_key(table, key, "s", "l"))?
                    }
                    Follow::Gone => false,
                };
            }
        }
        Known::Before(_) | Known::Settled => take_for_one(conn, &format!("SELECT l1, s1 FROM {CHANGED}"))?,
    }
    set_apart(conn, shape, diff, &format!("SELECT r FROM {CHANGED}"))?;
    if keeps {
        let with_another = |one: &str, other: &str| {
            format!(
                "SELECT d.rowid FROM {diff} d CROSS JOIN {BEGAN} b ON b.{one} = d.{one} WHERE d.kind = 'U' AND b.{other} <> d.{other}"
            )
        };
        let (l, s) = (with_another("l1", "s1"), with_another("s1", "l1"));
        set_apart(conn, shape, diff, &format!("{l} UNION {s}"))?;
        join_by(conn, shape, diff, &began(shape))?;
    }
    Ok(())
}

/// The condition that `s` is the row of the files that `l` began as.
fn began(shape: &RowShape) -> String {
    // `+` takes the affinity away, for which an index would be passed over; so below.
    format!("s.{rowid} = (SELECT s1 FROM {BEGAN} WHERE l1 = +l.{rowid})", rowid = shape.identity[0])
}

/// Makes a row that goes and one that comes of each of these updates in the table of differences.
pub(super) fn set_apart(
    conn: &Connection,
    shape: &RowShape,
    diff: &str,
    which: &str,
) -> rusqlite::Result<()> {
    let (l, s) = (shape.slots('l').join(", "), shape.slots('s').join(", "));
    let apart = "temp.d1_migrate_apart";
    conn.execute_batch(&format!(
        "CREATE TABLE {apart} AS SELECT rowid AS r, {l}, {s} FROM {diff} WHERE rowid IN ({which});
         DELETE FROM {diff} WHERE rowid IN (SELECT r FROM {apart});
         INSERT INTO {diff}(kind, {s}) SELECT 'D', {s} FROM {apart};
         INSERT INTO {diff}(kind, {l}) SELECT 'I', {l} FROM {apart};
         DROP TABLE {apart};",
    ))
}

/// Lists the rows whose key changed under their rowid.
fn list_changed(
    conn: &Connection,
    table: &Table,
    shape: &RowShape,
    key: &[(usize, String)],
    diff: &str,
) -> rusqlite::Result<()> {
    let changed = key
        .iter()
        .map(|(position, _)| column_differs(&table.columns[*position], "l", "s"))
        .collect::<Vec<_>>()
        .join(" OR ");
    conn.execute_batch(&format!(
        "CREATE TABLE {CHANGED} AS SELECT d.rowid AS r, d.l1, d.s1 FROM {diff} d
           JOIN {live} l ON {named_l} JOIN {shadow} s ON {named_s} WHERE d.kind = 'U' AND ({changed})",
        live = shape.live(),
        shadow = shape.shadow(),
        named_l = shape.is_named("l", 'l'),
        named_s = shape.is_named("s", 's'),
    ))
}

/// Did a row that is deleted now change the key that the files give, since the last migration, and go under one that they give to another
/// row, or leave children under the one that it had? One that was pushed out may have.
fn any_traded(
    conn: &Connection,
    files: &Schema,
    table: &Table,
    shape: &RowShape,
    key: &[(usize, String)],
    diff: &str,
) -> rusqlite::Result<bool> {
    if !changefeed::exists(conn, LIVE)? {
        return Ok(false);
    }
    let sql = format!(
        "SELECT f.op, f.key, f.old FROM {LIVE}.{CHANGEFEED} f CROSS JOIN {} s ON s.{} = f.key
         WHERE f.id > (SELECT coalesce(max(id), 0) FROM {LIVE}.{CHANGEFEED} WHERE op = 'A')
           AND f.tbl = {} AND (f.op = 'D' OR (f.op = 'U' AND ({}))) AND f.key IN (SELECT s1 FROM {diff} WHERE kind = 'D') ORDER BY f.id",
        shape.shadow(),
        shape.identity[0],
        string_literal(&table.name),
        was(table, key),
    );
    let mut entries = conn.prepare(&sql)?;
    let mut entries = entries.query(())?;
    let (mut traded, mut ended) = (HashSet::new(), Vec::new());
    while let Some(entry) = entries.next()? {
        let rowid: i64 = entry.get(1)?;
        if entry.get_ref(0)?.as_str()? == "U" {
            traded.insert(rowid);
        } else if traded.remove(&rowid) {
            let old = entry.get_ref(2)?.as_bytes().unwrap_or_default();
            if is_given(conn, table, shape, key, Image::parse(&String::from_utf8_lossy(old)))? {
                return Ok(true);
            }
            ended.push(vec![Value::Integer(rowid)]);
        }
    }
    Ok(!traded.is_empty() || any_has_children(conn, files, table, ended.into_iter())?)
}

/// Do the files give a row the key that this image holds? Of a key that was not kept whole nobody knows.
fn is_given(
    conn: &Connection,
    table: &Table,
    shape: &RowShape,
    key: &[(usize, String)],
    mut image: Image,
) -> rusqlite::Result<bool> {
    let mut values = Vec::new();
    let mut named = Vec::new();
    for (position, collation) in key {
        let name = &table.columns[*position].name;
        let at = image.values.iter().position(|(column, _)| column.eq_ignore_ascii_case(name));
        let Some(value) = at.and_then(|at| image.values.swap_remove(at).1) else { return Ok(true) };
        values.push(value);
        named.push(format!("s.{} = ? COLLATE {}", quote_identifier(name), quote_identifier(collation)));
    }
    let sql = format!("SELECT 1 FROM {} s WHERE {}", shape.shadow(), all(named.into_iter()));
    conn.prepare(&sql)?.exists(params_from_iter(values))
}

/// Does the changefeed's entry `f` say that the key of `s` was changed?
pub(super) fn was(table: &Table, key: &[(usize, String)]) -> String {
    let parts = key.iter();
    let parts =
        parts.map(|(position, _)| format!("instr(f.old, {})", changefeed::image_item(table, *position, "s")));
    parts.collect::<Vec<_>>().join(" OR ")
}

/// Does any row have the key of one that goes, while rows are matched by their identity alone?
fn takes_key_of_deleted(
    conn: &Connection,
    shape: &RowShape,
    diff: &str,
    same: &str,
) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {diff} d CROSS JOIN {} s ON {} CROSS JOIN {} l ON {same} WHERE d.kind = 'D')",
        shape.shadow(),
        shape.is_named("s", 's'),
        shape.live(),
    );
    conn.query_row(&sql, (), |row| row.get(0))
}

fn join_by(conn: &Connection, shape: &RowShape, diff: &str, same: &str) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE TEMP TABLE d1_migrate_joined AS SELECT d.rowid AS i, e.rowid AS e, d.l1 AS l1, e.s1 AS s1 FROM {diff} d
           CROSS JOIN {live} l ON {named} CROSS JOIN {shadow} s ON {same} CROSS JOIN {diff} e ON e.s1 = +s.{rowid} AND e.kind = 'D'
           WHERE d.kind = 'I';",
        live = shape.live(),
        shadow = shape.shadow(),
        rowid = shape.identity[0],
        named = shape.is_named("l", 'l'),
    ))?;
    make_updates(conn, diff)
}

/// The pairs that were found are one row each.
fn make_updates(conn: &Connection, diff: &str) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "DELETE FROM {diff} WHERE rowid IN (SELECT i FROM d1_migrate_joined UNION ALL SELECT e FROM d1_migrate_joined);
         INSERT INTO {diff}(kind, l1, s1) SELECT 'U', l1, s1 FROM d1_migrate_joined;
         DROP TABLE d1_migrate_joined;"
    ))
}
