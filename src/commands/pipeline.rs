//! Without a command: find everything, write the initial migration if there is none, track, write a data migration if
//! anything changed.

use std::process::ExitCode;

use anyhow::Result;

use super::{Scene, data, describe, init};
use crate::difference::Selection;

/// What a data migration is called when nobody says what it is about.
const UNNAMED: &str = "data changes";

pub(super) fn run(scene: &Scene, message: Option<&str>, max_file_size: u64) -> Result<ExitCode> {
    describe::found(scene);
    let bench = scene.bench()?;
    let is_first = bench.folder.migrations.is_empty();
    if is_first && bench.here.tables.is_empty() {
        scene.console.status("Nothing", "to do: the local database has no tables yet");
        if scene.console.is_json() {
            let nothing: [(); 0] = [];
            scene.console.json(&serde_json::json!({ "written": nothing }));
        }
        return Ok(ExitCode::SUCCESS);
    }
    drop(bench);
    if !is_first {
        // What stands in the way must be said before anything is touched.
        let ready = scene.ready()?;
        if !ready.comparison.has_changes() {
            ready.schema_must_agree()?;
        }
    }
    let was_tracked = scene.is_tracked()?;
    let tracked = scene.track(&[])?;
    if !tracked.is_empty() {
        scene.console.status("Tracking", tracked.join(", "));
    }
    let done = write(scene, is_first, message.unwrap_or(UNNAMED), max_file_size);
    if done.is_err() && !was_tracked {
        // Nothing was written: everything is left as it was.
        scene.untrack(&tracked)?;
    }
    done
}

fn write(scene: &Scene, is_first: bool, message: &str, max_file_size: u64) -> Result<ExitCode> {
    if is_first {
        let bench = scene.bench()?;
        if !bench.folder.migrations.is_empty() {
            // Another copy of the tool was faster.
            drop(bench);
            return data::write(scene, scene.ready()?, &Selection::default(), message, max_file_size, false);
        }
        return init::write(scene, bench, "initial migration", max_file_size, false);
    }
    data::write(scene, scene.ready()?, &Selection::default(), message, max_file_size, false)
}
