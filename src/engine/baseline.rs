//! Begins from the local database as it is, where the folder cannot be replayed from nothing.

use anyhow::Result;

use super::bench::{hex, lock};
use super::local::open_to_read;
use super::publish::record;
use super::{Error, Place, Progress};
use crate::migrations::{Folder, table};
use crate::shadow::{Shadow, take_baseline};

/// Takes the local database as what the files give so far: those that are noted as applied or, where none is, all of them,
/// which are then noted. Gives their names.
///
/// # Errors
/// There is no folder in which the baseline can be kept.
pub fn baseline(place: &Place, progress: Progress) -> Result<Vec<String>> {
    let home = place.home.as_deref().ok_or(Error::NoHome)?;
    let _lock = lock(&place.local_file, progress)?.ok_or(Error::NoHome)?;
    let mut folder = Folder::read(&place.folder, place.pattern.as_deref(), &place.folder)?;
    let local = open_to_read(&place.local_file)?;
    let applied = table::applied(&local, "main", &place.migrations_table)?;
    if !applied.is_empty() {
        // What has not run here is no part of what is here.
        folder.migrations.retain(|migration| applied.iter().any(|row| row.name == migration.name));
    }
    let digests =
        folder.migrations.iter().map(|migration| Ok((migration.name.clone(), hex(&migration.digest()?))));
    let files: Vec<(String, String)> = digests.collect::<Result<_>>()?;
    take_baseline(home, &local, &files)?;
    Shadow::forget_all(Some(home));
    let names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
    if !names.is_empty() {
        record(place, &names, None, progress)?;
    }
    Ok(names)
}
