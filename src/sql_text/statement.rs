//! Many rows in one statement, and never more than D1 takes in one.

use rusqlite::types::ValueRef;

use super::identifier::display_identifier;
use super::literal::push_literal;
use super::target::Target;

/// The longest statement that is written, in bytes, its `;` included. The real D1 and workerd take 100,000, and count the line
/// end and the comments before a statement as its text.
pub const MAX_STATEMENT_BYTES: usize = 99_900;

/// `INSERT INTO posts (id, title) VALUES`, without a line end.
pub fn insert_head<'a>(target: Target, columns: impl IntoIterator<Item = &'a str>) -> String {
    let columns: Vec<_> = columns.into_iter().map(display_identifier).collect();
    format!("{} ({}) VALUES", target.insert_into(), columns.join(", "))
}

/// A query for the highest rowid when it runs. Where there may be no row yet, 0 stands for it, and rows that stand aside, below 0, do not count.
pub fn highest(rowid: &str, table: &str, may_be_none: bool) -> String {
    match may_be_none {
        true => format!("SELECT coalesce(max({rowid}), 0) FROM {table} WHERE {rowid} > 0"),
        false => format!("SELECT max({rowid}) FROM {table}"),
    }
}

/// What became of a row that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// It is in the statement that is being built.
    Held,
    /// It begins the next statement; this one is finished.
    Finished(String),
    /// No statement can hold it: write it by itself, after the rows before it, which are given back here.
    TooLarge(Option<String>),
}

/// A list of several rows is the result of a query to SQLite, and D1 takes no more columns there: 100 and a hidden rowid are too
/// many.
const MOST_VALUES: usize = 100;

/// Builds statements over many rows of one table, each as close to [`MAX_STATEMENT_BYTES`] as whole rows allow.
///
/// Large statements matter: to apply 20,000 rows took wrangler 31.9 s with one row each and 2.6 s with 99 KB each.
#[derive(Debug, Clone)]
pub struct Batch {
    head: String,
    tail: String,
    text: String,
}

impl Batch {
    /// An empty INSERT for these columns, which every row must have in this order.
    pub fn insert<'t>(target: impl Into<Target<'t>>, columns: &[String]) -> Self {
        Self::new(insert_head(target.into(), columns.iter().map(String::as_str)), ";".into())
    }

    /// The same of rows whose first column is a rowid, counted from the highest one that is there when it runs, or from 0, where
    /// these may be the first rows.
    pub fn insert_above<'t>(target: impl Into<Target<'t>>, columns: &[String], are_first: bool) -> Self {
        let target = target.into();
        let names: Vec<_> = columns.iter().map(|name| display_identifier(name)).collect();
        let others: String = (2..=columns.len()).map(|number| format!(", column{number}")).collect();
        let head = format!(
            "{} ({}) SELECT ({}) + column1{others} FROM (VALUES",
            target.insert_into(),
            names.join(", "),
            highest(&names[0], &display_identifier(target.table), are_first),
        );
        Self::new(head, ");".into())
    }

    /// An empty UPDATE that sets these columns of the rows that `key` names. A row is its key, then the values to be set.
    pub fn update<'t>(target: impl Into<Target<'t>>, key: &[String], set: &[String]) -> Self {
        let target = target.into();
        // Beside a table of that name, the name must mean one thing.
        let new = if target.table.eq_ignore_ascii_case("new") { "new_values" } else { "new" };
        let names: Vec<_> = key.iter().chain(set).map(|name| display_identifier(name)).collect();
        let table = display_identifier(target.table);
        let (key, set) = names.split_at(key.len());
        let set: Vec<String> = set.iter().map(|name| format!("{name} = {new}.{name}")).collect();
        let same: Vec<String> = key.iter().map(|name| format!("{table}.{name} = {new}.{name}")).collect();
        Self::new(
            format!("WITH {new} ({}) AS (VALUES", names.join(", ")),
            format!(")\n{} SET {} FROM {new} WHERE {};", target.update(), set.join(", "), same.join(" AND ")),
        )
    }

    /// An empty DELETE of the rows that one column names.
    pub fn delete(table: &str, key: &str) -> Self {
        let (table, key) = (display_identifier(table), display_identifier(key));
        Self::new(format!("DELETE FROM {table} WHERE {key} IN (VALUES"), ");".into())
    }

    fn new(head: String, tail: String) -> Self {
        Self { head, tail, text: String::new() }
    }

    /// Adds a row. The value tells what must be written before going on.
    #[must_use]
    pub fn push_row(&mut self, row: &[ValueRef<'_>]) -> Pushed {
        if row.len() > MOST_VALUES {
            return Pushed::TooLarge(self.finish());
        }
        let mark = self.text.len();
        self.text.push_str(if mark == 0 { &self.head } else { "," });
        let row_start = self.text.len();
        push_tuple(&mut self.text, row);
        if self.text.len() + self.tail.len() <= MAX_STATEMENT_BYTES {
            return Pushed::Held;
        }
        let tuple = self.text.split_off(row_start);
        self.text.truncate(mark);
        let before = self.finish();
        if self.head.len() + tuple.len() + self.tail.len() > MAX_STATEMENT_BYTES {
            return Pushed::TooLarge(before);
        }
        self.text = self.head.clone() + &tuple;
        // A row that alone would fit did not: there were others, so there is a statement.
        before.map_or(Pushed::Held, Pushed::Finished)
    }

    /// Gives the statement with the rows held so far, if there are any, and begins anew.
    pub fn finish(&mut self) -> Option<String> {
        if self.text.is_empty() {
            return None;
        }
        let mut text = std::mem::take(&mut self.text);
        text.push_str(&self.tail);
        Some(text)
    }
}

fn push_tuple(out: &mut String, row: &[ValueRef<'_>]) {
    out.push_str("\n  (");
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        push_literal(out, *value);
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch::insert("posts", &["id".to_owned(), "order".to_owned()])
    }

    #[test]
    fn many_changes_read_like_a_table_of_new_values() {
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
        let mut batch = Batch::update("posts", &names(&["id"]), &names(&["title", "order"]));
        let row = [ValueRef::Integer(1), ValueRef::Text(b"a"), ValueRef::Null];
        assert_eq!(batch.push_row(&row), Pushed::Held);
        let expected = "WITH new (id, title, \"order\") AS (VALUES\n  (1, 'a', NULL))\n\
            UPDATE posts SET title = new.title, \"order\" = new.\"order\" FROM new WHERE posts.id = new.id;";
        assert_eq!(batch.finish().as_deref(), Some(expected));
        let mut batch = Batch::delete("posts", "id");
        assert_eq!(batch.push_row(&row[..1]), Pushed::Held);
        assert_eq!(batch.finish().as_deref(), Some("DELETE FROM posts WHERE id IN (VALUES\n  (1));"));
        let mut batch = Batch::insert_above("posts", &names(&["rowid", "order"]), false);
        assert_eq!(batch.push_row(&row[..2]), Pushed::Held);
        let expected = "INSERT INTO posts (rowid, \"order\") SELECT (SELECT max(rowid) FROM posts) + column1, column2 FROM (VALUES\n  (1, 'a'));";
        assert_eq!(batch.finish().as_deref(), Some(expected));
        assert!(Batch::update("New", &names(&["id"]), &names(&["a"])).tail.contains("FROM new_values"));
    }

    #[test]
    fn a_batch_reads_like_a_list_of_rows() {
        let mut batch = batch();
        assert_eq!(batch.finish(), None);
        assert_eq!(batch.push_row(&[ValueRef::Integer(1), ValueRef::Text(b"a")]), Pushed::Held);
        assert_eq!(batch.push_row(&[ValueRef::Integer(2), ValueRef::Null]), Pushed::Held);
        let expected = "INSERT INTO posts (id, \"order\") VALUES\n  (1, 'a'),\n  (2, NULL);";
        assert_eq!(batch.finish().as_deref(), Some(expected));
        assert_eq!(batch.finish(), None);
    }

    #[test]
    fn a_statement_reaches_the_limit_exactly_and_never_passes_it() {
        let fixed = "INSERT INTO posts (id, \"order\") VALUES\n  (1, '');".len();
        let fits = vec![b'a'; MAX_STATEMENT_BYTES - fixed];
        let mut batch = batch();
        assert_eq!(batch.push_row(&[ValueRef::Integer(1), ValueRef::Text(&fits)]), Pushed::Held);
        let Pushed::Finished(full) = batch.push_row(&[ValueRef::Integer(2), ValueRef::Null]) else {
            panic!()
        };
        assert_eq!(full.len(), MAX_STATEMENT_BYTES);
        let larger = [fits.as_slice(), b"a"].concat();
        let Pushed::TooLarge(Some(before)) = batch.push_row(&[ValueRef::Integer(1), ValueRef::Text(&larger)])
        else {
            panic!()
        };
        assert!(before.ends_with("\n  (2, NULL);"));
        assert_eq!(batch.push_row(&[ValueRef::Integer(1), ValueRef::Text(&larger)]), Pushed::TooLarge(None));
        assert_eq!(batch.finish(), None);
    }

    #[test]
    fn many_rows_become_few_statements_and_none_is_lost() {
        let (mut batch, mut done) = (batch(), Vec::new());
        for id in 0..20_000 {
            match batch.push_row(&[ValueRef::Integer(id), ValueRef::Text(b"some title")]) {
                Pushed::Held => {}
                Pushed::Finished(statement) => done.push(statement),
                Pushed::TooLarge(_) => panic!(),
            }
        }
        done.extend(batch.finish());
        assert_eq!(done.len(), 5);
        assert!(done.iter().all(|statement| statement.len() <= MAX_STATEMENT_BYTES));
        assert_eq!(done.iter().map(|statement| statement.matches("\n  (").count()).sum::<usize>(), 20_000);
    }
}
