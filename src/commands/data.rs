//! `data`: the data migration.

use std::process::ExitCode;

use anyhow::Result;
use camino::Utf8PathBuf;
use jiff::Timestamp;

use super::{Scene, describe, schema_must_agree};
use crate::difference::{Comparison, Selection, select};
use crate::draft::{self, Naming, Part};
use crate::engine::{Bench, publish};

pub(super) fn run(
    scene: &Scene,
    message: &str,
    tables: Vec<String>,
    since: Option<i64>,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    let selection = Selection { tables, since };
    let (bench, comparison) = scene.bench_not_behind()?;
    selection.check(&bench.here)?;
    schema_must_agree(&comparison)?;
    write(scene, bench, comparison, &selection, message, max_file_size, dry_run)
}

/// Writes what was selected of the difference, or prints it.
pub(super) fn write(
    scene: &Scene,
    bench: Bench,
    comparison: Comparison,
    selection: &Selection,
    message: &str,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    let selected = select(bench.conn(), &comparison, selection)?;
    if selected.taken.is_empty() && selected.sequences.is_empty() {
        bench.leave(&comparison)?;
        scene.console.status("Nothing", "to write: no change is pending");
        if scene.console.is_json() {
            scene.console.json(&serde_json::json!({ "written": [] }));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let naming = Naming {
        number: bench.folder.next_number()?,
        message: message.to_owned(),
        at: Timestamp::now(),
        max_file_size,
    };
    scene.console.progress("writing the data migration");
    let parts = draft::data(bench.conn(), &comparison.here, &comparison.files, &selected, naming)?;
    scene.console.progress_done();
    let changes = describe::changes(&selected.taken, &selected.sequences);
    if dry_run {
        return print_draft(scene, parts);
    }
    let written = publish(bench, parts, &selected.left)?;
    report_written(scene, &written, &changes);
    for left in describe::changes(&selected.left, &[]) {
        scene.console.finding("Left", format!("{left} (still pending)"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The SQL of a draft on stdout.
pub(super) fn print_draft(scene: &Scene, parts: Vec<Part>) -> Result<ExitCode> {
    for mut part in parts {
        scene.console.status("Would write", &part.name);
        part.read(|piece| scene.console.raw(piece))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was written, for a person and for a program.
pub(super) fn report_written(scene: &Scene, paths: &[Utf8PathBuf], changes: &[String]) {
    for change in changes {
        scene.console.status("Migrated", change);
    }
    for path in paths {
        scene.console.status("Wrote", describe::shown(path));
    }
    if scene.console.is_json() {
        return scene.console.json(&serde_json::json!({ "written": paths }));
    }
    for path in paths {
        scene.console.out(path);
    }
}
