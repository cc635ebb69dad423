//! `cargo d1-migrate`: argv in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_d1_migrate::run(std::env::args_os())
}
