//! Everything in a database that the user would miss, as lines that can be compared.

use std::fmt::Write;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::shape::{Table, identifier, tables};
use crate::trigger_text::canonical;

/// The schema and every row, one line each, sorted.
pub(crate) fn snapshot(conn: &Connection) -> Vec<String> {
    let mut lines = objects(conn);
    for table in tables(conn) {
        rows(conn, &table, &mut lines);
    }
    for (name, is_text) in virtual_tables(conn) {
        search_table(conn, &name, is_text, &mut lines);
    }
    sequences(conn, &mut lines);
    lines.sort();
    lines
}

/// What the one has and the other has not, a few lines of it.
pub(crate) fn difference(here: &[String], there: &[String]) -> Option<String> {
    if here == there {
        return None;
    }
    let only = |these: &[String], those: &[String]| {
        let mut rest = those.to_vec();
        let mut only = Vec::new();
        for line in these {
            match rest.iter().position(|other| other == line) {
                Some(at) => drop(rest.remove(at)),
                None => only.push(line.chars().take(300).collect::<String>()),
            }
        }
        only.truncate(6);
        only.join("\n  ")
    };
    Some(format!("only here:\n  {}\nonly there:\n  {}", only(here, there), only(there, here)))
}

fn objects(conn: &Connection) -> Vec<String> {
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema
               WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'd1\\_migrat%' ESCAPE '\\' AND sql IS NOT NULL";
    let mut statement = conn.prepare(sql).expect("a schema");
    let rows = statement.query_map((), |row| {
        let (kind, name, on, sql): (String, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let sql = match kind.as_str() {
            "trigger" => canonical(&sql),
            // A RENAME quotes the new name. A file that would make of a table what it is already may only be recorded.
            "table" => sql.trim_end().replacen(
                &format!("CREATE TABLE \"{name}\""),
                &format!("CREATE TABLE {name}"),
                1,
            ),
            _ => sql.trim_end().to_owned(),
        };
        Ok(format!("{kind} {name} on {on}: {sql}"))
    });
    rows.expect("a schema").map(|line| line.expect("readable")).collect()
}

fn rows(conn: &Connection, table: &Table, lines: &mut Vec<String>) {
    let mut columns: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
    if let Some(rowid) = table.rowid {
        columns.push(rowid.to_owned());
    }
    let sql = format!("SELECT {} FROM {}", columns.join(", "), identifier(&table.name));
    answers(conn, &sql, &format!("row of {}:", table.name), lines);
}

/// One line for each row of an answer.
fn answers(conn: &Connection, sql: &str, label: &str, lines: &mut Vec<String>) {
    let mut statement = conn.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let width = statement.column_count();
    let mut rows = statement.query(()).expect("readable");
    while let Some(row) = rows.next().unwrap_or_else(|error| panic!("{sql}: {error}")) {
        let mut line = label.to_owned();
        for position in 0..width {
            line.push(' ');
            push(&mut line, row.get_ref(position).expect("a column"));
        }
        lines.push(line);
    }
}

/// The names of R*Trees and FTS5 tables, and which of them are such.
fn virtual_tables(conn: &Connection) -> Vec<(String, bool)> {
    let sql =
        "SELECT name, sql LIKE '%USING fts5%' FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'";
    let mut statement = conn.prepare(sql).expect("a schema");
    let names = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("a schema");
    names.collect::<rusqlite::Result<_>>().expect("a schema")
}

/// The rows of an R*Tree or an FTS5 table, and the terms and the settings of the latter.
fn search_table(conn: &Connection, name: &str, is_text: bool, lines: &mut Vec<String>) {
    let table = identifier(name);
    let mut queries = vec![format!("SELECT rowid, * FROM {table}")];
    if is_text {
        let terms = "temp.d1_migrate_terms";
        conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS {terms}; CREATE VIRTUAL TABLE {terms} USING fts5vocab(main, {table}, instance)"
        ))
        .expect("a temporary table");
        queries.push(format!("SELECT doc, term, col, offset FROM {terms}"));
        let config = identifier(&format!("{name}_config"));
        queries.push(format!("SELECT k, v FROM {config} WHERE k <> 'version'"));
    }
    for sql in queries {
        answers(conn, &sql, &format!("in {name}:"), lines);
    }
}

fn push(line: &mut String, value: ValueRef) {
    let written = match value {
        ValueRef::Null => write!(line, "NULL"),
        ValueRef::Integer(number) => write!(line, "{number}"),
        ValueRef::Real(number) => write!(line, "real {number:?} {:016x}", number.to_bits()),
        ValueRef::Text(bytes) => write!(line, "text {}", bytes.escape_ascii()),
        ValueRef::Blob(bytes) => write!(line, "blob {}", bytes.escape_ascii()),
    };
    written.expect("a string takes everything");
}

fn sequences(conn: &Connection, lines: &mut Vec<String>) {
    // A counter at 0 is as good as none: SQLite makes it when a statement might have fired a trigger that counts.
    let sql = "SELECT name, seq FROM sqlite_sequence WHERE seq IS NOT 0 AND name NOT LIKE 'd1\\_migrat%' ESCAPE '\\'";
    // Without an AUTOINCREMENT table there is no such table.
    let Ok(mut statement) = conn.prepare(sql) else {
        return;
    };
    let mut rows = statement.query(()).expect("readable");
    while let Some(row) = rows.next().expect("readable") {
        let mut line = "sequence ".to_owned();
        push(&mut line, row.get_ref(0).expect("a name"));
        line.push(' ');
        push(&mut line, row.get_ref(1).expect("a number"));
        lines.push(line);
    }
}
