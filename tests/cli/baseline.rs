//! Folders that cannot be replayed from nothing.

use crate::support::project::Scratch;

fn begins_in_the_middle() -> Scratch {
    Scratch::with_schema(
        "CREATE TABLE posts (id TEXT PRIMARY KEY, body TEXT); INSERT INTO posts VALUES ('a', 'b');",
    )
    .file(
        "migrations/0005_body.sql",
        "-- the tables were made elsewhere\n\nALTER TABLE posts ADD COLUMN body TEXT;\n",
    )
}

#[test]
fn the_statement_that_cannot_run_is_named_with_its_file_and_line() {
    let run = begins_in_the_middle().d1(["check"]).code(2);
    assert!(
        run.stderr.contains("0005_body.sql:3: this statement fails: no such table: posts"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("track --baseline"), "{}", run.stderr);
}

#[test]
fn a_baseline_takes_the_database_as_what_the_files_give_so_far() {
    let project = begins_in_the_middle();
    project.d1(["track", "--baseline"]).success();
    assert_eq!(project.applied(), ["0005_body.sql"]);
    project.d1(["check"]).success();
    project.sql("UPDATE posts SET body = 'c'");
    project.d1(["data", "-m", "edit"]).success();
    assert!(project.read("0006_edit.sql").contains("UPDATE posts SET body = 'c' WHERE id = 'a';"));
    project.d1(["verify"]).success().stderr_has("baseline");
    project.write("migrations/0007_more.sql", "CREATE TABLE more (x);\n");
    project.d1(["apply"]).success();
    project.d1(["check"]).success();

    std::fs::remove_file(project.root().join("migrations/0006_edit.sql")).expect("it is there");
    project.d1(["check"]).code(1);
    std::fs::remove_file(project.root().join("migrations/0005_body.sql")).expect("it is there");
    project.d1(["check"]).code(2).stderr_has("baseline");
}

/// No order of the files gives the database then, but what runs here first is in the next baseline.
#[test]
fn a_new_file_that_sorts_before_the_baselines_last_one_has_a_way_out() {
    let project = begins_in_the_middle();
    project.d1(["track", "--baseline"]).success().stderr_has("counts as migrated");
    let theirs = "UPDATE posts SET body = 'theirs';";
    project.write("migrations/0004_theirs.sql", theirs);
    for command in ["check", "apply"] {
        project.d1([command]).code(2).stderr_has("run before that by `wrangler d1 migrations apply --local`");
    }
    project.sql(&format!("{theirs} INSERT INTO d1_migrations (name) VALUES ('0004_theirs.sql')"));
    project.d1(["track", "--baseline"]).success();
    project.d1(["check"]).success();
}
