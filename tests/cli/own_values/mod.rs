//! Own values in cells that a colleague's files fill from the clock elsewhere: `apply` runs these, and the values stay pending.

mod changed_keys;
mod new_rows;

use crate::support::project::Scratch;

const SEED: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);
    INSERT INTO t (n) VALUES ('a');";

const SEVERAL: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n, at TEXT DEFAULT CURRENT_TIMESTAMP); INSERT INTO t (id, n) VALUES (1, 1), (2, 2), (3, 3);";

const DATED: &str = "UPDATE t SET at = '2020-02-02'";

/// Applies `seed`, makes the change `own` under tracking, applies `theirs` and writes what is pending; gives that file.
fn beside(seed: &str, own: &str, theirs: &[&str]) -> String {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", seed).followed();
    project.sql(own);
    project.d1(["check"]).code(1);
    for (file, number) in theirs.iter().zip(2..) {
        project.write(&format!("migrations/{number:04}_theirs.sql"), &format!("{file}\n"));
    }
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "own"]).success().stdout_has("_own.sql");
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.read(&format!("{:04}_own.sql", theirs.len() + 2))
}

fn keeps(own: &str, theirs: &[&str], expected: &str) {
    let sql = beside(SEED, own, theirs);
    assert!(sql.contains(expected), "{own} / {theirs:?}: {sql}");
}

#[test]
fn a_row_that_meets_one_of_the_same_key_keeps_its_own_value() {
    let expected = "UPDATE t SET n = 'mine', at = '2020-02-02' WHERE id = 2;";
    keeps(
        "INSERT INTO t (n, at) VALUES ('mine', '2020-02-02')",
        &["INSERT INTO t (n) VALUES ('theirs');"],
        expected,
    );
    keeps(
        "INSERT INTO t VALUES (2, 'mine', '2020-02-02')",
        &["INSERT INTO t (id, n) VALUES (2, 'theirs') ON CONFLICT DO NOTHING;"],
        expected,
    );
    let expected = "UPDATE t SET n = 'mine', at = '2020-02-02' WHERE id = 1;";
    keeps(
        "UPDATE t SET n = 'mine', at = '2020-02-02'",
        &["UPDATE t SET at = CURRENT_TIMESTAMP WHERE n = 'a';"],
        expected,
    );
}

#[test]
fn an_own_value_is_found_again_under_a_new_name() {
    let made = "UPDATE t SET made = '2020-02-02' WHERE id = 1;";
    let rename = "ALTER TABLE t RENAME COLUMN at TO made;";
    keeps(DATED, &[rename], made);
    keeps(DATED, &[rename, "ALTER TABLE t ADD COLUMN x;", "UPDATE t SET n = 'b';"], made);
    keeps(
        DATED,
        &["ALTER TABLE t RENAME COLUMN at TO middle;", "ALTER TABLE t RENAME COLUMN middle TO made;"],
        made,
    );
    keeps(
        DATED,
        &["ALTER TABLE t RENAME COLUMN at TO middle; ALTER TABLE t RENAME COLUMN middle TO made;"],
        made,
    );
    keeps(DATED, &["ALTER TABLE t DROP COLUMN n; ALTER TABLE t RENAME COLUMN at TO made;"], made);
    keeps(DATED, &["UPDATE t SET n = n || '!'; ALTER TABLE t RENAME COLUMN at TO made;"], made);
    keeps(
        DATED,
        &["ALTER TABLE t RENAME TO u;", "ALTER TABLE u RENAME COLUMN at TO made;"],
        "UPDATE u SET made = '2020-02-02' WHERE id = 1;",
    );
}

#[test]
fn what_was_not_changed_here_is_not_written_because_its_column_got_another_name() {
    let sql = beside(SEED, "UPDATE t SET n = 'mine'", &["ALTER TABLE t RENAME COLUMN at TO made;"]);
    assert!(sql.contains("UPDATE t SET n = 'mine' WHERE id = 1;"), "{sql}");
}

#[test]
fn an_own_value_outlives_a_rebuild() {
    let made = "UPDATE t SET made = '2020-02-02' WHERE id = 1;";
    let rebuild = |columns: &str, select: &str| {
        format!(
            "CREATE TABLE new ({columns}); INSERT INTO new SELECT {select} FROM t; DROP TABLE t; ALTER TABLE new RENAME TO t;"
        )
    };
    keeps(DATED, &[&rebuild("made TEXT, id INTEGER PRIMARY KEY, n TEXT", "at, id, n")], made);
    keeps(
        DATED,
        &[&rebuild("id INTEGER PRIMARY KEY, made TEXT, n TEXT", "id, substr(at, 1, 4), n")],
        "UPDATE t SET made = '2020' WHERE id = 1;",
    );
    keeps(
        DATED,
        &[&rebuild("id INTEGER PRIMARY KEY, made TEXT, n TEXT", "id + 100, at, n")],
        "UPDATE t SET made = '2020-02-02' WHERE id = 101;",
    );
    keeps(
        DATED,
        &[
            "ALTER TABLE t RENAME TO old; CREATE TABLE t (id INTEGER PRIMARY KEY, made TEXT);",
            "INSERT INTO t SELECT id, at FROM old; DROP TABLE old;",
        ],
        made,
    );
}

#[test]
fn an_own_value_stays_in_a_table_without_a_rowid_and_under_any_key() {
    for (key, options) in [
        ("k TEXT PRIMARY KEY", " WITHOUT ROWID"),
        ("k TEXT NOT NULL PRIMARY KEY", ""),
        ("k TEXT, l INT DEFAULT 1, PRIMARY KEY (k, l)", " WITHOUT ROWID"),
        ("k TEXT", ""),
    ] {
        let (key, rest) =
            key.split_once(", PRIMARY").map_or((key, ""), |(key, _)| (key, ", PRIMARY KEY (k, l)"));
        let seed = format!(
            "CREATE TABLE t ({key}, at TEXT DEFAULT CURRENT_TIMESTAMP{rest}){options}; INSERT INTO t (k) VALUES ('it''s'), ('b');"
        );
        let sql = beside(
            &seed,
            "UPDATE t SET at = '2020-02-02' WHERE k = 'b'",
            &["ALTER TABLE t RENAME COLUMN at TO made;"],
        );
        assert!(sql.contains("UPDATE t SET made = '2020-02-02' WHERE"), "{seed}: {sql}");
        assert!(!sql.contains("it''s"), "{seed}: {sql}");
    }
}

#[test]
fn own_values_stay_however_many_they_are() {
    let seed = "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 12000) INSERT INTO t (id) SELECT i FROM n;";
    let sql = beside(seed, "UPDATE t SET at = 'mine ' || id", &["ALTER TABLE t RENAME COLUMN at TO made;"]);
    assert_eq!(sql.matches("mine ").count(), 12_000);
}

#[test]
fn an_own_value_stays_where_a_later_file_fails() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEED).followed();
    project.sql(DATED);
    project.sql("INSERT INTO t VALUES (7, 'mine', '2020-02-02')");
    project.write("migrations/0002_rename.sql", "ALTER TABLE t RENAME COLUMN at TO middle;\n");
    project.write("migrations/0003_fails.sql", "INSERT INTO t VALUES (7, 'theirs', '');\n");
    project.write("migrations/0004_rename.sql", "ALTER TABLE t RENAME COLUMN middle TO made;\n");
    project.d1(["apply"]).code(2).stderr_has("0003_fails.sql");
    project.sql("DELETE FROM t WHERE id = 7");
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "own"]).success();
    let sql = project.read("0005_own.sql");
    assert!(sql.contains("UPDATE t SET made = '2020-02-02' WHERE id = 1;"), "{sql}");
    assert!(!sql.contains("id = 7"), "{sql}");
}

#[test]
fn an_own_value_stays_beside_a_file_that_sorts_before_those_that_ran() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEED);
    project.write("migrations/0003_more.sql", "INSERT INTO t (n) VALUES ('b');\n");
    project.d1(["apply"]).success();
    project.d1(["track"]).success();
    project.sql("UPDATE t SET at = '2020-02-02', n = 'mine' WHERE id = 2");
    project.write(
        "migrations/0002_theirs.sql",
        "ALTER TABLE t RENAME COLUMN at TO made; UPDATE t SET n = n || '!';\n",
    );
    project.d1(["apply"]).success().stderr_has("1 row of t with a pending change of yours was changed");
    project.d1(["data", "-m", "own"]).success();
    let sql = project.read("0004_own.sql");
    assert!(sql.contains("made = '2020-02-02'"), "{sql}");
    project.d1(["check"]).success();
}

/// The hidden rowids are others then, for this row and for those that nobody changed.
#[test]
fn an_own_value_is_found_again_where_hidden_rowids_shift() {
    let rebuild = "CREATE TABLE n (id TEXT PRIMARY KEY NOT NULL, at TEXT DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO n SELECT * FROM t";
    let rename = "DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let seed = "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, at TEXT DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO t (id) VALUES ('a'), ('b'), ('c');";
    for theirs in [
        format!("DELETE FROM t WHERE id = 'a'; {rebuild}; {rename}"),
        format!("{rebuild} ORDER BY id DESC; {rename}"),
        "CREATE TABLE n AS SELECT * FROM t; DELETE FROM t; INSERT INTO t SELECT * FROM n ORDER BY id DESC; DROP TABLE n;".into(),
    ] {
        let sql = beside(seed, "UPDATE t SET at = '2020-02-02' WHERE id = 'c'", &[&theirs]);
        assert!(sql.ends_with("TRUE;\nUPDATE t SET at = '2020-02-02' WHERE id = 'c';\n"), "{theirs}: {sql}");
    }
}

/// Files that give rows other keys, put them into other tables or compute from what they hold; others beside them fill new cells.
#[test]
fn an_own_value_is_told_by_what_the_files_make_of_it() {
    let seed = "CREATE TABLE t (id INTEGER PRIMARY KEY, r DEFAULT (random()));
        INSERT INTO t (id) VALUES (1), (2), (3); CREATE TABLE u AS SELECT * FROM t;";
    for (theirs, expected) in [
        (
            "CREATE TABLE n (id INTEGER PRIMARY KEY, r); INSERT INTO n SELECT id + 1, r FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
            "UPDATE t SET r = 7 WHERE id = 3;",
        ),
        (
            "UPDATE t SET id = 4 - id WHERE id = 4; UPDATE t SET id = 9 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 1;",
            "UPDATE t SET r = 7 WHERE id = 9;",
        ),
        (
            "ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; ALTER TABLE x RENAME TO u;",
            "UPDATE u SET r = 7 WHERE id = 2;",
        ),
        (
            "CREATE TABLE old AS SELECT * FROM t; DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, r); INSERT INTO t SELECT * FROM old; DROP TABLE old;",
            "UPDATE t SET r = 7 WHERE id = 2;",
        ),
        (
            "ALTER TABLE t ADD COLUMN half; UPDATE t SET half = r / 2;",
            "UPDATE t SET r = 7, half = 3 WHERE id = 2;",
        ),
        ("ALTER TABLE t ADD COLUMN more; UPDATE t SET more = random();", "UPDATE t SET r = 7 WHERE id = 2;"),
        (
            "CREATE TABLE log (id INTEGER PRIMARY KEY, r DEFAULT (random())); INSERT INTO log (id) VALUES (2); ALTER TABLE t RENAME TO tt;",
            "UPDATE tt SET r = 7 WHERE id = 2;",
        ),
    ] {
        let sql = beside(seed, "UPDATE t SET r = 7 WHERE id = 2", &[theirs]);
        assert!(sql.ends_with(&format!("TRUE;\n{expected}\n")), "{theirs}: {sql}");
    }
}

/// By the order of the folder it is another file that leaves the cell unknown.
#[test]
fn an_own_value_stays_where_a_file_that_sorts_first_may_have_filled_its_cell() {
    let project = Scratch::guestbook().file(
        "migrations/0001_t.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, r); INSERT INTO t VALUES (1, 0), (2, 0);",
    );
    project.write("migrations/0003_more.sql", "UPDATE t SET r = random();\n");
    project.d1(["apply"]).success();
    project.d1(["track"]).success();
    project.sql("UPDATE t SET r = 7 WHERE id = 2");
    project.write("migrations/0002_theirs.sql", "UPDATE t SET r = random() WHERE r = 0;\n");
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "own"]).success();
    assert!(project.read("0004_own.sql").ends_with("TRUE;\nUPDATE t SET r = 7 WHERE id = 2;\n"));
}

/// `quote()` would cut it there.
#[test]
fn an_own_value_under_a_key_with_a_nul_is_seen() {
    let seed = "CREATE TABLE t (k TEXT PRIMARY KEY, r DEFAULT (random())) WITHOUT ROWID; INSERT INTO t (k) VALUES (CAST(x'610062' AS TEXT)), ('c');";
    let sql = beside(seed, "UPDATE t SET r = 7 WHERE k <> 'c'", &["CREATE TABLE z (a);"]);
    assert!(sql.contains("UPDATE t SET r = 7 WHERE k = "), "{sql}");
}

/// Who overwrites a cell last made it what it is.
#[test]
fn what_a_colleagues_file_overwrites_is_no_own_value_any_more() {
    let sql = beside(
        SEVERAL,
        "UPDATE t SET at = '2020-02-02', n = 7",
        &["UPDATE t SET at = CURRENT_TIMESTAMP WHERE id < 3;"],
    );
    assert_eq!(sql.matches("2020-02-02").count(), 1, "{sql}");
    assert_eq!(sql.matches("at =").count(), 1, "{sql}");
}

pub(crate) fn run_by_wrangler(project: &Scratch, name: &str, sql: &str) {
    project.write(&format!("migrations/{name}"), &format!("{sql}\n"));
    project.sql(&format!("{sql}; INSERT INTO d1_migrations (name) VALUES ('{name}')"));
}

/// The triggers see what wrangler's own apply does, as if it were the user's.
#[test]
fn what_the_clock_gives_in_a_file_that_wrangler_runs_is_not_pending() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
    run_by_wrangler(&project, "0002_theirs.sql", "UPDATE t SET at = CURRENT_TIMESTAMP");
    project.d1(["check"]).success();
    project.sql("UPDATE t SET at = '2020-02-02' WHERE id = 2");
    run_by_wrangler(&project, "0003_theirs.sql", "UPDATE t SET at = datetime('now', '+1 day') WHERE id = 1");
    project.d1(["data", "-m", "own"]).success();
    let sql = project.read("0004_own.sql");
    assert!(sql.ends_with("TRUE;\nUPDATE t SET at = '2020-02-02' WHERE id = 2;\n"), "{sql}");
}

#[test]
fn an_own_value_of_a_table_that_was_followed_stays_under_apply() {
    for theirs in ["UPDATE t SET n = 7 WHERE id = 3;", "ALTER TABLE t RENAME COLUMN at TO made;"] {
        for also in ["", "CREATE TABLE other (id INTEGER PRIMARY KEY);"] {
            let project =
                Scratch::guestbook().file("migrations/0001_t.sql", &format!("{SEVERAL} {also}")).followed();
            project.sql("UPDATE t SET at = '2020-02-02' WHERE id = 2");
            project.d1(["untrack", "--tables", "t"]).success();
            project.write("migrations/0002_theirs.sql", &format!("{theirs}\n"));
            project.d1(["apply"]).success();
            project.d1(["track"]).success();
            project.d1(["data", "-m", "own"]).success();
            assert!(project.read("0003_own.sql").contains("= '2020-02-02' WHERE id = 2;"), "{theirs} {also}");
        }
    }
}

#[test]
fn where_own_values_cannot_be_told_it_is_said() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
    project.sql("UPDATE t SET at = '2020-02-02' WHERE id = 2; ALTER TABLE t ADD COLUMN mine");
    project.write("migrations/0002_theirs.sql", "ALTER TABLE t RENAME COLUMN at TO made;\n");
    project.d1(["apply"]).success().stderr_has("may be pending no more: table `t` is defined otherwise");
}
