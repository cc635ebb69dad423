//! SQLite's math functions, which D1 has and the SQLite of rusqlite is built without (<https://sqlite.org/lang_mathfunc.html>):
//! generated columns, CHECKs, indexes and migrations by hand may call them.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

// SAFETY: functions of C's own library, of a number, without side effects. Rust's have formulas of their own for these three.
unsafe extern "C" {
    fn acosh(x: f64) -> f64;
    fn asinh(x: f64) -> f64;
    fn atanh(x: f64) -> f64;
}

type One = fn(f64) -> f64;
type Two = fn(f64, f64) -> f64;

/// Whole numbers stay what they are.
const ROUNDING: [(&str, One); 4] =
    [("ceil", f64::ceil), ("ceiling", f64::ceil), ("floor", f64::floor), ("trunc", f64::trunc)];

const ONE: [(&str, One); 17] = [
    ("acos", f64::acos),
    ("acosh", |x| unsafe { acosh(x) }),
    ("asin", f64::asin),
    ("asinh", |x| unsafe { asinh(x) }),
    ("atan", f64::atan),
    ("atanh", |x| unsafe { atanh(x) }),
    ("cos", f64::cos),
    ("cosh", f64::cosh),
    ("degrees", |x| x * (180.0 / std::f64::consts::PI)),
    ("exp", f64::exp),
    ("radians", |x| x * (std::f64::consts::PI / 180.0)),
    ("sin", f64::sin),
    ("sinh", f64::sinh),
    ("sqrt", f64::sqrt),
    ("tan", f64::tan),
    ("tanh", f64::tanh),
    ("ln", positive_or_nan::<0>),
];

const LOGARITHMS: [(&str, One); 3] =
    [("log", positive_or_nan::<10>), ("log10", positive_or_nan::<10>), ("log2", positive_or_nan::<2>)];

const TWO: [(&str, Two); 4] =
    [("atan2", f64::atan2), ("mod", |x, y| x % y), ("pow", f64::powf), ("power", f64::powf)];

/// The logarithm to the base 10 or 2, or the natural one; of nothing else than positive numbers (SQLite gives NULL for NaN).
fn positive_or_nan<const BASE: u8>(x: f64) -> f64 {
    match BASE {
        _ if x <= 0.0 => f64::NAN,
        10 => x.log10(),
        2 => x.log2(),
        _ => x.ln(),
    }
}

/// Defines them on a connection.
pub fn define(conn: &Connection) -> Result<()> {
    // What stands in a schema must be innocuous and deterministic.
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    for (name, function) in ROUNDING {
        conn.create_scalar_function(name, 1, flags, move |context| {
            Ok(match number(context, 0) {
                Value::Real(x) => Value::Real(function(x)),
                whole_or_null => whole_or_null,
            })
        })?;
    }
    for (name, function) in ONE.into_iter().chain(LOGARITHMS) {
        conn.create_scalar_function(name, 1, flags, move |context| Ok(real(context, 0).map(function)))?;
    }
    for (name, function) in TWO {
        conn.create_scalar_function(name, 2, flags, move |context| {
            Ok(real(context, 0).zip(real(context, 1)).map(|(x, y)| function(x, y)))
        })?;
    }
    // SQLite asks of the base only whether it is a number.
    conn.create_scalar_function("log", 2, flags, |context| {
        let base = real(context, 0).map(positive_or_nan::<0>).filter(|base| *base > 0.0);
        Ok(base.map(|base| positive_or_nan::<0>(converted(context, 1)) / base))
    })?;
    conn.create_scalar_function("pi", 0, flags, |_| Ok(std::f64::consts::PI))
}

fn real(context: &Context, position: usize) -> Option<f64> {
    match number(context, position) {
        Value::Integer(number) => Some(number as f64),
        Value::Real(number) => Some(number),
        _ => None,
    }
}

/// A number, also one that is written as text; NULL for anything else.
fn number(context: &Context, position: usize) -> Value {
    match context.get_raw(position) {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            // SQLite reads up to a NUL.
            let text = text.split('\0').next().unwrap_or_default().trim_matches(SPACE);
            // Rust also reads `inf` and `nan`.
            let is_number = text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
            let whole = text.parse().map(Value::Integer);
            let parsed = whole.or_else(|_| text.parse().map(Value::Real));
            parsed.ok().filter(|_| is_number).unwrap_or(Value::Null)
        }
        _ => Value::Null,
    }
}

/// Any value as a number, as CAST makes one: of text and BLOBs what they begin with.
fn converted(context: &Context, position: usize) -> f64 {
    match context.get_raw(position) {
        ValueRef::Integer(number) => number as f64,
        ValueRef::Real(number) => number,
        ValueRef::Null => 0.0,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let text = text.trim_start_matches(SPACE);
            let is_part = |next: char| next.is_ascii_digit() || "+-.eE".contains(next);
            let longest = text.find(|next| !is_part(next)).unwrap_or(text.len());
            (1..=longest).rev().find_map(|end| text[..end].parse().ok()).unwrap_or(0.0)
        }
    }
}

const SPACE: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

#[cfg(test)]
mod tests {
    use super::*;

    /// As SQLite 3.40 and 3.54 with their own functions give them, written by `quote()`; only 3.54 reads a number before a NUL.
    #[test]
    fn they_give_what_sqlites_own_give() {
        let conn = Connection::open_in_memory().unwrap();
        define(&conn).unwrap();
        for (expression, expected) in [
            ("ceil(1.2)", "2.0"),
            ("ceiling(-1.2)", "-1.0"),
            ("floor(7)", "7"),
            ("floor(' 1.5 ')", "1.0"),
            ("trunc('-7')", "-7"),
            ("trunc('1.5x')", "NULL"),
            ("ceil(X'31')", "NULL"),
            ("ceil('inf')", "NULL"),
            ("floor(NULL)", "NULL"),
            ("sqrt(6.25)", "2.5"),
            ("sqrt(-1)", "NULL"),
            ("ln(0)", "NULL"),
            ("ln(exp(1))", "1.0"),
            ("log(100)", "2.0"),
            ("log(2, 8)", "3.0"),
            ("log(0.5, 8)", "NULL"),
            ("log(2, -8)", "NULL"),
            ("log(2, X'38')", "3.0"),
            ("log(2, ' 8x')", "3.0"),
            ("log(2, '1e')", "0.0"),
            ("log(2, NULL)", "NULL"),
            ("log('x', 8)", "NULL"),
            ("ceil('7' || char(0))", "7"),
            ("round(asinh(8.867134339966274), 6)", "2.878663"),
            ("round(acosh(1e308), 9)", "709.889355823"),
            ("atanh(1)", "9.0e+999"),
            ("atanh(2)", "NULL"),
            ("log2(8)", "3.0"),
            ("round(log10('1000'), 9)", "3.0"),
            ("mod(11, 3.5)", "0.5"),
            ("mod(-7, 0)", "NULL"),
            ("pow(2, 10)", "1024.0"),
            ("power(2, NULL)", "NULL"),
            ("degrees(pi())", "180.0"),
            ("round(radians(180), 9)", "3.141592654"),
            ("round(atan2(1, 1), 9)", "0.785398163"),
        ] {
            let quoted: String =
                conn.query_row(&format!("SELECT quote({expression})"), (), |row| row.get(0)).unwrap();
            assert_eq!(quoted, expected, "{expression}");
        }
    }

    #[test]
    fn a_schema_may_call_them() {
        let conn = Connection::open_in_memory().unwrap();
        define(&conn).unwrap();
        conn.execute_batch(
            "CREATE TABLE t (a, up AS (ceil(a)) STORED CHECK (floor(up) = up)); CREATE INDEX i ON t (sqrt(a));
             INSERT INTO t VALUES (1.5);",
        )
        .unwrap();
    }
}
