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
    key: &[Cell<'_>],
) -> Result<Vec<String>, Error> {
    let target = target.into();
    let values: Vec<ValueRef<'_>> = set.iter().chain(key).map(|(_, value)| *value).collect();
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
pub fn delete(table: &str, key: &[Cell<'_>]) -> Result<Vec<String>, Error> {
    let values: Vec<ValueRef<'_>> = key.iter().map(|(_, value)| *value).collect();
    within_limit(table, &values, |values| {
        format!("DELETE FROM {} WHERE {};", display_identifier(table), named(key, values))
    })
}

/// `a = 1 AND b = 'x'`, for a person or for a WHERE clause.
pub fn condition(key: &[Cell<'_>]) -> String {
    let values: Vec<String> = key.iter().map(|(_, value)| literal(*value)).collect();
    named(key, &values)
}

fn named(key: &[Cell<'_>], values: &[String]) -> String {
    let terms = key.iter().zip(values).map(|((column, value), expression)| {
        let operator = if *value == ValueRef::Null { "IS" } else { "=" };
        format!("{} {operator} {expression}", display_identifier(column))
    });
    terms.collect::<Vec<_>>().join(" AND ")
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
        let key = [cell("id", one), cell("order", ValueRef::Null)];
        assert_eq!(
            update("posts", &[cell("title", text)], &key).unwrap(),
            ["UPDATE posts SET title = 'it''s' WHERE id = 1 AND \"order\" IS NULL;"]
        );
        assert_eq!(delete("posts", &key[..1]).unwrap(), ["DELETE FROM posts WHERE id = 1;"]);
    }

    #[test]
    fn a_row_can_be_named_by_a_key_that_is_longer_than_a_statement() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES (hex(zeroblob(80000)), 1)").unwrap();
        let long = "0".repeat(160_000);
        let key = [cell("k", ValueRef::Text(long.leak().as_bytes()))];
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
