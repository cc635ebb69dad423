//! `data`: the data migration.

use std::process::ExitCode;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::{Scene, describe};
use crate::difference::Selection;
use crate::draft::Part;
use crate::engine::Ready;

pub(super) fn run(
    scene: &Scene,
    message: &str,
    selection: &Selection,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    let ready = scene.ready()?;
    selection.check(&ready.bench.here)?;
    ready.schema_must_agree()?;
    write(scene, ready, selection, message, max_file_size, dry_run)
}

/// Writes what was selected of the difference, or prints it.
pub(super) fn write(
    scene: &Scene,
    ready: Ready,
    selection: &Selection,
    message: &str,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    scene.console.progress("writing the data migration");
    let draft = ready.draft_data(selection, message, max_file_size);
    scene.console.progress_done();
    let Some(draft) = draft? else {
        scene.console.status("Nothing", "to write: no change is pending");
        if scene.console.is_json() {
            scene.console.json(&serde_json::json!({ "written": [] }));
        }
        return Ok(ExitCode::SUCCESS);
    };
    if dry_run {
        return print_draft(scene, draft.parts);
    }
    let changes =
        describe::changes(&draft.selected.taken, &draft.selected.sequences, &draft.selected.indexes);
    let left = describe::changes(&draft.selected.left, &[], &draft.selected.left_indexes);
    report_written(scene, &draft.publish(&mut |told| scene.console.told(told))?, &changes);
    for left in left {
        scene.console.finding("Left", format!("{left} (still pending)"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The SQL of a draft on stdout.
pub(super) fn print_draft(scene: &Scene, mut parts: Vec<Part>) -> Result<ExitCode> {
    if scene.console.is_json() {
        let files: Vec<serde_json::Value> = (parts.iter_mut())
            .map(|part| Ok(serde_json::json!({ "name": part.name, "sql": part.text()? })))
            .collect::<Result<_>>()?;
        scene.console.json(&serde_json::json!({ "would_write": files }));
        return Ok(ExitCode::SUCCESS);
    }
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
