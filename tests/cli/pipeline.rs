//! `cargo d1-migrate` without a command: the whole road, from any folder, again and again.

use crate::support::project::Scratch;

#[test]
fn it_says_which_configuration_binding_file_and_folder_it_found() {
    let project = Scratch::seeded();
    let file = project.local_file();
    let name = file.file_name().and_then(|name| name.to_str());
    project
        .d1([])
        .success()
        .stderr_has("wrangler.toml")
        .stderr_has("DB")
        .stderr_has(name.expect("a name"))
        .stderr_has("migrations");
}

#[test]
fn a_second_run_says_that_there_is_nothing_to_do() {
    let project = Scratch::seeded();
    project.d1([]).success().stdout_has("0001_initial_migration.sql");
    project.d1([]).success().stderr_has("nothing").stdout_is("");
    assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
}

#[test]
fn the_first_migration_has_the_schema_first_and_then_the_data() {
    let project = Scratch::seeded();
    project.d1([]).success();
    let sql = project.read("0001_initial_migration.sql");
    let header = sql.lines().next().expect("a first line");
    assert!(header.starts_with("-- Migration number: 0001 \t 20") && header.ends_with('Z'), "{header}");
    let last_table = sql.rfind("CREATE TABLE").expect("tables");
    let first_row = sql.find("INSERT INTO").expect("rows");
    assert!(last_table < first_row);
    assert!(sql.ends_with(";\n"), "{:?}", sql.lines().last());
    let trigger = sql.lines().find(|line| line.contains("CREATE TRIGGER"));
    let trigger = trigger.expect("the trigger of posts");
    assert!(trigger.trim_end().ends_with("END;"), "{trigger}");
    project.assert_replay_agrees();
}

#[test]
fn with_migrations_already_it_tracks_and_then_writes_the_next_data_migration() {
    let project = Scratch::guestbook()
        .file("migrations/0001_start.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\n");
    project.d1(["apply"]).success();
    project.d1([]).success();
    assert_eq!(project.migrations(), ["0001_start.sql"]);

    project.sql("INSERT INTO notes (text) VALUES ('first')");
    project.d1(["-m", "Ünïcode & more: the FIRST note!"]).success().stdout_has("0002_");
    assert_eq!(project.migrations().len(), 2);
    assert_eq!(project.applied(), project.migrations());
    project.assert_replay_agrees();
}

#[test]
fn a_project_without_anything_to_write_gets_no_file() {
    let project = Scratch::guestbook();
    project.create_database();
    project.d1([]).success();
    for name in project.migrations() {
        // An initial migration of an empty database would be legal, and must then be one that can be applied.
        assert_eq!(name, "0001_initial_migration.sql");
    }
    project.d1([]).success().stdout_is("");
}

#[test]
fn a_deleted_file_makes_its_changes_pending_again() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("UPDATE authors SET karma = 7 WHERE id = 5; DELETE FROM visits WHERE rowid = 9");
    project.d1(["data", "-m", "one"]).success();
    std::fs::remove_file(project.root().join("migrations/0002_one.sql")).expect("a removal");

    project.d1(["check"]).code(1).says("authors").says("visits");
    project.d1(["data", "-m", "two"]).success().stdout_has("0002_two.sql");
    project.assert_replay_agrees();
}

#[test]
fn a_row_that_was_changed_and_changed_back_is_not_pending() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql(
        "UPDATE authors SET karma = 7 WHERE id = 5; UPDATE authors SET karma = 0 WHERE id = 5;
         INSERT INTO tags VALUES (1, 'new'); DELETE FROM tags WHERE tag = 'new';
         DELETE FROM visits WHERE rowid = 9; INSERT INTO visits (rowid, path, detail) VALUES (9, '/about', '1')",
    );
    project.d1(["check"]).success();
    project.d1(["data", "-m", "x"]).success().stdout_is("");
}

#[test]
fn a_change_is_found_without_any_tracking() {
    let project = Scratch::seeded();
    project.d1(["init"]).success();
    project.d1(["untrack", "--purge"]).success();
    project.sql("UPDATE posts SET title = 'found' WHERE id = 1");
    project.d1(["check"]).code(1).says("posts");
    project.d1(["data", "-m", "found"]).success();
    project.assert_replay_agrees();
}
