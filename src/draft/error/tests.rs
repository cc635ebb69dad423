//! Every message and every help, word for word.

use super::*;
use crate::{difference, migrations, shadow, sql_text};

#[track_caller]
fn says(error: Error, message: &str, help: &str) {
    assert_eq!(error.to_string(), message);
    assert_eq!(error.help().as_deref(), Some(help));
    assert!(!message.contains('\n') && !help.contains('\n'));
}

fn sqlite() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some("database disk image is malformed".to_owned()))
}

#[test]
fn errors_about_rows() {
    says(
        Error::RowTooLarge { table: "posts".into(), key: "id = 7".into(), bytes: 2_000_001 },
        "a row of table `posts` has 2000001 bytes, and D1 takes at most 2000000: id = 7",
        "shorten that row, or split it in several",
    );
    says(
        Error::Module { table: "old".into() },
        "the virtual table `old` is of a module that D1 does not offer",
        "D1 has FTS5 and R*Tree: fill a table of these in its place, and drop it",
    );
    says(
        Error::Refused {
            sql: "INSERT INTO p".into(),
            reason: "foreign key mismatch - \"c\" referencing \"p\"".into(),
        },
        "D1 would refuse a statement of the migration: foreign key mismatch - \"c\" referencing \"p\"",
        "make what that foreign key points to a PRIMARY KEY or UNIQUE, or take the foreign key out",
    );
    says(
        Error::Refused { sql: "INSERT INTO p".into(), reason: "CHECK constraint failed: v > 0".into() },
        "D1 would refuse a statement of the migration: CHECK constraint failed: v > 0",
        "mend the rows that break it in the local database; the statement begins `INSERT INTO p`, nothing was written",
    );
    says(
        Error::ForeignKey { child: "tags".into(), parent: "posts".into() },
        "a row of table `tags` points to a row of table `posts` that is not there",
        "with --tables or --since, let the other row go along; else mend the row in the local database (`PRAGMA foreign_key_check(\"tags\")` names it)",
    );
    says(
        Error::Search { table: "found".into() },
        "the search index `found` cannot be made again from its terms, and it keeps no text",
        "fill it by triggers of a table that do nothing else, or make and fill it in a schema migration",
    );
    says(
        Error::OldWords { table: "found".into() },
        "the search index `found` cannot be made again from its text: it holds other words",
        "an INSERT OR REPLACE leaves old words there: run `INSERT INTO found(found) VALUES ('rebuild')` on the local database; an index of some rows only can have a view of these as its content",
    );
}

#[test]
fn errors_that_should_not_happen_ask_for_a_report() {
    says(
        Error::Refused { sql: "INSERT INTO a".into(), reason: "no such table: a".into() },
        "D1 would refuse a statement of the migration: no such table: a",
        "the statement begins `INSERT INTO a`; please report it, nothing was written",
    );
    says(
        Error::Refused { sql: "INSERT INTO a".into(), reason: "UNIQUE constraint failed: a.id".into() },
        "D1 would refuse a statement of the migration: UNIQUE constraint failed: a.id",
        "the row in its way may have to go along (--tables, --since); else please report it: the statement begins `INSERT INTO a`, nothing was written",
    );
    says(
        Error::Unproven { table: "a".into() },
        "the migration would not give what the local database holds in table `a`",
        "please report it, nothing was written",
    );
    says(
        Error::SchemaUnproven { difference: "table `a` differs".into() },
        "the migration would not give the local schema: table `a` differs",
        "write a carriage return in a string of its definition as char(13), if there is one; anything else please report, nothing was written",
    );
}

#[test]
fn errors_of_the_machine() {
    says(
        Error::Sqlite(sqlite()),
        "reading the local database fails: database disk image is malformed",
        "see that the file is an SQLite database that nobody holds locked",
    );
    says(
        Error::Spool(std::io::Error::new(std::io::ErrorKind::StorageFull, "No space left on device")),
        "the draft of the migration cannot be kept: No space left on device",
        "make room on the disk of the project and in the temporary folder, which TMPDIR names",
    );
}

#[test]
fn errors_of_other_rooms_keep_their_words() {
    let passed_on: [(Error, String, Option<String>); 4] = [
        {
            let inner = || sql_text::Error::RowTooLarge { table: "a".into() };
            (inner().into(), inner().to_string(), inner().help())
        },
        {
            let inner = || difference::Error::UnknownTable { table: "a".into(), known: Vec::new() };
            (inner().into(), inner().to_string(), inner().help())
        },
        {
            let inner = || migrations::Error::EmptyMessage;
            (inner().into(), inner().to_string(), inner().help())
        },
        {
            let inner = || shadow::Error::Baseline;
            (inner().into(), inner().to_string(), inner().help())
        },
    ];
    for (error, message, help) in passed_on {
        assert!(help.is_some());
        assert_eq!((error.to_string(), error.help()), (message, help));
    }
}
