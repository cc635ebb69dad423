//! The judge: are two SQLite files the same database? Schema, rows, rowids, storage classes, bytes and counters.
//!
//! Left out is what belongs to the machinery: wrangler's migrations table, the tool's changefeed and triggers,
//! SQLite's and workerd's own tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::trigger_text::canonical;

/// How many differences are told; the rest is counted.
const TOLD: usize = 20;

/// Everything that is compared, in words.
struct Snapshot {
    schema: BTreeMap<String, String>,
    rows: BTreeMap<(String, String), String>,
    counters: BTreeMap<String, String>,
}

/// Panics with a list of what differs.
#[track_caller]
pub(crate) fn assert_same_database(left: &Path, right: &Path) {
    let differences = differences(left, right);
    assert!(
        differences.is_empty(),
        "two databases differ in {} places:\n  left:  {}\n  right: {}\n{}",
        differences.len(),
        left.display(),
        right.display(),
        differences[..differences.len().min(TOLD)].join("\n")
    );
}

/// What differs, one place a line.
pub(crate) fn differences(left: &Path, right: &Path) -> Vec<String> {
    let (left, right) = (Snapshot::of(left), Snapshot::of(right));
    let mut found = compare("schema", &left.schema, &right.schema);
    found.extend(compare("row", &left.rows, &right.rows));
    found.extend(compare("counter", &left.counters, &right.counters));
    found
}

/// A database that was made from migration files holds nothing of the tool's own.
#[track_caller]
pub(crate) fn assert_nothing_of_the_tool(path: &Path) {
    let connection = open(path);
    let names = texts(
        &connection,
        "SELECT name FROM sqlite_schema WHERE name GLOB 'd1_migrate_*' OR tbl_name GLOB 'd1_migrate_*'",
    );
    assert!(names.is_empty(), "the migrations carry the tool's own {names:?} into {}", path.display());
}

impl Snapshot {
    fn of(path: &Path) -> Self {
        let connection = open(path);
        // One moment of the database, even while something else writes.
        let transaction = connection.unchecked_transaction();
        let transaction = transaction.expect("a read transaction");
        let mut rows = BTreeMap::new();
        for table in tables(&transaction) {
            for (key, row) in rows_of(&transaction, &table) {
                let mut place = (table.clone(), key);
                while rows.contains_key(&place) {
                    place.1.push_str(", again");
                }
                rows.insert(place, row);
            }
        }
        Self { schema: schema(&transaction), rows, counters: counters(&transaction) }
    }
}

fn open(path: &Path) -> Connection {
    assert!(path.is_file(), "there is no database {}", path.display());
    Connection::open(path).expect("a database opens")
}

fn is_machinery(name: &str) -> bool {
    name == "d1_migrations" || ["sqlite_", "_cf_", "d1_migrate_"].iter().any(|start| name.starts_with(start))
}

fn schema(connection: &Connection) -> BTreeMap<String, String> {
    let mut statement = connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")
        .expect("the schema is readable");
    let mut rows = statement.query([]).expect("the schema is readable");
    let mut schema = BTreeMap::new();
    while let Some(row) = rows.next().expect("the schema is readable") {
        let [kind, name, table] = [0, 1, 2].map(|i| row.get::<_, String>(i).expect("text"));
        let sql: Option<String> = row.get(3).expect("text");
        if is_machinery(&table) || (kind == "trigger" && is_machinery(&name)) {
            continue;
        }
        let sql = sql.unwrap_or_default();
        // The real D1 takes a trigger only in another shape, so that is how the tool writes it.
        let sql = if kind == "trigger" { canonical(&sql) } else { sql };
        schema.insert(format!("{kind} {name}"), format!("on {table}: {sql}"));
    }
    schema
}

/// Tables that hold rows of the user's. What a virtual table keeps for itself is left out: it may store the same
/// rows in another way.
fn tables(connection: &Connection) -> Vec<String> {
    let mut names = texts(
        connection,
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')",
    );
    names.retain(|name| !is_machinery(name));
    names
}

fn rows_of(connection: &Connection, table: &str) -> Vec<(String, String)> {
    let columns = texts(
        connection,
        &format!("SELECT name FROM pragma_table_xinfo({}) WHERE hidden <> 1", text_literal(table)),
    );
    let selected: Vec<String> = columns.iter().map(|name| identifier(name)).collect();
    let (key, key_width) = key(connection, table, &columns);
    let sql = format!("SELECT {key}, {} FROM {}", selected.join(", "), identifier(table));
    let mut statement = connection.prepare(&sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut rows = statement.query([]).expect("rows are readable");
    let mut found = Vec::new();
    while let Some(row) = next_if_listed(&mut rows) {
        let key: Vec<String> = (0..key_width).map(|i| cell(row, i)).collect();
        let cells: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(i, name)| format!("{name}={}", cell(row, key_width + i)))
            .collect();
        found.push((key.join(", "), cells.join(", ")));
    }
    found
}

/// A contentless FTS5 table with `columnsize=0` lists no rows: only queries tell what it holds.
fn next_if_listed<'r>(rows: &'r mut rusqlite::Rows<'_>) -> Option<&'r Row<'r>> {
    match rows.next() {
        Err(error) if error.to_string().contains("does not support scanning") => None,
        next => next.expect("rows are readable"),
    }
}

/// What tells the rows of a table apart, and how many columns that is: the rowid where it can be named, else the
/// primary key, else all that they hold.
fn key(connection: &Connection, table: &str, columns: &[String]) -> (String, usize) {
    let table = text_literal(table);
    let without_rowid = format!("SELECT name FROM pragma_table_list({table}) WHERE schema = 'main' AND wr");
    let nameable = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.iter().any(|column| column.eq_ignore_ascii_case(name)));
    match nameable {
        Some(name) if texts(connection, &without_rowid).is_empty() => (name.to_owned(), 1),
        _ => {
            let query = format!("SELECT name FROM pragma_table_info({table}) WHERE pk ORDER BY pk");
            let key = texts(connection, &query);
            let names = if key.is_empty() { columns } else { &key };
            let names: Vec<String> = names.iter().map(|name| identifier(name)).collect();
            (names.join(", "), names.len())
        }
    }
}

/// A value with its storage class, exact to the byte.
fn cell(row: &Row<'_>, index: usize) -> String {
    match row.get_ref(index).expect("a column") {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => format!("integer {value}"),
        ValueRef::Real(value) => format!("real {value:?} (bits {:016x})", value.to_bits()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => format!("text {text:?}"),
            Err(_) => format!("text that is no UTF-8, {}", hex(bytes)),
        },
        ValueRef::Blob(bytes) => format!("blob {}", hex(bytes)),
    }
}

fn counters(connection: &Connection) -> BTreeMap<String, String> {
    let known = "SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'";
    if texts(connection, known).is_empty() {
        return BTreeMap::new();
    }
    let mut statement =
        connection.prepare("SELECT name, seq FROM sqlite_sequence").expect("counters are readable");
    let mut rows = statement.query([]).expect("counters are readable");
    let mut counters = BTreeMap::new();
    while let Some(row) = rows.next().expect("counters are readable") {
        let name: String = row.get(0).expect("text");
        if !is_machinery(&name) {
            let twice = counters.insert(name.clone(), cell(row, 1));
            assert!(twice.is_none(), "sqlite_sequence holds {name} twice");
        }
    }
    counters
}

fn compare<K: Ord + Clone + Debug>(
    what: &str,
    left: &BTreeMap<K, String>,
    right: &BTreeMap<K, String>,
) -> Vec<String> {
    let keys: BTreeSet<&K> = left.keys().chain(right.keys()).collect();
    let differing = keys.into_iter().filter(|key| left.get(*key) != right.get(*key));
    let show = |value: Option<&String>| value.map_or("(not there)".to_owned(), |v| shorten(v));
    differing
        .map(|key| {
            let (l, r) = (show(left.get(key)), show(right.get(key)));
            format!("{what} {key:?}\n    left:  {l}\n    right: {r}")
        })
        .collect()
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(2_000) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

fn texts(connection: &Connection, query: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|text| text.expect("text")).collect()
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
