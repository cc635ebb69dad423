//! A parent whose key changes takes along the children that only the real D1 has.

use rusqlite::Connection;

use crate::support::project::Scratch;

/// Keys of every kind; the rows are named 1 to 4.
const KEYS: [&str; 7] = [
    "id INTEGER PRIMARY KEY, v)",
    "v, id INTEGER PRIMARY KEY)",
    "id TEXT PRIMARY KEY, v)",
    "id REAL PRIMARY KEY, v)",
    "id TEXT PRIMARY KEY, v) WITHOUT ROWID",
    "id TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID",
    "id REAL PRIMARY KEY, v TEXT) STRICT, WITHOUT ROWID",
];

/// A database that D1 could be: it has run the first migration.
struct Remote(Connection);

impl Remote {
    fn of(project: &Scratch) -> Self {
        Self::with(&project.read("0001_initial_migration.sql"), "")
    }

    /// It has run this file, and its users these statements.
    fn with(file: &str, own: &str) -> Self {
        let conn = Connection::open_in_memory().expect("memory");
        conn.pragma_update(None, "foreign_keys", true).expect("a pragma");
        let remote = Self(conn);
        remote.run(file);
        remote.run(own);
        remote
    }

    /// Its users add a child to every parent.
    fn with_children(self) -> Self {
        self.run("INSERT INTO child SELECT 100 + id, id FROM parent;");
        self
    }

    fn run(&self, sql: &str) {
        self.0.execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;")).unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }

    /// The number of each of its own children with the value of its parent now.
    fn children(&self) -> String {
        let list = "SELECT group_concat(c.id || v, ' ' ORDER BY c.id) FROM child c JOIN parent p ON p.id = c.parent WHERE c.id > 100";
        self.0.query_row(list, (), |row| row.get(0)).expect("children")
    }
}

/// Plays rounds of statements, each followed by a migration that D1 runs; gives what became of D1's own children.
fn children_after(key: &str, actions: &str, rounds: &[&str]) -> String {
    let project = Scratch::with_schema(&format!(
        "CREATE TABLE parent ({key}; CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) {actions});
         INSERT INTO parent (id, v) VALUES (1, 'A'), (2, 'B'), (3, 'C'), (4, 'D'); INSERT INTO child VALUES (1, 1), (2, 2);"
    ));
    project.d1([]).success();
    let remote = Remote::of(&project).with_children();
    for (round, sql) in (2..).zip(rounds) {
        project.sql(sql);
        project.d1(["data", "-m", "round"]).success();
        project.assert_replay_agrees();
        project.d1(["check"]).success();
        remote.run(&project.read(&format!("{round:04}_round.sql")));
    }
    remote.children()
}

const CASCADE: &str = "ON UPDATE CASCADE ON DELETE CASCADE";

#[test]
fn over_any_number_of_steps() {
    for key in KEYS {
        for actions in [CASCADE, "ON UPDATE CASCADE", "ON UPDATE CASCADE ON DELETE RESTRICT"] {
            let steps =
                "UPDATE parent SET id = 10 WHERE id = 1; UPDATE parent SET id = 11, v = 'a' WHERE id = 10;";
            let after = children_after(key, actions, &[steps, "UPDATE parent SET id = 12 WHERE id = 11"]);
            assert_eq!(after, "101a 102B 103C 104D", "{key} {actions}");
        }
    }
}

#[test]
fn where_rows_change_places() {
    let swap = "UPDATE parent SET id = 10 WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 10;";
    for key in KEYS {
        assert_eq!(
            children_after(
                key,
                CASCADE,
                &[swap, "UPDATE parent SET id = 5 WHERE id = 4; UPDATE parent SET id = 4 WHERE id = 3", swap]
            ),
            "101A 102B 103C 104D",
            "{key}"
        );
    }
}

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
fn from_a_key_that_a_new_row_took() {
    let taken = "UPDATE parent SET id = 10 WHERE id = 1; INSERT INTO parent (id, v) VALUES (1, 'new')";
    for key in KEYS {
        for actions in [CASCADE, "ON UPDATE CASCADE ON DELETE RESTRICT"] {
            assert_eq!(children_after(key, actions, &[taken]), "101A 102B 103C 104D", "{key} {actions}");
        }
    }
}

#[test]
fn but_not_by_what_happened_before_the_last_migration() {
    for key in KEYS {
        let rounds = [
            "UPDATE parent SET id = 10 WHERE id = 1",
            "INSERT INTO parent (id, v) VALUES (1, 'new')",
            "DELETE FROM parent WHERE id = 1; UPDATE parent SET id = 11 WHERE id = 10",
        ];
        assert_eq!(children_after(key, CASCADE, &rounds), "101A 102B 103C 104D", "{key}");
    }
}

#[test]
fn where_children_hang_on_another_column() {
    let swap = "UPDATE parent SET id = 10 WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 10";
    for key in KEYS {
        for actions in ["ON UPDATE CASCADE", "ON UPDATE SET NULL", "ON UPDATE RESTRICT ON DELETE CASCADE"] {
            let project = Scratch::with_schema(&format!(
                "CREATE TABLE parent ({key}; CREATE UNIQUE INDEX by_v ON parent (v);
                 CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (v) {actions});
                 INSERT INTO parent (id, v) VALUES (1, 'A'), (2, 'B'); INSERT INTO child VALUES (1, 'A')"
            ));
            project.d1([]).success();
            let remote = Remote::of(&project);
            remote.run("INSERT INTO child VALUES (101, 'A'), (102, 'A');");
            project.sql(swap);
            project.d1(["data", "-m", "round"]).success();
            project.assert_replay_agrees();
            remote.run(&project.read("0002_round.sql"));
            let left = remote
                .0
                .query_row("SELECT count(*) FROM child WHERE parent = 'A'", (), |row| row.get::<_, i64>(0));
            assert_eq!(left.expect("a count"), 3, "{key} {actions}\n{}", project.read("0002_round.sql"));
        }
    }
}

#[test]
fn when_the_migration_was_deleted_or_passed_over() {
    let project = Scratch::with_schema(&format!(
        "CREATE TABLE other (v); CREATE TABLE parent ({}; CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) {CASCADE});
         INSERT INTO parent VALUES (1, 'A'), (2, 'B');",
        KEYS[3]
    ));
    project.d1([]).success();
    let remote = Remote::of(&project).with_children();
    project.sql("UPDATE parent SET id = 10 WHERE id = 1; INSERT INTO other VALUES (1)");
    project.d1(["data", "-m", "deleted"]).success();
    std::fs::remove_file(project.root().join("migrations/0002_deleted.sql")).expect("it was written");
    project.d1(["data", "-m", "other", "--tables", "other"]).success();
    project.sql("UPDATE parent SET id = 11 WHERE id = 10");
    project.d1(["data", "-m", "parent"]).success();
    project.assert_replay_agrees();
    remote.run(&project.read("0003_parent.sql"));
    assert_eq!(remote.children(), "101A 102B");
}

#[test]
fn the_real_wrangler_takes_keys_that_change_places() {
    let project = Scratch::with_schema(
        "CREATE TABLE parent (a TEXT COLLATE NOCASE, b INTEGER CHECK (b > 0), v, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE child (id INTEGER PRIMARY KEY, a, b CHECK (b > 0), FOREIGN KEY (a, b) REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE);
         INSERT INTO parent VALUES ('x', 1, 'A'), ('x', 2, 'B'), ('y', 1, 'C'); INSERT INTO child VALUES (1, 'X', 1), (2, 'x', 2);",
    );
    project.d1([]).success();
    project.sql(
        "UPDATE parent SET b = 9 WHERE v = 'A'; UPDATE parent SET b = 1 WHERE v = 'B'; UPDATE parent SET b = 2 WHERE v = 'A';
         UPDATE parent SET a = 'Y' WHERE v = 'C'",
    );
    project.d1(["data", "-m", "places"]).success();
    project.assert_wrangler_agrees();
}

/// Two parents trade the value by which their children name them, over a third one; each has one child here, and one more
/// that only D1 has where `own` says so.
fn traded(slug: &str, child: &str, own: &str) -> String {
    let project = Scratch::with_schema(&format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, slug {slug}, v);
         CREATE TABLE child (id INTEGER PRIMARY KEY, slug {child} REFERENCES parent (slug) ON UPDATE CASCADE ON DELETE CASCADE, v);
         INSERT INTO parent VALUES (1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C'); INSERT INTO child VALUES (1, 'a', 'A');"
    ));
    project.d1([]).success();
    let remote = Remote::of(&project);
    remote.run(own);
    project.sql(
        "UPDATE parent SET slug = 'x' WHERE id = 1; UPDATE parent SET slug = 'a' WHERE id = 2; UPDATE parent SET slug = 'b' WHERE id = 1;
         UPDATE parent SET slug = 'd', v = 'D' WHERE id = 3",
    );
    project.d1(["data", "-m", "traded"]).success();
    project.assert_replay_agrees();
    let migration = project.read("0002_traded.sql");
    remote.run(&migration);
    let list = "SELECT group_concat(c.id || c.v || coalesce(p.v, '-'), ' ' ORDER BY c.id) FROM child c LEFT JOIN parent p USING (slug)";
    remote.0.query_row(list, (), |row| row.get(0)).unwrap_or_else(|e| panic!("{e}\n{migration}"))
}

#[test]
fn by_which_children_name_them_under_any_declaration() {
    let own = "INSERT INTO child VALUES (101, 'a', 'A'), (102, 'b', 'B'), (103, 'c', 'C');";
    for slug in ["TEXT UNIQUE", "TEXT NOT NULL UNIQUE", "UNIQUE COLLATE NOCASE"] {
        for child in ["TEXT", "TEXT NOT NULL", "TEXT CHECK (length(slug) = 1)"] {
            assert_eq!(traded(slug, child, own), "1AA 101AA 102BB 103CD", "{slug} {child}");
        }
    }
}

#[test]
fn of_which_each_has_one_child_at_most() {
    let own = "INSERT INTO child VALUES (102, 'b', 'B'), (103, 'c', 'C');";
    for child in ["TEXT UNIQUE", "TEXT NOT NULL UNIQUE"] {
        assert_eq!(traded("TEXT UNIQUE", child, own), "1AA 102BB 103CD", "{child}");
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

/// Two D1s with rows of their own: one runs the migration that comes of `sql` here, the other `sql` itself. And that migration.
fn by_migration_and_by_hand(project: &Scratch, own: &str, sql: &str) -> (Remote, Remote, String) {
    project.d1([]).success();
    let (remote, oracle) = (Remote::of(project), Remote::of(project));
    for database in [&remote, &oracle] {
        database.run(own);
    }
    project.sql(sql);
    oracle.run(&format!("{sql};"));
    project.d1(["data", "-m", "change"]).success();
    project.assert_replay_agrees();
    let migration = project.read("0002_change.sql");
    remote.run(&migration);
    (remote, oracle, migration)
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

/// A list that both databases must give.
fn assert_same(remote: &Remote, oracle: &Remote, list: &str, context: &str) {
    let of = |database: &Remote| -> Option<String> {
        database.0.query_row(list, (), |row| row.get(0)).expect("a list")
    };
    let wanted = of(oracle);
    assert!(wanted.is_some(), "nothing is left to compare: {context}");
    assert_eq!(of(remote), wanted, "{context}");
}

#[test]
fn of_children_that_have_children_of_their_own_under_it() {
    let own = "INSERT INTO child VALUES ('a', 9), ('b', 9), ('c', 9);
        INSERT INTO grandchild SELECT 100 * n + rank, slug, n FROM (SELECT slug, n, row_number() OVER (ORDER BY slug, n) AS rank FROM child);";
    let swap = "UPDATE parent SET slug = 'x' WHERE id = 1; UPDATE parent SET slug = 'a' WHERE id = 2; UPDATE parent SET slug = 'b' WHERE id = 1;";
    for rest in ["", " WITHOUT ROWID"] {
        for sql in [
            "UPDATE OR REPLACE parent SET slug = 'b' WHERE id = 1",
            "DELETE FROM parent WHERE id = 2; UPDATE parent SET slug = 'b' WHERE id = 1; INSERT INTO parent VALUES (4, 'a')",
            swap,
            &format!(
                "UPDATE child SET n = 3 WHERE slug = 'a' AND n = 1; {swap} UPDATE child SET n = 4 WHERE slug = 'a' AND n = 2"
            ),
            &format!(
                "UPDATE child SET slug = 'c' WHERE slug = 'a' AND n = 1; {swap} UPDATE child SET slug = 'c' WHERE slug = 'b' AND n = 2"
            ),
            "UPDATE child SET slug = 'c', n = 5 WHERE slug = 'b' AND n = 2; UPDATE OR REPLACE parent SET slug = 'b' WHERE id = 1",
            "UPDATE child SET slug = 'a', n = 5 WHERE slug = 'c'; UPDATE parent SET slug = NULL WHERE id = 3; UPDATE parent SET slug = 'c' WHERE id = 1",
        ] {
            let project = Scratch::with_schema(&format!(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY, slug TEXT UNIQUE);
                 CREATE TABLE child (slug TEXT NOT NULL REFERENCES parent (slug) ON UPDATE CASCADE ON DELETE CASCADE, n INTEGER, PRIMARY KEY (slug, n)){rest};
                 CREATE TABLE grandchild (id INTEGER PRIMARY KEY, slug TEXT, n INTEGER, FOREIGN KEY (slug, n) REFERENCES child ON UPDATE CASCADE ON DELETE CASCADE);
                 INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO child VALUES ('a', 1), ('b', 2), ('c', 3);"
            ));
            // A statement that D1's own rows would stop is none to compare.
            let own =
                if sql.contains("slug = NULL") { own.replace(", ('c', 9)", "") } else { own.to_owned() };
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, &own, sql);
            let list = "SELECT group_concat(id || slug || n, ' ' ORDER BY id) FROM grandchild";
            assert_same(&remote, &oracle, list, &format!("{rest}\n{sql}\n{migration}"));
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
fn of_which_a_part_makes_another_value_unique() {
    for actions in [CASCADE, "ON UPDATE CASCADE"] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent (a INTEGER, b TEXT, g TEXT AS (a || '') STORED UNIQUE, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
             CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, FOREIGN KEY (a, b) REFERENCES parent {actions});
             INSERT INTO parent VALUES (1, 'x', 'A'), (2, 'y', 'B'), (3, 'z', 'C'); INSERT INTO child VALUES (1, 1, 'x');"
        ));
        let own = "INSERT INTO child VALUES (101, 1, 'x'), (102, 2, 'y'), (103, 3, 'z');";
        let swap = "UPDATE parent SET a = 9 WHERE v = 'A'; UPDATE parent SET a = 1, b = 'x' WHERE v = 'B'; UPDATE parent SET a = 2, b = 'y' WHERE v = 'A';";
        let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, swap);
        let list = "SELECT group_concat(c.id || v, ' ' ORDER BY c.id) FROM child c JOIN parent USING (a, b)";
        assert_same(&remote, &oracle, list, &migration);
    }
}

#[test]
fn unless_nothing_follows_a_key_that_another_row_takes() {
    let trade = "PRAGMA defer_foreign_keys=ON; UPDATE parent SET id = 'x' WHERE id = 'a'; UPDATE parent SET id = 'a' WHERE id = 'b'; UPDATE parent SET id = 'b' WHERE id = 'x'";
    for actions in ["ON DELETE CASCADE", "ON UPDATE RESTRICT ON DELETE SET NULL", "ON DELETE SET NULL"] {
        // RESTRICT stops D1's own children where NO ACTION lets them wait for another parent.
        let own = match actions.contains("RESTRICT") {
            true => "INSERT INTO child VALUES (103, 'c');",
            false => "INSERT INTO child VALUES (101, 'a'), (102, 'b'), (103, 'c');",
        };
        for rest in ["", " WITHOUT ROWID"] {
            let project = Scratch::with_schema(&format!(
                "CREATE TABLE parent (id TEXT PRIMARY KEY, v){rest};
                 CREATE TABLE child (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parent {actions});
                 INSERT INTO parent VALUES ('a', 'A'), ('b', 'B'), ('c', 'C');"
            ));
            let sql = format!("{trade}; DELETE FROM parent WHERE v = 'B'");
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, &sql);
            let list = "SELECT group_concat(c.id || coalesce(v, '-'), ' ' ORDER BY c.id) FROM child c LEFT JOIN parent p ON p.id = c.parent";
            assert_same(&remote, &oracle, list, &format!("{actions}{rest}\n{migration}"));
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
fn to_the_key_of_a_row_that_held_the_same() {
    for key in KEYS {
        for sql in [
            "UPDATE parent SET id = 9 WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2",
            "DELETE FROM parent WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2",
            "UPDATE parent SET id = 9 WHERE id = 1; INSERT INTO parent (id, v) VALUES (1, 'same')",
            "UPDATE parent SET id = 9 WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 3;
             UPDATE parent SET id = 3 WHERE id = 4",
        ] {
            let project = Scratch::with_schema(&format!(
                "CREATE TABLE parent ({key}; CREATE TABLE child (n INTEGER PRIMARY KEY, parent REFERENCES parent {CASCADE});
                 INSERT INTO parent (id, v) VALUES (1, 'same'), (2, 'same'), (3, 'same'), (4, 'same');"
            ));
            let own = "INSERT INTO child SELECT 100 + id, id FROM parent;";
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, sql);
            let list = "SELECT group_concat(n || ' ' || parent, ', ' ORDER BY n) FROM child";
            assert_same(&remote, &oracle, list, &format!("{key}\n{sql}\n{migration}"));
        }
    }
}

#[test]
fn but_not_by_a_trade_that_was_taken_back_while_nobody_looked() {
    let trade = "UPDATE parent SET id = 9 WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 9;";
    for key in KEYS {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE parent ({key}; CREATE TABLE child (n INTEGER PRIMARY KEY, parent REFERENCES parent {CASCADE});
             INSERT INTO parent (id, v) VALUES (1, 'A'), (2, 'B'), (3, 'C');"
        ));
        project.d1([]).success();
        project.sql(trade);
        project.d1(["untrack"]).success();
        project.sql(trade);
        project.d1(["track"]).success();
        project.sql("UPDATE parent SET v = 'changed' WHERE id = 3");
        project.d1(["data", "-m", "change"]).success();
        project.assert_replay_agrees();
        let migration = project.read("0002_change.sql");
        assert_eq!(migration.matches("UPDATE").count(), 1, "{key}\n{migration}");
    }
}

#[test]
fn also_when_another_migration_came_between() {
    for key in KEYS {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE other (v); CREATE TABLE parent ({key};
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) {CASCADE});
             INSERT INTO parent (id, v) VALUES (1, 'A'), (2, 'B'), (3, 'C');"
        ));
        project.d1([]).success();
        let remote = Remote::of(&project).with_children();
        project.sql("UPDATE parent SET id = 9 WHERE id = 3; UPDATE parent SET id = 3 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 1");
        project.sql("INSERT INTO other VALUES (1)");
        project.d1(["data", "-m", "other", "--tables", "other"]).success();
        project.d1(["data", "-m", "keys"]).success();
        project.assert_replay_agrees();
        let migration = project.read("0003_keys.sql");
        remote.run(&migration);
        assert_eq!(remote.children(), "101A 102B 103C", "{key}\n{migration}");
        // Written, they are not pending any more.
        project.sql("UPDATE parent SET v = 'D' WHERE id = 3; UPDATE parent SET v = 'E' WHERE id = 2");
        project.d1(["data", "-m", "values"]).success();
        let migration = project.read("0004_values.sql");
        assert!(!migration.contains("SET id"), "{key}\n{migration}");
        remote.run(&migration);
        assert_eq!(remote.children(), "101E 102D 103C", "{key}\n{migration}");
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

#[test]
fn by_which_rows_of_a_table_of_its_own_are_named_that_change_too() {
    let details = [
        "parent INTEGER PRIMARY KEY REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, v, theirs)",
        "parent INT PRIMARY KEY REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, v, theirs) WITHOUT ROWID",
        "parent INT REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, n DEFAULT 1, v, theirs, PRIMARY KEY (parent, n)) WITHOUT ROWID",
        "parent INT NOT NULL PRIMARY KEY REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE, v, theirs)",
    ];
    let moves = [
        "UPDATE parent SET id = 9 WHERE id = 1; UPDATE parent SET id = 1 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 9",
        "UPDATE parent SET id = 4 WHERE id = 3; UPDATE parent SET id = 3 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 1",
        "DELETE FROM parent WHERE id = 3; UPDATE parent SET id = 3 WHERE id = 2; UPDATE parent SET id = 2 WHERE id = 1",
    ];
    let changes = [
        "UPDATE detail SET v = v || '!'",
        "DELETE FROM detail WHERE v = 'a'; INSERT INTO detail (parent, v, theirs) SELECT id, 'new', 'none' FROM parent WHERE v = 'A'",
    ];
    for detail in details {
        for sql in moves.iter().flat_map(|moves| changes.map(|change| format!("{moves}; {change}"))) {
            let project = Scratch::with_schema(&format!(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY, v); CREATE TABLE detail ({detail};
                 INSERT INTO parent VALUES (1, 'A'), (2, 'B'), (3, 'C'); INSERT INTO detail (parent, v) VALUES (1, 'a'), (2, 'b'), (3, 'c');"
            ));
            let own = "UPDATE detail SET theirs = 'of ' || v;";
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, own, &sql);
            let list = "SELECT group_concat(parent || v || coalesce(theirs, '-'), ' ') FROM (SELECT * FROM detail ORDER BY parent)";
            assert_same(&remote, &oracle, list, &format!("{detail}\n{sql}\n{migration}"));
        }
    }
}

#[test]
fn under_the_new_name_that_a_colleagues_file_gave_a_column_of_it() {
    let project = Scratch::guestbook()
        .file(
            "migrations/0001_p.sql",
            "CREATE TABLE parent (id TEXT, part INT, v TEXT UNIQUE, UNIQUE (part, id));
         CREATE TABLE child (n INTEGER PRIMARY KEY, id TEXT, part INT,
           FOREIGN KEY (id, part) REFERENCES parent (id, part) ON UPDATE CASCADE ON DELETE CASCADE);
         INSERT INTO parent VALUES ('a', 1, 'A'), ('b', 1, 'B');",
        )
        .followed();
    project.sql("UPDATE parent SET id = '' WHERE id = 'a'; UPDATE parent SET id = 'a' WHERE id = 'b'; UPDATE parent SET id = 'b' WHERE id = ''");
    project.write("migrations/0002_name.sql", "ALTER TABLE parent RENAME COLUMN id TO name;\n");
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "own"]).success();
    let migration = project.read("0003_own.sql");
    assert!(migration.contains("SET name = 'a' WHERE v = 'B'"), "{migration}");
    assert!(!migration.contains("SET v"), "{migration}");
}

/// What `--tables` leaves pending elsewhere does not let what it wrote be told a second time.
#[test]
fn once_more_after_some_tables_were_written() {
    let schema = "CREATE TABLE langs (code TEXT PRIMARY KEY NOT NULL, label TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP);
        CREATE TABLE texts (lang TEXT NOT NULL REFERENCES langs ON UPDATE CASCADE ON DELETE CASCADE, k TEXT, v TEXT, PRIMARY KEY (lang, k));
        CREATE TABLE other (k INTEGER PRIMARY KEY, v);
        INSERT INTO langs (code, label) VALUES ('a', 'A'), ('b', 'B'); INSERT INTO texts VALUES ('a', 'k', 'A'), ('b', 'k', 'B');
        INSERT INTO other VALUES (1, 'x');";
    let trade = "UPDATE langs SET code = '' WHERE code = 'a'; UPDATE langs SET code = 'a' WHERE code = 'b'; UPDATE langs SET code = 'b' WHERE code = ''";
    for (first, second) in [
        ("UPDATE langs SET code = 'y' WHERE code = 'a'", "UPDATE langs SET code = 'z' WHERE code = 'y'"),
        ("UPDATE langs SET code = 'y' WHERE code = 'a'", "UPDATE langs SET code = 'a' WHERE code = 'y'"),
        (trade, trade),
        (trade, "UPDATE langs SET code = 'z' WHERE code = 'b'"),
    ] {
        let project = Scratch::guestbook().file("migrations/0001_langs.sql", schema).followed();
        let own = "UPDATE langs SET at = 'of ' || label; INSERT INTO texts VALUES ('a', 'own', 'A'), ('b', 'own', 'B');";
        let [remote, oracle] = [schema; 2].map(|schema| Remote::with(schema, own));
        for (number, (sql, tables)) in
            (2..).zip([(first, "--tables=langs"), (second, "--tables=langs,texts,other")])
        {
            let sql = format!("PRAGMA foreign_keys = ON; {sql}; UPDATE other SET v = v || '!'");
            project.sql(&sql);
            oracle.run(&format!("{sql};"));
            project.d1(["data", "-m", "part", tables]).success();
            remote.run(&project.read(&format!("{number:04}_part.sql")));
            let status = project.d1(["status", "--json"]).success().stdout;
            let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
            let pending = status["pending"].to_string();
            assert!(!pending.contains("langs"), "{pending}");
        }
        project.d1(["check"]).success();
        for list in [
            "SELECT group_concat(code || label || at, ' ' ORDER BY code) FROM langs",
            "SELECT group_concat(lang || k || v, ' ' ORDER BY lang, k) FROM texts",
        ] {
            assert_same(
                &remote,
                &oracle,
                list,
                &format!("{first}\n{second}\n{}", project.read("0003_part.sql")),
            );
        }
    }
}

/// What a file holds that was made from this database, and what one that was only recorded holds, is told once, whatever becomes of its text.
#[test]
fn but_once_only_whatever_becomes_of_the_file() {
    type Touch = fn(&Scratch);
    let commented: Touch = |project| {
        let sql = project.read("0002_keys.sql");
        project.write("migrations/0002_keys.sql", &format!("{sql}-- reviewed\n"));
    };
    let renamed: Touch = |project| {
        let sql = project.read("0002_keys.sql");
        std::fs::remove_file(project.root().join("migrations/0002_keys.sql")).expect("removed");
        project.write("migrations/0002_other.sql", &sql);
        project.d1(["apply", "--record"]).success();
    };
    let untouched: Touch = |_| {};
    let trade = "UPDATE users SET email = 't' WHERE email = 'a'; UPDATE users SET email = 'a' WHERE email = 'b'; UPDATE users SET email = 'b' WHERE email = 't'";
    let take =
        "UPDATE users SET email = 'a2' WHERE email = 'a'; UPDATE users SET email = 'a' WHERE email = 'b'";
    let schema = "CREATE TABLE users (email TEXT PRIMARY KEY, name TEXT, note TEXT);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE);
        INSERT INTO users (email, name) VALUES ('a', 'A'), ('b', 'B');";
    for (first, by_hand, touch) in [trade, take].into_iter().flat_map(|sql| {
        [(sql, false, untouched), (sql, false, commented), (sql, false, renamed), (sql, true, untouched)]
    }) {
        for second in ["UPDATE users SET name = name || '!'", trade] {
            let project = Scratch::guestbook().file("migrations/0001_users.sql", schema).followed();
            let own =
                "UPDATE users SET note = 'of ' || name; INSERT INTO posts VALUES (101, 'a'), (102, 'b');";
            let [remote, oracle] = [schema; 2].map(|schema| Remote::with(schema, own));
            project.sql(first);
            oracle.run(&format!("{first};"));
            match by_hand {
                true => {
                    project.write("migrations/0002_keys.sql", &format!("{first};\n"));
                    project.d1(["apply", "--record"]).success();
                }
                false => drop(project.d1(["data", "-m", "keys"]).success()),
            }
            remote.run(&project.read("0002_keys.sql"));
            touch(&project);
            project.d1(["check"]).success();
            project.sql(second);
            oracle.run(&format!("{second};"));
            project.d1(["data", "-m", "more"]).success();
            remote.run(&project.read("0003_more.sql"));
            let list = "SELECT group_concat(id || ':' || email || name || note, ' ' ORDER BY id) FROM posts JOIN users ON email = author";
            assert_same(
                &remote,
                &oracle,
                list,
                &format!("{first}\n{second}\n{by_hand}\n{}", project.read("0003_more.sql")),
            );
        }
    }
}
