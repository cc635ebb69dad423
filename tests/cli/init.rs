//! `init`: the initial migration from a database that is already there.

use crate::support::project::Scratch;

#[test]
fn it_writes_records_and_prints_one_file() {
    let project = Scratch::seeded();
    let run = project.d1(["init"]).success();
    let printed = run.stdout.trim_end();
    assert!(printed.ends_with("0001_initial_migration.sql"), "{printed}");
    assert_eq!(project.applied(), ["0001_initial_migration.sql"]);
    project.assert_replay_agrees();
}

#[test]
fn a_big_database_goes_on_in_further_files() {
    let project = Scratch::with_schema("CREATE TABLE big (id INTEGER PRIMARY KEY, body BLOB)");
    project.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO big SELECT i, randomblob(10000) FROM n",
    );
    project.d1(["init", "--max-file-size", "1MB"]).success();
    let names = project.migrations();
    assert!(names.len() > 1, "{names:?}");
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", index + 1)), "{names:?}");
        assert!(project.read(name).len() <= 1_100_000);
    }
    assert_eq!(project.applied(), names);
    project.assert_replay_agrees();
}

#[test]
fn a_folder_that_has_migrations_gets_no_second_initial_one() {
    let project = Scratch::seeded();
    project.d1(["init"]).success();
    project.d1(["init"]).fails("already").stderr_has("data");
    assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
}

#[test]
fn a_comment_that_a_definition_leaves_open_swallows_nothing() {
    let project = Scratch::with_schema("CREATE TABLE t (a, b); CREATE TABLE later (a)");
    // SQLite keeps an open comment at the end of a statement of its own.
    for sql in [
        "CREATE INDEX i ON t (a) /* for the list",
        "CREATE VIEW v AS SELECT a FROM t /* *",
        "CREATE INDEX j ON t (b) -- too",
    ] {
        project.sql(sql);
    }
    project.sql("INSERT INTO t VALUES (1, 2); INSERT INTO later VALUES (3)");
    project.d1([]).success();
    let connection = rusqlite::Connection::open_in_memory().expect("memory");
    connection.execute_batch(&project.read("0001_initial_migration.sql")).expect("the file runs");
    let rows = "SELECT (SELECT count(*) FROM t) || (SELECT count(*) FROM later) || (SELECT count(*) FROM v) || count(*) FROM sqlite_schema";
    let rows: String = connection.query_row(rows, (), |row| row.get(0)).expect("rows");
    assert_eq!(rows, "1115");
    project.d1(["check"]).success();
}

/// The SQLite that the tests are built with has no math functions; Debian's shell and D1 have.
#[test]
fn a_schema_may_call_math_functions() {
    let project = Scratch::with_schema("");
    project.sqlite3_shell(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p REAL, up AS (ceil(p)) STORED CHECK (floor(up) = up));
         CREATE INDEX i ON t (sqrt(p)); INSERT INTO t (p) VALUES (1.5), (2.25);",
    );
    project.d1([]).success();
    project.sqlite3_shell("UPDATE t SET p = pow(p, 2) WHERE id = 1; INSERT INTO t (p) VALUES (pi())");
    project.d1(["data", "-m", "powers"]).success();
    project.d1(["schema", "-m", "by hand"]).success();
    project.append("migrations/0003_by_hand.sql", "UPDATE t SET p = trunc(ln(p)) WHERE id = 3;");
    project.d1(["apply"]).success();
    project.d1(["verify"]).success();
    project.assert_wrangler_agrees();
}

#[test]
fn what_d1_does_not_offer_is_named_and_not_left_out() {
    let project = Scratch::with_schema(
        "CREATE VIRTUAL TABLE old USING fts4(a); INSERT INTO old VALUES ('words'); CREATE TABLE t (a)",
    );
    project.d1(["init"]).fails("the virtual table `old` is of a module that D1 does not offer");
    assert!(project.migrations().is_empty());
    let project = Scratch::with_schema(
        "CREATE VIRTUAL TABLE f USING fts5(a); CREATE VIRTUAL TABLE terms USING fts5vocab(f, row); INSERT INTO f VALUES ('words')",
    );
    project.d1(["init"]).success();
    project.assert_wrangler_agrees_on(&["SELECT term FROM terms"]);
}

/// As on the real D1, where time goes on and chance never says the same twice.
#[test]
fn a_value_from_the_clock_or_from_chance_may_have_to_be_plausible_and_unique() {
    let once = "INSERT INTO t (n) VALUES ('x');\n";
    let project = Scratch::guestbook()
        .file(
            "migrations/0001_t.sql",
            "CREATE TABLE t (id TEXT PRIMARY KEY DEFAULT (hex(randomblob(16))), n TEXT,\n  at TEXT UNIQUE DEFAULT CURRENT_TIMESTAMP CHECK (at >= '2020-01-01'));\n",
        )
        .file("migrations/0002_one.sql", once);
    project.d1(["apply"]).success();
    project.write("migrations/0003_two.sql", once);
    let record = "INSERT INTO d1_migrations (name) VALUES ('0003_two.sql')";
    project.sql(&format!("INSERT INTO t (n, at) VALUES ('x', '2020-02-02'); {record}"));
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
}
