//! The main job from beginning to end, on a scratch copy of `fixtures/guestbook`, with the real wrangler:
//! `cargo run --example tour`.

#[expect(dead_code, reason = "the tour needs only a part of what the tests share")]
#[path = "../support/mod.rs"]
mod support;

use support::equal::assert_same_database;
use support::project::{GUESTBOOK_ID, Scratch, local_file};
use support::wrangler;

const CHANGES: &str = "\
INSERT INTO authors (name) VALUES ('Grace');
INSERT INTO posts (author_id, title, body)
  SELECT id, 'Spring', 'It''s here; at last.' FROM authors WHERE name = 'Grace';
UPDATE authors SET karma = 10 WHERE name LIKE 'five;%';
DELETE FROM visits WHERE path = '/about';";

fn main() {
    step("A guestbook in a scratch folder, and its local database made by wrangler");
    let project = Scratch::guestbook();
    let root = project.root();
    told("wrangler d1 execute DB --local --file seed.sql");
    wrangler::execute_file(&root, "DB", "seed.sql");

    step("The first run finds everything, writes the initial migration and tracks");
    run(&project, &[], 0);
    show(&project, "0001_initial_migration.sql");

    step("Rows are changed, here by wrangler");
    told("wrangler d1 execute DB --local --command …");
    println!("{CHANGES}");
    wrangler::execute(&root, CHANGES);

    step("May this be deployed? Not yet");
    run(&project, &["check"], 1);

    step("What changed becomes the next migration");
    run(&project, &["data", "-m", "add spring posts"], 0);
    show(&project, "0002_add_spring_posts.sql");

    step("An empty D1 takes the folder from wrangler, and is the same database then");
    let fresh = root.join("fresh");
    told("wrangler d1 migrations apply DB --local --persist-to fresh");
    wrangler::apply_to(&root, &fresh);
    assert_same_database(&project.local_file(), &local_file(&fresh, GUESTBOOK_ID));
    println!("Equal: schema, rows, rowids, storage classes, bytes and AUTOINCREMENT counters.");

    step("Nothing is left to do");
    told("wrangler d1 migrations list DB --local");
    assert!(wrangler::unapplied(&root).is_empty());
    println!("No migrations to apply.");
    run(&project, &["check"], 0);
}

fn step(title: &str) {
    println!("\n== {title}\n");
}

fn told(command: &str) {
    println!("$ {command}");
}

/// Runs the tool, which must succeed or, like `check`, find something; shows what a user would see.
fn run(project: &Scratch, args: &[&str], code: i32) {
    let quoted = |arg: &&str| match arg.contains(' ') {
        true => format!(" \"{arg}\""),
        false => format!(" {arg}"),
    };
    let args_told: String = args.iter().map(quoted).collect();
    told(&format!("cargo d1-migrate{args_told}"));
    let run = project.d1(args.iter().copied()).code(code);
    print!("{}{}", run.stderr, run.stdout);
}

fn show(project: &Scratch, name: &str) {
    println!("\n--- migrations/{name}");
    print!("{}", project.read(name));
    println!("---");
}
