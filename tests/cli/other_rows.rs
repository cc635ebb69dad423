//! A row that stands by now under the key of one of the files' may be another one: what the clock gave that row on the real D1 is not
//! this one's, and its own values are written.

use Step::{Forgotten, Own, Seen, Theirs};

use crate::own_values::run_by_wrangler;
use crate::support::project::Scratch;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);";

const HIDDEN: &str = "CREATE TABLE t (k TEXT PRIMARY KEY, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);";

enum Step {
    /// Statements on the local database.
    Own(&'static str),
    /// A colleague's file, and `apply`.
    Theirs(&'static str),
    /// A colleague's file that wrangler runs here.
    Seen(&'static str),
    /// The cache goes: all entries are read again.
    Forgotten,
}

/// Gives what is written after these steps, without its head.
fn written(table: &str, rows: &str, steps: &[Step]) -> String {
    let project = Scratch::guestbook().file("migrations/0001_t.sql", &format!("{table}\n{rows}\n"));
    let run_files = || {
        project.d1(["apply"]).success();
        project.d1(["track"]).success();
    };
    run_files();
    let mut number = 1;
    for step in steps {
        match step {
            Own(sql) => project.sql(sql),
            Forgotten => {
                std::fs::remove_dir_all(project.root().join(".wrangler/d1-migrate"))
                    .expect("the cache is there");
            }
            Theirs(sql) => {
                number += 1;
                project.write(&format!("migrations/{number:04}_theirs.sql"), &format!("{sql}\n"));
                run_files();
            }
            Seen(sql) => {
                number += 1;
                run_by_wrangler(&project, &format!("{number:04}_theirs.sql"), sql);
            }
        }
    }
    project.d1(["data", "-m", "own"]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    let text = project.read(&format!("{:04}_own.sql", number + 1));
    let lines = text.lines().filter(|line| !line.starts_with("--") && !line.starts_with("PRAGMA"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_row_that_replaced_one_which_had_taken_its_key_keeps_its_own_values() {
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (1, 'a'), (4, 'd');",
        &[Own(
            "UPDATE OR REPLACE t SET id = 4 WHERE id = 1; INSERT OR REPLACE INTO t VALUES (4, 'new', 'own');",
        )],
    );
    assert_eq!(sql, "DELETE FROM t WHERE id = 1;\nUPDATE t SET n = 'new', at = 'own' WHERE id = 4;");
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (2, 'b'), (3, 'c');",
        &[
            Own("UPDATE OR REPLACE t SET id = 2 WHERE id = 3"),
            Theirs("DELETE FROM t WHERE n = 'c';"),
            Own("INSERT INTO t VALUES (2, 'new', 'own')"),
        ],
    );
    assert_eq!(sql, "UPDATE t SET n = 'new', at = 'own' WHERE id = 2;");
}

#[test]
fn a_new_row_that_takes_a_free_key_of_the_files_keeps_its_own_values() {
    let rows = "INSERT INTO t (id, n) VALUES (1, 'a'), (2, 'b');";
    let expected = "UPDATE t SET n = 'new', at = 'own' WHERE id = 1;";
    let (comes, moves) = ("INSERT INTO t VALUES (50, 'new', 'own')", "UPDATE t SET id = 1 WHERE id = 50");
    let other = Theirs("CREATE TABLE other (x);");
    let leaves = || Own("DELETE FROM t WHERE id = 1");
    assert_eq!(written(TABLE, rows, &[leaves(), other, Own(comes), Own(moves)]), expected);
    let drawn = Theirs("UPDATE t SET at = CURRENT_TIMESTAMP WHERE id = 1;");
    assert_eq!(written(TABLE, rows, &[leaves(), Own(comes), drawn, Own(moves)]), expected);
    let sql = written(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);",
        "INSERT INTO t (id, code) VALUES (1, 'a'), (2, 'b');",
        &[
            Own("INSERT OR REPLACE INTO t VALUES (7, 'b', 'new', 'own')"),
            Own("UPDATE t SET id = 2 WHERE id = 7"),
        ],
    );
    assert_eq!(sql, "UPDATE t SET n = 'new', at = 'own' WHERE id = 2;");
}

#[test]
fn a_new_row_under_a_left_key_keeps_its_own_values_when_the_one_that_left_it_is_pushed_out() {
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (1, 'a'), (5, 'e');",
        &[
            Own("UPDATE t SET id = 50 WHERE id = 1"),
            Own("INSERT INTO t VALUES (1, 'new', 'own')"),
            Own("UPDATE OR REPLACE t SET id = 50 WHERE id = 5"),
        ],
    );
    assert_eq!(sql, "UPDATE t SET id = 50 WHERE id = 5;\nUPDATE t SET n = 'new', at = 'own' WHERE id = 1;");
}

#[test]
fn an_own_new_row_is_not_the_one_that_a_file_puts_in_under_a_key_that_it_had() {
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (1, 'a'), (2, 'b');",
        &[
            Own("UPDATE t SET id = 50 WHERE id = 1; DELETE FROM t WHERE id = 50"),
            Own("INSERT INTO t VALUES (50, 'new', 'own'); UPDATE t SET id = 60 WHERE id = 50"),
            Theirs("INSERT INTO t (id, n) VALUES (50, 'hers');"),
        ],
    );
    assert_eq!(sql, "DELETE FROM t WHERE id = 1;\nINSERT INTO t (id, n, at) VALUES\n  (60, 'new', 'own');");
}

#[test]
fn a_row_that_left_its_key_is_not_the_one_that_a_file_puts_in_its_place() {
    let moves = || Own("UPDATE t SET id = 50 WHERE id = 2");
    let rows = "INSERT INTO t VALUES (1, 'a', '2019'), (2, 'b', '2020');";
    let comes = "INSERT INTO t (id, n, at) VALUES\n  (50, 'b', '2020');";
    let replaced = Theirs("INSERT OR REPLACE INTO t (id, n) VALUES (2, 'hers');");
    assert_eq!(written(TABLE, rows, &[moves(), replaced]), comes);
    // The file takes it out where it finds it, and hers moves on.
    let made_anew = || Theirs("DELETE FROM t WHERE n = 'b'; INSERT INTO t (id, n) VALUES (2, 'hers');");
    let sql = written(TABLE, rows, &[moves(), made_anew(), Own("UPDATE t SET id = 51 WHERE id = 2")]);
    assert_eq!(sql, "UPDATE t SET id = 51 WHERE id = 2;");
    let under_new = || Theirs("DELETE FROM t WHERE n = 'b'; INSERT INTO t (id, n) VALUES (50, 'hers');");
    let sql = written(TABLE, rows, &[moves(), under_new(), Own("UPDATE t SET id = 70 WHERE id = 50")]);
    assert_eq!(sql, "UPDATE t SET id = 70 WHERE id = 50;");
    let own = Own("UPDATE t SET n = 'mine' WHERE id = 50");
    let sql = written(TABLE, rows, &[moves(), under_new(), own]);
    assert_eq!(sql, "UPDATE t SET n = 'mine' WHERE id = 50;");
}

#[test]
fn the_same_of_rows_whose_rowid_is_hidden() {
    let sql = written(
        HIDDEN,
        "INSERT INTO t VALUES ('a', 'n1', '2019'), ('e', 'n5', '2020');",
        &[
            Own("UPDATE t SET k = 'z' WHERE k = 'e'"),
            Theirs("DELETE FROM t WHERE k = 'e'; INSERT INTO t (k, n) VALUES ('e', 'hers');"),
        ],
    );
    let [aside, comes] =
        ["UPDATE t SET rowid = -8999999999999999995 WHERE k = 'e';", "INSERT INTO t (k, n, at) VALUES"];
    let follows = "UPDATE t SET rowid = (SELECT max(rowid) FROM t) + 1 WHERE k = 'e';";
    assert_eq!(sql, format!("{aside}\n{comes}\n  ('z', 'n5', '2020');\n{follows}"));
    // One that came in sight, and one of another key, are the files' rows beside a file that puts others in.
    let sql = written(
        HIDDEN,
        "INSERT INTO t (k, n) VALUES ('a', 'n1');",
        &[
            Seen("INSERT INTO t (k, n) VALUES ('d', 'n4')"),
            Own("UPDATE t SET k = 'x' WHERE k = 'd'"),
            Theirs("INSERT INTO t (k, n) VALUES ('z', 'n9');"),
        ],
    );
    assert_eq!(sql, "UPDATE t SET k = 'x' WHERE k = 'd';");
    let sql = written(
        "CREATE TABLE t (k TEXT UNIQUE NOT NULL, n TEXT); CREATE TABLE c (t REFERENCES t (k) ON UPDATE CASCADE);",
        "INSERT INTO t VALUES ('a', 'n1'), ('b', 'n2');",
        &[
            Own("UPDATE t SET k = 'x' WHERE k = 'a'; UPDATE t SET k = 'a' WHERE k = 'b'"),
            Theirs("INSERT INTO t VALUES ('z', 'n9');"),
        ],
    );
    assert_eq!(sql, "UPDATE t SET k = 'x' WHERE k = 'a';\nUPDATE t SET k = 'a' WHERE k = 'b';");
    // One that came back to its key is no other one.
    let sql = written(
        HIDDEN,
        "INSERT INTO t (k, n) VALUES ('a', 'n1');",
        &[
            Own("UPDATE t SET k = 'b'"),
            Theirs("ALTER TABLE t RENAME TO u;"),
            Own("UPDATE u SET k = 'a', n = 'mine'"),
        ],
    );
    assert_eq!(sql, "UPDATE u SET n = 'mine' WHERE k = 'a';");
}

#[test]
fn a_row_that_was_replaced_and_moved_is_that_row_beside_a_file_that_puts_others_in() {
    let table = &format!("{TABLE} CREATE TABLE c (t REFERENCES t (id) ON UPDATE CASCADE);");
    let rows = "INSERT INTO t VALUES (1, 'a', '2019'), (2, 'b', '2020');";
    let other = || Theirs("INSERT INTO t VALUES (9, 'i', '2021');");
    let replaced = Own("INSERT OR REPLACE INTO t SELECT * FROM t; UPDATE t SET id = 50 WHERE id = 2");
    assert_eq!(written(table, rows, &[replaced, other()]), "UPDATE t SET id = 50 WHERE id = 2;");
    let sql = written(
        table,
        rows,
        &[
            Own("INSERT INTO t VALUES (20, 'x', '2021')"),
            Theirs("INSERT OR IGNORE INTO t VALUES (20, 'x', '2021');"),
            Own("UPDATE t SET id = 60 WHERE id = 20"),
            other(),
        ],
    );
    assert_eq!(sql, "UPDATE t SET id = 60 WHERE id = 20;");
}

#[test]
fn a_new_row_that_stood_under_a_left_key_is_not_the_one_that_left_it() {
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (1, 'a'), (2, 'b');",
        &[
            Own("UPDATE t SET id = 50 WHERE id = 1; INSERT INTO t VALUES (1, 'new', 'own')"),
            Own("UPDATE OR REPLACE t SET id = 2 WHERE id = 1"),
        ],
    );
    assert_eq!(sql, "UPDATE t SET id = 50 WHERE id = 1;\nUPDATE t SET n = 'new', at = 'own' WHERE id = 2;");
}

#[test]
fn who_goes_after_a_file_took_its_old_key_is_not_the_one_that_the_file_put_there() {
    let rows = "INSERT INTO t VALUES (1, 'a', '2019'), (2, 'b', '2020');";
    let moves = || Own("UPDATE t SET id = 50 WHERE id = 2");
    let replaced = || Theirs("INSERT OR REPLACE INTO t (id, n) VALUES (2, 'hers');");
    let sql = written(
        TABLE,
        rows,
        &[moves(), replaced(), Own("DELETE FROM t WHERE id = 50; UPDATE t SET n = 'mine' WHERE id = 2")],
    );
    assert_eq!(sql, "UPDATE t SET n = 'mine' WHERE id = 2;");
    let comes = "INSERT INTO t (id, n, at) VALUES\n  (50, 'b', '2020');";
    let sql = written(TABLE, rows, &[moves(), replaced(), Own("DELETE FROM t WHERE id = 2")]);
    assert_eq!(sql, format!("DELETE FROM t WHERE id = 2;\n{comes}"));
    // Another row of the files comes there by its key.
    let taken = Theirs("DELETE FROM t WHERE id = 2; UPDATE t SET id = 2 WHERE id = 1;");
    assert_eq!(written(TABLE, rows, &[moves(), taken]), comes);
    let own = Own(
        "DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (2, 'new', 'own'); UPDATE t SET id = 5 WHERE id = 2",
    );
    let taken = Theirs("DELETE FROM t WHERE id = 2; UPDATE t SET id = 2 WHERE id = 1;");
    let comes = "INSERT INTO t (id, n, at) VALUES\n  (5, 'new', 'own');";
    assert_eq!(written(TABLE, rows, &[own, taken]), comes);
}

/// The file makes a cell unknown that was not, by the key that the row has left.
#[test]
fn an_own_value_stays_where_a_file_fills_its_cell_by_the_old_key_of_its_row() {
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (2, 'b'); INSERT INTO t VALUES (3, 'c', '2019');",
        &[
            Own(
                "UPDATE t SET id = 99 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 3; UPDATE t SET id = 3 WHERE id = 99",
            ),
            Own("UPDATE t SET at = 'own' WHERE id = 2"),
            Theirs("UPDATE t SET at = (SELECT at FROM t WHERE id = 2) WHERE id = 3;"),
        ],
    );
    let [aside, back] =
        ["UPDATE t SET id = -8999999999999999999 WHERE id = 2;", "WHERE id = -8999999999999999999;"];
    assert_eq!(
        sql,
        format!(
            "{aside}\nUPDATE t SET id = 2, at = 'own' WHERE id = 3;\nUPDATE t SET id = 3, at = 'own' {back}"
        )
    );
}

#[test]
fn a_changed_key_is_told_of_a_table_that_a_file_made_anew_in_other_letters() {
    let sql = written(
        TABLE,
        "INSERT INTO t (id, n) VALUES (1, 'a'), (3, 'c');",
        &[
            Own("UPDATE t SET id = 30 WHERE id = 3"),
            Theirs(
                "CREATE TABLE new (id INTEGER PRIMARY KEY, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);
                 INSERT INTO new SELECT * FROM t; DROP TABLE t; ALTER TABLE new RENAME TO T;",
            ),
        ],
    );
    assert_eq!(sql, "UPDATE T SET id = 30 WHERE id = 3;");
}

#[test]
fn an_own_new_row_that_takes_a_key_of_the_files_is_another_one_whatever_ran_in_between() {
    for key in ["PRIMARY KEY", "NOT NULL UNIQUE"] {
        let table = format!("CREATE TABLE t (k TEXT {key}, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);");
        let rows = "INSERT INTO t (k, n) VALUES ('a', 'n1'), ('d', 'n4'), ('e', 'n5');";
        let comes = || Own("INSERT INTO t VALUES ('g', 'new', 'own')");
        let index = || Theirs("CREATE INDEX names ON t (n);");
        let sql = written(
            &table,
            rows,
            &[comes(), index(), Own("DELETE FROM t WHERE k = 'd'; UPDATE t SET k = 'd' WHERE k = 'g'")],
        );
        assert!(sql.starts_with("UPDATE t SET n = 'new', at = 'own' WHERE k = 'd';"), "{key}: {sql}");
        // So is one that got the rowid of that one too.
        let refill = Own("DELETE FROM t WHERE k = 'e'; INSERT INTO t VALUES ('h', 'new', 'own')");
        let trade = Own(
            "UPDATE t SET k = 'x' WHERE k = 'd'; UPDATE t SET k = 'd' WHERE k = 'h'; DELETE FROM t WHERE k = 'x'; UPDATE t SET k = 'e' WHERE k = 'd'",
        );
        let sql = written(&table, rows, &[refill, index(), trade]);
        assert_eq!(
            sql, "DELETE FROM t WHERE k = 'd';\nUPDATE t SET n = 'new', at = 'own' WHERE k = 'e';",
            "{key}"
        );
        // One that comes back to its key is the same.
        let back = Own("UPDATE t SET k = 'x' WHERE k = 'a'; UPDATE t SET k = 'a', n = 'mine' WHERE k = 'x'");
        assert_eq!(
            written(&table, rows, &[index(), back]),
            "UPDATE t SET n = 'mine' WHERE k = 'a';",
            "{key}"
        );
    }
}

/// Rowids are counted anew.
const REBUILD: &str = "CREATE TABLE new (k TEXT PRIMARY KEY, n TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);
    INSERT INTO new SELECT k, n, at FROM t; DROP TABLE t; ALTER TABLE new RENAME TO t;";

#[test]
fn rows_of_changed_keys_are_told_apart_where_a_file_gives_them_all_other_rowids() {
    let rows = "INSERT INTO t (k, n) VALUES ('a', 'n1'), ('b', 'n2'), ('c', 'n3'), ('d', 'n4');";
    let rebuild = || Theirs(REBUILD);
    let come_and_go = || {
        Own(
            "INSERT INTO t VALUES ('e', 'new', 'own'); DELETE FROM t WHERE k = 'a'; DELETE FROM t WHERE k = 'd'",
        )
    };
    let trade = || {
        Own(
            "UPDATE t SET k = '' WHERE k = 'b'; UPDATE t SET k = 'b' WHERE k = 'c'; UPDATE t SET k = 'c' WHERE k = ''",
        )
    };
    // But for rowids, and how the new row gets its own.
    let changes = |steps: &[Step]| {
        let sql = written(HIDDEN, rows, steps);
        let (rest, new) = sql.rsplit_once("INSERT INTO t").expect("a new row");
        assert!(new.contains("'e', 'new', 'own'"), "{sql}");
        let lines = rest.lines().filter(|line| !line.starts_with("UPDATE t SET rowid"));
        let sql = lines.collect::<Vec<_>>().join("\n");
        (0..100).fold(sql, |sql, last| {
            sql.replace(&format!("'d1-migrate -89999999999999999{last:02}'"), "'aside'")
        })
    };
    let gone = "DELETE FROM t WHERE k = 'a';\nDELETE FROM t WHERE k = 'd';";
    assert_eq!(changes(&[come_and_go(), trade(), rebuild(), trade()]), gone);
    let traded = "UPDATE t SET k = 'aside' WHERE k = 'b';\nUPDATE t SET k = 'b' WHERE k = 'c';\nUPDATE t SET k = 'c' WHERE k = 'aside';";
    for steps in [[come_and_go(), trade(), rebuild()], [come_and_go(), rebuild(), trade()]] {
        assert_eq!(changes(&steps), format!("{gone}\n{traded}"));
    }
    // So they are where the file gives the key another name.
    let rename = Theirs("ALTER TABLE t RENAME COLUMN k TO id;");
    let renamed = changes(&[come_and_go(), trade(), rebuild(), rename]);
    assert_eq!(renamed, format!("{gone}\n{traded}").replace(" k ", " id "));
}

#[test]
fn a_row_is_not_the_one_that_had_its_rowid_before_wrangler_ran_a_file() {
    let sql = written(
        HIDDEN,
        "INSERT INTO t VALUES ('a', 'n1', 'at'), ('b', 'n2', 'at'), ('c', 'n3', 'at');",
        &[Own("DELETE FROM t WHERE k = 'a'; UPDATE t SET k = 'x' WHERE k = 'b'"), Seen(REBUILD)],
    );
    assert!(sql.starts_with("DELETE FROM t WHERE k = 'a';\nDELETE FROM t WHERE k = 'b';\n"), "{sql}");
    assert!(!sql.contains("SET k"), "{sql}");
}

#[test]
fn a_row_is_not_the_deleted_one_whose_rowid_a_file_gave_it() {
    let table = "CREATE TABLE t (k TEXT PRIMARY KEY, r DEFAULT (random()));";
    let rebuild = "CREATE TABLE new (k TEXT PRIMARY KEY, r DEFAULT (random()));
        INSERT INTO new SELECT k, r FROM t WHERE true; DROP TABLE t; ALTER TABLE new RENAME TO t;";
    let sql = written(
        table,
        "INSERT INTO t (k) VALUES ('a'), ('b'), ('c');",
        &[Own("UPDATE t SET k = 'x' WHERE k = 'a'; DELETE FROM t WHERE k = 'x'"), Theirs(rebuild), Forgotten],
    );
    assert!(sql.starts_with("DELETE FROM t WHERE k = 'a';"), "{sql}");
    assert!(!sql.contains(" r = "), "what chance gave b is not written: {sql}");
}

#[test]
fn an_own_new_row_keeps_its_values_when_it_comes_back_to_the_key_of_another_one() {
    let sql = written(
        HIDDEN,
        "INSERT INTO t (k, n) VALUES ('a', 'n1');",
        &[
            Own(
                "UPDATE t SET k = 'x' WHERE k = 'a'; INSERT INTO t VALUES ('a', 'new', 'own'); UPDATE t SET k = 'y' WHERE k = 'a'",
            ),
            Theirs("INSERT INTO t VALUES ('k', 'theirs', '2000');"),
            Own("UPDATE t SET k = 'a' WHERE k = 'y'; DELETE FROM t WHERE k = 'x'"),
        ],
    );
    assert!(sql.contains("at = 'own'"), "{sql}");
}

#[test]
fn a_row_is_the_same_under_a_rowid_that_was_changed_by_its_name() {
    for (own, key) in [
        ("UPDATE t SET rowid = 50 WHERE k = 'a'", ""),
        (
            "UPDATE t SET k = 'x' WHERE k = 'a'; UPDATE t SET rowid = 50 WHERE k = 'x'",
            "UPDATE t SET k = 'x' WHERE k = 'a';\n",
        ),
    ] {
        let sql = written(HIDDEN, "INSERT INTO t (k, n) VALUES ('a', 'n1'), ('b', 'n2');", &[Own(own)]);
        let rest = sql.strip_prefix(key).unwrap_or_else(|| panic!("{sql}"));
        assert!(rest.starts_with("UPDATE t SET rowid = ") && rest.lines().count() == 1, "{sql}");
    }
}

#[test]
fn a_row_that_wrangler_put_in_is_one_of_the_files_whatever_comes_next() {
    let sql = written(
        HIDDEN,
        "INSERT INTO t (k, n) VALUES ('a', 'n1'), ('b', 'n2');",
        &[
            Seen("INSERT INTO t (k, n) VALUES ('e', 'theirs')"),
            Own(
                "UPDATE t SET k = '' WHERE k = 'e'; UPDATE t SET k = 'e' WHERE k = 'a'; UPDATE t SET k = 'a' WHERE k = ''",
            ),
            Theirs("INSERT INTO t (k, n) VALUES ('f', 'theirs');"),
        ],
    );
    assert!(!sql.contains("DELETE") && !sql.contains("INSERT") && !sql.contains(" at = "), "{sql}");
}
