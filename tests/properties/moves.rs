//! Rows whose key changes, under children that follow them.

use crate::regressions::play;

#[test]
fn parents_without_rowid_change_places_under_their_children() {
    play(&[
        &[
            "CREATE TABLE p(a TEXT COLLATE NOCASE, b INTEGER, v, PRIMARY KEY (a, b)) WITHOUT ROWID",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, a, b, FOREIGN KEY (a, b) REFERENCES p ON UPDATE CASCADE ON DELETE CASCADE)",
            "CREATE TABLE log(id INTEGER PRIMARY KEY, b)",
            "CREATE TRIGGER tr AFTER UPDATE ON c BEGIN INSERT INTO log(b) VALUES (NEW.b); END",
            "INSERT INTO p VALUES ('x', 1, 'X1'), ('x', 2, 'X2'), ('y', 1, 'Y1')",
            "INSERT INTO c VALUES (1, 'x', 1), (2, 'X', 2)",
        ],
        &[
            "UPDATE p SET b = 9 WHERE a = 'x' AND b = 1",
            "UPDATE p SET b = 1 WHERE a = 'X' AND b = 2",
            "UPDATE p SET b = 2 WHERE b = 9",
            "UPDATE p SET a = 'Y' WHERE a = 'y'",
        ],
        &["UPDATE p SET a = 'Z', v = 'ZZ' WHERE a = 'y'", "UPDATE p SET a = 'X' WHERE a = 'x'"],
    ]);
}

#[test]
fn a_row_that_points_to_its_own_table_takes_the_key_of_a_deleted_one() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, p TEXT REFERENCES t(id) ON UPDATE CASCADE ON DELETE CASCADE) WITHOUT ROWID",
            "INSERT INTO t VALUES ('a', NULL), ('b', 'a'), ('c', 'b'), ('d', 'd')",
        ],
        &[
            "DELETE FROM t WHERE id = 'c'",
            "UPDATE t SET id = 'c' WHERE id = 'a'",
            "UPDATE t SET id = 'e' WHERE id = 'd'",
        ],
    ]);
}
