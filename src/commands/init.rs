//! `init`: the initial migration from an existing local database.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;

use super::data::{print_draft, report_written};
use super::{Scene, describe};
use crate::draft::{self, Naming};
use crate::engine::{Bench, Error, publish};

pub(super) fn run(scene: &Scene, message: &str, max_file_size: u64, dry_run: bool) -> Result<ExitCode> {
    let bench = scene.bench()?;
    if !bench.folder.migrations.is_empty() {
        let behind = bench.behind();
        return Err(match behind.is_empty() {
            true => Error::NotFirst { folder: bench.folder.path.clone() },
            false => Error::Behind { names: behind },
        }
        .into());
    }
    if bench.here.tables.is_empty() {
        return Err(Error::Empty { path: bench.place.local_file.clone() }.into());
    }
    if !dry_run {
        describe::found(scene);
    }
    write(scene, bench, message, max_file_size, dry_run)
}

/// Writes the initial migration, or prints it.
pub(super) fn write(
    scene: &Scene,
    bench: Bench,
    message: &str,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    let naming = Naming {
        number: bench.folder.next_number()?,
        message: message.to_owned(),
        at: Timestamp::now(),
        max_file_size,
    };
    scene.console.progress("writing the initial migration");
    let parts = draft::initial(bench.conn(), &bench.here, &bench.place.migrations_table, naming)?;
    scene.console.progress_done();
    if dry_run {
        return print_draft(scene, parts);
    }
    let tables = bench.here.tables.len();
    let written = publish(bench, parts, &[])?;
    report_written(scene, &written, &[format!("schema and rows of {tables} tables")]);
    Ok(ExitCode::SUCCESS)
}
