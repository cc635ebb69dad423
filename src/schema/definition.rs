//! What the text of a `CREATE` statement says, where no pragma says it. Pure.

use super::Module;
use crate::sql_text::{Token, TokenKind, string_literal, tokens};

/// Are these two statements one definition, written in two ways? White space, comments, the choice of quotes and the case of words
/// do not count.
///
/// What stands in double quotes on both sides and is no name of anything is a string to SQLite, and so is a name that follows
/// DEFAULT: there upper and lower case count.
pub fn same_statement(one: &str, other: &str, is_name: impl Fn(&str) -> bool) -> bool {
    let (one, other) = (without_if_not_exists(one), without_if_not_exists(other));
    one.len() == other.len()
        && (0..one.len()).all(|at| {
            let before = |distance: usize, word: &str| at >= distance && one[at - distance].is_word(word);
            // ON DELETE SET DEFAULT is followed by other words.
            let is_default = before(1, "DEFAULT") && !before(2, "SET");
            same_token(&one[at], &other[at], is_default, &is_name)
        })
}

fn same_token(one: &Token, other: &Token, is_default: bool, is_name: impl Fn(&str) -> bool) -> bool {
    let both = |is: &dyn Fn(&Token) -> bool| is(one) && is(other);
    let is_value = |token: &Token| VALUES.iter().any(|value| token.is_word(value));
    match (content(one), content(other)) {
        (Some(name), Some(same)) if is_default => {
            if is_value(one) || is_value(other) {
                both(&is_value) && name.eq_ignore_ascii_case(&same)
            } else {
                name == same
            }
        }
        (Some(name), Some(same)) => {
            let is_string = both(&is_in_double_quotes) && !is_name(&name.to_ascii_lowercase());
            if is_string { name == same } else { name.eq_ignore_ascii_case(&same) }
        }
        // SQLite writes a string in double quotes as one in single quotes when a column gets another name.
        (Some(string), None) | (None, Some(string)) => {
            both(&|token| is_in_double_quotes(token) || token.text == string_literal(&string))
                && (is_default || !is_name(&string.to_ascii_lowercase()))
        }
        (None, None) => one.text == other.text,
    }
}

/// What a word after DEFAULT means if it is no string.
const VALUES: [&str; 6] = ["NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"];

fn is_in_double_quotes(token: &Token) -> bool {
    token.kind == TokenKind::QuotedIdentifier && token.text.starts_with('"')
}

/// What a word or a quoted name says.
fn content(token: &Token) -> Option<String> {
    matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdentifier).then(|| unquoted(token.text))
}

/// The significant tokens; SQLite keeps no IF NOT EXISTS.
fn without_if_not_exists(sql: &str) -> Vec<Token<'_>> {
    let mut words: Vec<Token> = tokens(sql).filter(Token::is_significant).collect();
    let starts =
        |three: &[Token]| three[0].is_word("IF") && three[1].is_word("NOT") && three[2].is_word("EXISTS");
    while let Some(at) = words.windows(3).position(starts) {
        words.drain(at..at + 3);
    }
    words
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
        "fts5vocab" => Module::FtsVocabulary,
        "rtree" | "rtree_i32" => Module::Rtree,
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

/// Does the text of a `CREATE TABLE` say ON CONFLICT?
pub(super) fn has_conflict_clause(sql: &str) -> bool {
    let words: Vec<Token> = tokens(sql).filter(Token::is_significant).collect();
    words.windows(2).any(|two| two[0].is_word("ON") && two[1].is_word("CONFLICT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_write_one_thing_are_one() {
        for (one, other) in [
            (
                "CREATE TABLE IF NOT EXISTS \"Posts\" (id INTEGER, -- key\n [a b] TEXT)",
                "create table posts(id integer,\"a b\" text)",
            ),
            ("CONSTRAINT \"t_PK\" a \"TEXT\" COLLATE \"NOCASE\"", "CONSTRAINT t_pk a TEXT COLLATE nocase"),
            ("WITH \"recent\" AS x SELECT \"lower\"(\"NEW\".a)", "WITH Recent AS x SELECT lower(new.a)"),
            ("SELECT \"Posts\" FROM [X]", "SELECT \"posts\" FROM \"x\""),
            ("SET s = \"it's\"", "SET s = 'it''s'"),
            ("SET s = \"posts\"", "SET s = [Posts]"),
            ("a DEFAULT \"posts\"", "a DEFAULT 'posts'"),
            ("a DEFAULT NULL", "a DEFAULT null"),
            ("ON DELETE SET DEFAULT ON UPDATE CASCADE", "on delete set default on update cascade"),
        ] {
            assert!(same_statement(one, other, |name| name == "posts"), "{one}");
            assert!(same_statement(other, one, |name| name == "posts"), "{one}");
        }
    }

    #[test]
    fn strings_are_the_same_only_letter_for_letter() {
        for (one, other) in [
            ("a DEFAULT 'x  y'", "a DEFAULT 'x y'"),
            ("a DEFAULT 'if not exists '", "a DEFAULT ''"),
            ("a DEFAULT Paid", "a DEFAULT paid"),
            ("a DEFAULT \"Posts\"", "a DEFAULT \"posts\""),
            ("a DEFAULT `Paid`", "a DEFAULT [paid]"),
            ("SET s = \"Paid\"", "SET s = \"paid\""),
            ("SET s = \"Paid\"", "SET s = 'paid'"),
            ("SET s = Paid", "SET s = 'Paid'"),
            // A column, and a string.
            ("CHECK (s <> \"posts\")", "CHECK (s <> 'posts')"),
            ("a DEFAULT \"null\"", "a DEFAULT null"),
            ("a DEFAULT \"NULL\"", "a DEFAULT \"null\""),
            ("a DEFAULT [true]", "a DEFAULT TRUE"),
            ("a, b", "a"),
        ] {
            assert!(!same_statement(one, other, |name| name == "posts"), "{one}");
            assert!(!same_statement(other, one, |name| name == "posts"), "{one}");
        }
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
        assert_eq!(module("fts5vocab(f, row)"), Module::FtsVocabulary);
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
