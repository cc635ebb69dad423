//! From the root of a cargo workspace: the member that is a Worker.

use crate::support::project::{Scratch, local_file};

fn member(project: Scratch, name: &str, id: Option<&str>) -> Scratch {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let project =
        project.file(&format!("{name}/Cargo.toml"), &manifest).file(&format!("{name}/src/lib.rs"), "");
    let Some(id) = id else { return project };
    let file = local_file(&project.root().join(name).join(".wrangler/state"), id);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is writable");
    rusqlite::Connection::open(&file)
        .and_then(|connection| connection.execute_batch("CREATE TABLE t (a)"))
        .expect("a database");
    let config = format!("[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"{id}\"\n");
    project.file(&format!("{name}/wrangler.toml"), &config)
}

fn workspace() -> Scratch {
    let manifest = "[workspace]\nmembers = [\"api\", \"shared\", \"jobs\"]\nresolver = \"3\"\n";
    member(Scratch::empty().file("Cargo.toml", manifest), "shared", None)
}

#[test]
fn the_only_member_with_a_configuration_is_taken() {
    let project = member(member(workspace(), "jobs", None), "api", Some("a"));
    let path = local_file(&project.root().join("api/.wrangler/state"), "a");
    let line = format!("{}\n", path.display());
    project.d1(["path"]).success().stdout_is(&line);
    project.d1_in("shared/src", ["path"]).success().stdout_is(&line);
    project.d1([]).success();
    assert!(project.root().join("api/migrations/0001_initial_migration.sql").is_file());
}

#[test]
fn several_members_need_a_choice() {
    let project = member(member(workspace(), "jobs", Some("j")), "api", Some("a"));
    project.d1(["path"]).fails("api").stderr_has("jobs").stderr_has("-p");
    let path = local_file(&project.root().join("jobs/.wrangler/state"), "j");
    let line = format!("{}\n", path.display());
    project.d1(["path", "-p", "jobs"]).success().stdout_is(&line);
    // A folder inside a member has its own answer, and -p is stronger.
    project.d1_in("jobs/src", ["path"]).success().stdout_is(&line);
    project.d1_in("api", ["path", "-p", "jobs"]).success().stdout_is(&line);
    project.d1(["path", "-p", "nobody"]).fails("nobody");
    project.d1(["path", "-p", "shared"]).fails("shared");
}
