//! The files of a draft: each statement is run on the shadow under D1's settings and then written down; a file that grows
//! too large is ended where no foreign key is left open, and the next one begun.

use std::collections::VecDeque;
use std::os::raw::c_int;

use camino::Utf8PathBuf;
use rusqlite::{Connection, ffi};

use super::Error;
use super::part::{ClosedPart, OpenPart, Part};
use crate::migrations::{file_name, header_line};
use crate::shadow::{run_one, under_d1_limits};
use crate::sql_text::{EATEN_BY_WRANGLER, PIECES};

/// So many files may be on their way to the disk at a time.
const MOST_CLOSING: usize = 4;

/// How the files of a draft are to be named and cut, and where they wait.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The number of the first file.
    pub number: u64,
    /// What the migration is about; becomes the name.
    pub message: String,
    /// For the header line.
    pub at: jiff::Timestamp,
    /// A file that reaches this many bytes goes on in the next one.
    pub max_file_size: u64,
    /// The folder in which they are written: best on the file system of the migrations folder.
    pub drafts: Utf8PathBuf,
}

/// In place of a statement: from here on the file must not end.
pub(super) const HOLD: &str = "hold";

/// In place of a statement: the file may end again.
pub(super) const RELEASE: &str = "release";

/// Writes statements into files.
pub(super) struct Parts<'c> {
    conn: &'c Connection,
    naming: Naming,
    done: Vec<Part>,
    closing: VecDeque<ClosedPart>,
    /// Is a long value being put together? Its statements stay in one file.
    holds_pieces: bool,
    /// Are rows out of their place? They come back in the same file.
    held: bool,
    open: Option<OpenPart>,
    /// Statements that begin and end every file: triggers that step aside, and come back.
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl<'c> Parts<'c> {
    pub(super) fn new(conn: &'c Connection, naming: Naming) -> Self {
        Self {
            conn,
            naming,
            done: Vec::new(),
            closing: VecDeque::new(),
            holds_pieces: false,
            held: false,
            open: None,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    pub(super) fn conn(&self) -> &'c Connection {
        self.conn
    }

    /// Runs a statement on the shadow and writes it down.
    pub(super) fn statement(&mut self, sql: &str) -> Result<(), Error> {
        if [HOLD, RELEASE].contains(&sql) {
            self.held = sql == HOLD;
            return Ok(());
        }
        if let Some(part) = &self.open
            && part.len + sql.len() as u64 > self.naming.max_file_size
            && no_foreign_key_is_open(self.conn)
            && !self.holds_pieces
            && !self.held
        {
            self.close()?;
        }
        if self.open.is_none() {
            self.begin()?;
        }
        match sql {
            _ if sql.starts_with(&format!("CREATE TABLE {PIECES}")) => self.holds_pieces = true,
            _ if sql.starts_with(&format!("DROP TABLE {PIECES}")) => self.holds_pieces = false,
            _ => {}
        }
        self.put(sql)
    }

    fn begin(&mut self) -> Result<(), Error> {
        let before = self.done.len() + self.closing.len();
        let number = self.naming.number + before as u64;
        let message = match before {
            0 => self.naming.message.clone(),
            more => format!("{} part {}", self.naming.message, more + 1),
        };
        let mut part = OpenPart::begin(&self.naming.drafts, file_name(number, &message)?)?;
        part.line(&header_line(number, self.naming.at))?;
        self.open = Some(part);
        self.put("PRAGMA defer_foreign_keys=TRUE;")?;
        for sql in self.before.clone() {
            self.put(&sql)?;
        }
        Ok(())
    }

    fn put(&mut self, sql: &str) -> Result<(), Error> {
        if sql.contains(EATEN_BY_WRANGLER) {
            return Err(Error::EatenByWrangler { sql: beginning(sql) });
        }
        under_d1_limits(self.conn, || run_one(self.conn, sql))?.map_err(|error| refused(sql, &error))?;
        match self.open.as_mut().map(|part| part.line(sql)) {
            Some(Err(error)) => Err(self.why_not_written(error)),
            _ => Ok(()),
        }
    }

    /// What the thread of the open file met.
    fn why_not_written(&mut self, error: std::io::Error) -> Error {
        let met = self.open.take().and_then(|part| part.close().wait().err());
        met.unwrap_or(error).into()
    }

    fn close(&mut self) -> Result<(), Error> {
        for sql in self.after.clone() {
            self.put(&sql)?;
        }
        self.closing.extend(self.open.take().map(OpenPart::close));
        self.wait_for_all_but(MOST_CLOSING)
    }

    fn wait_for_all_but(&mut self, most: usize) -> Result<(), Error> {
        while self.closing.len() > most {
            let next = self.closing.pop_front().map(ClosedPart::wait).transpose()?;
            self.done.extend(next);
        }
        Ok(())
    }

    /// Ends the last file.
    pub(super) fn finish(mut self) -> Result<Vec<Part>, Error> {
        if self.open.is_some() {
            self.close()?;
        }
        self.wait_for_all_but(0)?;
        Ok(std::mem::take(&mut self.done))
    }
}

impl Drop for Parts<'_> {
    /// A thread that outlives the draft could not remove its file any more when the program ends.
    fn drop(&mut self) {
        self.closing.extend(self.open.take().map(OpenPart::close));
        drop(self.wait_for_all_but(0));
    }
}

/// Would the end of a transaction be accepted here?
pub(super) fn no_foreign_key_is_open(conn: &Connection) -> bool {
    let (mut current, mut highest): (c_int, c_int) = (0, 0);
    // SAFETY: the handle is the connection's own and is not kept; the two answers are valid for the call. SQLite counts the
    // unresolved foreign keys of the transaction for this status (<https://sqlite.org/c3ref/c_dbstatus_options.html>).
    let result = unsafe {
        ffi::sqlite3_db_status(
            conn.handle(),
            ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
            &mut current,
            &mut highest,
            0,
        )
    };
    result == ffi::SQLITE_OK && current == 0
}

fn refused(sql: &str, error: &rusqlite::Error) -> Error {
    Error::Refused { sql: beginning(sql), reason: error.to_string().replace(['\n', '\r'], " ") }
}

/// What a statement begins with, on one line.
fn beginning(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect()
}
