//! Rows that trade the keys by which their children name them.

use super::{CASCADE, KEYS, children_after};
use crate::remote::{Remote, assert_same, by_migration_and_by_hand};
use crate::support::project::Scratch;

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
