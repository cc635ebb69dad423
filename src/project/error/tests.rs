//! Every message and every help, word for word.

use super::*;

fn place() -> Place {
    Place { path: "/p/wrangler.toml".into(), line: 3, column: 7 }
}

fn config() -> Utf8PathBuf {
    "/p/wrangler.toml".into()
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

fn two() -> Vec<Listed> {
    vec![
        Listed { binding: "DB".to_owned(), name: Some("app".to_owned()) },
        Listed { binding: "LOG".to_owned(), name: None },
    ]
}

fn says(error: Error, message: &str, help: &str) {
    assert_eq!(error.to_string(), message);
    assert_eq!(error.help().as_deref(), Some(help));
}

#[test]
fn errors_about_finding_the_file() {
    let help = "go to the Worker's folder, give its wrangler file with -c FILE, or give both --db FILE and --dir FOLDER";
    says(
        Error::NoConfig { start: "/a/b".into(), workspace: None },
        "no wrangler.json, wrangler.jsonc or wrangler.toml in /a/b or a folder above it",
        help,
    );
    says(
        Error::NoConfig { start: "/a/b".into(), workspace: Some("/a".into()) },
        "no wrangler.json, wrangler.jsonc or wrangler.toml in /a/b or a folder above it, \
         nor in a member of the cargo workspace /a",
        help,
    );
    says(
        Error::Unreadable { path: config(), source: std::io::Error::other("disk on fire") },
        "cannot read /p/wrangler.toml: disk on fire",
        "give a wrangler file that can be read with -c FILE",
    );
    says(
        Error::UnknownFormat { path: "/p/wrangler.yaml".into() },
        "/p/wrangler.yaml is not a wrangler file: its name does not end with .toml, .json or .jsonc",
        "give a wrangler.toml, wrangler.json or wrangler.jsonc with -c FILE",
    );
}

#[test]
fn errors_about_the_text_of_the_file() {
    let help = "correct the wrangler file there";
    says(
        Error::Syntax { place: place(), language: "TOML", reason: "unclosed table".to_owned() },
        "/p/wrangler.toml:3:7: not valid TOML: unclosed table",
        help,
    );
    says(
        Error::NotATable { place: place(), found: "an array" },
        "/p/wrangler.toml:3:7: the file must hold a table, but holds an array",
        help,
    );
    says(
        Error::WrongType { place: place(), key: "env".to_owned(), wanted: "a table", found: "a number" },
        "/p/wrangler.toml:3:7: `env` must be a table, but is a number",
        help,
    );
    says(
        Error::MissingBinding { place: place(), key: "d1_databases[0]".to_owned() },
        "/p/wrangler.toml:3:7: `d1_databases[0]` has no `binding`",
        "give the entry the name that the Worker's code uses: binding = \"DB\"",
    );
    says(
        Error::PatternWithoutDir { place: place() },
        "/p/wrangler.toml:3:7: `migrations_pattern` is set, but `migrations_dir` is not",
        "add `migrations_dir`, the folder that the pattern begins with",
    );
    says(
        Error::PatternOutsideDir { place: place(), pattern: "m/*.sql".to_owned(), dir: "sql".to_owned() },
        "/p/wrangler.toml:3:7: `migrations_pattern` must begin with `sql/`, the `migrations_dir`, but is `m/*.sql`",
        "change one of the two, so that the pattern leads into the folder",
    );
}

#[test]
fn errors_about_the_environment() {
    says(
        Error::UnknownEnvironment { config: config(), name: "x".to_owned(), known: names(&["a", "b"]) },
        "/p/wrangler.toml has no environment x; it has a, b",
        "choose one of these with -e NAME, or leave out -e and unset CLOUDFLARE_ENV",
    );
    says(
        Error::UnknownEnvironment { config: config(), name: "x".to_owned(), known: Vec::new() },
        "/p/wrangler.toml has no environment x, and no other",
        "leave out -e and unset CLOUDFLARE_ENV to use the top level",
    );
}

#[test]
fn errors_without_a_database_name_where_there_is_one() {
    let none = |environment: Option<&str>, environments: &[&str], top_level| Error::NoDatabase {
        config: config(),
        environment: environment.map(str::to_owned),
        environments: names(environments),
        top_level,
    };
    says(
        none(None, &[], false),
        "/p/wrangler.toml has no D1 database",
        "add a `d1_databases` entry, or give both --db FILE and --dir FOLDER",
    );
    says(
        none(None, &["a", "b"], false),
        "/p/wrangler.toml has no D1 database",
        "choose an environment that has one: -e a or -e b",
    );
    says(
        none(Some("x"), &["a"], true),
        "/p/wrangler.toml has no D1 database in the environment x",
        "an environment does not inherit the top level's `d1_databases`: add its own under `env.x`, or leave out -e",
    );
    says(
        none(Some("x"), &["a"], false),
        "/p/wrangler.toml has no D1 database in the environment x",
        "choose an environment that has one: -e a",
    );
    says(
        none(Some("x"), &[], false),
        "/p/wrangler.toml has no D1 database in the environment x",
        "add a `d1_databases` entry under `env.x`, or give both --db FILE and --dir FOLDER",
    );
}

#[test]
fn errors_about_the_choice_of_a_database() {
    let help = "choose one by its binding or its name: -d NAME";
    let (name, staging) = ("X".to_owned(), Some("staging".to_owned()));
    says(
        Error::UnknownDatabase { config: config(), environment: None, name: name.clone(), known: two() },
        "/p/wrangler.toml has no D1 database X; it has DB (app), LOG",
        help,
    );
    says(
        Error::UnknownDatabase { config: config(), environment: staging.clone(), name, known: two() },
        "/p/wrangler.toml has no D1 database X in the environment staging; it has DB (app), LOG",
        help,
    );
    says(
        Error::SeveralDatabases { config: config(), environment: None, known: two() },
        "/p/wrangler.toml has 2 D1 databases: DB (app), LOG",
        help,
    );
    says(
        Error::SeveralDatabases { config: config(), environment: staging, known: two() },
        "/p/wrangler.toml has 2 D1 databases in the environment staging: DB (app), LOG",
        help,
    );
    says(
        Error::Remote { place: place(), binding: "DB".to_owned() },
        "/p/wrangler.toml:3:7: the database DB is remote and has no local database",
        "remove `remote = true`, or give the local file with --db FILE",
    );
}

#[test]
fn errors_about_the_cargo_workspace() {
    says(
        Error::SeveralMembers { members: names(&["api", "web"]) },
        "several members of the cargo workspace have a wrangler file: api, web",
        "choose one with -p NAME",
    );
    says(
        Error::UnknownMember { name: "x".to_owned(), members: names(&["api", "web"]) },
        "the cargo workspace has no member x; it has api, web",
        "choose one of these with -p NAME",
    );
    says(
        Error::MemberWithoutConfig { name: "core".to_owned(), folder: "/p/core".into() },
        "the package core has no wrangler.json, wrangler.jsonc or wrangler.toml in /p/core",
        "choose another package with -p NAME, or give the wrangler file with -c FILE",
    );
    says(
        Error::NoWorkspace { name: "x".to_owned(), start: "/a".into() },
        "the package x was not found: no Cargo.toml in /a or a folder above it",
        "go to the cargo workspace, or give the wrangler file with -c FILE",
    );
    says(
        Error::Cargo { reason: "no targets".to_owned() },
        "cargo cannot list the members of the workspace: no targets",
        "give the wrangler file with -c FILE, or correct what cargo says",
    );
}
