//! `verify`: prove that the migrations rebuild the local database, row for row.

use crate::support::project::Scratch;

#[test]
fn it_says_yes_after_every_migration_and_no_before() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["verify"]).success();
    project.sql("UPDATE visits SET detail = 1.0 WHERE rowid = 1");
    project.d1(["verify"]).code(1).says("visits");
    project.d1(["data", "-m", "float"]).success();
    project.d1(["verify"]).success();
}

#[test]
fn it_sees_a_schema_that_no_file_gives() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("CREATE INDEX by_hand ON posts (title)");
    project.d1(["verify"]).code(1).says("by_hand");
}

#[test]
fn values_that_nobody_can_know_are_neither_pending_nor_different() {
    let project = Scratch::guestbook().file(
        "migrations/0001_start.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, made TEXT DEFAULT CURRENT_TIMESTAMP, dice INTEGER);\n\
         INSERT INTO notes (id, dice) VALUES (1, random()), (2, 6);\n",
    );
    project.d1(["apply"]).success();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    project.d1([]).success().stdout_is("");
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    // What is known is compared as ever, and what is set by hand is written.
    project.sql("UPDATE notes SET dice = 1 WHERE id = 2; UPDATE notes SET made = '2026-01-01' WHERE id = 1");
    project.d1(["data", "-m", "known"]).success();
    let sql = project.read("0002_known.sql");
    assert!(sql.contains("2026-01-01") && !sql.contains("random"), "{sql}");
    project.d1(["check"]).success();
}

#[test]
fn a_value_that_nobody_can_know_is_pending_only_when_tracking_saw_it_change() {
    // Found by generated cases: PROPERTIES_SEED=1795568104621507.
    let project = Scratch::guestbook().file(
        "migrations/0001_start.sql",
        "CREATE TABLE audit (id INTEGER PRIMARY KEY, at TEXT DEFAULT (strftime('%Y', 'now')));\nINSERT INTO audit (id) VALUES (1);\n",
    );
    project.d1(["apply"]).success();
    project.d1([]).success();
    project.d1(["untrack"]).success();
    project.sql("UPDATE audit SET at = 'untracked' WHERE id = 1");
    project.d1(["check"]).success();
    project.d1(["track"]).success();
    project.sql("UPDATE audit SET at = 'tracked' WHERE id = 1");
    project.d1(["check"]).code(1);
    project.d1(["data", "-m", "tracked"]).success();
    assert!(project.read("0002_tracked.sql").contains("'tracked'"));
    project.d1(["check"]).success();
}

/// A row has its values under the names of its columns, in their own case; what is no name in double quotes is a string.
#[test]
fn it_sees_the_case_of_names_and_strings_and_passes_over_that_of_words() {
    let project = Scratch::with_schema(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, userid TEXT); CREATE VIEW v AS SELECT id, userid AS name FROM t;
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET s = \"Paid\" WHERE id = NEW.id; END; INSERT INTO t VALUES (1, 'a', 'b');",
    );
    project.d1([]).success();
    for (change, back, what) in [
        ("ALTER TABLE t RENAME COLUMN s TO S", "ALTER TABLE t RENAME COLUMN S TO s", "table `t`"),
        (
            "DROP VIEW v; CREATE VIEW v AS SELECT id, userid AS Name FROM t",
            "DROP VIEW v; CREATE VIEW v AS SELECT id, userid AS name FROM t",
            "view `v`",
        ),
        (
            "DROP TRIGGER tr; CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET s = \"paid\" WHERE id = NEW.id; END",
            "DROP TRIGGER tr; create trigger \"tr\" after insert on T begin update \"t\" set S = \"Paid\" where ID = new.[id]; end",
            "trigger `tr`",
        ),
    ] {
        project.sql(change);
        project.d1(["check"]).code(1).says(what);
        project.d1(["verify"]).code(1);
        project.sql(back);
        project.d1(["check"]).success();
        project.d1(["verify"]).success();
    }
}
