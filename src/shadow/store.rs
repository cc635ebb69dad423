//! The shadow's file: opened, brought to what the folder holds, kept for the next run.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tempfile::TempDir;

use super::chance::{World, fix_random, take_used};
use super::replay::take_columns_set;
use super::{Error, baseline, run_file};
use crate::math;
use crate::names::{NEGATIVE_ZERO, SHADOW_FACTS, SHADOW_FILES, SHADOW_LEFT, SHADOW_UNKNOWN};
use crate::schema::unquoted;
use crate::sql_text::{Token, quote_identifier, statements, tokens};

/// Changes when anything about the shadow's file does; an older one is thrown away.
const FORMAT: &str = concat!("5 ", env!("CARGO_PKG_VERSION"));

/// The list of replayed files; a baseline brings one along.
pub(super) const CREATE_FILES: &str =
    "CREATE TABLE IF NOT EXISTS d1_migrate_shadow_files(position INTEGER PRIMARY KEY,
    name TEXT NOT NULL, digest TEXT NOT NULL, chance INTEGER NOT NULL, stamp TEXT, sets TEXT);";

const FIRST: &str = "shadow.sqlite";
const SECOND: &str = "shadow-second.sqlite";

/// What stands beside the columns that a file sets where it gives a table, or a column, another name: for each time the names in the
/// statement, in small letters, the old one before the new one.
pub fn renames(sets: &str) -> impl Iterator<Item = Vec<String>> {
    let of_line = |line: &str| {
        let names = line.strip_prefix(RENAME)?;
        Some(tokens(names).filter(Token::is_significant).map(|name| unquoted(name.text)).collect())
    };
    sets.lines().filter_map(of_line)
}

const RENAME: &str = "RENAME ";

/// The same where it drops tables, as a file does that puts the rows of one into a new one.
pub const DROPS: &str = "DROP\n";

fn marks(text: &str) -> String {
    let mut marks = String::new();
    for statement in statements(text) {
        let words = tokens(statement.text).filter(Token::is_significant).filter(|word| word.text != ";");
        let words: Vec<Token> = words.collect();
        let is = |at: usize, word: &str| words.get(at).is_some_and(|token| token.is_word(word));
        let rename = words.iter().skip(3).position(|token| token.is_word("RENAME")).map(|at| at + 3);
        if let Some(rename) = rename.filter(|_| is(0, "ALTER")) {
            // `ALTER TABLE main.t RENAME TO u`, `ALTER TABLE t RENAME COLUMN x TO y`.
            let given =
                words[rename + 1..].iter().filter(|word| !word.is_word("TO") && !word.is_word("COLUMN"));
            let names = std::iter::once(&words[rename - 1]).chain(given);
            let names: Vec<String> = names.map(|name| quote_identifier(&unquoted(name.text))).collect();
            marks.push_str(&format!("{RENAME}{}\n", names.join(" ").to_lowercase()));
        } else if is(0, "DROP") && is(1, "TABLE") {
            marks.push_str(DROPS);
        }
    }
    marks
}

/// One migration to replay.
pub struct Source<'a> {
    /// Its name in the folder.
    pub name: &'a str,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// How its file looked before the digest was taken, where the shadow does not know that yet.
    pub stamp: Option<String>,
    /// Gives its text; called only when it must be replayed.
    pub text: Box<dyn Fn() -> anyhow::Result<String> + 'a>,
}

/// A replayed folder, open for writing.
pub struct Shadow {
    /// `main` is the shadow. Foreign keys are on, recursive triggers off, the clock stands still.
    pub conn: Connection,
    world: World,
    /// Its file.
    pub path: Utf8PathBuf,
    _scratch: Option<TempDir>,
}

impl Shadow {
    /// Opens the shadow in `home`, or in a scratch folder that goes away with it.
    pub fn open(home: Option<&Utf8Path>, world: World) -> Result<Self, Error> {
        let (folder, scratch) = match home {
            Some(home) => (home.to_owned(), None),
            None => {
                let scratch = tempfile::tempdir()
                    .map_err(|source| Error::Storage { path: "the temporary folder".into(), source })?;
                let folder = Utf8PathBuf::from(scratch.path().to_string_lossy().into_owned());
                (folder, Some(scratch))
            }
        };
        let name = match world {
            World::First => FIRST,
            World::Second => SECOND,
        };
        let path = folder.join(name);
        // Whatever wrote to it besides this tool, or stopped this tool in between, left another seal.
        if std::fs::read_to_string(seal_path(&path)).ok() != seal_of(&path) {
            forget(&path);
        }
        let conn = match open(&path, world) {
            Ok(conn) => conn,
            Err(_) => {
                forget(&path);
                let has_baseline = baseline::has_baseline(&folder);
                open(&path, world)
                    .map_err(|error| if has_baseline { Error::BrokenBaseline } else { error })?
            }
        };
        Ok(Self { conn, world, path, _scratch: scratch })
    }

    /// Replays what the shadow lacks; from nothing where it holds anything else than the first of these files. Calls `before`
    /// with the name of each file that is replayed, before it is, and `after` with all files up to it.
    pub fn bring_to(
        &mut self,
        files: &[Source],
        mut before: impl FnMut(&Self, &str) -> anyhow::Result<()>,
        mut after: impl FnMut(&Self, &[Source]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let start = match self.held_of(files)? {
            Some(number) => number,
            None => {
                self.begin_again()?;
                // A shadow that has just begun holds nothing, or the baseline's files.
                self.held_of(files)?.ok_or(Error::Baseline)?
            }
        };
        for (at, file) in files.iter().enumerate().skip(start) {
            before(self, file.name)?;
            self.world.begin_file(at, file.name, &file.digest);
            take_used();
            take_columns_set();
            let text = (file.text)()?;
            run_file(
                &mut self.conn,
                file.name,
                &text,
                |_| Ok(()),
                |conn| {
                    let sets = take_columns_set() + &marks(&text);
                    add_file(conn, file.name, &file.digest, take_used(), Some(&sets))?;
                    conn.execute(&format!("DELETE FROM {SHADOW_LEFT}"), ())?;
                    conn.execute(&format!("DELETE FROM {SHADOW_FACTS} WHERE name LIKE 'mark%'"), ())?;
                    Ok(())
                },
            )?;
            after(self, &files[..=at])?;
        }
        self.note_stamps(files)?;
        self.seal();
        Ok(())
    }

    /// Notes what the file looks like now, after a commit: a shadow that looks otherwise later is thrown away.
    pub fn seal(&self) {
        if let Some(seal) = seal_of(&self.path) {
            drop(std::fs::write(seal_path(&self.path), seal));
        }
    }

    /// How many of these files the shadow holds; `None` where it holds anything else.
    fn held_of(&self, files: &[Source]) -> rusqlite::Result<Option<usize>> {
        let held = held(&self.conn)?;
        let is_same = |((name, digest), file): (&(String, String), &Source)| {
            *name == file.name && *digest == file.digest
        };
        let is_prefix = held.len() <= files.len() && held.iter().zip(files).all(is_same);
        Ok(is_prefix.then_some(held.len()))
    }

    /// The digest of each file that looks as it did when it was last read: by name and stamp.
    pub fn digests(&self) -> rusqlite::Result<HashMap<(String, String), String>> {
        let sql = format!("SELECT name, stamp, digest FROM {SHADOW_FILES} WHERE stamp IS NOT NULL");
        let mut statement = self.conn.prepare(&sql)?;
        statement.query_map((), |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?.collect()
    }

    fn note_stamps(&mut self, files: &[Source]) -> rusqlite::Result<()> {
        let new: Vec<&Source> = files.iter().filter(|file| file.stamp.is_some()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let transaction = self.conn.transaction()?;
        let sql = format!("UPDATE {SHADOW_FILES} SET stamp = ?3 WHERE name = ?1 AND digest = ?2");
        for file in new {
            transaction.execute(&sql, params![file.name, file.digest, file.stamp])?;
        }
        transaction.commit()
    }

    /// Did the last file ask for the time or for a random number when it was replayed?
    pub fn last_used_chance(&self) -> rusqlite::Result<bool> {
        let sql = format!("SELECT chance FROM {SHADOW_FILES} ORDER BY position DESC LIMIT 1");
        self.conn.query_row(&sql, (), |row| row.get(0))
    }

    /// Throws away what is kept in this folder, the baseline excepted.
    pub fn forget_all(home: Option<&Utf8Path>) {
        for name in home.into_iter().flat_map(|home| [home.join(FIRST), home.join(SECOND)]) {
            forget(&name);
        }
    }

    /// Throws the shadow away: what was run on it besides the folder must not stay.
    pub fn discard(self) {
        let path = self.path.clone();
        drop(self);
        forget(&path);
    }

    fn begin_again(&mut self) -> Result<(), Error> {
        // The old file must be closed before it is removed (Windows).
        drop(std::mem::replace(&mut self.conn, Connection::open_in_memory()?));
        forget(&self.path);
        self.conn = open(&self.path, self.world)?;
        Ok(())
    }
}

/// Notes a file as replayed. `chance` says that it asked for the time or for random numbers, `sets` which columns it updates
/// ([`take_columns_set`]), where that is known.
pub fn add_file(
    conn: &Connection,
    name: &str,
    digest: &str,
    chance: bool,
    sets: Option<&str>,
) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO {SHADOW_FILES}(name, digest, chance, sets) VALUES (?1, ?2, ?3, ?4)");
    conn.execute(&sql, params![name, digest, chance, sets]).map(drop)
}

fn held(conn: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement =
        conn.prepare(&format!("SELECT name, digest FROM {SHADOW_FILES} ORDER BY position"))?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn open(path: &Utf8Path, world: World) -> Result<Connection, Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::Storage { path: folder.to_owned(), source })?;
    }
    let is_new = !path.exists();
    let baseline = baseline::path(path.parent().unwrap_or(path));
    if is_new && baseline.exists() {
        std::fs::copy(&baseline, path).map_err(|source| Error::Storage { path: baseline, source })?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags_and_vfs(path, flags, world.vfs())?;
    conn.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = OFF;",
    )?;
    fix_random(&conn)?;
    math::define(&conn)?;
    define_negative_zero(&conn)?;
    let format: Option<String> = conn
        .query_row(&format!("SELECT value FROM {SHADOW_FACTS} WHERE name = 'format'"), (), |row| row.get(0))
        .optional()
        .or_else(|error| if is_new || is_empty(&conn)? { Ok(None) } else { Err(error) })?;
    match format.as_deref() {
        Some(FORMAT) => Ok(conn),
        None => {
            prepare(&conn)?;
            Ok(conn)
        }
        Some(_) => {
            drop(conn);
            forget(path);
            open(path, world)
        }
    }
}

fn seal_path(path: &Utf8Path) -> String {
    format!("{path}-seal")
}

/// The file's length, and its header's count of commits and of schema changes
/// (<https://sqlite.org/fileformat2.html#file_change_counter>).
fn seal_of(path: &Utf8Path) -> Option<String> {
    let mut header = [0; 44];
    let mut file = std::fs::File::open(path).ok()?;
    std::io::Read::read_exact(&mut file, &mut header).ok()?;
    let length = file.metadata().ok()?.len();
    Some(format!("{length} {:?} {:?}", &header[24..28], &header[40..44]))
}

fn is_empty(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", (), |row| row.get(0))
}

fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "BEGIN;
         {CREATE_FILES}
         CREATE TABLE {SHADOW_FACTS}(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
         CREATE TABLE {SHADOW_UNKNOWN}(tbl TEXT NOT NULL, key NOT NULL, col TEXT NOT NULL, file TEXT NOT NULL);
         CREATE TABLE {SHADOW_LEFT}(tbl TEXT NOT NULL, key NOT NULL);
         INSERT INTO {SHADOW_FACTS} VALUES ('format', '{FORMAT}');
         COMMIT;"
    ))
}

/// The function that tells -0.0 from 0.0, which no built-in one does in every version.
fn define_negative_zero(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function(NEGATIVE_ZERO, 1, flags, |context| {
        let is_negative_zero = |value: f64| value == 0.0 && value.is_sign_negative();
        Ok(matches!(context.get_raw(0), ValueRef::Real(value) if is_negative_zero(value)))
    })
}

/// Removes a shadow's file and what belongs to it. What cannot be removed is met again when it is opened.
pub(super) fn forget(path: &Utf8Path) {
    for suffix in ["", "-journal", "-wal", "-shm", "-seal"] {
        drop(std::fs::remove_file(format!("{path}{suffix}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_gives_other_names_is_noted_beside_what_it_sets() {
        let found = |text: &str| {
            let names: Vec<String> = renames(&marks(text)).map(|names| names.join(">")).collect();
            names.join(" ")
        };
        assert_eq!(found("ALTER TABLE main.\"T x\" RENAME TO [U];"), "t x>u");
        assert_eq!(
            found("alter table t rename COLUMN a to \"b\"; ALTER TABLE t RENAME c TO d"),
            "t>a>b t>c>d"
        );
        assert_eq!(found("ALTER TABLE t ADD COLUMN x; UPDATE t SET a = 'RENAME'; CREATE TABLE r (a)"), "");
        assert_eq!(marks("-- DROP TABLE t;\nDROP TABLE IF EXISTS t; DROP VIEW v"), DROPS);
    }
}
