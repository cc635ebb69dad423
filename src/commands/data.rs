//! `data`: the data migration.

use std::process::ExitCode;

use anyhow::Result;
use camino::Utf8PathBuf;

use super::{Scene, describe};
use crate::difference::{Selection, TableDifference};
use crate::draft::Part;
use crate::engine::{Drafted, Ready};
use crate::schema::Drift;

pub(super) fn run(
    scene: &Scene,
    message: &str,
    selection: &Selection,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    selection.check(&scene.schema()?)?;
    let ready = if dry_run { scene.peek()? } else { scene.ready()? };
    write(scene, ready, selection, message, max_file_size, dry_run)
}

/// Writes what was selected of the difference, or prints it. Tables that are defined otherwise than by the files are named
/// and passed over.
pub(super) fn write(
    scene: &Scene,
    ready: Ready,
    selection: &Selection,
    message: &str,
    max_file_size: u64,
    dry_run: bool,
) -> Result<ExitCode> {
    let console = scene.console;
    let drift: Vec<String> = ready.comparison.drift.iter().map(Drift::sentence).collect();
    console.progress("writing the data migration");
    let drafted = ready.draft_data(selection, message, max_file_size);
    console.progress_done();
    let draft = match drafted? {
        Drafted::Draft(draft) => draft,
        Drafted::Nothing { left } => return Ok(report_nothing(scene, &left, dry_run)),
    };
    for sentence in &drift {
        console.finding("Schema", sentence);
    }
    if dry_run {
        return print_draft(scene, draft.parts);
    }
    let changes =
        describe::changes(&draft.selected.taken, &draft.selected.sequences, &draft.selected.indexes);
    let left = describe::changes(&draft.selected.left, &[], &draft.selected.left_indexes);
    let old = draft.names_of_old();
    report_written(scene, &draft.publish(&mut |told| console.told(told))?, &changes);
    report_left(scene, left);
    describe::warn_of_old_names(scene, &old);
    Ok(ExitCode::SUCCESS)
}

fn report_nothing(scene: &Scene, left: &[TableDifference], dry_run: bool) -> ExitCode {
    let left = describe::changes(left, &[], &[]);
    match left.is_empty() {
        true => scene.console.status("Nothing", "to write: no change is pending"),
        false => scene.console.status("Nothing", "to write of what was selected"),
    }
    report_left(scene, left);
    if scene.console.is_json() {
        let nothing: [(); 0] = [];
        let key = if dry_run { "would_write" } else { "written" };
        scene.console.json(&serde_json::json!({ key: nothing }));
    }
    ExitCode::SUCCESS
}

fn report_left(scene: &Scene, left: Vec<String>) {
    for left in left {
        scene.console.finding("Left", format!("{left} (still pending)"));
    }
}

/// The SQL of a draft on stdout.
pub(super) fn print_draft(scene: &Scene, parts: Vec<Part>) -> Result<ExitCode> {
    if scene.console.is_json() {
        let files: Vec<serde_json::Value> = (parts.iter())
            .map(|part| Ok(serde_json::json!({ "name": part.name, "sql": part.text()? })))
            .collect::<Result<_>>()?;
        scene.console.json(&serde_json::json!({ "would_write": files }));
        return Ok(ExitCode::SUCCESS);
    }
    for part in parts {
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
