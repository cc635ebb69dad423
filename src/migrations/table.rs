//! The migrations table of the local database: which migrations were applied.

use rusqlite::{Connection, types::ValueRef};

use super::Error;
use crate::sql_text::quote_identifier;

/// A row of the migrations table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The name of the migration: its path relative to the migrations folder.
    pub name: String,
    /// When it was applied: UTC as SQLite's CURRENT_TIMESTAMP writes it, `2026-11-23 04:05:12`.
    pub applied_at: String,
}

/// Creates the migrations table in the main database unless it is there, with wrangler's own
/// statement, so that the schema reads the same whoever came first (measured in the file of a
/// `wrangler d1 migrations apply --local`).
///
/// # Errors
/// [`Error::WriteTable`], for instance when another program holds the write lock.
pub fn create_if_missing(connection: &Connection, table: &str) -> Result<(), Error> {
    connection.execute_batch(&ddl(table)).map_err(|source| write_error(table, source))
}

fn ddl(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}(\n\
         \t\tid         INTEGER PRIMARY KEY AUTOINCREMENT,\n\
         \t\tname       TEXT UNIQUE,\n\
         \t\tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL\n\
         );",
        quote_identifier(table)
    )
}

/// The applied migrations in the order in which they were applied, from `schema`: `main` or the name
/// of an attached database. None when there is no such table. Rows without a name are passed over:
/// to wrangler they match no file.
///
/// # Errors
/// [`Error::ReadTable`], for instance when the table is not one that wrangler made.
pub fn applied(connection: &Connection, schema: &str, table: &str) -> Result<Vec<Applied>, Error> {
    read(connection, schema, table).map_err(|source| Error::ReadTable { table: table.to_owned(), source })
}

fn read(connection: &Connection, schema: &str, table: &str) -> rusqlite::Result<Vec<Applied>> {
    let schema = quote_identifier(schema);
    let exists = format!(
        "SELECT count(*) FROM {schema}.sqlite_master \
         WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE"
    );
    if connection.query_row(&exists, [table], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT name, CAST(applied_at AS TEXT) FROM {schema}.{} \
         WHERE typeof(name) = 'text' ORDER BY id",
        quote_identifier(table)
    );
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map([], |row| {
        Ok(Applied { name: text(row.get_ref(0)?), applied_at: text(row.get_ref(1)?) })
    })?;
    rows.collect()
}

/// Text as it is read in JavaScript: what is not UTF-8 becomes U+FFFD and thus matches no file.
fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// Notes migrations as applied now, in the order given, and says how many were not noted before. The
/// table must exist. Run it in the transaction that holds what they changed.
///
/// # Errors
/// [`Error::WriteTable`].
pub fn record<Name: AsRef<str>>(
    connection: &Connection,
    table: &str,
    names: impl IntoIterator<Item = Name>,
) -> Result<usize, Error> {
    // wrangler's plain INSERT would fail on a name that a second copy of the tool has just noted.
    let table_name = quote_identifier(table);
    let insert = format!(
        "INSERT INTO main.{table_name} (name) \
         SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM main.{table_name} WHERE name = ?1)"
    );
    let write = || {
        let mut statement = connection.prepare(&insert)?;
        let mut recorded = 0;
        for name in names {
            recorded += statement.execute([name.as_ref()])?;
        }
        Ok(recorded)
    };
    write().map_err(|source| write_error(table, source))
}

fn write_error(table: &str, source: rusqlite::Error) -> Error {
    Error::WriteTable { table: table.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn names(connection: &Connection, schema: &str, table: &str) -> Vec<String> {
        let rows = applied(connection, schema, table).unwrap();
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn the_schema_is_the_one_that_wrangler_leaves() {
        let connection = database();
        create_if_missing(&connection, "d1_migrations").unwrap();
        create_if_missing(&connection, "d1_migrations").unwrap();
        let sql: String = connection
            .query_row(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(
            sql,
            "CREATE TABLE \"d1_migrations\"(\n\t\tid         INTEGER PRIMARY KEY AUTOINCREMENT,\n\t\tname       TEXT UNIQUE,\n\t\tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL\n)"
        );
    }

    #[test]
    fn no_table_is_no_migration_applied() {
        assert!(names(&database(), "main", "d1_migrations").is_empty());
    }

    #[test]
    fn recorded_migrations_are_read_back_in_order_and_only_once() {
        let connection = database();
        let table = "it's \"mine\"";
        create_if_missing(&connection, table).unwrap();
        assert_eq!(record(&connection, table, ["0002_b.sql", "0001_a.sql"]).unwrap(), 2);
        assert_eq!(record(&connection, table, ["0001_a.sql", "it's.sql"]).unwrap(), 1);
        let expected = ["0002_b.sql", "0001_a.sql", "it's.sql"];
        assert_eq!(names(&connection, "main", table), expected);
    }

    #[test]
    fn the_time_is_utc_as_sqlite_writes_it() {
        let connection = database();
        create_if_missing(&connection, "m").unwrap();
        record(&connection, "m", ["0001_a.sql"]).unwrap();
        let rows = applied(&connection, "main", "m").unwrap();
        let format = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", &rows[0].applied_at);
        assert!(format.is_ok(), "{}", rows[0].applied_at);
    }

    #[test]
    fn an_attached_database_has_its_own_table() {
        let connection = database();
        connection
            .execute_batch("ATTACH ':memory:' AS \"other one\"; CREATE TABLE \"other one\".D1_Migrations (id INTEGER PRIMARY KEY, name TEXT, applied_at TEXT); INSERT INTO \"other one\".D1_Migrations VALUES (2, 'b', ''), (1, 'a', ''), (3, NULL, '')")
            .unwrap();
        assert_eq!(names(&connection, "other one", "d1_migrations"), ["a", "b"]);
        assert!(names(&connection, "main", "d1_migrations").is_empty());
    }

    #[test]
    fn a_table_of_another_shape_is_an_error_that_names_it() {
        let connection = database();
        connection.execute_batch("CREATE TABLE m (a)").unwrap();
        let error = applied(&connection, "main", "m").unwrap_err().to_string();
        let expected = "cannot read the migrations table `m`: no such column: name";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_locked_database_is_an_error_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Connection::open(folder.path().join("x.sqlite")).unwrap();
        let (writer, other) = (open(), open());
        other.busy_timeout(std::time::Duration::ZERO).unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = create_if_missing(&other, "m").unwrap_err();
        assert_eq!(error.to_string(), "cannot write the migrations table `m`: database is locked");
        let help = error.help().unwrap();
        assert!(help.starts_with("another program is writing"));
    }

    #[test]
    fn recording_without_the_table_is_an_error() {
        let error = record(&database(), "m", ["x"]).unwrap_err().to_string();
        let expected = "cannot write the migrations table `m`: no such table: main.m";
        assert_eq!(error, expected);
    }
}
