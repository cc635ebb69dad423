//! Literals back into values: the strict reader of keys and images that triggers store as text.

use rusqlite::types::Value;

use super::literal::{CR_MARKS, LF_MARKS};
use super::real::LARGEST_SHIFT;

/// Reads a list of literals separated by commas (a space may follow a comma), or nothing at all if any part is not exactly
/// what [`super::push_literal`] or SQLite's `quote()` (3.31 to 3.54) writes.
///
/// `quote()` of infinity is `Inf` in SQLite 3.40.1 and `9.0e+999` in 3.54.1. Text that is not UTF-8 has no [`Value`] and gives
/// `None`. `quote()` cuts text at a NUL: what it cut cannot be seen here.
pub fn parse_literals(list: &str) -> Option<Vec<Value>> {
    let mut reader = Reader { rest: list };
    let mut values = vec![reader.value()?];
    while reader.take(",") {
        reader.take(" ");
        values.push(reader.value()?);
    }
    reader.rest.is_empty().then_some(values)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, expected: &str) -> Option<()> {
        self.take(expected).then_some(())
    }

    fn value(&mut self) -> Option<Value> {
        match self.rest.as_bytes().first()? {
            b'N' => self.expect("NULL").map(|()| Value::Null),
            b'X' => self.blob().map(Value::Blob),
            b'\'' | b'C' | b'r' => self.text().map(Value::Text),
            _ => self.number(),
        }
    }

    fn blob(&mut self) -> Option<Vec<u8>> {
        self.expect("X'")?;
        let (digits, rest) = self.rest.split_once('\'')?;
        self.rest = rest;
        let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
        if !odd.is_empty() {
            return None;
        }
        pairs.iter().map(|&[high, low]| Some(hex(high)? << 4 | hex(low)?)).collect()
    }

    fn text(&mut self) -> Option<String> {
        if self.take("CAST(") {
            let bytes = self.blob()?;
            self.expect(" AS TEXT)")?;
            String::from_utf8(bytes).ok()
        } else if self.take("replace(") {
            let inner = self.text()?;
            self.expect(", ")?;
            let mark = self.quoted()?;
            self.expect(", ")?;
            let (character, marks) = if self.take("char(13))") {
                ("\r", CR_MARKS)
            } else {
                self.expect("char(10))")?;
                ("\n", LF_MARKS)
            };
            marks.contains(&mark.as_str()).then(|| inner.replace(&mark, character))
        } else {
            self.quoted()
        }
    }

    fn quoted(&mut self) -> Option<String> {
        self.expect("'")?;
        let mut text = String::new();
        loop {
            let (part, rest) = self.rest.split_once('\'')?;
            text.push_str(part);
            self.rest = rest;
            if !self.take("'") {
                return Some(text);
            }
            text.push('\'');
        }
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.rest;
        let negative = self.take("-");
        if self.take("Inf") {
            return Some(Value::Real(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        self.digits()?;
        if !self.take(".") {
            return self.spelled_since(start).parse().ok().map(Value::Integer);
        }
        self.digits()?;
        if self.take("e") {
            let _ = self.take("+") || self.take("-");
            self.digits()?;
        }
        let mut real: f64 = self.spelled_since(start).parse().ok()?;
        while self.take(" / ") {
            real /= self.power_of_two()?;
        }
        Some(Value::Real(real))
    }

    fn power_of_two(&mut self) -> Option<f64> {
        let start = self.rest;
        self.digits()?;
        let power: u64 = self.spelled_since(start).parse().ok()?;
        self.expect(".0")?;
        (power.is_power_of_two() && power.trailing_zeros() <= LARGEST_SHIFT).then_some(power as f64)
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let found = rest.len() < self.rest.len();
        self.rest = rest;
        found.then_some(())
    }

    fn spelled_since(&self, start: &'a str) -> &'a str {
        &start[..start.len() - self.rest.len()]
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn what_quote_writes_in_old_and_new_versions_is_read() {
        assert_eq!(
            parse_literals("NULL,-12, 'a''b',X'00ff',1.0e+25,3.00000000000000044408e-01,9.0e+999,-Inf"),
            Some(vec![
                Value::Null,
                Value::Integer(-12),
                Value::Text("a'b".to_owned()),
                Value::Blob(vec![0, 255]),
                Value::Real(1e25),
                Value::Real(0.1 + 0.2),
                Value::Real(f64::INFINITY),
                Value::Real(f64::NEG_INFINITY),
            ])
        );
    }

    #[test]
    fn quote_of_the_bundled_sqlite_is_read_back() {
        let db = Connection::open_in_memory().unwrap();
        let expressions =
            "'x,''y''', X'', -9.0e+999, 1.5, 5e-324, -9223372036854775807, 0.1, 123456789012345678.0";
        let quoted =
            expressions.split(", ").map(|e| format!("quote({e})")).collect::<Vec<_>>().join("||','||");
        let list: String = db.query_row(&format!("SELECT {quoted}"), [], |row| row.get(0)).unwrap();
        let read = parse_literals(&list).unwrap();
        for (expression, value) in expressions.split(", ").zip(read) {
            let expected: Value =
                db.query_row(&format!("SELECT {expression}"), [], |row| row.get(0)).unwrap();
            assert_eq!(value, expected, "{expression}");
        }
    }

    #[test]
    fn anything_else_is_rejected() {
        for wrong in [
            "",
            " ",
            ",",
            "1,",
            "1;",
            "1 ,2",
            "1,  2",
            "null",
            "x'00'",
            "X'0'",
            "X'0g'",
            "X'00",
            "'a",
            "'a' ",
            "1.",
            ".5",
            "1e5",
            "1.0e",
            "--1",
            "+1",
            "0x10",
            "9223372036854775808",
            "CAST(X'FF' AS TEXT)",
            "CAST(X'61' AS BLOB)",
            "1.0 / 3.0",
            "1.0 / 2",
            "replace('a', 'a', char(13))",
            "replace('a', '\\r', char(9))",
            "abs(1)",
            "NULLX",
            "1-1",
        ] {
            assert_eq!(parse_literals(wrong), None, "{wrong}");
        }
    }
}
