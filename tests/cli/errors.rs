//! Bad input: one line that says what is wrong, `help:`, exit status 2, and everything stays as it was.

use std::fs;

use crate::support::project::Scratch;
use crate::support::run::{Run, command};

#[test]
fn a_usage_error_is_status_2_too() {
    let project = Scratch::seeded();
    for args in [&["no-such-command"][..], &["data", "--no-such-flag"], &["--color", "blue"]] {
        project.d1(args.iter().copied()).code(2).stdout_is("").stderr_has("error:");
    }
}

#[test]
fn a_broken_configuration_is_shown_with_its_line_and_column() {
    let project = Scratch::empty().file("wrangler.toml", "name = \"x\"\n[[d1_databases]\nbinding = 1\n");
    project.d1([]).fails("wrangler.toml:2:");
    let project = Scratch::empty().file("wrangler.jsonc", "{\n  // fine\n  \"d1_databases\": [ { ]\n}\n");
    project.d1([]).fails("wrangler.jsonc:3:");
    let project = Scratch::empty().file("wrangler.toml", "[[d1_databases]]\nbinding = 7\n");
    project.d1([]).fails("wrangler.toml:2:").stderr_has("binding");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let project = Scratch::guestbook();
    project.create_database();
    fs::write(
        project.local_file(),
        "this is a text, and long enough to be read as a header of something\n".repeat(90),
    )
    .expect("it is writable");
    for args in [&[][..], &["status"], &["check"], &["data", "-m", "x"]] {
        project.d1(args.iter().copied()).fails("database");
    }
}

#[test]
fn a_database_that_another_program_locks_is_left_alone() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM tags WHERE post_id = 1");
    let other = project.sqlite();
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM visits").expect("a lock");
    // Reading needs no lock.
    project.d1(["check"]).code(1).says("tags").says_not("visits");
    project.d1(["data", "-m", "locked"]).fails("lock");
    other.execute_batch("ROLLBACK").expect("a rollback");

    // Nothing is lost, and nothing is written twice.
    project.d1([]).success();
    project.d1(["check"]).success();
    assert_eq!(project.applied(), project.migrations());
    project.assert_replay_agrees();
}

#[test]
fn a_folder_that_cannot_be_written_leaves_everything_as_it_was() {
    let project = Scratch::seeded().file("migrations", "a file where the folder should be\n");
    project.d1([]).fails("migrations");
    assert_eq!(project.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'd1_migrations'"), "0");
    assert_eq!(
        fs::read_to_string(project.root().join("migrations")).expect("a file"),
        "a file where the folder should be\n"
    );
}

#[test]
fn a_table_that_does_not_exist_is_named_with_those_that_do() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["data", "-m", "x", "--tables", "post"]).fails("post").stderr_has("posts");
}

#[test]
fn a_time_that_nobody_understands_is_refused() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project
        .d1(["data", "-m", "x", "--since", "the day before"])
        .code(2)
        .stdout_is("")
        .stderr_has("the day before");
}

#[test]
fn an_existing_migration_is_never_overwritten() {
    let project = Scratch::seeded();
    project.d1([]).success();
    let before = project.read("0001_initial_migration.sql");
    project.sql("DELETE FROM tags");
    project.d1(["data", "-m", "initial migration"]).success();
    assert_eq!(project.read("0001_initial_migration.sql"), before);
    assert_eq!(project.migrations().len(), 2);
}

#[test]
fn outside_of_any_project_the_help_says_what_is_looked_for() {
    let folder = Scratch::empty();
    folder.d1([]).fails("wrangler.toml").stderr_has("wrangler.json");
}

#[test]
fn two_copies_at_the_same_time_write_each_change_once() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM visits WHERE rowid < 9; INSERT INTO tags VALUES (3, 'race')");
    std::thread::scope(|scope| {
        for name in ["one", "two", "three"] {
            let project = &project;
            scope.spawn(move || Run::of(command(&project.root(), ["data", "-m", name])));
        }
    });
    // A copy that lost the race may have refused; what is left to do is done now, or was done before.
    project.d1([]).success();
    project.d1(["check"]).success();
    assert_eq!(project.applied(), project.migrations());
    project.assert_replay_agrees();
}
