//! The difference of two databases: what is pending.
//!
//! Everything here works on one connection whose `main` is the shadow and whose `live` is the local database, attached
//! for reading, inside one transaction: what is compared is one moment of the local database, and what is written is run
//! on the shadow in that same transaction.

mod about;
mod adopt;
mod arrivals;
mod began;
mod columns;
mod compare;
mod doers;
mod error;
mod look;
mod moves;
mod order;
mod pairs;
mod recheck;
mod replaced;
mod search;
mod select;
mod sequences;
mod trace;
mod unknown;
mod went;

pub use adopt::adopt_unknown;
pub use columns::{
    RowShape, column_differs, lasting_key, lasting_name, points_to, rows_differ, same_lasting,
};
pub use compare::{
    Comparison, Counts, Moment, Rows, TableDifference, compare, has_same_columns, is_bold, trades_keys,
};
pub use error::Error;
pub use look::{Scope, remember};
pub use order::{ROWID_BIT, arrange_followers_first, key_bit};
pub use recheck::{any_update_changes, any_update_touches, reached, recheck};
pub use search::{
    Side, deletes_by_rowid, differing_documents, differing_settings, index_differs, is_search_index,
    is_search_table, lists_documents, with_terms,
};
pub use select::{Selected, Selection, select};
pub use sequences::{Sequence, sequences};
pub use unknown::{
    WHOLE_ROW, any_unknown, any_unknown_cell, any_unknown_in, find_unknown, hangs_on_chance,
    keep_unknown_values, unnameable,
};
pub use went::Watch;

/// The name under which the local database is attached.
pub const LIVE: &str = "live";
