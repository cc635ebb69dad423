//! Names in SQL: quoted always, or plain where a plain word reads better and means the same.

use std::borrow::Cow;

/// A name between double quotes, quotes inside doubled: safe for every name that SQLite can hold, except one with a NUL,
/// which SQLite itself cannot hold.
///
/// A name that holds a line feed, `;` or `BEGIN TRANSACTION` stays as it is inside: a name has no other spelling, so a trigger
/// on such a table cannot be brought onto one line.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as a person would write it: plain if it is an ASCII word and no keyword, else quoted.
pub fn display_identifier(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_word = starts_well && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && !is_keyword(name) { Cow::Borrowed(name) } else { Cow::Owned(quote_identifier(name)) }
}

/// Trusted text between single quotes, quotes inside doubled. For values of the user take [`super::literal()`], which also
/// knows what a migration file cannot carry.
pub fn string_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_keyword(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    KEYWORDS.binary_search(&upper.as_str()).is_ok()
}

/// The keywords of SQLite 3.54, sorted, and two words that mean a constant where no column has that name.
#[rustfmt::skip] // a hundred and fifty lines else
const KEYWORDS: &[&str] = &[
    "ABORT", "ACTION", "ADD", "AFTER", "ALL", "ALTER", "ALWAYS", "ANALYZE", "AND", "AS", "ASC",
    "ATTACH", "AUTOINCREMENT", "BEFORE", "BEGIN", "BETWEEN", "BY", "CASCADE", "CASE", "CAST",
    "CHECK", "COLLATE", "COLUMN", "COMMIT", "CONFLICT", "CONSTRAINT", "CREATE", "CROSS", "CURRENT",
    "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "DATABASE", "DEFAULT", "DEFERRABLE",
    "DEFERRED", "DELETE", "DESC", "DETACH", "DISTINCT", "DO", "DROP", "EACH", "ELSE", "END",
    "ESCAPE", "EXCEPT", "EXCLUDE", "EXCLUSIVE", "EXISTS", "EXPLAIN", "FAIL", "FALSE", "FILTER",
    "FIRST", "FOLLOWING", "FOR", "FOREIGN", "FROM", "FULL", "GENERATED", "GLOB", "GROUP", "GROUPS",
    "HAVING", "IF", "IGNORE", "IMMEDIATE", "IN", "INDEX", "INDEXED", "INITIALLY", "INNER", "INSERT",
    "INSTEAD", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "KEY", "LAST", "LEFT", "LIKE", "LIMIT",
    "MATCH", "MATERIALIZED", "NATURAL", "NO", "NOT", "NOTHING", "NOTNULL", "NULL", "NULLS", "OF",
    "OFFSET", "ON", "OR", "ORDER", "OTHERS", "OUTER", "OVER", "PARTITION", "PLAN", "PRAGMA",
    "PRECEDING", "PRIMARY", "QUERY", "RAISE", "RANGE", "RECURSIVE", "REFERENCES", "REGEXP",
    "REINDEX", "RELEASE", "RENAME", "REPLACE", "RESTRICT", "RETURNING", "RIGHT", "ROLLBACK", "ROW",
    "ROWS", "SAVEPOINT", "SELECT", "SET", "TABLE", "TEMP", "TEMPORARY", "THEN", "TIES", "TO",
    "TRANSACTION", "TRIGGER", "TRUE", "UNBOUNDED", "UNION", "UNIQUE", "UPDATE", "USING", "VACUUM",
    "VALUES", "VIEW", "VIRTUAL", "WHEN", "WHERE", "WINDOW", "WITH", "WITHOUT",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::{Connection, ffi};

    #[test]
    fn every_keyword_of_the_bundled_sqlite_is_in_the_sorted_list() {
        assert!(KEYWORDS.is_sorted());
        // SAFETY: the index is below the count, and SQLite returns a pointer to static memory with its length.
        for index in 0..unsafe { ffi::sqlite3_keyword_count() } {
            let (mut name, mut len) = (std::ptr::null(), 0);
            let word = unsafe {
                assert_eq!(ffi::sqlite3_keyword_name(index, &mut name, &mut len), ffi::SQLITE_OK);
                std::slice::from_raw_parts(name.cast::<u8>(), len as usize)
            };
            let word = std::str::from_utf8(word).unwrap();
            assert!(is_keyword(word), "{word}");
        }
    }

    #[test]
    fn a_plain_word_stays_plain_and_everything_else_is_quoted() {
        for plain in ["posts", "_x", "Created_At2", "rowid", "id"] {
            assert_eq!(display_identifier(plain), plain);
        }
        for quoted in ["", "2fa", "a b", "order", "End", "größe", "a$b", "true", "a-b"] {
            assert_eq!(display_identifier(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(quote_identifier("a\"b;\n"), "\"a\"\"b;\n\"");
        assert_eq!(string_literal("it's"), "'it''s'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_name_survives_create_table(name in "[^\0]{1,12}|[a-z]{1,9}|[\"';\\-\n\r `\\[\\]]{1,8}") {
            prop_assume!(!name.to_ascii_lowercase().starts_with("sqlite_"));
            let db = Connection::open_in_memory().unwrap();
            for spelled in [quote_identifier(&name), display_identifier(&name).into_owned()] {
                db.execute_batch(&format!("CREATE TABLE {spelled} ({spelled} TEXT);")).unwrap();
                let read: String = db.query_row("SELECT name FROM sqlite_schema", [], |row| row.get(0)).unwrap();
                prop_assert_eq!(&read, &name);
                db.execute_batch(&format!("DROP TABLE {spelled};")).unwrap();
            }
        }
    }
}
