//! The triggers that fill the changefeed, as a function of a table. Pure.
//!
//! They must compile under workerd's limits with 100 columns and in the SQLite 3.31 of an old shell, and they must not
//! be noticed:
//!
//! - `ALTER TABLE … DROP COLUMN` is refused while a trigger names the column as `OLD.x`. Here every such name stands in
//!   a subselect without FROM, inside a query whose FROM offers a NULL column of that name under the alias `old` or `new`.
//!   SQLite resolves a name to the trigger's row first; once the column is gone, it resolves to that NULL.
//!   Columns of the key need no such care: they cannot be dropped.
//! - They run for every row of a bulk statement, where each step of SQLite's bytecode and each string that it copies
//!   counts: hence the order of the cases and the labels inside of them.
//! - An image is a chain of `||`, nested as a balanced tree (expression depth 100).
//! - A value that is too long for the journal is noted as `?`, so that no limit on strings is met. Where the text of a trigger
//!   would be too long, it keeps no old values, and where it still is, it notes `?` for the row too: a trigger that does not
//!   fit makes the whole schema unreadable to workerd.

use crate::names::{CHANGEFEED, TRIGGER_PREFIX};
use crate::schema::{Affinity, Column, Identity, Table};
use crate::sql_text::{quote_identifier, string_literal};

/// Milliseconds since 1970 (`unixepoch('subsec')` does not exist in old shells). Without an argument it is the time now;
/// the text `'now'` would be parsed for every row.
pub(super) const NOW: &str = "CAST((julianday()-2440587.5)*86400000 AS INTEGER)";

/// What stands in the journal in place of a value that was not kept.
pub const NOT_KEPT: &str = "?";

/// Longest key and longest unique values that the journal keeps, in bytes (`length()` of a text stops at a NUL).
const LONGEST_KEY: usize = 10_000;

/// All old values of one row together, in characters.
const LONGEST_IMAGE: usize = 200_000;

/// workerd's limit on the text of a statement, with room to spare.
const LONGEST_TRIGGER: usize = 95_000;

/// One trigger of the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Its `CREATE TRIGGER` statement, exactly as SQLite will keep it.
    pub sql: String,
}

/// The name of the trigger that notes when a migration is applied.
pub(super) const APPLIED: &str = "d1_migrate_track_applied";

/// The trigger that notes when a migration is applied: what came before belongs to it, what comes after is the user's.
pub(super) fn applied_trigger(migrations_table: &str) -> String {
    format!(
        "CREATE TRIGGER {APPLIED} AFTER INSERT ON {} BEGIN INSERT INTO {CHANGEFEED}(at,op,tbl) SELECT {NOW},'A',coalesce(NEW.name,''); END",
        quote_identifier(migrations_table)
    )
}

/// The triggers that follow the rows of a table; none where its rows have no name.
pub fn triggers(table: &Table) -> Vec<Trigger> {
    if !table.is_trackable() {
        return Vec::new();
    }
    let fits = |all: &Vec<Trigger>| all.iter().all(|trigger| trigger.sql.len() <= LONGEST_TRIGGER);
    let detailed = [true, false].map(|images| Body { table, images });
    let all = detailed.iter().map(Body::all).find(fits);
    all.unwrap_or_else(|| EVENTS.map(|event| trigger(table, event, &unnamed_row(table, event))).into())
}

const EVENTS: [&str; 3] = ["insert", "update", "delete"];

fn trigger(table: &Table, event: &str, body: &str) -> Trigger {
    let name = format!("{TRIGGER_PREFIX}{event}:{}", table.name);
    let sql = format!(
        "CREATE TRIGGER {} AFTER {} ON {} BEGIN {body}; END",
        quote_identifier(&name),
        event.to_uppercase(),
        quote_identifier(&table.name),
    );
    Trigger { name, sql }
}

/// Notes that something happened to some row.
fn unnamed_row(table: &Table, event: &str) -> String {
    let (operation, table) = (event[..1].to_uppercase(), string_literal(&table.name));
    format!("INSERT INTO {CHANGEFEED}(at,op,tbl,key) VALUES({NOW},'{operation}',{table},'{NOT_KEPT}')")
}

struct Body<'t> {
    table: &'t Table,
    /// Are old values kept? (Not where the text of the trigger would be too long.)
    images: bool,
}

impl Body<'_> {
    fn all(&self) -> Vec<Trigger> {
        let bodies = [self.insert(), self.update(), self.delete()];
        EVENTS.iter().zip(bodies).map(|(event, body)| trigger(self.table, event, &body)).collect()
    }

    fn insert(&self) -> String {
        let (column, value) = match self.taken("NEW") {
            Some(taken) => (",taken", format!(",{}", self.lasting(&taken, &["new"]))),
            None => ("", String::new()),
        };
        format!(
            "INSERT INTO {CHANGEFEED}(at,op,tbl,key{column}) VALUES({NOW},'I',{},{}{value})",
            string_literal(&self.table.name),
            self.key("NEW"),
        )
    }

    fn update(&self) -> String {
        let key_changed = match self.table.identity() {
            Identity::Rowid(name) => {
                let name = quote_identifier(&name);
                format!("OLD.{name}<>NEW.{name}")
            }
            _ => any(self.table.primary_key.iter().map(|&position| changed(&self.table.columns[position]))),
        };
        let (column, value) = match self.taken("NEW") {
            Some(taken) => {
                let columns = self.unique_columns();
                let moved = any(columns.iter().map(|&position| changed(&self.table.columns[position])));
                let taken = match self.knows_taken() {
                    true => format!("CASE WHEN {moved} THEN {taken} END"),
                    false => taken,
                };
                (",taken", format!(",{}", self.lasting(&taken, &["old", "new"])))
            }
            None => ("", String::new()),
        };
        let (old, is_changed) = match self.images {
            true => (self.image(Keep::Changed), "old<>''"),
            false => {
                let columns = self.table.stored();
                (any(columns.map(|position| changed(&self.table.columns[position]))), "old")
            }
        };
        // The image is made once and tells whether anything changed: LIMIT keeps SQLite from making it again for WHERE.
        format!(
            "INSERT INTO {CHANGEFEED}(at,op,tbl,key,new_key,old{column}) \
             SELECT {NOW},'U',{},{},CASE WHEN {key_changed} THEN {} END,{}{value} \
             FROM (SELECT (SELECT {old}) AS old {} LIMIT 1) WHERE {is_changed} OR {key_changed}",
            string_literal(&self.table.name),
            self.key("OLD"),
            self.key("NEW"),
            if self.images { "old" } else { "''" },
            self.nulls(&["old", "new"]),
        )
    }

    fn delete(&self) -> String {
        format!(
            "INSERT INTO {CHANGEFEED}(at,op,tbl,key,old) VALUES({NOW},'D',{},{},{})",
            string_literal(&self.table.name),
            self.key("OLD"),
            self.lasting(&self.image(Keep::All), &["old"]),
        )
    }

    /// The row's name: its rowid as an integer, else its primary key as a list of literals.
    fn key(&self, row: &str) -> String {
        match self.table.identity() {
            Identity::Rowid(name) => format!("{row}.{}", quote_identifier(&name)),
            _ => self.list(row, &self.table.primary_key),
        }
    }

    /// The values of the unique columns, so that a row that a REPLACE pushed out of them can be found.
    fn taken(&self, row: &str) -> Option<String> {
        self.table.secondary_keys().next()?;
        Some(if self.knows_taken() {
            self.list(row, &self.unique_columns())
        } else {
            format!("'{NOT_KEPT}'")
        })
    }

    /// A change of any column can bring a row into a partial index, or give an expression another value.
    fn knows_taken(&self) -> bool {
        self.table.secondary_keys().all(|key| key.predicate.is_none() && key.plain_columns().is_some())
    }

    fn unique_columns(&self) -> Vec<usize> {
        unique_columns(self.table)
    }

    fn list(&self, row: &str, columns: &[usize]) -> String {
        let names: Vec<String> = columns
            .iter()
            .map(|&position| format!("{row}.{}", quote_identifier(&self.table.columns[position].name)))
            .collect();
        let literals = join(&names.iter().map(|name| literal(name)).collect::<Vec<_>>(), "||','||");
        let too_long = any(names.iter().map(|name| format!("length(CAST({name} AS BLOB))>{LONGEST_KEY}")));
        format!("CASE WHEN {too_long} THEN '{NOT_KEPT}' ELSE {literals} END")
    }

    /// `"column"=literal,` for each stored column that is to be kept.
    fn image(&self, keep: Keep) -> String {
        let stored: Vec<usize> = self.table.stored().collect();
        if !self.images || stored.is_empty() {
            return "''".into();
        }
        let items: Vec<String> = stored
            .into_iter()
            .map(|position| {
                let item = image_item(self.table, position, "OLD");
                match keep {
                    Keep::All => item,
                    Keep::Changed => {
                        format!(
                            "CASE WHEN {} THEN {item} ELSE '' END",
                            changed(&self.table.columns[position])
                        )
                    }
                }
            })
            .collect();
        join(&items, "||")
    }

    /// The expression, valid even when a column that it names is dropped.
    fn lasting(&self, expression: &str, rows: &[&str]) -> String {
        format!("(SELECT (SELECT {expression}) {})", self.nulls(rows))
    }

    /// One row of NULLs under the alias of each of these rows. A LEFT JOIN with at most one row of which nothing is used
    /// is left out by SQLite, so it costs nothing as long as no column was dropped. (Two subselects without FROM side by
    /// side are a join for which it fills a table for every row: an update took 10 times as long.)
    fn nulls(&self, rows: &[&str]) -> String {
        let columns: Vec<String> = (self.table.columns.iter())
            .map(|column| format!("NULL AS {}", quote_identifier(&column.name)))
            .collect();
        let columns = columns.join(",");
        rows.iter().fold("FROM (SELECT 1)".into(), |from, row| {
            format!("{from} LEFT JOIN (SELECT {columns} FROM sqlite_master WHERE rowid=0) AS {row}")
        })
    }
}

/// Which columns an image holds.
#[derive(Clone, Copy)]
enum Keep {
    /// Every one.
    All,
    /// Those that an update changed.
    Changed,
}

/// The columns of all secondary unique keys, each once, in order: what the journal's `taken` lists.
pub fn unique_columns(table: &Table) -> Vec<usize> {
    let mut columns: Vec<usize> = table
        .secondary_keys()
        .flat_map(|key| key.terms.iter().filter_map(|(term, _)| term.column()))
        .collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// `"column"=literal,` for what `row` holds there; first the case that the column's affinity makes likely.
///
/// Text is not given to `quote()`, which cuts it at a NUL, and its length is that of its bytes, as `length()` stops there
/// too. A REAL is written with the 17 digits that tell all apart: `quote()` tries 15, reads them back and begins again.
pub fn image_item(table: &Table, position: usize, row: &str) -> String {
    let column = &table.columns[position];
    let longest = LONGEST_IMAGE / table.stored().count();
    let name = quote_identifier(&column.name);
    let (old, label) = (format!("{row}.{name}"), format!("{name}="));
    let [bare, open, not_kept, number] = [
        label.clone(),
        format!("{label}'"),
        format!("{label}{NOT_KEPT},"),
        // A format of printf(): one call instead of three strings put together.
        format!("{}%!.17g,", label.replace('%', "%%")),
    ]
    .map(|text| string_literal(&text));
    let is_long = format!("length(CAST({old} AS BLOB))>{longest}");
    let text = format!(
        "WHEN 'text' THEN CASE WHEN {is_long} THEN {not_kept} \
         WHEN instr({old},'''') THEN {open}||replace({old},'''','''''')||''',' ELSE {open}||{old}||''',' END "
    );
    let real = format!("WHEN 'real' THEN printf({number},{old}) ");
    let integer = format!("WHEN 'integer' THEN {bare}||{old}||',' ");
    let cases = match column.affinity {
        Affinity::Text => text,
        Affinity::Integer => integer + &text + &real,
        Affinity::Real => real + &text,
        Affinity::Blob => text + &integer + &real,
    };
    format!(
        "CASE typeof({old}) {cases}ELSE {bare}||CASE WHEN {is_long} THEN '{NOT_KEPT}' ELSE quote({old}) END||',' END"
    )
}

/// An expression for the literal of a value: `quote()` cuts text at a NUL.
pub fn literal(value: &str) -> String {
    format!(
        "CASE WHEN typeof({value})='text' AND instr({value},char(0)) THEN 'CAST(X'''||hex({value})||''' AS TEXT)' \
         ELSE quote({value}) END"
    )
}

/// Did this column change? Rather once too often than once too little: 0.0 may have become -0.0, which no function of
/// an old SQLite tells apart.
fn changed(column: &Column) -> String {
    let name = quote_identifier(&column.name);
    let differs = format!("OLD.{name} IS NOT NEW.{name} COLLATE BINARY");
    match column.affinity {
        Affinity::Text | Affinity::Real => differs,
        // A REAL that is a whole number becomes an INTEGER in such a column, except for this one.
        Affinity::Integer => {
            format!(
                "{differs} OR (OLD.{name}=-9223372036854775808 AND typeof(OLD.{name})<>typeof(NEW.{name}))"
            )
        }
        Affinity::Blob => format!(
            "{differs} OR typeof(OLD.{name})<>typeof(NEW.{name}) OR (NEW.{name}=0 AND typeof(NEW.{name})='real')"
        ),
    }
}

fn any(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.map(|condition| format!("({condition})")).collect();
    if conditions.is_empty() { "0".into() } else { join(&conditions, " OR ") }
}

/// Joins with a binary operator as a balanced tree of parentheses.
fn join(items: &[String], operator: &str) -> String {
    match items {
        [] => "''".into(),
        [only] => format!("({only})"),
        _ => {
            let (left, right) = items.split_at(items.len() / 2);
            format!("({}{operator}{})", join(left, operator), join(right, operator))
        }
    }
}
