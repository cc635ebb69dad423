//! The files of a draft: each statement is run on the shadow under D1's settings and then written down; a file that grows
//! too large is ended where no foreign key is left open, and the next one begun.

use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::os::raw::c_int;

use rusqlite::{Connection, ffi};
use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use super::Error;
use crate::migrations::{file_name, header_line};
use crate::shadow::{run_one, under_d1_limits};
use crate::sql_text::PIECES;

/// Up to here a file stays in memory until it is published.
const IN_MEMORY: usize = 4 << 20;

/// One migration file that is not in the folder yet.
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
    text: BufWriter<SpooledTempFile>,
    digest: Sha256,
}

/// How the files of a draft are to be named and cut.
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
    /// Is a long value being put together? Its statements stay in one file.
    holds_pieces: bool,
    /// Are rows out of their place? They come back in the same file.
    held: bool,
    open: Option<Part>,
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
        let number = self.naming.number + self.done.len() as u64;
        let message = match self.done.len() {
            0 => self.naming.message.clone(),
            more => format!("{} part {}", self.naming.message, more + 1),
        };
        let mut part = Part {
            name: file_name(number, &message)?,
            len: 0,
            text: BufWriter::new(SpooledTempFile::new(IN_MEMORY)),
            digest: Sha256::new(),
        };
        part.write(&header_line(number, self.naming.at))?;
        part.write("\n")?;
        self.open = Some(part);
        self.put("PRAGMA defer_foreign_keys=TRUE;")?;
        for sql in self.before.clone() {
            self.put(&sql)?;
        }
        Ok(())
    }

    fn put(&mut self, sql: &str) -> Result<(), Error> {
        under_d1_limits(self.conn, || run_one(self.conn, sql))?.map_err(|error| refused(sql, &error))?;
        if let Some(part) = &mut self.open {
            part.write(sql)?;
            part.write("\n")?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        for sql in self.after.clone() {
            self.put(&sql)?;
        }
        if let Some(mut part) = self.open.take() {
            // One small file may wait in memory, but not many.
            if !self.done.is_empty() {
                part.text.flush()?;
                part.text.get_mut().roll()?;
            }
            self.done.push(part);
        }
        Ok(())
    }

    /// Ends the last file.
    pub(super) fn finish(mut self) -> Result<Vec<Part>, Error> {
        if self.open.is_some() {
            self.close()?;
        }
        Ok(self.done)
    }
}

impl Part {
    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.text.write_all(text.as_bytes())?;
        self.digest.update(text.as_bytes());
        self.len += text.len() as u64;
        Ok(())
    }

    /// SHA-256 of its text.
    pub fn digest(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    /// The whole text.
    pub fn text(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        self.text.seek(SeekFrom::Start(0))?;
        self.text.get_mut().read_to_string(&mut text)?;
        Ok(text)
    }

    /// Calls `each` with the text, piece by piece.
    pub fn read<E: From<std::io::Error>>(
        &mut self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.text.seek(SeekFrom::Start(0))?;
        let mut piece = vec![0; 1 << 16];
        loop {
            match self.text.get_mut().read(&mut piece)? {
                0 => return Ok(()),
                length => each(&piece[..length])?,
            }
        }
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
    let beginning: String = sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    Error::Refused { sql: beginning, reason: error.to_string().replace(['\n', '\r'], " ") }
}
