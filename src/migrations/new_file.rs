//! Migration files that are being written: complete under their name, or absent.

use std::{
    fs,
    io::{self, BufWriter, Write},
    time::{Duration, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::{NamedTempFile, TempPath};

use super::Error;

/// After how long without a write a temporary file is taken for the remains of a killed run.
pub const STALE_AFTER: Duration = Duration::from_secs(60 * 60);

const TEMPORARY_END: &str = ".tmp";
const RANDOM_CHARACTERS: usize = 6;

/// A migration that is being written. It grows under a hidden name beside its final one, so that
/// neither wrangler nor this tool takes it for a migration, and gets its name when it is complete.
/// Dropped before that, it is removed, and so are the folders that were created for it.
#[derive(Debug)]
pub struct NewFile {
    path: Utf8PathBuf,
    // Fields are dropped in this order: the file goes before its folder can.
    text: BufWriter<NamedTempFile>,
    folders: NewFolders,
}

impl NewFile {
    /// Starts the migration `name` (of [`file_name`](super::file_name)) in `folder`, which is created
    /// when it is missing.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::CreateFolder`], [`Error::Write`].
    pub fn create(folder: &Utf8Path, name: &str) -> Result<NewFile, Error> {
        let path = folder.join(name);
        // Also a dangling link is in the way.
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path });
        }
        let folders = NewFolders::create(folder)
            .map_err(|source| Error::CreateFolder { path: folder.to_owned(), source })?;
        match temporary_file(folder, name) {
            Ok(file) => Ok(NewFile { path, text: BufWriter::new(file), folders }),
            Err(error) => Err(write_error(path, error)),
        }
    }

    /// Gives a file that was written and brought to the disk elsewhere its name in `folder`. It is copied only where that is
    /// on another file system.
    ///
    /// # Errors
    /// Those of [`NewFile::create`] and [`NewFile::publish`]; nothing is left of the file then.
    pub fn adopt(folder: &Utf8Path, name: &str, file: TempPath) -> Result<Utf8PathBuf, Error> {
        let path = folder.join(name);
        let folders = NewFolders::create(folder)
            .map_err(|source| Error::CreateFolder { path: folder.to_owned(), source })?;
        match file.persist_noclobber(&path) {
            Ok(()) => {
                folders.keep();
                sync_folder(path.parent());
                Ok(path)
            }
            Err(failed) if failed.error.kind() == io::ErrorKind::CrossesDevices => {
                let mut copy = NewFile::create(folder, name)?;
                let copied = fs::File::open(&failed.path).and_then(|mut file| io::copy(&mut file, &mut copy));
                copied.map_err(|error| write_error(path, error))?;
                copy.publish()
            }
            Err(failed) => Err(not_named(path, failed.error)),
        }
    }

    /// Appends text; the same as `write_all`, with an error that names the file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_text(&mut self, text: &str) -> Result<(), Error> {
        let written = self.text.write_all(text.as_bytes());
        written.map_err(|error| write_error(self.path.clone(), error))
    }

    /// Brings the file to the disk and gives it its name, unless a file has it already.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Write`]; nothing is left of this file then.
    pub fn publish(self) -> Result<Utf8PathBuf, Error> {
        let NewFile { path, text, folders } = self;
        match name_file(text, &path) {
            Ok(()) => {
                folders.keep();
                sync_folder(path.parent());
                Ok(path)
            }
            Err(error) => Err(not_named(path, error)),
        }
    }
}

fn not_named(path: Utf8PathBuf, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { path },
        _ => write_error(path, error),
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.text.flush()
    }
}

/// The error of writing the migration `path`. The tempfile crate appends its own path to what the
/// system said, and gives no way to the bare error; the final path is the one that helps.
fn write_error(path: Utf8PathBuf, error: io::Error) -> Error {
    let text = error.to_string();
    let source = match text.split_once(" at path \"") {
        Some((reason, _)) => io::Error::new(error.kind(), reason),
        None => error,
    };
    Error::Write { path, source }
}

fn name_file(text: BufWriter<NamedTempFile>, path: &Utf8Path) -> io::Result<()> {
    let file = text.into_inner().map_err(|error| error.into_error())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes a new name survive a power cut. Some file systems cannot do that for a folder, and the file
/// is in place by now, so a failure is none of the migration's.
fn sync_folder(folder: Option<&Utf8Path>) {
    // Windows opens no folders; the name is in its journal.
    if let (true, Some(folder)) = (cfg!(unix), folder) {
        let folder = if folder.as_str().is_empty() { Utf8Path::new(".") } else { folder };
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
}

fn temporary_file(folder: &Utf8Path, name: &str) -> io::Result<NamedTempFile> {
    let start = format!(".{name}.{}.", std::process::id());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&start).rand_bytes(RANDOM_CHARACTERS).suffix(TEMPORARY_END);
    // A migration is a source file: readable as the umask says, not for its owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Folders that were created for a file that may not come.
#[derive(Debug)]
struct NewFolders {
    /// The deepest one first.
    created: Vec<Utf8PathBuf>,
}

impl NewFolders {
    fn create(folder: &Utf8Path) -> io::Result<NewFolders> {
        let missing = |one: &&Utf8Path| !one.as_str().is_empty() && !one.exists();
        let created = folder.ancestors().take_while(missing);
        let folders = NewFolders { created: created.map(Utf8Path::to_owned).collect() };
        fs::create_dir_all(folder)?;
        Ok(folders)
    }

    fn keep(mut self) {
        for folder in std::mem::take(&mut self.created) {
            sync_folder(folder.parent());
        }
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in &self.created {
            // Fails for a folder that holds something by now, which is what is wanted.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Removes the temporary files that killed runs left in the folder: those named as a [`NewFile`]
/// names them and not written for [`STALE_AFTER`]. The age alone decides: a process id may have been
/// given to another process or belong to another container. What cannot be removed stays, since it
/// is in nobody's way. Returns what was removed.
pub fn sweep(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = folder.read_dir_utf8() else {
        return Vec::new();
    };
    let now = SystemTime::now();
    let is_stale = |entry: &camino::Utf8DirEntry| {
        let written = entry.metadata().ok().filter(|file| file.is_file());
        let written = written.and_then(|file| file.modified().ok());
        let age = written.and_then(|written| now.duration_since(written).ok());
        age.is_some_and(|age| age > STALE_AFTER)
    };
    entries
        .flatten()
        .filter(|entry| is_temporary_name(entry.file_name()) && is_stale(entry))
        .map(|entry| entry.into_path())
        .filter(|path| fs::remove_file(path).is_ok())
        .collect()
}

/// Whether the name is `.NNNN_NAME.sql.PID.RANDOM.tmp`.
fn is_temporary_name(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(TEMPORARY_END));
    let Some(inner) = inner else { return false };
    let mut parts = inner.rsplitn(3, '.');
    let (Some(random), Some(pid), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let number = file.split('_').next().unwrap_or_default();
    random.len() == RANDOM_CHARACTERS
        && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && is_number(pid)
        && file.ends_with(".sql")
        && is_number(number)
}

#[cfg(test)]
#[path = "new_file/tests.rs"]
mod tests;
