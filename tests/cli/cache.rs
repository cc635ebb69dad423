//! The shadow's cache: keyed by content, extended file by file, never trusted when anything about it is odd, removed freely.
//! And what it can never know: values that hang on the clock or on chance.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::support::project::Scratch;

/// A migrated project, with everything compared once.
fn cached() -> Scratch {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["check"]).success();
    project
}

fn home(project: &Scratch) -> PathBuf {
    let homes = fs::read_dir(project.root().join(".wrangler/d1-migrate")).expect("the cache is there");
    homes.flatten().next().expect("one home").path()
}

fn shadow(project: &Scratch) -> PathBuf {
    home(project).join("shadow.sqlite")
}

/// Whatever was done to the cache, answers and files are those that a run without a cache gives.
#[track_caller]
fn is_not_trusted(project: &Scratch, what: &str) {
    let check = project.d1(["check"]);
    assert_eq!(check.code_is(), 0, "{what}: {}", check.stderr);
    let verify = project.d1(["verify"]);
    assert_eq!(verify.code_is(), 0, "{what}: {}", verify.stderr);
    project.sql("UPDATE authors SET karma = karma - 1 WHERE id = 5; INSERT INTO tags VALUES (3, 'z')");
    let data = project.d1(["data", "-m", "x"]);
    assert_eq!(data.code_is(), 0, "{what}: {}", data.stderr);
    let sql = project.read("0002_x.sql");
    assert_eq!((sql.matches("UPDATE").count(), sql.matches("INSERT").count()), (1, 1), "{what}: {sql}");
    assert!(!sql.contains("DELETE"), "{what}: {sql}");
    project.assert_replay_agrees();
}

#[track_caller]
fn edited_is_not_trusted(edits: &[&str]) {
    for edit in edits {
        let project = cached();
        let conn = Connection::open(shadow(&project)).expect("the shadow opens");
        conn.execute_batch(edit).unwrap_or_else(|e| panic!("{edit}: {e}"));
        drop(conn);
        is_not_trusted(&project, edit);
    }
}

#[test]
fn another_file_in_its_place_is_thrown_away() {
    type Damage = fn(&PathBuf);
    let damages: [(&str, Damage); 6] = [
        ("half of it", |path| {
            let bytes = fs::read(path).expect("a file");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("a file");
        }),
        ("one byte", |path| fs::write(path, "S").expect("a file")),
        ("nothing", |path| fs::write(path, "").expect("a file")),
        ("text", |path| fs::write(path, "this is a text\n".repeat(900)).expect("a file")),
        ("another database", |path| {
            fs::remove_file(path).expect("a file");
            let conn = Connection::open(path).expect("a database");
            conn.execute_batch("PRAGMA encoding = 'UTF-16le'; CREATE TABLE posts (a)").expect("a table");
        }),
        ("a stray journal", |path| {
            fs::write(format!("{}-journal", path.display()), [7; 3000]).expect("a file");
        }),
    ];
    for (what, damage) in damages {
        let project = cached();
        damage(&shadow(&project));
        is_not_trusted(&project, what);
    }
}

#[test]
fn it_can_be_removed_at_any_time() {
    let project = cached();
    project.sql("INSERT INTO tags VALUES (4, 'before')");
    fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("it is there");
    project.d1(["check"]).code(1).says("tags: 1 inserted");
    fs::remove_file(shadow(&project)).expect("it is there");
    project.d1(["data", "-m", "before"]).success();
    fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("it is there");
    project.d1(["check"]).success();
    project.assert_replay_agrees();
}

#[test]
fn what_was_written_and_not_yet_recorded_is_known_without_it_too() {
    let project = cached();
    project.sql("INSERT INTO visits (path, detail) VALUES ('/once', 1)");
    assert!(project.d1_stopped_at("published", ["data", "-m", "once"]));
    project.sql("INSERT INTO tags VALUES (3, 'later')");
    fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("it is there");
    project.d1(["apply"]).success();
    assert_eq!(project.ask("SELECT count(*) FROM visits WHERE path = '/once'"), "1");
    project.d1(["data", "-m", "later"]).success();
    project.d1(["verify"]).success();
    assert_eq!(project.applied(), project.migrations());
}

#[test]
fn another_format_is_thrown_away() {
    edited_is_not_trusted(&[
        "UPDATE d1_migrate_shadow_facts SET value = '0 0.0.0' WHERE name = 'format'",
        "UPDATE d1_migrate_shadow_facts SET value = X'00' WHERE name = 'format'",
        "DELETE FROM d1_migrate_shadow_facts",
        "DROP TABLE d1_migrate_shadow_facts",
        "UPDATE d1_migrate_shadow_files SET digest = 'x'",
        "UPDATE d1_migrate_shadow_facts SET value = 99999 WHERE name = 'mark id'",
    ]);
}

#[test]
fn tables_of_its_own_that_are_damaged_are_doubted() {
    edited_is_not_trusted(&[
        "DELETE FROM d1_migrate_shadow_files",
        "UPDATE d1_migrate_shadow_files SET name = X'00'",
        "DROP TABLE d1_migrate_shadow_files",
        "UPDATE d1_migrate_shadow_facts SET value = 'x' WHERE name LIKE 'mark%'",
        "DROP TABLE d1_migrate_shadow_left",
        "DROP TABLE d1_migrate_shadow_unknown",
    ]);
}

#[test]
fn a_schema_that_somebody_changed_there_is_doubted() {
    edited_is_not_trusted(&[
        "CREATE TABLE more (a)",
        "DROP TABLE tags",
        "ALTER TABLE tags ADD COLUMN more",
        "CREATE INDEX more ON tags (tag)",
    ]);
}

#[test]
fn rows_that_somebody_changed_there_are_doubted() {
    edited_is_not_trusted(&["UPDATE authors SET karma = 77", "DELETE FROM visits", "DELETE FROM posts"]);
}

#[test]
fn pages_that_cannot_be_read_are_replayed_anew() {
    let project = cached();
    let mut bytes = fs::read(shadow(&project)).expect("a file");
    bytes[4096..8192].fill(0xff);
    fs::write(shadow(&project), bytes).expect("a file");
    is_not_trusted(&project, "a broken page");
}

#[test]
fn verify_proves_it_from_the_files_and_not_from_the_cache() {
    let project = cached();
    project.d1(["untrack"]).success();
    for path in [project.local_file(), shadow(&project)] {
        let conn = Connection::open(path).expect("a database");
        conn.execute_batch("UPDATE authors SET karma = 77 WHERE id = 5").expect("an update");
    }
    project.d1(["verify"]).code(1).says("authors: 1 updated");
}

#[test]
fn what_a_failing_migration_did_is_not_kept() {
    for sql in ["DELETE FROM visits;\nSELECT nothing;\n", "ROLLBACK;\nDELETE FROM visits;\nSELECT nothing;\n"]
    {
        let project = cached();
        project.write("migrations/0002_fails.sql", sql);
        project.d1(["check"]).fails("0002_fails.sql");
        fs::remove_file(project.root().join("migrations/0002_fails.sql")).expect("it is there");
        is_not_trusted(&project, sql);
    }
}

#[test]
fn only_new_files_are_replayed_and_all_of_them_where_an_earlier_one_changed() {
    let project = cached();
    project.write("migrations/0002_more.sql", "CREATE TABLE more (a);\n");
    let run = project.d1(["check", "-v"]).code(1).says("replaying 0002_more.sql");
    run.says_not("replaying 0001");
    project.d1(["check", "-v"]).code(1).says_not("replaying");
    let first = project.read("0001_initial_migration.sql");
    project.write("migrations/0001_initial_migration.sql", &format!("{first}-- edited\n"));
    project.d1(["check", "-v"]).code(1).says("replaying 0001").says("replaying 0002");
}

#[test]
fn a_baseline_that_is_damaged_is_not_said_to_be_replaceable() {
    let project = Scratch::with_schema("CREATE TABLE posts (id TEXT PRIMARY KEY, body TEXT)")
        .file("migrations/0005_body.sql", "ALTER TABLE posts ADD COLUMN body TEXT;\n");
    project.d1(["track", "--baseline"]).success();
    project.sql("INSERT INTO posts VALUES ('a', 'pending')");
    let baselines = fs::read_dir(project.root().join(".wrangler/d1-migrate-baseline")).expect("a baseline");
    for baseline in baselines.flatten() {
        fs::write(baseline.path(), "text".repeat(100)).expect("a file");
    }
    // All shadows may go at any time, the baseline stays.
    drop(fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")));
    let run = project.d1(["check"]).fails("baseline");
    assert!(!run.stderr.contains("nothing that cannot be made again"), "{}", run.stderr);
}

/// What no trigger sees must still be found, by `check` as by `verify`, and come out right.
#[track_caller]
fn is_found_without_triggers(prepare: &str, unseen: &str, later: &str) {
    let project = Scratch::with_schema(
        "CREATE TABLE bare (a, b); INSERT INTO bare VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);
         CREATE TABLE k (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO k VALUES (1, 10), (2, 20)",
    );
    project.d1([]).success();
    project.sql(prepare);
    project.d1([]).success();
    project.sql(unseen);
    let (check, verify) = (project.d1(["check"]).code_is(), project.d1(["verify"]).code_is());
    assert_eq!(check, verify, "after {unseen}");
    project.sql(later);
    project.d1(["data", "-m", "later"]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.assert_replay_agrees();
}

#[test]
fn a_vacuum_that_gives_rows_other_rowids_does_not_lead_astray() {
    is_found_without_triggers(
        "DELETE FROM bare WHERE a IN (1, 2)",
        "VACUUM",
        "UPDATE bare SET b = 'mine' WHERE a = 5",
    );
}

#[test]
fn a_column_that_was_dropped_and_added_again_is_seen_to_be_empty() {
    is_found_without_triggers(
        "DELETE FROM bare WHERE a IN (1, 2)",
        "ALTER TABLE k DROP COLUMN n; ALTER TABLE k ADD COLUMN n INTEGER",
        "UPDATE bare SET b = 'mine' WHERE a = 5",
    );
}

/// Made from its migrations alone, and not touched since: nothing is pending, whatever the clock and the dice say.
#[track_caller]
fn untouched_is_clean(migration: &str) {
    let project = Scratch::guestbook().file("migrations/0001_seed.sql", migration);
    project.d1(["apply"]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.d1(["data", "-m", "nothing"]).success().stdout_is("");
    assert_eq!(project.migrations(), ["0001_seed.sql"], "{migration}");
}

#[test]
fn cells_that_nobody_can_know_are_never_pending_by_themselves() {
    for migration in [
        "CREATE TABLE u (id INTEGER PRIMARY KEY, n, c DEFAULT CURRENT_TIMESTAMP);\nINSERT INTO u (n) VALUES (1), (2);\n",
        "CREATE TABLE u (id TEXT PRIMARY KEY, n);\nINSERT INTO u VALUES (lower(hex(randomblob(16))), 'a');\n",
        "CREATE TABLE u (id TEXT PRIMARY KEY);\nCREATE TABLE c (u REFERENCES u (id));\nINSERT INTO u VALUES (hex(randomblob(8)));\nINSERT INTO c SELECT id FROM u;\n",
        "CREATE TABLE u (id INTEGER PRIMARY KEY, n UNIQUE);\nINSERT INTO u (n) VALUES (random());\n",
        "CREATE TABLE u (n);\nINSERT INTO u VALUES (random()), (CURRENT_TIMESTAMP), (3);\n",
    ] {
        untouched_is_clean(migration);
    }
}

#[test]
fn rows_whose_key_nobody_can_know_are_never_pending_by_themselves() {
    for migration in [
        "CREATE TABLE u (id INTEGER PRIMARY KEY, n);\nINSERT INTO u VALUES (abs(random()), 'a');\n",
        "CREATE TABLE u (id TEXT PRIMARY KEY, n) WITHOUT ROWID;\nINSERT INTO u VALUES (hex(randomblob(8)), 'a');\n",
        "CREATE TABLE u (id INTEGER PRIMARY KEY AUTOINCREMENT, n);\nINSERT INTO u VALUES (abs(random() % 100000), 1);\n",
        "CREATE TABLE u (id INTEGER PRIMARY KEY, n);\nINSERT INTO u (n) SELECT 1 WHERE date('now') > '2010-01-01';\n",
    ] {
        untouched_is_clean(migration);
    }
}

#[test]
fn a_change_of_a_row_whose_key_chance_made_is_refused_and_other_rows_are_not() {
    let project = Scratch::guestbook().file(
        "migrations/0001_u.sql",
        "CREATE TABLE u (id INTEGER PRIMARY KEY, n);\nINSERT INTO u VALUES (abs(random()), 'a');\n",
    );
    project.d1(["apply"]).success();
    project.d1([]).success();
    project.sql("INSERT INTO u VALUES (5, 'mine')");
    project.d1(["data", "-m", "mine"]).success();
    assert!(project.read("0002_mine.sql").contains("(5, 'mine')"));
    project.d1(["check"]).success();
    project.sql("UPDATE u SET n = 'b' WHERE id <> 5");
    project.d1(["check"]).code(1);
    project.d1(["data", "-m", "theirs"]).code(2).stderr_has("cannot be named on the real D1");
    project.sql("UPDATE u SET n = 'a' WHERE id <> 5");
    project.d1(["check"]).success();
}

/// Whether or not anything was compared before.
#[test]
fn a_row_whose_key_chance_made_is_refused_without_a_cache_too() {
    for change in [
        "UPDATE u SET n = 'b' WHERE id <> 5",
        "DELETE FROM u WHERE id <> 5",
        "UPDATE u SET id = 7 WHERE id <> 5",
    ] {
        let project = Scratch::guestbook().file(
            "migrations/0001_u.sql",
            "CREATE TABLE u (id INTEGER PRIMARY KEY, n);\nINSERT INTO u VALUES (abs(random()), 'a'), (5, 'known');\n",
        ).followed();
        project.sql(change);
        for _ in 0..2 {
            project.d1(["check"]).code(1);
            project.d1(["data", "-m", "theirs"]).code(2).stderr_has("cannot be named on the real D1");
        }
        assert_eq!(project.migrations().len(), 1);
    }
}

/// Nothing of the files is left to compare them with then.
#[test]
fn where_chance_made_every_key_changed_rows_are_refused_too() {
    for table in ["u (id INTEGER PRIMARY KEY, n)", "u (id PRIMARY KEY, n) WITHOUT ROWID"] {
        let seed =
            format!("CREATE TABLE {table};\nINSERT INTO u VALUES (abs(random()), 1), (abs(random()), 2);\n");
        let project = Scratch::guestbook().file("migrations/0001_u.sql", &seed).followed();
        project.sql("UPDATE u SET n = n + 10");
        project.d1(["data", "-m", "mine"]).code(2).stderr_has("cannot be named on the real D1");
    }
}

/// What `apply` keeps in sight of it is no sign that a file made it.
#[test]
fn a_new_row_beside_a_file_that_makes_keys_by_chance_is_written() {
    let project = Scratch::guestbook()
        .file(
            "migrations/0001_u.sql",
            "CREATE TABLE u (id INTEGER PRIMARY KEY, n);\nINSERT INTO u VALUES (1, 1);\n",
        )
        .followed();
    project.sql("INSERT INTO u VALUES (7, 7)");
    project.write("migrations/0002_theirs.sql", "INSERT INTO u VALUES (abs(random()), 2);\n");
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "mine"]).success();
    let sql = project.read("0003_mine.sql");
    assert!(sql.ends_with("TRUE;\nINSERT INTO u (id, n) VALUES\n  (7, 7);\n"), "{sql}");
}

/// It has the same changefeed, and may have the same count of its schema. Copied, it even has the place and age of the old file.
#[test]
fn a_dump_that_was_read_into_a_new_file_is_another_database() {
    let take_its_place: [fn(&Path, &Path); 2] = [
        |copy, local| fs::rename(copy, local).expect("it is moved"),
        |copy, local| fs::copy(copy, local).map(drop).expect("it is copied"),
    ];
    for take_its_place in take_its_place {
        let project =
            Scratch::with_schema("CREATE TABLE t (v); INSERT INTO t VALUES ('one'), ('two'), ('three')");
        project.d1([]).success();
        project.sql("DELETE FROM t WHERE v = 'one'");
        project.d1(["data", "-m", "one"]).success();
        project.d1(["check"]).success();
        for _ in 0..2 {
            // The rows get other rowids, once; somebody edits one, twice.
            let copy = project.root().join("copy.sqlite");
            project.sqlite3_shell(&format!(".clone {}", copy.display()));
            let trigger =
                project.ask("SELECT sql FROM sqlite_schema WHERE name = 'd1_migrate_track_update:t'");
            let version = project.ask("SELECT schema_version FROM pragma_schema_version");
            let edit =
                "DROP TRIGGER \"d1_migrate_track_update:t\"; UPDATE t SET v = v || '!' WHERE v LIKE 'two%'";
            let edited = format!("{edit}; {trigger}; PRAGMA schema_version = {version}");
            Connection::open(&copy).and_then(|copy| copy.execute_batch(&edited)).expect("it is edited");
            take_its_place(&copy, &project.local_file());
            project.d1(["check"]).code(1);
            project.d1(["track"]).success();
            project.d1(["check"]).code(1);
        }
        project.sql("UPDATE t SET v = 'THREE' WHERE v = 'three'");
        project.d1(["data", "-m", "three"]).success();
        project.assert_replay_agrees();
    }
}

/// A file that takes the rows out and in again, run by wrangler while the triggers stand, and a user who changes his mind.
#[test]
fn a_cell_that_nobody_can_know_is_not_changed_by_who_puts_back_what_it_held() {
    let seed = "CREATE TABLE u (id INTEGER PRIMARY KEY, n, c DEFAULT CURRENT_TIMESTAMP);\nINSERT INTO u (n) VALUES (1), (2), (3);\n";
    let project = Scratch::guestbook().file("migrations/0001_u.sql", seed).followed();
    project.sql("CREATE TEMP TABLE c AS SELECT c FROM u WHERE id = 2; UPDATE u SET c = 'mine' WHERE id = 2; UPDATE u SET c = (SELECT c FROM c) WHERE id = 2");
    let rebuild =
        "CREATE TABLE s AS SELECT * FROM u;\nDELETE FROM u;\nINSERT INTO u SELECT * FROM s;\nDROP TABLE s;\n";
    project.write("migrations/0002_rebuild.sql", rebuild);
    project.sql(&format!(
        "BEGIN; {rebuild} INSERT INTO d1_migrations (name) VALUES ('0002_rebuild.sql'); COMMIT"
    ));
    for _ in 0..2 {
        project.d1(["check"]).success();
        fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("the cache is there");
    }
    project.sql("UPDATE u SET c = '2020-02-02' WHERE id = 3; DELETE FROM u WHERE id = 1; INSERT INTO u VALUES (1, 1, 'new')");
    project.d1(["data", "-m", "mine"]).success();
    let sql = project.read("0003_mine.sql");
    assert!(sql.contains("'2020-02-02'") && sql.contains("'new'") && !sql.contains("id = 2"), "{sql}");
}
