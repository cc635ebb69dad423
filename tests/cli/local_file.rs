//! Where the local database is: the name that wrangler really gave it.

use crate::support::project::{GUESTBOOK_ID, Scratch, local_file};
use crate::support::wrangler;

#[test]
fn the_path_is_the_file_that_wrangler_makes_whatever_the_id_is() {
    let config = "name = \"w\"\ncompatibility_date = \"2026-11-01\"\n\
        [[d1_databases]]\nbinding = \"PREVIEW\"\ndatabase_name = \"a\"\n\
        database_id = \"one\"\npreview_database_id = \"another\"\n\
        [[d1_databases]]\nbinding = \"EMPTY\"\ndatabase_name = \"b\"\ndatabase_id = \"\"\n\
        [[d1_databases]]\nbinding = \"NONE\"\ndatabase_name = \"c\"\n";
    let project = Scratch::empty().file("wrangler.toml", config).file("touch.sql", "CREATE TABLE t (a);");
    for binding in ["PREVIEW", "EMPTY", "NONE"] {
        wrangler::execute_file(&project.root(), binding, "touch.sql");
        let run = project.d1(["path", "-d", binding]).success();
        let file = std::path::Path::new(run.stdout.trim_end_matches(['\r', '\n']));
        assert!(file.is_file(), "{binding}: {}", file.display());
    }
}

#[test]
fn the_path_is_one_line_and_absolute() {
    let project = Scratch::seeded();
    let path = format!("{}\n", project.local_file().display());
    project.d1(["path"]).success().stdout_is(&path);
    project.d1_in("src", ["path"]).success().stdout_is(&path);
}

#[test]
fn with_persist_to_the_path_is_below_that_folder() {
    let project = Scratch::seeded();
    let there = project.root().join("there");
    std::fs::rename(project.root().join(".wrangler/state"), &there).expect("a rename");
    let path = format!("{}\n", local_file(&there, GUESTBOOK_ID).display());
    project.d1(["path", "--persist-to", "there"]).success().stdout_is(&path);
    // As for wrangler, it is relative to the current folder.
    project
        .d1_in("src", ["path", "--persist-to", "../there"])
        .success()
        .stdout_has(path.rsplit('/').next().expect("a name"));
}

#[test]
fn a_missing_local_file_is_explained_by_its_id_its_neighbours_and_apply() {
    let project = Scratch::guestbook().id("another-id");
    project.create_database();
    project.sql("CREATE TABLE left_over (a)");
    project.d1(["status"]).says(GUESTBOOK_ID).says("left_over").says("apply");
    project.d1(["data", "-m", "x"]).fails(GUESTBOOK_ID).stderr_has("left_over").stderr_has("apply");
}
