//! Behind: the folder holds migrations that the local database has not run.

use crate::support::project::Scratch;

fn behind() -> Scratch {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM tags WHERE post_id = 1");
    project.file("migrations/0002_theirs.sql", "CREATE TABLE theirs (a);\n")
}

#[test]
fn nothing_is_written_and_apply_is_named() {
    let project = behind();
    for args in [&[][..], &["data", "-m", "x"], &["schema", "-m", "x"]] {
        let run = project.d1(args.iter().copied());
        run.fails("0002_theirs.sql").stderr_has("apply");
    }
    assert_eq!(project.migrations(), ["0001_initial_migration.sql", "0002_theirs.sql"]);
    assert_eq!(project.applied(), ["0001_initial_migration.sql"]);
    project.d1(["check"]).code(1).says("0002_theirs.sql");
    project.d1(["status"]).success().says("0002_theirs.sql");
}

#[test]
fn after_apply_the_work_goes_on() {
    let project = behind();
    project.d1(["apply"]).success();
    project.d1(["data", "-m", "mine"]).success().stdout_has("0003_mine.sql");
    project.assert_replay_agrees();
}

#[test]
fn files_whose_effect_is_already_here_are_simply_recorded() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM tags WHERE post_id = 1");
    project.d1(["data", "-m", "gone"]).success();
    // As after a crash between the rename of the file and its record.
    project.sql("DELETE FROM d1_migrations WHERE name = '0002_gone.sql'");
    project.d1([]).success().stdout_is("");
    assert_eq!(project.applied(), project.migrations());
    project.assert_replay_agrees();
}
