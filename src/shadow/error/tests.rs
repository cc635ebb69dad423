//! Every message and every help, word for word.

use super::*;

#[track_caller]
fn says(error: Error, message: &str, help: &str) {
    assert_eq!(error.to_string(), message);
    assert_eq!(error.help().as_deref(), Some(help));
    assert!(!message.contains('\n') && !help.contains('\n'));
}

fn sqlite(code: i32, message: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(message.to_owned()))
}

#[test]
fn a_statement_that_fails_is_named_with_file_and_line_and_its_beginning() {
    let sql = format!("INSERT INTO nowhere\n  VALUES ('{}')", "x".repeat(100));
    says(
        Error::statement(
            "0001_a.sql",
            7,
            &sql,
            sqlite(rusqlite::ffi::SQLITE_ERROR, "no such table:\nnowhere"),
        ),
        "0001_a.sql:7: this statement fails: no such table: nowhere",
        "the migrations must run from nothing, and this statement does not: `INSERT INTO nowhere VALUES ('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` (if it cannot, `cargo d1-migrate track --baseline` begins from the local database as it is)",
    );
    let denied =
        Error::statement("0001_a.sql", 1, "ATTACH", sqlite(rusqlite::ffi::SQLITE_AUTH, "not authorized"));
    assert_eq!(
        denied.to_string(),
        "0001_a.sql:1: this statement fails: not authorized (D1 does not allow it)"
    );
}

#[test]
fn the_other_errors_say_what_to_do() {
    says(
        Error::commit(
            "0001_a.sql",
            sqlite(rusqlite::ffi::SQLITE_CONSTRAINT, "FOREIGN KEY constraint failed"),
        ),
        "0001_a.sql: the end of this migration is refused: FOREIGN KEY constraint failed",
        "a row points to a row that does not exist; D1 refuses such a migration as `internal error`",
    );
    says(
        Error::Storage {
            path: "/p/home".into(),
            source: std::io::Error::new(std::io::ErrorKind::PermissionDenied, "Permission denied"),
        },
        "cannot keep the shadow database in /p/home: Permission denied",
        "make that folder writable",
    );
    says(
        Error::Baseline,
        "the baseline was taken when other files lay in the migrations folder",
        "bring those files back, or take the baseline anew with `cargo d1-migrate track --baseline`; a new file must sort after them, or run before that by `wrangler d1 migrations apply --local`",
    );
    says(
        Error::Sqlite(sqlite(rusqlite::ffi::SQLITE_NOTADB, "file is not a database")),
        "the shadow database fails: file is not a database",
        "delete the folder .wrangler/d1-migrate (it holds nothing that cannot be made again) and run the command again",
    );
}
