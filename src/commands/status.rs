//! `status`: where everything is, what is tracked, what is pending, what is unapplied.

use std::process::ExitCode;

use anyhow::Result;

use super::{Scene, describe};
use crate::changefeed::Tracking;

pub(super) fn run(scene: &Scene) -> Result<ExitCode> {
    let console = scene.console;
    describe::found(scene);
    let bench = scene.bench()?;
    let with = |wanted: Tracking| -> Vec<&str> {
        let tables = bench.here.tables.iter().zip(&bench.tracking);
        tables.filter(|(_, state)| **state == wanted).map(|(table, _)| table.name.as_str()).collect()
    };
    for (state, verb) in [
        (Tracking::On, "Tracked"),
        (Tracking::Stale, "Outdated"),
        (Tracking::Off, "Untracked"),
        (Tracking::Impossible, "Compared"),
    ] {
        let tables = with(state);
        if !tables.is_empty() {
            console.status(verb, tables.join(", "));
        }
    }
    let behind = bench.behind();
    for name in &behind {
        console.finding("Unapplied", name);
    }
    for name in &bench.unrecorded {
        console.finding("Unrecorded", format!("{name}: written here, not noted as applied yet"));
    }
    for name in bench.gone() {
        console.finding("Gone", format!("{name} was applied here, but is not in the folder"));
    }
    let comparison = match behind.is_empty() {
        true => bench.compare()?,
        false => bench.compare_everything()?,
    };
    if behind.is_empty() {
        for drift in &comparison.drift {
            console.finding("Schema", drift.sentence());
        }
        for change in describe::changes(&comparison.tables, &comparison.sequences, &comparison.indexes) {
            console.finding("Pending", change);
        }
        if comparison.is_same() {
            console.status("Clean", "nothing is pending");
        }
    }
    if console.is_json() {
        let project = &scene.project;
        console.json(&serde_json::json!({
            "config": project.config,
            "environment": project.environment,
            "binding": project.database.binding,
            "database": project.database.name,
            "local_file": project.database.local_file,
            "migrations_dir": project.database.migrations_dir,
            "migrations_table": project.database.migrations_table,
            "migrations": bench.folder.migrations.iter().map(|migration| &migration.name).collect::<Vec<_>>(),
            "tracked": with(Tracking::On),
            "outdated": with(Tracking::Stale),
            "untracked": with(Tracking::Off),
            "compared": with(Tracking::Impossible),
            "unapplied": behind,
            "gone": bench.gone(),
            "schema": comparison.drift.iter().map(crate::schema::Drift::sentence).collect::<Vec<_>>(),
            "pending": if behind.is_empty() { describe::changes_json(&comparison.tables, &comparison.sequences, &comparison.indexes) } else { serde_json::json!([]) },
        }));
    }
    if behind.is_empty() {
        bench.leave(&comparison)?;
    }
    Ok(ExitCode::SUCCESS)
}
