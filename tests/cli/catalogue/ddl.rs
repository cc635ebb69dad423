//! The schema changes under rows that changed before and change after, whoever runs the DDL, whether or not `track` is run in
//! between: no change is lost, and what the DDL itself did to rows is no change.

use super::programs::{Bundled, Program, Shell, Worker};
use crate::support::project::Scratch;

const SCHEMA: &str = "
    CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT UNIQUE, r, gone);
    CREATE TABLE k (id TEXT PRIMARY KEY, p REFERENCES p (id) ON DELETE CASCADE, note) WITHOUT ROWID;
    CREATE TABLE q (id INTEGER PRIMARY KEY, a INTEGER, b);
    CREATE TABLE q_child (id INTEGER PRIMARY KEY, q REFERENCES q (id) ON DELETE CASCADE, note);
    CREATE TABLE old (v);
    CREATE TRIGGER touch AFTER UPDATE OF a ON q BEGIN UPDATE q SET b = 'touched' WHERE id = NEW.id; END;
    INSERT INTO p VALUES (1, 'a', 1, 1), (2, 'b', 2, 2), (3, 'c', 3, 3), (4, 'd', 4, 4);
    INSERT INTO k VALUES ('x', 1, 1), ('y', 2, 2), ('z', 3, 3);
    INSERT INTO q VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO q_child VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO old VALUES (1), (2);";

/// What one schema change is, and what a program does before and after it, a statement a line.
struct Change {
    before: &'static str,
    ddl: &'static str,
    after: &'static str,
}

const CHANGES: [Change; 7] = [
    Change {
        before: "UPDATE p SET a = 'added' WHERE id = 1",
        ddl: "ALTER TABLE p ADD COLUMN extra NOT NULL DEFAULT 'x'",
        after: "UPDATE p SET extra = 'y' WHERE id = 2
                INSERT INTO p (a, extra) VALUES ('new', 'z')",
    },
    Change {
        before: "UPDATE p SET gone = 'changed' WHERE id < 3
                 DELETE FROM p WHERE id = 4",
        ddl: "ALTER TABLE p DROP COLUMN gone",
        after: "UPDATE p SET a = 'dropped' WHERE id = 2",
    },
    Change {
        before: "UPDATE p SET r = 'before' WHERE id = 1",
        ddl: "ALTER TABLE p RENAME COLUMN r TO renamed",
        after: "UPDATE p SET renamed = 'after' WHERE id = 2",
    },
    Change {
        before: "UPDATE k SET note = 'before' WHERE id = 'x'
                 DELETE FROM k WHERE id = 'z'",
        ddl: "ALTER TABLE k RENAME TO kids",
        after: "UPDATE kids SET note = 'after', id = 'w' WHERE id = 'y'
                INSERT INTO kids VALUES ('new', 2, NULL)",
    },
    Change {
        before: "UPDATE q SET a = 10 WHERE id = 1
                 DELETE FROM q WHERE id = 2
                 UPDATE q_child SET note = 'before' WHERE id = 3",
        ddl: "CREATE TABLE q_new (id INTEGER PRIMARY KEY, b TEXT, a INTEGER NOT NULL CHECK (a > 0))
              INSERT INTO q_new (id, a, b) SELECT id, a, b FROM q
              DROP TABLE q
              ALTER TABLE q_new RENAME TO q",
        after: "UPDATE q SET a = 30 WHERE id = 3
                INSERT INTO q (id, a) VALUES (2, 20)
                INSERT INTO q_child VALUES (20, 2, 'after')",
    },
    Change {
        before: "UPDATE old SET v = 3 WHERE v = 1
                 DELETE FROM old WHERE v = 2",
        ddl: "DROP TABLE old",
        after: "UPDATE p SET a = 'old went' WHERE id = 3",
    },
    Change {
        before: "UPDATE p SET a = 'fresh' WHERE id = 3",
        ddl: "CREATE TABLE fresh (id INTEGER PRIMARY KEY, p REFERENCES p (id))
              CREATE INDEX fresh_p ON fresh (p)
              INSERT INTO fresh VALUES (1, 1)",
        after: "INSERT INTO fresh VALUES (2, 3)
                UPDATE fresh SET p = 2 WHERE id = 1",
    },
];

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim)
}

/// A tracked project with a schema migration that holds the DDL of these changes and has not been run.
fn project(changes: &[Change]) -> Scratch {
    let project = Scratch::with_schema(SCHEMA);
    project.d1([]).success();
    project.d1(["schema", "-m", "change"]).success();
    let ddl: Vec<String> =
        changes.iter().flat_map(|change| lines(change.ddl)).map(|sql| format!("{sql};")).collect();
    project.append("migrations/0002_change.sql", &ddl.join("\n"));
    project
}

fn run(program: &mut dyn Program, statements: &str) {
    for sql in lines(statements) {
        program.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// Writes what happened; the folder gives the local database, and every value that was set last is there.
fn assert_nothing_is_lost(project: &Scratch, values: &[&str]) {
    project.d1(["data", "-m", "rest"]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.assert_replay_agrees();
    for value in values {
        assert_eq!(project.ask(value), "1", "{value}");
    }
}

/// Each change in a project of its own, with and without `track` after the DDL.
fn play_each(start: fn(&Scratch) -> Box<dyn Program>) {
    for change in &CHANGES {
        for track in [false, true] {
            let project = project(std::slice::from_ref(change));
            let mut program = start(&project);
            run(&mut *program, change.before);
            run(&mut *program, change.ddl);
            if track {
                project.d1(["track"]).success();
            }
            run(&mut *program, change.after);
            drop(program);
            project.d1(["apply", "--record"]).success();
            assert_nothing_is_lost(&project, &[]);
        }
    }
}

#[test]
fn a_program_with_foreign_keys_runs_it() {
    play_each(|project| Box::new(Bundled::start(project)));
}

#[test]
fn the_sqlite3_shell_without_foreign_keys_runs_it() {
    play_each(|project| Box::new(Shell::without_foreign_keys(project)));
}

#[test]
fn apply_runs_it_between_own_changes() {
    for change in &CHANGES {
        let project = project(std::slice::from_ref(change));
        let mut program = Bundled::start(&project);
        run(&mut program, change.before);
        project.d1(["apply"]).success();
        run(&mut program, change.after);
        drop(program);
        assert_nothing_is_lost(&project, &[]);
    }
}

#[test]
fn a_worker_in_wrangler_dev_runs_all_of_it() {
    let project = project(&CHANGES);
    let mut worker = Worker::start(&project);
    for change in &CHANGES {
        run(&mut worker, change.before);
        run(&mut worker, change.ddl);
        run(&mut worker, change.after);
    }
    drop(worker);
    project.d1(["apply", "--record"]).success();
    assert_nothing_is_lost(
        &project,
        &[
            "SELECT count(*) FROM p WHERE id = 2 AND a = 'dropped' AND renamed = 'after' AND extra = 'y'",
            "SELECT count(*) FROM kids WHERE id = 'w' AND note = 'after'",
            "SELECT count(*) FROM q WHERE id = 3 AND a = 30",
        ],
    );
    project.assert_wrangler_agrees();
}
