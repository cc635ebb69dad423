//! Which tables a migration gives another name. Pure.

use super::{Table, unquoted};
use crate::sql_text::{Token, statements, string_literal, tokens};

/// Which name rows stand under once these statements have run, where it is another one: the first name and the last. `after` are the
/// tables that there are then.
pub fn renamed_tables(text: &str, after: &[Table]) -> Vec<(String, String)> {
    let renamed = names(text);
    let named = |name: &str| after.iter().find(|table| table.name.eq_ignore_ascii_case(name));
    let is_given = |name: &str| renamed.iter().any(|(_, new)| new.eq_ignore_ascii_case(name));
    let last = |(old, new): &(String, String)| {
        let new = named(new)?;
        // Where a new table stands under the old name, it holds the rows, as a rule: they were put in from the old one.
        let is_made_anew = named(old).is_some_and(|table| table.name != new.name && !is_given(old));
        (!is_made_anew).then(|| (old.clone(), new.name.clone()))
    };
    renamed.iter().filter_map(last).collect()
}

/// An SQL expression for the name under which what a column `tbl` names stands by now, of one rename at least; all at
/// once: tables may have traded their names.
pub fn name_now(renamed: &[(String, String)]) -> String {
    let cases = renamed
        .iter()
        .map(|(old, new)| format!(" WHEN {} THEN {}", string_literal(old), string_literal(new)))
        .collect::<String>();
    format!("CASE tbl{cases} ELSE tbl END")
}

fn names(text: &str) -> Vec<(String, String)> {
    let mut renamed: Vec<(String, String)> = Vec::new();
    for (from, to) in statements(text).filter_map(|statement| rename(statement.text)) {
        if let Some((_, last)) = renamed.iter_mut().find(|(_, last)| last.eq_ignore_ascii_case(&from)) {
            last.clone_from(&to);
        }
        // Also where another one was given this name just before: the rows may have come from the table that had it.
        if !renamed.iter().any(|(first, _)| first.eq_ignore_ascii_case(&from)) {
            renamed.push((from, to));
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
                names(text).into_iter().map(|(from, to)| format!("{from}>{to}")).collect();
            names.join(" ")
        };
        assert_eq!(found("ALTER TABLE a RENAME TO b;"), "a>b");
        assert_eq!(found("/* x */ alter table main.\"a b\" rename to [c d] -- y"), "a b>c d");
        assert_eq!(
            found("ALTER TABLE a RENAME TO b; ALTER TABLE B RENAME TO c; ALTER TABLE x RENAME TO y"),
            "a>c B>c x>y"
        );
        assert_eq!(
            found("ALTER TABLE a RENAME COLUMN x TO y; ALTER TABLE a RENAME x TO y; ALTER TABLE a ADD b"),
            ""
        );
    }
}
