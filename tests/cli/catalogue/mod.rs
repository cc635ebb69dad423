//! Everything that SQLite and D1 allow, chapter by chapter: a schema and statements, and three questions about them. Does a
//! migration carry what they did? Does the real wrangler agree? Does the program that runs them notice that it is followed,
//! here, in the `sqlite3` shell and in a live `wrangler dev`?

mod chapters;
mod ddl;
mod programs;

use crate::support::project::Scratch;
use chapters::{CHAPTERS, Chapter};
use programs::{Bundled, Program, Shell, Worker};

/// A project with the schema of these chapters in its local database, tracked.
fn tracked(chapters: &[Chapter]) -> Scratch {
    let project = untracked(chapters);
    project.d1([]).success();
    project
}

fn untracked(chapters: &[Chapter]) -> Scratch {
    let schema: Vec<String> = chapters.iter().map(|chapter| (chapter.schema)()).collect();
    Scratch::with_schema(&schema.join("\n"))
}

/// Runs the statements in two projects of which one is tracked; the program must see the same, statement for statement, and
/// both must hold the same in the end. Gives the tracked one.
fn play(chapters: &[Chapter], start: fn(&Scratch) -> Box<dyn Program>) -> Scratch {
    let (plain, tracked) = (untracked(chapters), tracked(chapters));
    let mut changed = 0;
    {
        let (mut expected, mut got) = (start(&plain), start(&tracked));
        for sql in chapters.iter().flat_map(|chapter| (chapter.statements)()) {
            let seen = expected.run(&sql);
            assert_eq!(got.run(&sql), seen, "tracked and untracked (right): {sql}");
            changed += u32::from(seen.is_ok());
        }
    }
    assert!(changed > 5, "nearly nothing was accepted");
    crate::support::equal::assert_same_database(&plain.local_file(), &tracked.local_file());
    tracked
}

/// Writes what happened; the folder gives the local database.
fn assert_carried(project: &Scratch, queries: &[&str]) {
    project.d1(["check"]).code(1);
    project.d1(["data", "-m", "all of it"]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.assert_replay_agrees_on(queries);
}

fn assert_chapter_is_carried(name: &str) {
    let chapter = CHAPTERS.iter().find(|chapter| chapter.name == name).expect("there is such a chapter");
    let project = play(std::slice::from_ref(chapter), |project| Box::new(Bundled::start(project)));
    assert_carried(&project, chapter.queries);
}

#[test]
fn values_are_carried() {
    assert_chapter_is_carried("values");
}

#[test]
fn keys_are_carried() {
    assert_chapter_is_carried("keys");
}

#[test]
fn conflicts_are_carried() {
    assert_chapter_is_carried("conflicts");
}

#[test]
fn foreign_keys_are_carried() {
    assert_chapter_is_carried("foreign keys");
}

#[test]
fn what_triggers_did_is_carried_and_not_done_twice() {
    assert_chapter_is_carried("triggers");
}

#[test]
fn features_of_schemas_are_carried() {
    assert_chapter_is_carried("features");
}

#[test]
fn search_is_carried() {
    assert_chapter_is_carried("search");
}

#[test]
fn the_real_wrangler_builds_every_chapter() {
    let project = play(CHAPTERS, |project| Box::new(Bundled::start(project)));
    let queries: Vec<&str> = CHAPTERS.iter().flat_map(|chapter| chapter.queries).copied().collect();
    assert_carried(&project, &queries);
    project.assert_wrangler_agrees_on(&queries);
}

#[test]
fn the_program_of_a_live_wrangler_dev_notices_nothing() {
    let project = play(CHAPTERS, |project| Box::new(Worker::start(project)));
    assert_carried(&project, &[]);
}

#[test]
fn the_sqlite3_shell_of_debian_12_notices_nothing() {
    let project = play(CHAPTERS, |project| Box::new(Shell::start(project)));
    assert_carried(&project, &[]);
}
