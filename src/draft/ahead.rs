//! Tables of which every row is new: their statements are written down in a thread of its own, ahead of their being run.
//!
//! That thread reads the local database over a second connection. Should an app have committed between the two
//! beginnings, it reads another moment than the one that is compared with: then the next round puts right what differs.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::Connection;

use super::spool::Sink;
use super::{Error, inserts};
use crate::difference::{Rows, TableDifference};
use crate::schema::{Schema, children_first};

/// So many statements may wait: enough to keep both threads busy, and few beside everything else in memory.
const MOST_WAITING: usize = 8;

/// Below this many rows a thread is not worth its beginning.
const MANY: u64 = 2_000;

/// Is there nothing to write but many rows of tables that are empty in the shadow?
pub(super) fn is_worth_it(differences: &[TableDifference]) -> bool {
    let rows: u64 = differences.iter().map(|difference| difference.counts.inserted).sum();
    rows >= MANY && differences.iter().all(|difference| matches!(difference.rows, Rows::AllNew { .. }))
}

/// Calls `run` with each statement, parents before children, while the next ones are being written. `reader` has the local
/// database attached as the connection of the comparison has.
pub(super) fn run_ahead(
    reader: Connection,
    files: &Schema,
    differences: &[TableDifference],
    mut run: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut sender, receiver): (_, Receiver<String>) = sync_channel(MOST_WAITING);
    thread::scope(|scope| {
        let writer = scope.spawn(move || inserts(&reader, &children_first(files), differences, &mut sender));
        let ran = receiver.iter().try_for_each(|statement| run(&statement));
        // Whoever still writes finds that nobody listens.
        drop(receiver);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ran.and(written)
    })
}

impl Sink for SyncSender<String> {
    fn push(&mut self, statement: &str) -> io::Result<()> {
        self.send(statement.to_owned()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
