//! The program as its users meet it: through the command line, on scratch copies of `fixtures/guestbook`, with the real
//! wrangler as the judge of what it writes.

mod apply;
mod bad_input;
mod baseline;
mod behind;
mod cache;
mod catalogue;
mod check;
mod contest;
mod crash;
mod data;
mod discovery;
mod errors;
mod history;
mod init;
mod judge;
mod local_file;
mod moved_keys;
mod odd_migrations;
mod other_rowids;
mod other_rows;
mod output;
mod own_values;
mod pipeline;
mod remote;
mod rounds;
mod schema;
mod search;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod teamwork;
mod together;
mod tour;
mod tracking;
mod values;
mod verify;
mod workspace;
mod wrangler_dev;
