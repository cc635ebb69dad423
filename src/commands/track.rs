//! `track` and `untrack`: the triggers in, the triggers out.

use std::process::ExitCode;

use anyhow::Result;

use super::{Scene, describe};
use crate::engine::{baseline, open_to_write, untrack as remove};

pub(super) fn track(scene: &Scene, tables: &[String], from_here: bool) -> Result<ExitCode> {
    if from_here {
        let files = baseline(&scene.place, &mut |told| scene.console.told(told))?;
        scene.console.status(
            "Baseline",
            format!("the local database stands for {} so far", describe::number(files.len(), "migration")),
        );
        scene.console.help("what is here and was in no migration counts as migrated from now on");
    }
    let installed = scene.track(tables)?;
    report(scene, "Tracking", "tracked", &installed);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn untrack(scene: &Scene, tables: &[String], purge: bool) -> Result<ExitCode> {
    let conn = open_to_write(&scene.place.local_file, &mut |told| scene.console.told(told))?;
    let removed = remove(&conn, &scene.place.migrations_table, tables, purge)?;
    report(scene, "Untracked", "untracked", &removed);
    if purge {
        scene.console.status("Removed", "the changefeed");
    }
    Ok(ExitCode::SUCCESS)
}

fn report(scene: &Scene, verb: &str, key: &str, tables: &[String]) {
    if scene.console.is_json() {
        scene.console.json(&serde_json::json!({ key: tables }));
    }
    match tables {
        [] => scene.console.status("Nothing", "to do"),
        tables => scene.console.status(verb, tables.join(", ")),
    }
}
