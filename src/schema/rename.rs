//! Which tables a migration gives another name. Pure.

use super::unquoted;
use crate::sql_text::{Token, statements, tokens};

/// The tables that these statements rename: the first name and the last one.
pub fn renamed_tables(text: &str) -> Vec<(String, String)> {
    let mut renamed: Vec<(String, String)> = Vec::new();
    for (from, to) in statements(text).filter_map(|statement| rename(statement.text)) {
        match renamed.iter_mut().find(|(_, last)| last.eq_ignore_ascii_case(&from)) {
            Some((_, last)) => *last = to,
            None => renamed.push((from, to)),
        }
    }
    renamed
}

/// `ALTER TABLE main.a RENAME TO b`.
fn rename(statement: &str) -> Option<(String, String)> {
    let words: Vec<Token> =
        tokens(statement).filter(Token::is_significant).filter(|word| word.text != ";").collect();
    let [alter, table, name @ .., rename, to, new] = &words[..] else { return None };
    let is = [(alter, "ALTER"), (table, "TABLE"), (rename, "RENAME"), (to, "TO")];
    let old = name.last().filter(|_| is.iter().all(|(word, text)| word.is_word(text)))?;
    Some((unquoted(old.text), unquoted(new.text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_get_another_name_are_found() {
        let found = |text: &str| {
            let names: Vec<String> =
                renamed_tables(text).into_iter().map(|(from, to)| format!("{from}>{to}")).collect();
            names.join(" ")
        };
        assert_eq!(found("ALTER TABLE a RENAME TO b;"), "a>b");
        assert_eq!(found("/* x */ alter table main.\"a b\" rename to [c d] -- y"), "a b>c d");
        assert_eq!(
            found("ALTER TABLE a RENAME TO b; ALTER TABLE B RENAME TO c; ALTER TABLE x RENAME TO y"),
            "a>c x>y"
        );
        assert_eq!(
            found("ALTER TABLE a RENAME COLUMN x TO y; ALTER TABLE a RENAME x TO y; ALTER TABLE a ADD b"),
            ""
        );
    }
}
