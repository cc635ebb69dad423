//! A row is named by its declared key: its hidden rowid is another one on the real D1, whose own users add rows too.

use rusqlite::Connection;

use crate::support::project::Scratch;

/// Each round is a migration; before the second one the real D1 gets a row of its own, whose rowid the next local row has here.
/// Gives all its keys in the end.
fn keys_after(table: &str, rounds: &[&str]) -> String {
    let project = Scratch::with_schema(table);
    project.d1([]).success();
    let remote = Connection::open_in_memory().expect("memory");
    remote.execute_batch(&project.read("0001_initial_migration.sql")).expect("the first migration runs");
    remote.execute_batch("INSERT INTO t (k) VALUES ('theirs')").expect("a row");
    for (number, round) in (2..).zip(rounds) {
        project.sql(round);
        project.d1(["data", "-m", "round"]).success();
        project.assert_replay_agrees();
        let sql = project.read(&format!("{number:04}_round.sql"));
        remote.execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;")).unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }
    let keys = "SELECT group_concat(k || coalesce(v, ''), ' ') FROM (SELECT k, v FROM t ORDER BY k)";
    remote.query_row(keys, (), |row| row.get(0)).expect("keys")
}

const TABLE: &str = "CREATE TABLE t (k TEXT PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES ('a', 1), ('b', 2);";

#[test]
fn when_its_key_changes() {
    let rounds = ["INSERT INTO t VALUES ('c', 3)", "UPDATE t SET k = 'd' WHERE k = 'c'"];
    assert_eq!(keys_after(TABLE, &rounds), "a1 b2 d3 theirs");
}

#[test]
fn when_it_changes_places_with_another() {
    let swap = "UPDATE t SET v = 0 WHERE k = 'c'; UPDATE t SET v = 3 WHERE k = 'a'; UPDATE t SET v = 1 WHERE k = 'c'";
    assert_eq!(keys_after(TABLE, &["INSERT INTO t VALUES ('c', 3)", swap]), "a3 b2 c1 theirs");
}

#[test]
fn when_it_lets_go_of_a_row_of_its_own_table() {
    let table =
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT REFERENCES t (k) ON DELETE RESTRICT ON UPDATE CASCADE);
                 INSERT INTO t VALUES ('a', NULL);";
    let rounds = [
        "INSERT INTO t VALUES ('c', NULL), ('d', NULL); UPDATE t SET v = 'd' WHERE k = 'c'",
        "UPDATE t SET v = 'a' WHERE k = 'c'; DELETE FROM t WHERE k = 'd'",
        "INSERT INTO t VALUES ('e', 'c'); UPDATE t SET k = 'f' WHERE k = 'c'",
        "DELETE FROM t WHERE k = 'e'; DELETE FROM t WHERE k = 'f'",
    ];
    assert_eq!(keys_after(table, &rounds), "a theirs");
}

#[test]
fn when_columns_hide_all_names_of_its_rowid() {
    let table = "CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, v UNIQUE, rowid, oid, _rowid_); INSERT INTO t (k, v) VALUES ('a', 1), ('b', 2);";
    let rounds = [
        "INSERT INTO t (k, v) VALUES ('c', 3)",
        "UPDATE t SET v = 0 WHERE k = 'c'; UPDATE t SET v = 3 WHERE k = 'a'; UPDATE t SET v = 1 WHERE k = 'c'",
        "INSERT OR REPLACE INTO t (k, v) VALUES ('d', 2); UPDATE t SET k = 'e' WHERE k = 'a'",
        "REPLACE INTO t (k, v, rowid) VALUES ('e', 4, 5); DELETE FROM t WHERE k = 'c'",
    ];
    assert_eq!(keys_after(table, &rounds), "d2 e4 theirs");
}

#[test]
fn when_nothing_but_its_rowid_names_it() {
    for table in ["CREATE TABLE t (k, v);", "CREATE TABLE t (k TEXT, v, n PRIMARY KEY);"] {
        let rounds = [
            "INSERT INTO t (k, v) VALUES ('c', 3)",
            "UPDATE t SET v = 4 WHERE k = 'c'",
            "DELETE FROM t WHERE k = 'c'",
        ];
        // There the migrations find no row like the one that is meant, and leave it as it came.
        assert_eq!(keys_after(table, &rounds), "c3 theirs", "{table}");
    }
}

#[test]
fn in_a_table_without_a_primary_key_that_points_to_itself_or_to_one_that_points_back() {
    let circle = "CREATE TABLE other (k TEXT UNIQUE, r TEXT REFERENCES t (k));
                  CREATE TABLE t (k TEXT UNIQUE, v TEXT, r TEXT REFERENCES other (k)); INSERT INTO t (k) VALUES ('a');";
    let itself =
        "CREATE TABLE t (k TEXT NOT NULL UNIQUE, v TEXT REFERENCES t (k)); INSERT INTO t VALUES ('a', NULL);";
    for table in [circle, itself] {
        // The row of the second round has here the rowid that D1 gave to its own one: it is left as it is there, and so is that.
        for change in [
            "DELETE FROM t WHERE k = 'b'",
            "UPDATE t SET k = 'c' WHERE k = 'b'",
            "UPDATE t SET v = 'a' WHERE k = 'b'",
        ] {
            let after = keys_after(table, &["INSERT INTO t (k) VALUES ('b')", change]);
            assert_eq!(after, "a b theirs", "{change}\n{table}");
        }
    }
}
