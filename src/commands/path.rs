//! `path`: the local sqlite file, for another program.

use std::process::ExitCode;

use anyhow::Result;

use super::{Scene, describe};
use crate::engine::open_to_read;

pub(super) fn run(scene: &Scene) -> Result<ExitCode> {
    let path = &scene.place.local_file;
    // A program that is given the path of nothing would make an empty database there.
    open_to_read(path).inspect_err(|_| {
        if !path.exists() {
            describe::missing_database(scene);
        }
    })?;
    match scene.console.is_json() {
        true => scene.console.json(&serde_json::json!({ "path": path })),
        false => scene.console.out(path),
    }
    Ok(ExitCode::SUCCESS)
}
