//! INSERT, UPDATE and DELETE of one row, whatever its size.

use rusqlite::types::ValueRef;

use super::Error;
use super::identifier::display_identifier;
use super::literal::literal;
use super::pieces::within_limit;
use super::statement::insert_head;
use super::target::Target;

/// A column and its value.
pub type Cell<'a> = (String, ValueRef<'a>);

/// A column, and the value by which a row is known.
#[derive(Debug, Clone)]
pub struct Witness<'a> {
    /// The column's name.
    pub column: String,
    /// What it holds.
    pub value: ValueRef<'a>,
    /// Could the column hold another value that `=` takes for this one: of another storage class, or equal under its collation?
    pub has_doubles: bool,
}

impl<'a> From<Cell<'a>> for Witness<'a> {
    fn from((column, value): Cell<'a>) -> Self {
        Self { column, value, has_doubles: false }
    }
}

/// More conditions than this are bracketed in groups: D1 limits the depth of an expression to 100.
const MOST_IN_A_CHAIN: usize = 40;

/// The statements that insert one row: one, if it fits.
///
/// # Errors
/// When the names alone do not fit.
pub fn insert<'t>(
    target: impl Into<Target<'t>>,
    columns: &[String],
    values: &[ValueRef<'_>],
) -> Result<Vec<String>, Error> {
    let target = target.into();
    let head = insert_head(target, columns.iter().map(String::as_str));
    within_limit(target.table, values, |values| format!("{head}\n  ({});", values.join(", ")))
}

/// The statements that set columns of the row that `key` names: one, if it fits.
///
/// # Errors
/// When the names alone do not fit.
pub fn update<'t>(
    target: impl Into<Target<'t>>,
    set: &[Cell<'_>],
    key: &[Witness<'_>],
) -> Result<Vec<String>, Error> {
    let target = target.into();
    let new = set.iter().map(|(_, value)| *value);
    let values: Vec<ValueRef<'_>> = new.chain(key.iter().map(|witness| witness.value)).collect();
    within_limit(target.table, &values, |values| {
        let (new, old) = values.split_at(set.len());
        let set = set
            .iter()
            .zip(new)
            .map(|((column, _), value)| format!("{} = {value}", display_identifier(column)));
        let set: Vec<String> = set.collect();
        format!("{} SET {} WHERE {};", target.update(), set.join(", "), named(key, old))
    })
}

/// The statements that delete the row that `key` names: one, if it fits.
///
/// # Errors
/// When the names alone do not fit.
pub fn delete(table: &str, key: &[Witness<'_>]) -> Result<Vec<String>, Error> {
    let values: Vec<ValueRef<'_>> = key.iter().map(|witness| witness.value).collect();
    within_limit(table, &values, |values| {
        format!("DELETE FROM {} WHERE {};", display_identifier(table), named(key, values))
    })
}

/// `a = 1 AND b = 'x'`, for a person or for a WHERE clause.
pub fn condition(key: &[Witness<'_>]) -> String {
    let values: Vec<String> = key.iter().map(|witness| literal(witness.value)).collect();
    named(key, &values)
}

fn named(key: &[Witness<'_>], values: &[String]) -> String {
    let terms: Vec<String> =
        key.iter().zip(values).map(|(witness, expression)| witness.is_met(expression)).collect();
    if terms.len() <= MOST_IN_A_CHAIN {
        return terms.join(" AND ");
    }
    let groups = terms.chunks(MOST_IN_A_CHAIN).map(|group| format!("({})", group.join(" AND ")));
    groups.collect::<Vec<_>>().join(" AND ")
}

impl Witness<'_> {
    /// The condition that the column holds the value which `expression` gives.
    fn is_met(&self, expression: &str) -> String {
        let column = display_identifier(&self.column);
        let of_class = |class: &str| match self.has_doubles {
            true => format!("{column} = {expression} AND typeof({column}) = '{class}'"),
            false => format!("{column} = {expression}"),
        };
        match self.value {
            ValueRef::Null => format!("{column} IS {expression}"),
            ValueRef::Integer(_) => of_class("integer"),
            ValueRef::Real(_) => of_class("real"),
            ValueRef::Text(_) if self.has_doubles => format!("{column} = {expression} COLLATE BINARY"),
            ValueRef::Text(_) | ValueRef::Blob(_) => format!("{column} = {expression}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(name: &str, value: ValueRef<'static>) -> Cell<'static> {
        (name.to_owned(), value)
    }

    #[test]
    fn short_changes_read_like_a_diff() {
        let (one, text) = (ValueRef::Integer(1), ValueRef::Text(b"it's"));
        let columns = ["id".to_owned(), "title".to_owned()];
        assert_eq!(
            insert("posts", &columns, &[one, text]).unwrap(),
            ["INSERT INTO posts (id, title) VALUES\n  (1, 'it''s');"]
        );
        let key = [cell("id", one).into(), cell("order", ValueRef::Null).into()];
        assert_eq!(
            update("posts", &[cell("title", text)], &key).unwrap(),
            ["UPDATE posts SET title = 'it''s' WHERE id = 1 AND \"order\" IS NULL;"]
        );
        assert_eq!(delete("posts", &key[..1]).unwrap(), ["DELETE FROM posts WHERE id = 1;"]);
    }

    #[test]
    fn what_is_only_equal_is_told_apart() {
        let witness = |value| Witness { column: "v".into(), value, has_doubles: true };
        assert_eq!(condition(&[witness(ValueRef::Integer(1))]), "v = 1 AND typeof(v) = 'integer'");
        assert_eq!(condition(&[witness(ValueRef::Real(1.0))]), "v = 1.0 AND typeof(v) = 'real'");
        assert_eq!(condition(&[witness(ValueRef::Text(b"a"))]), "v = 'a' COLLATE BINARY");
        assert_eq!(
            condition(&[witness(ValueRef::Blob(b"a")), witness(ValueRef::Null)]),
            "v = X'61' AND v IS NULL"
        );
    }

    #[test]
    fn a_hundred_columns_do_not_nest_too_deep() {
        let witnesses = |prefix: &str| -> Vec<Witness> {
            (0..101).map(|at| cell(&format!("{prefix}{at}"), ValueRef::Integer(1)).into()).collect()
        };
        let text = condition(&witnesses("c"));
        assert_eq!(text.matches(") AND (").count(), 2);
        assert_eq!(text.matches(" AND ").count(), 100);
    }

    #[test]
    fn a_row_can_be_named_by_a_key_that_is_longer_than_a_statement() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES (hex(zeroblob(80000)), 1)").unwrap();
        let long = "0".repeat(160_000);
        let key = [cell("k", ValueRef::Text(long.leak().as_bytes())).into()];
        let statements =
            [update("t", &[cell("v", ValueRef::Integer(2))], &key).unwrap(), delete("t", &key).unwrap()];
        for (statements, left) in statements.iter().zip([1, 0]) {
            db.execute_batch(&statements.concat()).unwrap();
            let count: i64 =
                db.query_row("SELECT count(*) FROM t WHERE v = 2", [], |row| row.get(0)).unwrap();
            assert_eq!(count, left);
        }
    }
}
