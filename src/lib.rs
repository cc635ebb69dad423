//! `cargo d1-migrate` turns what changed in a local Cloudflare D1 database into the numbered SQL files that
//! `wrangler d1 migrations apply` runs on the real D1.

pub mod changefeed;
mod cli;
mod commands;
mod console;
pub mod difference;
pub mod draft;
pub mod engine;
mod help;
pub mod migrations;
pub mod names;
pub mod project;
pub mod schema;
pub mod shadow;
pub mod sql_text;

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
