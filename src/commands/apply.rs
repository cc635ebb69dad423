//! `apply`: run the migrations that the local database lacks.

use std::process::ExitCode;

use anyhow::Result;

use super::{Scene, describe};
use crate::engine::{Applied, apply, record_only};

pub(super) fn run(scene: &Scene, record: bool) -> Result<ExitCode> {
    let console = scene.console;
    let recorded = match scene.place.local_file.exists() {
        true => record_owed(scene, record)?,
        false if record => {
            return Err(crate::engine::Error::NoDatabase { path: scene.place.local_file.clone() }.into());
        }
        false => Vec::new(),
    };
    let applied = match record {
        true => Applied::default(),
        false => apply(&scene.place, &mut |told| console.told(told))?,
    };
    console.progress_done();
    let mut tracked = Vec::new();
    if applied.created {
        console.status("Created", describe::shown(&scene.place.local_file));
        // Nobody took tracking away from a database that is new, and what is changed in it before the next command must be seen.
        tracked = scene.track(&[])?;
        if !tracked.is_empty() {
            console.status("Tracking", tracked.join(", "));
        }
    }
    for (table, rows) in applied.contested.iter().filter(|_| !applied.names.is_empty()) {
        console.warning(format!(
            "{} of {table} with a pending change of yours {} changed, deleted or brought back by what ran; what the database holds now counts",
            describe::number(*rows, "row"),
            if *rows == 1 { "was" } else { "were" },
        ));
    }
    if let Some(error) = applied.unguarded.filter(|_| !applied.names.is_empty()) {
        console.warning(format!(
            "which rows with a pending change of yours these migrations touched too is not known, and values that you had put in place of what the clock or chance gave may be pending no more: {error:#}"
        ));
    }
    if let Some(error) = applied.stopped {
        return Err(error);
    }
    for name in &recorded {
        console.status("Recorded", name);
    }
    if applied.names.is_empty() && recorded.is_empty() {
        console.status("Nothing", "to apply");
    }
    if console.is_json() {
        console.json(&serde_json::json!({
            "created": applied.created, "tracked": tracked, "applied": applied.names, "recorded": recorded,
            "contested": applied.contested.iter().map(|(table, rows)| serde_json::json!({ "table": table, "rows": rows })).collect::<Vec<_>>(),
        }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Migrations whose effect is already here, and with `all` every missing one, are noted and not run.
fn record_owed(scene: &Scene, all: bool) -> Result<Vec<String>> {
    let bench = scene.bench()?;
    let behind = bench.behind();
    let mut owed = bench.unrecorded.clone();
    let is_here = || bench.lacks_only_records(&bench.compare_everything()?);
    // With `all` they are noted whatever comes of the comparison.
    let is_here = !behind.is_empty() && if all { is_here().unwrap_or(false) } else { is_here()? };
    let settled = if is_here { bench.settled(&behind)? } else { None };
    if all || is_here {
        owed.extend(behind);
    }
    drop(bench);
    record_only(&scene.place, &owed, settled.as_ref(), &mut |told| scene.console.told(told))?;
    Ok(owed)
}
