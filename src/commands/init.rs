//! `init`: the initial migration from an existing local database.

use std::process::ExitCode;

use anyhow::Result;

use super::data::{print_draft, report_written};
use super::{Scene, describe};
use crate::engine::{Bench, draft_initial};

pub(super) fn run(scene: &Scene, message: &str, max_file_size: u64, dry_run: bool) -> Result<ExitCode> {
    if !dry_run {
        describe::found(scene);
    }
    write(scene, scene.bench()?, message, max_file_size, dry_run)
}

/// Writes the initial migration, or prints it.
pub(super) fn write(
    scene: &Scene,
    bench: Bench,
    message: &str,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    let tables = bench.here.tables.len();
    scene.console.progress("writing the initial migration");
    let draft = draft_initial(bench, message, max_file_size);
    scene.console.progress_done();
    let draft = draft?;
    if dry_run {
        return print_draft(scene, draft.parts);
    }
    report_written(
        scene,
        &draft.publish(&mut |told| scene.console.told(told))?,
        &[format!("schema and rows of {}", describe::number(tables, "table"))],
    );
    Ok(ExitCode::SUCCESS)
}
