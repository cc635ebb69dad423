//! The main job, told as one story and judged by the real wrangler at every turn.

use crate::support::project::Scratch;
use crate::support::wrangler;

#[test]
fn from_a_fresh_checkout_to_two_migrations_that_rebuild_the_database() {
    let project = Scratch::guestbook();
    let root = project.root();
    wrangler::execute_file(&root, "DB", "seed.sql");

    // The first run, from a folder inside.
    let run = project.d1_in("src", []).success();
    run.stdout_has("0001_initial_migration.sql");
    assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
    assert_eq!(project.applied(), ["0001_initial_migration.sql"]);
    project.assert_wrangler_agrees();
    project.d1(["check"]).success();

    // Rows are changed by wrangler, and by another program.
    wrangler::execute(
        &root,
        "INSERT INTO authors (name, score) VALUES ('Grace', 2.0); UPDATE posts SET title = 'Hello again' WHERE id = 1;",
    );
    project.sqlite3_shell(
        "PRAGMA foreign_keys = ON;
         INSERT INTO posts (author_id, title, body) VALUES (41, 'spring', 'it''s' || char(10) || 'here; -- really');
         DELETE FROM visits WHERE rowid IN (1, 13);
         UPDATE visits SET detail = CAST('1' AS BLOB) WHERE rowid = 2;
         DELETE FROM authors WHERE id = 2;",
    );
    let check = project.d1(["check"]).code(1);
    // One author came and one went; her post and its tag went with her.
    for (table, counts) in [
        ("authors", ["1", "1"].as_slice()),
        ("posts", &["1", "1", "1"]),
        ("tags", &["1"]),
        ("visits", &["1", "2"]),
    ] {
        let line = check.line_about(table);
        for count in counts {
            assert!(line.contains(count), "{table}: {count} in {line}");
        }
    }

    let path = root.join("migrations/0002_add_spring_posts.sql");
    let data = project.d1(["data", "-m", "add spring posts"]).success();
    assert_eq!(data.stdout.lines().count(), 1, "{}", data.stdout);
    assert!(path.ends_with(data.stdout.trim_end()) || path.display().to_string() == data.stdout.trim_end());
    assert_eq!(project.applied(), project.migrations());
    project.d1(["check"]).success();
    project.assert_wrangler_agrees();
}
