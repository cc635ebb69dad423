//! Of rows whose key changed here, too, and of rows that traded keys.

use super::{SEVERAL, beside, run_by_wrangler};
use crate::support::project::Scratch;

/// Children that only the real D1 has would hang on the wrong row, or go.
#[test]
fn own_changes_of_keys_outlive_a_colleagues_file() {
    let seed = "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');
        CREATE TABLE child (t REFERENCES t (id) ON UPDATE CASCADE ON DELETE CASCADE);";
    let trade = "UPDATE t SET id = 99 WHERE id = 1; UPDATE t SET id = 1 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 99";
    let sql = beside(seed, trade, &["CREATE TABLE z (a);", "ALTER TABLE t ADD COLUMN more;"]);
    assert!(sql.contains("UPDATE t SET id = 1 WHERE id = 2;") && !sql.contains("SET n ="), "{sql}");

    let renames = [
        "ALTER TABLE t RENAME TO middle;",
        "ALTER TABLE middle RENAME TO x; ALTER TABLE x RENAME TO \"new t\";",
    ];
    let sql = beside(seed, "UPDATE t SET id = 21 WHERE id = 2", &renames);
    assert!(sql.contains("UPDATE \"new t\" SET id = 21 WHERE id = 2;") && !sql.contains("DELETE"), "{sql}");

    let rebuild = "ALTER TABLE t RENAME TO old; CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT); INSERT INTO t SELECT * FROM old;
        CREATE TABLE c (t REFERENCES t (id) ON UPDATE CASCADE ON DELETE CASCADE); DROP TABLE child; ALTER TABLE c RENAME TO child; DROP TABLE old;";
    let sql = beside(seed, "UPDATE t SET id = 21 WHERE id = 2", &[rebuild]);
    assert!(sql.contains("UPDATE t SET id = 21 WHERE id = 2;") && !sql.contains("DELETE"), "{sql}");
}

/// What the clock gave on the real D1 is not what it gave here, under whatever key the row is now.
#[test]
fn a_row_whose_key_changed_keeps_what_the_clock_gave_it_on_the_real_d1() {
    for (key, child) in [
        ("INTEGER PRIMARY KEY", ""),
        (
            "INTEGER PRIMARY KEY",
            "CREATE TABLE child (t REFERENCES t (id) ON UPDATE CASCADE ON DELETE CASCADE);",
        ),
        ("INT PRIMARY KEY NOT NULL", ""),
    ] {
        let seed = format!(
            "CREATE TABLE t (id {key}, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP); INSERT INTO t (id, n) VALUES (1, 'a'), (2, 'b'); {child}"
        );
        let sql = beside(&seed, "UPDATE t SET id = 21 WHERE id = 2", &["CREATE TABLE z (a);"]);
        assert!(sql.ends_with("TRUE;\nUPDATE t SET id = 21 WHERE id = 2;\n"), "{seed}: {sql}");
    }
}

/// Asked row by row: what is told of one row's column says nothing about another row's.
#[test]
fn own_values_and_changed_keys_of_one_table_are_told_apart() {
    let seed = "CREATE TABLE t (id INTEGER PRIMARY KEY, n, at TEXT DEFAULT CURRENT_TIMESTAMP); INSERT INTO t (id, n) VALUES (1, 1), (2, 2), (3, 3);";
    for (own, expected) in [
        (
            "UPDATE t SET id = 12 WHERE id = 2; UPDATE t SET at = '2020-02-02' WHERE id = 3",
            ["UPDATE t SET id = 12 WHERE id = 2;", "UPDATE t SET at = '2020-02-02' WHERE id = 3;"],
        ),
        (
            "UPDATE t SET id = 50 WHERE id = 2; UPDATE t SET at = '2020-02-02' WHERE id = 50; UPDATE t SET id = 12 WHERE id = 50",
            ["id = 12", "'2020-02-02'"],
        ),
        (
            "DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (2, 22, '2020-02-02'); UPDATE t SET id = 12 WHERE id = 2",
            ["12", "'2020-02-02'"],
        ),
        (
            "REPLACE INTO t VALUES (2, 22, '2020-02-02'); UPDATE t SET id = 12 WHERE id = 2",
            ["12", "'2020-02-02'"],
        ),
    ] {
        let sql = beside(seed, own, &["CREATE TABLE z (a);"]);
        assert!(expected.iter().all(|text| sql.contains(text)), "{own}: {sql}");
        assert_eq!(sql.matches("'20").count(), 1, "the local clock's value is written: {own}: {sql}");
    }
}

const TRADE: &str =
    "UPDATE t SET id = 99 WHERE id = 1; UPDATE t SET id = 1 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 99";

/// Rows trade keys, not what the clock gave them on the real D1; whether or not any row points to them.
#[test]
fn rows_that_trade_keys_keep_what_the_clock_gave_them() {
    for theirs in ["CREATE TABLE z (a);", "UPDATE t SET n = n || '!' WHERE id = 3;"] {
        for seed in [SEVERAL, &SEVERAL.replace("INTEGER PRIMARY KEY", "INT PRIMARY KEY NOT NULL")] {
            let sql = beside(seed, TRADE, &[theirs]);
            assert!(sql.contains("SET id = 1") && sql.contains("SET id = 2"), "{theirs}: {sql}");
            assert!(!sql.contains("at =") && !sql.contains("n ="), "{theirs}: {sql}");
        }
    }
    let sql = beside(
        SEVERAL,
        "UPDATE t SET id = 4 WHERE id = 3; UPDATE t SET id = 3 WHERE id = 2",
        &["ALTER TABLE t RENAME COLUMN at TO made;"],
    );
    assert!(sql.ends_with("UPDATE t SET id = 4 WHERE id = 3;\nUPDATE t SET id = 3 WHERE id = 2;\n"), "{sql}");
}

#[test]
fn an_own_value_of_a_row_whose_key_changed_is_told_by_what_the_files_make_of_it() {
    let own = "UPDATE t SET at = '2020-02-02', id = 12 WHERE id = 2; UPDATE t SET id = 13 WHERE id = 3";
    for (theirs, expected) in [
        ("ALTER TABLE t RENAME COLUMN at TO made;", "SET id = 12, made = '2020-02-02' WHERE id = 2;"),
        (
            "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN at TO made;",
            "UPDATE u SET id = 12, made = '2020-02-02' WHERE id = 2;",
        ),
        (
            "CREATE TABLE new (made TEXT, id INTEGER PRIMARY KEY, n); INSERT INTO new SELECT at, id, n FROM t; DROP TABLE t; ALTER TABLE new RENAME TO t;",
            "SET made = '2020-02-02', id = 12 WHERE id = 2;",
        ),
        (
            "ALTER TABLE t ADD COLUMN year; UPDATE t SET year = substr(at, 1, 4);",
            "SET id = 12, at = '2020-02-02', year = '2020' WHERE id = 2;",
        ),
    ] {
        let sql = beside(SEVERAL, own, &[theirs]);
        assert!(sql.contains(expected), "{theirs}: {sql}");
        assert!(sql.contains("SET id = 13 WHERE id = 3;"), "{theirs}: {sql}");
    }
}

/// Children that only the real D1 has would hang on the wrong row.
#[test]
fn a_trade_of_keys_outlives_a_file_that_wrangler_runs() {
    let seed =
        format!("{SEVERAL} CREATE TABLE child (t REFERENCES t (id) ON UPDATE CASCADE ON DELETE CASCADE);");
    for seed in [SEVERAL, &seed] {
        let project = Scratch::guestbook().file("migrations/0001_t.sql", seed).followed();
        project.sql(TRADE);
        run_by_wrangler(&project, "0002_theirs.sql", "UPDATE t SET n = n || '!' WHERE id = 3");
        project.d1(["data", "-m", "own"]).success();
        let sql = project.read("0003_own.sql");
        assert!(sql.contains("SET id = 1") && sql.contains("SET id = 2") && !sql.contains("n ="), "{sql}");
        project.d1(["check"]).success();
    }
}

/// It is the file that traded them, on the real D1 too.
#[test]
fn keys_that_a_file_trades_which_wrangler_runs_are_not_traded_again() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
    run_by_wrangler(&project, "0002_theirs.sql", TRADE);
    project.sql("UPDATE t SET n = 'mine' WHERE id = 1");
    project.d1(["data", "-m", "own"]).success();
    let sql = project.read("0003_own.sql");
    assert!(sql.ends_with("TRUE;\nUPDATE t SET n = 'mine' WHERE id = 1;\n"), "{sql}");
}

/// Nothing of that hangs on what the cache remembers.
#[test]
fn what_was_written_is_settled_without_the_cache_too() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
    project.sql(TRADE);
    project.sql("UPDATE t SET id = 30 WHERE id = 3; UPDATE t SET id = 3 WHERE id = 30");
    project.d1(["data", "-m", "own"]).success();
    std::fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("it is there");
    project.d1(["check"]).success();
    // Without the file, its changes are pending again.
    std::fs::remove_file(project.root().join("migrations/0002_own.sql")).expect("it is there");
    project.d1(["check"]).code(1);
}

#[test]
fn a_trade_of_keys_is_pending_again_without_its_file() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
    project.sql(TRADE);
    project.d1(["data", "-m", "own"]).success();
    let written = project.read("0002_own.sql");
    std::fs::remove_file(project.root().join("migrations/0002_own.sql")).expect("it is there");
    project.d1(["data", "-m", "own"]).success();
    let statements = |sql: &str| sql.split_once("TRUE;").map(|(_, rest)| rest.to_owned());
    assert_eq!(statements(&project.read("0002_own.sql")), statements(&written));
    project.d1(["check"]).success();
}

#[test]
fn a_trade_of_keys_outlives_a_migration_of_another_table() {
    for forgets in [false, true] {
        let seed = format!(
            "{SEVERAL} CREATE TABLE other (id INTEGER PRIMARY KEY, n); INSERT INTO other VALUES (1, 1);"
        );
        let project = Scratch::guestbook().file("migrations/0001_t.sql", &seed).followed();
        project.sql(TRADE);
        project.sql("UPDATE other SET n = 2");
        project.d1(["data", "-m", "other", "--tables", "other"]).success();
        if forgets {
            std::fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("it is there");
        }
        project.d1(["data", "-m", "own"]).success();
        let sql = project.read("0003_own.sql");
        assert!(sql.contains("SET id = 1") && !sql.contains("at =") && !sql.contains("n ="), "{sql}");
    }
}

#[test]
fn keys_that_a_file_traded_are_not_traded_again_under_another_name() {
    for (rename, expected) in [
        ("ALTER TABLE t RENAME TO u;", "UPDATE u SET n = 'mine' WHERE id = 1;"),
        ("ALTER TABLE t RENAME COLUMN id TO k;", "UPDATE t SET n = 'mine' WHERE k = 1;"),
    ] {
        let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
        run_by_wrangler(&project, "0002_theirs.sql", TRADE);
        project.write("migrations/0003_rename.sql", &format!("{rename}\n"));
        project.d1(["apply"]).success();
        project.sql(&expected.replace(';', ""));
        project.d1(["data", "-m", "own"]).success();
        let sql = project.read("0004_own.sql");
        assert!(sql.ends_with(&format!("TRUE;\n{expected}\n")), "{sql}");
    }
}

#[test]
fn an_own_value_that_a_file_copies_into_a_row_whose_key_changed_is_an_own_one_there() {
    let trade = "UPDATE t SET id = 99 WHERE id = 1; UPDATE t SET id = 1 WHERE id = 3; UPDATE t SET id = 3 WHERE id = 99";
    let sql = beside(
        SEVERAL,
        &format!("{trade}; UPDATE t SET at = '2020-02-02' WHERE id = 2"),
        &["UPDATE t SET at = (SELECT at FROM t WHERE id = 2) WHERE id = 3;"],
    );
    assert_eq!(sql.matches("at = '2020-02-02'").count(), 2, "{sql}");
}
