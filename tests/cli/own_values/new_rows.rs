//! Of rows that came here, and that a file may have put in, too.

use super::{SEVERAL, beside, run_by_wrangler};
use crate::support::project::Scratch;

/// The number that both took: the colleague's row stays what it is, with its children.
#[test]
fn a_new_row_that_made_room_for_a_colleagues_is_still_a_new_one() {
    for key in ["INTEGER PRIMARY KEY", "TEXT PRIMARY KEY", "INT NOT NULL PRIMARY KEY"] {
        for options in ["", " WITHOUT ROWID"] {
            let seed = format!(
                "CREATE TABLE t (id {key}, n, at TEXT DEFAULT CURRENT_TIMESTAMP){options}; INSERT INTO t (id, n) VALUES (1, 'a');"
            );
            let project = Scratch::guestbook().file("migrations/0001_t.sql", &seed).followed();
            project.sql("INSERT INTO t VALUES (5, 'mine', '2020-02-02')");
            project.write("migrations/0002_theirs.sql", "INSERT INTO t (id, n) VALUES (5, 'theirs');\n");
            project.d1(["apply"]).code(2).stderr_has("UNIQUE");
            project.sql("UPDATE t SET id = 6 WHERE id = 5");
            project.d1(["apply"]).success();
            project.d1(["data", "-m", "own"]).success();
            let sql = project.read("0003_own.sql");
            assert!(sql.contains("'mine', '2020-02-02')"), "{seed}: {sql}");
            assert!(!sql.contains("SET id") && !sql.contains("theirs"), "{seed}: {sql}");
        }
    }
}

/// What was traced to them, a file took.
#[test]
fn rows_that_a_file_puts_in_anew_are_not_taken_for_moved_ones() {
    let sql = beside(
        SEVERAL,
        "UPDATE t SET id = 9 WHERE id = 1; INSERT INTO t VALUES (20, 'mine', '2020-02-02')",
        &["DELETE FROM t WHERE id < 20; INSERT INTO t (id, n) VALUES (1, 's1'), (2, 's2');"],
    );
    assert!(!sql.contains("WHERE id = 1;") && sql.contains("(20, 'mine', '2020-02-02')"), "{sql}");
}

#[test]
fn an_own_value_in_a_new_row_stays_where_the_row_that_had_its_key_is_gone() {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", SEVERAL).followed();
    project.sql("REPLACE INTO t VALUES (2, 'mine', '2020-02-02')");
    run_by_wrangler(&project, "0002_theirs.sql", "UPDATE t SET n = 7 WHERE id = 1");
    project.sql("UPDATE t SET id = 99 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 3; UPDATE t SET id = 3 WHERE id = 99");
    project.write("migrations/0003_theirs.sql", "UPDATE t SET id = 5 WHERE id = 2;\n");
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "own"]).success();
    let sql = project.read("0004_own.sql");
    assert!(sql.contains("UPDATE t SET n = 'mine', at = '2020-02-02' WHERE id = 3;"), "{sql}");
}

/// Children that only the real D1 has would go.
#[test]
fn a_row_that_a_file_adopted_is_not_a_new_one() {
    for key in ["INTEGER PRIMARY KEY", "TEXT PRIMARY KEY", "INT NOT NULL PRIMARY KEY"] {
        let seed = format!(
            "CREATE TABLE t (id {key}, n); INSERT INTO t VALUES (1, 'a');
             CREATE TABLE c (t REFERENCES t ON UPDATE CASCADE ON DELETE CASCADE);"
        );
        let project = Scratch::guestbook().file("migrations/0001_t.sql", &seed).followed();
        project.sql("INSERT INTO t (id, n) VALUES (7, 'mine')");
        project.write(
            "migrations/0002_theirs.sql",
            "INSERT INTO t (id, n) VALUES (7, 'theirs') ON CONFLICT (id) DO UPDATE SET n = 'theirs';\n",
        );
        project.d1(["apply"]).success();
        project.sql("UPDATE t SET id = 8 WHERE id = 7");
        project.d1(["data", "-m", "own"]).success();
        let sql = project.read("0003_own.sql");
        assert!(sql.contains("UPDATE t SET id = ") && !sql.contains("DELETE"), "{key}: {sql}");
    }
}

/// Nor is it for a file of another table to decide that.
#[test]
fn a_row_that_was_replaced_is_not_a_new_one() {
    for moves_first in [false, true] {
        let seed = "CREATE TABLE t (id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 'a');
             CREATE TABLE other (n); INSERT INTO other VALUES (1);
             CREATE TABLE c (t REFERENCES t ON UPDATE CASCADE ON DELETE CASCADE);";
        let project = Scratch::guestbook().file("migrations/0001_t.sql", seed).followed();
        let moves = || project.sql("UPDATE t SET id = 8 WHERE id = 1");
        project.sql("REPLACE INTO t VALUES (1, 'new')");
        if moves_first {
            moves();
        }
        project.write("migrations/0002_theirs.sql", "UPDATE other SET n = 2;\n");
        project.d1(["apply"]).success();
        if !moves_first {
            moves();
        }
        project.d1(["data", "-m", "own"]).success();
        let sql = project.read("0003_own.sql");
        assert!(sql.contains("UPDATE t SET id = 8 WHERE id = 1;") && !sql.contains("DELETE"), "{sql}");
    }
}
