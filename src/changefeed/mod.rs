//! The changefeed: the table in the local database that says which rows changed and what they were before, and the
//! triggers that fill it.
//!
//! It never decides what is pending. It only says which rows to look at, and keeps the history for `log`.

mod journal;
mod tracking;
mod triggers;

use journal::kind;
pub use journal::{
    Entry, Holds, Image, Mark, Operation, any_row_after, applied_in_sight, entries, exists, former_rowid,
    has_rows, is_well_formed, last, last_id, last_told_again, last_written, mark_is_still_there,
    name_is_taken, note_changed, note_unseen, owe, owed, rename, renumber,
};
pub use tracking::{
    Tracking, create, drop_changefeed, file_number, follow_applied, follows_applied, install, is_fed, remove,
    state, unfollow_applied,
};
pub use triggers::{NOT_KEPT, image_item, literal as sql_literal, unique_columns};
