//! The public door: what the commands do, for other programs, on a connection and a folder that they bring along.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use rusqlite::Connection;

use crate::changefeed::{self, Operation};
use crate::difference::Selection;
use crate::draft::Part;
use crate::engine::{self, Bench, Drafted, MAX_FILE_SIZE, Place, Ready};
use crate::migrations::{Folder, Header, Migration, parse_header};
use crate::sql_text::statements;

/// A local D1 database and its migrations folder.
///
/// What writes migrations on the command line can be called from here. Nothing is printed, and no shadow is kept between two calls:
/// each call replays the folder.
///
/// # Example: a data migration of the last week
///
/// ```
/// use cargo_d1_migrate::{Changes, Migrations};
/// use jiff::{Timestamp, ToSpan};
///
/// # fn main() -> anyhow::Result<()> {
/// # let scratch = tempfile::tempdir()?;
/// # std::env::set_current_dir(&scratch)?;
/// let conn = rusqlite::Connection::open("local.sqlite")?;
/// # conn.execute_batch("CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT)")?;
/// let migrations = Migrations::new(&conn, "migrations")?;
/// migrations.initial("initial migration")?;
/// migrations.track(&[])?;
/// conn.execute("INSERT INTO posts (title) VALUES ('spring')", ())?;
///
/// let week_ago = Timestamp::now() - (7 * 24).hours();
/// if migrations.has_changes_since(week_ago)? {
///     let written = migrations.data("the last week", &Changes::all().since(week_ago))?;
///     let sql = std::fs::read_to_string(&written[0])?;
///     assert!(sql.contains("INSERT INTO posts (id, title) VALUES\n  (1, 'spring');"));
/// }
/// # Ok(())
/// # }
/// ```
pub struct Migrations<'c> {
    conn: &'c Connection,
    place: Place,
}

/// Which pending changes are meant.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    selection: Selection,
}

impl Changes {
    /// All that are pending.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only those of these tables.
    pub fn of_tables<T: Into<String>>(mut self, tables: impl IntoIterator<Item = T>) -> Self {
        self.selection.tables = tables.into_iter().map(Into::into).collect();
        self
    }

    /// Only those that the changefeed saw at or after this moment.
    pub fn since(mut self, moment: Timestamp) -> Self {
        self.selection.since = Some(moment.as_millisecond());
        self
    }
}

impl<'c> Migrations<'c> {
    /// A database and a folder. The folder need not exist yet.
    ///
    /// # Errors
    /// The connection is not to a file, or a path is not UTF-8.
    pub fn new(conn: &'c Connection, folder: impl AsRef<std::path::Path>) -> Result<Self> {
        let file = conn.path().filter(|path| !path.is_empty()).context("the database must be a file")?;
        let folder = std::path::absolute(folder)
            .context("the path of the migrations folder cannot be made absolute")?;
        let folder = Utf8PathBuf::from_path_buf(folder).map_err(|path| {
            anyhow::anyhow!("{}: the path of the migrations folder is not UTF-8", path.display())
        })?;
        let place = Place {
            local_file: file.into(),
            folder,
            pattern: None,
            migrations_table: "d1_migrations".into(),
            home: None,
        };
        Ok(Self { conn, place })
    }

    /// With another migrations table than `d1_migrations`.
    pub fn with_table(mut self, table: &str) -> Self {
        self.place.migrations_table = table.to_owned();
        self
    }

    /// Installs or refreshes the triggers of these tables, of all where none are named; gives those where something was done.
    ///
    /// # Errors
    /// No such table, or the database cannot be written.
    pub fn track(&self, tables: &[String]) -> Result<Vec<String>> {
        engine::track(self.conn, &self.place.migrations_table, tables)
    }

    /// Removes the triggers of these tables, of all where none are named; gives those that had any.
    ///
    /// # Errors
    /// No such table, or the database cannot be written.
    pub fn untrack(&self, tables: &[String]) -> Result<Vec<String>> {
        engine::untrack(self.conn, &self.place.migrations_table, tables, false)
    }

    /// Did the changefeed see a row change at or after this moment? (It may have been changed back, or be in a migration already.)
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn has_changes_since(&self, moment: Timestamp) -> Result<bool> {
        let mut found = false;
        changefeed::entries::<anyhow::Error>(self.conn, "main", Some(moment.as_millisecond()), |entry| {
            found = matches!(entry.operation, Operation::Insert | Operation::Update | Operation::Delete);
            Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    /// Writes the initial migration: schema, then data. Gives the paths of its files.
    ///
    /// # Errors
    /// There are migrations already, there are no tables, a row is larger than D1 takes, a file cannot be written.
    pub fn initial(&self, message: &str) -> Result<Vec<Utf8PathBuf>> {
        let bench = Bench::open(self.place.clone(), &mut |_| {})?;
        engine::draft_initial(bench, message, MAX_FILE_SIZE)?.publish(&mut |_| {})
    }

    /// Writes a data migration for these changes. Gives the paths of its files, none where nothing is pending.
    ///
    /// # Errors
    /// Migrations of the folder have not run here, the schemas differ, a row is larger than D1 takes, a file cannot be written.
    pub fn data(&self, message: &str, changes: &Changes) -> Result<Vec<Utf8PathBuf>> {
        match self.draft(message, changes)? {
            Drafted::Draft(draft) => draft.publish(&mut |_| {}),
            Drafted::Nothing { .. } => Ok(Vec::new()),
        }
    }

    /// Writes an empty numbered migration for statements that are put in by hand. Gives its path.
    ///
    /// # Errors
    /// The message holds no letter, or the file cannot be written.
    pub fn schema(&self, message: &str) -> Result<Utf8PathBuf> {
        engine::new_schema_file(&self.folder()?, message, Timestamp::now())
    }

    /// The last migration of the folder, in wrangler's order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn latest(&self) -> Result<Option<Migration>> {
        Ok(self.folder()?.migrations.pop())
    }

    /// The SQL of the pending changes, statement by statement, without writing a file.
    ///
    /// # Errors
    /// As for [`Migrations::data`].
    pub fn changes(&self, changes: &Changes) -> Result<impl Iterator<Item = Result<String>>> {
        let parts = match self.draft("changes", changes)? {
            Drafted::Draft(draft) => draft.parts,
            Drafted::Nothing { .. } => Vec::new(),
        };
        Ok(Statements { parts: parts.into(), held: VecDeque::new() })
    }

    fn draft(&self, message: &str, changes: &Changes) -> Result<Drafted> {
        let ready = Ready::open(&self.place, &mut |_| {})?;
        changes.selection.check(&ready.bench.here)?;
        ready.schema_must_agree()?;
        ready.draft_data(&changes.selection, message, MAX_FILE_SIZE)
    }

    fn folder(&self) -> Result<Folder> {
        Ok(Folder::read(&self.place.folder, None, &self.place.folder)?)
    }
}

/// The number and the time in the first line of a migration.
///
/// # Errors
/// The file cannot be read.
pub fn header_of(path: impl AsRef<Utf8Path>) -> Result<Option<Header>> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).with_context(|| format!("{path}: this file cannot be read"))?;
    Ok(parse_header(&text))
}

/// Reads one part after the other, so that only one is in memory.
struct Statements {
    parts: VecDeque<Part>,
    held: VecDeque<String>,
}

impl Iterator for Statements {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.held.is_empty() {
            let part = self.parts.pop_front()?;
            let text = match part.text() {
                Ok(text) => text,
                Err(error) => return Some(Err(error.into())),
            };
            self.held = statements(&text).map(|statement| statement.sql().to_owned()).collect();
        }
        self.held.pop_front().map(Ok)
    }
}
