//! Teamwork: migrations that come by git, own changes beside them, files that were deleted, renamed or edited, branches,
//! and copies of the tool that do not share a project.

use std::process::{Child, Stdio};

use super::bad_input::{Before, fails_in_vain};
use crate::support::project::Scratch;
use crate::support::run::command;

const LETTERS: &str = "CREATE TABLE letters (id INTEGER PRIMARY KEY, n INTEGER, letter TEXT UNIQUE);
    INSERT INTO letters VALUES (1, 0, 'a'), (2, 0, 'b'), (3, 0, 'c');";

/// One table of three rows, migrated.
fn letters() -> Scratch {
    let project = Scratch::with_schema(LETTERS);
    project.d1([]).success();
    project
}

/// With two data migrations more.
fn three_migrations() -> Scratch {
    let project = letters();
    project.sql("UPDATE letters SET n = 5 WHERE id = 1");
    project.d1(["data", "-m", "two"]).success();
    project.sql("INSERT INTO letters VALUES (4, 4, 'd')");
    project.d1(["data", "-m", "three"]).success();
    project
}

fn remove(project: &Scratch, name: &str) {
    std::fs::remove_file(project.root().join("migrations").join(name)).expect("the file is there");
}

fn ends_equal(project: &Scratch) {
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.assert_replay_agrees();
}

#[test]
fn behind_stops_whatever_would_write_a_migration_and_nothing_else() {
    let project = letters();
    project.sql("DELETE FROM letters WHERE id = 3");
    project.write("migrations/0002_theirs.sql", "UPDATE letters SET n = 9 WHERE id = 1;\n");
    let before = Before::of(&project);
    for args in [
        &[][..],
        &["init"],
        &["data", "-m", "x"],
        &["data", "-m", "x", "--dry-run"],
        &["data", "-m", "x", "--json"],
        &["schema", "-m", "x"],
    ] {
        fails_in_vain(&project, args, "0002_theirs.sql").stderr_has("apply");
    }
    for (args, code) in
        [(["check"], 1), (["verify"], 1), (["status"], 0), (["log"], 0), (["path"], 0), (["track"], 0)]
    {
        project.d1(args).code(code);
    }
    project.d1(["check", "--json"]).code(1).stdout_has("0002_theirs.sql");
    before.is_still(&project);
}

#[test]
fn a_migration_whose_effect_is_already_here_is_not_behind() {
    let project = letters();
    project.sql("UPDATE letters SET n = 9 WHERE id = 1");
    project.write("migrations/0002_theirs.sql", "UPDATE letters SET n = 9 WHERE id = 1;\n");
    project.d1(["check"]).success();
    assert_eq!(project.applied().len(), 1, "check changes nothing");
    project.d1([]).success().stdout_is("").stderr_has("recorded");
    assert_eq!(project.applied(), project.migrations());
    ends_equal(&project);
}

#[test]
fn own_changes_outlive_a_migration_of_the_same_row_that_came_first() {
    let project = letters();
    project.sql("DELETE FROM letters WHERE id = 1");
    project.write("migrations/0002_theirs.sql", "UPDATE letters SET n = 9 WHERE id = 1;\n");
    project.d1(["apply"]).success();
    project.d1(["check"]).code(1).says("letters: 1 deleted");
    project.d1(["data", "-m", "mine"]).success().stdout_has("0003_mine.sql");
    ends_equal(&project);
}

#[test]
fn a_migration_that_cannot_run_beside_own_changes_leaves_everything_as_it_was() {
    for (mine, theirs) in [
        ("INSERT INTO letters VALUES (7, 1, 'm')", "INSERT INTO letters VALUES (7, 2, 't');\n"),
        ("INSERT INTO letters VALUES (7, 1, 'm')", "INSERT INTO letters VALUES (8, 2, 'm');\n"),
        ("UPDATE letters SET letter = 'z' WHERE id = 1", "UPDATE letters SET letter = 'z' WHERE id = 2;\n"),
    ] {
        let project = letters();
        project.sql(mine);
        project.write("migrations/0002_theirs.sql", theirs);
        fails_in_vain(&project, &["apply"], "0002_theirs.sql:1");
        project.d1(["check"]).code(1).says("0002_theirs.sql");
    }
}

#[test]
fn a_migration_that_runs_from_nothing_but_not_here_is_not_answered_with_a_baseline() {
    let project = letters();
    project.sql("INSERT INTO letters VALUES (7, 1, 'm')");
    project.write("migrations/0002_theirs.sql", "INSERT INTO letters VALUES (7, 2, 't');\n");
    let run = fails_in_vain(&project, &["apply"], "UNIQUE");
    assert!(!run.stderr.contains("--baseline"), "the files are sound: {}", run.stderr);
}

#[test]
fn two_files_with_one_number_are_both_run_and_reported() {
    let project = letters();
    project.write("migrations/0002_a.sql", "UPDATE letters SET n = 1 WHERE id = 1;\n");
    project.write("migrations/0002_b.sql", "UPDATE letters SET n = n + 1 WHERE id = 1;\n");
    project.d1(["apply"]).success();
    assert_eq!(project.ask("SELECT n FROM letters WHERE id = 1"), "2");
    project.d1(["check"]).code(1).says("0002_a.sql and 0002_b.sql have one number");
    project.d1(["check", "--json"]).code(1).stdout_has("0002_b.sql");
    project.d1(["verify"]).success();
    project.sql("DELETE FROM letters WHERE id = 2");
    project.d1(["data", "-m", "next"]).success().stdout_has("0003_next.sql");
}

#[test]
fn a_deleted_file_makes_its_changes_pending_again() {
    let project = three_migrations();
    remove(&project, "0003_three.sql");
    project.d1(["status"]).success().says("0003_three.sql was applied here, but is not in the folder");
    project.d1(["check"]).code(1).says("letters: 1 inserted");
    project.d1(["verify"]).code(1).says("letters: 1 inserted");
    project.d1(["data", "-m", "again"]).success().stdout_has("0003_again.sql");
    ends_equal(&project);

    remove(&project, "0002_two.sql");
    project.d1(["check"]).code(1).says("letters: 1 updated");
    project.d1(["data", "-m", "late"]).success().stdout_has("0004_late.sql");
    ends_equal(&project);

    remove(&project, "0001_initial_migration.sql");
    fails_in_vain(&project, &["check"], "0003_again.sql:3").stderr_has("no such table: letters");
}

/// wrangler knows a file by its name: a database that ran the old one will not run the new one.
#[test]
fn a_name_that_was_applied_once_is_warned_of() {
    let project = three_migrations();
    remove(&project, "0003_three.sql");
    project.d1(["data", "-m", "three"]).success().stderr_has("0003_three.sql was applied before and is gone");
    project.d1(["data", "-m", "three"]).success().says_not("gone");
    remove(&project, "0003_three.sql");
    project.sql("DELETE FROM letters WHERE id = 4");
    project.d1(["schema", "-m", "three"]).success().stderr_has("will run this one");
}

#[test]
fn a_renamed_file_is_not_run_again() {
    for command in [&[][..], &["apply"], &["data", "-m", "x"]] {
        let project = three_migrations();
        let folder = project.root().join("migrations");
        std::fs::rename(folder.join("0003_three.sql"), folder.join("0007_three.sql")).expect("a new name");
        project.d1(["check"]).success();
        project.d1(command.iter().copied()).success().says("recorded 0007_three.sql");
        assert!(project.applied().contains(&"0007_three.sql".to_owned()));
        ends_equal(&project);
    }
}

#[test]
fn an_edited_file_is_reported_by_its_effect() {
    let project = three_migrations();
    project.write(
        "migrations/0003_three.sql",
        "INSERT INTO letters VALUES (4, 44, 'd');\nINSERT INTO letters VALUES (5, 5, 'e');\n",
    );
    project.d1(["check"]).code(1).says("letters: 1 updated, 1 deleted");
    project.d1(["data", "-m", "as it is here"]).success();
    let sql = project.read("0004_as_it_is_here.sql");
    assert!(sql.contains("DELETE FROM letters WHERE id = 5;"), "{sql}");
    assert!(sql.contains("UPDATE letters SET n = 4 WHERE id = 4;"), "{sql}");
    ends_equal(&project);

    project.write("migrations/0003_three.sql", "CREATE TABLE more (a);\n");
    project
        .d1(["check"])
        .code(1)
        .says("table `more` is made by the migrations, but is not in the local database");
    // Rows of tables that are defined alike can be written all the same; the rest stays a finding.
    project.d1(["data", "-m", "x"]).success().stderr_has("more");
    project.d1(["check"]).code(1).says("more");
    fails_in_vain(&project, &["data", "-m", "y"], "more");
}

#[test]
fn branches_can_be_switched_back_and_forth() {
    let project = letters();
    project.sql("UPDATE letters SET n = 7 WHERE id = 2");
    project.d1(["data", "-m", "branch a"]).success();
    let a = project.read("0002_branch_a.sql");
    let b = "UPDATE letters SET n = 8 WHERE id = 3;\n";

    // To the main branch, where the change is pending, and on to another.
    remove(&project, "0002_branch_a.sql");
    project.d1(["check"]).code(1).says("letters: 1 updated");
    project.write("migrations/0002_branch_b.sql", b);
    project.d1(["check"]).code(1).says("0002_branch_b.sql has not run");
    project.d1(["apply"]).success();
    project.d1(["check"]).code(1).says("letters: 1 updated");

    // Back again: what came from the other branch is the change now.
    remove(&project, "0002_branch_b.sql");
    project.write("migrations/0002_branch_a.sql", &a);
    project.d1(["check"]).code(1).says("letters: 1 updated");

    // Merged: nothing is pending, and the numbers clash.
    project.write("migrations/0002_branch_b.sql", b);
    project.d1(["data", "-m", "nothing"]).success().stdout_is("");
    project.d1(["check"]).code(1).says("one number").says_not("pending");
    project.d1(["verify"]).success();
}

/// Starts all at once, waits for all, and gives their exit status.
fn at_once(project: &Scratch, runs: &[Vec<String>]) -> Vec<Option<i32>> {
    let start = |args: &Vec<String>| -> Child {
        let mut tool = command(&project.root(), args.iter().map(String::as_str));
        tool.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the tool runs")
    };
    let mut running: Vec<Child> = runs.iter().map(start).collect();
    running.iter_mut().map(|child| child.wait().expect("it ends").code()).collect()
}

#[test]
fn copies_that_name_database_and_folder_write_each_change_once_too() {
    let project = letters();
    project.sql("DELETE FROM letters WHERE id = 2");
    let (db, dir) = (project.local_file(), project.root().join("migrations"));
    let data = |message: &str, named: bool| {
        let mut args = vec!["data".to_owned(), "-m".into(), message.into()];
        if named {
            args.extend(["--db".into(), db.display().to_string(), "--dir".into(), dir.display().to_string()]);
        }
        args
    };
    let codes =
        at_once(&project, &[data("one", true), data("two", true), data("three", false), data("four", false)]);
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert_eq!(project.migrations().len(), 2, "{:?}", project.migrations());
    ends_equal(&project);
}

#[test]
fn two_applies_at_once_run_each_file_once() {
    let project = letters();
    for number in 2..40 {
        project.write(
            &format!("migrations/{number:04}_more.sql"),
            "UPDATE letters SET n = n + 1 WHERE id = 1;\n",
        );
    }
    let apply = vec!["apply".to_owned()];
    let codes = at_once(&project, &[apply.clone(), apply.clone(), apply.clone(), apply]);
    assert_eq!(codes, [Some(0); 4]);
    assert_eq!(project.ask("SELECT n FROM letters WHERE id = 1"), "38");
    ends_equal(&project);
}

#[test]
fn the_very_first_run_can_be_started_twice() {
    for _ in 0..3 {
        let project = Scratch::seeded();
        assert_eq!(at_once(&project, &[Vec::new(), Vec::new(), Vec::new()]), [Some(0); 3]);
        assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
        ends_equal(&project);
    }
}

#[test]
fn where_both_touched_a_row_the_last_writer_counts_and_the_tool_says_so() {
    for (mine, theirs) in [
        ("UPDATE letters SET n = 5 WHERE id = 1", "UPDATE letters SET n = 9 WHERE id = 1;\n"),
        ("UPDATE letters SET n = 5 WHERE id = 1", "DELETE FROM letters WHERE id = 1;\n"),
    ] {
        let project = letters();
        project.sql(mine);
        project.write("migrations/0002_theirs.sql", theirs);
        // The change that was pending is gone for good: nobody may learn that from `log` alone.
        project.d1(["apply"]).success().stderr_has("letters").stderr_has("pending");
        project.d1(["check"]).success();
        ends_equal(&project);
    }
}
