//! `check`: may this be deployed? It changes nothing.

use std::process::ExitCode;

use anyhow::Result;

use super::{FOUND, Scene, describe};

pub(super) fn run(scene: &Scene) -> Result<ExitCode> {
    let console = scene.console;
    let bench = scene.bench()?;
    let behind = bench.behind();
    let comparison = match behind.is_empty() {
        true => bench.compare()?,
        false => bench.compare_everything()?,
    };
    // Files whose whole effect is already here only lack their record.
    let behind = if bench.lacks_only_records(&comparison)? { Vec::new() } else { behind };
    let bench_is_empty = bench.folder.migrations.is_empty();
    let twice: Vec<String> = (bench.folder.duplicate_numbers().iter())
        .map(|(_, migrations)| {
            let names: Vec<&str> = migrations.iter().map(|migration| migration.name.as_str()).collect();
            format!("{} have one number", names.join(" and "))
        })
        .collect();

    let changes = match behind.is_empty() {
        true => describe::changes(&comparison.tables, &comparison.sequences, &comparison.indexes),
        false => Vec::new(),
    };
    let drift: Vec<String> = match behind.is_empty() {
        true => comparison.drift.iter().map(crate::schema::Drift::sentence).collect(),
        false => Vec::new(),
    };
    for name in &behind {
        console.finding("Behind", format!("{name} has not run on the local database"));
    }
    for sentence in &drift {
        console.finding("Schema", sentence);
    }
    for change in &changes {
        console.finding("Pending", change);
    }
    for sentence in &twice {
        console.finding("Twice", sentence);
    }
    if console.is_json() {
        let pending = if behind.is_empty() {
            describe::changes_json(&comparison.tables, &comparison.sequences, &comparison.indexes)
        } else {
            serde_json::json!([])
        };
        console.json(&serde_json::json!({
            "pending": pending, "behind": behind, "schema": drift, "same_number": twice,
        }));
    }
    let found = !(behind.is_empty() && drift.is_empty() && changes.is_empty() && twice.is_empty());
    if behind.is_empty() {
        bench.leave(&comparison)?;
    }
    if !found {
        console.status("Clean", "nothing is pending");
        return Ok(ExitCode::SUCCESS);
    }
    if bench_is_empty {
        console.help("`cargo d1-migrate` writes the initial migration");
    } else if !behind.is_empty() {
        console.help("`cargo d1-migrate apply` runs what is missing");
    } else if !drift.is_empty() {
        console.help("`cargo d1-migrate schema -m MESSAGE` makes a file for schema changes");
    } else if !twice.is_empty() && changes.is_empty() {
        console.help("give one of them the next free number, and rename it in the migrations table where it was applied");
    } else if !changes.is_empty() {
        console.help("`cargo d1-migrate data -m MESSAGE` writes the migration");
    }
    Ok(ExitCode::from(FOUND))
}
