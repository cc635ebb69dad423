//! Every failure that the property ever found, as the script that it was shrunk to.

use crate::history::{History, Result};

/// Each part of a script ends with a run of the pipeline and everything that must hold after it.
pub(crate) fn play(parts: &[&[&str]]) {
    let play = || -> Result {
        let mut history = History::new();
        for part in parts {
            history.all(part)?;
            history.pipeline()?;
        }
        Ok(())
    };
    play().unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn a_replace_through_another_unique_column_is_followed() {
    play(&[
        &["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"],
        &["UPDATE OR REPLACE t SET a = 'b' WHERE id = 1", "INSERT INTO t(a) VALUES ('c')"],
    ]);
}

#[test]
fn a_long_unique_value_comes_while_another_row_holds_empty_text() {
    play(&[
        &["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE)", "INSERT INTO t VALUES (1, '')"],
        &["INSERT INTO t VALUES (2, replace(hex(zeroblob(60000)), '0', 'x'))"],
    ]);
}

#[test]
fn two_long_unique_values_come_at_once() {
    play(&[
        &["CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b BLOB UNIQUE)"],
        &[
            "INSERT INTO t VALUES (1, replace(hex(zeroblob(60000)), '0', 'x'), zeroblob(120000))",
            "INSERT INTO t VALUES (2, replace(hex(zeroblob(60000)), '0', 'y'), zeroblob(120001))",
        ],
    ]);
}

#[test]
fn a_key_of_a_table_without_rowid_holds_invalid_utf_8() {
    play(&[
        &["CREATE TABLE t(id TEXT PRIMARY KEY) WITHOUT ROWID"],
        &["INSERT INTO t VALUES (CAST(X'FFFE41' AS TEXT))"],
        &["DELETE FROM t"],
    ]);
}

#[test]
fn a_unique_value_with_invalid_utf_8_is_taken_over() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE)",
            "INSERT INTO t VALUES (1, CAST(X'FFFE41' AS TEXT))",
        ],
        &["INSERT OR REPLACE INTO t VALUES (2, CAST(X'FFFE41' AS TEXT))"],
    ]);
}

#[test]
fn a_key_of_a_table_without_rowid_is_longer_than_a_statement() {
    play(&[
        &["CREATE TABLE t(id TEXT PRIMARY KEY) WITHOUT ROWID"],
        &["INSERT INTO t VALUES (replace(hex(zeroblob(60000)), '0', 'x'))"],
        &["DELETE FROM t"],
    ]);
}

#[test]
fn a_row_whose_declared_key_is_longer_than_a_statement_goes() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY)",
            "INSERT INTO t VALUES (replace(hex(zeroblob(60000)), '0', 'x'))",
        ],
        &["DELETE FROM t"],
    ]);
}

#[test]
fn a_row_whose_declared_key_is_longer_than_a_statement_changes() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, a)",
            "INSERT INTO t VALUES (replace(hex(zeroblob(60000)), '0', 'x'), 1)",
        ],
        &["UPDATE t SET a = 2"],
    ]);
}

#[test]
fn two_rows_swap_what_an_expression_makes_unique() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)",
            "CREATE UNIQUE INDEX i ON t(lower(a))",
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        ],
        &[
            "UPDATE t SET a = 'x' WHERE id = 1",
            "UPDATE t SET a = 'a' WHERE id = 2",
            "UPDATE t SET a = 'b' WHERE id = 1",
        ],
    ]);
}

#[test]
fn a_value_that_an_expression_makes_unique_moves_on() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)",
            "CREATE UNIQUE INDEX i ON t(lower(a))",
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        ],
        &["UPDATE t SET a = 'c' WHERE id = 2", "UPDATE t SET a = 'b' WHERE id = 1"],
    ]);
}

#[test]
fn two_rows_swap_what_is_unique_in_a_part_of_the_table() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b)",
            "CREATE UNIQUE INDEX i ON t(a) WHERE b IS NOT NULL",
            "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 1)",
        ],
        &[
            "UPDATE t SET a = 'x' WHERE id = 1",
            "UPDATE t SET a = 'a' WHERE id = 2",
            "UPDATE t SET a = 'b' WHERE id = 1",
        ],
    ]);
}

#[test]
fn a_row_enters_the_part_of_a_table_where_another_one_was_unique() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b)",
            "CREATE UNIQUE INDEX i ON t(a) WHERE b IS NOT NULL",
            "INSERT INTO t VALUES (1, 'a', NULL), (2, 'a', 1)",
        ],
        &["UPDATE t SET b = NULL WHERE id = 2", "UPDATE t SET b = 1 WHERE id = 1"],
    ]);
}

#[test]
fn a_long_value_comes_into_a_table_whose_rows_have_no_name() {
    play(&[
        &["CREATE TABLE t(rowid, oid, _rowid_)"],
        &["INSERT INTO t VALUES (replace(hex(zeroblob(60000)), '0', 'x'), 1, 2)"],
    ]);
}

#[test]
fn a_trigger_that_might_count_leaves_a_counter_at_zero() {
    play(&[
        &[
            "CREATE TABLE parent(id INTEGER NOT NULL PRIMARY KEY ON CONFLICT REPLACE)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, p REFERENCES parent(id) ON DELETE SET NULL)",
            "CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)",
            "CREATE TRIGGER tr AFTER UPDATE ON child BEGIN INSERT INTO audit(what) VALUES ('x'); END",
        ],
        &["INSERT INTO parent DEFAULT VALUES"],
    ]);
}

#[test]
fn children_keep_their_parents_when_those_swap_another_unique_value() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, u INTEGER UNIQUE)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, p TEXT REFERENCES t(id) ON UPDATE SET NULL)",
            "INSERT INTO t VALUES ('a', 1), ('b', 2)",
            "INSERT INTO child VALUES (1, 'a'), (2, 'b')",
        ],
        &[
            "UPDATE t SET u = 0 WHERE id = 'a'",
            "UPDATE t SET u = 1 WHERE id = 'b'",
            "UPDATE t SET u = 2 WHERE id = 'a'",
        ],
    ]);
}

#[test]
fn rows_that_restrict_the_key_of_their_parents_let_those_swap_another_unique_value() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, u INTEGER UNIQUE)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, p TEXT REFERENCES t(id) ON UPDATE RESTRICT)",
            "INSERT INTO t VALUES ('a', 1), ('b', 2)",
            "INSERT INTO child VALUES (1, 'a'), (2, 'b')",
        ],
        &[
            "UPDATE t SET u = 0 WHERE id = 'a'",
            "UPDATE t SET u = 1 WHERE id = 'b'",
            "UPDATE t SET u = 2 WHERE id = 'a'",
        ],
    ]);
}

#[test]
fn a_trigger_of_a_child_stays_silent_when_its_parents_swap_another_unique_value() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, u INTEGER UNIQUE)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, p TEXT REFERENCES t(id) ON UPDATE CASCADE)",
            "CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)",
            "CREATE TRIGGER tr AFTER UPDATE ON child BEGIN INSERT INTO audit(what) VALUES (NEW.p); END",
            "INSERT INTO t VALUES ('a', 1), ('b', 2)",
            "INSERT INTO child VALUES (1, 'a'), (2, 'b')",
        ],
        &[
            "UPDATE t SET u = 0 WHERE id = 'a'",
            "UPDATE t SET u = 1 WHERE id = 'b'",
            "UPDATE t SET u = 2 WHERE id = 'a'",
        ],
    ]);
}

#[test]
fn two_rows_swap_a_rowid_and_a_key_apart() {
    play(&[
        &[
            "CREATE TABLE t(id TEXT PRIMARY KEY, u INTEGER NOT NULL UNIQUE CHECK (u < 10)) ",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, p INTEGER REFERENCES t(u) ON UPDATE SET NULL)",
            "INSERT INTO t VALUES ('a', 1), ('b', 2)",
            "INSERT INTO child VALUES (1, 1), (2, 2)",
        ],
        &[
            "UPDATE t SET rowid = 9 WHERE id = 'a'",
            "UPDATE t SET rowid = 1 WHERE id = 'b'",
            "UPDATE t SET rowid = 2 WHERE id = 'a'",
        ],
    ]);
}

#[test]
fn children_go_before_the_parents_that_would_set_them_null() {
    play(&[
        &[
            "CREATE TABLE t(a INTEGER, b TEXT COLLATE NOCASE, r INTEGER NOT NULL DEFAULT 1, s TEXT, PRIMARY KEY (b, a),
             FOREIGN KEY (r, s) REFERENCES t(a, b) ON DELETE SET NULL) WITHOUT ROWID",
            "INSERT INTO t VALUES (0, 'a', 0, 'a'), (1, 'A', 0, 'a')",
        ],
        &["PRAGMA foreign_keys=OFF", "DELETE FROM t", "PRAGMA foreign_keys=ON"],
    ]);
}

#[test]
fn a_child_moves_away_before_its_parent_in_the_same_table_goes() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, p INTEGER UNIQUE REFERENCES t(id) ON DELETE RESTRICT)",
            "INSERT INTO t VALUES (1, NULL), (2, 1), (3, 2), (4, NULL)",
        ],
        &["UPDATE t SET p = 4 WHERE id = 3", "DELETE FROM t WHERE id = 2", "DELETE FROM t WHERE id = 1"],
    ]);
}

#[test]
fn two_tables_that_point_to_each_other_are_emptied() {
    play(&[
        &[
            "CREATE TABLE a(id INTEGER PRIMARY KEY, b INTEGER NOT NULL REFERENCES b(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED)",
            "BEGIN",
            "INSERT INTO a VALUES (1, 2), (2, 1)",
            "INSERT INTO b VALUES (1, 2), (2, 1)",
            "COMMIT",
        ],
        &["PRAGMA foreign_keys=OFF", "DELETE FROM a", "DELETE FROM b", "PRAGMA foreign_keys=ON"],
    ]);
}

#[test]
fn no_trigger_sees_a_row_being_made_loose() {
    play(&[
        &[
            "CREATE TABLE n(tbl TEXT PRIMARY KEY, n INTEGER NOT NULL)",
            "CREATE TABLE a(id INTEGER PRIMARY KEY, b INTEGER REFERENCES b(id))",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id))",
            "CREATE TRIGGER ta AFTER UPDATE ON a BEGIN INSERT INTO n VALUES ('a', 1) ON CONFLICT DO UPDATE SET n = n + 1; END",
            "CREATE TRIGGER tb AFTER UPDATE ON b BEGIN INSERT INTO n VALUES ('b', 1) ON CONFLICT DO UPDATE SET n = n + 1; END",
            "INSERT INTO a VALUES (1, NULL)",
            "INSERT INTO b VALUES (1, 1)",
            "UPDATE a SET b = 1",
        ],
        &["PRAGMA foreign_keys=OFF", "DELETE FROM a", "DELETE FROM b", "PRAGMA foreign_keys=ON"],
    ]);
}

#[test]
fn a_child_that_an_action_took_along_is_put_back() {
    play(&[
        &[
            "CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, pcode REFERENCES parent(code) ON UPDATE CASCADE)",
            "INSERT INTO parent VALUES (1, 'A')",
            "INSERT INTO child VALUES (1, 'A')",
        ],
        &[
            "UPDATE parent SET code = 'B' WHERE id = 1",
            "INSERT INTO parent VALUES (2, 'A')",
            "UPDATE child SET pcode = 'A'",
        ],
    ]);
}

#[test]
fn the_active_row_changes_where_only_one_may_be() {
    play(&[
        &[
            "CREATE TABLE t(a, b, act, PRIMARY KEY (a, b)) WITHOUT ROWID",
            "CREATE UNIQUE INDEX i ON t(a) WHERE act = 1",
            "INSERT INTO t VALUES (1, 1, 1), (1, 2, 0)",
        ],
        &["UPDATE t SET act = 0 WHERE b = 1", "UPDATE t SET act = 1 WHERE b = 2"],
    ]);
}

#[test]
fn replaced_rows_and_new_ones_get_their_hidden_rowids_in_turn() {
    play(&[
        &[
            "CREATE TABLE t(k TEXT PRIMARY KEY, v, UNIQUE (v))",
            "INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)",
        ],
        &[
            "INSERT INTO t VALUES ('d', 4)",
            "INSERT OR REPLACE INTO t VALUES ('b', 20)",
            "INSERT INTO t VALUES ('e', 5)",
            "INSERT OR REPLACE INTO t VALUES ('a', 2)",
        ],
        &[
            "INSERT OR REPLACE INTO t VALUES ('c', 3)",
            "DELETE FROM t WHERE k = 'd'",
            "INSERT INTO t VALUES (NULL, 7)",
        ],
    ]);
}

#[test]
fn a_broken_trigger_that_an_insert_would_compile_is_no_obstacle() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER NOT NULL PRIMARY KEY ON CONFLICT REPLACE)",
            "CREATE TABLE n(tbl TEXT PRIMARY KEY, n INTEGER NOT NULL)",
            "CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO n VALUES ('t', 1); END",
            "ALTER TABLE n ADD COLUMN added",
        ],
        &["INSERT INTO t VALUES (0) ON CONFLICT (id) DO NOTHING"],
    ]);
}

#[test]
fn two_pairs_of_rows_swap_unique_reals_beside_a_generated_column() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, r REAL UNIQUE, g INTEGER AS (typeof(r)) VIRTUAL)",
            "INSERT INTO t(id, r) VALUES (0, 0.5), (1, 1.5), (2, 2.5), (3, 3.5)",
        ],
        &[
            "UPDATE t SET id = 4711 WHERE id = 2",
            "UPDATE t SET id = 2 WHERE id = 3",
            "UPDATE t SET id = 3 WHERE id = 4711",
            "UPDATE t SET id = 4711 WHERE id = 0",
            "UPDATE t SET id = 0 WHERE id = 1",
            "UPDATE t SET id = 1 WHERE id = 4711",
        ],
    ]);
}

#[test]
fn a_strict_generated_column_takes_what_a_row_holds_while_it_steps_aside() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a ANY UNIQUE, g INTEGER AS (coalesce(a, 'nothing')) STORED, b INTEGER UNIQUE) STRICT",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, t INTEGER REFERENCES t(id) ON UPDATE CASCADE ON DELETE CASCADE)",
            "INSERT INTO t(id, a, b) VALUES (0, 0, 0), (1, 1, 1)",
            "INSERT INTO c VALUES (1, 0), (2, 1)",
        ],
        &[
            "UPDATE t SET a = -1 WHERE id = 0",
            "UPDATE t SET a = 0 WHERE id = 1",
            "UPDATE t SET a = 1 WHERE id = 0",
        ],
    ]);
}

#[test]
fn a_row_is_replaced_by_its_own_child_and_takes_it_along() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, p INTEGER REFERENCES t(id) ON DELETE CASCADE)",
            "CREATE TABLE a(id INTEGER PRIMARY KEY)",
            "CREATE TABLE b(id INTEGER PRIMARY KEY, a REFERENCES a(id) ON DELETE CASCADE)",
            "CREATE TRIGGER tr AFTER DELETE ON b BEGIN DELETE FROM a WHERE id = OLD.id; END",
            "INSERT INTO t VALUES (7, 7)",
            "INSERT INTO a VALUES (7), (8)",
            "INSERT INTO b VALUES (8, 7)",
        ],
        &[
            "INSERT INTO t VALUES (0, 7)",
            "UPDATE OR REPLACE t SET id = 7 WHERE id = 0",
            "UPDATE OR REPLACE a SET id = 7 WHERE id = 8",
        ],
    ]);
}

#[test]
fn a_broken_trigger_that_an_action_would_compile_is_no_obstacle() {
    play(&[
        &[
            "CREATE TABLE t(id PRIMARY KEY ON CONFLICT REPLACE, r REFERENCES t(id) ON DELETE SET NULL)",
            "CREATE TABLE n(tbl TEXT PRIMARY KEY, n INTEGER NOT NULL)",
            "CREATE TRIGGER u AFTER UPDATE ON t BEGIN INSERT INTO n VALUES ('t', 1); END",
            "ALTER TABLE n ADD COLUMN added",
        ],
        &["INSERT OR FAIL INTO t VALUES ('a', NULL)"],
    ]);
}

#[test]
fn two_rows_trade_what_a_generated_column_makes_unique_and_there_is_no_third_value() {
    for generated in ["typeof(a)", "a IS NULL", "CASE WHEN a > 5 THEN 1 ELSE 0 END"] {
        let table = format!("CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS ({generated}) UNIQUE)");
        play(&[
            &[&table, "INSERT INTO t(id, a) VALUES (1, 7)", "INSERT INTO t(id, a) VALUES (2, NULL)"],
            &[
                "CREATE TEMP TABLE was AS SELECT id, a FROM t",
                "DELETE FROM t",
                "INSERT INTO t(id, a) SELECT 3 - id, a FROM temp.was",
            ],
        ]);
    }
}

#[test]
fn a_key_is_the_only_name_where_columns_hide_those_of_the_rowid() {
    play(&[
        &[
            "CREATE TABLE t(rowid TEXT COLLATE NOCASE, oid INT, _rowid_ UNIQUE ON CONFLICT REPLACE, v NOT NULL, PRIMARY KEY (oid, v))",
            "CREATE TABLE u(rowid TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, oid INT NOT NULL, _rowid_ UNIQUE ON CONFLICT REPLACE)",
            "CREATE TABLE c(id INTEGER PRIMARY KEY, u TEXT REFERENCES u(rowid) ON UPDATE CASCADE ON DELETE CASCADE)",
            "INSERT INTO t VALUES ('a', 1, 1, 1), ('b', NULL, 2, 2), ('b', NULL, 3, 2)",
            "INSERT INTO u VALUES ('a', 1, 1), ('b', 2, 2), ('c', 3, NULL)",
            "INSERT INTO c VALUES (1, 'A'), (2, 'b')",
        ],
        &[
            "UPDATE t SET v = 3 WHERE _rowid_ = 3",
            "REPLACE INTO u VALUES ('B', 4, 4)",
            "INSERT INTO u VALUES ('d', 5, 1)",
        ],
        &[
            "UPDATE u SET rowid = 'x' WHERE rowid = 'c'",
            "UPDATE u SET rowid = 'C' WHERE rowid = 'b'",
            "UPDATE u SET rowid = 'B' WHERE rowid = 'X'",
        ],
        &["UPDATE u SET rowid = 'c' WHERE rowid = 'C'", "DELETE FROM u WHERE rowid = 'D'", "DELETE FROM t"],
    ]);
}

#[test]
fn a_strict_generated_column_makes_a_number_of_text_while_its_row_steps_aside() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, g INTEGER AS (coalesce(a, 'nothing')) STORED) STRICT",
            "INSERT INTO t(id, a) VALUES (1, '9223372036854775807'), (4, '1')",
        ],
        &[
            "UPDATE t SET id = 4711 WHERE id = 1",
            "UPDATE t SET id = 1 WHERE id = 4",
            "UPDATE t SET id = 4 WHERE id = 4711",
        ],
    ]);
}

#[test]
fn rows_traded_keys_that_a_child_may_neither_follow_nor_let_go_of() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER REFERENCES t ON UPDATE CASCADE, b INTEGER NOT NULL DEFAULT 1 REFERENCES t ON UPDATE SET NULL)",
            "INSERT INTO t VALUES (1, NULL, 1), (0, 1, 1), (2, 0, 0)",
        ],
        &[
            "PRAGMA foreign_keys=OFF",
            "UPDATE t SET id = 4711 WHERE id = 0",
            "UPDATE t SET id = 0 WHERE id = 1",
            "UPDATE t SET id = 1 WHERE id = 4711",
            "PRAGMA foreign_keys=ON",
        ],
    ]);
}

#[test]
fn rows_trade_a_unique_value_that_a_generated_column_cannot_do_without() {
    play(&[
        &[
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE, e AS (nullif(instr(u, '@'), 0)) NOT NULL)",
            "CREATE TABLE s(id INTEGER PRIMARY KEY, u TEXT UNIQUE, g INT AS (json_extract(u, '$')) STORED) STRICT",
            "INSERT INTO t(id, u) VALUES (1, 'a@x'), (2, 'b@xy')",
            "INSERT INTO s(id, u) VALUES (1, '1'), (2, '2')",
        ],
        &[
            "UPDATE t SET u = 'c@' WHERE id = 1",
            "UPDATE t SET u = 'a@x' WHERE id = 2",
            "UPDATE t SET u = 'b@xy' WHERE id = 1",
            "UPDATE s SET u = '3' WHERE id = 1",
            "UPDATE s SET u = '1' WHERE id = 2",
            "UPDATE s SET u = '2' WHERE id = 1",
        ],
    ]);
}

#[test]
fn a_row_takes_the_key_of_one_that_goes_before_it_under_children_of_which_not_all_follow() {
    play(&[
        &[
            "CREATE TABLE t0(id TEXT PRIMARY KEY, c INTEGER) WITHOUT ROWID",
            "CREATE TABLE t1(id INTEGER PRIMARY KEY, a TEXT REFERENCES t0 ON DELETE RESTRICT ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, b TEXT REFERENCES t0 ON DELETE CASCADE ON UPDATE RESTRICT)",
            "CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT)",
            "CREATE TRIGGER came AFTER INSERT ON t0 BEGIN INSERT INTO audit(what) VALUES ('INSERT ' || NEW.c); END",
            "INSERT INTO t0 VALUES ('a', 0), ('1', 3)",
            "INSERT INTO t1 VALUES (4, 'a', 'a')",
        ],
        &[
            "PRAGMA foreign_keys=OFF",
            "UPDATE t0 SET id = 'aside' WHERE id = '1'",
            "UPDATE t0 SET id = '1' WHERE id = 'a'",
            "UPDATE t0 SET id = 'a' WHERE id = 'aside'",
            "DELETE FROM t0 WHERE id = '1'",
            "UPDATE t0 SET c = 0 WHERE id = 'a'",
            "UPDATE audit SET what = 'changed' WHERE id = 1",
            "PRAGMA foreign_keys=ON",
        ],
    ]);
}
