//! `data`: the difference between the files and the database, as the next file.

use crate::support::project::Scratch;

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, body BLOB);
    CREATE TABLE stars (note INTEGER REFERENCES notes (id) ON DELETE RESTRICT ON UPDATE CASCADE, who TEXT);
    INSERT INTO notes VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z');
    INSERT INTO stars VALUES (1, 'Ada'), (2, 'Ada'), (NULL, 'Bob');";

fn tracked(schema: &str) -> Scratch {
    let project = Scratch::with_schema(schema);
    project.d1([]).success();
    project
}

#[test]
fn the_message_names_the_file() {
    let project = tracked(NOTES);
    project.sql("DELETE FROM stars");
    project
        .d1(["data", "-m", "Remove ALL stars -- now"])
        .success()
        .stdout_has("0002_remove_all_stars_now.sql");
}

#[test]
fn nothing_pending_writes_nothing_and_is_no_error() {
    let project = tracked(NOTES);
    project.d1(["data", "-m", "none"]).success().stdout_is("").stderr_has("nothing");
    assert_eq!(project.migrations().len(), 1);
}

#[test]
fn each_change_is_one_statement_that_a_person_can_read() {
    let project = tracked(NOTES);
    project.sql("UPDATE notes SET slug = 'new' WHERE id = 2; DELETE FROM stars WHERE who = 'Bob'");
    project.d1(["data", "-m", "two"]).success();
    let sql = project.read("0002_two.sql");
    let statements = |word: &str| sql.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!(statements("UPDATE"), 1, "{sql}");
    assert_eq!(statements("DELETE"), 1, "{sql}");
    assert!(sql.contains("'new'") && !sql.contains("d1_migrate_"), "{sql}");
    assert!(sql.ends_with(";\n"), "{sql}");
}

#[test]
fn tables_can_be_chosen_and_the_others_stay_pending() {
    let project = tracked(NOTES);
    project.sql("UPDATE notes SET body = 'new' WHERE id = 3; DELETE FROM stars WHERE who = 'Bob'");
    project.d1(["data", "-m", "stars only", "--tables", "stars"]).success();
    assert!(!project.read("0002_stars_only.sql").contains("notes"));
    project.d1(["check"]).code(1).says("notes");
    project.d1(["data", "-m", "the rest"]).success();
    project.d1(["check"]).success();
    project.assert_replay_agrees();
}

/// On the real D1 the child would be gone until the rest is written.
#[test]
fn a_parent_does_not_take_along_a_child_whose_way_out_is_left_pending() {
    let project = tracked(
        "CREATE TABLE c (id TEXT PRIMARY KEY); INSERT INTO c VALUES ('a'), ('b');
         CREATE TABLE g (id TEXT PRIMARY KEY, c REFERENCES c (id) ON DELETE CASCADE); INSERT INTO g VALUES (1, 'a');",
    );
    project.sql("UPDATE g SET c = 'b'");
    let since = project.a_moment_later();
    project.sql("DELETE FROM c WHERE id = 'a'");
    for part in [["--tables", "c"], ["--since", since.as_str()]] {
        let args = ["data", "-m", "part", part[0], part[1]];
        project.d1(args).code(2).says("a row of table `g` whose change is left pending would be deleted");
        assert_eq!(project.migrations().len(), 1);
    }
    project.d1(["data", "-m", "all"]).success();
    project.assert_replay_agrees();
}

#[test]
fn a_dry_run_prints_the_sql_and_writes_nothing() {
    let project = tracked(NOTES);
    project.sql("UPDATE notes SET body = 'only shown' WHERE id = 3");
    project
        .d1(["data", "-m", "shown", "--dry-run"])
        .success()
        .stdout_has("UPDATE")
        .stdout_has("'only shown'");
    assert_eq!(project.migrations().len(), 1);
    project.d1(["check"]).code(1);
}

#[test]
fn since_leaves_older_changes_pending() {
    let project = tracked(NOTES);
    project.sql("UPDATE notes SET body = 'older' WHERE id = 1");
    let now = project.a_moment_later();
    project.sql("UPDATE notes SET body = 'newer' WHERE id = 2");
    project.d1(["data", "-m", "new", "--since", &now]).success();
    let sql = project.read("0002_new.sql");
    assert!(sql.contains("'newer'") && !sql.contains("'older'"), "{sql}");
    project.d1(["check"]).code(1).says("notes");
    project.d1(["data", "-m", "old"]).success();
    project.assert_replay_agrees();
}

/// Their rowids are above those of older new rows, which the files do not have yet.
#[test]
fn since_leaves_older_rows_with_hidden_rowids_pending() {
    let project = tracked("CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES ('a'), ('b');");
    project.sql("INSERT INTO t VALUES ('c'); UPDATE t SET k = 'x' WHERE k = 'b'; INSERT INTO t VALUES ('b')");
    let now = project.a_moment_later();
    project.sql("INSERT INTO t VALUES ('newer')");
    project.d1(["data", "-m", "new", "--since", &now]).success();
    let sql = project.read("0002_new.sql");
    assert!(sql.contains("'newer'") && !sql.contains("'c'") && !sql.contains("'x'"), "{sql}");
    project.d1(["data", "-m", "old"]).success();
    project.assert_replay_agrees();
}

/// Something has changed since, but was put back.
#[test]
fn older_changes_stay_pending_where_nothing_is_left_of_the_newer_ones() {
    for options in [&[][..], &["--dry-run"]] {
        let project = tracked(NOTES);
        project.sql("UPDATE notes SET body = 'older' WHERE id = 1");
        let now = project.a_moment_later();
        project.sql("CREATE TEMP TABLE b AS SELECT body FROM notes WHERE id = 2; UPDATE notes SET body = 'x' WHERE id = 2;
             UPDATE notes SET body = (SELECT body FROM b) WHERE id = 2");
        let args = ["data", "-m", "new", "--since", &now].into_iter().chain(options.iter().copied());
        project.d1(args).success().says("notes: 1 updated (still pending)");
        project.d1(["check"]).code(1).says("notes: 1 updated");
        project.d1(["data", "-m", "old"]).success();
        assert!(project.read("0002_old.sql").contains("'older'"));
        project.assert_replay_agrees();
    }
}

#[test]
fn keys_and_unique_values_may_change_places() {
    let project = tracked(NOTES);
    project.sql(
        "UPDATE notes SET slug = 'tmp' WHERE id = 1; UPDATE notes SET slug = 'a' WHERE id = 2;
         UPDATE notes SET slug = 'b' WHERE id = 1;
         UPDATE notes SET id = 30 WHERE id = 3; UPDATE notes SET id = 3 WHERE id = 2;
         INSERT INTO notes VALUES (2, 'c2', 'w'); DELETE FROM stars WHERE note = 1; DELETE FROM notes WHERE id = 1;
         INSERT INTO notes VALUES (1, 'd', NULL)",
    );
    project.d1(["data", "-m", "swaps"]).success();
    project.assert_replay_agrees();
}

#[test]
fn parents_and_children_come_and_go_in_an_order_that_d1_takes() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql(
        "UPDATE posts SET author_id = 1 WHERE id = 2; DELETE FROM authors WHERE id = 2;
         DELETE FROM authors WHERE id = 5;
         INSERT INTO authors (id, name) VALUES (2, 'again'), (100, 'late');
         INSERT INTO posts (id, author_id, title) VALUES (4, 100, 'under an old id');
         INSERT INTO tags VALUES (4, 'x')",
    );
    project.d1(["data", "-m", "families"]).success();
    project.assert_replay_agrees();
}

#[test]
fn a_users_trigger_does_not_run_a_second_time() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("UPDATE posts SET title = 'touched' WHERE id = 1; UPDATE posts SET updated_at = 'by hand' WHERE id = 1");
    project.d1(["data", "-m", "touch"]).success();
    project.assert_replay_agrees();
}

#[test]
fn the_counter_of_autoincrement_is_carried_even_without_a_row() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("INSERT INTO authors (name) VALUES ('gone'); DELETE FROM authors WHERE name = 'gone'");
    project.sql("INSERT INTO visits VALUES ('/last', NULL)");
    project.d1(["data", "-m", "counter"]).success();
    project.assert_replay_agrees();
}

#[test]
fn awkward_names_are_quoted() {
    let project = tracked(
        "CREATE TABLE \"select\" (\"from\" TEXT, \"a \"\"b\"\"\" INTEGER, \"é;--\" BLOB, rowid TEXT);
         CREATE TABLE [o'clock] (\"group\" PRIMARY KEY, \"order\") WITHOUT ROWID;
         INSERT INTO \"select\" VALUES ('x', 1, X'00', 'r');",
    );
    project.sql(
        "INSERT INTO \"select\" VALUES ('y', 2, X'01', 's'); UPDATE \"select\" SET \"a \"\"b\"\"\" = 3 WHERE rowid = 'r';
         INSERT INTO [o'clock] VALUES (1.0, 'one')",
    );
    project.d1(["data", "-m", "names"]).success();
    project.assert_replay_agrees();
}
