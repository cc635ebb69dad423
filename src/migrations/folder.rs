//! The migrations folder: its migrations in wrangler's order, their numbers, text and digests.

use std::{fs, io, path::Path};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use super::{Error, name, pattern::Pattern};

/// The pattern of a folder for which none is configured.
const DEFAULT_PATTERN: &str = "*.sql";

/// One SQL file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The path relative to the folder with `/` between its segments: what wrangler records in the
    /// migrations table.
    pub name: String,
    /// The file.
    pub path: Utf8PathBuf,
    /// The integer with which the first segment of the name begins, where there is one.
    pub number: Option<u64>,
    /// The size of the file in bytes.
    pub len: u64,
}

impl Migration {
    /// The text of the file, without a byte order mark (SQLite and wrangler pass over it).
    ///
    /// # Errors
    /// The file cannot be read; it is not UTF-8, with the place of the first bad byte, where
    /// wrangler would put U+FFFD in silence.
    pub fn read_text(&self) -> Result<String, Error> {
        let text = String::from_utf8(self.read()?).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..valid]);
            let last_line = valid.rsplit('\n').next().unwrap_or_default();
            Error::TextNotUtf8 {
                path: self.path.clone(),
                line: valid.matches('\n').count() + 1,
                column: last_line.chars().count() + 1,
            }
        })?;
        match text.strip_prefix('\u{feff}') {
            Some(rest) => Ok(rest.to_owned()),
            None => Ok(text),
        }
    }

    /// The SHA-256 of the file's bytes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn digest(&self) -> Result<[u8; 32], Error> {
        Ok(Sha256::digest(self.read()?).into())
    }

    fn read(&self) -> Result<Vec<u8>, Error> {
        fs::read(&self.path).map_err(|source| Error::ReadFile { path: self.path.clone(), source })
    }
}

/// The migrations folder as it was when it was read.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The folder, which need not exist. `..` is resolved by the text of the path, as in wrangler, not
    /// through symbolic links.
    pub path: Utf8PathBuf,
    /// The migrations in wrangler's order.
    pub migrations: Vec<Migration>,
    pattern: Pattern,
    /// The pattern as configured, for messages.
    pattern_text: String,
}

impl Folder {
    /// Reads the migrations folder `path`. A folder that does not exist has no migrations.
    ///
    /// `pattern` is wrangler's `migrations_pattern`, relative to `root`, the folder of the wrangler
    /// file; both separators are taken, and it must begin with the migrations folder. `path` and
    /// `root` must both be absolute or both be relative to the same folder. Without a pattern, the
    /// `*.sql` files directly in the folder are its migrations.
    ///
    /// As in wrangler, hidden files and folders, symbolic links (to a file or to a folder), folders
    /// whose name ends in `.sql` and, by the default pattern, `.SQL` files are not migrations.
    ///
    /// # Errors
    /// [`Error::NotAFolder`], [`Error::ReadFolder`], [`Error::ReadFile`]; [`Error::NameNotUtf8`] for
    /// a migration that wrangler lists but cannot open; [`Error::Pattern`], [`Error::PatternOutside`].
    pub fn read(path: &Utf8Path, pattern: Option<&str>, root: &Utf8Path) -> Result<Folder, Error> {
        let mut folder = Folder {
            path: shown(without_dots(path)),
            migrations: Vec::new(),
            pattern: migrations_pattern(path, pattern, root)?,
            pattern_text: pattern.unwrap_or(DEFAULT_PATTERN).to_owned(),
        };
        let path = folder.path.clone();
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(folder),
            Ok(metadata) if !metadata.is_dir() => {
                return Err(Error::NotAFolder { path });
            }
            // Whatever else is wrong, listing the folder says it.
            _ => folder.read_below(path.as_std_path(), "")?,
        }
        folder.migrations.sort_by(|a, b| name::compare(&a.name, &b.name));
        Ok(folder)
    }

    fn read_below(&mut self, folder: &Path, parent: &str) -> Result<(), Error> {
        let failed = |source| Error::ReadFolder {
            path: Utf8PathBuf::from(folder.to_string_lossy().into_owned()),
            source,
        };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // As it is on the disk, symbolic links not followed: wrangler passes over them.
            let kind = entry.file_type().map_err(failed)?;
            let name = format!("{parent}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && self.pattern.reaches_into(&name) {
                self.read_below(&entry.path(), &format!("{name}/"))?;
            } else if kind.is_file() && self.pattern.matches(&name) {
                let migration = self.migration(name, &entry)?;
                self.migrations.push(migration);
            }
        }
        Ok(())
    }

    fn migration(&self, name: String, entry: &fs::DirEntry) -> Result<Migration, Error> {
        let Ok(path) = Utf8PathBuf::from_path_buf(entry.path()) else {
            let folder = self.path.clone();
            return Err(Error::NameNotUtf8 { folder, name });
        };
        match entry.metadata() {
            Ok(metadata) => Ok(Migration { number: name::number(&name), name, path, len: metadata.len() }),
            Err(source) => Err(Error::ReadFile { path, source }),
        }
    }

    /// The migration with this name.
    pub fn get(&self, name: &str) -> Option<&Migration> {
        self.migrations.iter().find(|one| one.name == name)
    }

    /// The number for a new migration: the highest one of all migrations, those in subfolders
    /// included, plus one; 1 where there is none, as wrangler counts.
    ///
    /// # Errors
    /// [`Error::NoNextNumber`] when a migration with that number would not sort after the highest.
    pub fn next_number(&self) -> Result<u64, Error> {
        let numbered = |one: &&Migration| name::sort_number(&one.name).is_some_and(|n| n >= 0.0);
        // In wrangler's order, so the last of those that have a number has the highest.
        let Some(highest) = self.migrations.iter().rfind(numbered) else {
            return Ok(1);
        };
        highest
            .number
            .and_then(|number| number.checked_add(1))
            // Above 2^53 wrangler's numbers are not exact, so ask its order.
            .filter(|&next| name::compare(&name::padded(next), &highest.name).is_gt())
            .ok_or_else(|| Error::NoNextNumber { name: highest.name.clone() })
    }

    /// The numbers that several migrations have, in rising order. wrangler applies all of them, in
    /// the order of their text. Migrations in one subfolder share its number and do not count.
    pub fn duplicate_numbers(&self) -> Vec<(u64, Vec<&Migration>)> {
        self.migrations
            .chunk_by(|a, b| a.number == b.number)
            .filter(|group| {
                let mut segments: Vec<_> = group.iter().map(first_segment).collect();
                segments.dedup();
                segments.len() > 1
            })
            .filter_map(|group| Some((group[0].number?, group.iter().collect())))
            .collect()
    }

    /// The migrations that wrangler would run after a new one of this name when it starts from
    /// nothing: those without a number, whatever the new number is. A migration made after them must
    /// not silently come before them.
    pub fn sorted_after(&self, name: &str) -> Vec<&Migration> {
        self.migrations.iter().filter(|one| name::compare(&one.name, name).is_gt()).collect()
    }

    /// Whether wrangler would find a new migration of this name. wrangler's own `create` asks the
    /// same before it writes.
    ///
    /// # Errors
    /// [`Error::PatternMisses`] when it would not.
    pub fn accepts(&self, name: &str) -> Result<(), Error> {
        if self.pattern.matches(name) {
            return Ok(());
        }
        Err(Error::PatternMisses { pattern: self.pattern_text.clone(), name: name.to_owned() })
    }
}

fn first_segment(migration: &Migration) -> &str {
    let name = migration.name.as_str();
    name.split_once('/').map_or(name, |(first, _)| first)
}

/// The pattern of the paths below the folder, from `migrations_pattern`, which is relative to `root`.
fn migrations_pattern(folder: &Utf8Path, pattern: Option<&str>, root: &Utf8Path) -> Result<Pattern, Error> {
    let configured = pattern.unwrap_or(DEFAULT_PATTERN);
    let below = match pattern {
        None => DEFAULT_PATTERN.to_owned(),
        Some(pattern) => {
            let whole = without_dots(&root.join(pattern.replace('\\', "/")));
            let below = whole.strip_prefix(without_dots(folder));
            let below = below.map_err(|_| Error::PatternOutside {
                pattern: pattern.to_owned(),
                folder: folder.to_owned(),
            })?;
            let segments: Vec<&str> = below.components().map(|one| one.as_str()).collect();
            segments.join("/")
        }
    };
    Pattern::parse(&below).map_err(|reason| Error::Pattern { pattern: configured.to_owned(), reason })
}

/// The current folder has the name `.`: the empty path opens nothing.
fn shown(path: Utf8PathBuf) -> Utf8PathBuf {
    if path.as_str().is_empty() {
        return Utf8PathBuf::from(".");
    }
    path
}

/// The path without `.` and `..`, by its text alone, as wrangler normalizes both settings.
fn without_dots(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for component in path.components() {
        match (component, plain.components().next_back()) {
            (Utf8Component::CurDir, _) => {}
            (Utf8Component::ParentDir, Some(Utf8Component::Normal(_))) => {
                plain.pop();
            }
            (Utf8Component::ParentDir, Some(Utf8Component::RootDir)) => {}
            _ => plain.push(component),
        }
    }
    plain
}

#[cfg(test)]
#[path = "folder/tests.rs"]
mod tests;
