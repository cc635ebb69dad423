//! `check`: may this be deployed? Exit status 0 or 1, for hooks and CI.

use crate::support::project::Scratch;

#[test]
fn it_names_each_changed_table_with_its_counts() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.d1(["check"]).success();
    project.sql(
        "INSERT INTO tags VALUES (3, 'a'), (3, 'b'), (3, 'c');
         UPDATE authors SET karma = karma - 1 WHERE id IN (1, 3);
         DELETE FROM visits WHERE rowid > 4",
    );
    let run = project.d1(["check"]).code(1).says_not("posts");
    for (table, count, word) in
        [("tags", "3", "insert"), ("authors", "2", "update"), ("visits", "6", "delete")]
    {
        let line = run.line_about(table);
        assert!(line.contains(count) && line.contains(word), "{line}");
    }
}

#[test]
fn it_finds_a_migration_that_is_not_applied_here() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.write("migrations/0002_theirs.sql", "ALTER TABLE posts ADD COLUMN likes INTEGER;\n");
    project.d1(["check"]).code(1).says("0002_theirs.sql").says("apply");
}

#[test]
fn it_changes_nothing() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM tags");
    let before = project.migrations();
    project.d1(["check"]).code(1);
    project.d1(["check"]).code(1);
    assert_eq!(project.migrations(), before);
    assert_eq!(project.applied(), before);
}

#[test]
fn a_migration_that_breaks_is_an_error_with_its_file_and_line() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.write("migrations/0002_broken.sql", "CREATE TABLE a (b);\n\nINSERT INTO nowhere VALUES (1);\n");
    project.d1(["check"]).says("0002_broken.sql:3").says("nowhere");
}
