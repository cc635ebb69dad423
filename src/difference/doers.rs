//! What each file may have done to a table, as its statements told when it was replayed.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::LIVE;
use super::columns::lasting_name;
use crate::names::{CHANGEFEED, SHADOW_FILES};
use crate::schema::Table;
use crate::shadow::{DROPS, column_set, renames, rows_inserted};
use crate::sql_text::{quote_identifier, string_literal};

/// What files may have done to a table, under whatever name it had then.
#[derive(Debug, Default)]
pub(super) struct Doers {
    /// The names of those that may have changed keys.
    pub(super) change_keys: HashSet<String>,
    /// The names of those that may have put rows in.
    pub(super) insert: HashSet<String>,
    /// The names of those that may have put its rows into a new table: hidden rowids may be others since.
    pub(super) rebuild: HashSet<String>,
    /// The names that its columns have or had, and the one of now, in small letters.
    columns: HashMap<String, String>,
    /// The names of now of those of its key.
    key: HashSet<String>,
}

impl Doers {
    /// Does the image of the entry `f` name one of these columns, or one of the primary key, under whatever name?
    pub(super) fn names_key<'c>(&'c self, key: impl Iterator<Item = &'c String>) -> String {
        let key: HashSet<String> = key.map(|column| column.to_lowercase()).chain(self.key.clone()).collect();
        let named = self.columns.iter().filter(|(_, now)| key.contains(*now)).map(|(name, _)| {
            format!("instr(lower(f.old), {})", string_literal(&format!("{}=", quote_identifier(name))))
        });
        format!("({})", named.collect::<Vec<_>>().join(" OR "))
    }

    /// The name, in small letters, of the column that has or had this one.
    pub(super) fn column(&self, name: &str) -> Option<&str> {
        self.columns.get(&name.to_lowercase()).map(String::as_str)
    }
}

/// Asks what the statements of each file did ([`column_set`]), and what they gave other names.
pub(super) fn doers(conn: &Connection, table: &Table) -> rusqlite::Result<Doers> {
    let mut tables = HashSet::from([table.name.to_lowercase()]);
    let lasting = lasting_name(table).into_iter().flatten().map(|(position, _)| position);
    let key = table.primary_key.iter().copied().chain(lasting);
    let key = key.map(|position| table.columns[position].name.to_lowercase());
    let key: HashSet<String> = key.chain(["rowid".to_owned()]).collect();
    let columns = table.columns.iter().map(|column| column.name.to_lowercase()).chain(["rowid".to_owned()]);
    let mut columns: HashMap<String, String> = columns.map(|column| (column.clone(), column)).collect();
    let mut files =
        conn.prepare(&format!("SELECT name, sets FROM main.{SHADOW_FILES} ORDER BY position DESC"))?;
    let mut files = files.query(())?;
    let mut found = Doers::default();
    while let Some(file) = files.next()? {
        let (name, sets): (String, Option<String>) = (file.get(0)?, file.get(1)?);
        let Some(sets) = sets else {
            found.change_keys.insert(name.clone());
            found.insert.insert(name.clone());
            found.rebuild.insert(name);
            continue;
        };
        // Once there is a new name, the old one may have stood for the same; it may also have been a name of something else.
        for names in renames(&sets).collect::<Vec<_>>().into_iter().rev() {
            match &names[..] {
                [old, new] if tables.contains(new) => {
                    tables.insert(old.clone());
                }
                [of, old, new] if tables.contains(of) => {
                    if let Some(now) = columns.get(new).cloned() {
                        columns.entry(old.clone()).or_insert(now);
                    }
                }
                _ => {}
            }
        }
        let of_key = columns.iter().filter(|(_, now)| key.contains(*now));
        let names: Vec<&String> = of_key.map(|(name, _)| name).collect();
        let any_set = |table: &String| names.iter().any(|column| sets.contains(&column_set(table, column)));
        if tables.iter().any(any_set) {
            found.change_keys.insert(name.clone());
        }
        if tables.iter().any(|table| sets.contains(&rows_inserted(table))) {
            found.insert.insert(name.clone());
            if sets.contains(DROPS) {
                found.rebuild.insert(name);
            }
        }
    }
    (found.columns, found.key) = (columns, key);
    Ok(found)
}

/// Any entry about a file that was applied.
pub(super) const APPLIED: &str = "op = 'A'";

/// The entries about these files that meet a condition, in their order.
pub(super) fn applied(
    conn: &Connection,
    files: &HashSet<String>,
    condition: &str,
) -> rusqlite::Result<Vec<i64>> {
    let mut applied =
        conn.prepare(&format!("SELECT id, tbl FROM {LIVE}.{CHANGEFEED} WHERE {condition} ORDER BY id"))?;
    let mut applied = applied.query(())?;
    let mut found = Vec::new();
    while let Some(entry) = applied.next()? {
        if files.contains(&entry.get::<_, String>(1)?) {
            found.push(entry.get(0)?);
        }
    }
    Ok(found)
}
