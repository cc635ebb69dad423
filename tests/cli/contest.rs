//! `apply` where own changes are pending: rows of them that a colleague's file changes are told, however it does so, and no others.

use crate::support::project::Scratch;

const LETTERS: &str = "CREATE TABLE letters (id INTEGER PRIMARY KEY, n INTEGER, letter TEXT);
    INSERT INTO letters VALUES (1, 0, 'a'), (2, 0, 'b'), (3, 0, 'c');";

/// One row that was changed, one that is new, one that was deleted.
const EACH: &str = "UPDATE letters SET letter = 'mine' WHERE id = 1;
    INSERT INTO letters VALUES (4, 0, 'mine'); DELETE FROM letters WHERE id = 3;";

/// The database with a change of one's own, and a colleague's file.
fn both(schema: &str, mine: &str, theirs: &str) -> Scratch {
    let project = Scratch::with_schema(schema);
    project.d1([]).success();
    project.sql(mine);
    project.file("migrations/0002_theirs.sql", theirs)
}

#[track_caller]
fn tells(schema: &str, mine: &str, theirs: &str, warning: &str) -> Scratch {
    let project = both(schema, mine, theirs);
    project.d1(["apply"]).success().stderr_has(&format!("{warning} with a pending change of yours"));
    project
}

#[track_caller]
fn tells_nothing(schema: &str, mine: &str, theirs: &str) {
    both(schema, mine, theirs).d1(["apply"]).success().says("0002_theirs.sql").says_not("pending change");
}

#[test]
fn a_row_whose_table_has_no_rowid() {
    tells(
        "CREATE TABLE pairs (a TEXT, b TEXT, v, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO pairs VALUES ('a', 'b', 'ab'), ('b', 'a', 'ba')",
        "UPDATE pairs SET v = 'mine'",
        "UPDATE pairs SET v = 'theirs' WHERE a = 'b';\n",
        "1 row of pairs",
    );
}

#[test]
fn a_row_that_another_one_pushes_out() {
    let schema =
        "CREATE TABLE tags (tag TEXT PRIMARY KEY, v); INSERT INTO tags VALUES ('a', 'a'), ('b', 'b')";
    let mine = "UPDATE tags SET v = 'mine' WHERE tag = 'a'";
    tells(schema, mine, "REPLACE INTO tags VALUES ('a', 'theirs');\n", "1 row of tags");
    tells_nothing(schema, mine, "REPLACE INTO tags VALUES ('a', 'mine');\n");
}

#[test]
fn a_new_row_that_is_deleted() {
    for theirs in ["DELETE FROM letters WHERE id > 2;\n", "DELETE FROM letters;\n"] {
        let mine = "INSERT INTO letters VALUES (4, 0, 'mine')";
        let project = tells(LETTERS, mine, theirs, "1 row of letters");
        project.d1(["check"]).success();
    }
    let empty = "CREATE TABLE drafts (text)";
    tells(
        empty,
        "INSERT INTO drafts VALUES ('mine'), ('mine too')",
        "DELETE FROM drafts;\n",
        "2 rows of drafts",
    );
}

#[test]
fn a_row_of_a_table_that_is_emptied_or_dropped() {
    tells(LETTERS, EACH, "DELETE FROM letters;\n", "2 rows of letters");
    tells(LETTERS, EACH, "DROP TABLE letters;\n", "2 rows of letters");
    let anew =
        "DROP TABLE letters;\nCREATE TABLE letters (id INTEGER PRIMARY KEY, n INTEGER, letter TEXT);\n";
    tells(LETTERS, EACH, anew, "2 rows of letters");
}

#[test]
fn a_row_that_a_foreign_key_or_a_trigger_reaches() {
    tells(
        "CREATE TABLE users (id INTEGER PRIMARY KEY);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id) ON DELETE CASCADE, text TEXT);
         INSERT INTO users VALUES (1), (2)",
        "INSERT INTO posts VALUES (3, 1, 'mine'), (4, 2, 'mine')",
        "DELETE FROM users WHERE id = 1;\n",
        "1 row of posts",
    );
    tells(
        &format!(
            "{LETTERS} CREATE TABLE log (a); CREATE TRIGGER t AFTER INSERT ON log BEGIN UPDATE letters SET n = n + 1; END;"
        ),
        EACH,
        "INSERT INTO log VALUES (1);\n",
        // The deleted one is changed by the files too.
        "3 rows of letters",
    );
}

#[test]
fn a_row_that_was_deleted_here() {
    let mine = "DELETE FROM letters WHERE id = 1";
    tells(LETTERS, mine, "INSERT OR IGNORE INTO letters VALUES (1, 0, 'a');\n", "1 row of letters")
        .d1(["check"])
        .success();
    tells(LETTERS, mine, "UPDATE letters SET n = 9 WHERE id < 3;\n", "1 row of letters")
        .d1(["check"])
        .code(1)
        .says("letters: 1 deleted");
    tells_nothing(LETTERS, mine, "DELETE FROM letters WHERE id = 1;\n");
}

#[test]
fn a_row_that_is_changed_under_the_new_names_of_a_table_and_a_column() {
    let theirs = "ALTER TABLE letters RENAME TO glyphs;\nALTER TABLE glyphs RENAME COLUMN letter TO glyph;\n";
    let project = tells(
        LETTERS,
        EACH,
        &format!("{theirs}UPDATE glyphs SET glyph = 'theirs' WHERE id = 4;\n"),
        "1 row of glyphs",
    );
    project.d1(["check"]).code(1).says("glyphs: 1 inserted, 1 updated, 1 deleted");
}

#[test]
fn rows_that_keep_their_values_are_not_told() {
    for theirs in [
        "INSERT INTO letters VALUES (9, 9, 'i');\nUPDATE letters SET n = 9 WHERE id = 2;\n",
        "UPDATE letters SET letter = 'mine' WHERE id = 1;\nDELETE FROM letters WHERE id = 3;\n",
        "ALTER TABLE letters RENAME TO glyphs;\n",
        "ALTER TABLE letters RENAME COLUMN letter TO glyph;\nALTER TABLE letters RENAME id TO number;\n",
        "ALTER TABLE letters ADD COLUMN more INTEGER DEFAULT 3;\nUPDATE letters SET more = id;\n",
        "ALTER TABLE letters DROP COLUMN n;\n",
        "CREATE TABLE new (number INTEGER PRIMARY KEY, letter TEXT NOT NULL, n TEXT, more);
INSERT INTO new (number, letter, n) SELECT id, letter, n FROM letters;
DROP TABLE letters;
ALTER TABLE new RENAME TO letters;\n",
        "ALTER TABLE letters RENAME TO old;
CREATE TABLE letters (id INTEGER PRIMARY KEY, letter TEXT, n INTEGER);
INSERT INTO letters SELECT id, letter, n FROM old ORDER BY id DESC;
DROP TABLE old;\n",
    ] {
        tells_nothing(LETTERS, EACH, theirs);
    }
    // Here the rebuild gives each row another rowid.
    tells_nothing(
        "CREATE TABLE tags (tag TEXT PRIMARY KEY, v); INSERT INTO tags VALUES ('a', 'a'), ('b', 'b'), ('c', 'c')",
        "UPDATE tags SET v = 'mine' WHERE tag = 'b'; DELETE FROM tags WHERE tag = 'a'; INSERT INTO tags VALUES ('m', 'mine')",
        "CREATE TABLE new (tag TEXT PRIMARY KEY, v);
INSERT INTO new SELECT * FROM tags ORDER BY tag DESC;
DROP TABLE tags;
ALTER TABLE new RENAME TO tags;\n",
    );
}

#[test]
fn what_several_files_touch_is_told_once_and_also_where_a_later_one_fails() {
    let project = both(LETTERS, EACH, "UPDATE letters SET n = 9 WHERE id = 1;\n")
        .file("migrations/0003_again.sql", "UPDATE letters SET n = 10 WHERE id = 1;\n")
        .file("migrations/0004_renamed.sql", "ALTER TABLE letters RENAME COLUMN letter TO glyph;\n")
        .file(
            "migrations/0005_not_here.sql",
            "UPDATE letters SET n = 1;\nINSERT INTO letters VALUES (4, 0, 'd');\n",
        )
        .file("migrations/0006_more.sql", "DELETE FROM letters;\n");
    project
        .d1(["apply"])
        .fails("0005_not_here.sql:2")
        .stderr_has("1 row of letters with a pending change of yours was changed");
    assert_eq!(project.applied().len(), 4);
    project.d1(["check"]).code(1).says("0005_not_here.sql");
}

#[test]
fn programs_read_it_too() {
    let project = both(LETTERS, EACH, "UPDATE letters SET letter = 'theirs';\n");
    let told = project.d1(["apply", "--json"]).success().json();
    assert_eq!(told[0]["contested"], serde_json::json!([{ "table": "letters", "rows": 3 }]));
}
