//! `schema`: an empty numbered migration, to be edited.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;

use super::{Scene, describe};
use crate::engine::{Error, Ready, new_schema_file};

pub(super) fn run(scene: &Scene, message: &str) -> Result<ExitCode> {
    let Ready { bench, comparison, .. } = scene.ready()?;
    if comparison.has_changes() {
        let mut tables: Vec<String> =
            comparison.tables.iter().map(|difference| difference.table.name.clone()).collect();
        tables.extend(comparison.sequences.iter().map(|sequence| sequence.table.clone()));
        tables.extend(comparison.indexes.iter().cloned());
        tables.dedup();
        return Err(Error::PendingData { tables }.into());
    }
    let path = new_schema_file(&bench.folder, message, Timestamp::now())?;
    scene.console.status("Wrote", describe::shown(&path));
    let mut old = bench.gone();
    old.retain(|name| Some(name.as_str()) == path.file_name());
    describe::warn_of_old_names(scene, &old);
    for drift in &comparison.drift {
        scene.console.warning(drift.sentence());
    }
    scene.console.help(match comparison.drift.is_empty() {
        true => "put the statements in, then run `cargo d1-migrate apply`",
        false => "put in the statements that made this difference; the database has them already, so then run `cargo d1-migrate apply --record`",
    });
    match scene.console.is_json() {
        true => scene.console.json(&serde_json::json!({ "written": [path] })),
        false => scene.console.out(&path),
    }
    Ok(ExitCode::SUCCESS)
}
