//! What this tool reads of a wrangler file: the D1 databases of the top level and of each environment.
//!
//! Only what is asked for is looked at. wrangler checks the whole file; here unknown keys, removed fields and
//! templates in other places must not stop anything.

use super::document::{self, Node, Value};
use super::error::{Error, Place};
use camino::{Utf8Path, Utf8PathBuf};

const DATABASES: &str = "d1_databases";

/// A wrangler file that was read.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) path: Utf8PathBuf,
    text: String,
    root: Node,
}

/// A value of the file and its place.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// One entry of `d1_databases`, as it stands in the file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) binding: String,
    pub(super) name: Option<String>,
    pub(super) database_id: Option<String>,
    pub(super) preview_database_id: Option<String>,
    pub(super) migrations_dir: Option<String>,
    pub(super) migrations_pattern: Option<Placed<String>>,
    pub(super) migrations_table: Option<String>,
    pub(super) remote: Option<Placed<bool>>,
}

impl Config {
    /// Reads the text of the file at `path`; the path is for its ending and for messages.
    ///
    /// # Errors
    /// If the text is not of its format, or is no table.
    pub(super) fn parse(path: &Utf8Path, text: &str) -> Result<Self, Error> {
        // Editors on Windows put a byte order mark first; wrangler takes it too.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = document::parse(path, text)?;
        let config = Self { path: path.to_path_buf(), text: text.to_owned(), root };
        match config.root.value {
            Value::Table(_) => Ok(config),
            _ => Err(Error::NotATable { place: config.place(&config.root), found: config.root.kind() }),
        }
    }

    /// The names of the environments, in the order of the file.
    ///
    /// # Errors
    /// If `env` is not a table.
    pub(super) fn environments(&self) -> Result<Vec<&str>, Error> {
        let Some(env) = self.root.get("env") else {
            return Ok(Vec::new());
        };
        Ok(self.table(env, "env")?.iter().map(|(name, _)| name.as_str()).collect())
    }

    /// The environments that have D1 databases. For advice only, so whatever is wrong there is passed over.
    pub(super) fn environments_with_databases(&self) -> Vec<String> {
        let Some(Value::Table(environments)) = self.root.get("env").map(|env| &env.value) else {
            return Vec::new();
        };
        let with_databases = environments.iter().filter(|(_, node)| has_databases(node));
        with_databases.map(|(name, _)| name.clone()).collect()
    }

    /// Whether the top level has D1 databases, which an environment does not inherit.
    pub(super) fn top_level_has_databases(&self) -> bool {
        has_databases(&self.root)
    }

    /// The D1 databases of the named environment, or of the top level.
    ///
    /// # Errors
    /// [`Error::UnknownEnvironment`], and wrong types of what is read.
    pub(super) fn entries(&self, environment: Option<&str>) -> Result<Vec<Entry>, Error> {
        let (level, prefix) = match environment {
            None => (&self.root, String::new()),
            Some(name) => (self.environment(name)?, format!("env.{name}.")),
        };
        let Some(databases) = level.get(DATABASES) else {
            return Ok(Vec::new());
        };
        let key = format!("{prefix}{DATABASES}");
        let Value::List(nodes) = &databases.value else {
            return Err(self.wrong_type(databases, &key, "an array of tables"));
        };
        let entries = nodes.iter().enumerate();
        entries.map(|(index, node)| self.entry(node, &format!("{key}[{index}]"))).collect()
    }

    fn environment(&self, name: &str) -> Result<&Node, Error> {
        let known = self.environments()?;
        let node =
            self.root.get("env").and_then(|env| env.get(name)).ok_or_else(|| Error::UnknownEnvironment {
                config: self.path.clone(),
                name: name.to_owned(),
                known: known.into_iter().map(str::to_owned).collect(),
            })?;
        self.table(node, &format!("env.{name}"))?;
        Ok(node)
    }

    fn entry(&self, node: &Node, key: &str) -> Result<Entry, Error> {
        self.table(node, key)?;
        let text = |name: &str| self.text(node, key, name);
        let plain = |name: &str| Ok::<_, Error>(text(name)?.map(|placed| placed.value));
        let missing = || Error::MissingBinding { place: self.place(node), key: key.to_owned() };
        Ok(Entry {
            binding: plain("binding")?.ok_or_else(missing)?,
            name: plain("database_name")?,
            database_id: plain("database_id")?,
            preview_database_id: plain("preview_database_id")?,
            migrations_dir: plain("migrations_dir")?,
            migrations_pattern: text("migrations_pattern")?,
            migrations_table: plain("migrations_table")?,
            remote: self.flag(node, key, "remote")?,
        })
    }

    fn text(&self, table: &Node, key: &str, name: &str) -> Result<Option<Placed<String>>, Error> {
        let Some(node) = table.get(name) else {
            return Ok(None);
        };
        let Value::Text(value) = &node.value else {
            return Err(self.wrong_type(node, &format!("{key}.{name}"), "a string"));
        };
        Ok(Some(Placed { value: value.clone(), place: self.place(node) }))
    }

    fn flag(&self, table: &Node, key: &str, name: &str) -> Result<Option<Placed<bool>>, Error> {
        let Some(node) = table.get(name) else {
            return Ok(None);
        };
        let Value::Flag(value) = node.value else {
            return Err(self.wrong_type(node, &format!("{key}.{name}"), "a boolean"));
        };
        Ok(Some(Placed { value, place: self.place(node) }))
    }

    fn table<'a>(&self, node: &'a Node, key: &str) -> Result<&'a [(String, Node)], Error> {
        match &node.value {
            Value::Table(entries) => Ok(entries),
            _ => Err(self.wrong_type(node, key, "a table")),
        }
    }

    fn wrong_type(&self, node: &Node, key: &str, wanted: &'static str) -> Error {
        Error::WrongType { place: self.place(node), key: key.to_owned(), wanted, found: node.kind() }
    }

    fn place(&self, node: &Node) -> Place {
        document::place(&self.path, &self.text, node.at)
    }
}

fn has_databases(level: &Node) -> bool {
    matches!(level.get(DATABASES).map(|node| &node.value), Some(Value::List(entries)) if !entries.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Config {
        Config::parse(Utf8Path::new("/p/wrangler.toml"), text).unwrap()
    }

    fn json(text: &str) -> Config {
        Config::parse(Utf8Path::new("/p/wrangler.jsonc"), text).unwrap()
    }

    fn complaint(config: &Config, environment: Option<&str>) -> String {
        config.entries(environment).unwrap_err().to_string()
    }

    #[test]
    fn an_entry_is_read_the_same_from_toml_and_json() {
        let from_toml = toml(
            "\u{feff}name = \"w\"\r\n[[d1_databases]]\r\nbinding = \"DB\"\r\ndatabase_name = \"app\"\r\n\
             database_id = \"\"\r\nmigrations_dir = \"../../db\"\r\nremote = false\r\nunknown = 1979-05-27\r\n",
        );
        let from_json = json(
            "{ \"name\": \"w\", // the worker\n \"d1_databases\": [ { \"binding\": \"DB\", \"database_name\": \"app\",\n\
             \"database_id\": \"\", \"migrations_dir\": \"../../db\", \"remote\": false, \"unknown\": null, }, ], }",
        );
        for config in [from_toml, from_json] {
            let entries = config.entries(None).unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].binding, "DB");
            assert_eq!(entries[0].name.as_deref(), Some("app"));
            assert_eq!(entries[0].database_id.as_deref(), Some(""));
            assert_eq!(entries[0].preview_database_id, None);
            assert_eq!(entries[0].migrations_dir.as_deref(), Some("../../db"));
            assert!(!entries[0].remote.as_ref().unwrap().value);
        }
    }

    #[test]
    fn the_rest_of_the_file_is_not_judged() {
        let config = toml(
            "name = 7\nroute = [1, {}]\n[vars]\nd1_databases = 3\n[env.other]\nd1_databases = \"none\"\n",
        );
        assert!(config.entries(None).unwrap().is_empty());
        assert!(config.environments_with_databases().is_empty());
    }

    #[test]
    fn environments_do_not_inherit() {
        let config =
            toml("[[d1_databases]]\nbinding = \"DB\"\n[env.a]\n[[env.b.d1_databases]]\nbinding = \"B\"\n");
        assert!(config.entries(Some("a")).unwrap().is_empty());
        assert_eq!(config.entries(Some("b")).unwrap()[0].binding, "B");
        assert_eq!(config.environments().unwrap(), ["a", "b"]);
        assert_eq!(config.environments_with_databases(), ["b"]);
        assert!(config.top_level_has_databases());
    }

    #[test]
    fn wrong_types_are_told_with_their_place() {
        let of = |text: &str| complaint(&toml(text), None);
        assert_eq!(
            of("[d1_databases]\nbinding = \"DB\"\n"),
            "/p/wrangler.toml:1:1: `d1_databases` must be an array of tables, but is a table"
        );
        assert_eq!(
            of("\nd1_databases = \"DB\"\n"),
            "/p/wrangler.toml:2:16: `d1_databases` must be an array of tables, but is a string"
        );
        assert_eq!(
            of("d1_databases = [\"DB\"]\n"),
            "/p/wrangler.toml:1:17: `d1_databases[0]` must be a table, but is a string"
        );
        assert_eq!(
            of("[[d1_databases]]\nbinding = true\n"),
            "/p/wrangler.toml:2:11: `d1_databases[0].binding` must be a string, but is a boolean"
        );
        assert_eq!(
            of("[[d1_databases]]\nbinding = \"DB\"\n[[d1_databases]]\nbinding = \"B\"\nmigrations_dir = 4\n"),
            "/p/wrangler.toml:5:18: `d1_databases[1].migrations_dir` must be a string, but is a number"
        );
        assert_eq!(
            of("[[d1_databases]]\nbinding = \"DB\"\nremote = \"yes\"\n"),
            "/p/wrangler.toml:3:10: `d1_databases[0].remote` must be a boolean, but is a string"
        );
        assert_eq!(
            complaint(
                &json("{\n  \"d1_databases\": [\n    { \"binding\": \"DB\", \"database_id\": null }\n  ]\n}"),
                None
            ),
            "/p/wrangler.jsonc:3:39: `d1_databases[0].database_id` must be a string, but is null"
        );
    }

    #[test]
    fn wrong_types_on_the_way_to_an_environment_are_told() {
        assert_eq!(
            complaint(&toml("env = 1\n"), Some("x")),
            "/p/wrangler.toml:1:7: `env` must be a table, but is a number"
        );
        assert_eq!(
            complaint(&toml("[env]\nx = []\n"), Some("x")),
            "/p/wrangler.toml:2:5: `env.x` must be a table, but is an array"
        );
        let error = Config::parse(Utf8Path::new("/p/w.json"), "[]").unwrap_err();
        assert_eq!(error.to_string(), "/p/w.json:1:1: the file must hold a table, but holds an array");
    }

    #[test]
    fn a_missing_binding_is_told_at_its_entry() {
        let config =
            toml("[[d1_databases]]\nbinding = \"DB\"\n\n[[d1_databases]]\ndatabase_name = \"app\"\n");
        assert_eq!(complaint(&config, None), "/p/wrangler.toml:4:1: `d1_databases[1]` has no `binding`");
    }
}
