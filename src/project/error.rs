//! What can go wrong between the flags and a known project, each with what to do next.

use camino::Utf8PathBuf;
use std::fmt;

/// A place in a wrangler file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: Utf8PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// A `d1_databases` entry as errors list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The binding.
    pub binding: String,
    /// The `database_name`.
    pub name: Option<String>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({name})", self.binding),
            None => f.write_str(&self.binding),
        }
    }
}

/// Why it is not known where everything is. The message is one line; [`Error::help`] says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No folder from the current one upwards has a wrangler file, and no member of a workspace either.
    #[error(
        "no wrangler.json, wrangler.jsonc or wrangler.toml in {start} or a folder above it{}",
        workspace.as_ref().map(|root| format!(", nor in a member of the cargo workspace {root}")).unwrap_or_default()
    )]
    NoConfig {
        /// Where the search began.
        start: Utf8PathBuf,
        /// The cargo workspace whose members were looked at, if there is one.
        workspace: Option<Utf8PathBuf>,
    },
    /// The wrangler file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The name of the wrangler file ends in none of the formats.
    #[error("{path} is not a wrangler file: its name does not end with .toml, .json or .jsonc")]
    UnknownFormat {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The text of the wrangler file is not what its name says.
    #[error("{place}: not valid {language}: {reason}")]
    Syntax {
        /// Where reading stopped.
        place: Place,
        /// `TOML` or `JSON`.
        language: &'static str,
        /// What the parser says, one line.
        reason: String,
    },
    /// The wrangler file holds a single value instead of keys.
    #[error("{place}: the file must hold a table, but holds {found}")]
    NotATable {
        /// The value.
        place: Place,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A value that is needed is of another type.
    #[error("{place}: `{key}` must be {wanted}, but is {found}")]
    WrongType {
        /// The value.
        place: Place,
        /// The full key, as in `env.staging.d1_databases[0].binding`.
        key: String,
        /// What it must be, with its article.
        wanted: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A `d1_databases` entry without a binding, which wrangler refuses too.
    #[error("{place}: `{key}` has no `binding`")]
    MissingBinding {
        /// The entry.
        place: Place,
        /// Its full key.
        key: String,
    },
    /// The environment asked for is not in the wrangler file.
    #[error(
        "{config} has no environment {name}{}",
        if known.is_empty() { ", and no other".to_owned() } else { format!("; it has {}", known.join(", ")) }
    )]
    UnknownEnvironment {
        /// The wrangler file.
        config: Utf8PathBuf,
        /// The environment asked for.
        name: String,
        /// The environments there are.
        known: Vec<String>,
    },
    /// There is no D1 database where one was looked for.
    #[error("{config} has no D1 database{}", of_environment(environment.as_deref()))]
    NoDatabase {
        /// The wrangler file.
        config: Utf8PathBuf,
        /// The environment that was looked at, or the top level.
        environment: Option<String>,
        /// The environments that have D1 databases.
        environments: Vec<String>,
        /// Whether the top level has some.
        top_level: bool,
    },
    /// No entry has the binding or the name asked for.
    #[error("{config} has no D1 database {name}{}; it has {}", of_environment(environment.as_deref()), list(known))]
    UnknownDatabase {
        /// The wrangler file.
        config: Utf8PathBuf,
        /// The environment that was looked at, or the top level.
        environment: Option<String>,
        /// What was asked for.
        name: String,
        /// The databases there are.
        known: Vec<Listed>,
    },
    /// There are several databases and none was asked for.
    #[error("{config} has {} D1 databases{}: {}", known.len(), of_environment(environment.as_deref()), list(known))]
    SeveralDatabases {
        /// The wrangler file.
        config: Utf8PathBuf,
        /// The environment that was looked at, or the top level.
        environment: Option<String>,
        /// The databases there are.
        known: Vec<Listed>,
    },
    /// The binding is served by the real D1 in development, so there is no local database to read.
    #[error("{place}: the database {binding} is remote and has no local database")]
    Remote {
        /// The value `true` of `remote`.
        place: Place,
        /// The binding.
        binding: String,
    },
    /// A pattern without the folder it belongs to, which wrangler refuses too.
    #[error("{place}: `migrations_pattern` is set, but `migrations_dir` is not")]
    PatternWithoutDir {
        /// The pattern.
        place: Place,
    },
    /// A pattern that leads out of the migrations folder, which wrangler refuses too.
    #[error(
        "{place}: `migrations_pattern` must begin with `{dir}/`, the `migrations_dir`, but is `{pattern}`"
    )]
    PatternOutsideDir {
        /// The pattern.
        place: Place,
        /// Its text.
        pattern: String,
        /// The migrations folder, as compared.
        dir: String,
    },
    /// No wrangler file above, and several members of the workspace have one.
    #[error("several members of the cargo workspace have a wrangler file: {}", members.join(", "))]
    SeveralMembers {
        /// The names of these members.
        members: Vec<String>,
    },
    /// The workspace has no such member.
    #[error("the cargo workspace has no member {name}; it has {}", members.join(", "))]
    UnknownMember {
        /// What was asked for.
        name: String,
        /// The names of all members.
        members: Vec<String>,
    },
    /// The member asked for has no wrangler file.
    #[error("the package {name} has no wrangler.json, wrangler.jsonc or wrangler.toml in {folder}")]
    MemberWithoutConfig {
        /// The package.
        name: String,
        /// Its folder.
        folder: Utf8PathBuf,
    },
    /// A package was asked for where there is no cargo project.
    #[error("the package {name} was not found: no Cargo.toml in {start} or a folder above it")]
    NoWorkspace {
        /// The package asked for.
        name: String,
        /// Where the search began.
        start: Utf8PathBuf,
    },
    /// `cargo metadata` failed.
    #[error("cargo cannot list the members of the workspace: {reason}")]
    Cargo {
        /// What cargo says, one line.
        reason: String,
    },
}

fn of_environment(environment: Option<&str>) -> String {
    environment.map(|name| format!(" in the environment {name}")).unwrap_or_default()
}

fn list(databases: &[Listed]) -> String {
    databases.iter().map(Listed::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// What to do next, one sentence.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::NoConfig { .. } => {
                "go to the Worker's folder, give its wrangler file with -c FILE, or give both --db FILE and --dir FOLDER"
            }
            Self::Unreadable { .. } => "give a wrangler file that can be read with -c FILE",
            Self::UnknownFormat { .. } => {
                "give a wrangler.toml, wrangler.json or wrangler.jsonc with -c FILE"
            }
            Self::Syntax { .. } | Self::NotATable { .. } | Self::WrongType { .. } => {
                "correct the wrangler file there"
            }
            Self::MissingBinding { .. } => {
                "give the entry the name that the Worker's code uses: binding = \"DB\""
            }
            Self::UnknownEnvironment { known, .. } if known.is_empty() => {
                "leave out -e and unset CLOUDFLARE_ENV to use the top level"
            }
            Self::UnknownEnvironment { .. } => {
                "choose one of these with -e NAME, or leave out -e and unset CLOUDFLARE_ENV"
            }
            Self::NoDatabase { environment, environments, top_level, .. } => {
                return Some(help_without_database(environment.as_deref(), environments, *top_level));
            }
            Self::UnknownDatabase { .. } | Self::SeveralDatabases { .. } => {
                "choose one by its binding or its name: -d NAME"
            }
            Self::Remote { .. } => "remove `remote = true`, or give the local file with --db FILE",
            Self::PatternWithoutDir { .. } => "add `migrations_dir`, the folder that the pattern begins with",
            Self::PatternOutsideDir { .. } => {
                "change one of the two, so that the pattern leads into the folder"
            }
            Self::SeveralMembers { .. } => "choose one with -p NAME",
            Self::UnknownMember { .. } => "choose one of these with -p NAME",
            Self::MemberWithoutConfig { .. } => {
                "choose another package with -p NAME, or give the wrangler file with -c FILE"
            }
            Self::NoWorkspace { .. } => "go to the cargo workspace, or give the wrangler file with -c FILE",
            Self::Cargo { .. } => "give the wrangler file with -c FILE, or correct what cargo says",
        };
        Some(help.to_owned())
    }
}

fn help_without_database(environment: Option<&str>, environments: &[String], top_level: bool) -> String {
    let flags: Vec<String> = environments.iter().map(|name| format!("-e {name}")).collect();
    let flags = flags.join(" or ");
    match (environment, top_level, flags.is_empty()) {
        (Some(name), true, _) => format!(
            "an environment does not inherit the top level's `d1_databases`: add its own under `env.{name}`, or leave out -e"
        ),
        (_, _, false) => format!("choose an environment that has one: {flags}"),
        (Some(name), ..) => {
            format!("add a `d1_databases` entry under `env.{name}`, or give both --db FILE and --dir FOLDER")
        }
        (None, ..) => "add a `d1_databases` entry, or give both --db FILE and --dir FOLDER".to_owned(),
    }
}

#[cfg(test)]
mod tests;
