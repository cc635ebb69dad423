//! One migration file that is not in the folder yet: written, hashed and brought to the disk by a thread of its own, while the
//! next statements are run.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::mem::take;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{JoinHandle, spawn};

use camino::Utf8Path;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

/// So much text is handed over at a time, in bytes.
const PIECE: usize = 1 << 16;

/// So many pieces may wait for the disk.
const MOST_WAITING: usize = 8;

const NAME: (&str, &str) = ("draft-", ".tmp");

/// A file that is complete and on the disk, under a name that nobody looks at. It goes away with this value.
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// SHA-256 of its text.
    pub digest: [u8; 32],
    /// Where it is until then.
    pub file: TempPath,
}

/// A file that is being written.
pub(super) struct OpenPart {
    name: String,
    /// Its length so far, in bytes.
    pub(super) len: u64,
    waiting: String,
    sender: SyncSender<String>,
    writer: Writer,
}

/// A file that nothing is added to any more, and that may not be on the disk yet.
pub(super) struct ClosedPart {
    name: String,
    writer: Writer,
}

type Writer = JoinHandle<io::Result<(TempPath, [u8; 32])>>;

impl OpenPart {
    /// Begins a file in the folder of drafts.
    pub(super) fn begin(drafts: &Utf8Path, name: String) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(NAME.0).suffix(NAME.1);
        // It will be a source file: readable as the umask says, not for its owner alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(drafts)?;
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let writer = spawn(move || write(file, receiver));
        Ok(Self { name, len: 0, waiting: String::with_capacity(PIECE), sender, writer })
    }

    /// Adds a statement, or what else is a line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.waiting.push_str(text);
        self.waiting.push('\n');
        self.len += text.len() as u64 + 1;
        match self.waiting.len() < PIECE {
            true => Ok(()),
            // Nobody listens any more: why, is what waiting for the thread tells.
            false => self.sender.send(take(&mut self.waiting)).map_err(|_| io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Ends the file.
    pub(super) fn close(self) -> ClosedPart {
        drop(self.sender.send(self.waiting));
        ClosedPart { name: self.name, writer: self.writer }
    }
}

impl ClosedPart {
    /// Waits until it is on the disk.
    pub(super) fn wait(self) -> io::Result<Part> {
        let (file, digest) = self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Part { name: self.name, digest, file })
    }
}

fn write(file: NamedTempFile, pieces: Receiver<String>) -> io::Result<(TempPath, [u8; 32])> {
    let mut text = BufWriter::new(file);
    let mut digest = Sha256::new();
    for piece in pieces {
        text.write_all(piece.as_bytes())?;
        digest.update(piece.as_bytes());
    }
    let file = text.into_inner().map_err(|error| error.into_error())?;
    file.as_file().sync_all()?;
    // The path alone: a thousand open files are too many.
    Ok((file.into_temp_path(), digest.finalize().into()))
}

impl Part {
    /// The whole text.
    pub fn text(&self) -> io::Result<String> {
        std::fs::read_to_string(&self.file)
    }

    /// Calls `each` with the text, piece by piece.
    pub fn read<E: From<io::Error>>(&self, mut each: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut file = File::open(&self.file)?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(()),
                length => each(&piece[..length])?,
            }
        }
    }
}

/// Removes drafts that a killed run left. Nobody else may be drafting there.
pub fn forget_drafts(drafts: &Utf8Path) {
    for entry in drafts.read_dir_utf8().into_iter().flatten().flatten() {
        if entry.file_name().starts_with(NAME.0) && entry.file_name().ends_with(NAME.1) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}
