//! A replayer of the migrations folder that shares nothing with the tool's own: SQLite itself finds where a statement ends.

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection};

/// D1's limit on the text of a statement.
const LONGEST_STATEMENT: usize = 100_000;

/// Sets D1's settings on a connection, but for the length of a statement: `Batch` hands over the rest of a file.
pub(crate) fn d1_settings(conn: &Connection) {
    let limits = [
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    ];
    for (limit, value) in limits {
        conn.set_limit(limit, value).expect("a limit can be lowered");
    }
    conn.execute_batch("PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=OFF").expect("D1's settings");
}

/// Runs all files on an empty database as D1 would.
pub(crate) fn replay(conn: &Connection, files: &[(String, String)]) -> Result<(), String> {
    d1_settings(conn);
    conn.execute_batch("CREATE TABLE d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)")
        .expect("an empty database");
    for (name, text) in files {
        shape(text).map_err(|wrong| format!("{name}: {wrong}"))?;
        conn.execute_batch("BEGIN").expect("no transaction is open");
        run(conn, text).map_err(|wrong| format!("replaying {name}: {wrong}\n{}", beginning(text)))?;
        conn.execute("INSERT INTO d1_migrations(name) VALUES (?1)", [name]).expect("recorded");
        conn.execute_batch("COMMIT")
            .map_err(|error| format!("replaying {name}: at the end: {error}\n{}", beginning(text)))?;
    }
    Ok(())
}

fn run(conn: &Connection, text: &str) -> Result<(), String> {
    let mut batch = Batch::new(conn, text);
    while let Some(mut statement) = batch.next().map_err(|error| error.to_string())? {
        let sql = statement.expanded_sql().unwrap_or_default();
        if sql.trim().len() > LONGEST_STATEMENT {
            return Err(format!("a statement of {} bytes: {}", sql.len(), beginning(&sql)));
        }
        let is_trigger = without_comments(&sql).to_uppercase().starts_with("CREATE TRIGGER");
        // A newline inside a literal of the trigger is the user's own.
        if is_trigger && !sql.contains('\'') && !sql.contains('"') && without_comments(&sql).contains('\n') {
            return Err(format!("a trigger on several lines: {sql}"));
        }
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| format!("{error} in {}", beginning(&sql)))?.is_some() {}
    }
    Ok(())
}

/// The comment lines that stand before a statement belong to what SQLite calls its text.
fn without_comments(sql: &str) -> &str {
    let mut rest = sql.trim();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest).trim();
    }
    rest
}

/// The shape that the remote D1 needs.
fn shape(text: &str) -> Result<(), String> {
    match text {
        _ if text.contains('\r') => Err("a carriage return".into()),
        _ if text.contains('\0') => Err("a NUL".into()),
        _ if !text.ends_with(";\n") => {
            Err(format!("does not end with `;` and a newline: {}", beginning(text)))
        }
        _ => Ok(()),
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(3_000).collect()
}
