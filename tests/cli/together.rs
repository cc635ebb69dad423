//! Several at once: copies of the tool, other programs that write, and a lock that is not let go.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::support::project::Scratch;

#[test]
fn copies_of_the_tool_wait_for_each_other() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("UPDATE authors SET karma = karma - 1 WHERE id = 5");
    let mut running: Vec<_> = ["one", "two", "three", "four"]
        .map(|name| project.d1_started(["data", "-m", name]))
        .into_iter()
        .collect();
    for child in &mut running {
        assert!(child.wait().expect("the tool runs").success());
    }
    assert_eq!(project.migrations().len(), 2, "{:?}", project.migrations());
    project.d1(["check"]).success();
    project.assert_replay_agrees();
}

#[test]
fn what_a_busy_writer_commits_meanwhile_is_in_the_next_migration() {
    let project = Scratch::seeded();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let connection = project.sqlite();
            connection.busy_timeout(Duration::from_secs(5)).expect("a timeout");
            let mut number = 0;
            while !stop.load(Relaxed) {
                number += 1;
                connection
                    .execute("INSERT INTO visits (path, detail) VALUES ('/busy', ?1)", [number])
                    .expect("the writer goes on");
                connection
                    .execute("UPDATE authors SET karma = ?1 WHERE id = 5", [number])
                    .expect("the writer goes on");
                thread::sleep(Duration::from_millis(2));
            }
        });
        project.d1([]).success();
        for round in 0..8 {
            project.d1(["data", "-m", &format!("round {round}")]).success();
            let code = project.d1(["verify"]).code_is();
            assert!([0, 1].contains(&code), "{code}");
        }
        stop.store(true, Relaxed);
    });
    project.d1([]).success();
    project.d1(["verify"]).success();
    assert!(project.migrations().len() > 5);
    project.assert_replay_agrees();
}

#[test]
fn a_database_that_stays_locked_is_waited_for_and_then_reported() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("UPDATE authors SET karma = karma - 1 WHERE id = 5");
    let connection = project.sqlite();
    connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let run = project.d1(["untrack"]).code(2);
    assert!(run.stderr.contains("Waiting"), "{}", run.stderr);
    assert!(run.stderr.contains("locked"), "{}", run.stderr);
    // The file is there already when the record cannot be made; the next run makes it.
    project.d1(["data", "-m", "locked"]).code(2);
    connection.execute_batch("COMMIT").expect("the lock goes");
    project.d1([]).success();
    project.d1(["check"]).success();
    assert_eq!(project.migrations().len(), 2);
    assert_eq!(project.applied(), project.migrations());
}
