//! Values as SQL literals that lose nothing on their way through a migration file.
//!
//! What was measured with wrangler 4.164.0 (workerd 1.20261117.1):
//! - its trimmer is case-sensitive and looks for exactly `BEGIN TRANSACTION`, then cuts the first `BEGIN TRANSACTION;` and the
//!   first `COMMIT;` out of the file, literals included; `begin transaction`, two spaces, or a lone `COMMIT;` are safe;
//! - control characters other than NUL, U+2028, U+FEFF and text beyond the BMP arrive byte for byte;
//! - a bare `-9223372036854775808` stays an INTEGER, `-0.0` stays REAL and negative (in a column of REAL affinity SQLite
//!   itself keeps `0.0`).

use rusqlite::types::ValueRef;
use std::fmt::Write;

use super::real::push_real;

/// Wrangler's trimmer eats this out of files, wherever it stands.
pub const EATEN_BY_WRANGLER: &str = "BEGIN TRANSACTION";

/// Stand-ins for a carriage return, the first that the text does not hold is taken.
pub(super) const CR_MARKS: [&str; 2] = ["\\r", "\u{240D}"];
/// Stand-ins for a line feed.
pub(super) const LF_MARKS: [&str; 2] = ["\\n", "\u{240A}"];

/// Appends the value as an SQL literal: the value that SQLite reads has the same storage class and the same bytes.
///
/// Text with a NUL, text that is not UTF-8 and text that wrangler would alter is written as `CAST(X'…' AS TEXT)`; text with a
/// carriage return as `replace('…\r…', '\r', char(13))`, because the real D1 breaks on files that hold one.
pub fn push_literal(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push_str("NULL"),
        ValueRef::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        ValueRef::Real(number) => push_real(out, number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => push_text(out, text, LineFeed::Raw),
            Err(_) => push_hex_text(out, bytes),
        },
        ValueRef::Blob(bytes) => push_hex(out, bytes),
    }
}

/// The value as an SQL literal: see [`push_literal`].
pub fn literal(value: ValueRef<'_>) -> String {
    let mut out = String::new();
    push_literal(&mut out, value);
    out
}

/// How many bytes [`push_literal`] appends for this value. Does not allocate for a BLOB or for common text.
pub fn literal_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Blob(bytes) => bytes.len() * 2 + "X''".len(),
        ValueRef::Text(bytes) => {
            match std::str::from_utf8(bytes).map(|text| (text, form(text, LineFeed::Raw))) {
                Ok((text, Form::Plain)) => text.len() + text.matches('\'').count() + "''".len(),
                Ok((_, Form::Marked { .. })) => literal(value).len(),
                Ok((_, Form::Hex)) | Err(_) => bytes.len() * 2 + "CAST(X'' AS TEXT)".len(),
            }
        }
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => literal(value).len(),
    }
}

/// What may happen to a line feed inside a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFeed {
    /// It stays: a literal over several lines reads well.
    Raw,
    /// It is written without being one: a trigger must stand on one line.
    Marked,
}

enum Form {
    Plain,
    /// `replace('…mark…', 'mark', char(…))`, for a carriage return, a line feed or both.
    Marked {
        cr: Option<&'static str>,
        lf: Option<&'static str>,
    },
    Hex,
}

fn form(text: &str, line_feed: LineFeed) -> Form {
    // One pass over the bytes finds out most text: every other form needs one of these.
    let is_special = |&byte: &u8| matches!(byte, b'\0' | b'\r' | b'B');
    if line_feed == LineFeed::Raw && !text.as_bytes().iter().any(is_special) {
        return Form::Plain;
    }
    let marks_cr = text.contains('\r');
    let marks_lf = line_feed == LineFeed::Marked && text.contains('\n');
    let free = |marks: [&'static str; 2]| marks.into_iter().find(|mark| !text.contains(mark));
    let (cr, lf) = (free(CR_MARKS), free(LF_MARKS));
    if text.contains('\0') || text.contains(EATEN_BY_WRANGLER) {
        Form::Hex
    } else if !marks_cr && !marks_lf {
        Form::Plain
    } else if marks_cr && cr.is_none() || marks_lf && lf.is_none() {
        Form::Hex
    } else {
        Form::Marked { cr: cr.filter(|_| marks_cr), lf: lf.filter(|_| marks_lf) }
    }
}

pub(super) fn push_text(out: &mut String, text: &str, line_feed: LineFeed) {
    match form(text, line_feed) {
        Form::Plain => push_quoted(out, text),
        Form::Hex => push_hex_text(out, text.as_bytes()),
        Form::Marked { cr, lf } => {
            let mut marked = text.to_owned();
            let mut closing = String::new();
            for (mark, character, code) in [(cr, '\r', 13), (lf, '\n', 10)] {
                if let Some(mark) = mark {
                    marked = marked.replace(character, mark);
                    let _ = write!(closing, ", '{mark}', char({code}))");
                    out.push_str("replace(");
                }
            }
            push_quoted(out, &marked);
            out.push_str(&closing);
        }
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('\'');
    let mut parts = text.split('\'');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str("''");
        out.push_str(part);
    }
    out.push('\'');
}

fn push_hex_text(out: &mut String, bytes: &[u8]) {
    out.push_str("CAST(");
    push_hex(out, bytes);
    out.push_str(" AS TEXT)");
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 2 + 3);
    out.push_str("X'");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql_text::parse_literals;
    use proptest::prelude::*;
    use rusqlite::{Connection, types::Value};

    fn text(text: &str) -> String {
        literal(ValueRef::Text(text.as_bytes()))
    }

    #[test]
    fn common_values_read_like_sql() {
        assert_eq!(literal(ValueRef::Null), "NULL");
        assert_eq!(literal(ValueRef::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(literal(ValueRef::Blob(&[0, 0xab])), "X'00AB'");
        assert_eq!(text("it's\na — b"), "'it''s\na — b'");
        assert_eq!(text("begin transaction; COMMIT;"), "'begin transaction; COMMIT;'");
    }

    #[test]
    fn text_that_a_file_cannot_carry_is_spelled_otherwise() {
        assert_eq!(text("a\0b"), "CAST(X'610062' AS TEXT)");
        assert_eq!(literal(ValueRef::Text(&[0xff])), "CAST(X'FF' AS TEXT)");
        assert!(text("x BEGIN TRANSACTION;").starts_with("CAST(X'"));
        assert_eq!(text("a\r\nb"), "replace('a\\r\nb', '\\r', char(13))");
        assert_eq!(text("\\r\r"), "replace('\\r\u{240D}', '\u{240D}', char(13))");
        assert_eq!(text("\\r\r\u{240D}"), "CAST(X'5C720DE2908D' AS TEXT)");
    }

    #[test]
    fn both_line_ends_can_be_spelled_on_one_line() {
        let mut out = String::new();
        push_text(&mut out, "a\r\nb'", LineFeed::Marked);
        assert_eq!(out, "replace(replace('a\\r\\nb''', '\\r', char(13)), '\\n', char(10))");
        let db = Connection::open_in_memory().unwrap();
        let read: String = db.query_row(&format!("SELECT {out}"), [], |row| row.get(0)).unwrap();
        assert_eq!(read, "a\r\nb'");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let nasty = prop::collection::vec(
            prop::sample::select(vec![
                "'",
                "''",
                "\r",
                "\n",
                "\0",
                "\\",
                "r",
                "n",
                "\u{240D}",
                "BEGIN TRANSACTION",
                ";",
                "--",
                "/*",
                "\u{FEFF}",
                "\u{2028}",
                "é",
                "😀",
                "COMMIT;",
                "\u{1b}",
                "X'",
                "NULL",
                ",",
            ]),
            0..9,
        );
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            prop::sample::select(vec![i64::MIN, i64::MAX, 0, -1]).prop_map(Value::Integer),
            any::<u64>().prop_map(|bits| Value::Real(f64::from_bits(bits))),
            any::<u64>().prop_map(|bits| Value::Real(f64::from_bits(bits & !(0x7ff << 52)))),
            (-4.0e6..4.0e6).prop_map(Value::Real),
            Just(Value::Real(-0.0)),
            any::<String>().prop_map(Value::Text),
            nasty.prop_map(|parts| Value::Text(parts.concat())),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Blob),
        ]
    }

    fn bits(value: &Value) -> Value {
        match value {
            Value::Real(real) if real.is_nan() => Value::Null,
            Value::Real(real) => Value::Blob(real.to_bits().to_be_bytes().to_vec()),
            other => other.clone(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(800))]
        #[test]
        fn a_literal_comes_back_from_sqlite_and_from_the_parser(value in any_value()) {
            thread_local!(static DB: Connection = Connection::open_in_memory().unwrap());
            let sql = literal(ValueRef::from(&value));
            prop_assert_eq!(literal_len(ValueRef::from(&value)), sql.len());
            prop_assert!(!sql.contains(['\r', '\0']) && !sql.contains(EATEN_BY_WRANGLER));
            let read: Value = DB.with(|db| db.query_row(&format!("SELECT {sql}"), [], |row| row.get(0)).unwrap());
            prop_assert_eq!(bits(&read), bits(&value));
            let parsed = parse_literals(&format!("{sql},{sql}")).unwrap();
            prop_assert_eq!(parsed.iter().map(bits).collect::<Vec<_>>(), vec![bits(&value); 2]);
        }

        #[test]
        fn text_that_is_not_utf8_keeps_its_bytes(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let db = Connection::open_in_memory().unwrap();
            let sql = literal(ValueRef::Text(&bytes));
            prop_assert_eq!(literal_len(ValueRef::Text(&bytes)), sql.len());
            db.query_row(&format!("SELECT {sql}"), [], |row| {
                assert_eq!(row.get_ref(0).unwrap(), ValueRef::Text(&bytes));
                Ok(())
            }).unwrap();
        }
    }
}
