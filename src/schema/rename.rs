//! Which tables and columns a migration gives another name. Pure.

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
    let words = words_of_alter(statement)?;
    let [name @ .., rename, to, new] = &words[..] else { return None };
    let old = name.last().filter(|_| rename.is_word("RENAME") && to.is_word("TO"))?;
    Some((unquoted(old.text), unquoted(new.text)))
}

/// A column that gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedColumn {
    /// Its table, as that was called before the file.
    pub table: String,
    /// Its name until then, which may be one that the file gave it.
    pub from: String,
    /// Its name from then on.
    pub to: String,
}

/// What these statements rename of columns, in order.
pub fn renamed_columns(text: &str) -> Vec<RenamedColumn> {
    let mut columns = Vec::new();
    // The names of tables, first and by then.
    let mut tables: Vec<(String, String)> = Vec::new();
    for statement in statements(text) {
        if let Some((from, to)) = rename(statement.text) {
            match tables.iter_mut().find(|(_, last)| last.eq_ignore_ascii_case(&from)) {
                Some((_, last)) => *last = to,
                None => tables.push((from, to)),
            }
        } else if let Some((table, from, to)) = rename_column(statement.text) {
            let first = tables.iter().find(|(_, last)| last.eq_ignore_ascii_case(&table));
            let table = first.map_or(table, |(first, _)| first.clone());
            columns.push(RenamedColumn { table, from, to });
        }
    }
    columns
}

/// `ALTER TABLE main.a RENAME COLUMN x TO y`, where `COLUMN` may be left out.
fn rename_column(statement: &str) -> Option<(String, String, String)> {
    let words = words_of_alter(statement)?;
    let [name @ .., old, to, new] = &words[..] else { return None };
    let name = match name {
        [name @ .., column] if column.is_word("COLUMN") => name,
        name => name,
    };
    let [.., table, rename] = name else { return None };
    let is_rename = rename.is_word("RENAME") && to.is_word("TO");
    is_rename.then(|| (unquoted(table.text), unquoted(old.text), unquoted(new.text)))
}

/// What follows `ALTER TABLE`.
fn words_of_alter(statement: &str) -> Option<Vec<Token<'_>>> {
    let mut words = tokens(statement).filter(Token::is_significant).filter(|word| word.text != ";");
    // Most statements are other ones, and long.
    let is_alter = words.next()?.is_word("ALTER") && words.next()?.is_word("TABLE");
    is_alter.then(|| words.collect())
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

    #[test]
    fn the_columns_that_get_another_name_are_found() {
        let found = |text: &str| {
            let columns = renamed_columns(text).into_iter();
            let columns = columns.map(|column| format!("{}.{}>{}", column.table, column.from, column.to));
            columns.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            found("ALTER TABLE a RENAME COLUMN x TO y; alter table main.b rename [x y] to z"),
            "a.x>y b.x y>z"
        );
        assert_eq!(found("ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME x TO y -- z"), "a.x>y");
        assert_eq!(found("ALTER TABLE a RENAME TO b; ALTER TABLE a ADD x; ALTER TABLE a DROP COLUMN x"), "");
    }
}
