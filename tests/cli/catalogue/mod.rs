//! Everything that SQLite and D1 allow, chapter by chapter: a schema and statements, and three questions about them. Does a
//! migration carry what they did? Does the real wrangler agree? Does the program that runs them notice that it is followed,
//! here, in the `sqlite3` shell and in a live `wrangler dev`?

mod chapters;
mod ddl;
mod programs;

use rusqlite::Connection;

use crate::support::project::{GUESTBOOK_ID, Scratch, local_file};
use crate::support::wrangler;
use chapters::{Chapter, chapter, chapters};
use programs::{Bundled, Program, Shell, Worker};

/// A project with the schema of these chapters in its local database, tracked.
fn tracked(chapters: &[Chapter]) -> Scratch {
    let project = untracked(chapters);
    project.d1([]).success();
    project
}

fn untracked(chapters: &[Chapter]) -> Scratch {
    let schema: Vec<&str> = chapters.iter().map(|chapter| chapter.schema.as_str()).collect();
    Scratch::with_schema(&schema.join("\n"))
}

/// Runs the statements in two projects of which one is tracked; the program must see the same, statement for statement, and
/// both must hold the same in the end. Gives the tracked one.
fn play(chapters: &[Chapter], start: fn(&Scratch) -> Box<dyn Program>) -> Scratch {
    let (plain, tracked) = (untracked(chapters), tracked(chapters));
    let (mut accepted, mut refused) = (0, 0);
    {
        let (mut expected, mut got) = (start(&plain), start(&tracked));
        for sql in chapters.iter().flat_map(|chapter| &chapter.statements) {
            let seen = expected.run(sql);
            assert_eq!(got.run(sql), seen, "tracked and untracked (right): {sql}");
            if seen.is_ok() { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > refused, "{accepted} statements are accepted, {refused} refused");
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
    let chapter = chapter(name);
    let project = play(std::slice::from_ref(&chapter), |project| Box::new(Bundled::start(project)));
    assert_carried(&project, &chapter.queries);
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
    let chapters = chapters();
    let project = play(&chapters, |project| Box::new(Bundled::start(project)));
    let queries: Vec<&str> = chapters.iter().flat_map(|chapter| &chapter.queries).copied().collect();
    assert_carried(&project, &queries);
    project.assert_wrangler_agrees_on(&queries);
}

#[test]
fn rows_that_only_d1_has_follow_their_parents_through_wrangler() {
    let chapter = chapter("foreign keys");
    let project = tracked(std::slice::from_ref(&chapter));
    let d1 = tempfile::TempDir::new().expect("a temporary folder");
    wrangler::apply_to(&project.root(), d1.path());
    let remote = Connection::open(local_file(d1.path(), GUESTBOOK_ID)).expect("D1's file");
    remote
        .execute_batch(
            "INSERT INTO f VALUES (500, 'five hundred', 0);
             INSERT INTO f_cascade VALUES (500, 500), (501, 1), (502, 3), (503, 7), (504, 2);
             INSERT INTO f_grand VALUES (500, 502, ''), (501, 503, '');
             INSERT INTO f_null VALUES (500, 'five hundred'), (501, 'three');
             INSERT INTO f_default VALUES (500, 3), (501, 500);
             INSERT INTO f_self VALUES (500, 1), (501, 500), (502, 2);
             INSERT INTO f_pair_child VALUES (500, 'p', 1), (501, 'p', 2), (502, 'q', 1);
             INSERT INTO f_ring_a VALUES ('theirs', 'b');",
        )
        .expect("rows of D1's own");
    let mut program = Bundled::start(&project);
    for sql in &chapter.statements {
        drop(program.run(sql));
    }
    project.d1(["data", "-m", "families"]).success();
    wrangler::apply_to(&project.root(), d1.path());
    for (query, rows) in [
        ("SELECT group_concat(id, ' ') FROM f WHERE id >= 100", "500"),
        // 3 is 30 now; 7 went, and 2 went and came back.
        (
            "SELECT group_concat(id || '>' || f, ' ') FROM f_cascade WHERE id >= 500",
            "500>500 501>1 502>30 504>2",
        ),
        ("SELECT group_concat(id || '>' || c, ' ') FROM f_grand WHERE id >= 500", "500>502"),
        (
            "SELECT group_concat(id || '>' || coalesce(f, ''), ' ') FROM f_null WHERE id >= 500",
            "500>five hundred 501>",
        ),
        ("SELECT group_concat(id || '>' || f, ' ') FROM f_default WHERE id >= 500", "500>1 501>500"),
        // 2 went and took its own along.
        ("SELECT group_concat(id || '>' || up, ' ') FROM f_self WHERE id >= 500", "500>1 501>500"),
        ("SELECT group_concat(id || '>' || a || b, ' ') FROM f_pair_child WHERE id >= 500", "500>p3 501>r1"),
        // The rows `b` and `y` traded their names.
        ("SELECT b FROM f_ring_a WHERE id = 'theirs'", "y"),
    ] {
        let found: String = remote.query_row(query, (), |row| row.get(0)).expect(query);
        assert_eq!(found, rows, "{query}");
    }
}

#[test]
fn the_program_of_a_live_wrangler_dev_notices_nothing() {
    let project = play(&chapters(), |project| Box::new(Worker::start(project)));
    assert_carried(&project, &[]);
}

#[test]
fn the_sqlite3_shell_of_debian_12_notices_nothing() {
    let project = play(&chapters(), |project| Box::new(Shell::start(project)));
    assert_carried(&project, &[]);
}
