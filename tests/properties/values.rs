//! Values: mostly a handful that meet each other again and again, sometimes one that is hard to write down.

use proptest::prelude::*;

/// A value before it is known where it goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Val {
    /// One of a few, in the type of the column, or an existing key of the parent.
    Small(u8),
    /// One of [`SPECIAL`].
    Special(u8),
    /// One of [`LARGE`], so many kilobytes.
    Large(u8, u16),
}

pub(crate) fn val() -> impl Strategy<Value = Val> {
    prop_oneof![
        150 => (0..8u8).prop_map(Val::Small),
        40 => (0..SPECIAL.len() as u8).prop_map(Val::Special),
        1 => (0..LARGE.len() as u8, 60..300u16).prop_map(|(which, size)| Val::Large(which, size)),
    ]
}

const TEXTS: [&str; 8] = ["'a'", "'A'", "'b'", "'B '", "'1'", "'é'", "''", "'c'"];
const BLOBS: [&str; 4] = ["X'01'", "X''", "X'00'", "X'FF00'"];

/// Values that something may get wrong on the way through text.
pub(crate) const SPECIAL: [&str; 40] = [
    "NULL",
    "0",
    "3.0",
    "-0.0",
    "0.1+0.2",
    "9223372036854775807",
    "(-9223372036854775807-1)",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807.0",
    "5e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e308",
    "9e999",
    "-9e999",
    "1e16",
    "''",
    "X''",
    "CAST(X'610062' AS TEXT)",
    "CAST(X'00' AS TEXT)",
    "X'0D0A00'",
    "'line'||char(13,10)||'line'",
    "'line'||char(10)||'line\\n'",
    "char(13)",
    "'it''s \"quoted\" `so` [so]'",
    "'😀 ünï \u{ad} \u{feff}'",
    "'BEGIN TRANSACTION; x; COMMIT;'",
    "'BEGIN TRANSACTION; BEGIN TRANSACTION; x; COMMIT; COMMIT;'",
    "'-- no comment'",
    "'/* no comment'||char(10)||'*/;'",
    "'? ?1 :a @b $c $tag$ $tag$'",
    "'; DROP TABLE t0;'",
    "CAST(X'FFFE41' AS TEXT)",
    "CAST(X'C3' AS TEXT)",
    "'CASE WHEN 1 THEN 2 END; END'",
    "'9e999'",
    "' 12 '",
    "'CREATE TRIGGER x BEGIN SELECT 1; END;'",
    "'{\"a\":[1,2.50,null]}'",
    "char(1,8,9,11,12,27,127)",
];

/// Long ones; `N` stands for half their length.
const LARGE: [&str; 5] = [
    "replace(hex(zeroblob(N/2)),'0','x')",
    "replace(hex(zeroblob(N/2)),'00','é''')",
    "zeroblob(N*2)",
    "CAST(replace(hex(zeroblob(N/2)),'00','a'||char(13,10)) AS BLOB)",
    "replace(hex(zeroblob(N/8)),'00','BEGIN TRANSACTION;'||char(10))",
];

/// The value as SQL for a column of this declared type.
pub(crate) fn render(val: &Val, kind: &str) -> String {
    match val {
        Val::Small(which) => {
            let number = usize::from(*which);
            match kind.to_uppercase().as_str() {
                "TEXT" => TEXTS[number % TEXTS.len()].into(),
                "BLOB" => BLOBS[number % BLOBS.len()].into(),
                "REAL" => format!("{}.5", number),
                _ => number.to_string(),
            }
        }
        Val::Special(which) => SPECIAL[usize::from(*which) % SPECIAL.len()].into(),
        Val::Large(which, size) => {
            let half = u32::from(*size) * 1_000 / 2;
            LARGE[usize::from(*which) % LARGE.len()].replace('N', &half.to_string())
        }
    }
}
