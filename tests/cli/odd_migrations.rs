//! Migrations that reach for more than a migration may, and bookkeeping that somebody tampered with: the folder's SQL runs
//! only on the shadow and, by `apply`, on the local database, and touches nothing else.

use super::bad_input::{Before, fails_in_vain, pending};
use crate::support::project::Scratch;

/// Tracked, with one migration more than the local database has run.
fn with_migration(sql: &str) -> Scratch {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.write("migrations/0002_odd.sql", sql);
    project
}

/// `check` and `apply` refuse the file; without it, nothing is left of it anywhere.
#[track_caller]
fn is_refused(sql: &str, says: &str) {
    let project = with_migration(sql);
    fails_in_vain(&project, &["check"], says);
    fails_in_vain(&project, &["apply"], says);
    std::fs::remove_file(project.root().join("migrations/0002_odd.sql")).expect("it is there");
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.assert_replay_agrees();
}

#[test]
fn nothing_outside_of_the_database_can_be_reached() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let path = outside.path().join("outside.sqlite").display().to_string();
    for sql in [
        format!("ATTACH '{path}' AS outside;\nCREATE TABLE outside.a (b);\n"),
        format!("COMMIT;\nVACUUM INTO '{path}';\n"),
        format!("ROLLBACK;\nVACUUM INTO '{path}';\n"),
        format!("SELECT load_extension('{path}');\n"),
        "DETACH main;\n".into(),
        "PRAGMA writable_schema = ON;\nDELETE FROM sqlite_schema;\n".into(),
        "PRAGMA \"writable_schema\" = 1;\n".into(),
        "PRAGMA journal_mode = OFF;\n".into(),
        "PRAGMA temp_store_directory = '/';\n".into(),
        "SELECT writefile('x', 'y');\n".into(),
    ] {
        is_refused(&sql, "0002_odd.sql:");
    }
    assert_eq!(std::fs::read_dir(outside.path()).expect("the folder").count(), 0);
}

#[test]
fn statements_that_fail_in_the_middle_leave_nothing_behind() {
    for sql in [
        "DELETE FROM tags;\nINSERT INTO nowhere VALUES (1);\n",
        "BEGIN TRANSACTION;\nDELETE FROM tags;\nCOMMIT;\nINSERT INTO nowhere VALUES (1);\n",
        "SAVEPOINT a;\nDELETE FROM tags;\nRELEASE a;\nINSERT INTO nowhere VALUES (1);\n",
        "DELETE FROM visits;\nINSERT OR ROLLBACK INTO tags SELECT * FROM tags;\n",
        "DELETE FROM visits;\nSELECT 'open\n",
        "DELETE FROM visits;\nCREATE TRIGGER x AFTER INSERT ON tags BEGIN SELECT 1;\n",
        "SELECT zeroblob(9000000000);\n",
    ] {
        is_refused(sql, "0002_odd.sql:");
    }
}

#[test]
fn names_in_the_database_cannot_break_out_of_their_quotes() {
    for name in [
        "a\nb; DROP TABLE keep; --",
        "a*/ DROP TABLE keep; /*",
        "\"; DROP TABLE keep; --",
        "it's",
        "a--b",
        "",
        "$t$",
    ] {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE keep (a); INSERT INTO keep VALUES (1);
             CREATE TABLE {quoted} (id INTEGER PRIMARY KEY, {quoted} TEXT); INSERT INTO {quoted} VALUES (1, 'x'), (2, 'y')"
        ));
        project.d1([]).success();
        project.sql(&format!(
            "UPDATE {quoted} SET {quoted} = '--;' WHERE id = 1; DELETE FROM {quoted} WHERE id = 2"
        ));
        project.d1(["data", "-m", "x"]).success();
        for args in [&["check"][..], &["verify"], &["log"]] {
            project.d1(args.iter().copied()).success();
        }
        project.assert_replay_agrees();
    }
}

#[test]
fn a_clone_whose_first_migration_fails_gets_no_database() {
    let project =
        Scratch::guestbook().file("migrations/0001_a.sql", "CREATE TABLE a (b);\nSELECT nothing;\n");
    project.d1(["apply"]).fails("0001_a.sql:2");
    assert!(!project.local_file().exists());
}

#[test]
fn a_rollback_in_a_migration_cannot_end_the_transaction_it_runs_in() {
    is_refused("DELETE FROM tags;\nROLLBACK;\nDELETE FROM visits;\n", "0002_odd.sql:2");
    is_refused(
        "ROLLBACK TRANSACTION;\nDELETE FROM visits;\nINSERT INTO nowhere VALUES (1);\n",
        "0002_odd.sql:1",
    );
}

#[test]
fn what_d1_refuses_is_refused_here() {
    is_refused("CREATE TEMP TABLE tags (a);\n", "0002_odd.sql:1");
    is_refused(
        "CREATE TEMP TRIGGER t AFTER INSERT ON tags BEGIN DELETE FROM visits; END;\n",
        "0002_odd.sql:1",
    );
    is_refused("CREATE TABLE _cf_mine (a);\n", "0002_odd.sql:1");
}

#[test]
fn the_tools_own_tables_are_out_of_a_migrations_reach() {
    for sql in [
        "DELETE FROM d1_migrate_shadow_files;\n",
        "DROP TABLE d1_migrate_shadow_files;\n",
        "UPDATE d1_migrate_shadow_facts SET value = 'x';\n",
        "CREATE TABLE d1_migrate_changefeed (a);\n",
    ] {
        is_refused(sql, "0002_odd.sql:1");
    }
}

#[test]
fn random_bytes_without_end_are_an_error_and_no_crash() {
    is_refused("SELECT randomblob(9223372036854775807);\n", "too big");
    is_refused("SELECT randomblob(1000000001);\n", "too big");
}

#[test]
fn what_wrangler_passes_over_is_passed_over() {
    for sql in [
        "BEGIN TRANSACTION;\r\nDELETE FROM tags;\r\nCOMMIT;\r\n",
        "\u{feff}DELETE FROM tags;\n",
        "PRAGMA foreign_keys=OFF;\nDELETE FROM tags;\nPRAGMA foreign_keys=ON;\n",
        ";;\n-- nothing\n/* more */ DELETE FROM tags RETURNING *;",
    ] {
        let project = with_migration(sql);
        project.d1(["apply"]).success();
        assert_eq!(project.ask("SELECT count(*) FROM tags"), "0", "{sql}");
        project.d1(["check"]).success();
        project.d1(["verify"]).success();
    }
}

#[test]
fn an_odd_autoincrement_counter_is_carried_over() {
    for odd in [
        "UPDATE sqlite_sequence SET seq = 'text' WHERE name = 'k'",
        "UPDATE sqlite_sequence SET seq = NULL WHERE name = 'k'",
        "UPDATE sqlite_sequence SET seq = -5 WHERE name = 'k'",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'k'",
        "DELETE FROM sqlite_sequence WHERE name = 'k'",
        "INSERT INTO sqlite_sequence VALUES ('nowhere', 5), (NULL, NULL), ('k', 77)",
    ] {
        let project = Scratch::with_schema(
            "CREATE TABLE k (id INTEGER PRIMARY KEY AUTOINCREMENT, n); INSERT INTO k (n) VALUES (1), (2)",
        );
        project.d1([]).success();
        project.sql(odd);
        project.d1([]).success();
        project.d1(["check"]).success();
        project.d1(["verify"]).success();
    }
}

/// Changes two rows, tampers with the changefeed, and sees both changes all the same.
#[track_caller]
fn still_finds_both_changes(tampering: &str) {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("UPDATE authors SET karma = karma - 1 WHERE id = 5; INSERT INTO tags VALUES (3, 'z')");
    project.sql(tampering);
    project.d1(["log"]).success();
    project.d1(["status"]).success();
    project.d1(["check"]).code(1).says("authors: 1 updated").says("tags: 1 inserted");
    project.d1(["data", "-m", "x"]).success();
    project.d1(["verify"]).success();
    project.assert_replay_agrees();
}

#[test]
fn a_changefeed_with_nonsense_in_it_is_doubted() {
    for tampering in [
        "UPDATE d1_migrate_changefeed SET key = '1); DROP TABLE tags; --' WHERE op <> 'start'",
        "UPDATE d1_migrate_changefeed SET key = '''' WHERE op <> 'start'",
        "UPDATE d1_migrate_changefeed SET key = printf('%.*c', 3000000, '(') WHERE op <> 'start'",
        "UPDATE d1_migrate_changefeed SET key = 1.5 WHERE op <> 'start'",
        "UPDATE d1_migrate_changefeed SET new_key = '1,2,3,4'",
        "UPDATE d1_migrate_changefeed SET taken = 'garbage((('",
        "UPDATE d1_migrate_changefeed SET taken = X'00'",
        "UPDATE d1_migrate_changefeed SET old = CAST(X'FF22' AS TEXT)",
        "UPDATE d1_migrate_changefeed SET at = 9223372036854775807",
        "UPDATE d1_migrate_changefeed SET id = -id",
        "UPDATE d1_migrate_changefeed SET op = 'zz'",
        "DELETE FROM d1_migrate_changefeed",
    ] {
        still_finds_both_changes(tampering);
    }
}

#[test]
fn a_changefeed_with_values_of_other_types_is_doubted() {
    for tampering in [
        "UPDATE d1_migrate_changefeed SET at = 'text'",
        "UPDATE d1_migrate_changefeed SET op = X'FF' WHERE id > 1",
        "UPDATE d1_migrate_changefeed SET key = X'00' WHERE op = 'start'",
        "UPDATE d1_migrate_changefeed SET tbl = X'FF'",
    ] {
        still_finds_both_changes(tampering);
    }
}

#[test]
fn something_else_under_the_changefeeds_name_is_doubted() {
    for other in ["TABLE d1_migrate_changefeed (a)", "VIEW d1_migrate_changefeed AS SELECT 1 AS a"] {
        let project = Scratch::seeded();
        project.d1([]).success();
        project.d1(["untrack", "--purge"]).success();
        project.sql(&format!("CREATE {other}; INSERT INTO tags VALUES (3, 'z')"));
        let before = Before::of(&project);
        project.d1(["check"]).code(1).says("tags: 1 inserted");
        before.is_still(&project);
        // It is in the way of tracking, which says so in words, and of nothing else.
        fails_in_vain(&project, &["track"], "d1_migrate_changefeed").stderr_has("untrack --purge");
        project.d1(["untrack", "--purge"]).success();
        project.d1([]).success();
        project.d1(["check"]).success();
    }
}

#[test]
fn odd_rows_in_the_migrations_table_are_no_harm() {
    for odd in [
        "INSERT INTO d1_migrations(name) VALUES (NULL), (X'00FF'), (7), (''), ('../../x.sql')",
        "UPDATE d1_migrations SET applied_at = X'00'",
        "DELETE FROM d1_migrations",
        "DROP TABLE d1_migrations",
        "DROP TABLE d1_migrations; CREATE TABLE D1_Migrations(id, name, applied_at)",
    ] {
        let project = pending();
        project.sql(odd);
        project.d1(["data", "-m", "x"]).success().stdout_has("0002_x.sql");
        project.d1(["check"]).success();
        project.d1(["verify"]).success();
    }
}

#[test]
fn a_migrations_table_that_cannot_be_used_stops_the_work_before_a_file_is_written() {
    for odd in [
        "DROP TABLE d1_migrations; CREATE TABLE d1_migrations(a)",
        "CREATE TRIGGER t BEFORE INSERT ON d1_migrations BEGIN SELECT RAISE(ABORT, 'no'); END",
        "DROP TABLE d1_migrations; CREATE VIEW d1_migrations AS SELECT 1 AS id, '0001_initial_migration.sql' AS name, '' AS applied_at",
        "INSERT INTO d1_migrations(id, name) VALUES (9223372036854775807, 'last')",
    ] {
        let project = pending();
        project.sql(odd);
        let before = project.migrations();
        project.d1(["data", "-m", "x"]).fails("migrations table");
        assert_eq!(project.migrations(), before, "{odd}");
    }
}
