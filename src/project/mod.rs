//! Where everything is: from the command line and the disk to one value. Nothing below this room looks for files.
//!
//! [`find`] is the only function here that reads the disk, besides [`neighbours`] and the call of `cargo metadata`.

mod config;
mod document;
mod error;
mod local_file;
mod paths;
mod selection;
mod workspace;

pub use error::{Error, Listed, Place};
pub use local_file::{local_file_name, neighbours};
pub use selection::{IdSource, LocalId};

use camino::{Utf8Path, Utf8PathBuf};
use config::Config;

/// The names of a wrangler file. wrangler looks for the first in the whole tree upwards, then for the next.
const CONFIG_NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// The binding of a database that no wrangler file names, after wrangler's own suggestion.
const BINDING_WITHOUT_CONFIG: &str = "DB";

/// What the command line asks for. All but `start` may be absent; relative paths are seen from `start`.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The current folder, absolute.
    pub start: Utf8PathBuf,
    /// `-c`: the wrangler file. It is taken as it is; `package` is then not asked.
    pub config: Option<Utf8PathBuf>,
    /// `-e` or `CLOUDFLARE_ENV`. Empty means the top level, as in wrangler.
    pub env: Option<String>,
    /// `-d`: the binding or the `database_name`.
    pub database: Option<String>,
    /// `-p`: a member of the cargo workspace, whose own folder must have the wrangler file.
    pub package: Option<String>,
    /// `--persist-to`: the folder that takes the place of `.wrangler/state`.
    pub persist_to: Option<Utf8PathBuf>,
    /// `--db`: the local file.
    pub db: Option<Utf8PathBuf>,
    /// `--dir`: the migrations folder.
    pub dir: Option<Utf8PathBuf>,
}

/// Where everything is. All paths are absolute and without `.` and `..`; whether they exist is not known here,
/// except for `config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The wrangler file. None if the local file and the migrations folder were both given without one.
    pub config: Option<Utf8PathBuf>,
    /// The folder of the wrangler file, or the current one if there is none.
    pub root: Utf8PathBuf,
    /// The environment whose settings these are; none for the top level.
    pub environment: Option<String>,
    /// The database that is meant.
    pub database: Database,
}

/// One `d1_databases` entry and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `binding`. Without a wrangler file what `-d` says, else `DB`.
    pub binding: String,
    /// `database_name`.
    pub name: Option<String>,
    /// What the local file's name was computed from.
    pub id: LocalId,
    /// The local sqlite file.
    pub local_file: Utf8PathBuf,
    /// The migrations folder.
    pub migrations_dir: Utf8PathBuf,
    /// `migrations_pattern` **relative to the migrations folder**, as the recorded names are: `*/migration.sql`
    /// where the file says `sql/*/migration.sql`. None means `*.sql`.
    pub migrations_pattern: Option<String>,
    /// `migrations_table`.
    pub migrations_table: String,
}

/// Finds the wrangler file, chooses the environment and the database, and computes where its files are.
///
/// With `db` and `dir` both given no wrangler file is looked for, unless `config` or `package` names one.
///
/// # Errors
/// If the wrangler file is not found, cannot be read or is wrong in what is read of it, or if a choice is missing.
pub fn find(request: &Request) -> Result<Project, Error> {
    if let (None, None, Some(db), Some(dir)) = (&request.config, &request.package, &request.db, &request.dir)
    {
        return Ok(without_config(request, db, dir));
    }
    let path = config_path(request)?;
    let text =
        std::fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
    let config = Config::parse(&path, &text)?;
    let environment = request.env.as_deref().filter(|name| !name.is_empty());
    let entry = selection::select(&config, environment, request.database.as_deref())?;
    let migrations = selection::migrations(&entry)?;

    let start = &request.start;
    let root = path.parent().unwrap_or(start).to_path_buf();
    let (id, local_file) = match &request.db {
        Some(db) => given_file(start, db),
        None => {
            let id = selection::local_id(&entry)?;
            let persist_to = request.persist_to.as_ref().map(|folder| paths::absolute(start, folder));
            let folder = local_file::folder(&root, persist_to.as_deref());
            let local_file = folder.join(local_file_name(&id.value));
            (id, local_file)
        }
    };
    let migrations_dir = match &request.dir {
        Some(dir) => paths::absolute(start, dir),
        None => paths::absolute(&root, &migrations.dir),
    };
    Ok(Project {
        config: Some(path),
        root,
        environment: environment.map(str::to_owned),
        database: Database {
            binding: entry.binding,
            name: entry.name,
            id,
            local_file,
            migrations_dir,
            migrations_pattern: migrations.pattern,
            migrations_table: migrations.table,
        },
    })
}

fn without_config(request: &Request, db: &Utf8Path, dir: &Utf8Path) -> Project {
    let (id, local_file) = given_file(&request.start, db);
    Project {
        config: None,
        root: paths::absolute(&request.start, ""),
        environment: None,
        database: Database {
            binding: request.database.clone().unwrap_or_else(|| BINDING_WITHOUT_CONFIG.to_owned()),
            name: None,
            id,
            local_file,
            migrations_dir: paths::absolute(&request.start, dir),
            migrations_pattern: None,
            migrations_table: selection::DEFAULT_TABLE.to_owned(),
        },
    }
}

fn given_file(start: &Utf8Path, db: &Utf8Path) -> (LocalId, Utf8PathBuf) {
    let local_file = paths::absolute(start, db);
    (LocalId { source: IdSource::GivenFile, value: local_file.to_string() }, local_file)
}

fn config_path(request: &Request) -> Result<Utf8PathBuf, Error> {
    let start = &request.start;
    if let Some(config) = &request.config {
        return Ok(paths::absolute(start, config));
    }
    if let Some(package) = &request.package {
        return config_of_package(start, package);
    }
    match CONFIG_NAMES.iter().find_map(|name| upwards(start, name)) {
        Some(path) => Ok(path),
        None => config_of_only_member(start),
    }
}

/// The nearest regular file of this name. wrangler, too, passes over a folder that has the name.
fn upwards(start: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
    let start = paths::absolute(start, "");
    start.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn config_of_package(start: &Utf8Path, package: &str) -> Result<Utf8PathBuf, Error> {
    let workspace = workspace::read(start)?
        .ok_or_else(|| Error::NoWorkspace { name: package.to_owned(), start: start.to_path_buf() })?;
    let Some(member) = workspace.members.iter().find(|member| member.name == package) else {
        let members = workspace.members.into_iter().map(|member| member.name).collect();
        return Err(Error::UnknownMember { name: package.to_owned(), members });
    };
    config_in(&member.folder)
        .ok_or_else(|| Error::MemberWithoutConfig { name: package.to_owned(), folder: member.folder.clone() })
}

fn config_of_only_member(start: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    let not_found = |workspace| Error::NoConfig { start: start.to_path_buf(), workspace };
    let workspace = workspace::read(start)?.ok_or_else(|| not_found(None))?;
    let mut found: Vec<(String, Utf8PathBuf)> = workspace
        .members
        .into_iter()
        .filter_map(|member| config_in(&member.folder).map(|path| (member.name, path)))
        .collect();
    match found.len() {
        0 => Err(not_found(Some(workspace.root))),
        1 => Ok(found.swap_remove(0).1),
        _ => Err(Error::SeveralMembers { members: found.into_iter().map(|(name, _)| name).collect() }),
    }
}

fn config_in(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    CONFIG_NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests;
