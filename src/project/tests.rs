//! From flags and a folder on disk to a project.

use super::*;
use std::fs;

const DB: &str = "[[d1_databases]]\nbinding = \"DB\"\n";

/// A scratch folder with files in it, and a request that begins there.
struct Disk {
    scratch: tempfile::TempDir,
    request: Request,
}

impl Disk {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let start = Utf8PathBuf::from_path_buf(scratch.path().canonicalize().unwrap()).unwrap();
        Self { scratch, request: Request { start, ..Request::default() } }
    }

    fn top(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.scratch.path().canonicalize().unwrap()).unwrap()
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.top().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn folder(self, path: &str) -> Self {
        fs::create_dir_all(self.top().join(path)).unwrap();
        self
    }

    /// A cargo workspace with these members, each in the folder of its name.
    fn workspace(self, members: &[&str]) -> Self {
        let disk =
            self.file("Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"));
        members.iter().fold(disk, |disk, name| {
            let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            disk.file(&format!("{name}/Cargo.toml"), &manifest).file(&format!("{name}/src/lib.rs"), "")
        })
    }

    fn from(mut self, folder: &str) -> Self {
        self.request.start = self.top().join(folder);
        self
    }

    fn ask(mut self, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.request);
        self
    }

    fn find(&self) -> Project {
        find(&self.request).unwrap()
    }

    /// The config that is found, relative to the scratch folder.
    fn config(&self) -> String {
        self.find().config.unwrap().strip_prefix(self.top()).unwrap().to_string()
    }

    /// The error's message, with `TOP` for the scratch folder.
    fn error(&self) -> String {
        find(&self.request).unwrap_err().to_string().replace(self.top().as_str(), "TOP")
    }
}

#[test]
fn everything_follows_from_the_nearest_wrangler_file() {
    let disk = Disk::new()
        .file(
            "w/wrangler.toml",
            "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"app\"\ndatabase_id = \"main-id\"\n",
        )
        .folder("w/src/deep")
        .from("w/src/deep");
    let root = disk.top().join("w");
    assert_eq!(
        disk.find(),
        Project {
            config: Some(root.join("wrangler.toml")),
            root: root.clone(),
            environment: None,
            database: Database {
                binding: "DB".to_owned(),
                name: Some("app".to_owned()),
                id: LocalId { source: IdSource::DatabaseId, value: "main-id".to_owned() },
                local_file: root.join(
                    ".wrangler/state/v3/d1/miniflare-D1DatabaseObject/\
                     ff225b9efbd44ea1f280faae24c1607f0c73926ac78203cfefa64381a96872e4.sqlite"
                ),
                migrations_dir: root.join("migrations"),
                migrations_pattern: None,
                migrations_table: "d1_migrations".to_owned(),
            },
        }
    );
}

#[test]
fn each_name_is_searched_up_the_whole_tree_before_the_next() {
    let disk = Disk::new().file("a/wrangler.toml", DB).folder("a/b").from("a/b");
    assert_eq!(disk.config(), "a/wrangler.toml");
    let disk = disk.file("wrangler.jsonc", r#"{ "d1_databases": [{ "binding": "DB" }], } // end"#);
    assert_eq!(disk.config(), "wrangler.jsonc");
    let disk = disk.file("a/wrangler.json", r#"{ "d1_databases": [{ "binding": "DB" }] }"#);
    assert_eq!(disk.config(), "a/wrangler.json");
}

#[test]
fn a_folder_with_the_name_of_a_wrangler_file_is_passed_over() {
    let disk = Disk::new().file("wrangler.toml", DB).folder("a/wrangler.toml").from("a");
    assert_eq!(disk.config(), "wrangler.toml");
}

#[test]
fn a_redirected_config_is_ignored() {
    let disk = Disk::new()
        .file("wrangler.toml", DB)
        .file(".wrangler/deploy/config.json", r#"{"configPath":"../../other.json"}"#)
        .file("other.json", "{}");
    assert_eq!(disk.config(), "wrangler.toml");
}

#[test]
fn a_given_config_is_relative_to_the_current_folder_and_makes_its_folder_the_project() {
    let disk = Disk::new()
        .file("wrangler.toml", "broken")
        .file("other/my.toml", "[[d1_databases]]\nbinding = \"DB\"\nmigrations_dir = \"../../x/./sql/\"\n")
        .folder("a")
        .from("a")
        .ask(|request| request.config = Some("../other/my.toml".into()));
    let project = disk.find();
    assert_eq!(project.root, disk.top().join("other"));
    assert_eq!(project.database.migrations_dir, disk.top().parent().unwrap().join("x/sql"));
}

#[test]
fn a_given_config_that_cannot_be_read_is_told_with_the_reason() {
    let missing = Disk::new().ask(|request| request.config = Some("no.toml".into()));
    assert!(missing.error().starts_with("cannot read TOP/no.toml: No such file"), "{}", missing.error());
    let folder =
        Disk::new().folder("wrangler.toml").ask(|request| request.config = Some("wrangler.toml".into()));
    assert!(folder.error().starts_with("cannot read TOP/wrangler.toml: "), "{}", folder.error());
    let bytes = Disk::new();
    fs::write(bytes.top().join("wrangler.toml"), b"a = \"\xff\"").unwrap();
    assert_eq!(bytes.error(), "cannot read TOP/wrangler.toml: stream did not contain valid UTF-8");
    let yaml = Disk::new().file("w.yaml", "").ask(|request| request.config = Some("w.yaml".into()));
    assert!(yaml.error().starts_with("TOP/w.yaml is not a wrangler file"), "{}", yaml.error());
}

#[test]
fn a_broken_wrangler_file_is_told_with_its_place() {
    let disk = Disk::new().file("wrangler.toml", "name = \"w\"\nd1_databases = [[\n");
    assert!(disk.error().starts_with("TOP/wrangler.toml:2:"), "{}", disk.error());
}

#[test]
fn an_environment_has_its_own_databases_and_an_empty_name_is_the_top_level() {
    let disk =
        Disk::new().file("wrangler.toml", &format!("{DB}[[env.live.d1_databases]]\nbinding = \"LIVE\"\n"));
    let live = disk.ask(|request| request.env = Some("live".to_owned()));
    assert_eq!(live.find().database.binding, "LIVE");
    assert_eq!(live.find().environment.as_deref(), Some("live"));
    let top = live.ask(|request| request.env = Some(String::new()));
    assert_eq!(top.find().database.binding, "DB");
    assert_eq!(top.find().environment, None);
}

#[test]
fn an_unknown_environment_is_an_error() {
    let disk = Disk::new().file("wrangler.toml", DB).ask(|request| request.env = Some("x".to_owned()));
    assert_eq!(disk.error(), "TOP/wrangler.toml has no environment x, and no other");
}

#[test]
fn persist_to_is_relative_to_the_current_folder() {
    let disk = Disk::new()
        .file("wrangler.toml", DB)
        .folder("a")
        .from("a")
        .ask(|request| request.persist_to = Some("../pp".into()));
    assert_eq!(
        disk.find().database.local_file.strip_prefix(disk.top()).unwrap(),
        "pp/v3/d1/miniflare-D1DatabaseObject/e7352547963de7050bd7d94658afc4fe78b61811b7815da12d90be8e863abf4d.sqlite"
    );
}

#[test]
fn a_given_database_and_folder_need_no_wrangler_file() {
    let disk = Disk::new().file("wrangler.toml", "broken").folder("a").from("a").ask(|request| {
        request.db = Some("../x.sqlite".into());
        request.dir = Some("sql".into());
    });
    let project = disk.find();
    assert_eq!((project.config, &project.root), (None, &disk.top().join("a")));
    let database = project.database;
    assert_eq!((database.binding.as_str(), database.name), ("DB", None));
    assert_eq!(database.id.source, IdSource::GivenFile);
    assert_eq!(database.local_file, disk.top().join("x.sqlite"));
    assert_eq!(database.migrations_dir, disk.top().join("a/sql"));
    assert_eq!((database.migrations_pattern, database.migrations_table.as_str()), (None, "d1_migrations"));
}

#[test]
fn a_given_config_is_read_even_if_database_and_folder_are_given() {
    let disk =
        Disk::new().file("w/wrangler.toml", &format!("{DB}migrations_table = \"m\"\n")).ask(|request| {
            request.config = Some("w/wrangler.toml".into());
            request.db = Some("x.sqlite".into());
            request.dir = Some("sql".into());
        });
    let project = disk.find();
    assert_eq!(project.root, disk.top().join("w"));
    assert_eq!(project.database.migrations_table, "m");
    assert_eq!(project.database.local_file, disk.top().join("x.sqlite"));
    assert_eq!(project.database.migrations_dir, disk.top().join("sql"));
}

#[test]
fn a_given_database_alone_still_needs_the_wrangler_file_and_may_be_remote() {
    let disk = Disk::new().ask(|request| request.db = Some("x.sqlite".into()));
    assert!(disk.error().starts_with("no wrangler.json, wrangler.jsonc or wrangler.toml in TOP"));
    let disk = disk.file("wrangler.toml", &format!("{DB}remote = true\n"));
    assert_eq!(disk.find().database.local_file, disk.top().join("x.sqlite"));
    let disk = disk.ask(|request| request.db = None);
    assert_eq!(disk.error(), "TOP/wrangler.toml:3:10: the database DB is remote and has no local database");
}

#[test]
fn a_given_folder_alone_keeps_the_pattern_below_it() {
    let disk = Disk::new()
        .file(
            "wrangler.toml",
            &format!("{DB}migrations_dir = \"sql\"\nmigrations_pattern = \"sql/*/m.sql\"\n"),
        )
        .ask(|request| request.dir = Some("other".into()));
    let database = disk.find().database;
    assert_eq!(database.migrations_dir, disk.top().join("other"));
    assert_eq!(database.migrations_pattern.as_deref(), Some("*/m.sql"));
    assert_eq!(database.id.source, IdSource::Binding);
}

#[test]
fn the_only_member_with_a_wrangler_file_is_taken() {
    let disk = Disk::new().workspace(&["api", "core"]).file("api/wrangler.toml", DB).from("core/src");
    assert_eq!(disk.config(), "api/wrangler.toml");
}

#[test]
fn several_members_with_a_wrangler_file_need_a_choice() {
    let disk = Disk::new()
        .workspace(&["api", "core", "web"])
        .file("api/wrangler.toml", DB)
        .file("web/wrangler.json", "{}");
    assert_eq!(disk.error(), "several members of the cargo workspace have a wrangler file: api, web");
    let disk = disk.ask(|request| request.package = Some("api".to_owned()));
    assert_eq!(disk.config(), "api/wrangler.toml");
}

#[test]
fn a_package_wins_over_the_wrangler_file_above() {
    let disk = Disk::new()
        .workspace(&["api", "core"])
        .file("wrangler.json", "{}")
        .file("api/wrangler.toml", DB)
        .ask(|request| request.package = Some("api".to_owned()));
    assert_eq!(disk.config(), "api/wrangler.toml");
    let core = disk.ask(|request| request.package = Some("core".to_owned()));
    assert_eq!(
        core.error(),
        "the package core has no wrangler.json, wrangler.jsonc or wrangler.toml in TOP/core"
    );
    let unknown = core.ask(|request| request.package = Some("x".to_owned()));
    assert_eq!(unknown.error(), "the cargo workspace has no member x; it has api, core");
}

#[test]
fn a_search_that_finds_nothing_says_where_it_looked() {
    let disk = Disk::new();
    assert_eq!(disk.error(), "no wrangler.json, wrangler.jsonc or wrangler.toml in TOP or a folder above it");
    let disk = disk.workspace(&["core"]);
    assert_eq!(
        disk.error(),
        "no wrangler.json, wrangler.jsonc or wrangler.toml in TOP or a folder above it, \
         nor in a member of the cargo workspace TOP"
    );
}

#[test]
fn a_package_without_a_workspace_is_an_error() {
    let disk = Disk::new().ask(|request| request.package = Some("api".to_owned()));
    assert_eq!(disk.error(), "the package api was not found: no Cargo.toml in TOP or a folder above it");
}

#[test]
fn a_broken_cargo_manifest_is_told_in_cargos_words() {
    let disk = Disk::new().file("Cargo.toml", "[workspace\n");
    let error = disk.error();
    assert!(error.starts_with("cargo cannot list the members of the workspace: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
