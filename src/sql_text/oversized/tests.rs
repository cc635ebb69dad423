//! Rows in pieces, put together by the bundled SQLite.

use super::*;
use rusqlite::{Connection, types::Value};

fn named<'a>(names: &[&str], values: &'a [Value]) -> Vec<(String, ValueRef<'a>)> {
    names.iter().map(|name| (*name).to_owned()).zip(values.iter().map(ValueRef::from)).collect()
}

fn run(db: &Connection, statements: &[String]) {
    for statement in statements {
        assert!(statement.len() <= MAX_STATEMENT_BYTES, "{}", statement.len());
        assert_eq!(db.execute(statement, []).unwrap_or_else(|e| panic!("{e}: {:.200}", statement)), 1);
    }
}

fn insert(table: &str, names: &[&str], values: &[Value], key: usize) -> Vec<String> {
    let cells = named(names, values);
    let columns: Vec<String> = cells.iter().map(|(name, _)| name.clone()).collect();
    let references: Vec<ValueRef<'_>> = cells.iter().map(|(_, value)| *value).collect();
    oversized_row(table, &columns, &references, &cells[key..=key]).unwrap()
}

fn row(db: &Connection, table: &str) -> Vec<Value> {
    db.query_row(&format!("SELECT * FROM {table}"), [], |row| {
        (0..row.as_ref().column_count()).map(|index| row.get(index)).collect()
    })
    .unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 % 256) as u8).collect()
}

#[test]
fn a_row_that_fits_is_one_statement() {
    let values = [Value::Integer(1), Value::Text("a".to_owned())];
    assert_eq!(insert("t", &["id", "b"], &values, 0), ["INSERT INTO t (id, b) VALUES\n  (1, 'a');"]);
}

#[test]
fn long_text_and_blobs_come_back_byte_for_byte() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b BLOB NOT NULL, c ANY, d TEXT) STRICT",
    )
    .unwrap();
    let values = [
        Value::Integer(7),
        Value::Text("é'\r\n😀BEGIN TRANSACTION;".repeat(20_000)),
        Value::Blob(bytes(300_000)),
        Value::Text("a\0é".repeat(60_000)),
        Value::Text("short".to_owned()),
    ];
    let statements = insert("t", &["id", "a", "b", "c", "d"], &values, 0);
    assert_eq!(statements[0], "INSERT INTO t (id, a, b, c, d) VALUES\n  (7, '', X'', '', 'short');");
    run(&db, &statements);
    assert!(row(&db, "t") == values);
}

#[test]
fn text_that_is_not_utf8_is_appended_byte_for_byte() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (a)").unwrap();
    let wild = bytes(150_000);
    let key = [("rowid".to_owned(), ValueRef::Integer(3))];
    let columns = ["rowid".to_owned(), "a".to_owned()];
    run(&db, &oversized_row("t", &columns, &[ValueRef::Integer(3), ValueRef::Text(&wild)], &key).unwrap());
    db.query_row("SELECT a FROM t", [], |row| {
        assert!(row.get_ref(0)? == ValueRef::Text(&wild));
        Ok(())
    })
    .unwrap();
}

#[test]
fn text_that_begins_like_a_number_stays_text_in_a_numeric_column() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, a NUMERIC)").unwrap();
    let values = [Value::Integer(1), Value::Text(format!("{}{}", "7".repeat(250_000), "x\0é"))];
    run(&db, &insert("t", &["id", "a"], &values, 0));
    assert!(row(&db, "t") == values);
}

#[test]
fn a_hundred_middling_columns_fit_in_pieces() {
    let db = Connection::open_in_memory().unwrap();
    let names: Vec<String> = (0..100).map(|index| format!("column_{index}")).collect();
    db.execute_batch(&format!("CREATE TABLE t ({} NOT NULL)", names.join(" NOT NULL, "))).unwrap();
    let mut values = vec![Value::Text("b".repeat(20_000)); 100];
    values[42] = Value::Text("the key".to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let statements = insert("t", &names, &values, 42);
    assert_eq!(statements.len(), 96);
    run(&db, &statements);
    assert!(row(&db, "t") == values);
}

#[test]
fn an_update_may_be_long_and_change_its_own_key() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id PRIMARY KEY, a, b, c); INSERT INTO t VALUES ('old', 1, 2, NULL);")
        .unwrap();
    let values = [
        Value::Text("new".to_owned()),
        Value::Text("x".repeat(250_000)),
        Value::Blob(bytes(60_000)),
        Value::Text("y".to_owned()),
    ];
    let key = [("id".to_owned(), ValueRef::Text(b"old"))];
    let statements = oversized_update("t", &named(&["id", "a", "b", "c"], &values), &key).unwrap();
    assert_eq!(statements[0], "UPDATE t SET id = 'new', c = 'y' WHERE id = 'old';");
    run(&db, &statements);
    assert!(row(&db, "t") == values);
}

#[test]
fn an_update_that_fits_is_one_statement() {
    let set = [("a".to_owned(), ValueRef::Integer(1)), ("b".to_owned(), ValueRef::Null)];
    let key = [("id".to_owned(), ValueRef::Integer(5)), ("k".to_owned(), ValueRef::Null)];
    let statements = oversized_update("t", &set, &key).unwrap();
    assert_eq!(statements, ["UPDATE t SET a = 1, b = NULL WHERE id = 5 AND k IS NULL;"]);
}

#[test]
fn an_update_fills_a_statement_to_the_last_byte() {
    let key = [("id".to_owned(), ValueRef::Integer(5))];
    let fixed = "UPDATE t SET a = '', b = 1 WHERE id = 5;".len();
    for (surplus, count) in [(0, 1), (1, 3)] {
        let text = "a".repeat(MAX_STATEMENT_BYTES - fixed + surplus);
        let set = [("a".to_owned(), ValueRef::Text(text.as_bytes())), ("b".to_owned(), ValueRef::Integer(1))];
        let statements = oversized_update("t", &set, &key).unwrap();
        assert_eq!(statements.len(), count);
        assert!(statements.iter().all(|statement| statement.len() <= MAX_STATEMENT_BYTES));
    }
}

#[test]
fn a_key_or_a_row_that_cannot_be_shortened_is_an_error() {
    let long = "k".repeat(99_500);
    let key = [("id".to_owned(), ValueRef::Text(long.as_bytes()))];
    let columns = ["id".to_owned(), "a".to_owned()];
    let values = [key[0].1, ValueRef::Text(long.as_bytes())];
    let table = "t".to_owned();
    assert_eq!(oversized_row("t", &columns, &values, &key), Err(Error::KeyTooLarge { table: table.clone() }));
    let longer = long.repeat(2);
    let key = [("id".to_owned(), ValueRef::Text(longer.as_bytes()))];
    assert_eq!(
        oversized_row("t", &columns, &[key[0].1, ValueRef::Null], &key),
        Err(Error::RowTooLarge { table })
    );
}
