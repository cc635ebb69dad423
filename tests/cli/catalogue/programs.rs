//! Programs that edit a local database, and what they see of each statement.

use std::path::PathBuf;
use std::process::Command;

use rusqlite::Connection;

use crate::support::dev::DevServer;
use crate::support::project::{GUESTBOOK_ID, Scratch};
use crate::support::replay::d1_settings;

/// Rows that a statement gives, how many it changed, and the last rowid where that says something; or the error.
type Seen = Result<String, String>;

pub(super) trait Program {
    fn run(&mut self, sql: &str) -> Seen;
}

/// The SQLite that the tool is built with.
pub(super) struct Bundled(Connection);

impl Bundled {
    pub(super) fn start(project: &Scratch) -> Self {
        let conn = project.sqlite();
        d1_settings(&conn);
        Self(conn)
    }
}

impl Program for Bundled {
    fn run(&mut self, sql: &str) -> Seen {
        let rows = || -> rusqlite::Result<String> {
            let mut statement = self.0.prepare(sql)?;
            let columns = statement.column_count();
            let mut rows = statement.raw_query();
            let mut seen = String::new();
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    seen.push_str(&format!("{:?} ", row.get_ref(column)?));
                }
            }
            Ok(seen)
        };
        let rows = rows().map_err(|error| error.to_string())?;
        // What an INSERT that came to nothing leaves there depends on whether any trigger stands on the table.
        let came = sql.contains("INTO") && self.0.changes() > 0;
        let last = came.then(|| self.0.last_insert_rowid());
        Ok(format!("{rows}{} {last:?}", self.0.changes()))
    }
}

/// The `sqlite3` of the machine: on Debian 12 it is 3.40, older than what the tool is built with.
pub(super) struct Shell {
    file: PathBuf,
    foreign_keys: &'static str,
}

impl Shell {
    pub(super) fn start(project: &Scratch) -> Self {
        Self { file: project.local_file(), foreign_keys: "PRAGMA foreign_keys=ON" }
    }

    /// As it is when nobody tells it otherwise.
    pub(super) fn without_foreign_keys(project: &Scratch) -> Self {
        Self { file: project.local_file(), foreign_keys: "PRAGMA foreign_keys=OFF" }
    }
}

impl Program for Shell {
    fn run(&mut self, sql: &str) -> Seen {
        let mut shell = Command::new("sqlite3");
        shell.args(["-bail", "-cmd", self.foreign_keys]).arg(&self.file).arg(sql);
        shell.arg("SELECT changes(), CASE WHEN changes() > 0 THEN last_insert_rowid() END");
        let output = shell.output().expect("the sqlite3 shell is on PATH (Debian's package sqlite3)");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }
}

/// A Worker in a live `wrangler dev`.
pub(super) struct Worker(DevServer);

impl Worker {
    pub(super) fn start(project: &Scratch) -> Self {
        Self(DevServer::start(&project.root(), GUESTBOOK_ID))
    }
}

impl Program for Worker {
    fn run(&mut self, sql: &str) -> Seen {
        let named = |error: String| error.split("; reference = ").next().unwrap_or_default().to_owned();
        let answer = self.0.query(sql, &[]).map_err(named)?;
        // `meta.changes` counts what triggers wrote, the changefeed's row too.
        let came = sql.contains("INTO") && answer["meta"]["changes"].as_u64() > Some(0);
        let last = came.then(|| answer["meta"]["last_row_id"].clone());
        Ok(format!("{} {last:?}", answer["results"]))
    }
}
