//! The text of a wrangler file as one tree of values, the same for TOML and JSON, with the place of each value.

use super::error::{Error, Place};
use camino::Utf8Path;
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use toml_edit::{Item, TableLike, Value as TomlValue};

/// A value of the file and the byte where it begins.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

/// The kinds that something here is read from; all others are only named in errors.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    List(Vec<Node>),
    /// Keys in the order of the file; where JSON repeats a key, the last one counts.
    Table(Vec<(String, Node)>),
    /// A value that nothing is read from, by the name of its kind.
    Other(&'static str),
}

impl Node {
    /// What an error calls a value of this kind.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a string",
            Value::Flag(_) => "a boolean",
            Value::List(_) => "an array",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }

    /// The value of `key`, if this is a table that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Table(entries) = &self.value else {
            return None;
        };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }
}

/// The line and column of the byte `at` in `text`.
pub(super) fn place(path: &Utf8Path, text: &str, at: usize) -> Place {
    let (mut line, mut column) = (1, 1);
    for (_, character) in text.char_indices().take_while(|(index, _)| *index < at) {
        (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    Place { path: path.to_path_buf(), line, column }
}

/// Reads the text by the ending of the file's name, as wrangler does.
///
/// # Errors
/// [`Error::UnknownFormat`] for another ending, [`Error::Syntax`] if the text is not of its format.
pub(super) fn parse(path: &Utf8Path, text: &str) -> Result<Node, Error> {
    match path.extension() {
        Some("toml") => parse_toml(path, text),
        Some("json" | "jsonc") => parse_json(path, text),
        _ => Err(Error::UnknownFormat { path: path.to_path_buf() }),
    }
}

fn parse_toml(path: &Utf8Path, text: &str) -> Result<Node, Error> {
    let document = toml_edit::Document::parse(text).map_err(|error| Error::Syntax {
        place: place(path, text, error.span().map_or(text.len(), |span| span.start)),
        language: "TOML",
        reason: error.message().replace('\n', " "),
    })?;
    Ok(toml_item(document.as_item(), 0))
}

/// `parent` is where the surrounding value begins: tables that the text only implies have no place of their own.
fn toml_item(item: &Item, parent: usize) -> Node {
    let at = item.span().map_or(parent, |span| span.start);
    let value = match item {
        Item::None => Value::Other("nothing"),
        Item::Value(value) => return toml_value(value, parent),
        Item::Table(table) => toml_table(table, at),
        Item::ArrayOfTables(tables) => Value::List(
            tables
                .iter()
                .map(|table| {
                    let at = table.span().map_or(at, |span| span.start);
                    Node { at, value: toml_table(table, at) }
                })
                .collect(),
        ),
    };
    Node { at, value }
}

fn toml_table(table: &dyn TableLike, at: usize) -> Value {
    Value::Table(table.iter().map(|(key, item)| (key.to_owned(), toml_item(item, at))).collect())
}

fn toml_value(value: &TomlValue, parent: usize) -> Node {
    let at = value.span().map_or(parent, |span| span.start);
    let value = match value {
        TomlValue::String(text) => Value::Text(text.value().clone()),
        TomlValue::Boolean(flag) => Value::Flag(*flag.value()),
        TomlValue::Array(array) => Value::List(array.iter().map(|value| toml_value(value, at)).collect()),
        TomlValue::InlineTable(table) => toml_table(table, at),
        TomlValue::Integer(_) | TomlValue::Float(_) => Value::Other("a number"),
        TomlValue::Datetime(_) => Value::Other("a date"),
    };
    Node { at, value }
}

fn parse_json(path: &Utf8Path, text: &str) -> Result<Node, Error> {
    // wrangler reads both endings with comments and commas at the end allowed, and nothing else that is loose.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let syntax = |at, reason| Error::Syntax { place: place(path, text, at), language: "JSON", reason };
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options)
        .map_err(|error| syntax(error.range().start, error.kind().to_string()))?;
    let root = parsed.value.ok_or_else(|| syntax(0, "the file is empty".to_owned()))?;
    Ok(json_value(&root))
}

fn json_value(value: &ast::Value<'_>) -> Node {
    let at = value.start();
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.clone().into_owned()),
        ast::Value::BooleanLit(flag) => Value::Flag(flag.value),
        ast::Value::Array(array) => Value::List(array.elements.iter().map(json_value).collect()),
        ast::Value::Object(object) => Value::Table(
            object
                .properties
                .iter()
                .map(|one| (one.name.as_str().to_owned(), json_value(&one.value)))
                .collect(),
        ),
        ast::Value::NumberLit(_) => Value::Other("a number"),
        ast::Value::NullKeyword(_) => Value::Other("null"),
    };
    Node { at, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, text: &str) -> Result<Node, Error> {
        parse(Utf8Path::new(name), text)
    }

    fn text_of<'a>(node: &'a Node, key: &str) -> &'a str {
        match &node.get(key).unwrap().value {
            Value::Text(text) => text,
            _ => panic!("{key} is not text"),
        }
    }

    #[test]
    fn json_takes_comments_and_commas_at_the_end_under_both_names() {
        for name in ["wrangler.json", "wrangler.jsonc"] {
            let root = tree(name, "// head\r\n{ \"a\": \"x\", /* c */ \"b\": [1, 2,], }").unwrap();
            assert_eq!(text_of(&root, "a"), "x");
        }
    }

    #[test]
    fn the_last_of_two_equal_json_keys_counts() {
        assert_eq!(text_of(&tree("w.json", r#"{"a":"first","a":"second"}"#).unwrap(), "a"), "second");
    }

    #[test]
    fn loose_json_is_refused_with_its_place() {
        for text in ["{a: 1}", "{'a': 1}", "{\"a\": 1 \"b\": 2}", "{\"a\": }", "{", "", "{} {}"] {
            let error = tree("/p/w.json", text).unwrap_err().to_string();
            assert!(error.starts_with("/p/w.json:1:"), "{text}: {error}");
            assert!(error.contains(": not valid JSON: "), "{text}: {error}");
        }
    }

    #[test]
    fn broken_toml_is_refused_with_line_and_column() {
        let error = tree("/p/w.toml", "name = \"w\"\r\n[[d1_databases]\r\n").unwrap_err().to_string();
        assert!(error.starts_with("/p/w.toml:2:16: not valid TOML: "), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn a_toml_key_given_twice_is_refused() {
        let error = tree("/p/w.toml", "a = 1\na = 2\n").unwrap_err().to_string();
        assert!(error.starts_with("/p/w.toml:2:1: not valid TOML: duplicate key"), "{error}");
    }

    #[test]
    fn another_ending_is_refused() {
        assert!(matches!(tree("wrangler.yaml", ""), Err(Error::UnknownFormat { .. })));
    }

    #[test]
    fn columns_count_characters() {
        let text = "a = \"é\"\nöö = x";
        let at = place(Utf8Path::new("w"), text, text.len() - 1);
        assert_eq!((at.line, at.column), (2, 6));
    }

    #[test]
    fn toml_spells_tables_in_three_ways_and_each_has_a_place() {
        for (text, at) in
            [("[env.x]\nk = \"v\"", 0), ("env = { x = { k = \"v\" } }", 12), ("env.x.k = \"v\"", 4)]
        {
            let root = tree("w.toml", text).unwrap();
            let inner = root.get("env").unwrap().get("x").unwrap();
            assert_eq!(text_of(inner, "k"), "v");
            assert_eq!(inner.at, at, "{text}");
        }
    }
}
