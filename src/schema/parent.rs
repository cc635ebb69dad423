//! Can a foreign key find its parent row? SQLite asks for a key of the parent (<https://sqlite.org/foreignkeys.html#fk_indexes>), but
//! only when a statement needs it: tables with a faulty one can be made, and filled row by row.

use super::{ForeignKey, Table, Term, UniqueKey};

/// Does a foreign key of these tables point to this one by what is no key of it? SQLite then refuses what it calls a mismatch,
/// though not in an INSERT of one row, as long as no trigger stands on the table.
pub(super) fn is_pointed_to_in_vain(parent: &Table, tables: &[Table]) -> bool {
    let keys = tables.iter().flat_map(|table| &table.foreign_keys);
    keys.filter(|key| key.parent.eq_ignore_ascii_case(&parent.name)).any(|key| !finds_its_row(key, parent))
}

fn finds_its_row(key: &ForeignKey, parent: &Table) -> bool {
    let named: Vec<&str> = key.columns.iter().filter_map(|(_, column)| column.as_deref()).collect();
    if named.is_empty() {
        return !parent.primary_key.is_empty() && parent.primary_key.len() == key.columns.len();
    }
    let columns: Option<Vec<usize>> = named.iter().map(|name| parent.column(name)).collect();
    let Some(columns) = columns else { return false };
    columns == parent.rowid_alias.as_slice()
        || parent.unique_keys.iter().any(|unique| is_over(unique, parent, &columns))
}

/// Is this a key over just these columns, each with its own collation?
fn is_over(key: &UniqueKey, table: &Table, columns: &[usize]) -> bool {
    let is_meant = |(term, collation): &(Term, String)| {
        term.column().is_some_and(|position| {
            columns.contains(&position) && table.columns[position].collation.eq_ignore_ascii_case(collation)
        })
    };
    key.predicate.is_none() && key.terms.len() == columns.len() && key.terms.iter().all(is_meant)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    #[test]
    fn a_table_that_is_pointed_to_in_vain_is_told_as_sqlite_tells_it() {
        for (parent, child, is_faulty) in [
            ("id INTEGER PRIMARY KEY, e", "r REFERENCES p", false),
            ("id INTEGER PRIMARY KEY, e", "r REFERENCES p(id)", false),
            ("id INTEGER PRIMARY KEY, e", "r REFERENCES p(e)", true),
            ("id INTEGER PRIMARY KEY, e", "r REFERENCES p(missing)", true),
            ("id, e", "r REFERENCES p", true),
            ("id TEXT PRIMARY KEY, e UNIQUE", "r REFERENCES p(E)", false),
            ("id TEXT COLLATE NOCASE, e, UNIQUE (id COLLATE BINARY)", "r REFERENCES p(id)", true),
            ("a, b, PRIMARY KEY (a, b)", "r, s, FOREIGN KEY (r, s) REFERENCES p(b, a)", false),
            ("a, b, PRIMARY KEY (a, b)", "r, s, FOREIGN KEY (r, s) REFERENCES p", false),
            ("a, b, PRIMARY KEY (a, b)", "r REFERENCES p(a)", true),
            ("a, b, PRIMARY KEY (a, b)", "r REFERENCES p", true),
        ] {
            let conn = Connection::open_in_memory().unwrap();
            conn.execute_batch(&format!("CREATE TABLE p({parent}); CREATE TABLE c({child});")).unwrap();
            let schema = crate::schema::read(&conn, "main", "d1_migrations").unwrap();
            assert_eq!(schema.table("p").unwrap().is_pointed_to_in_vain, is_faulty, "{parent} / {child}");
            conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
            let deleted = conn.execute_batch("DELETE FROM p");
            let mismatch = deleted.is_err_and(|error| error.to_string().contains("foreign key mismatch"));
            assert_eq!(mismatch, is_faulty, "{parent} / {child}");
        }
    }
}
