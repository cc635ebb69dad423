//! What the text of a `CREATE` statement says, where no pragma says it. Pure.

use super::Module;
use crate::sql_text::{Token, TokenKind, string_literal, tokens};

/// The statement without white space, comments, the choice of quotes and the case of words, so that two ways to write one thing
/// compare equal. What stands in double quotes and is no name of anything is a string to SQLite, which writes it as one when a
/// column gets another name.
pub fn canonical(sql: &str, is_name: impl Fn(&str) -> bool) -> String {
    let significant: Vec<Token> = tokens(sql).filter(Token::is_significant).collect();
    let mut out = String::with_capacity(sql.len());
    let mut rest = &significant[..];
    while let [token, after @ ..] = rest {
        if let [not, exists, behind @ ..] = after
            && token.is_word("IF")
            && not.is_word("NOT")
            && exists.is_word("EXISTS")
        {
            rest = behind;
            continue;
        }
        match token.kind {
            TokenKind::Word => out.push_str(&token.text.to_ascii_lowercase()),
            TokenKind::QuotedIdentifier => {
                let name = unquoted(token.text);
                let lower = name.to_ascii_lowercase();
                let is_string = token.text.starts_with('"') && !is_name(&lower);
                out.push_str(&if is_string { string_literal(&name) } else { lower });
            }
            _ => out.push_str(token.text),
        }
        out.push(' ');
        rest = after;
    }
    out
}

/// The name that is meant by `name`, `"name"`, `` `name` `` or `[name]`.
pub fn unquoted(identifier: &str) -> String {
    let inner = || &identifier[1..identifier.len() - 1];
    match identifier.as_bytes() {
        [b'"', .., b'"'] => inner().replace("\"\"", "\""),
        [b'`', .., b'`'] => inner().replace("``", "`"),
        [b'[', .., b']'] => inner().to_owned(),
        _ => identifier.to_owned(),
    }
}

/// What a `CREATE VIRTUAL TABLE` statement keeps.
pub fn virtual_module(sql: &str) -> Module {
    let words: Vec<String> =
        tokens(sql).filter(Token::is_significant).map(|token| token.text.to_ascii_lowercase()).collect();
    let module = words
        .iter()
        .position(|word| word == "using")
        .and_then(|position| words.get(position + 1))
        .map_or("", String::as_str)
        .trim_matches(['"', '`', '[', ']']);
    match module {
        "fts5" => words.windows(3).find(|three| three[0] == "content" && three[1] == "=").map_or(
            Module::FtsOwnContent,
            |three| match three[2].as_str() {
                "''" | "\"\"" | "``" | "[]" | "," | ")" => Module::FtsContentless,
                _ => Module::FtsExternalContent,
            },
        ),
        "rtree" | "rtree_i32" | "geopoly" => Module::Rtree,
        _ => Module::Unknown,
    }
}

/// The parts of the list of a `CREATE INDEX` or `CREATE TABLE` statement, without order and collation at their ends, and a WHERE clause.
pub(super) fn list_of(sql: &str) -> (Vec<String>, Option<String>) {
    let words: Vec<Token> = tokens(sql).filter(Token::is_significant).collect();
    let Some(open) = words.iter().position(|word| word.text == "(") else {
        return (Vec::new(), None);
    };
    let mut terms = Vec::new();
    let mut term: Vec<Token> = Vec::new();
    let mut depth = 1;
    let mut predicate = None;
    for (at, &word) in words.iter().enumerate().skip(open + 1) {
        depth += match word.text {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        if depth == 0 || (depth == 1 && word.text == ",") {
            terms.push(bare(sql, &term));
            term.clear();
        } else {
            term.push(word);
        }
        if depth == 0 {
            let clause = words[at + 1..].split_first().filter(|(first, _)| first.is_word("WHERE"));
            predicate = clause.map(|(_, clause)| bare(sql, clause)).filter(|text| !text.is_empty());
            break;
        }
    }
    (terms, predicate)
}

/// The text of a term without `COLLATE name`, `ASC` and `DESC` at its end.
fn bare(sql: &str, mut term: &[Token]) -> String {
    if let [rest @ .., last] = term
        && (last.is_word("ASC") || last.is_word("DESC"))
    {
        term = rest;
    }
    if let [rest @ .., word, _] = term
        && word.is_word("COLLATE")
    {
        term = rest;
    }
    match term {
        [] => String::new(),
        [first, ..] => sql[first.start..term[term.len() - 1].end()].to_owned(),
    }
}

/// Does an expression name this column, or something else of that name?
pub(super) fn mentions(text: &str, column: &str) -> bool {
    tokens(text).any(|token| unquoted(token.text).eq_ignore_ascii_case(column))
}

/// Does the text of a `CREATE TABLE` declare AUTOINCREMENT?
pub(super) fn is_autoincrement(sql: &str) -> bool {
    tokens(sql).any(|token| token.is_word("autoincrement"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_of(sql: &str) -> String {
        canonical(sql, |name| ["posts", "a b"].contains(&name))
    }

    #[test]
    fn two_ways_to_write_one_table_are_one() {
        assert_eq!(
            canonical_of("CREATE TABLE IF NOT EXISTS \"Posts\" (id INTEGER, -- key\n [a b] TEXT)"),
            canonical_of("create table posts(id integer,\"a b\" text)")
        );
        assert_ne!(
            canonical_of("CREATE TABLE t(a DEFAULT 'x  y')"),
            canonical_of("CREATE TABLE t(a DEFAULT 'x y')")
        );
        assert_ne!(
            canonical_of("CREATE TABLE t(a DEFAULT 'if not exists ')"),
            canonical_of("CREATE TABLE t(a DEFAULT '')")
        );
    }

    #[test]
    fn fts5_tables_are_told_apart_by_their_content() {
        let module = |arguments: &str| virtual_module(&format!("CREATE VIRTUAL TABLE f USING {arguments}"));
        assert_eq!(module("fts5(a, b)"), Module::FtsOwnContent);
        assert_eq!(module("FTS5(a, content='posts', content_rowid='id')"), Module::FtsExternalContent);
        assert_eq!(module("fts5(a, content=posts)"), Module::FtsExternalContent);
        assert_eq!(module("fts5(a, content=p)"), Module::FtsExternalContent);
        assert_eq!(module("fts5(a, content='')"), Module::FtsContentless);
        assert_eq!(module("rtree(id, a, b)"), Module::Rtree);
        assert_eq!(module("dbstat"), Module::Unknown);
    }

    #[test]
    fn the_terms_of_an_index_are_told_apart() {
        assert_eq!(
            list_of(
                "CREATE UNIQUE INDEX i ON t (lower(a) COLLATE NOCASE DESC, b ASC, coalesce(c, ',)')) WHERE d > (1)"
            ),
            (vec!["lower(a)".into(), "b".into(), "coalesce(c, ',)')".into()], Some("d > (1)".into()))
        );
    }

    #[test]
    fn autoincrement_counts_only_as_a_word() {
        assert!(is_autoincrement("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)"));
        assert!(!is_autoincrement("CREATE TABLE t(a DEFAULT 'autoincrement' /* autoincrement */)"));
    }
}
