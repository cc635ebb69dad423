//! One database, its migrations folder and its shadow, open for one piece of work. Prints nothing.

mod apply;
mod baseline;
mod bench;
mod contest;
mod error;
mod held;
mod local;
mod own;
mod publish;
mod renumber;
mod tracking;
mod write;

pub use apply::{Applied, apply, record_only};
pub use baseline::baseline;
pub use bench::Bench;
pub use error::Error;
pub use local::{open_to_read, open_to_write};
pub use publish::new_schema_file;
pub use tracking::{purge_if_unused, track, untrack};
pub use write::{Drafted, MAX_FILE_SIZE, Ready, draft_initial};

use camino::Utf8PathBuf;

/// Where one database and its migrations are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The local sqlite file.
    pub local_file: Utf8PathBuf,
    /// The migrations folder.
    pub folder: Utf8PathBuf,
    /// wrangler's `migrations_pattern`, relative to the folder.
    pub pattern: Option<String>,
    /// The table in which wrangler notes what was applied.
    pub migrations_table: String,
    /// The folder that may hold the shadow; without it, every run builds the shadow anew.
    pub home: Option<Utf8PathBuf>,
}

/// What long work tells about itself.
#[derive(Debug, Clone, Copy)]
pub enum Told<'t> {
    /// What it is at.
    Working(&'t str),
    /// What it waits for.
    Waiting(&'t str),
    /// A migration that has been run.
    Applied(&'t str),
}

/// Who is told.
pub type Progress<'p> = &'p mut dyn FnMut(Told);
