//! Which rows to look at: all, or those that the changefeed and the last comparison name.
//!
//! The shadow remembers up to which entry of which changefeed the two databases were compared, and which rows were left
//! different. A table is looked at everywhere whenever anything about that is in doubt.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::columns::{RowShape, all};
use super::compare::{Rows, TableDifference};
use super::search::remember_indexes;
use super::{Error, LIVE};
use crate::changefeed::{self, Mark, NOT_KEPT, Tracking, unique_columns};
use crate::names::{CHANGEFEED, SHADOW_FACTS, SHADOW_LEFT, is_internal};
use crate::schema::{Action, ForeignKey, Identity, Object, Schema, Table, Term};
use crate::sql_text::{Event, firing, parse_literals, push_literal, quote_identifier, tokens};

/// More rows than this are not worth remembering one by one: the next comparison looks everywhere.
const MOST_LEFT: u64 = 10_000;

/// Where to look in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// At every row.
    Everywhere,
    /// At the rows that the temporary table of this name lists as `k1, k2 …`.
    At(String),
    /// At none.
    Nowhere,
}

/// Where to look in each table.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Tables that need not be looked at everywhere.
    narrow: Vec<(String, Look)>,
}

impl Scope {
    /// Look as these say, and nowhere else.
    pub(super) fn only(narrow: Vec<(String, Look)>, tables: &[Table]) -> Self {
        let rest = tables.iter().filter(|table| !narrow.iter().any(|(name, _)| *name == table.name));
        let rest: Vec<_> = rest.map(|table| (table.name.clone(), Look::Nowhere)).collect();
        Self { narrow: narrow.into_iter().chain(rest).collect() }
    }

    /// Look at every row of every table.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Is every row of every table looked at?
    pub(super) fn is_everything(&self) -> bool {
        self.narrow.is_empty()
    }

    /// Where to look in this table.
    pub fn of(&self, table: &str) -> Look {
        let found = self.narrow.iter().find(|(name, _)| name == table);
        found.map_or(Look::Everywhere, |(_, look)| look.clone())
    }

    /// As little as the changefeed and the last comparison allow.
    pub fn narrow(conn: &Connection, here: &Schema, tracking: &[Tracking]) -> Result<Self, Error> {
        let Some(mark) = remembered(conn)? else {
            return Ok(Self::default());
        };
        if !changefeed::mark_is_still_there(conn, LIVE, &mark)?
            || !changefeed::is_well_formed(conn, LIVE, mark.id)?
            || !schema_is_still_that(conn)?
            || !file_is_still_that(conn)?
        {
            return Ok(Self::default());
        }
        let mut narrow = Vec::new();
        for (table, tracking) in here.tables.iter().zip(tracking) {
            if *tracking != Tracking::On
                || tracked_after(conn, &table.name, &mark)?
                || hides_a_replace(conn, here, table, &mark)?
                || may_stop_half_way(here, table)
            {
                continue;
            }
            if let Some(look) = look_at(conn, table, "id > ?1", mark.id, true)? {
                narrow.push((table.name.clone(), look));
            }
        }
        Ok(Self { narrow })
    }
}

/// The rows that the changefeed names at or after `since`; `None` where it cannot tell.
pub(super) fn touched_since(conn: &Connection, table: &Table, since: i64) -> Result<Option<String>, Error> {
    if !changefeed::exists(conn, LIVE)? || !table.is_trackable() {
        return Ok(None);
    }
    Ok(match look_at(conn, table, "at >= ?1", since, false)? {
        Some(Look::At(keys)) => Some(keys),
        _ => None,
    })
}

/// Notes in the shadow that it was compared with the local database as that is now, and which rows were left different.
/// The caller's transaction makes both sure.
pub fn remember(
    conn: &Connection,
    here: &Schema,
    differences: &[TableDifference],
    indexes: &[String],
) -> Result<(), Error> {
    remember_indexes(conn, here, indexes)?;
    conn.execute_batch(&format!(
        "DELETE FROM {SHADOW_LEFT}; DELETE FROM {SHADOW_FACTS} WHERE name LIKE 'mark%';"
    ))?;
    let left: u64 = differences.iter().map(|table| table.counts.total()).sum();
    let Some(mark) = changefeed::last(conn, LIVE)?.filter(|_| left <= MOST_LEFT) else {
        return Ok(());
    };
    for difference in differences {
        if !remember_left(conn, difference)? {
            return Ok(());
        }
    }
    let mut put = conn.prepare(&format!("INSERT INTO {SHADOW_FACTS}(name, value) VALUES (?1, ?2)"))?;
    put.execute(params!["mark feed", mark.feed])?;
    put.execute(params!["mark id", mark.id])?;
    put.execute(params!["mark at", mark.at])?;
    put.execute(params!["mark schema", schema_version(conn)?])?;
    put.execute(params!["mark file", file_identity(conn)?])?;
    Ok(())
}

fn remember_left(conn: &Connection, difference: &TableDifference) -> Result<bool, Error> {
    let Rows::Listed(diff) = &difference.rows else {
        return Ok(false);
    };
    let shape = RowShape::of(&difference.table);
    let mut put = conn.prepare(&format!("INSERT INTO {SHADOW_LEFT}(tbl, key) VALUES (?1, ?2)"))?;
    let sides = format!(
        "SELECT {} FROM {diff} WHERE kind <> 'D' UNION ALL SELECT {} FROM {diff} WHERE kind <> 'I'",
        shape.slots('l').join(", "),
        shape.slots('s').join(", ")
    );
    let mut rows = conn.prepare(&sides)?;
    let mut rows = rows.query(())?;
    while let Some(row) = rows.next()? {
        let key = match difference.table.identity() {
            Identity::Key(columns) => {
                let mut text = String::new();
                for position in 0..columns.len() {
                    if position > 0 {
                        text.push(',');
                    }
                    push_literal(&mut text, row.get_ref(position)?);
                }
                Value::Text(text)
            }
            _ => row.get(0)?,
        };
        put.execute(params![difference.table.name, key])?;
    }
    Ok(true)
}

fn remembered(conn: &Connection) -> rusqlite::Result<Option<Mark>> {
    let fact = |name: &str| format!("(SELECT value FROM {SHADOW_FACTS} WHERE name = 'mark {name}')");
    let sql = format!("SELECT {}, {}, {}", fact("feed"), fact("id"), fact("at"));
    let (feed, id, at): (Option<String>, Option<i64>, Option<i64>) =
        conn.query_row(&sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(match (feed, id, at) {
        (Some(feed), Some(id), Some(at)) => Some(Mark { feed, id, at }),
        _ => None,
    })
}

/// Is the schema the one that was compared? A VACUUM, and a column that is dropped and added again, fire no trigger, but count it up.
fn schema_is_still_that(conn: &Connection) -> rusqlite::Result<bool> {
    fact_is(conn, "mark schema", Value::Integer(schema_version(conn)?))
}

/// Is the file the one that was compared? What `.dump` and `wrangler d1 export` wrote, read into a new one, has the same changefeed
/// and may have the same count of its schema, but other rowids, or values that somebody edited. Copied over the old one, it has
/// that one's place and age.
fn file_is_still_that(conn: &Connection) -> rusqlite::Result<bool> {
    match file_identity(conn)? {
        Some(identity) => fact_is(conn, "mark file", Value::Text(identity)),
        None => Ok(false),
    }
}

fn fact_is(conn: &Connection, name: &str, value: Value) -> rusqlite::Result<bool> {
    let sql = format!("SELECT value IS ?2 FROM {SHADOW_FACTS} WHERE name = ?1");
    Ok(conn.query_row(&sql, params![name, value], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// What tells the local database's file from another one that lay there before or after it: its number in the file system, when it was
/// made, and the number in its header. `None` where it has none of these.
fn file_identity(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT file FROM pragma_database_list WHERE name = ?1";
    let path: String = conn.query_row(sql, [LIVE], |row| row.get(0))?;
    let number = changefeed::file_number(conn, LIVE)?;
    let Some(metadata) = std::fs::metadata(path).ok().filter(|_| number != 0) else { return Ok(None) };
    #[cfg(unix)]
    let inode = Some(std::os::unix::fs::MetadataExt::ino(&metadata));
    #[cfg(not(unix))]
    let inode = None::<u64>;
    let made = metadata.created().ok();
    let is_known = inode.is_some() || made.is_some();
    Ok(is_known.then(|| format!("{inode:?} {made:?} {number}")))
}

fn schema_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row(&format!("PRAGMA {LIVE}.schema_version"), (), |row| row.get(0))
}

/// Did tracking of this table begin, or begin again, after the mark? Then rows may have changed unseen.
fn tracked_after(conn: &Connection, table: &str, mark: &Mark) -> rusqlite::Result<bool> {
    let sql = format!("SELECT 1 FROM {LIVE}.{CHANGEFEED} WHERE id > ?1 AND op = 'T' AND tbl = ?2");
    Ok(conn.query_row(&sql, params![mark.id, table], |_| Ok(())).optional()?.is_some())
}

/// May a statement have failed after a row of this table changed and before the tool's trigger noted it? SQLite acts on children
/// first, and what fails there under FAIL leaves the row changed.
fn may_stop_half_way(here: &Schema, table: &Table) -> bool {
    let is_users_own = |object: &&Object| !is_internal(&object.name);
    let says_fail = |object: &Object| tokens(&object.sql).any(|token| token.is_word("FAIL"));
    here.children(&table.name).any(|(_, key)| key.acts)
        && here.objects.iter().filter(is_users_own).any(says_fail)
}

/// May an UPDATE OR REPLACE have pushed out a row unseen? As a rule its own entry tells what it took; but where the row that
/// is pushed out takes the very row along that is being changed, by ON DELETE CASCADE, only that row's end is noted.
fn hides_a_replace(conn: &Connection, here: &Schema, table: &Table, mark: &Mark) -> rusqlite::Result<bool> {
    let cascades = |key: &ForeignKey| key.on_delete == Action::Cascade;
    let children = here.children(&table.name).filter(|(_, key)| cascades(key));
    let children = children.map(|(child, _)| child.name.clone()).collect();
    let reached = here.reachable(children, cascades);
    let deletes = |trigger: &Object| {
        !is_internal(&trigger.name) && firing(&trigger.sql).is_none_or(|firing| firing.event == Event::Delete)
    };
    let comes_back =
        reached.contains(&table.name) || reached.iter().any(|child| here.triggers_on(child).any(deletes));
    if !comes_back {
        return Ok(false);
    }
    let sql =
        format!("SELECT EXISTS (SELECT 1 FROM {LIVE}.{CHANGEFEED} WHERE id > ?1 AND op = 'D' AND tbl = ?2)");
    conn.query_row(&sql, params![mark.id, table.name], |row| row.get(0))
}

/// Lists the rows that the entries of the changefeed with this condition name, with `left` also those that were left
/// different; `None` where an entry cannot tell which rows it touched.
fn look_at(
    conn: &Connection,
    table: &Table,
    condition: &str,
    bound: i64,
    left: bool,
) -> Result<Option<Look>, Error> {
    let entries = format!("FROM {LIVE}.{CHANGEFEED} WHERE {condition} AND tbl = ?2 AND op IN ('I','U','D')");
    let remembered = format!("SELECT key FROM {SHADOW_LEFT} WHERE tbl = ?2 AND ?3");
    let any = format!("SELECT EXISTS (SELECT 1 {entries}) OR EXISTS ({remembered})");
    if !conn.query_row(&any, params![bound, table.name, left], |row| row.get::<_, bool>(0))? {
        return Ok(Some(Look::Nowhere));
    }
    let doubt = format!("SELECT EXISTS (SELECT 1 {entries} AND (taken = ?3 OR key = ?3 OR new_key = ?3))");
    if conn.query_row(&doubt, params![bound, table.name, NOT_KEPT], |row| row.get(0))? {
        return Ok(None);
    }
    let keys = KeyTable::create(conn, table)?;
    let named = format!(
        "SELECT key {entries} UNION SELECT new_key {entries} AND new_key IS NOT NULL UNION {remembered}"
    );
    let mut named = conn.prepare(&named)?;
    let mut rows = named.query(params![bound, table.name, left])?;
    while let Some(row) = rows.next()? {
        // A key that is not UTF-8 cannot be read back from its literal.
        let Ok(key) = row.get(0) else { return Ok(None) };
        let key = match key {
            // Enough for what went since a moment: nothing else is looked for there.
            Value::Text(text) if !left => {
                changefeed::former_rowid(&text).map_or(Value::Text(text), Value::Integer)
            }
            key => key,
        };
        if !keys.add(key)? {
            return Ok(None);
        }
    }
    let taken = format!("SELECT DISTINCT taken {entries} AND taken IS NOT NULL");
    let mut taken = conn.prepare(&taken)?;
    let mut rows = taken.query(params![bound, table.name])?;
    while let Some(row) = rows.next()? {
        let values = row.get_ref(0)?.as_str().ok().and_then(parse_literals);
        let Some(values) = values else {
            return Ok(None);
        };
        if !keys.add_holders(&values)? {
            return Ok(None);
        }
    }
    Ok(Some(Look::At(keys.name)))
}

/// What names a row, from a key as the changefeed keeps it; `None` where it cannot be read.
pub(super) fn key_values(table: &Table, key: Value) -> Option<Vec<Value>> {
    match (table.identity(), key) {
        (Identity::Rowid(_), Value::Integer(rowid)) => Some(vec![Value::Integer(rowid)]),
        (Identity::Key(columns), Value::Text(text)) => {
            parse_literals(&text).filter(|values| values.len() == columns.len())
        }
        _ => None,
    }
}

/// A temporary table of row identities.
struct KeyTable<'c> {
    conn: &'c Connection,
    table: &'c Table,
    shape: RowShape,
    name: String,
    insert: String,
}

impl<'c> KeyTable<'c> {
    fn create(conn: &'c Connection, table: &'c Table) -> rusqlite::Result<Self> {
        let shape = RowShape::of(table);
        let name = format!("temp.{}", quote_identifier(&format!("d1_migrate_look_{}", table.name)));
        let slots = shape.slots('k').join(", ");
        let marks = vec!["?"; shape.identity.len()].join(", ");
        conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS {name}; CREATE TABLE {name}({slots}, UNIQUE ({slots}));"
        ))?;
        let insert = format!("INSERT OR IGNORE INTO {name}({slots}) VALUES ({marks})");
        Ok(Self { conn, table, shape, name, insert })
    }

    /// Adds a key as the changefeed keeps it; false where it cannot be read.
    fn add(&self, key: Value) -> rusqlite::Result<bool> {
        let Some(values) = key_values(self.table, key) else { return Ok(false) };
        self.conn.prepare_cached(&self.insert)?.execute(params_from_iter(values))?;
        Ok(true)
    }

    /// Adds the shadow's rows that hold one of these unique values: a REPLACE may have pushed them out, which fires no trigger.
    fn add_holders(&self, values: &[Value]) -> rusqlite::Result<bool> {
        let columns = unique_columns(self.table);
        if columns.len() != values.len() {
            return Ok(false);
        }
        for key in self.table.secondary_keys() {
            let column =
                |(term, collation): &'c (Term, String)| term.column().map(|position| (position, collation));
            let conditions = key.terms.iter().filter_map(column).map(|(position, collation)| {
                let slot = columns.iter().position(|column| *column == position).map_or(0, |slot| slot + 1);
                let name = quote_identifier(&self.table.columns[position].name);
                format!("s.{name} = ?{slot} COLLATE {}", quote_identifier(collation))
            });
            let find = format!(
                "INSERT OR IGNORE INTO {} SELECT {} FROM {} s WHERE {} AND ?{} IS ?{}",
                self.name,
                self.shape.identity_of("s"),
                self.shape.shadow(),
                all(conditions),
                // Every value is bound, though not every key names every column.
                columns.len(),
                columns.len(),
            );
            self.conn.prepare_cached(&find)?.execute(params_from_iter(values))?;
        }
        Ok(true)
    }
}
