//! A statement with values that are too long for it: they are put together first, in a scratch table.
//!
//! Nothing can stand in the way there: no CHECK, no UNIQUE, no NOT NULL, no affinity that takes a first piece of digits
//! for a number, no trigger; and a long key can be named. The scratch table is gone when the last statement has run.

use rusqlite::types::ValueRef;

use super::Error;
use super::literal::{literal, literal_len};
use super::statement::MAX_STATEMENT_BYTES;

/// The scratch table. Its column has no type, so that values keep their storage class.
pub const PIECES: &str = "d1_migrate_pieces";

/// The statements that do what `build` writes with these values as expressions: one, if it fits into D1's limit.
///
/// # Errors
/// When what is not a long value, names above all, does not fit.
pub fn within_limit(
    table: &str,
    values: &[ValueRef<'_>],
    build: impl Fn(&[String]) -> String,
) -> Result<Vec<String>, Error> {
    let set_apart = set_apart(table, values, build(&vec![String::new(); values.len()]).len())?;
    let expression = |at: usize| match set_apart.contains(&at) {
        true => put_together(at),
        false => literal(values[at]),
    };
    let statement = build(&(0..values.len()).map(expression).collect::<Vec<_>>());
    if set_apart.is_empty() {
        return Ok(vec![statement]);
    }
    let mut statements = vec![format!("CREATE TABLE {PIECES} (id INTEGER PRIMARY KEY, value);")];
    for at in set_apart {
        statements.extend(pieces(at, values[at]));
    }
    statements.push(statement);
    statements.push(format!("DROP TABLE {PIECES};"));
    Ok(statements)
}

/// The value that was put together, as an expression.
fn put_together(at: usize) -> String {
    format!("(SELECT value FROM {PIECES} WHERE id = {})", at + 1)
}

/// The longest values, until the rest fits beside `frame` bytes.
fn set_apart(table: &str, values: &[ValueRef<'_>], frame: usize) -> Result<Vec<usize>, Error> {
    let lengths: Vec<usize> = values.iter().map(|value| literal_len(*value)).collect();
    let mut total = frame + lengths.iter().sum::<usize>();
    let mut by_length: Vec<usize> = (0..values.len()).collect();
    by_length.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
    let mut apart = Vec::new();
    for at in by_length {
        let saved = lengths[at].saturating_sub(put_together(at).len());
        if total <= MAX_STATEMENT_BYTES || saved == 0 {
            break;
        }
        total -= saved;
        apart.push(at);
    }
    apart.sort_unstable();
    let fits = total <= MAX_STATEMENT_BYTES;
    fits.then_some(apart).ok_or_else(|| Error::RowTooLarge { table: table.to_owned() })
}

/// The statements that put one value together.
fn pieces(at: usize, value: ValueRef<'_>) -> Vec<String> {
    let id = at + 1;
    // The longest frame is that of a further piece of a BLOB.
    let room = MAX_STATEMENT_BYTES - append(id, "CAST(value ||  AS BLOB)").len();
    let (pieces, is_text) = match value {
        ValueRef::Text(bytes) => (cut(bytes, room, ValueRef::Text), true),
        ValueRef::Blob(bytes) => (cut(bytes, room, ValueRef::Blob), false),
        // Shorter than what would stand in its place, and so never set apart.
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => return Vec::new(),
    };
    let statement = |(index, piece): (usize, &&[u8])| match (index, is_text) {
        (0, true) => first(id, &literal(ValueRef::Text(piece))),
        (0, false) => first(id, &literal(ValueRef::Blob(piece))),
        (_, true) => append(id, &format!("value || {}", literal(ValueRef::Text(piece)))),
        // `||` makes TEXT of two BLOBs, byte for byte, NULs included; the CAST changes only the storage class.
        (_, false) => append(id, &format!("CAST(value || {} AS BLOB)", literal(ValueRef::Blob(piece)))),
    };
    pieces.iter().enumerate().map(statement).collect()
}

fn first(id: usize, expression: &str) -> String {
    format!("INSERT INTO {PIECES} VALUES ({id}, {expression});")
}

fn append(id: usize, expression: &str) -> String {
    format!("UPDATE {PIECES} SET value = {expression} WHERE id = {id};")
}

/// Cuts bytes into pieces whose literals are at most `room` bytes long, never inside a UTF-8 character of valid text.
fn cut<'a>(mut bytes: &'a [u8], room: usize, as_value: fn(&'a [u8]) -> ValueRef<'a>) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let mut size = room.min(bytes.len());
        loop {
            size = boundary(bytes, size);
            let len = literal_len(as_value(&bytes[..size]));
            if len <= room {
                break;
            }
            // Shrink in proportion; a piece of a few bytes always fits, so this ends.
            size = (size * room / len).min(size - 1);
        }
        let (piece, rest) = bytes.split_at(size);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// The last place at or before `size` where no continuation byte follows; `size` itself if there is none close by.
fn boundary(bytes: &[u8], size: usize) -> usize {
    let starts_here = |&at: &usize| bytes.get(at).is_none_or(|byte| byte & 0xC0 != 0x80);
    (size.saturating_sub(3).max(1)..=size).rev().find(starts_here).unwrap_or(size)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use rusqlite::types::Value;

    use super::*;

    /// Writes a row with these values into the table and gives what came out.
    fn through(schema: &str, values: &[Value]) -> (Vec<String>, Vec<Value>) {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(schema).unwrap();
        let references: Vec<ValueRef<'_>> = values.iter().map(ValueRef::from).collect();
        let build = |expressions: &[String]| format!("INSERT INTO t VALUES ({});", expressions.join(", "));
        let statements = within_limit("t", &references, build).unwrap();
        for statement in &statements {
            assert!(statement.len() <= MAX_STATEMENT_BYTES, "{}", statement.len());
            db.execute(statement, []).unwrap_or_else(|e| panic!("{e}: {statement:.200}"));
        }
        let left: i64 = db
            .query_row("SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 't'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "the scratch table is gone");
        let read = |row: &rusqlite::Row| (0..values.len()).map(|index| row.get(index)).collect();
        (statements, db.query_row("SELECT * FROM t", [], read).unwrap())
    }

    #[test]
    fn what_fits_is_one_statement() {
        let values = [Value::Integer(1), Value::Text("a".into())];
        assert_eq!(through("CREATE TABLE t(a, b)", &values).0, ["INSERT INTO t VALUES (1, 'a');"]);
    }

    #[test]
    fn long_text_and_blobs_come_back_byte_for_byte_under_every_constraint() {
        let bytes = |len: usize| (0..len).map(|index| (index * 31 % 256) as u8).collect();
        let values = [
            Value::Integer(7),
            Value::Text("é'\r\n😀BEGIN TRANSACTION;".repeat(20_000)),
            Value::Blob(bytes(300_000)),
            Value::Text("a\0é".repeat(60_000)),
            Value::Text("short".into()),
        ];
        let schema =
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL UNIQUE CHECK (length(a) > 200000),
            b BLOB NOT NULL UNIQUE, c ANY, d TEXT) STRICT";
        assert!(through(schema, &values).1 == values);
    }

    #[test]
    fn digits_stay_text_in_a_numeric_column() {
        let values = [Value::Text("0".repeat(250_000) + "x"), Value::Text("1".repeat(150_000) + "-")];
        assert!(through("CREATE TABLE t(a NUMERIC, b INTEGER)", &values).1 == values);
    }

    #[test]
    fn a_hundred_values_that_are_too_long_together_are_set_apart() {
        let values: Vec<Value> = (0..100).map(|index| Value::Text(format!("{index:020000}"))).collect();
        let columns: Vec<String> = (0..100).map(|index| format!("c{index} TEXT NOT NULL")).collect();
        assert!(through(&format!("CREATE TABLE t({})", columns.join(", ")), &values).1 == values);
    }

    #[test]
    fn names_that_are_too_long_are_an_error() {
        let frame = "x".repeat(MAX_STATEMENT_BYTES);
        assert!(within_limit("t", &[ValueRef::Null], |_| frame.clone()).is_err());
    }
}
