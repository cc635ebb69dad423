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

#[test]
fn two_rows_of_which_each_has_one_child_in_its_own_table_trade_their_keys() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, p INTEGER UNIQUE REFERENCES t(id) ON DELETE RESTRICT ON UPDATE CASCADE)",
            "INSERT INTO t VALUES (0, NULL), (1, 0)",
        ],
        &[
            "UPDATE t SET p = 1 WHERE id = 0",
            "UPDATE t SET id = 4711 WHERE id = 0",
            "UPDATE t SET id = 0 WHERE id = 1",
            "UPDATE t SET id = 1 WHERE id = 4711",
        ],
    ]);
}

#[test]
fn the_key_of_a_row_changes_under_which_other_rows_stand_that_change_too() {
    play(&[
        &[
            "CREATE TABLE p(id INTEGER PRIMARY KEY, slug TEXT UNIQUE, v)",
            "CREATE TABLE c(id TEXT PRIMARY KEY, slug TEXT UNIQUE REFERENCES p(slug) ON UPDATE CASCADE ON DELETE CASCADE)",
            "CREATE TABLE g(id INTEGER PRIMARY KEY, c REFERENCES c(id) ON UPDATE CASCADE ON DELETE SET NULL, UNIQUE (c, id))",
            "INSERT INTO p VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
            "INSERT INTO c VALUES ('x', 'a'), ('y', 'b'), ('z', NULL)",
            "INSERT INTO g VALUES (1, 'x'), (2, 'x'), (3, 'y'), (4, 'z')",
        ],
        &[
            "UPDATE p SET slug = 'd' WHERE id = 1",
            "UPDATE p SET slug = 'a', v = 4 WHERE id = 2",
            "UPDATE p SET slug = 'b' WHERE id = 1",
            "UPDATE c SET id = 'w' WHERE id = 'x'",
            "UPDATE c SET id = 'x' WHERE id = 'z'",
            "UPDATE c SET slug = 'c' WHERE id = 'x'",
            "UPDATE g SET c = 'x' WHERE id = 1",
            "DELETE FROM c WHERE id = 'y'",
            "INSERT INTO c VALUES ('y', 'a')",
        ],
    ]);
}

#[test]
fn a_key_that_is_checked_against_another_column_changes_with_it() {
    play(&[
        &[
            "CREATE TABLE p(id INTEGER PRIMARY KEY, twice INTEGER CHECK (twice = 2 * id))",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER UNIQUE REFERENCES p(id) ON UPDATE CASCADE)",
            "INSERT INTO p VALUES (1, 2), (2, 4)",
            "INSERT INTO c VALUES (1, 1), (2, 2)",
        ],
        &["UPDATE p SET id = 3, twice = 6 WHERE id = 1"],
        &[
            "UPDATE p SET id = 4, twice = 8 WHERE id = 2",
            "UPDATE p SET id = 2, twice = 4 WHERE id = 3",
            "UPDATE p SET id = 3, twice = 6 WHERE id = 4",
        ],
    ]);
}

#[test]
fn rows_trade_keys_where_a_row_that_goes_would_follow_into_the_unique_value_of_another() {
    for key in
        ["id TEXT PRIMARY KEY", "n INTEGER PRIMARY KEY, id TEXT UNIQUE", "id BLOB NOT NULL PRIMARY KEY"]
    {
        for rest in ["", "NOT NULL "] {
            play(&[
                &[
                    &format!(
                        "CREATE TABLE t({key}, v, r TEXT {rest}UNIQUE REFERENCES t(id) ON UPDATE CASCADE)"
                    ),
                    "CREATE TABLE c(f REFERENCES t(id) ON UPDATE SET NULL)",
                    "INSERT INTO t(id, v, r) VALUES ('z', 9, 'z'), ('a', 0, 'b'), ('A', 1, 'a'), ('b', 2, 'A')",
                ],
                &[
                    "INSERT OR REPLACE INTO t(id, v, r) VALUES ('a', 0, 'A')",
                    "UPDATE t SET id = 'aside' WHERE id = 'A'",
                    "UPDATE t SET id = 'A' WHERE id = 'a'",
                    "UPDATE t SET id = 'a' WHERE id = 'aside'",
                ],
            ]);
        }
    }
}

#[test]
fn rows_that_share_a_part_of_their_key_with_their_parent_change_before_it() {
    for rest in ["", " WITHOUT ROWID"] {
        let table = format!(
            "CREATE TABLE t(o TEXT, n INTEGER, un INTEGER, PRIMARY KEY (o, n), FOREIGN KEY (o, un) REFERENCES t ON UPDATE CASCADE){rest}"
        );
        play(&[
            &[&table, "INSERT INTO t VALUES ('k1', 2, NULL), ('k1', 5, 2)"],
            &[
                "UPDATE t SET n = 10 WHERE n = 5",
                "UPDATE t SET o = 'k12' WHERE n = 2",
                "UPDATE t SET n = 5 WHERE n = 2",
            ],
        ]);
    }
}

#[test]
fn rows_trade_keys_where_no_row_of_a_circle_can_go_before_the_one_it_would_follow() {
    play(&[
        &[
            "CREATE TABLE t(o INTEGER, id TEXT, r TEXT NOT NULL, v, PRIMARY KEY (o, id), UNIQUE (o, r), FOREIGN KEY (o, r) REFERENCES t ON UPDATE CASCADE) WITHOUT ROWID",
            "INSERT INTO t(id, o, r, v) VALUES ('b', 2, 'A', 0), ('a', 2, 'b', 2), ('A', 2, 'a', 4)",
        ],
        &[
            "UPDATE t SET id = 'park' WHERE id = 'a'",
            "UPDATE t SET id = 'a' WHERE id = 'b'",
            "UPDATE t SET id = 'b' WHERE id = 'park'",
        ],
    ]);
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, o TEXT UNIQUE REFERENCES t(id) ON UPDATE CASCADE, r TEXT NOT NULL UNIQUE REFERENCES t(o) ON UPDATE CASCADE, v)",
            "INSERT INTO t VALUES ('d', 'a', 'a', 0), ('a', 'c', 'c', 2), ('c', 'd', 'd', 3)",
        ],
        &["UPDATE t SET id = 'park' WHERE id = 'c'", "UPDATE t SET id = 'c' WHERE id = 'a'"],
    ]);
}

#[test]
fn columns_have_the_names_that_the_list_of_differences_uses() {
    play(&[
        &[
            "CREATE TABLE p(id TEXT PRIMARY KEY, l1 TEXT UNIQUE, s1 TEXT, l2, s2)",
            "INSERT INTO p VALUES ('a', 'A', 'S', 1, 2), ('b', 'B', 'T', 1, 2)",
        ],
        &["UPDATE p SET l1 = 'C', s1 = 'U' WHERE id = 'a'", "INSERT INTO p(id, l1) VALUES ('c', 'A')"],
        &["DELETE FROM p WHERE l1 = 'A'", "UPDATE p SET l2 = s1"],
    ]);
}

#[test]
fn rows_let_go_of_their_own_table_by_a_column_that_takes_none_along() {
    let table = |actions: &str| {
        format!(
            "CREATE TABLE t(o INTEGER, id TEXT, r TEXT NOT NULL, PRIMARY KEY (o, id), UNIQUE (o, r), FOREIGN KEY (o, r) REFERENCES t {actions})"
        )
    };
    play(&[
        &[
            &table("ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"),
            "INSERT INTO t VALUES (2, 'a', 'A'), (2, 'A', 'a')",
        ],
        &[
            "BEGIN",
            "UPDATE t SET r = 'park' WHERE r = 'a'",
            "UPDATE t SET r = 'a' WHERE r = 'A'",
            "UPDATE t SET r = 'A' WHERE r = 'park'",
            "COMMIT",
        ],
    ]);
    play(&[
        &[
            &table("ON UPDATE SET NULL ON DELETE CASCADE"),
            "INSERT INTO t VALUES (2, 'a', 'A'), (2, 'c', 'a'), (2, 'A', 'c')",
        ],
        &["DELETE FROM t WHERE o = 2"],
    ]);
}

#[test]
fn two_unique_columns_of_which_one_follows_the_other_hold_other_values_while_they_let_go() {
    for kind in ["TEXT", "INTEGER", "REAL", ""] {
        let table = format!(
            "CREATE TABLE t(id {kind} PRIMARY KEY, o {kind} UNIQUE REFERENCES t(id) ON UPDATE CASCADE ON DELETE CASCADE, r {kind} NOT NULL UNIQUE REFERENCES t(o) ON UPDATE CASCADE)"
        );
        play(&[
            &[&table, "INSERT INTO t VALUES (1, 2, 3), (2, 3, 2), (3, 1, 1)"],
            &["DELETE FROM t WHERE r = 2"],
        ]);
    }
}
