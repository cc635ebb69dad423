//! A project in a temporary folder, its local database where wrangler would have it, and the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_d1_migrate::project::local_file_name;
use tempfile::TempDir;

/// The folder of one case, which goes when the case ends.
pub(crate) struct Scratch {
    folder: TempDir,
}

/// What one run of the tool gave.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        // In memory where the system has that: thousands of cases sync their files.
        let folder = match Path::new("/dev/shm") {
            memory if memory.is_dir() => TempDir::new_in(memory),
            _ => TempDir::new(),
        };
        let scratch = Self { folder: folder.expect("a temporary folder") };
        fs::create_dir_all(scratch.database().parent().expect("it has a folder")).expect("writable");
        let config = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"db\"\ndatabase_id = \"x\"\n";
        fs::write(scratch.folder.path().join("wrangler.toml"), config).expect("writable");
        scratch
    }

    /// The local database.
    pub(crate) fn database(&self) -> PathBuf {
        let folder = self.folder.path().join(".wrangler/state/v3/d1/miniflare-D1DatabaseObject");
        folder.join(local_file_name("x"))
    }

    /// Runs `cargo d1-migrate` in the project.
    pub(crate) fn tool(&self, args: &[&str]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_cargo-d1-migrate"))
            .arg("d1-migrate")
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("CLOUDFLARE_ENV")
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        Outcome {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// A file that is not there yet.
    pub(crate) fn spare_file(&self) -> PathBuf {
        let path = self.folder.path().join("spare.sqlite");
        fs::remove_file(&path).ok();
        path
    }

    /// Names and texts of all migrations, in order.
    pub(crate) fn migrations(&self) -> Vec<(String, String)> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("migrations")) else {
            return Vec::new();
        };
        let mut files: Vec<(String, String)> = entries
            .map(|entry| entry.expect("readable").path())
            .map(|path| {
                let text = fs::read_to_string(&path).expect("a migration is UTF-8");
                (path.file_name().expect("it has a name").to_string_lossy().into_owned(), text)
            })
            .collect();
        files.sort();
        files
    }

    /// Makes a migration.
    pub(crate) fn write_migration(&self, name: &str, sql: &str) {
        let folder = self.folder.path().join("migrations");
        fs::create_dir_all(&folder).expect("writable");
        fs::write(folder.join(name), sql).expect("writable");
    }

    /// Deletes the cache.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.folder.path().join(".wrangler/d1-migrate")).ok();
    }

    /// Puts SQL at the end of a migration.
    pub(crate) fn append(&self, path: &str, sql: &str) {
        let path = self.folder.path().join(path);
        let text = fs::read_to_string(&path).expect("the file is there");
        fs::write(path, format!("{text}{sql}\n")).expect("writable");
    }
}
