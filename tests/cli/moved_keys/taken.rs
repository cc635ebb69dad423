//! A key of a row that is deleted or replaced, and who takes it.

use super::{CASCADE, KEYS, children_after};
use crate::remote::{Remote, assert_same, by_migration_and_by_hand};
use crate::support::project::Scratch;

#[test]
fn to_the_key_of_a_row_that_was_deleted() {
    for key in KEYS {
        for taken in [
            "DELETE FROM parent WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 1",
            "UPDATE OR REPLACE parent SET id = 2 WHERE id = 1",
        ] {
            assert_eq!(children_after(key, CASCADE, &[taken]), "101A 103C 104D", "{key}");
        }
    }
}

#[test]
fn to_what_a_deleted_row_held_with_all_who_hang_on_it() {
    for (key, name, kind) in [
        ("id INTEGER PRIMARY KEY", "id", "INTEGER"),
        ("id TEXT PRIMARY KEY", "id", "TEXT"),
        ("id INTEGER PRIMARY KEY, slug TEXT UNIQUE", "slug", "TEXT"),
    ] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent ({key}, v);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent {kind} REFERENCES parent ({name}) ON UPDATE CASCADE ON DELETE CASCADE);
             CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child REFERENCES child ON DELETE CASCADE);
             INSERT INTO parent ({name}, v) VALUES (1, 'A'), (2, 'B'); INSERT INTO child VALUES (1, 1), (2, 2);"
        ));
        project.d1([]).success();
        let remote = Remote::of(&project);
        remote.run("INSERT INTO child VALUES (101, 1), (102, 2); INSERT INTO grandchild VALUES (101, 1), (102, 2), (103, 101), (104, 102);");
        project.sql(&format!(
            "DELETE FROM parent WHERE {name} = 2; UPDATE parent SET {name} = 2 WHERE {name} = 1"
        ));
        project.d1(["data", "-m", "taken"]).success();
        project.assert_replay_agrees();
        let migration = project.read("0002_taken.sql");
        remote.run(&migration);
        let list = format!(
            "SELECT group_concat(g.id || ':' || c.id || p.v, ' ' ORDER BY g.id) FROM grandchild g JOIN child c ON c.id = g.child JOIN parent p ON p.{name} = c.parent"
        );
        let left: Option<String> = remote.0.query_row(&list, (), |row| row.get(0)).expect("grandchildren");
        assert_eq!(left.as_deref(), Some("101:1A 103:101A"), "{key}\n{migration}");
    }
}

#[test]
fn also_where_another_child_would_not_let_its_row_go() {
    let actions = [
        "parent INTEGER REFERENCES parent ON UPDATE CASCADE ON DELETE RESTRICT",
        "parent INTEGER REFERENCES parent ON UPDATE SET NULL ON DELETE CASCADE, other REFERENCES parent ON DELETE RESTRICT",
        "parent INTEGER REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, other REFERENCES parent ON UPDATE RESTRICT ON DELETE RESTRICT",
    ];
    let moves = [
        "UPDATE OR REPLACE parent SET id = 2 WHERE id = 1",
        "DELETE FROM parent WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 1; INSERT INTO parent VALUES (1, 'new')",
        "DELETE FROM parent WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 3; UPDATE parent SET id = 3 WHERE id = 1; INSERT INTO parent VALUES (1, 'new')",
    ];
    for child in actions {
        for sql in moves {
            let project = Scratch::with_schema(&format!(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY, v); CREATE TABLE child (id INTEGER PRIMARY KEY, {child});
                 INSERT INTO parent VALUES (1, 'A'), (2, 'B'), (3, 'C'); INSERT INTO child (id, parent) VALUES (1, 1), (3, 3);"
            ));
            let own = "INSERT INTO child (id, parent) VALUES (101, 1), (103, 3);";
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
            let children = |database: &Remote| -> String {
                let list = "SELECT group_concat(c.id || coalesce(p.v, '-'), ' ' ORDER BY c.id) FROM child c LEFT JOIN parent p ON p.id = c.parent";
                database.0.query_row(list, (), |row| row.get(0)).expect("children")
            };
            assert_eq!(children(&remote), children(&oracle), "{child}\n{sql}\n{migration}");
        }
    }
}

/// Each was found by generated cases: the columns of one child and of another, and the statement that did them harm.
const FOUND: [(&str, &str, &str); 4] = [
    (
        "slug TEXT REFERENCES parent (slug) ON UPDATE CASCADE ON DELETE CASCADE",
        "slug TEXT REFERENCES parent (slug) ON UPDATE SET NULL ON DELETE NO ACTION",
        "INSERT OR REPLACE INTO parent VALUES (1, 'b', 'new')",
    ),
    (
        "slug TEXT REFERENCES parent (slug) ON UPDATE NO ACTION ON DELETE CASCADE",
        "slug TEXT",
        "UPDATE OR REPLACE parent SET id = 1 WHERE id = 2",
    ),
    (
        "id INTEGER REFERENCES parent ON UPDATE CASCADE ON DELETE RESTRICT",
        "id INTEGER REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, other REFERENCES parent ON UPDATE SET NULL ON DELETE CASCADE",
        "UPDATE OR REPLACE parent SET id = 3 WHERE id = 2",
    ),
    (
        "slug TEXT REFERENCES parent (slug) ON UPDATE CASCADE ON DELETE SET NULL",
        "id INTEGER REFERENCES parent ON UPDATE CASCADE",
        "UPDATE OR REPLACE parent SET slug = 'c', id = 9 WHERE id = 2",
    ),
];

#[test]
fn by_a_statement_that_replaces_another_row() {
    for (one, other, sql) in FOUND {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, v); CREATE TABLE one (n INTEGER PRIMARY KEY, {one});
             CREATE TABLE other (n INTEGER PRIMARY KEY, {other}); INSERT INTO parent VALUES (1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C');"
        ));
        let first_column = |child: &str| child.split(' ').next().expect("a column").to_owned();
        let fill = |first: u8| {
            let fill = |table: &str, child: &str| {
                let column = first_column(child);
                format!(
                    "INSERT INTO {table} (n, {column}) SELECT {first} + id, {column} FROM parent WHERE id = 2;"
                )
            };
            fill("one", one) + &fill("other", other)
        };
        project.sql(&fill(0));
        let (remote, oracle, migration) = by_migration_and_by_hand(&project, &fill(100), sql);
        for (table, child) in [("one", one), ("other", other)] {
            let column = first_column(child);
            let list =
                format!("SELECT group_concat(n || coalesce({column}, '-'), ' ' ORDER BY n) FROM {table}");
            let children = |database: &Remote| -> Option<String> {
                database.0.query_row(&list, (), |row| row.get(0)).expect("children")
            };
            assert_eq!(children(&remote), children(&oracle), "{table}: {child}\n{sql}\n{migration}");
        }
    }
}

#[test]
fn but_not_to_a_new_row_that_got_the_rowid_of_a_deleted_one() {
    for sql in [
        "DELETE FROM parent WHERE id = 'c'; INSERT INTO parent VALUES ('d', 'D')",
        "UPDATE parent SET id = 'x' WHERE id = 'c'; DELETE FROM parent WHERE id = 'x'; INSERT INTO parent VALUES ('d', 'D')",
        "DELETE FROM parent WHERE id = 'c'; INSERT INTO parent VALUES ('x', 'D'); UPDATE parent SET id = 'd' WHERE id = 'x'",
        "DELETE FROM parent WHERE id > 'a'; INSERT INTO parent VALUES ('d', 'D'), ('e', 'E'), ('b', 'new')",
    ] {
        for actions in [CASCADE, "ON UPDATE CASCADE ON DELETE SET NULL"] {
            for tracked in [true, false] {
                let project = Scratch::with_schema(&format!(
                    "CREATE TABLE parent (id TEXT PRIMARY KEY, v);
                     CREATE TABLE child (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parent {actions});
                     INSERT INTO parent VALUES ('a', 'A'), ('b', 'B'), ('c', 'C');"
                ));
                project.d1([]).success();
                if !tracked {
                    project.d1(["untrack"]).success();
                }
                let remote = Remote::of(&project);
                remote.run("INSERT INTO child VALUES (101, 'a'), (103, 'c');");
                project.sql(sql);
                project.d1(["data", "-m", "change"]).success();
                project.assert_replay_agrees();
                let migration = project.read("0002_change.sql");
                remote.run(&migration);
                let list = "SELECT group_concat(p.v, ' ') FROM child c JOIN parent p ON p.id = c.parent";
                let left: String = remote.0.query_row(list, (), |row| row.get(0)).expect("children");
                assert_eq!(left, "A", "{sql}\n{migration}");
            }
        }
    }
}

#[test]
fn to_the_key_of_a_deleted_row_whatever_its_children_do_then() {
    let actions = [
        "f REFERENCES parent ON DELETE CASCADE",
        "f REFERENCES parent ON DELETE SET NULL",
        "f REFERENCES parent ON UPDATE RESTRICT ON DELETE CASCADE",
        "f REFERENCES parent ON UPDATE SET NULL ON DELETE CASCADE, g REFERENCES parent ON UPDATE CASCADE",
        "f REFERENCES parent ON DELETE CASCADE, g REFERENCES parent ON UPDATE CASCADE",
        "f REFERENCES parent ON DELETE SET NULL, g REFERENCES parent ON UPDATE CASCADE",
    ];
    for key in KEYS {
        for child in actions {
            for sql in [
                "DELETE FROM parent WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 1",
                "DELETE FROM parent WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 3; UPDATE parent SET id = 3 WHERE id = 1",
            ] {
                let project = Scratch::with_schema(&format!(
                    "CREATE TABLE parent ({key}; CREATE TABLE child (n INTEGER PRIMARY KEY, {});
                     INSERT INTO parent (id, v) VALUES (1, 'A'), (2, 'B'), (3, 'C'), (4, 'D');",
                    child.replace("f REF", "f BLOB REF")
                ));
                let own = "INSERT INTO child (n, f) SELECT 102, id FROM parent WHERE id = 2; INSERT INTO child (n, f) SELECT 104, id FROM parent WHERE id = 4;";
                let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
                let list = "SELECT group_concat(n || coalesce(v, '-'), ' ' ORDER BY n) FROM child LEFT JOIN parent ON id = f";
                assert_same(&remote, &oracle, list, &format!("{key} {child}\n{sql}\n{migration}"));
            }
        }
    }
}

#[test]
fn but_not_from_a_key_that_its_row_had_traded_before_it_went() {
    for key in ["INTEGER PRIMARY KEY", "INT NOT NULL PRIMARY KEY", "INT NOT NULL UNIQUE"] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent (id {key}, p INT REFERENCES parent (id) ON DELETE CASCADE, v);
             INSERT INTO parent VALUES (1, NULL, 'A'), (2, 1, 'B'), (3, 1, 'C');"
        ));
        let own = "INSERT INTO parent VALUES (102, 2, 'b'), (103, 3, 'c');";
        let sql = "PRAGMA defer_foreign_keys = TRUE; UPDATE parent SET id = 9 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 3;
                   UPDATE parent SET id = 3 WHERE id = 9; DELETE FROM parent WHERE id = 3";
        let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
        let list = "SELECT group_concat(id || v || p, ' ' ORDER BY id) FROM parent";
        assert_same(&remote, &oracle, list, &format!("{key}\n{migration}"));
    }
}

#[test]
fn in_one_file_with_the_end_of_a_row_that_stepped_aside() {
    let project = Scratch::with_schema(
        "CREATE TABLE parent (id TEXT PRIMARY KEY, v) WITHOUT ROWID;
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parent ON UPDATE CASCADE ON DELETE RESTRICT);
         INSERT INTO parent VALUES ('a', 1), ('b', 2), ('z', 3);",
    );
    project.d1([]).success();
    project.sql("DELETE FROM parent WHERE id = 'a'; UPDATE parent SET id = 'a' WHERE id = 'b'; UPDATE parent SET v = 77 WHERE id = 'z'");
    project.d1(["data", "-m", "aside", "--max-file-size", "100"]).success();
    project.assert_replay_agrees();
    let migration = project.read("0002_aside.sql");
    // Where RESTRICT refuses its end, nothing of it has happened.
    assert!(migration.contains("SET id = 'd1-migrate "), "{migration}");
    assert!(migration.contains("DELETE FROM parent WHERE id = 'd1-migrate "), "{migration}");
}

#[test]
fn but_not_to_the_new_row_under_the_key_of_one_that_was_replaced() {
    let actions = [
        "ON UPDATE CASCADE ON DELETE CASCADE",
        "ON UPDATE CASCADE ON DELETE SET NULL",
        "ON UPDATE SET NULL ON DELETE CASCADE",
    ];
    for key in KEYS {
        let key = key.replace(", v", ", slug TEXT UNIQUE, v").replace("v, id", "v, slug TEXT UNIQUE, id");
        for actions in actions {
            for sql in [
                "UPDATE OR REPLACE parent SET slug = 'a' WHERE id = 2; INSERT INTO parent (id, slug, v) VALUES (1, 'b', 'new')",
                "DELETE FROM parent WHERE id = 1; UPDATE parent SET slug = 'a' WHERE id = 2; INSERT INTO parent (id, slug) VALUES (1, 'd')",
                "DELETE FROM parent WHERE id = 1; INSERT INTO parent (id, slug, v) VALUES (1, 'd', 'A'), (4, 'a', 'new')",
            ] {
                let project = Scratch::with_schema(&format!(
                    "CREATE TABLE parent ({key}; CREATE TABLE child (n INTEGER PRIMARY KEY, slug TEXT REFERENCES parent (slug) {actions});
                     INSERT INTO parent (id, slug, v) VALUES (1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C');"
                ));
                let own = "INSERT INTO child (slug) SELECT slug FROM parent ORDER BY slug;";
                let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
                let list = "SELECT group_concat(n || coalesce(slug, '-'), ' ' ORDER BY n) FROM child";
                assert_same(&remote, &oracle, list, &format!("{key} {actions}\n{sql}\n{migration}"));
            }
        }
    }
}

#[test]
fn nor_where_nothing_becomes_of_the_children_of_the_replaced_row() {
    for key in ["id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY"] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent ({key}, slug TEXT UNIQUE); CREATE TABLE child (slug TEXT REFERENCES parent (slug) ON UPDATE CASCADE);
             INSERT INTO parent VALUES (0, 's0'), (1, 's1');"
        ));
        project.d1([]).success();
        let remote = Remote::of(&project);
        remote.run("INSERT INTO child VALUES ('s0');");
        project.sql(
            "UPDATE OR REPLACE parent SET slug = 's0' WHERE id = 1; INSERT INTO parent VALUES (0, 's1')",
        );
        project.d1(["data", "-m", "replaced"]).success();
        project.assert_replay_agrees();
        // It followed the row that steps aside, and would be left behind when that goes: D1 says so, and nothing has happened.
        let migration = project.read("0002_replaced.sql");
        let refused = remote.0.execute_batch(&format!("BEGIN;\n{migration}\nCOMMIT;"));
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err("FOREIGN KEY constraint failed".to_owned()),
            "{key}\n{migration}"
        );
    }
}

#[test]
fn where_a_new_row_took_over_a_deleted_one_before_it_changed() {
    for columns in ["id TEXT PRIMARY KEY", "n INTEGER PRIMARY KEY, id TEXT UNIQUE"] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE p ({columns}, v);
             CREATE TABLE c (f REFERENCES p (id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO p (id, v) VALUES ('x', 1);"
        ));
        let sql = "DELETE FROM p; INSERT INTO p (id, v) VALUES ('x', 2); UPDATE p SET id = 'y'; INSERT INTO p (id, v) VALUES ('x', 3)";
        let (remote, oracle, migration) =
            by_migration_and_by_hand(&project, "INSERT INTO c VALUES ('x');", sql);
        assert_same(&remote, &oracle, "SELECT group_concat(f) FROM c", &format!("{columns}\n{migration}"));
    }
}

/// Nothing follows the keys, so they are not traded: whoever stands there now must not be told as the one who left.
#[test]
fn by_another_row_where_its_own_had_stepped_aside_before_it_went() {
    for key in KEYS {
        for actions in ["ON DELETE CASCADE", "ON UPDATE RESTRICT ON DELETE SET NULL"] {
            let schema = format!(
                "CREATE TABLE parent ({}; CREATE TABLE child (n INTEGER PRIMARY KEY, parent REFERENCES parent (id) {actions});
                 INSERT INTO parent (id, v) VALUES (3, 'A'), (4, 'B');",
                key.replace(")", ", theirs TEXT)")
            );
            let sql = "UPDATE parent SET id = 9 WHERE v = 'B'; UPDATE parent SET id = 4 WHERE v = 'A'; DELETE FROM parent WHERE v = 'B'";
            let project = Scratch::with_schema(&schema);
            let own = "UPDATE parent SET theirs = 'of ' || v;";
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
            let list = "SELECT group_concat(id || v || theirs) FROM parent";
            assert_same(&remote, &oracle, list, &format!("{key} {actions}\n{migration}"));
            // Who hangs on the key that is left stands in the way of the statements, and of the migration.
            let remote = Remote::of(&project);
            remote.run("INSERT INTO child SELECT 100, id FROM parent WHERE v = 'A';");
            let refused = remote.0.execute_batch(&format!("BEGIN;\n{migration}\nCOMMIT;"));
            assert!(refused.is_err(), "{key} {actions}\n{migration}");
        }
    }
}

/// Such a child hangs on the key: it is not one of the row that left it, and does not go with that.
#[test]
fn with_the_children_that_stay_where_its_own_row_had_stepped_aside_before_it_went() {
    for key in ["TEXT PRIMARY KEY, v)", "INTEGER PRIMARY KEY, v)", "TEXT PRIMARY KEY, v) WITHOUT ROWID"] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent (id {key};
             CREATE TABLE child (n INTEGER PRIMARY KEY, parent REFERENCES parent (id) ON DELETE CASCADE, theirs);
             CREATE TABLE grandchild (child REFERENCES child ON DELETE CASCADE);
             INSERT INTO parent (id, v) VALUES (1, 'A'), (2, 'B'); INSERT INTO child SELECT 1, id, NULL FROM parent WHERE v = 'A';"
        ));
        let own = "UPDATE child SET theirs = 'own'; INSERT INTO child SELECT 100, id, 'new' FROM parent WHERE v = 'A';
            INSERT INTO grandchild VALUES (1);";
        let sql = "PRAGMA foreign_keys = OFF; PRAGMA defer_foreign_keys = ON; UPDATE parent SET id = 9 WHERE v = 'A'; UPDATE parent SET id = 1 WHERE v = 'B'; DELETE FROM parent WHERE v = 'A'";
        let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
        let list = "SELECT group_concat(n || theirs || v || (SELECT count(*) FROM grandchild WHERE child = n), ' ' ORDER BY n) FROM child JOIN parent ON id = parent";
        assert_same(&remote, &oracle, list, &format!("{key}\n{migration}"));
    }
}
