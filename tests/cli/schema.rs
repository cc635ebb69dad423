//! `schema`: an empty numbered file for DDL by hand, and what follows from it.

use crate::support::project::Scratch;
use crate::support::wrangler;

const LIKES: &str = "ALTER TABLE posts ADD COLUMN likes INTEGER NOT NULL DEFAULT 0;\n\
    CREATE TABLE reactions (post_id INTEGER REFERENCES posts (id) ON DELETE CASCADE, emoji TEXT);";

#[test]
fn it_writes_a_numbered_file_with_nothing_but_comments() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["schema", "-m", "add likes"]).success().stdout_has("0002_add_likes.sql");
    let text = project.read("0002_add_likes.sql");
    assert!(text.starts_with("-- Migration number: 0002 \t 20"), "{text}");
    let comment = |line: &str| line.trim().is_empty() || line.starts_with("--");
    assert!(text.lines().all(comment), "{text}");
}

#[test]
fn it_refuses_while_data_changes_are_pending() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM tags WHERE post_id = 5");
    project.d1(["schema", "-m", "add likes"]).fails("pending").stderr_has("data");
    assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
}

#[test]
fn ddl_by_hand_is_applied_tracked_and_followed_by_right_data() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["schema", "-m", "add likes"]).success();
    project.append("migrations/0002_add_likes.sql", LIKES);
    let copy = project.cloned();

    project.d1(["apply"]).success();
    assert_eq!(project.applied(), project.migrations());
    project.d1(["check"]).success();
    // Tracking follows by itself, also onto the new table.
    project.sql(
        "UPDATE posts SET likes = 3 WHERE id = 1; INSERT INTO reactions VALUES (1, '🎉');
         INSERT INTO reactions VALUES (2, NULL); DELETE FROM posts WHERE id = 2",
    );
    project.d1(["check"]).code(1).says("reactions").says("posts");
    project.d1(["data", "-m", "likes"]).success();
    project.assert_wrangler_agrees();

    // In another copy wrangler applies the same files, and that is not a change either.
    wrangler::apply(&copy.root());
    copy.d1([]).success().stdout_is("");
    copy.d1(["check"]).success();
    copy.sql("UPDATE posts SET likes = 5 WHERE id = 3");
    copy.d1(["data", "-m", "theirs"]).success();
    copy.assert_replay_agrees();
}

#[test]
fn a_dropped_and_a_renamed_table_leave_nothing_of_the_tool_behind() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["schema", "-m", "tidy"]).success();
    project.append(
        "migrations/0002_tidy.sql",
        "DROP TABLE visits;\nALTER TABLE tags RENAME TO labels;\nALTER TABLE authors RENAME COLUMN karma TO points;",
    );
    project.d1(["apply"]).success();
    project.sql(
        "INSERT INTO labels VALUES (3, 'renamed'); UPDATE authors SET points = -1 WHERE id = 3;
         DELETE FROM labels WHERE tag = 'd1'",
    );
    project.d1(["check"]).code(1).says("labels").says("authors").says_not("visits");
    project.d1(["data", "-m", "after"]).success();
    project.assert_replay_agrees();
}

#[test]
fn a_generated_column_in_a_unique_index_gets_another_name() {
    let project = Scratch::with_schema(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, g AS (a + 1) VIRTUAL); CREATE UNIQUE INDEX i ON t (a, g);
         INSERT INTO t (id, a) VALUES (0, 0);",
    );
    project.d1([]).success();
    project.d1(["schema", "-m", "name"]).success();
    project.append("migrations/0002_name.sql", "ALTER TABLE t RENAME COLUMN g TO next;");
    project.d1(["apply"]).success();
    project.sql("UPDATE t SET a = 5");
    project.d1(["data", "-m", "change"]).success();
    project.assert_replay_agrees();
}

/// Compared by the local collation, 'a' and 'A' would be one row here and are two there.
#[test]
fn rows_wait_while_their_key_is_told_apart_otherwise() {
    let project = Scratch::with_schema(
        "CREATE TABLE k (id TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO k VALUES ('a', 1)",
    );
    project.d1([]).success();
    project.sql(
        "CREATE TABLE n (id TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO n SELECT * FROM k; DROP TABLE k;
         ALTER TABLE n RENAME TO k; UPDATE k SET id = 'A'",
    );
    let before = project.migrations();
    project.d1(["data", "-m", "key"]).fails("table `k` is defined otherwise");
    assert_eq!(project.migrations(), before);
}
