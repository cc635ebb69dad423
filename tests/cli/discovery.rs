//! Which configuration, which database, which folder: as wrangler finds them.

use crate::support::project::{Scratch, local_file};
use crate::support::run::{Run, command};

const TWO: &str = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"first\"\ndatabase_id = \"id-of-first\"\n\
    [[d1_databases]]\nbinding = \"LOGS\"\ndatabase_name = \"second\"\ndatabase_id = \"id-of-second\"\n\
    migrations_dir = \"db/logs\"\nmigrations_table = \"applied here\"\n";

const ENVIRONMENTS: &str = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"top\"\ndatabase_id = \"id-of-top\"\n\
    [env.staging]\nname = \"s\"\n\
    [[env.staging.d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"staged\"\ndatabase_id = \"id-of-staged\"\n\
    [env.bare]\nname = \"b\"\n";

/// An empty folder with this wrangler file.
fn with(name: &str, text: &str) -> Scratch {
    Scratch::empty().file(name, text)
}

/// Makes the local database of an id, so that `path` has something to find.
fn having(project: Scratch, id: &str) -> Scratch {
    let project = project.id(id);
    project.create_database();
    project.sql("CREATE TABLE t (a)");
    project
}

fn json(id: &str) -> String {
    format!("{{\"d1_databases\": [{{\"binding\": \"DB\", \"database_id\": \"{id}\"}}]}}")
}

/// The run's stdout is the path of the database with this id.
fn finds(project: &Scratch, run: Run, id: &str) {
    let path = local_file(&project.root().join(".wrangler/state"), id);
    run.success().stdout_is(&format!("{}\n", path.display()));
}

#[test]
fn jsonc_with_comments_and_trailing_commas_is_read() {
    let text = "{\n  // the database\n  \"d1_databases\": [\n    { \"binding\": \"DB\", /* here */ \"database_id\": \"j\", },\n  ],\n}\n";
    let project = having(with("wrangler.jsonc", text), "j");
    finds(&project, project.d1(["path"]), "j");
}

#[test]
fn json_goes_before_jsonc_and_jsonc_before_toml_even_from_a_folder_above() {
    let toml = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"toml\"\n";
    let project = having(with("wrangler.toml", toml), "toml");
    finds(&project, project.d1(["path"]), "toml");
    let project = having(project.file("wrangler.jsonc", &json("jsonc")), "jsonc");
    finds(&project, project.d1(["path"]), "jsonc");
    let project = having(project.file("wrangler.json", &json("json")), "json");
    finds(&project, project.d1(["path"]), "json");
    // Each name is searched up the whole tree before the next one.
    let project = project.file("sub/wrangler.toml", toml);
    finds(&project, project.d1_in("sub", ["path"]), "json");
}

#[test]
fn several_databases_need_a_choice_by_binding_or_name() {
    let project = having(having(with("wrangler.toml", TWO), "id-of-first"), "id-of-second");
    project.d1(["path"]).fails("LOGS").stderr_has("first").stderr_has("second").stderr_has("-d");
    finds(&project, project.d1(["path", "-d", "DB"]), "id-of-first");
    finds(&project, project.d1(["path", "--database", "second"]), "id-of-second");
    project.d1(["path", "-d", "third"]).fails("third").stderr_has("LOGS");
}

#[test]
fn each_database_has_its_own_folder_and_migrations_table() {
    let project = having(with("wrangler.toml", TWO), "id-of-second");
    project.sql("INSERT INTO t VALUES (1)");
    project.d1(["-d", "LOGS"]).success().stdout_has("0001_initial_migration.sql");
    assert!(project.root().join("db/logs/0001_initial_migration.sql").is_file());
    assert_eq!(project.ask("SELECT name FROM \"applied here\""), "0001_initial_migration.sql");
    project.d1(["check", "-d", "LOGS"]).success();
}

#[test]
fn a_named_environment_has_its_own_databases() {
    let project = having(having(with("wrangler.toml", ENVIRONMENTS), "id-of-top"), "id-of-staged");
    finds(&project, project.d1(["path"]), "id-of-top");
    finds(&project, project.d1(["path", "-e", "staging"]), "id-of-staged");
    let mut by_variable = command(&project.root(), ["path"]);
    by_variable.env("CLOUDFLARE_ENV", "staging");
    finds(&project, Run::of(by_variable), "id-of-staged");
    // They do not inherit the ones at the top.
    project.d1(["path", "-e", "bare"]).fails("bare");
    project.d1(["path", "-e", "nowhere"]).fails("nowhere").stderr_has("staging");
}

#[test]
fn a_configuration_can_be_named() {
    let project = with("wrangler.toml", TWO)
        .file("other/my.toml", "[[d1_databases]]\nbinding = \"X\"\ndatabase_id = \"x\"\n");
    let state = project.root().join("other/.wrangler/state");
    let file = local_file(&state, "x");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is writable");
    rusqlite::Connection::open(&file)
        .and_then(|connection| connection.execute_batch("CREATE TABLE t (a)"))
        .expect("a database");
    project.d1(["path", "-c", "other/my.toml"]).success().stdout_is(&format!("{}\n", file.display()));
    project.d1(["path", "-c", "other/none.toml"]).fails("none.toml");
}

#[test]
fn with_a_database_and_a_folder_given_no_configuration_is_needed() {
    let project = Scratch::empty();
    let file = project.root().join("any.sqlite");
    rusqlite::Connection::open(&file)
        .and_then(|connection| connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1.0)"))
        .expect("a database");
    let given = ["--db", "any.sqlite", "--dir", "sql"];
    project.d1(given).success().stdout_has("0001_initial_migration.sql");
    assert!(project.root().join("sql/0001_initial_migration.sql").is_file());
    rusqlite::Connection::open(&file)
        .and_then(|connection| connection.execute_batch("DELETE FROM t"))
        .expect("a database");
    let [a, b, c, d] = given;
    project.d1(["check", a, b, c, d]).code(1).says("t");
    project.d1(["data", "-m", "empty", a, b, c, d]).success().stdout_has("0002_empty.sql");
    project.d1(["check", a, b, c, d]).success();
}

#[test]
fn a_folder_elsewhere_is_taken_as_it_is_declared() {
    let text =
        "[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"i\"\nmigrations_dir = \"../shared/sql\"\n";
    let project = Scratch::empty().file("worker/wrangler.toml", text);
    let file = local_file(&project.root().join("worker/.wrangler/state"), "i");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is writable");
    rusqlite::Connection::open(&file)
        .and_then(|connection| connection.execute_batch("CREATE TABLE t (a)"))
        .expect("a database");
    project.d1_in("worker", []).success();
    assert!(project.root().join("shared/sql/0001_initial_migration.sql").is_file());
}

#[test]
fn a_remote_binding_is_refused_because_it_has_no_local_data() {
    let text = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"i\"\nremote = true\n";
    with("wrangler.toml", text).d1([]).fails("remote");
}
