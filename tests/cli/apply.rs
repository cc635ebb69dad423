//! `apply`: run the migrations that the local database lacks, without taking them for changes.

use crate::support::project::Scratch;
use crate::support::wrangler;

#[test]
fn a_clone_without_a_database_gets_the_same_one() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("INSERT INTO tags VALUES (7, 'late')");
    project.d1(["data", "-m", "late"]).success();

    let clone = project.cloned();
    clone.d1(["check"]).fails("local").stderr_has("apply");
    clone.d1(["apply"]).success();
    assert_eq!(clone.applied(), clone.migrations());
    clone.assert_replay_agrees();
    clone.d1(["check"]).success();
    // wrangler takes the file that the tool made for its own.
    assert_eq!(wrangler::unapplied(&clone.root()), Vec::<String>::new());
    wrangler::execute(&clone.root(), "DELETE FROM tags WHERE tag = 'late'");
    clone.d1(["check"]).code(1).says("tags");
}

/// Nobody ran `track`: an own value in a cell from the clock would be lost, and a changed key would take children along.
#[test]
fn a_database_that_it_makes_is_tracked() {
    let project = Scratch::guestbook().file(
        "migrations/0001_notes.sql",
        "CREATE TABLE notes (slug TEXT PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP);
         CREATE TABLE likes (note REFERENCES notes ON UPDATE CASCADE ON DELETE CASCADE);
         INSERT INTO notes (slug) VALUES ('a'), ('b');",
    );
    project.d1(["apply"]).success().says("Tracking notes, likes");
    project.sql(
        "UPDATE notes SET at = '2020-02-02' WHERE slug = 'a'; UPDATE notes SET slug = 'c' WHERE slug = 'b'",
    );
    project.d1(["data", "-m", "own"]).success();
    let migration = project.read("0002_own.sql");
    assert!(migration.contains("UPDATE notes SET at = '2020-02-02' WHERE slug = 'a';"), "{migration}");
    assert!(migration.contains("UPDATE notes SET slug = 'c' WHERE slug = 'b';"), "{migration}");
    // One that somebody took it away from stays so.
    project.d1(["untrack"]).success();
    project.write("migrations/0003_theirs.sql", "INSERT INTO likes VALUES ('a');");
    project.d1(["apply"]).success().says_not("Tracking");
}

#[test]
fn what_a_colleagues_migration_does_here_is_not_a_change() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.write(
        "migrations/0002_theirs.sql",
        "UPDATE authors SET karma = 1 WHERE id = 5;\nINSERT INTO tags VALUES (2, 'theirs');\n",
    );
    project.d1(["apply"]).success().says("0002_theirs.sql");
    project.d1(["check"]).success();
    project.d1(["data", "-m", "x"]).success().stdout_is("");
    project.assert_replay_agrees();
}

#[test]
fn own_pending_changes_stay_pending_when_another_migration_is_applied() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM visits WHERE rowid = 5");
    project.write("migrations/0002_theirs.sql", "INSERT INTO tags VALUES (2, 'theirs');\n");
    project.d1(["apply"]).success();
    project.d1(["check"]).code(1).says("visits").says_not("tags");
    project.d1(["data", "-m", "mine"]).success();
    let sql = project.read("0003_mine.sql");
    assert!(sql.contains("visits") && !sql.contains("tags"), "{sql}");
    project.assert_replay_agrees();
}

#[test]
fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.write("migrations/0002_half.sql", "DELETE FROM visits;\nINSERT INTO nowhere VALUES (1);\n");
    let visits = project.ask("SELECT count(*) FROM visits");
    project.d1(["apply"]).fails("0002_half.sql:2").stderr_has("nowhere");
    assert_eq!(project.ask("SELECT count(*) FROM visits"), visits);
    assert_eq!(project.applied(), ["0001_initial_migration.sql"]);
}

#[test]
fn record_only_notes_migrations_as_applied() {
    let project = Scratch::with_schema("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)").file(
        "migrations/0001_notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\nINSERT INTO notes VALUES (1, 'from the file');\n",
    );
    project.d1(["apply", "--record"]).success();
    assert_eq!(project.applied(), ["0001_notes.sql"]);
    assert_eq!(project.ask("SELECT count(*) FROM notes"), "0");
    assert_eq!(wrangler::unapplied(&project.root()), Vec::<String>::new());
    // The files still decide: the row that the file gives is not here.
    project.d1(["check"]).code(1).says("notes");
}

#[test]
fn what_was_noted_of_rows_follows_them_to_the_rowids_that_a_file_gives_them() {
    let project = Scratch::guestbook()
        .file(
            "migrations/0001_t.sql",
            "CREATE TABLE t (k TEXT PRIMARY KEY, n); INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3);\n",
        )
        .followed();
    project.sql("DELETE FROM t WHERE k = 'a'; UPDATE t SET n = 4 WHERE k = 'c'");
    let keys = || {
        let log = project.d1(["log", "--json"]).success().stdout;
        let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
        let key = |change: &serde_json::Value| change["key"].as_str().unwrap_or_default().to_owned();
        log["changes"].as_array().expect("changes").iter().map(key).collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["3", "1"]);
    // A row whose key a file changes stays where it is.
    project.write("migrations/0002_key.sql", "UPDATE t SET k = 'z' WHERE k = 'c';\n");
    project.d1(["apply"]).success();
    assert_eq!(keys(), ["3", "1"]);
    project.write(
        "migrations/0003_rebuild.sql",
        "CREATE TABLE new (k TEXT PRIMARY KEY, n); INSERT INTO new SELECT k, n FROM t ORDER BY k; DROP TABLE t; ALTER TABLE new RENAME TO t;\n",
    );
    project.d1(["apply"]).success();
    assert_eq!(keys(), ["2", "1 before 0003_rebuild.sql"]);
    let sql = project.d1(["data", "-m", "all", "--since", "2000-01-01", "--dry-run"]).success().stdout;
    assert!(sql.contains("DELETE FROM t WHERE k = 'a'") && sql.contains("n = 4 WHERE k = 'z'"), "{sql}");
}
