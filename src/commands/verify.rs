//! `verify`: prove that the migrations rebuild the local database, row for row.

use std::process::ExitCode;

use anyhow::Result;

use super::{FOUND, Scene, describe};

pub(super) fn run(scene: &Scene) -> Result<ExitCode> {
    let console = scene.console;
    let bench = scene.bench()?;
    console.progress("comparing every row");
    let comparison = bench.compare_everything()?;
    console.progress_done();
    let drift: Vec<String> = comparison.drift.iter().map(crate::schema::Drift::sentence).collect();
    let changes = describe::changes(&comparison.tables, &comparison.sequences, &comparison.indexes);
    for sentence in drift.iter() {
        console.finding("Schema", sentence);
    }
    for change in &changes {
        console.finding("Differs", change);
    }
    if console.is_json() {
        console.json(&serde_json::json!({
            "same": comparison.is_same(), "schema": drift, "rows": describe::changes_json(&comparison.tables, &comparison.sequences, &comparison.indexes),
            "unknown_cells": bench.unknown_cells, "migrations": bench.folder.migrations.len(), "tables": bench.here.tables.len(),
        }));
    }
    if bench.unknown_cells > 0 {
        console.status(
            "Unknown",
            format!(
                "{}: what CURRENT_TIMESTAMP or random() gave cannot be compared",
                describe::number(bench.unknown_cells as usize, "value")
            ),
        );
    }
    if comparison.is_same() {
        let files = describe::number(bench.folder.migrations.len(), "migration");
        let tables = describe::number(bench.here.tables.len(), "table");
        let start = if bench.has_baseline() { ", from the baseline on" } else { "" };
        console.status(
            "Verified",
            format!("{files} and {tables}: the files rebuild the local database, row for row{start}"),
        );
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(FOUND))
}
