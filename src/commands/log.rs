//! `log`: what changed, when, from what to what, newest first.

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::Scene;
use crate::changefeed::{Entry, Operation, entries};
use crate::difference::RowShape;
use crate::engine::open_to_read;
use crate::schema::{self, Schema, Table};
use crate::sql_text::{literal, parse_literals, quote_identifier};

/// A row, by table and key as the changefeed writes them.
type RowName = (String, String);

pub(super) fn run(
    scene: &Scene,
    tables: &[String],
    since: Option<i64>,
    limit: Option<usize>,
) -> Result<ExitCode> {
    let conn = open_to_read(&scene.place.local_file)?;
    conn.execute_batch("BEGIN")?;
    let schema = schema::read(&conn, "main", &scene.place.migrations_table)?;
    crate::difference::Selection { tables: tables.to_vec(), since }.check(&schema)?;
    let mut history = Vec::new();
    entries::<anyhow::Error>(&conn, "main", since, |entry| {
        let is_row = matches!(entry.operation, Operation::Insert | Operation::Update | Operation::Delete);
        let is_wanted =
            tables.is_empty() || tables.iter().any(|table| table.eq_ignore_ascii_case(&entry.table));
        if is_row && is_wanted {
            history.push(entry);
        }
        Ok(())
    })?;
    let mut after = Later { conn: &conn, schema: &schema, rows: HashMap::new() };
    let mut shown = Vec::new();
    for entry in history.iter().rev().take(limit.unwrap_or(usize::MAX)) {
        shown.push(after.describe(entry)?);
    }
    if scene.console.is_json() {
        scene
            .console
            .json(&serde_json::json!({ "changes": shown.iter().map(Change::json).collect::<Vec<_>>() }));
    } else {
        shown.iter().for_each(|change| scene.console.out(change.line()));
    }
    if shown.is_empty() {
        scene.console.status("Nothing", "was recorded");
    }
    Ok(ExitCode::SUCCESS)
}

/// What rows held after the entry that is being described: the old values of the next one, else the row as it is now.
struct Later<'a> {
    conn: &'a Connection,
    schema: &'a Schema,
    rows: HashMap<RowName, HashMap<String, Option<Value>>>,
}

/// One entry, ready to be shown.
struct Change {
    at: i64,
    table: String,
    key: String,
    verb: &'static str,
    /// Column, value before, value after; `None` where it is not known or does not apply.
    values: Vec<(String, Option<String>, Option<String>)>,
}

impl Later<'_> {
    fn describe(&mut self, entry: &Entry) -> Result<Change> {
        let key = key_text(&entry.key);
        let later_key = match entry.new_key {
            Value::Null => key.clone(),
            ref moved => key_text(moved),
        };
        let name = (entry.table.clone(), later_key.clone());
        if !self.rows.contains_key(&name) {
            let now = self.row_now(&entry.table, &later_key)?;
            self.rows.insert(name.clone(), now);
        }
        let after = self.rows.remove(&name).unwrap_or_default();
        let text = |value: &Option<Value>| value.as_ref().map(|value| literal(value.into()));
        let mut before = after.clone();
        for (column, value) in &entry.old.values {
            before.insert(column.clone(), value.clone());
        }
        let (verb, values) = match entry.operation {
            Operation::Insert => {
                let mut values: Vec<_> =
                    after.iter().map(|(column, value)| (column.clone(), None, text(value))).collect();
                self.sort(&entry.table, &mut values);
                before.clear();
                ("inserted", values)
            }
            Operation::Delete => {
                let old = entry.old.values.iter();
                ("deleted", old.map(|(column, value)| (column.clone(), text(value), None)).collect())
            }
            _ => {
                let old = entry.old.values.iter();
                let values = old.map(|(column, value)| {
                    let later = after.get(column).and_then(text);
                    (column.clone(), text(value), later)
                });
                ("updated", values.collect())
            }
        };
        self.rows.insert((entry.table.clone(), key.clone()), before);
        Ok(Change { at: entry.at, table: entry.table.clone(), key: later_key, verb, values })
    }

    /// Columns in the table's order.
    fn sort(&self, table: &str, values: &mut [(String, Option<String>, Option<String>)]) {
        if let Some(table) = self.schema.table(table) {
            values.sort_by_key(|(column, ..)| table.column(column));
        }
    }

    fn row_now(&self, table: &str, key: &str) -> Result<HashMap<String, Option<Value>>> {
        let (Some(table), Some(key)) = (self.schema.table(table), parse_literals(key)) else {
            return Ok(HashMap::new());
        };
        let shape = RowShape::of(table);
        if shape.identity.len() != key.len() || shape.identity.is_empty() {
            return Ok(HashMap::new());
        }
        let conditions: Vec<String> = shape.identity.iter().map(|name| format!("{name} = ?")).collect();
        let sql =
            format!("SELECT {} FROM {} WHERE {}", columns(table), shape.table, conditions.join(" AND "));
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(key))?;
        let mut values = HashMap::new();
        if let Some(row) = rows.next()? {
            for (position, column) in table.stored().enumerate() {
                values.insert(table.columns[column].name.clone(), Some(readable(row.get_ref(position)?)));
            }
        }
        Ok(values)
    }
}

fn columns(table: &Table) -> String {
    let names = table.stored().map(|position| quote_identifier(&table.columns[position].name));
    names.collect::<Vec<_>>().join(", ")
}

/// Text that is not UTF-8 is shown as the BLOB that it really is.
fn readable(value: rusqlite::types::ValueRef) -> Value {
    Value::try_from(value).unwrap_or_else(|_| match value {
        rusqlite::types::ValueRef::Text(bytes) => Value::Blob(bytes.to_vec()),
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
