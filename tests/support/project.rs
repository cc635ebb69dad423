//! A scratch copy of the guestbook, or of something like it, with its local database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::equal::{assert_nothing_of_the_tool, assert_same_database};
use super::replay::replay;
use super::run::{Run, command};
use super::wrangler;

/// The guestbook's `database_id`.
pub(crate) const GUESTBOOK_ID: &str = "b7c1d1f0-3f6e-4f57-9f0b-6a2f4f1c8e21";

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/guestbook");

/// A folder of a test's own, which goes when the test ends.
pub(crate) struct Scratch {
    folder: TempDir,
    id: String,
}

impl Scratch {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder"), id: GUESTBOOK_ID.to_owned() }
    }

    /// The guestbook as it is cloned: no migrations folder, no local database.
    pub(crate) fn guestbook() -> Self {
        let scratch = Self::empty();
        copy_folder(Path::new(FIXTURE), &scratch.root());
        scratch
    }

    /// The guestbook with the rows of `seed.sql` in its local database.
    pub(crate) fn seeded() -> Self {
        let seed = fs::read_to_string(format!("{FIXTURE}/seed.sql")).expect("the fixture has a seed");
        Self::with_schema(&seed)
    }

    /// The guestbook with a local database of one's own.
    pub(crate) fn with_schema(sql: &str) -> Self {
        let scratch = Self::guestbook();
        scratch.create_database();
        scratch.sql(sql);
        scratch
    }

    /// A clone on a colleague's machine: everything but the `.wrangler` folder.
    pub(crate) fn cloned(&self) -> Self {
        let clone = Self::empty();
        copy_folder(&self.root(), &clone.root());
        fs::remove_dir_all(clone.root().join(".wrangler")).ok();
        clone
    }

    /// Uses the local database of another `database_id` from here on.
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.id = id.to_owned();
        self
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Its migrations have run here, where rows are tracked from then on.
    pub(crate) fn followed(self) -> Self {
        self.d1(["apply"]).success();
        self
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a temporary folder is writable");
        fs::write(&path, text).expect("a temporary folder is writable");
    }

    /// Puts SQL below the header of a migration that the tool made.
    pub(crate) fn append(&self, path: &str, sql: &str) {
        let header = fs::read_to_string(self.root().join(path)).expect("the file is there");
        self.write(path, &format!("{header}{sql}\n"));
    }

    /// The project's folder.
    pub(crate) fn root(&self) -> PathBuf {
        // macOS has its temporary folders behind a link, and the tool tells the real path.
        let path = self.folder.path();
        path.canonicalize().expect("the folder is there")
    }

    /// Runs the tool in the project's folder.
    pub(crate) fn d1<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        self.d1_in("", args)
    }

    /// Runs the tool until it crashes at a step that its own source names; gives whether it came so far.
    pub(crate) fn d1_stopped_at<'a>(&self, step: &str, args: impl IntoIterator<Item = &'a str>) -> bool {
        let mut tool = command(&self.root(), args);
        let status = tool.env("D1_MIGRATE_STOP_AT", step).output().expect("the tool runs").status;
        status.code().is_none()
    }

    /// Starts the tool and does not wait for it.
    pub(crate) fn d1_started<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> std::process::Child {
        let mut tool = command(&self.root(), args);
        tool.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        tool.spawn().expect("the tool runs")
    }

    /// Runs the tool in a folder below the project's.
    pub(crate) fn d1_in<'a>(&self, sub: &str, args: impl IntoIterator<Item = &'a str>) -> Run {
        Run::of(command(&self.root().join(sub), args))
    }

    /// Where the local database is: computed here a second time, apart from the tool.
    pub(crate) fn local_file(&self) -> PathBuf {
        local_file(&self.root().join(".wrangler/state"), &self.id)
    }

    /// A connection to the local database, as another program would have it.
    pub(crate) fn sqlite(&self) -> Connection {
        Connection::open(self.local_file()).expect("the local database opens")
    }

    /// Runs statements on the local database, with foreign keys on.
    pub(crate) fn sql(&self, statements: &str) {
        let connection = self.sqlite();
        connection.pragma_update(None, "foreign_keys", true).expect("a pragma");
        connection.execute_batch(statements).unwrap_or_else(|e| panic!("{e} in {statements}"));
    }

    /// Runs statements by the machine's `sqlite3`, often an older SQLite than this one.
    pub(crate) fn sqlite3_shell(&self, statements: &str) {
        let mut shell = Command::new("sqlite3");
        shell.arg("-bail").arg(self.local_file()).arg(statements);
        let output = shell.output().expect("the sqlite3 shell is on PATH (Debian's package sqlite3)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sqlite3 refuses {statements}: {said}");
    }

    /// What time it is, so long after all that was done that a clock of whole seconds tells them apart too.
    pub(crate) fn a_moment_later(&self) -> String {
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        self.ask("strftime('%Y-%m-%dT%H:%M:%SZ', 'now')")
    }

    /// The first cell of a query on the local database, as text.
    pub(crate) fn ask(&self, query: &str) -> String {
        let cast = format!("SELECT CAST(({query}) AS TEXT)");
        let connection = self.sqlite();
        let answer: Option<String> =
            connection.query_row(&cast, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{e} in {query}"));
        answer.unwrap_or_else(|| "NULL".to_owned())
    }

    /// The names in the migrations folder.
    pub(crate) fn migrations(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root().join("migrations")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("a listed file").file_name())
            .map(|name| name.into_string().expect("a name in UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// The names that the local database's migrations table holds, in its order.
    pub(crate) fn applied(&self) -> Vec<String> {
        let connection = self.sqlite();
        let mut statement =
            connection.prepare("SELECT name FROM d1_migrations ORDER BY id").expect("a migrations table");
        let names = statement.query_map([], |row| row.get(0)).expect("its rows");
        names.map(|name| name.expect("a name")).collect()
    }

    /// The text of a migration.
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.root().join("migrations").join(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The real wrangler applies the folder to an empty D1, and gets the local database; on the local one it has
    /// nothing left to apply.
    #[track_caller]
    pub(crate) fn assert_wrangler_agrees(&self) {
        self.assert_wrangler_agrees_on(&[]);
    }

    /// The same, and these queries have the same answers.
    #[track_caller]
    pub(crate) fn assert_wrangler_agrees_on(&self, queries: &[&str]) {
        let root = self.root();
        let fresh = TempDir::new().expect("a temporary folder");
        wrangler::apply_to(&root, fresh.path());
        let rebuilt = local_file(fresh.path(), &self.id);
        self.assert_is_local(&rebuilt, queries);
        assert_eq!(wrangler::unapplied(&root), Vec::<String>::new());
    }

    /// The cheap judge: SQLite with D1's settings and limits runs the folder, file by file, and gets the local database.
    #[track_caller]
    pub(crate) fn assert_replay_agrees(&self) {
        self.assert_replay_agrees_on(&[]);
    }

    /// The same, and these queries have the same answers.
    #[track_caller]
    pub(crate) fn assert_replay_agrees_on(&self, queries: &[&str]) {
        let fresh = TempDir::new().expect("a temporary folder");
        let rebuilt = fresh.path().join("rebuilt.sqlite");
        let connection = Connection::open(&rebuilt).expect("an empty database");
        let files: Vec<_> =
            self.migrations().into_iter().map(|name| (name.clone(), self.read(&name))).collect();
        replay(&connection, &files).unwrap_or_else(|why| panic!("{why}"));
        drop(connection);
        self.assert_is_local(&rebuilt, queries);
    }

    #[track_caller]
    fn assert_is_local(&self, rebuilt: &Path, queries: &[&str]) {
        assert_nothing_of_the_tool(rebuilt);
        assert_same_database(&self.local_file(), rebuilt);
        for query in queries {
            assert_eq!(answer(rebuilt, query), answer(&self.local_file(), query), "{query}");
        }
    }

    /// An empty local database, as wrangler leaves one: in WAL mode, beside a file that is none of the user's.
    pub(crate) fn create_database(&self) {
        let file = self.local_file();
        let folder = file.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a temporary folder is writable");
        for path in [&folder.join("metadata.sqlite"), &file] {
            let connection = Connection::open(path).expect("an empty database");
            connection.pragma_update(None, "journal_mode", "wal").expect("a pragma");
        }
    }
}

/// `STATE/v3/d1/miniflare-D1DatabaseObject/HASH.sqlite`, as miniflare computes HASH from an id.
pub(crate) fn local_file(state: &Path, id: &str) -> PathBuf {
    let object = "miniflare-D1DatabaseObject";
    let key = Sha256::digest(object);
    let half = |data: &[u8]| -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length is a key");
        mac.update(data);
        mac.finalize().into_bytes()[..16].to_vec()
    };
    let first = half(id.as_bytes());
    let second = half(&first);
    let bytes = first.iter().chain(&second);
    let name: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    state.join("v3/d1").join(object).join(format!("{name}.sqlite"))
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder is writable");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("a listed file");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a listed file").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// The first column of a query's rows.
fn answer(path: &Path, query: &str) -> Vec<rusqlite::types::Value> {
    let connection = Connection::open(path).expect("a database opens");
    let mut statement = connection.prepare(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|value| value.expect("a value")).collect()
}
