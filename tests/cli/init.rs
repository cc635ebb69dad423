//! `init`: the initial migration from a database that is already there.

use crate::support::project::Scratch;

#[test]
fn it_writes_records_and_prints_one_file() {
    let project = Scratch::seeded();
    let run = project.d1(["init"]).success();
    let printed = run.stdout.trim_end();
    assert!(printed.ends_with("0001_initial_migration.sql"), "{printed}");
    assert_eq!(project.applied(), ["0001_initial_migration.sql"]);
    project.assert_replay_agrees();
}

#[test]
fn a_big_database_goes_on_in_further_files() {
    let project = Scratch::with_schema("CREATE TABLE big (id INTEGER PRIMARY KEY, body BLOB)");
    project.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO big SELECT i, randomblob(10000) FROM n",
    );
    project.d1(["init", "--max-file-size", "1MB"]).success();
    let names = project.migrations();
    assert!(names.len() > 1, "{names:?}");
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", index + 1)), "{names:?}");
        assert!(project.read(name).len() <= 1_100_000);
    }
    assert_eq!(project.applied(), names);
    project.assert_replay_agrees();
}

#[test]
fn a_folder_that_has_migrations_gets_no_second_initial_one() {
    let project = Scratch::seeded();
    project.d1(["init"]).success();
    project.d1(["init"]).fails("already").stderr_has("data");
    assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
}
