//! A row is named by its declared key: its hidden rowid is another one on the real D1, whose own users add rows too.

use rusqlite::Connection;

use crate::support::project::Scratch;

/// Each round is a migration. The real D1 gets rows of its own after the first migration. What it answers then and after each round.
fn asked_in_turn(schema: &str, theirs: &str, rounds: &[&str], question: &str) -> Vec<String> {
    let project = Scratch::with_schema(schema);
    project.d1([]).success();
    let remote = Connection::open_in_memory().expect("memory");
    remote.execute_batch(&project.read("0001_initial_migration.sql")).expect("the first migration runs");
    remote.execute_batch(theirs).expect("rows");
    let ask = || remote.query_row(question, (), |row| row.get(0)).expect("an answer");
    let mut answers = vec![ask()];
    for (number, round) in (2..).zip(rounds) {
        project.sql(round);
        project.d1(["data", "-m", "round"]).success();
        project.assert_replay_agrees();
        let sql = project.read(&format!("{number:04}_round.sql"));
        remote.execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;")).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        answers.push(ask());
    }
    answers
}

/// The same after the rounds.
fn asked_after(schema: &str, theirs: &str, rounds: &[&str], question: &str) -> String {
    asked_in_turn(schema, theirs, rounds, question).pop().expect("an answer")
}

const KEYS: &str =
    "SELECT group_concat(coalesce(k, '-') || coalesce(v, ''), ' ') FROM (SELECT k, v FROM t ORDER BY k)";

/// The same for a row whose rowid the next local row has here. Gives all keys.
fn keys_after(table: &str, rounds: &[&str]) -> String {
    asked_after(table, "INSERT INTO t (k) VALUES ('theirs')", rounds, KEYS)
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
    for table in [
        "CREATE TABLE t (k, v);",
        "CREATE TABLE t (k TEXT, v, n PRIMARY KEY);",
        "CREATE TABLE t (k TEXT, v, n UNIQUE);",
        "CREATE TABLE t (k TEXT, v, g AS (k || '!') UNIQUE);",
        "CREATE TABLE t (k TEXT, v); CREATE UNIQUE INDEX i ON t (k) WHERE k > '';",
        "CREATE TABLE t (k TEXT, v); CREATE UNIQUE INDEX i ON t (lower(k));",
        "CREATE TABLE t (k TEXT COLLATE NOCASE, v); CREATE UNIQUE INDEX i ON t (k COLLATE BINARY);",
        // An action of its own may change what is unique.
        "CREATE TABLE t (k TEXT, v, r TEXT REFERENCES t (n), n TEXT UNIQUE, UNIQUE (k, r));",
    ] {
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
        // The row of the second round has here the rowid that D1 gave to its own one.
        for (change, expected) in [
            ("DELETE FROM t WHERE k = 'b'", "a theirs"),
            ("UPDATE t SET k = 'c' WHERE k = 'b'", "a c theirs"),
            ("UPDATE t SET v = 'a' WHERE k = 'b'", "a ba theirs"),
        ] {
            let after = keys_after(table, &["INSERT INTO t (k) VALUES ('b')", change]);
            assert_eq!(after, expected, "{change}\n{table}");
        }
    }
}

/// Tables whose rows a UNIQUE key names.
const UNIQUE: [&str; 7] = [
    "CREATE TABLE t (k TEXT NOT NULL UNIQUE, v);",
    "CREATE TABLE t (k TEXT UNIQUE, v);",
    "CREATE TABLE t (k UNIQUE COLLATE NOCASE, v);",
    "CREATE TABLE t (k TEXT NOT NULL, v); CREATE UNIQUE INDEX i ON t (k);",
    "CREATE TABLE t (k TEXT, v, n DEFAULT 1); CREATE UNIQUE INDEX i ON t (n, k, n);",
    // Not what may be NULL where there is something better.
    "CREATE TABLE t (n UNIQUE, k TEXT NOT NULL UNIQUE, m UNIQUE, v);",
    // Nor a primary key that tells apart what its column does not.
    "CREATE TABLE t (n COLLATE NOCASE, k TEXT UNIQUE, v, PRIMARY KEY (n COLLATE BINARY));",
];

#[test]
fn when_a_unique_key_names_it() {
    let rounds = [
        ("INSERT INTO t (k, v) VALUES ('c', 3)", "c3 theirs"),
        ("UPDATE t SET v = 4 WHERE k = 'c'", "c4 theirs"),
        ("UPDATE t SET k = 'd' WHERE k = 'c'", "d4 theirs"),
        ("UPDATE t SET k = 'e', v = 5 WHERE k = 'd'", "e5 theirs"),
        ("DELETE FROM t WHERE k = 'e'", "theirs"),
        ("INSERT INTO t (k, v) VALUES ('e', 6)", "e6 theirs"),
        ("REPLACE INTO t (k, v) VALUES ('e', 7)", "e7 theirs"),
        ("INSERT INTO t (k, v) VALUES ('f', 8)", "e7 f8 theirs"),
        ("DELETE FROM t WHERE k = 'e'; UPDATE t SET k = 'e' WHERE k = 'f'", "e8 theirs"),
    ];
    let (changes, expected): (Vec<&str>, Vec<&str>) = rounds.into_iter().unzip();
    for table in UNIQUE {
        let after = asked_in_turn(table, "INSERT INTO t (k) VALUES ('theirs')", &changes, KEYS);
        assert_eq!(after[1..], expected, "{table}");
    }
}

#[test]
fn when_unique_values_that_name_rows_change_places() {
    let come = "INSERT INTO t (k, v) VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4), ('e', 5), ('f', 6)";
    let circles = "CREATE TEMP TABLE was AS SELECT rowid AS r, k FROM t; UPDATE t SET k = k || '!';
                   UPDATE t SET k = (SELECT substr('badcfe', instr('abcdef', was.k), 1) FROM was WHERE r = t.rowid)";
    let chain = "UPDATE t SET k = 'g' WHERE k = 'f'; UPDATE t SET k = 'f' WHERE k = 'e'; UPDATE t SET k = 'e' WHERE k = 'd'";
    let many = "UPDATE t SET v = 0";
    let all = "DELETE FROM t";
    for table in UNIQUE {
        let rounds = [come, circles, chain, many, all];
        let after = asked_in_turn(table, "INSERT INTO t (k) VALUES ('theirs')", &rounds, KEYS);
        let expected = [
            "a1 b2 c3 d4 e5 f6 theirs",
            "a2 b1 c4 d3 e6 f5 theirs",
            "a2 b1 c4 e3 f6 g5 theirs",
            "a0 b0 c0 e0 f0 g0 theirs",
            "theirs",
        ];
        assert_eq!(after[1..], expected, "{table}");
    }
}

#[test]
fn when_several_columns_are_unique_together() {
    let table = "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1), (2), (3), (4);
                 CREATE TABLE likes (user_id INTEGER NOT NULL REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE, post_id INTEGER NOT NULL, v,
                   UNIQUE (user_id, post_id)); INSERT INTO likes VALUES (1, 1, 'a');";
    let likes = "SELECT group_concat(user_id || post_id || v, ' ') FROM (SELECT * FROM likes ORDER BY 1, 2)";
    let rounds = [
        ("INSERT INTO likes VALUES (2, 1, 'b'), (2, 2, 'c'), (3, 1, 'd')", "11a 21b 22c 31d 47-"),
        ("UPDATE likes SET v = 'e' WHERE user_id = 2 AND post_id = 2", "11a 21b 22e 31d 47-"),
        (
            "UPDATE likes SET post_id = -post_id WHERE user_id = 2; UPDATE likes SET post_id = 3 + post_id WHERE user_id = 2",
            "11a 21e 22b 31d 47-",
        ),
        (
            "UPDATE users SET id = 5 WHERE id = 3; UPDATE likes SET v = 'f', post_id = 9 WHERE user_id = 5",
            "11a 21e 22b 47- 59f",
        ),
        ("DELETE FROM likes WHERE user_id = 2 AND post_id = 1", "11a 22b 47- 59f"),
        ("DELETE FROM users WHERE id = 2; DELETE FROM likes WHERE user_id = 5", "11a 47-"),
    ];
    let (changes, expected): (Vec<&str>, Vec<&str>) = rounds.into_iter().unzip();
    let after = asked_in_turn(table, "INSERT INTO likes VALUES (4, 7, '-')", &changes, likes);
    assert_eq!(after[1..], expected);
}

#[test]
fn when_its_unique_value_becomes_null_or_is_it_no_more() {
    let rounds = [
        ("INSERT INTO t (k, v) VALUES ('c', 3)", "c3 theirs"),
        ("UPDATE t SET k = NULL WHERE k = 'c'", "-3 theirs"),
        // Nothing but its rowid names it now, and that is another one there.
        ("UPDATE t SET k = 'd' WHERE v = 3", "-3 theirs"),
    ];
    let (changes, expected): (Vec<&str>, Vec<&str>) = rounds.into_iter().unzip();
    let after = asked_in_turn(UNIQUE[1], "INSERT INTO t (k) VALUES ('theirs')", &changes, KEYS);
    assert_eq!(after[1..], expected);
}

#[test]
fn when_children_follow_its_unique_value() {
    for k in ["TEXT UNIQUE", "TEXT NOT NULL UNIQUE"] {
        let table = format!(
            "CREATE TABLE t (k {k}, v); CREATE TABLE child (n INTEGER PRIMARY KEY, r TEXT REFERENCES t (k) ON UPDATE CASCADE);"
        );
        // Every row that comes gets a child there.
        let theirs = "INSERT INTO t (k) VALUES ('theirs');
                      CREATE TRIGGER theirs AFTER INSERT ON t BEGIN INSERT INTO child (r) VALUES (new.k); END";
        let question =
            "SELECT group_concat(n || r || v, ' ') FROM (SELECT * FROM child JOIN t ON k = r ORDER BY n)";
        let rounds = [
            ("INSERT INTO t VALUES ('a', 1), ('b', 2)", "1a1 2b2"),
            ("UPDATE t SET k = 'c' WHERE k = 'b'", "1a1 2c2"),
            (
                "UPDATE t SET k = '' WHERE k = 'a'; UPDATE t SET k = 'a' WHERE k = 'c'; UPDATE t SET k = 'c' WHERE k = ''",
                "1c1 2a2",
            ),
            ("REPLACE INTO t VALUES ('c', 3)", "1c3 2a2"),
            ("UPDATE t SET k = 'd', v = 4 WHERE k = 'c'", "1d4 2a2"),
        ];
        let (changes, expected): (Vec<&str>, Vec<&str>) = rounds.into_iter().unzip();
        let question = question.replace("|| v", "|| coalesce(v, '')");
        let mut after =
            asked_in_turn(&table, theirs, &changes, &format!("SELECT coalesce(({question}), '')"));
        assert_eq!(after.split_off(1), expected, "{k}");
    }
}

/// A clause of the table's own would take the other row away, or leave the new one out, without a word.
#[test]
fn a_row_that_only_the_real_d1_has_stays_where_the_table_says_on_conflict() {
    for clause in ["REPLACE", "IGNORE", "FAIL", "ROLLBACK"] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT {clause}, u TEXT UNIQUE ON CONFLICT {clause}, v); INSERT INTO t VALUES (1, 'one', 1)"
        ));
        project.d1([]).success();
        for (change, file) in [
            ("INSERT INTO t VALUES (7, 'ours', 1)", "0002_key.sql"),
            ("INSERT INTO t VALUES (8, 'theirs', 1)", "0003_key.sql"),
            ("UPDATE t SET u = 'theirs, too' WHERE id = 1", "0004_key.sql"),
        ] {
            project.sql(change);
            project.d1(["data", "-m", "key"]).success();
            let remote = Connection::open_in_memory().expect("memory");
            remote.execute_batch(&project.read("0001_initial_migration.sql")).expect("it runs");
            remote
                .execute_batch("INSERT INTO t VALUES (7, 'theirs', 0), (9, 'theirs, too', 0)")
                .expect("rows");
            let refused = remote.execute_batch(&project.read(file)).expect_err(file);
            assert!(refused.to_string().contains("UNIQUE"), "{clause} {file}: {refused}");
            let theirs = "SELECT count(*) FROM t WHERE v = 0";
            assert_eq!(remote.query_row(theirs, (), |row| row.get(0)), Ok(2), "{clause} {file}");
        }
        project.assert_replay_agrees();
    }
}

/// SQLite 3.54 miscounts the foreign keys where ON CONFLICT REPLACE decides, not where ABORT does.
#[test]
fn a_row_points_twice_to_a_later_one_of_a_table_that_says_on_conflict_replace() {
    let project = Scratch::with_schema(
        "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, a UNIQUE REFERENCES t ON DELETE RESTRICT, b UNIQUE REFERENCES t ON DELETE SET NULL);
         INSERT INTO t VALUES (2, NULL, NULL), (0, 2, 2)",
    );
    project.d1([]).success();
    project.sql("INSERT INTO t VALUES (9, NULL, NULL), (5, 9, 9)");
    project.d1(["data", "-m", "more"]).success();
    project.assert_replay_agrees();
}

const EVERY_V: &str = "SELECT group_concat(quote(v), ' ') FROM (SELECT v FROM t ORDER BY rowid)";

#[test]
fn a_long_row_and_one_of_many_columns_are_named_by_all_that_they_hold() {
    for length in [1_000, 30_000, 150_000] {
        let long = format!("UPDATE t SET v = replace(hex(zeroblob({length})), '0', 'x') WHERE v = 'ours'");
        let rounds = ["INSERT INTO t VALUES ('ours')", &long, "DELETE FROM t"];
        // Theirs has the rowid that ours has here.
        let after = asked_after("CREATE TABLE t (v)", "INSERT INTO t VALUES (1)", &rounds, EVERY_V);
        assert_eq!(after, "1 'ours'", "{length}");
        // It needs no rowid to come.
        let long = format!("INSERT INTO t VALUES (replace(hex(zeroblob({length})), '0', 'x'))");
        let question = "SELECT group_concat(length(v), ' ') FROM t";
        let after = asked_after("CREATE TABLE t (v)", "INSERT INTO t VALUES (1)", &[&long], question);
        assert_eq!(after, format!("1 {}", 2 * length));
    }
    let many: Vec<String> = (0..98).map(|number| format!("c{number}")).collect();
    let schema = format!("CREATE TABLE t (v, {})", many.join(", "));
    let rounds = ["INSERT INTO t (v) VALUES ('ours')", "UPDATE t SET c97 = 1", "DELETE FROM t"];
    let after = asked_after(&schema, "INSERT INTO t (v) VALUES (1)", &rounds, EVERY_V);
    assert_eq!(after, "1 'ours'");
}

/// `=` takes these for one another: here each stands in the same place.
#[test]
fn a_row_that_is_only_equal_is_left_alone() {
    for (column, theirs, ours) in [
        ("v COLLATE NOCASE", "'A'", "'a'"),
        ("v COLLATE RTRIM", "'a '", "'a'"),
        ("v", "1", "1.0"),
        ("v", "2.0", "2"),
        ("v NUMERIC", "-9223372036854775808", "-9.223372036854775808e18"),
    ] {
        for change in ["UPDATE t SET n = 1 WHERE rowid = 2", "DELETE FROM t WHERE rowid = 2"] {
            let insert = |row: &str| format!("INSERT INTO t VALUES ({row}, 0)");
            let question = "SELECT typeof(v) || quote(v) || n FROM t WHERE rowid = 2";
            // Theirs has the rowid that ours has here.
            let schema = format!("CREATE TABLE t ({column}, n); {}", insert("7"));
            let alone = asked_after(&schema, &insert(theirs), &[], question);
            let after = asked_after(&schema, &insert(theirs), &[&insert(ours), change], question);
            assert_eq!(after, alone, "{column}: {ours} {change}");
        }
    }
}

#[test]
fn a_counter_that_only_the_real_d1_moved_on_is_not_set_back() {
    let schema =
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t VALUES (1, 1), (2, 2)";
    let theirs = "INSERT INTO t VALUES (600, 1); DELETE FROM t WHERE id = 600";
    let seq = "SELECT seq FROM sqlite_sequence";
    for round in [
        "UPDATE t SET id = 7 WHERE id = 1",
        "DELETE FROM t; DELETE FROM sqlite_sequence",
        "UPDATE sqlite_sequence SET seq = 0",
    ] {
        let ask = format!("SELECT CAST(({seq}) AS TEXT)");
        assert_eq!(asked_after(schema, theirs, &[round], &ask), "600", "{round}");
    }
}

#[test]
fn a_column_of_an_index_without_text_may_be_called_as_its_documents_are() {
    let schema = "CREATE VIRTUAL TABLE t USING fts5(doc, term, content=''); INSERT INTO t(rowid, doc, term) VALUES (1, 'one', 'a'), (2, 'two', 'b')";
    let rounds = [
        "INSERT INTO t(t, rowid, doc, term) VALUES ('delete', 2, 'two', 'b')",
        "INSERT INTO t(rowid, doc) VALUES (2, 'zwei')",
    ];
    let question =
        "SELECT group_concat(rowid, ' ') FROM (SELECT rowid FROM t('two OR zwei OR theirs') ORDER BY rowid)";
    let theirs = "INSERT INTO t(rowid, doc) VALUES (100, 'theirs')";
    assert_eq!(asked_after(schema, theirs, &rounds, question), "2 100");
}

#[test]
fn words_that_only_the_real_d1_has_stay_in_an_index_without_text() {
    for options in ["", ", contentless_delete=1", ", columnsize=0", ", detail=column"] {
        let schema = format!(
            "CREATE VIRTUAL TABLE t USING fts5(v, content=''{options}); INSERT INTO t(rowid, v) VALUES (1, 'one word'), (2, 'two')"
        );
        let delete = match options.contains("delete") {
            true => "DELETE FROM t WHERE rowid = 1",
            false => "INSERT INTO t(t, rowid, v) VALUES ('delete', 1, 'one word')",
        };
        let rounds = [
            "INSERT INTO t(rowid, v) VALUES (3, 'three')",
            delete,
            "INSERT INTO t(rowid, v) VALUES (1, 'uno')",
        ];
        let theirs = "INSERT INTO t(rowid, v) VALUES (100, 'theirs one')";
        let question = "SELECT group_concat(rowid, ' ') FROM (SELECT rowid FROM t('one OR three OR uno OR theirs') ORDER BY rowid)";
        assert_eq!(asked_after(&schema, theirs, &rounds, question), "1 3 100", "{options}");
    }
}

/// Rows of the real D1's own stand under the rowids that these have here.
#[test]
fn when_new_rows_leave_rowids_out() {
    let rounds = [
        "INSERT INTO t VALUES ('c', 3), ('d', 4), ('e', 5); DELETE FROM t WHERE k = 'c'",
        "INSERT INTO t VALUES ('f', 6), ('g', 7), ('h', 8), ('i', 9); DELETE FROM t WHERE k IN ('f', 'h')",
        "INSERT INTO t VALUES ('j', 1e3), ('l', 11), ('m', 12); DELETE FROM t WHERE k = 'j'; REPLACE INTO t VALUES ('a', 0);
           INSERT INTO t VALUES ('n', 13), ('o', 14); DELETE FROM t WHERE k = 'n'",
    ];
    assert_eq!(keys_after(TABLE, &rounds), "a0 b2 d4 e5 g7 i9 l11 m12 o14 theirs");
    // More rows than one statement holds, each of them two after the last one.
    let many = "INSERT INTO t SELECT 'k' || value, printf('%0200d', value) FROM generate_series;
        DELETE FROM t WHERE k IN (SELECT 'k' || value FROM generate_series WHERE value % 2)";
    let series = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 2000) SELECT n AS value FROM s";
    let many = format!(
        "CREATE TEMP TABLE generate_series AS {series}; {many}; INSERT INTO t VALUES ('big', printf('%0120000d', 1)); DROP TABLE generate_series;
           INSERT INTO t VALUES ('x', 'x'), ('y', 'y'); DELETE FROM t WHERE k = 'x'"
    );
    let count = "SELECT count(*) || ' ' || count(DISTINCT v) || ' ' || max(length(v)) FROM t";
    let theirs = "INSERT INTO t VALUES ('theirs', 't')";
    assert_eq!(asked_after(TABLE, theirs, &[&many], count), "1005 1005 120000");
}

/// After a negative one, SQLite goes on with the next.
#[test]
fn when_rowids_are_negative_or_as_high_as_they_can_be() {
    let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t (rowid, k) VALUES (-7, 'a');";
    let rounds = [
        "INSERT INTO t VALUES ('b', 2), ('c', 3), ('d', 4); DELETE FROM t WHERE k = 'b'",
        "INSERT INTO t (rowid, k) VALUES (1, 'e'), (-9223372036854775808, 'f')",
    ];
    assert_eq!(keys_after(table, &rounds), "a c3 d4 e f theirs");
    let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t (rowid, k) VALUES (2, 'a'), (-3, 'b'), (1, 'c');";
    let rounds = [
        "INSERT INTO t (rowid, k) VALUES (9223372036854775807, 'd')",
        "INSERT INTO t (k) VALUES ('e'), ('f')",
    ];
    assert_eq!(keys_after(table, &rounds), "a b c d e f theirs");
    let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t (rowid, k) VALUES (-9223372036854775808, 'a');";
    assert_eq!(keys_after(table, &["INSERT INTO t (rowid, k) VALUES (5, 'b')"]), "a b theirs");
    let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t (rowid, k) VALUES (-9223372036854775808, 'a'), (11, 'b');";
    assert_eq!(keys_after(table, &["UPDATE t SET rowid = 3 WHERE k = 'b'"]), "a b theirs");
    let table = "CREATE TABLE t (k TEXT PRIMARY KEY, v)";
    let rounds = [
        "INSERT INTO t (rowid, k) VALUES (-5, 'a'), (7, 'b')",
        "DELETE FROM t",
        "INSERT INTO t (rowid, k) VALUES (3, 'a')",
    ];
    assert_eq!(keys_after(table, &rounds), "a theirs");
}

#[test]
fn when_a_row_comes_again_after_another_one_took_its_rowid() {
    let table =
        "CREATE TABLE t (k TEXT PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3);";
    let rounds = [
        "DELETE FROM t WHERE k = 'c'; INSERT INTO t VALUES ('d', 4), ('c', 5)",
        "DELETE FROM t WHERE k IN ('c', 'd'); INSERT INTO t VALUES ('e', 5), ('d', 6), ('f', 7), ('c', 4); DELETE FROM t WHERE k = 'f'; REPLACE INTO t VALUES ('a', 8)",
    ];
    assert_eq!(keys_after(table, &rounds[..1]), "a1 b2 c5 d4 theirs");
    assert_eq!(keys_after(table, &rounds[..2]), "a8 b2 c4 d6 e5 theirs");
}

/// Whoever empties a table and fills it again gives its rows other rowids; users of the real D1 changed or deleted some meanwhile.
#[test]
fn when_a_table_is_emptied_and_filled_again() {
    let values = "('lang', 'en', 0), ('quota', '5', 0)";
    let again = format!("DELETE FROM t; INSERT INTO t (k, v, hits) VALUES {values}");
    let in_front = "DELETE FROM t; INSERT INTO t (k, v, hits) VALUES ('first', '1', 0), ('quota', '6', 0), ('lang', 'de', 0)";
    let rounds = [again.as_str(), in_front];
    let hits = "SELECT group_concat(k || v || hits, ' ') FROM (SELECT * FROM t ORDER BY k)";
    let theirs = "DELETE FROM t WHERE k = 'theme'; UPDATE t SET hits = 7 WHERE k = 'quota'; INSERT INTO t VALUES ('theirs', '', 1)";
    for key in ["TEXT NOT NULL UNIQUE", "TEXT UNIQUE", "TEXT PRIMARY KEY"] {
        let table = format!(
            "CREATE TABLE t (k {key}, v, hits); INSERT INTO t VALUES ('theme', 'dark', 0), {values};"
        );
        let after = asked_in_turn(&table, theirs, &rounds, hits);
        assert_eq!(after[1..], ["langen0 quota57 theirs1", "first10 langde0 quota67 theirs1"], "{key}");
    }
}

#[test]
fn when_a_new_row_got_the_rowid_of_one_that_went() {
    let table = "CREATE TABLE t (k TEXT UNIQUE, v); INSERT INTO t VALUES ('a', 1), ('b', 2);";
    let rounds = ["DELETE FROM t WHERE k = 'b'; INSERT INTO t VALUES ('c', 3)"];
    // Their users deleted it before.
    let theirs = "DELETE FROM t WHERE k = 'b'; INSERT INTO t VALUES ('theirs', NULL)";
    assert_eq!(asked_after(table, theirs, &rounds, KEYS), "a1 c3 theirs");
    // Nothing names the old row: it stays, but the new one comes.
    let rounds =
        ["INSERT INTO t VALUES (NULL, 2)", "DELETE FROM t WHERE v = 2; INSERT INTO t VALUES ('c', 3)"];
    for key in ["UNIQUE", ""] {
        let table = format!("CREATE TABLE t (k TEXT {key}, v); INSERT INTO t VALUES ('a', 1);");
        assert_eq!(keys_after(&table, &rounds), "-2 a1 c3 theirs", "{key}");
    }
}

#[test]
fn when_the_first_rows_of_a_table_leave_rowids_out() {
    let rounds = [
        "INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3); DELETE FROM t WHERE k = 'a'",
        "DELETE FROM t",
        "REPLACE INTO t VALUES ('a', 4); REPLACE INTO t VALUES ('a', 5)",
    ];
    let after = asked_in_turn(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v)",
        "INSERT INTO t (k) VALUES ('x'), ('y'), ('z')",
        &rounds,
        KEYS,
    );
    assert_eq!(after, ["x y z", "b2 c3 x y z", "x y z", "a5 x y z"]);
}

/// Children hang on one of two UNIQUE keys: the rows that have it are the same ones, whatever became of the other key.
#[test]
fn when_children_point_to_another_key_than_the_first() {
    let tables = "CREATE TABLE t (pos INTEGER NOT NULL UNIQUE, k TEXT NOT NULL UNIQUE, v);
                  CREATE TABLE c (id INTEGER PRIMARY KEY, k TEXT REFERENCES t (k) ON DELETE CASCADE);
                  INSERT INTO t VALUES (1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C'); INSERT INTO c VALUES (1, 'a');";
    let children = "SELECT group_concat(k || coalesce(pos, ''), ' ') FROM (SELECT k, pos FROM c LEFT JOIN t USING (k) ORDER BY c.id)";
    let theirs = "INSERT INTO c VALUES (900, 'a'), (901, 'b')";
    let refill = "PRAGMA foreign_keys = OFF; DELETE FROM t; INSERT INTO t VALUES (1, 'b', 'B'), (2, 'a', 'A'), (3, 'c', 'C')";
    let replace =
        "PRAGMA foreign_keys = OFF; REPLACE INTO t VALUES (2, 'a', 'A'); REPLACE INTO t VALUES (1, 'b', 'B')";
    for change in [refill, replace] {
        assert_eq!(asked_after(tables, theirs, &[change], children), "a2 a2 b1", "{change}");
    }
}

#[test]
fn when_children_point_to_a_row_without_the_key_that_names_others() {
    for key in ["k TEXT UNIQUE, code TEXT UNIQUE", "k TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE"] {
        let tables = format!(
            "CREATE TABLE t ({key}, v); CREATE TABLE c (id INTEGER PRIMARY KEY, code REFERENCES t (code) ON DELETE CASCADE ON UPDATE CASCADE);
             INSERT INTO t VALUES ('a', 'ca', 1), (NULL, 'cx', 2); INSERT INTO c VALUES (1, 'ca');"
        );
        let change = "DELETE FROM t WHERE code = 'cx'; INSERT INTO t VALUES (NULL, 'cx', 5)";
        let children = "SELECT group_concat(code || v, ' ') FROM (SELECT code, v FROM c LEFT JOIN t USING (code) ORDER BY c.id)";
        assert_eq!(
            asked_after(&tables, "INSERT INTO c VALUES (900, 'cx')", &[change], children),
            "ca1 cx5",
            "{key}"
        );
    }
}

/// A key changes that children follow; beside that, rows of a child go and others come that get their rowids.
#[test]
fn when_a_key_of_its_parent_changes_in_the_same_migration() {
    let orders = "SELECT group_concat(id || p || status, ' ') FROM (SELECT * FROM c ORDER BY id)";
    let theirs = "UPDATE c SET status = '!' WHERE id = 'o3'; DELETE FROM c WHERE id = 'o1'; INSERT INTO c VALUES ('theirs', 'b', '')";
    let one = "UPDATE p SET id = 'x' WHERE id = 'a'; DELETE FROM c WHERE id = 'o3'; INSERT INTO c VALUES ('o4', 'b', '')";
    let all = "UPDATE p SET id = 'x' WHERE id = 'a'; DELETE FROM c; INSERT INTO c VALUES ('o4', 'b', ''), ('o3', 'b', ''), ('o2', 'x', '')";
    for key in ["id TEXT PRIMARY KEY", "id TEXT NOT NULL UNIQUE"] {
        let tables = format!(
            "CREATE TABLE p (id TEXT PRIMARY KEY); INSERT INTO p VALUES ('a'), ('b');
             CREATE TABLE c ({key}, p TEXT NOT NULL REFERENCES p ON UPDATE CASCADE ON DELETE CASCADE, status);
             INSERT INTO c VALUES ('o1', 'a', ''), ('o2', 'a', ''), ('o3', 'b', '');"
        );
        assert_eq!(asked_after(&tables, theirs, &[one], orders), "o2x o4b theirsb", "{key}");
        assert_eq!(asked_after(&tables, theirs, &[all], orders), "o2x o3b! o4b theirsb", "{key}");
    }
}

/// The same where what points to the parent is a part of the key, and the new row comes before its parent's key changes.
#[test]
fn when_a_part_of_its_key_follows_a_parent() {
    let rows =
        "SELECT group_concat(p || n || v || coalesce(theirs, ''), ' ') FROM (SELECT * FROM c ORDER BY p, n)";
    let theirs = "UPDATE c SET theirs = '!' || v";
    let newest = "DELETE FROM c WHERE n = 5; INSERT INTO c VALUES ('b', 10, 'new', NULL); UPDATE p SET id = 'z' WHERE id = 'b'";
    let refill = "DELETE FROM c WHERE p = 'b'; INSERT INTO c VALUES ('b', 5, 'n5', NULL), ('b', 6, 'n6', NULL); UPDATE p SET id = 'z' WHERE id = 'b'";
    let again = "DELETE FROM c WHERE n = 5; INSERT INTO c VALUES ('b', 5, 'new', NULL); UPDATE p SET id = 'z' WHERE id = 'b'";
    for key in ["PRIMARY KEY (p, n)", "UNIQUE (p, n)"] {
        let tables = format!(
            "CREATE TABLE p (id TEXT PRIMARY KEY); INSERT INTO p VALUES ('a'), ('b'), ('c');
             CREATE TABLE c (p TEXT NOT NULL REFERENCES p ON UPDATE CASCADE ON DELETE CASCADE, n INTEGER NOT NULL, v, theirs, {key});
             INSERT INTO c VALUES ('a', 10, 'A', NULL), ('b', 20, 'B', NULL), ('b', 5, 'C', NULL);"
        );
        let after = |change| asked_after(&tables, theirs, &[change], rows);
        assert_eq!(after(newest), "a10A!A z10new z20B!B", "{key}");
        assert_eq!(after(refill), "a10A!A z5n5 z6n6", "{key}");
        // One that came under the whole key is the same row.
        assert_eq!(after(again), "a10A!A z5new!C z20B!B", "{key}");
    }
}
