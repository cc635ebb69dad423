//! The chapters. Statements may fail: then they must fail in the same way where the tables are tracked.

/// Tables, what a program does to them, and what it asks in the end.
#[derive(Clone, Copy)]
pub(super) struct Chapter {
    pub(super) name: &'static str,
    pub(super) schema: fn() -> String,
    pub(super) statements: fn() -> Vec<String>,
    pub(super) queries: &'static [&'static str],
}

pub(super) const CHAPTERS: &[Chapter] = &[
    Chapter { name: "values", schema: || VALUES.into(), statements: values, queries: &[] },
    Chapter { name: "keys", schema: || KEYS.into(), statements: || lines(KEY_CHANGES), queries: &[] },
    Chapter {
        name: "conflicts",
        schema: || CONFLICTS.into(),
        statements: || lines(CONFLICTING),
        queries: &[],
    },
    Chapter {
        name: "foreign keys",
        schema: || FOREIGN_KEYS.into(),
        statements: || lines(FAMILIES),
        queries: &[],
    },
    Chapter { name: "triggers", schema: || TRIGGERS.into(), statements: || lines(TRIGGERING), queries: &[] },
    Chapter { name: "features", schema: features, statements: feature_changes, queries: FEATURE_QUERIES },
    Chapter {
        name: "search",
        schema: || SEARCH.into(),
        statements: || lines(SEARCHED),
        queries: SEARCH_QUERIES,
    },
];

/// One statement a line.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

const VALUES: &str = "
    CREATE TABLE v (id INTEGER PRIMARY KEY, plain, t TEXT, r REAL, n NUMERIC, i INTEGER, b BLOB);
    CREATE TABLE v_strict (id INTEGER PRIMARY KEY, t TEXT, r REAL, i INT, b BLOB, any ANY) STRICT;
    INSERT INTO v (id, plain, r) VALUES (1000, 0.0, 0.0), (1001, -0.0, -0.0), (1002, 3, 3), (1003, '', ''), (1004, 'a', 'a');";

/// What something may get wrong on the way through text.
const HARD: [&str; 34] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
    "9007199254740993.0",
    "3.0",
    "-0.0",
    "0.1 + 0.2",
    "5e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e308",
    "9e999",
    "-9e999",
    "NULL",
    "''",
    "X''",
    "CAST(X'610062' AS TEXT)",
    "CAST(X'00' AS TEXT)",
    "'line' || char(13, 10) || 'line'",
    "'line' || char(10) || 'line\\n'",
    "char(13)",
    "'it''s \"quoted\" `so` [so]'",
    "'😀 ünï'",
    "CAST(X'FFFE41' AS TEXT)",
    "CAST(X'C3' AS TEXT)",
    "'-- no comment'",
    "'/* no comment' || char(10) || '*/;'",
    "'; DROP TABLE v;'",
    "'BEGIN ' || 'TRANSACTION; x; COMMIT;'",
    "'BEGIN ' || 'TRANSACTION; BEGIN ' || 'TRANSACTION; x; COMMIT; COMMIT;'",
    "'? ?1 :a @b $c $tag$ x $tag$'",
    "'9e999'",
    "' 12 '",
    "X'000D0A00FF'",
    "char(1, 8, 9, 11, 12, 27, 127, 8232, 65279)",
];

fn values() -> Vec<String> {
    let mut statements = Vec::new();
    for (number, value) in HARD.iter().enumerate() {
        let six = [*value; 6].join(", ");
        statements.push(format!("INSERT INTO v VALUES ({number}, {six})"));
        // Refused where a column does not take the type.
        for column in ["t", "r", "i", "b", "any"] {
            statements.push(format!("INSERT INTO v_strict (id, {column}) VALUES ({number}, {value}) ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}"));
        }
    }
    // A change that only the type, the sign or the case shows.
    for (id, value) in [(1000, "-0.0"), (1001, "0.0"), (1002, "3.0"), (1003, "X''"), (1004, "'A'")] {
        statements.push(format!("UPDATE v SET plain = {value}, r = {value} WHERE id = {id}"));
    }
    for number in 0..HARD.len() {
        let value = HARD[(number + 1) % HARD.len()];
        statements
            .push(format!("UPDATE v SET plain = {value}, b = {value} WHERE id = {number} RETURNING id"));
    }
    statements
}

const KEYS: &str = r#"
    CREATE TABLE k_int (id INTEGER PRIMARY KEY, v);
    CREATE TABLE k_auto (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
    CREATE TABLE k_text (id TEXT PRIMARY KEY, v);
    CREATE TABLE k_pair (a TEXT, b INTEGER, v, PRIMARY KEY (a, b));
    CREATE TABLE k_flat (a TEXT COLLATE NOCASE, b, v, PRIMARY KEY (b, a)) WITHOUT ROWID;
    CREATE TABLE k_case (id TEXT COLLATE NOCASE PRIMARY KEY, v);
    CREATE TABLE k_none (v);
    CREATE TABLE k_named (rowid TEXT, v);
    CREATE TABLE k_oid (oid INTEGER PRIMARY KEY, rowid, v);
    CREATE TABLE k_three (rowid, oid, _rowid_, v);
    CREATE TABLE k_three_key (rowid TEXT NOT NULL, oid, _rowid_ INTEGER NOT NULL, v, PRIMARY KEY (_rowid_, rowid));
    INSERT INTO k_int VALUES (1, 'a'), (2, 'b'), (3, 'c');
    INSERT INTO k_auto VALUES (7, 'a'), (40, 'b');
    INSERT INTO k_text VALUES ('a', 1), ('b', 2), (NULL, 3), (NULL, 3);
    INSERT INTO k_pair VALUES ('a', 1, 1), ('a', 2, 2), (NULL, 2, 3), (NULL, 2, 4);
    INSERT INTO k_flat VALUES ('a', 1, 1), ('a', 2, 2), ('b', 1.5, 3);
    INSERT INTO k_case VALUES ('a', 1), ('B', 2);
    INSERT INTO k_none (rowid, v) VALUES (3, 'x'), (9, 'x'), (12, 'y');
    INSERT INTO k_named VALUES ('a', 1), ('a', 1), ('b', 2);
    INSERT INTO k_oid VALUES (5, 'a', 1), (6, 'b', 2);
    INSERT INTO k_three VALUES (1, 2, 3, 'a'), (1, 2, 3, 'a'), (NULL, NULL, NULL, 'b');
    INSERT INTO k_three_key VALUES ('a', 1, 1, 'a'), ('b', 2, 1, 'b');"#;

const KEY_CHANGES: &str = r#"
    INSERT INTO k_int (v) VALUES ('next')
    INSERT INTO k_int VALUES (9223372036854775807, 'max'), (-9223372036854775808, 'min'), (9007199254740993, 'odd'), (0, 'zero'), (-1, 'minus')
    UPDATE k_int SET id = 4711 WHERE id = 1
    UPDATE k_int SET id = 1 WHERE id = 2
    UPDATE k_int SET id = 2 WHERE id = 4711
    UPDATE k_int SET id = id - 1, v = v || '!' WHERE id = 9223372036854775807
    DELETE FROM k_int WHERE id = 3
    INSERT INTO k_auto (v) VALUES ('next')
    DELETE FROM k_auto WHERE id >= 40
    INSERT INTO k_auto (v) VALUES ('after the gap') RETURNING id
    DELETE FROM k_auto WHERE id > 40
    UPDATE k_text SET id = 'c' WHERE id = 'a'
    UPDATE k_text SET id = 'a' WHERE id = 'b'
    UPDATE k_text SET id = 'b' WHERE id = 'c'
    UPDATE k_text SET v = 4 WHERE id IS NULL AND rowid = 3
    DELETE FROM k_text WHERE id IS NULL AND rowid = 4
    INSERT INTO k_text VALUES (NULL, 5), ('it''s; --', 6), (X'00', 7), ('1', 8), (1.0, 9)
    UPDATE k_pair SET b = 3 WHERE a = 'a' AND b = 1
    UPDATE k_pair SET b = 1 WHERE a = 'a' AND b = 2
    UPDATE k_pair SET b = 2 WHERE a = 'a' AND b = 3
    UPDATE k_pair SET v = v * 10 WHERE a IS NULL
    DELETE FROM k_pair WHERE v = 40
    UPDATE k_flat SET a = 'A' WHERE a = 'a' AND b = 1
    UPDATE k_flat SET b = 3 WHERE a = 'a' AND b = 2
    UPDATE k_flat SET b = '1.5' WHERE b = 1.5
    INSERT INTO k_flat VALUES ('c', X'01', 4), ('c', '', 5), ('A', 1, 6)
    UPDATE k_case SET id = 'A' WHERE id = 'a'
    UPDATE k_case SET id = 'x' WHERE id = 'a'
    UPDATE k_case SET id = 'a' WHERE id = 'b'
    UPDATE k_case SET id = 'b' WHERE id = 'x'
    INSERT INTO k_case VALUES ('b', 3)
    INSERT INTO k_none (rowid, v) VALUES (100, 'z'), (5, 'x')
    INSERT INTO k_none VALUES ('next')
    UPDATE k_none SET v = 'changed' WHERE rowid = 9
    UPDATE k_none SET rowid = 50 WHERE rowid = 12
    DELETE FROM k_none WHERE rowid = 3
    UPDATE k_named SET v = 5 WHERE _rowid_ = 2
    UPDATE k_named SET rowid = 'A' WHERE _rowid_ = 1
    DELETE FROM k_named WHERE rowid = 'b'
    INSERT INTO k_named VALUES ('c', NULL)
    UPDATE k_oid SET oid = 4711 WHERE oid = 5
    UPDATE k_oid SET rowid = 'c', oid = 5 WHERE oid = 6
    INSERT INTO k_oid (rowid) VALUES ('next') RETURNING oid
    UPDATE k_three SET v = 'c' WHERE v = 'b'
    INSERT INTO k_three VALUES (X'', '', 0.0, 'd')
    DELETE FROM k_three WHERE v = 'a'
    UPDATE k_three_key SET rowid = 'c' WHERE rowid = 'a'
    UPDATE k_three_key SET rowid = 'a' WHERE rowid = 'b'
    UPDATE k_three_key SET rowid = 'b', v = 'traded' WHERE rowid = 'c'
    INSERT INTO k_three_key VALUES ('c', NULL, 2, 'new')"#;

const CONFLICTS: &str = "
    CREATE TABLE c (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n INTEGER, v);
    CREATE TABLE c_ignore (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT IGNORE, v NOT NULL ON CONFLICT IGNORE);
    CREATE TABLE c_fail (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT FAIL, v NOT NULL ON CONFLICT FAIL);
    CREATE TABLE c_roll (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT ROLLBACK);
    CREATE TABLE c_replace (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u UNIQUE ON CONFLICT REPLACE, v NOT NULL ON CONFLICT REPLACE DEFAULT 'd');
    CREATE TABLE c_partial (id INTEGER PRIMARY KEY, u, live);
    CREATE UNIQUE INDEX c_partial_u ON c_partial (u) WHERE live;
    CREATE TABLE c_expr (id INTEGER PRIMARY KEY, u TEXT, v);
    CREATE UNIQUE INDEX c_expr_u ON c_expr (lower(u), v COLLATE NOCASE DESC);
    CREATE TABLE c_pair (a, b, v, UNIQUE (a, b));
    CREATE TABLE c_ring (id INTEGER PRIMARY KEY, u INTEGER UNIQUE NOT NULL);
    INSERT INTO c VALUES (1, 'a', 1, 0), (2, 'b', 2, 0), (3, 'c', 3, 0), (4, 'd', 4, 0), (5, NULL, 5, 0);
    INSERT INTO c_ignore VALUES (1, 'a', 1), (2, 'b', 2);
    INSERT INTO c_fail VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
    INSERT INTO c_roll VALUES (1, 'a'), (2, 'b');
    INSERT INTO c_replace VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
    INSERT INTO c_partial VALUES (1, 'a', 1), (2, 'a', 0), (3, 'b', 1);
    INSERT INTO c_expr VALUES (1, 'A', 'x'), (2, 'b', 'X'), (3, 'c', 'y');
    INSERT INTO c_pair VALUES (1, 1, 'a'), (1, 2, 'b'), (NULL, 1, 'c'), (NULL, 1, 'd');
    INSERT INTO c_ring WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 11) SELECT i, i FROM n;";

const CONFLICTING: &str = "
    INSERT INTO c VALUES (1, 'x', 0, 0)
    INSERT OR REPLACE INTO c VALUES (1, 'x', 10, 1) RETURNING *
    INSERT OR REPLACE INTO c VALUES (50, 'b', 20, 1)
    REPLACE INTO c (id, u, n) VALUES (3, 'd', 30)
    UPDATE OR REPLACE c SET u = 'x' WHERE id = 3
    UPDATE OR IGNORE c SET u = 'b' WHERE id = 3
    UPDATE OR FAIL c SET u = 'same'
    INSERT INTO c VALUES (60, 'b', 1, 1) ON CONFLICT (u) DO UPDATE SET n = n + excluded.n, id = excluded.id
    INSERT INTO c VALUES (60, 'zz', 1, 1) ON CONFLICT DO NOTHING
    INSERT INTO c VALUES (61, 'b', 1, 1) ON CONFLICT (id) DO NOTHING ON CONFLICT (u) DO UPDATE SET v = 'second' WHERE n > 0 RETURNING v
    DELETE FROM c WHERE u = 'b'
    INSERT INTO c VALUES (70, 'b', 70, 70)
    INSERT OR IGNORE INTO c VALUES (71, 'b', 0, 0), (72, 'new', 0, 0)
    INSERT INTO c_ignore VALUES (3, 'a', 3), (4, 'd', NULL), (5, 'e', 5)
    UPDATE c_ignore SET u = 'a' WHERE id = 5
    INSERT INTO c_fail VALUES (4, 'd', 4), (5, 'a', 5), (6, 'f', 6)
    UPDATE c_fail SET v = NULL WHERE id = 1
    UPDATE c_fail SET u = 'same'
    INSERT INTO c_roll VALUES (3, 'c'), (4, 'a')
    UPDATE c_roll SET u = 'b' WHERE id = 1
    INSERT INTO c_replace VALUES (1, 'b', 9), (4, 'd', NULL)
    UPDATE c_replace SET u = 'c' WHERE id = 4
    UPDATE c_replace SET id = 1 WHERE id = 4
    INSERT INTO c_partial VALUES (4, 'a', 1)
    INSERT INTO c_partial VALUES (5, 'a', NULL), (6, 'a', 0)
    UPDATE c_partial SET live = 0 WHERE id = 1
    UPDATE c_partial SET live = 1 WHERE id = 2
    INSERT OR REPLACE INTO c_partial VALUES (7, 'a', 2)
    UPDATE OR REPLACE c_partial SET live = 1 WHERE id = 6
    INSERT INTO c_expr VALUES (4, 'a', 'X')
    UPDATE c_expr SET u = 'Q' WHERE id = 1
    UPDATE c_expr SET u = 'A' WHERE id = 2
    UPDATE c_expr SET u = 'B' WHERE id = 1
    INSERT OR REPLACE INTO c_expr VALUES (9, 'C', 'Y')
    UPDATE c_pair SET b = 3 WHERE b = 1 AND a = 1
    UPDATE c_pair SET b = 1 WHERE b = 2
    UPDATE c_pair SET b = 2 WHERE b = 3
    INSERT OR REPLACE INTO c_pair VALUES (1, 1, 'new'), (NULL, 1, 'e')
    UPDATE c SET u = 'park' WHERE id = 3
    UPDATE c SET u = 'x' WHERE id = 5
    UPDATE c SET u = 'same' WHERE u = 'new'
    UPDATE c SET u = 'new' WHERE id = 3
    UPDATE c_ring SET u = -u - 1
    UPDATE c_ring SET u = -u % 12";

const FOREIGN_KEYS: &str = "
    CREATE TABLE f (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, v);
    CREATE TABLE f_cascade (id INTEGER PRIMARY KEY, f REFERENCES f (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE f_grand (id INTEGER PRIMARY KEY, c REFERENCES f_cascade (id) ON DELETE CASCADE, v);
    CREATE TABLE f_null (id INTEGER PRIMARY KEY, f TEXT REFERENCES f (slug) ON DELETE SET NULL ON UPDATE SET NULL);
    CREATE TABLE f_default (id INTEGER PRIMARY KEY, f INTEGER DEFAULT 1 REFERENCES f (id) ON DELETE SET DEFAULT ON UPDATE SET DEFAULT);
    CREATE TABLE f_restrict (id INTEGER PRIMARY KEY, f REFERENCES f (id) ON DELETE RESTRICT ON UPDATE RESTRICT);
    CREATE TABLE f_deferred (id INTEGER PRIMARY KEY, f REFERENCES f (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE f_self (id INTEGER PRIMARY KEY, up REFERENCES f_self (id) ON DELETE CASCADE);
    CREATE TABLE f_two_a (id INTEGER PRIMARY KEY, b REFERENCES f_two_b (id) ON DELETE CASCADE);
    CREATE TABLE f_two_b (id INTEGER PRIMARY KEY, a REFERENCES f_two_a (id) ON DELETE SET NULL);
    CREATE TABLE f_ring_a (id TEXT PRIMARY KEY, b REFERENCES f_ring_b (id) ON UPDATE CASCADE);
    CREATE TABLE f_ring_b (id TEXT PRIMARY KEY, c REFERENCES f_ring_c (id) ON UPDATE CASCADE);
    CREATE TABLE f_ring_c (id TEXT PRIMARY KEY, a REFERENCES f_ring_a (id) ON UPDATE CASCADE ON DELETE SET NULL) WITHOUT ROWID;
    CREATE TABLE f_pair (a TEXT, b INTEGER, v, PRIMARY KEY (a, b));
    CREATE TABLE f_pair_child (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, FOREIGN KEY (a, b) REFERENCES f_pair ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE a_child (id INTEGER PRIMARY KEY, f REFERENCES f (id) ON DELETE CASCADE);
    INSERT INTO f VALUES (1, 'one', 0), (2, 'two', 0), (3, 'three', 0), (4, 'four', 0), (5, 'five', 0), (6, 'six', 0), (7, 'seven', 0);
    INSERT INTO f_cascade VALUES (1, 2), (2, 2), (3, 3), (4, 4);
    INSERT INTO f_grand VALUES (1, 1, 'x'), (2, 3, 'y'), (3, 4, 'z');
    INSERT INTO f_null VALUES (1, 'two'), (2, 'three'), (3, NULL);
    INSERT INTO f_default VALUES (1, 2), (2, 3), (3, 4);
    INSERT INTO f_restrict VALUES (1, 5), (2, 6);
    INSERT INTO f_deferred VALUES (1, 6), (2, 1);
    INSERT INTO f_self VALUES (1, NULL), (2, 1), (3, 2), (4, 4), (5, 3);
    INSERT INTO f_two_a VALUES (1, NULL), (2, NULL);
    INSERT INTO f_two_b VALUES (1, 1), (2, 2);
    UPDATE f_two_a SET b = 3 - id;
    INSERT INTO f_ring_a VALUES ('a', NULL), ('x', NULL);
    INSERT INTO f_ring_c VALUES ('c', 'a'), ('z', 'x');
    INSERT INTO f_ring_b VALUES ('b', 'c'), ('y', 'z');
    UPDATE f_ring_a SET b = iif(id = 'a', 'b', 'y');
    INSERT INTO f_pair VALUES ('p', 1, 1), ('p', 2, 2), ('q', 1, 3);
    INSERT INTO f_pair_child VALUES (1, 'p', 1), (2, 'p', 2), (3, 'q', NULL), (4, NULL, 7);
    INSERT INTO a_child VALUES (1, 4), (2, 7);";

const FAMILIES: &str = "
    DELETE FROM f WHERE id = 5
    UPDATE f_restrict SET f = 1 WHERE f = 5
    DELETE FROM f WHERE id = 5
    UPDATE f SET id = 60 WHERE id = 6
    DELETE FROM f_restrict WHERE f = 6
    UPDATE f_deferred SET f = 2 WHERE id = 1
    UPDATE f SET id = 60 WHERE id = 6
    UPDATE f_cascade SET f = 1 WHERE id = 1
    UPDATE f SET slug = 'TWO' WHERE id = 2
    UPDATE f SET id = 30, slug = '3' WHERE id = 3
    DELETE FROM f_deferred WHERE f = 2
    DELETE FROM f WHERE id = 2
    UPDATE a_child SET f = 1 WHERE f = 7
    DELETE FROM f WHERE id = 7
    DELETE FROM f WHERE id = 4
    INSERT INTO f VALUES (4, 'four', 'again'), (2, 'two', 'again')
    INSERT INTO a_child VALUES (3, 4), (4, 2)
    INSERT INTO f_cascade VALUES (9, 99)
    INSERT INTO f_null VALUES (9, 'nobody')
    UPDATE f_null SET f = 'two' WHERE id = 3
    INSERT INTO f_self VALUES (10, 11), (11, 12), (12, 10)
    UPDATE f_self SET id = 20 WHERE id = 5
    DELETE FROM f_self WHERE id = 2
    INSERT OR REPLACE INTO f_self VALUES (4, 4)
    DELETE FROM f_two_a WHERE id = 1
    INSERT INTO f_two_b VALUES (7, NULL)
    UPDATE f_two_b SET a = NULL
    UPDATE f_ring_a SET id = 'A' WHERE id = 'a'
    UPDATE f_ring_b SET id = 'swap' WHERE id = 'b'
    UPDATE f_ring_b SET id = 'b' WHERE id = 'y'
    UPDATE f_ring_b SET id = 'y' WHERE id = 'swap'
    DELETE FROM f_ring_a WHERE id = 'x'
    UPDATE f_pair SET b = 3 WHERE a = 'p' AND b = 1
    UPDATE f_pair SET a = 'r', b = 1 WHERE a = 'p' AND b = 2
    DELETE FROM f_pair WHERE a = 'q'
    INSERT INTO f_pair_child VALUES (5, 'p', 99)
    INSERT INTO f_pair_child VALUES (5, 'p', 3)";

const TRIGGERS: &str = r#"
    CREATE TABLE t_log (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);
    CREATE TABLE t_count (tbl TEXT PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, touched TEXT);
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, updated_at TEXT);
    CREATE TABLE t_chain (id INTEGER PRIMARY KEY, v INTEGER);
    CREATE TABLE t_end (id INTEGER PRIMARY KEY, "end" TEXT, "begin" TEXT, "case" INTEGER);
    CREATE VIEW t_view AS SELECT id, name || '!' AS loud FROM t;
    CREATE TRIGGER t_counter AFTER INSERT ON t BEGIN
      INSERT OR IGNORE INTO t_count (tbl) VALUES ('t');
      UPDATE t_count SET n = n + 1 WHERE tbl = 't';
    END;
    CREATE TRIGGER t_counted AFTER DELETE ON t BEGIN UPDATE t_count SET n = n - 1 WHERE tbl = 't'; END;
    CREATE TRIGGER t_touch AFTER UPDATE OF name ON t FOR EACH ROW WHEN new.name IS NOT old.name
    BEGIN -- keeps the year
      UPDATE t SET updated_at = strftime('%Y', 'now') /* in UTC */ WHERE id = new.id;
    END;
    CREATE TRIGGER t_logged AFTER UPDATE ON t begin
      insert into t_log (what) values (case when new.n is null then 'it''s  nothing;' when new.n > 5 then case new.n when 6 then 'six -- END;' else "other" end else 'few' end || new.name);
    end;
    CREATE TRIGGER t_abort BEFORE INSERT ON t WHEN new.n = -1 BEGIN SELECT RAISE(ABORT, 'no; not -1'); END;
    CREATE TRIGGER t_fail BEFORE UPDATE ON t WHEN new.n = -2 BEGIN SELECT RAISE(FAIL, 'not -2'); END;
    CREATE TRIGGER t_roll BEFORE UPDATE ON t WHEN new.n = -3 BEGIN SELECT RAISE(ROLLBACK, 'not -3'); END;
    CREATE TRIGGER t_skip BEFORE DELETE ON t WHEN old.n = 42 BEGIN SELECT RAISE(IGNORE); END;
    CREATE TRIGGER t_before BEFORE DELETE ON t BEGIN INSERT INTO t_log (what) VALUES ('goes: ' || old.id); DELETE FROM t_chain WHERE id = old.id; END;
    CREATE TRIGGER chain_1 AFTER INSERT ON t_chain WHEN new.v < 3 BEGIN UPDATE t_chain SET v = v + 1 WHERE id = new.id; END;
    CREATE TRIGGER chain_2 AFTER UPDATE ON t_chain BEGIN INSERT INTO t (name, n) VALUES ('chained', new.v); END;
    CREATE TRIGGER "t ""odd""; name" AFTER INSERT ON t_end BEGIN
      UPDATE t_end SET "end" = CASE "case" WHEN 1 THEN "begin" ELSE 'END;' END WHERE id = new.id;
    END;
    CREATE TRIGGER view_insert INSTEAD OF INSERT ON t_view BEGIN INSERT INTO t (id, name) VALUES (new.id, replace(new.loud, '!', '')); END;
    CREATE TRIGGER view_update INSTEAD OF UPDATE OF loud ON t_view BEGIN UPDATE t SET name = trim(new.loud, '!') WHERE id = old.id; END;
    CREATE TRIGGER view_delete INSTEAD OF DELETE ON t_view BEGIN DELETE FROM t WHERE id = old.id; INSERT INTO t_log (what) VALUES ('by view'); END;
    INSERT INTO t VALUES (1, 'a', 1, '2000'), (2, 'b', 2, '2000'), (3, 'c', 42, '2000');"#;

const TRIGGERING: &str = "
    INSERT INTO t (name, n) VALUES ('d', 4), ('e', 5) RETURNING id
    INSERT INTO t (name, n) VALUES ('f', 6), ('g', -1)
    UPDATE t SET n = id * 2
    UPDATE t SET n = 42 WHERE id = 3
    UPDATE t SET name = 'A' WHERE id = 1
    UPDATE t SET updated_at = 'by hand' WHERE id = 1
    UPDATE t SET name = name WHERE id = 2
    UPDATE t SET n = -2 WHERE id > 1
    UPDATE t SET n = iif(id = 2, -3, 8)
    UPDATE t SET n = NULL WHERE id = 2
    DELETE FROM t WHERE id IN (3, 4)
    INSERT INTO t_chain VALUES (5, 1), (6, 3), (7, 2)
    UPDATE t_chain SET v = 9 WHERE id = 6
    DELETE FROM t WHERE id = 5
    INSERT INTO t_end (id, \"begin\", \"case\") VALUES (1, 'x', 1), (2, 'y', 2)
    INSERT INTO t_view VALUES (90, 'seen!')
    UPDATE t_view SET loud = 'louder!!' WHERE id = 90
    UPDATE t_view SET id = 91 WHERE id = 90
    DELETE FROM t_view WHERE id = 1
    INSERT OR REPLACE INTO t VALUES (90, 'replaced', 7, NULL)
    DELETE FROM t_count WHERE n < 0";

const FEATURES: &str = r#"
    CREATE TABLE "s generated" (id INTEGER PRIMARY KEY, a INTEGER, stored AS (a * 2) STORED UNIQUE, virt TEXT AS (a || '!') VIRTUAL);
    CREATE INDEX s_virt ON "s generated" (virt);
    CREATE TABLE s_default (id INTEGER PRIMARY KEY, a DEFAULT (1 + 2), b TEXT DEFAULT 'it''s; -- ?', c DEFAULT (strftime('%Y', 'now')), d BLOB DEFAULT X'00', e REAL NOT NULL DEFAULT 3);
    CREATE TABLE s_strict (id INT PRIMARY KEY, t TEXT NOT NULL, r REAL, any ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE s_check (id INTEGER PRIMARY KEY, a CHECK (a > 0), j TEXT CHECK (json_valid(j)), CHECK (a IS NOT 13 OR j IS NULL));
    CREATE TABLE s_collate (a TEXT COLLATE NOCASE, b TEXT COLLATE RTRIM, UNIQUE (a, b));
    CREATE INDEX s_partial ON s_check (a) WHERE a > 5;
    CREATE INDEX s_expr ON s_check (a + 1, json_extract(j, '$.x') COLLATE NOCASE);
    CREATE VIEW "a view" AS SELECT * FROM "z view" WHERE a > 1;
    CREATE VIEW "z view" AS SELECT id, a FROM s_check UNION ALL SELECT id, a FROM "s generated";
    CREATE VIEW cte (n) AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n;
    CREATE TABLE changefeed (id INTEGER PRIMARY KEY, at TEXT);
    CREATE TABLE "select" ("from" TEXT PRIMARY KEY, "group by" INTEGER, "order" REAL);
    CREATE TABLE "two words" ("a b" INTEGER PRIMARY KEY, "c""d" TEXT, "e]f" TEXT);
    CREATE TABLE "a.b" ("c.d" TEXT, "100%_x" TEXT UNIQUE);
    CREATE TABLE 'it''s' ("it's" INTEGER PRIMARY KEY, "ünï 😀" TEXT, "?1" TEXT, ";--" TEXT);
    CREATE TABLE "ünï" (id INTEGER PRIMARY KEY, old, new, excluded, rowid);
    INSERT INTO "s generated" (id, a) VALUES (1, 1), (2, 2), (3, 3);
    INSERT INTO s_default DEFAULT VALUES;
    INSERT INTO s_strict VALUES (1, 'a', 1, 1), (2, 'b', 2, X'02');
    INSERT INTO s_check VALUES (1, 1, '{}'), (2, 7, '{"x":"A"}');
    INSERT INTO s_collate VALUES ('a', 'b'), ('c', 'd  ');
    INSERT INTO changefeed VALUES (1, 'x'), (2, 'y');
    INSERT INTO "select" VALUES ('a', 1, 1), ('b', 2, 2);
    INSERT INTO "two words" VALUES (1, 'x', 'y'), (2, 'x', 'y');
    INSERT INTO "a.b" VALUES ('a', 'b'), ('c', 'd');
    INSERT INTO 'it''s' VALUES (1, 'a', 'b', 'c');
    INSERT INTO "ünï" VALUES (1, 1, 2, 3, 4);"#;

/// With three tables of as many columns as D1 takes: of every affinity; with a key of many columns and names so long that a
/// trigger that lists them is longer than a statement; and with many unique columns.
fn features() -> String {
    let kinds = ["INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", ""];
    let columns = |column: &dyn Fn(usize) -> String| (1..100).map(column).collect::<Vec<_>>().join(", ");
    let name = |number: usize| match number {
        99 => "c99".to_owned(),
        _ => format!("c{number}_with_a_name_that_is_as_long_as_it_can_be_in_life"),
    };
    let wide = columns(&|number| format!("c{number} {}", kinds[number % 6]));
    let wide_key = columns(&|number| name(number));
    let key: Vec<String> = (1..40).map(name).collect();
    let wide_unique = columns(&|number| format!("c{number}{}", if number < 60 { " UNIQUE" } else { "" }));
    let [wide_rows, key_rows, unique_rows] =
        [("wide", ["1", "5"]), ("wide_key", ["'k1'", "'k2'"]), ("wide_unique", ["'u1'", "'u2'"])]
            .map(|(table, firsts)| firsts.map(|first| insert_wide(table, first)).join(";\n"));
    format!(
        "{FEATURES}
        CREATE TABLE wide (c0 INTEGER PRIMARY KEY, {wide});
        CREATE TABLE wide_key (c0 TEXT, {wide_key}, PRIMARY KEY (c0, {})) WITHOUT ROWID;
        CREATE TABLE wide_unique (c0 TEXT UNIQUE, {wide_unique});
        {wide_rows}; {key_rows}; {unique_rows};
        ANALYZE;",
        key.join(", ")
    )
}

fn insert_wide(table: &str, first: &str) -> String {
    let rest: Vec<String> = (1..100).map(|column| format!("{first} || '{column}'")).collect();
    format!("INSERT INTO {table} VALUES ({first}, {})", rest.join(", "))
}

const FEATURE_CHANGES: &str = r#"
    INSERT INTO "s generated" (id, a) VALUES (4, 1)
    INSERT INTO "s generated" (a) VALUES (4) RETURNING *
    UPDATE "s generated" SET a = 30 WHERE id = 3
    UPDATE "s generated" SET a = 3 WHERE id = 2
    UPDATE "s generated" SET a = 2 WHERE id = 3
    DELETE FROM "s generated" WHERE virt = '1!'
    INSERT INTO s_default DEFAULT VALUES
    INSERT INTO s_default (a) VALUES (NULL) RETURNING *
    UPDATE s_default SET e = 4, d = NULL WHERE id = 1
    INSERT INTO s_strict VALUES (3, 'c', 'no', 1)
    INSERT INTO s_strict VALUES ('4', 4, 4, '4')
    UPDATE s_strict SET any = 2.0 WHERE id = 2
    UPDATE s_strict SET id = 10 WHERE id = 1
    INSERT INTO s_check VALUES (3, 0, NULL)
    INSERT INTO s_check VALUES (3, 3, 'no json')
    INSERT INTO s_check VALUES (3, 13, NULL), (4, 8, '[1, 2]')
    UPDATE s_check SET a = 13, j = NULL WHERE id = 2
    UPDATE s_check SET j = '{"x": "it''s"}' WHERE id = 1
    INSERT INTO s_collate VALUES ('A', 'b  ')
    UPDATE s_collate SET a = 'A', b = 'b ' WHERE a = 'a'
    UPDATE s_collate SET a = upper(a) WHERE b = 'd'
    INSERT INTO changefeed (at) VALUES ('z')
    UPDATE changefeed SET at = 'X' WHERE id = 1
    DELETE FROM changefeed WHERE id = 2
    UPDATE "select" SET "group by" = 5, "from" = 'c' WHERE "from" = 'a'
    DELETE FROM "select" WHERE "order" = 2
    INSERT INTO "select" VALUES ('values', NULL, -0.0)
    UPDATE "two words" SET "c""d" = 'it''s', "e]f" = NULL WHERE "a b" = 2
    INSERT INTO "two words" VALUES (3, '', '""')
    UPDATE "a.b" SET "c.d" = 'A', "100%_x" = 'x' WHERE "c.d" = 'a'
    UPDATE "a.b" SET "100%_x" = 'b' WHERE "c.d" = 'c'
    INSERT INTO "a.b" VALUES ('%', '_')
    UPDATE 'it''s' SET "ünï 😀" = '😀', "?1" = '?1', ";--" = ';--'
    INSERT INTO 'it''s' ("ünï 😀") VALUES ('x')
    UPDATE "ünï" SET old = new, new = old, excluded = 'e', rowid = 'r'
    INSERT INTO "ünï" (old) VALUES (1) ON CONFLICT DO NOTHING
    INSERT INTO "a view" VALUES (1, 1)
    UPDATE wide SET c0 = c0 + 1, c1 = 'it''s', c2 = 2.5, c3 = 3.0, c4 = X'04', c99 = 'last' WHERE c0 = 1
    UPDATE wide SET c50 = NULL
    DELETE FROM wide WHERE c0 = 5
    UPDATE wide_key SET c0 = 'new', c99 = 1 WHERE c0 = 'k1'
    DELETE FROM wide_key WHERE c0 = 'k2'
    UPDATE wide_unique SET c3 = 'x' WHERE c3 = 'u13'
    ANALYZE"#;

fn feature_changes() -> Vec<String> {
    let mut statements = lines(FEATURE_CHANGES);
    let new = [("wide", "7"), ("wide_key", "'k7'"), ("wide_unique", "'u7'")];
    statements.extend(new.map(|(table, first)| insert_wide(table, first)));
    statements
}

const FEATURE_QUERIES: &[&str] = &[
    "SELECT id || ' ' || a FROM \"a view\" ORDER BY 1",
    "SELECT n FROM cte",
    "SELECT virt FROM \"s generated\" ORDER BY id",
];

const SEARCH: &str = "
    CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
    CREATE VIRTUAL TABLE posts_fts USING fts5(title, body, content='posts', content_rowid='id', prefix='2 3');
    CREATE TRIGGER posts_ai AFTER INSERT ON posts BEGIN INSERT INTO posts_fts(rowid, title, body) VALUES (new.id, new.title, new.body); END;
    CREATE TRIGGER posts_ad AFTER DELETE ON posts BEGIN INSERT INTO posts_fts(posts_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
    CREATE TRIGGER posts_au AFTER UPDATE ON posts BEGIN
      INSERT INTO posts_fts(posts_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
      INSERT INTO posts_fts(rowid, title, body) VALUES (new.id, new.title, new.body);
    END;
    CREATE TABLE pages (id INTEGER PRIMARY KEY, body TEXT);
    CREATE VIRTUAL TABLE pages_fts USING fts5(body, tokenize='trigram');
    CREATE TRIGGER pages_ai AFTER INSERT ON pages BEGIN INSERT INTO pages_fts(rowid, body) VALUES (new.id, new.body); END;
    CREATE TRIGGER pages_ad AFTER DELETE ON pages BEGIN DELETE FROM pages_fts WHERE rowid = old.id; END;
    CREATE TRIGGER pages_au AFTER UPDATE ON pages BEGIN UPDATE pages_fts SET body = new.body WHERE rowid = new.id; END;
    CREATE VIRTUAL TABLE own USING fts5(a, b UNINDEXED, tokenize='porter unicode61 remove_diacritics 2');
    CREATE VIRTUAL TABLE bare USING fts5(x, content='', detail=full);
    CREATE VIRTUAL TABLE uncounted USING fts5(x, content='', columnsize=0);
    CREATE VIRTUAL TABLE stored USING fts5(x, y UNINDEXED, content='', contentless_unindexed=1, contentless_delete=1);
    CREATE VIEW post_text AS SELECT id, title || ' ' || body AS t FROM posts;
    CREATE VIRTUAL TABLE view_fts USING fts5(t, content='post_text', content_rowid='id');
    CREATE VIRTUAL TABLE \"odd 'name'\" USING fts5(\"the text\", detail=column);
    CREATE VIRTUAL TABLE areas USING rtree(id, min_x, max_x, min_y, max_y, +name, +data);
    CREATE VIRTUAL TABLE grid USING rtree_i32(id, a, b);
    INSERT INTO posts VALUES (1, 'hello world', 'first post'), (2, 'goodbye', 'second post'), (3, 'third', 'hello hello');
    INSERT INTO pages VALUES (1, 'walking dogs'), (2, 'cats');
    INSERT INTO own (rowid, a, b) VALUES (5, 'running dogs', 'u'), (7, 'cafés', 3), (8, 'cats', NULL);
    INSERT INTO bare (rowid, x) VALUES (1, 'words without a text'), (9, 'more words');
    INSERT INTO uncounted (rowid, x) VALUES (1, 'one two'), (5, 'three');
    INSERT INTO stored (rowid, x, y) VALUES (1, 'one', 'kept'), (2, 'two', X'00'), (3, 'three', NULL);
    INSERT INTO view_fts(view_fts) VALUES ('rebuild');
    INSERT INTO \"odd 'name'\" VALUES ('it''s odd'), ('even');
    INSERT INTO areas VALUES (3, 1.1, 2.2, 0, 1, 'a', X'00'), (4, 5, 6, 7, 8, NULL, NULL);
    INSERT INTO grid VALUES (1, -5, 5), (2, 0, 2147483647);
    INSERT INTO own(own, rank) VALUES ('rank', 'bm25(10.0, 5.0)');
    INSERT INTO posts_fts(posts_fts, rank) VALUES ('automerge', 8);";

const SEARCHED: &str = "
    UPDATE posts SET title = 'hello mars' WHERE id = 1
    DELETE FROM posts WHERE id = 2
    INSERT INTO posts VALUES (9, 'a new post', 'xyz')
    UPDATE posts SET id = 30 WHERE id = 3
    INSERT INTO posts_fts(posts_fts, rank) VALUES ('rank', 'bm25(10.0, 1.0)')
    INSERT INTO pages (body) VALUES ('jumping')
    UPDATE pages SET body = 'sleeping cats' WHERE id = 2
    DELETE FROM pages WHERE id = 1
    UPDATE own SET a = 'horses' WHERE rowid = 5
    DELETE FROM own WHERE rowid = 8
    INSERT INTO own VALUES ('z', 'y')
    INSERT INTO own(own, rank) VALUES ('rank', 'bm25(1.0)')
    INSERT INTO bare(bare, rowid, x) VALUES ('delete', 9, 'more words')
    INSERT INTO bare (rowid, x) VALUES (10, 'later')
    INSERT INTO uncounted (rowid, x) VALUES (7, 'seven')
    INSERT INTO stored (rowid, x, y) VALUES (4, 'four', 4.5)
    DELETE FROM stored WHERE rowid = 2
    INSERT OR REPLACE INTO stored (rowid, x, y) VALUES (1, 'one', 'changed')
    INSERT INTO view_fts(view_fts) VALUES ('rebuild')
    DELETE FROM \"odd 'name'\" WHERE \"the text\" = 'even'
    INSERT INTO \"odd 'name'\" VALUES ('odder')
    INSERT INTO \"odd 'name'\"(\"odd 'name'\") VALUES ('optimize')
    UPDATE areas SET max_x = 7, name = 'b' WHERE id = 3
    DELETE FROM areas WHERE id = 4
    INSERT INTO areas VALUES (5, 1, 2.5, 3, 4, 'z', 'text')
    INSERT INTO areas VALUES (6, 9, 1, 0, 0, 'refused', NULL)
    UPDATE grid SET id = 7 WHERE id = 2
    INSERT INTO grid VALUES (8, 1, 2)";

const SEARCH_QUERIES: &[&str] = &[
    "SELECT rowid FROM posts_fts('hello') ORDER BY rank",
    "SELECT rank FROM posts_fts('hello') ORDER BY rank",
    "SELECT rowid FROM posts_fts('goodbye')",
    "SELECT rowid FROM posts_fts('he*')",
    "SELECT snippet(posts_fts, 0, '[', ']', '…', 2) FROM posts_fts('mars')",
    "SELECT rowid FROM pages_fts('leep')",
    "SELECT rowid FROM pages_fts('alk')",
    "SELECT rowid FROM own('horse OR cafe OR cat')",
    "SELECT rank FROM own('horse OR cafe')",
    "SELECT rowid FROM bare('words')",
    "SELECT rowid FROM bare('\"without a text\"')",
    "SELECT rowid FROM bare('later')",
    "SELECT rowid FROM uncounted('two OR three OR seven')",
    "SELECT rowid FROM stored('one OR two OR four')",
    "SELECT y FROM stored ORDER BY rowid",
    "SELECT rowid FROM view_fts('mars OR post')",
    "SELECT rowid FROM \"odd 'name'\"('odd OR even OR odder')",
    "SELECT name FROM areas WHERE max_x > 2 AND min_y < 4 ORDER BY id",
    "SELECT id FROM grid WHERE a <= 1 AND b >= 2 ORDER BY id",
];
