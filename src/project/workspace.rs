//! The members of the cargo workspace, asked only where no wrangler file lies above or a package is named.

use super::error::Error;
use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::MetadataCommand;

/// A cargo workspace and its members.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) root: Utf8PathBuf,
    pub(super) members: Vec<Member>,
}

/// One package of the workspace.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) folder: Utf8PathBuf,
}

/// The workspace that `start` lies in; none if there is no `Cargo.toml` from there upwards.
///
/// # Errors
/// [`Error::Cargo`] if there is one but cargo cannot make sense of it.
pub(super) fn read(start: &Utf8Path) -> Result<Option<Workspace>, Error> {
    if !start.ancestors().any(|folder| folder.join("Cargo.toml").is_file()) {
        return Ok(None);
    }
    // Without dependencies, cargo needs no network and no lock file.
    let metadata = MetadataCommand::new()
        .current_dir(start)
        .no_deps()
        .exec()
        .map_err(|error| Error::Cargo { reason: one_line(&error) })?;
    let members = metadata.workspace_packages().into_iter().map(|package| Member {
        name: package.name.to_string(),
        folder: package.manifest_path.parent().unwrap_or(start).to_path_buf(),
    });
    let members = members.collect();
    Ok(Some(Workspace { root: metadata.workspace_root, members }))
}

/// The first paragraph of what cargo says on one line, without the word that it begins with.
fn one_line(error: &cargo_metadata::Error) -> String {
    let text = match error {
        cargo_metadata::Error::CargoMetadata { stderr } => stderr.clone(),
        other => other.to_string(),
    };
    let text = text.split_once("error: ").map_or(text.as_str(), |(_, after)| after);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_becomes_one_line() {
        let stderr =
            "warning: old\nerror: failed to parse manifest at `/p/Cargo.toml`\n\nCaused by:\n  no targets\n";
        assert_eq!(
            one_line(&cargo_metadata::Error::CargoMetadata { stderr: stderr.to_owned() }),
            "failed to parse manifest at `/p/Cargo.toml` Caused by: no targets"
        );
    }

    #[test]
    fn a_folder_outside_of_any_cargo_project_has_no_workspace() {
        assert!(read(Utf8Path::new("/")).unwrap().is_none());
    }
}
