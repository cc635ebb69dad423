//! Every message and every help, word for word.

use super::*;

#[track_caller]
fn says(error: Error, message: &str, help: &str) {
    assert_eq!(error.to_string(), message);
    assert_eq!(error.help().as_deref(), Some(help));
    assert!(!message.contains('\n') && !help.contains('\n'));
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

fn denied() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::PermissionDenied, "Permission denied")
}

#[test]
fn errors_about_the_local_database() {
    let path = || Utf8PathBuf::from("/p/x.sqlite");
    says(
        Error::NoDatabase { path: path() },
        "there is no local database: /p/x.sqlite does not exist",
        "`cargo d1-migrate apply` makes it from the migrations, `wrangler dev` and `wrangler d1 execute --local` from what they run",
    );
    says(
        Error::NotADatabase { path: path(), reason: "it is a folder".into() },
        "/p/x.sqlite: this is not an SQLite database that can be read: it is a folder",
        "look at what lies there, or name another file with --db",
    );
    says(
        Error::Locked { path: path() },
        "/p/x.sqlite: another program keeps the local database locked",
        "end the other program's transaction, then run the command again",
    );
    says(
        Error::NotWritable { path: path(), reason: "database or disk is full".into() },
        "/p/x.sqlite: the local database cannot be written: database or disk is full",
        "see who owns the file and its folder, and that there is room on the disk",
    );
    says(
        Error::Empty { path: path() },
        "/p/x.sqlite: the local database has no tables, so there is nothing to migrate",
        "make tables first, with wrangler or in a schema migration",
    );
}

#[test]
fn errors_about_what_stands_in_the_way() {
    let help = "`cargo d1-migrate apply` runs what is missing (`apply --record` only notes it as applied)";
    for (missing, message) in [
        (&["0002_a.sql"][..], "the local database has not run 0002_a.sql"),
        (&["0002_a.sql", "0003_b.sql"], "the local database has not run 0002_a.sql and 0003_b.sql"),
        (
            &["0002_a.sql", "0003_b.sql", "0004_c.sql"],
            "the local database has not run 0002_a.sql, 0003_b.sql and 1 more",
        ),
    ] {
        says(Error::Behind { names: names(missing) }, message, help);
    }
    says(
        Error::PendingData { tables: names(&["posts", "tags"]) },
        "data changes are pending in posts and tags",
        "write them first with `cargo d1-migrate data -m MESSAGE`",
    );
    says(
        Error::NotFirst { folder: "/p/migrations".into() },
        "/p/migrations: there are migrations already, and an initial one can only be the first",
        "`cargo d1-migrate data -m MESSAGE` writes the next data migration",
    );
    says(
        Error::NotLast { names: names(&["seed.sql"]) },
        "seed.sql would run after the new migration, because wrangler runs files without a number last",
        "give them numbers that say where they belong (and rename them in the migrations table where they were applied)",
    );
    says(
        Error::Unknowable { reason: "UNIQUE constraint failed: a.b".into() },
        "a change points to a value that the clock or chance made, and that is another one on the real D1: UNIQUE constraint failed: a.b",
        "give those rows a fixed value in a migration first, or write this change by hand in a schema migration",
    );
}

#[test]
fn a_schema_that_differs_is_told_by_its_first_difference_and_what_would_mend_it() {
    let differs = |sentences: &[&str], missing: &[&str]| Error::SchemaDiffers {
        sentences: names(sentences),
        missing: names(missing),
    };
    says(
        differs(&["table `a` is made by the migrations, but is not in the local database"], &[]),
        "table `a` is made by the migrations, but is not in the local database",
        "`cargo d1-migrate schema -m MESSAGE` makes a file for the statements that are missing",
    );
    says(
        differs(&["one", "two"], &["CREATE TABLE a (\n  b\n)"]),
        "one (and one more difference)",
        "`cargo d1-migrate schema -m MESSAGE` makes a file; put in: CREATE TABLE a ( b )",
    );
    says(
        differs(&["one", "two", "three"], &["CREATE TABLE a (b)", "CREATE INDEX c ON a (b)"]),
        "one (and 2 more differences)",
        "`cargo d1-migrate schema -m MESSAGE` makes a file; put in: CREATE TABLE a (b); CREATE INDEX c ON a (b)",
    );
}

#[test]
fn errors_about_folders_of_the_tool() {
    says(
        Error::Lock { path: "/p/lock".into(), source: denied() },
        "/p/lock: this lock file cannot be used: Permission denied",
        "make that folder writable",
    );
    says(
        Error::CreateFolder { path: "/p/state".into(), source: denied() },
        "/p/state: this folder cannot be made: Permission denied",
        "make that folder writable",
    );
    says(
        Error::NoHome,
        "a baseline is kept beside wrangler's own state, and there is no project whose folder can be written",
        "run the command in the project, without --db and --dir",
    );
    says(
        Error::Unusable { path: "/p/x.sqlite".into(), reason: "disk I/O error".into() },
        "/p/x.sqlite: the local database cannot be used: disk I/O error",
        "see that the disk has room and is sound, and who may read the folder",
    );
    says(
        Error::NotHere { file: "0002_a.sql".into(), line: 3, reason: "no such table: t".into() },
        "0002_a.sql:3: this statement fails on the local database: no such table: t",
        "if the local database holds already what the file makes, note it with `apply --record`; else change the rows that stand against it",
    );
    says(
        Error::NotRunnable { file: "0002_a.sql".into(), line: 3, reason: "near \"(\": syntax error".into() },
        "0002_a.sql:3: this statement fails: near \"(\": syntax error",
        "correct the file: it has not run here yet. If the real D1 has run it, correct what stands against it in an earlier file of yours",
    );
    says(
        Error::NoStatement { file: "0002_a.sql".into() },
        "0002_a.sql: there is no statement in this migration yet",
        "put the statements in, or delete the file; `apply --record` notes it as it is",
    );
    says(
        Error::NoMigrations { folder: "/p/migrations".into() },
        "/p/migrations: there is no migration yet",
        "`cargo d1-migrate` writes the initial one",
    );
    says(
        Error::NameTaken,
        "there is a table or a view `d1_migrate_changefeed` that is not the changefeed",
        "`cargo d1-migrate untrack --purge` removes it",
    );
}

#[test]
fn sqlites_answers_are_told_apart() {
    let path = camino::Utf8Path::new("/p/x.sqlite");
    let of = |code: i32| {
        let error =
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some("two\nlines".to_owned()));
        Error::from_sqlite(path, error)
    };
    assert!(matches!(of(rusqlite::ffi::SQLITE_BUSY), Error::Locked { .. }));
    assert!(matches!(of(rusqlite::ffi::SQLITE_LOCKED), Error::Locked { .. }));
    let error = of(rusqlite::ffi::SQLITE_READONLY);
    assert!(matches!(error, Error::NotWritable { .. }));
    assert!(!error.to_string().contains('\n'));
    for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR, rusqlite::ffi::SQLITE_CANTOPEN] {
        assert!(matches!(of(code), Error::Unusable { .. }));
    }
    for code in [rusqlite::ffi::SQLITE_NOTADB, rusqlite::ffi::SQLITE_CORRUPT] {
        assert!(matches!(of(code), Error::NotADatabase { .. }));
    }
}
