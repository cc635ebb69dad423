//! Which of the file's databases is meant, and what wrangler makes of its settings.

use super::config::{Config, Entry};
use super::error::{Error, Listed};
use super::paths;

/// wrangler's folder of migrations where the entry names none.
pub(super) const DEFAULT_DIR: &str = "migrations";

/// wrangler's migrations table where the entry names none.
pub(super) const DEFAULT_TABLE: &str = "d1_migrations";

/// Where the local file's name was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdSource {
    /// The entry's `preview_database_id`.
    PreviewDatabaseId,
    /// The entry's `database_id`.
    DatabaseId,
    /// The entry's `binding`, because it has no id.
    Binding,
    /// Nowhere: the file was given (`--db`).
    GivenFile,
}

/// Which setting the local file's name was computed from, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalId {
    /// The setting.
    pub source: IdSource,
    /// Its text, which may be empty; for a given file its path.
    pub value: String,
}

/// The migrations settings of one entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Migrations {
    /// The folder, relative to the project.
    pub(super) dir: String,
    /// The pattern, relative to the folder.
    pub(super) pattern: Option<String>,
    pub(super) table: String,
}

/// The entry that `asked` names by binding or database name, or the only one.
///
/// As in wrangler, the first that matches is taken.
///
/// # Errors
/// If there is no such environment or entry, or several and none is asked for.
pub(super) fn select(
    config: &Config,
    environment: Option<&str>,
    asked: Option<&str>,
) -> Result<Entry, Error> {
    let mut entries = config.entries(environment)?;
    let environment_name = environment.map(str::to_owned);
    let known = || {
        entries.iter().map(|one| Listed { binding: one.binding.clone(), name: one.name.clone() }).collect()
    };
    let index = match (asked, entries.len()) {
        (_, 0) => Err(Error::NoDatabase {
            config: config.path.clone(),
            environment: environment_name,
            environments: config.environments_with_databases(),
            top_level: config.top_level_has_databases(),
        }),
        (None, 1) => Ok(0),
        (None, _) => Err(Error::SeveralDatabases {
            config: config.path.clone(),
            environment: environment_name,
            known: known(),
        }),
        (Some(asked), _) => entries
            .iter()
            .position(|one| one.binding == asked || one.name.as_deref() == Some(asked))
            .ok_or_else(|| Error::UnknownDatabase {
                config: config.path.clone(),
                environment: environment_name,
                name: asked.to_owned(),
                known: known(),
            }),
    }?;
    Ok(entries.swap_remove(index))
}

/// The id that miniflare names the local file after.
///
/// An id counts as soon as it is there, even if it is empty: wrangler 4.164.0 does the same.
///
/// # Errors
/// [`Error::Remote`] if `remote = true`.
pub(super) fn local_id(entry: &Entry) -> Result<LocalId, Error> {
    if let Some(remote) = entry.remote.as_ref().filter(|remote| remote.value) {
        return Err(Error::Remote { place: remote.place.clone(), binding: entry.binding.clone() });
    }
    let (source, value) = match (&entry.preview_database_id, &entry.database_id) {
        (Some(id), _) => (IdSource::PreviewDatabaseId, id),
        (None, Some(id)) => (IdSource::DatabaseId, id),
        (None, None) => (IdSource::Binding, &entry.binding),
    };
    Ok(LocalId { source, value: value.clone() })
}

/// The migrations settings, with wrangler's defaults and its rules for the pattern.
///
/// # Errors
/// If there is a pattern without a folder, or one that does not begin with the folder.
pub(super) fn migrations(entry: &Entry) -> Result<Migrations, Error> {
    let dir = paths::tidy(entry.migrations_dir.as_deref().unwrap_or(DEFAULT_DIR));
    let pattern = match &entry.migrations_pattern {
        None => None,
        Some(pattern) if entry.migrations_dir.is_none() => {
            return Err(Error::PatternWithoutDir { place: pattern.place.clone() });
        }
        Some(pattern) => match paths::below(&paths::tidy(&pattern.value), &dir) {
            Some(below) => Some(below.to_owned()),
            None => {
                let (place, pattern) = (pattern.place.clone(), pattern.value.clone());
                return Err(Error::PatternOutsideDir { place, pattern, dir });
            }
        },
    };
    // An empty table name means the default one; an empty folder is the project itself. Both measured.
    let table = entry.migrations_table.clone().filter(|name| !name.is_empty());
    Ok(Migrations { dir, pattern, table: table.unwrap_or_else(|| DEFAULT_TABLE.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8Path;

    fn config(text: &str) -> Config {
        Config::parse(Utf8Path::new("/p/wrangler.toml"), text).unwrap()
    }

    fn only(lines: &str) -> Entry {
        select(&config(&format!("[[d1_databases]]\nbinding = \"DB\"\n{lines}")), None, None).unwrap()
    }

    const TWO: &str = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"app\"\n\
                       [[d1_databases]]\nbinding = \"LOG\"\ndatabase_name = \"DB\"\n";

    #[test]
    fn a_database_is_chosen_by_binding_or_name() {
        assert_eq!(select(&config(TWO), None, Some("LOG")).unwrap().binding, "LOG");
        assert_eq!(select(&config(TWO), None, Some("app")).unwrap().binding, "DB");
    }

    #[test]
    fn the_first_that_matches_is_chosen_as_wrangler_does() {
        assert_eq!(select(&config(TWO), None, Some("DB")).unwrap().binding, "DB");
    }

    #[test]
    fn several_databases_need_a_choice() {
        assert_eq!(
            select(&config(TWO), None, None).unwrap_err().to_string(),
            "/p/wrangler.toml has 2 D1 databases: DB (app), LOG (DB)"
        );
    }

    #[test]
    fn a_choice_that_matches_nothing_is_an_error_even_with_one_database() {
        let error = select(&config("[[d1_databases]]\nbinding = \"DB\"\n"), None, Some("db")).unwrap_err();
        assert_eq!(error.to_string(), "/p/wrangler.toml has no D1 database db; it has DB");
    }

    #[test]
    fn a_file_with_databases_only_in_environments_says_so() {
        let error = select(&config("[[env.live.d1_databases]]\nbinding = \"DB\"\n"), None, None).unwrap_err();
        assert_eq!(error.to_string(), "/p/wrangler.toml has no D1 database");
        assert_eq!(error.help().unwrap(), "choose an environment that has one: -e live");
    }

    #[test]
    fn an_environment_without_databases_does_not_fall_back() {
        let error = select(&config(&format!("{TWO}[env.x]\n")), Some("x"), Some("DB")).unwrap_err();
        assert_eq!(error.to_string(), "/p/wrangler.toml has no D1 database in the environment x");
        assert!(error.help().unwrap().contains("does not inherit"));
    }

    #[test]
    fn an_unknown_environment_lists_those_there_are() {
        let error = select(&config("[env.a]\n[env.b]\n"), Some("x"), None).unwrap_err();
        assert_eq!(error.to_string(), "/p/wrangler.toml has no environment x; it has a, b");
    }

    #[test]
    fn the_id_is_the_preview_id_then_the_id_then_the_binding() {
        for (lines, source, value) in [
            ("database_id = \"i\"\npreview_database_id = \"p\"", IdSource::PreviewDatabaseId, "p"),
            ("database_id = \"i\"\npreview_database_id = \"\"", IdSource::PreviewDatabaseId, ""),
            ("database_id = \"i\"", IdSource::DatabaseId, "i"),
            ("database_id = \"\"", IdSource::DatabaseId, ""),
            ("remote = false", IdSource::Binding, "DB"),
        ] {
            assert_eq!(
                local_id(&only(lines)).unwrap(),
                LocalId { source, value: value.to_owned() },
                "{lines}"
            );
        }
    }

    #[test]
    fn a_remote_binding_has_no_local_id() {
        let error = local_id(&only("remote = true")).unwrap_err().to_string();
        assert_eq!(error, "/p/wrangler.toml:3:10: the database DB is remote and has no local database");
    }

    #[test]
    fn migrations_settings_have_wranglers_defaults() {
        let of = |lines: &str| {
            let settings = migrations(&only(lines)).unwrap();
            (settings.dir, settings.pattern, settings.table)
        };
        assert_eq!(of(""), ("migrations".to_owned(), None, "d1_migrations".to_owned()));
        assert_eq!(
            of("migrations_table = \"\"\nmigrations_dir = \"\""),
            (".".to_owned(), None, "d1_migrations".to_owned())
        );
        assert_eq!(
            of(
                "migrations_table = \"m\"\nmigrations_dir = \"./sql/\"\nmigrations_pattern = \"sql//*/m.sql\""
            ),
            ("sql".to_owned(), Some("*/m.sql".to_owned()), "m".to_owned())
        );
    }

    #[test]
    fn a_pattern_needs_the_folder_and_begins_with_it() {
        let of = |lines: &str| migrations(&only(lines)).unwrap_err().to_string();
        assert_eq!(
            of("migrations_pattern = \"migrations/*/m.sql\""),
            "/p/wrangler.toml:3:22: `migrations_pattern` is set, but `migrations_dir` is not"
        );
        assert_eq!(
            of("migrations_dir = \"./sql\"\nmigrations_pattern = \"sqlite/*.sql\""),
            "/p/wrangler.toml:4:22: `migrations_pattern` must begin with `sql/`, the `migrations_dir`, but is `sqlite/*.sql`"
        );
    }
}
