//! `cargo d1-migrate` turns what changed in a local Cloudflare D1 database into the numbered SQL files that
//! `wrangler d1 migrations apply` runs on the real D1.
//!
//! The migrations folder is the truth, the local database is a working copy, and the tool writes the difference as the
//! next migration. As a library, start at [`Migrations`].
//!
//! # The road
//!
//! | room | what it knows |
//! |---|---|
//! | [`project`] | where everything is: wrangler's configuration, cargo's workspace, the local file's name |
//! | `schema` | what is there: tables, keys, indexes, triggers |
//! | `shadow` | what the files give: the folder replayed from nothing |
//! | `difference` | what is pending: the comparison of both |
//! | `draft` | the next migration, proven on the shadow |
//! | `migrations` | the folder, and the table of what was applied |
//! | `changefeed` | beside the road: which rows to look at, and what they were |
//! | `sql_text` | SQL as text: names, literals, statements within D1's limits |
//! | `math` | functions that D1 has and the SQLite here has not |
//! | `engine` | one piece of work on one database |
//! | `commands`, `cli`, `console` | what a person types and reads |

mod changefeed;
mod cli;
mod commands;
mod console;
mod difference;
mod door;
mod draft;
mod engine;
mod help;
mod math;
mod migrations;
mod names;
pub mod project;
mod schema;
mod shadow;
mod sql_text;

pub use door::{Changes, Migrations, header_of};
pub use migrations::{Header, Migration};

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

/// Runs the command line and gives the exit status.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = args.into_iter().collect();
    // `cargo d1-migrate` runs `cargo-d1-migrate d1-migrate`.
    if args.get(1).is_some_and(|arg| arg == "d1-migrate") {
        args.remove(1);
    }
    let cli = cli::Cli::parse_from(args);
    let console = console::Console::new(&cli.output);
    match commands::run(cli, &console) {
        Ok(status) => status,
        Err(error) => {
            console.progress_done();
            console::error(&help::one_line(&error), help::help(&error).as_deref());
            ExitCode::from(2)
        }
    }
}
