//! A parent whose key changes takes along the children that only the real D1 has.

mod taken;
mod traded;

use crate::remote::{Remote, assert_same, by_migration_and_by_hand};
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

const CASCADE: &str = "ON UPDATE CASCADE ON DELETE CASCADE";

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
