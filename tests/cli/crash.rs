//! Whatever dies in between: a file is complete or absent, and a change is in exactly one migration.

use std::thread::sleep;
use std::time::Duration;

use crate::support::project::Scratch;

const STEPS: [&str; 6] = ["drafted", "remembered", "promised", "written", "published", "recorded"];

/// Rows that make several files of 20 KB.
const MANY: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 600)
    INSERT INTO visits (path, detail) SELECT '/' || i, printf('%0100d', i) FROM c";

#[track_caller]
fn is_whole(project: &Scratch) {
    assert_eq!(project.ask("SELECT integrity_check FROM pragma_integrity_check"), "ok");
    for name in project.migrations().iter().filter(|name| name.ends_with(".sql") && !name.starts_with('.')) {
        assert!(project.read(name).ends_with(";\n"), "{name} is complete");
    }
}

/// Another run ends in the same rows, with nothing twice.
#[track_caller]
fn goes_on(project: &Scratch) {
    is_whole(project);
    project.d1([]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    for name in project.migrations().iter().filter(|name| name.starts_with('.')) {
        std::fs::remove_file(project.root().join("migrations").join(name))
            .expect("a left-over file can be removed");
    }
    assert_eq!(project.applied(), project.migrations());
    project.assert_replay_agrees();
}

#[test]
fn a_crash_at_any_step_of_the_initial_migration_loses_nothing() {
    for step in STEPS {
        let project = Scratch::seeded();
        assert!(project.d1_stopped_at(step, []), "{step}");
        goes_on(&project);
    }
}

#[test]
fn a_crash_at_any_step_of_a_data_migration_loses_nothing_even_if_the_app_goes_on() {
    for step in STEPS {
        let project = Scratch::seeded();
        project.d1([]).success();
        project.sql(MANY);
        assert!(project.d1_stopped_at(step, ["data", "-m", "many", "--max-file-size", "20K"]), "{step}");
        project.sql("UPDATE visits SET detail = 'after the crash' WHERE path = '/7'; DELETE FROM tags");
        goes_on(&project);
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing() {
    let project = Scratch::seeded();
    project.d1([]).success();
    for milliseconds in [1, 2, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40, 60] {
        project.sql(MANY);
        project.sql("UPDATE visits SET detail = detail || 'x' WHERE rowid % 7 = 0; DELETE FROM visits WHERE rowid % 11 = 0");
        let mut running = project.d1_started(["data", "-m", "many", "--max-file-size", "20K"]);
        sleep(Duration::from_millis(milliseconds));
        drop(running.kill());
        drop(running.wait());
        is_whole(&project);
    }
    goes_on(&project);
}
