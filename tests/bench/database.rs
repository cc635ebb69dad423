//! A Worker's project in a temporary folder, with a local database that holds as many rows as wanted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use tempfile::TempDir;

const WRANGLER: &str = "name = \"bench\"\ncompatibility_date = \"2026-01-01\"\n[[d1_databases]]\nbinding = \"DB\"\n\
    database_name = \"bench\"\ndatabase_id = \"6f1c2b1e-8a61-4a1c-9c0e-1f2e3d4c5b6a\"\n";
const LOCAL_FILE: &str = ".wrangler/state/v3/d1/miniflare-D1DatabaseObject/\
    8267200153118954ec15b45b8d4a8bd29f5a3c080ed71257fc587b360736ec1e.sqlite";

/// Six columns of the usual types.
pub(crate) const POSTS: &str =
    "CREATE TABLE posts(id INTEGER PRIMARY KEY, author INTEGER NOT NULL, title TEXT NOT NULL,
    body TEXT, score REAL, created_at TEXT NOT NULL);";

/// The rows `1..=rows` of a table like [`POSTS`].
pub(crate) fn insert_posts(table: &str, rows: u64) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO {table} SELECT i, i * 7919 % 1000 + 1, 'Post number ' || i,
           'It''s a body with some words ' || (i * 31 % 97) || ' and more', i * 0.37,
           strftime('%Y-%m-%d %H:%M:%S', 1700000000 + i, 'unixepoch') FROM n;"
    )
}

/// A project with its local database.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// One table of so many rows.
    pub(crate) fn one_table(rows: u64) -> Self {
        Self::with(&format!("{POSTS} BEGIN; {} COMMIT;", insert_posts("posts", rows)))
    }

    /// 40 tables, each pointing to the one before it, with so many rows together.
    pub(crate) fn forty_tables(rows: u64) -> Self {
        let tables = 40;
        let each = (rows / tables).max(1000);
        let mut sql = String::from("BEGIN;");
        for number in 0..tables {
            let points_to = match number {
                0 => String::new(),
                _ => format!(" REFERENCES t{}(id) ON DELETE CASCADE", number - 1),
            };
            sql.push_str(&format!(
                "CREATE TABLE t{number}(id INTEGER PRIMARY KEY, author INTEGER NOT NULL{points_to}, title TEXT NOT NULL,
                   body TEXT, score REAL, created_at TEXT NOT NULL);
                 CREATE INDEX t{number}_author ON t{number}(author); {}",
                insert_posts(&format!("t{number}"), each)
            ));
        }
        Self::with(&format!("{sql} COMMIT;"))
    }

    fn with(sql: &str) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        std::fs::write(folder.path().join("wrangler.toml"), WRANGLER).unwrap();
        std::fs::create_dir_all(folder.path().join(LOCAL_FILE).parent().unwrap()).unwrap();
        let project = Self { folder };
        let conn = project.open();
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;").unwrap();
        conn.execute_batch(sql).unwrap();
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
        drop(conn);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn local_file(&self) -> PathBuf {
        self.folder.path().join(LOCAL_FILE)
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(self.local_file()).unwrap()
    }

    /// Runs SQL on the local database.
    pub(crate) fn sql(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap();
    }

    /// The tool in this project.
    pub(crate) fn tool(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-d1-migrate"));
        command.args(arguments.split_whitespace()).current_dir(self.path()).env_remove("CLOUDFLARE_ENV");
        command
    }

    /// The shell on the local database; its output goes into a file.
    pub(crate) fn sqlite3(&self, what: &str) -> Command {
        let mut command = Command::new("sqlite3");
        let output = std::fs::File::create(self.path().join("shell.out")).unwrap();
        command.arg(self.local_file()).arg(what).stdout(output);
        command
    }

    /// The shell on the local database; its output goes nowhere.
    pub(crate) fn sqlite3_to_nowhere(&self, what: &str) -> Command {
        let mut command = self.sqlite3(what);
        command.stdout(Stdio::null());
        command
    }

    /// As it was before the first migration.
    pub(crate) fn forget_migrations(&self) {
        drop(std::fs::remove_dir_all(self.path().join("migrations")));
        self.forget_shadow();
        self.sql("DROP TABLE IF EXISTS d1_migrations;");
    }

    /// The next run must replay the folder.
    pub(crate) fn forget_shadow(&self) {
        drop(std::fs::remove_dir_all(self.path().join(".wrangler/d1-migrate")));
    }
}
