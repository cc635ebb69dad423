//! The shadow: a scratch SQLite database made by replaying the migrations folder from nothing.
//!
//! It lives in a file under `.wrangler`, is extended when a file is added, thrown away when in doubt, and never needed:
//! deleting it costs only time. Its journal keeps it whole when the tool is killed; it is not synced to disk.

mod baseline;
mod chance;
mod error;
mod limits;
mod replay;
mod stamp;
mod store;

pub use baseline::{has_baseline, take_baseline};
pub use chance::World;
pub use error::Error;
pub use limits::under_d1_limits;
pub use replay::{column_set, hear_columns_set, rows_inserted, run_file, run_one, take_columns_set};
pub use stamp::stamp;
pub use store::{DROPS, Shadow, Source, add_file, renames};
