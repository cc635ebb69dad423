//! Runs the text of one migration as D1 would: statement by statement, in one transaction, under D1's settings and limits.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::Error;
use super::limits::under_d1_limits;
use crate::names::is_internal;
use crate::sql_text::{Token, quote_identifier, statements, tokens};

/// Pragmas that D1 takes (measured with workerd 1.20261117.1), besides those that only read the schema.
const PRAGMAS: [&str; 19] = [
    "defer_foreign_keys",
    "ignore_check_constraints",
    "recursive_triggers",
    "foreign_keys",
    "legacy_alter_table",
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "optimize",
    "quick_check",
    "integrity_check",
    "table_info",
    "table_list",
    "table_xinfo",
    "reverse_unordered_selects",
    "case_sensitive_like",
    "data_version",
];

/// Runs `prepare`, `text` and `record` as one transaction.
///
/// A statement that fails is named with its line. `BEGIN` and `COMMIT` are passed over: wrangler takes them out too,
/// and runs a file as one transaction.
pub fn run_file(
    conn: &mut Connection,
    name: &str,
    text: &str,
    prepare: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    record: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), Error> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let done = prepare(conn).map_err(Error::from).and_then(|()| run_guarded(conn, name, text));
    let done = done.and_then(|()| {
        record(conn)?;
        conn.execute_batch("COMMIT").map_err(|error| Error::commit(name, error))
    });
    if done.is_err() && !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK")?;
    }
    done
}

/// Only the file's own statements are watched, not what the tool does around them.
fn run_guarded(conn: &mut Connection, name: &str, text: &str) -> Result<(), Error> {
    conn.authorizer(Some(authorize))?;
    let done = run_statements(conn, name, text);
    conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    done
}

fn run_statements(conn: &Connection, name: &str, text: &str) -> Result<(), Error> {
    for statement in statements(text) {
        let first = tokens(statement.text).find(Token::is_significant);
        if first.is_some_and(|word| ["BEGIN", "COMMIT", "END"].iter().any(|end| word.is_word(end))) {
            continue;
        }
        under_d1_limits(conn, || run_one(conn, statement.text))?
            .map_err(|error| Error::statement(name, statement.line, statement.sql(), error))?;
    }
    Ok(())
}

thread_local! {
    /// The columns that UPDATE statements set since [`take_columns_set`], those in triggers included, by table.
    static COLUMNS_SET: RefCell<BTreeMap<String, BTreeSet<String>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The columns that UPDATE statements of files set since the last call, as [`column_set`] writes them, and where they inserted rows
/// ([`rows_inserted`]).
pub fn take_columns_set() -> String {
    let of_table = |(table, columns): (String, BTreeSet<String>)| -> String {
        columns.iter().map(|column| column_set(&table, column)).collect()
    };
    COLUMNS_SET.take().into_iter().map(of_table).collect()
}

/// From here on the statements on this connection are heard too.
pub fn hear_columns_set(conn: &mut Connection) -> rusqlite::Result<()> {
    take_columns_set();
    conn.authorizer(Some(|context: AuthContext<'_>| {
        hear(&context);
        Authorization::Allow
    }))
}

/// Stands in place of a column where statements insert into the table.
const ROWS: &str = "*";

/// What stands in that list for rows that are inserted into a table.
pub fn rows_inserted(table: &str) -> String {
    column_set(table, ROWS)
}

fn hear(context: &AuthContext<'_>) {
    let set = match context.action {
        AuthAction::Update { table_name, column_name } => Some((table_name, column_name)),
        AuthAction::Insert { table_name } => Some((table_name, ROWS)),
        _ => None,
    };
    if let Some((table_name, column_name)) = set {
        // Asked for every column of every statement: as a rule it is there.
        COLUMNS_SET.with_borrow_mut(|set| match set.get_mut(table_name) {
            Some(columns) if columns.contains(column_name) => {}
            Some(columns) => drop(columns.insert(column_name.to_owned())),
            None => drop(set.insert(table_name.to_owned(), BTreeSet::from([column_name.to_owned()]))),
        });
    }
}

/// One column in that list. A rowid that no column shows is called `rowid`.
pub fn column_set(table: &str, column: &str) -> String {
    format!("{}.{}\n", quote_identifier(table), quote_identifier(column)).to_lowercase()
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    hear(&context);
    match context.action {
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::Transaction { .. } => Authorization::Deny,
        AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
            if is_out_of_reach(table_name) =>
        {
            Authorization::Deny
        }
        // What R*Tree asks while its table is made.
        AuthAction::Pragma { pragma_name: "page_size", pragma_value: None } => Authorization::Allow,
        AuthAction::Pragma { pragma_name, .. }
            if !PRAGMAS.iter().any(|known| known.eq_ignore_ascii_case(pragma_name)) =>
        {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

/// The tool's own tables, and workerd's.
fn is_out_of_reach(table: &str) -> bool {
    is_internal(table) && !table.to_ascii_lowercase().starts_with("sqlite_")
}

/// Runs one statement to its end, whether it gives rows or not.
pub fn run_one(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}
