//! `log`: what changed, when, from what to what, newest first.

use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::Scene;
use crate::changefeed::{Entry, Image, Operation, entries};
use crate::difference::{RowShape, Selection};
use crate::engine::open_to_read;
use crate::schema::{self, Schema, Table};
use crate::sql_text::{literal, parse_literals, quote_identifier};

pub(super) fn run(
    scene: &Scene,
    tables: &[String],
    since: Option<i64>,
    limit: Option<usize>,
) -> Result<ExitCode> {
    let conn = open_to_read(&scene.place.local_file)?;
    conn.execute_batch("BEGIN")?;
    let schema = schema::read(&conn, "main", &scene.place.migrations_table)?;
    let selection = Selection { tables: tables.to_vec(), since };
    selection.check(&schema)?;
    let mut later = Later::begin(&conn, &schema)?;
    let mut left = limit.unwrap_or(usize::MAX);
    let mut any = false;
    let mut show_each = |show: &mut dyn FnMut(Change)| {
        entries::<anyhow::Error>(&conn, "main", since, |entry| {
            let is_row = matches!(entry.operation, Operation::Insert | Operation::Update | Operation::Delete);
            if left == 0 {
                return Ok(ControlFlow::Break(()));
            }
            if is_row && selection.takes(&entry.table) {
                show(later.describe(&entry)?);
                any = true;
                left -= 1;
            }
            Ok(ControlFlow::Continue(()))
        })
    };
    match scene.console.is_json() {
        true => scene.console.json_list("changes", |item| show_each(&mut |change| item(change.json())))?,
        false => show_each(&mut |change| scene.console.out(change.line()))?,
    }
    if !any {
        scene.console.status("Nothing", "was recorded");
    }
    Ok(ExitCode::SUCCESS)
}

/// What rows held after the entry that is being described: the old values of the next one, else the row as it is now.
struct Later<'a> {
    conn: &'a Connection,
    schema: &'a Schema,
}

/// What is known of rows, by table and key as the changefeed writes them: a table, because there may be many.
const LATER: &str = "temp.d1_migrate_later";

/// One entry, ready to be shown.
struct Change {
    at: i64,
    table: String,
    key: String,
    verb: &'static str,
    /// Column, value before, value after; `None` where it is not known or does not apply.
    values: Vec<(String, Option<String>, Option<String>)>,
}

impl<'a> Later<'a> {
    fn begin(conn: &'a Connection, schema: &'a Schema) -> rusqlite::Result<Self> {
        conn.execute_batch(&format!(
            "CREATE TABLE {LATER}(tbl TEXT, key TEXT, image TEXT, PRIMARY KEY (tbl, key)) WITHOUT ROWID"
        ))?;
        Ok(Self { conn, schema })
    }

    fn describe(&mut self, entry: &Entry) -> Result<Change> {
        let key = key_text(&entry.key);
        let later_key = match entry.new_key {
            Value::Null => key.clone(),
            ref moved => key_text(moved),
        };
        let after = match self.forget(&entry.table, &later_key)? {
            Some(after) => after,
            None => self.row_now(&entry.table, &later_key)?,
        };
        let text = |value: &Option<Value>| value.as_ref().map(|value| literal(value.into()));
        let old = entry.old.values.iter();
        let (verb, values, before) = match entry.operation {
            Operation::Insert => {
                let mut values: Vec<_> =
                    after.values.iter().map(|(column, value)| (column.clone(), None, text(value))).collect();
                self.sort(&entry.table, &mut values);
                ("inserted", values, Image::default())
            }
            Operation::Delete => {
                let values = old.map(|(column, value)| (column.clone(), text(value), None));
                ("deleted", values.collect(), earlier(&after, &entry.old))
            }
            _ => {
                let later = |column: &str| after.values.iter().find(|(name, _)| name == column);
                let values = old.map(|(column, value)| {
                    (column.clone(), text(value), later(column).and_then(|(_, value)| text(value)))
                });
                ("updated", values.collect(), earlier(&after, &entry.old))
            }
        };
        self.remember(&entry.table, &key, &before)?;
        Ok(Change { at: entry.at, table: entry.table.clone(), key: later_key, verb, values })
    }

    /// Takes what is known of a row.
    fn forget(&self, table: &str, key: &str) -> rusqlite::Result<Option<Image>> {
        let sql = format!("DELETE FROM {LATER} WHERE tbl = ?1 AND key = ?2 RETURNING image");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let image = statement.query_row([table, key], |row| row.get::<_, String>(0)).optional()?;
        Ok(image.map(|image| Image::parse(&image)))
    }

    fn remember(&self, table: &str, key: &str, image: &Image) -> rusqlite::Result<()> {
        let sql = format!("INSERT OR REPLACE INTO {LATER} VALUES (?1, ?2, ?3)");
        self.conn.prepare_cached(&sql)?.execute([table, key, &image.to_text()]).map(drop)
    }

    /// Columns in the table's order.
    fn sort(&self, table: &str, values: &mut [(String, Option<String>, Option<String>)]) {
        if let Some(table) = self.schema.table(table) {
            values.sort_by_key(|(column, ..)| table.column(column));
        }
    }

    fn row_now(&self, table: &str, key: &str) -> Result<Image> {
        let (Some(table), Some(key)) = (self.schema.table(table), parse_literals(key)) else {
            return Ok(Image::default());
        };
        let shape = RowShape::of(table);
        if shape.identity.len() != key.len() || shape.identity.is_empty() {
            return Ok(Image::default());
        }
        let conditions: Vec<String> = shape.identity.iter().map(|name| format!("{name} = ?")).collect();
        let sql =
            format!("SELECT {} FROM {} WHERE {}", columns(table), shape.table, conditions.join(" AND "));
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(key))?;
        let mut image = Image::default();
        if let Some(row) = rows.next()? {
            for (position, column) in table.stored().enumerate() {
                let value = readable(row.get_ref(position)?);
                image.values.push((table.columns[column].name.clone(), Some(value)));
            }
        }
        Ok(image)
    }
}

/// The row before a change: as it was later, but for the old values.
fn earlier(later: &Image, old: &Image) -> Image {
    let is_old = |column: &String| old.values.iter().any(|(name, _)| name == column);
    let same = later.values.iter().filter(|(column, _)| !is_old(column));
    Image { values: same.chain(&old.values).cloned().collect() }
}

fn columns(table: &Table) -> String {
    let names = table.stored().map(|position| quote_identifier(&table.columns[position].name));
    names.collect::<Vec<_>>().join(", ")
}

/// Text that is not UTF-8 is shown as the BLOB that it really is.
fn readable(value: ValueRef) -> Value {
    Value::try_from(value).unwrap_or_else(|_| match value {
        ValueRef::Text(bytes) => Value::Blob(bytes.to_vec()),
        _ => Value::Null,
    })
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        other => literal(other.into()),
    }
}

impl Change {
    fn line(&self) -> String {
        let unknown = "?";
        let shown: Vec<String> = (self.values.iter())
            .map(|(column, before, after)| {
                let (before, after) = (before.as_deref(), after.as_deref());
                match self.verb {
                    "inserted" => format!("{column} {}", short(after.unwrap_or(unknown))),
                    "deleted" => format!("{column} {}", short(before.unwrap_or(unknown))),
                    _ => format!(
                        "{column} {} → {}",
                        short(before.unwrap_or(unknown)),
                        short(after.unwrap_or(unknown))
                    ),
                }
            })
            .collect();
        let at = Timestamp::from_millisecond(self.at).map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        format!("{}  {} {} {}  {}", at.unwrap_or_default(), self.table, self.key, self.verb, shown.join(", "))
    }

    fn json(&self) -> serde_json::Value {
        let at = Timestamp::from_millisecond(self.at).map(|at| at.to_string());
        let values = self.values.iter().map(|(column, before, after)| {
            serde_json::json!({ "column": column, "before": before, "after": after })
        });
        serde_json::json!({
            "at": at.unwrap_or_default(), "table": self.table, "key": self.key, "change": self.verb,
            "values": values.collect::<Vec<_>>(),
        })
    }
}

/// A value on one line, not longer than a person wants to read.
fn short(literal: &str) -> String {
    const LONGEST: usize = 60;
    let line = literal.replace('\n', "\\n").replace('\r', "\\r");
    match line.chars().count() {
        length if length > LONGEST => {
            format!("{}… ({length} characters)", line.chars().take(LONGEST).collect::<String>())
        }
        _ => line,
    }
}
