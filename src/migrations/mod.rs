//! The migrations folder as wrangler sees it: names, numbers, headers, order and writing whole
//! files; and the table in the local database that says which of them were applied.
//!
//! Everything said here about wrangler was measured with wrangler 4.164.0 on Linux.

mod error;
mod folder;
mod header;
mod name;
mod new_file;
mod pattern;
pub mod table;

pub use error::Error;
pub use folder::{Folder, Migration};
pub use header::{Header, header_line, parse_header};
pub use name::file_name;
pub use new_file::{NewFile, sweep};
