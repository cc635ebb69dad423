//! The judge itself is judged: a comparison that never finds anything would let everything pass.

use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::equal::{assert_same_database, differences};
use crate::support::project::Scratch;
use crate::support::wrangler;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text, n REAL);
    CREATE TABLE keyless (value);
    CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TRIGGER touch AFTER UPDATE ON notes BEGIN SELECT 1; END;
    INSERT INTO notes VALUES (1, 'a', 1.5), (2, NULL, -0.5);
    INSERT INTO keyless (rowid, value) VALUES (1, 'x'), (5, 'x');
    INSERT INTO pairs VALUES (1, 2), (1, 3);";

/// What the judge finds when the right one of two equal databases runs these statements.
fn found_after(statements: &str) -> Vec<String> {
    let folder = TempDir::new().expect("a temporary folder");
    let [left, right] = ["left", "right"].map(|name| database(folder.path().join(name)));
    Connection::open(&right).expect("it opens").execute_batch(statements).expect("the statements are right");
    differences(&left, &right)
}

fn database(path: PathBuf) -> PathBuf {
    let connection = Connection::open(&path).expect("it opens");
    connection.execute_batch(SCHEMA).expect("it is right");
    path
}

#[test]
fn equal_databases_are_equal() {
    assert_eq!(found_after(""), Vec::<String>::new());
}

#[test]
fn what_belongs_to_the_machinery_is_not_compared() {
    let machinery = "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name);
        INSERT INTO d1_migrations (name) VALUES ('0001_a.sql');
        CREATE TABLE d1_migrate_changefeed (a);
        CREATE TABLE _cf_METADATA (a);
        CREATE TRIGGER d1_migrate_track_x AFTER INSERT ON notes BEGIN SELECT 1; END;";
    assert_eq!(found_after(machinery), Vec::<String>::new());
}

#[test]
fn layout_inside_a_trigger_is_not_compared() {
    let again = "DROP TRIGGER touch;
        CREATE TRIGGER touch AFTER UPDATE ON notes\nBEGIN\n  SELECT 1;\nEND;";
    assert_eq!(found_after(again), Vec::<String>::new());
}

#[test]
fn every_kind_of_difference_is_found_once() {
    for statement in [
        // Storage class, bytes, an invisible character, a NULL, a sign.
        "UPDATE notes SET text = CAST('a' AS BLOB) WHERE id = 1",
        "UPDATE notes SET text = 'a' || char(0) WHERE id = 1",
        "UPDATE notes SET text = '' WHERE id = 2",
        "UPDATE notes SET n = 1.5000000000000002 WHERE id = 1",
        // A hidden rowid, a row too many, a row too few.
        "UPDATE keyless SET rowid = 6 WHERE rowid = 5",
        "INSERT INTO keyless (value) VALUES ('x')",
        "DELETE FROM pairs WHERE b = 3",
        // The counter of AUTOINCREMENT.
        "UPDATE sqlite_sequence SET seq = 9 WHERE name = 'notes'",
        // The schema.
        "CREATE INDEX by_text ON notes (text)",
        "CREATE VIEW v AS SELECT 1",
        "DROP TRIGGER touch",
        "ALTER TABLE keyless ADD COLUMN other",
    ] {
        assert!(!found_after(statement).is_empty(), "{statement}");
    }
}

#[test]
fn the_database_that_tests_make_quickly_is_the_one_that_wrangler_makes() {
    let by_wrangler = Scratch::guestbook();
    wrangler::execute_file(&by_wrangler.root(), "DB", "seed.sql");
    let quickly = Scratch::seeded();
    assert_same_database(&by_wrangler.local_file(), &quickly.local_file());
}
