//! The tables of a database as they are at this moment, read anew for every operation, so that schema changes need no
//! bookkeeping.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// A table of the user.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Every column, generated ones included.
    pub(crate) columns: Vec<Column>,
    /// A name under which its rowid can be read.
    pub(crate) rowid: Option<&'static str>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Columns that a unique index consists of, alone.
    pub(crate) unique: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// Its place in the primary key, from 1 on; 0 for none.
    pub(crate) key: i64,
    pub(crate) generated: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    pub(crate) parent: String,
    pub(crate) from: String,
    pub(crate) to: Option<String>,
}

impl Table {
    pub(crate) fn key(&self) -> Vec<&Column> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|column| column.key > 0).collect();
        key.sort_by_key(|column| column.key);
        key
    }

    /// Is this column another name of the rowid?
    pub(crate) fn is_rowid_alias(&self, column: &Column) -> bool {
        column.key == 1 && column.kind.eq_ignore_ascii_case("INTEGER") && self.key().len() == 1
    }

    pub(crate) fn written(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }
}

/// The user's tables, in the order in which they were made.
pub(crate) fn tables(conn: &Connection) -> Vec<Table> {
    let sql = "SELECT l.name, l.wr FROM pragma_table_list l JOIN sqlite_schema s ON s.name = l.name AND s.type = 'table'
               WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                 AND l.name NOT LIKE 'd1\\_migrat%' ESCAPE '\\' ORDER BY s.rowid";
    let mut statement = conn.prepare(sql).expect("a schema");
    let names = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("a schema");
    let names: Vec<(String, bool)> = names.collect::<rusqlite::Result<_>>().expect("a schema");
    names.into_iter().map(|(name, without_rowid)| table(conn, name, without_rowid)).collect()
}

fn table(conn: &Connection, name: String, without_rowid: bool) -> Table {
    let mut statement =
        conn.prepare_cached("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1)").expect("a pragma");
    let columns = statement.query_map([&name], |row| {
        let hidden: i64 = row.get(3)?;
        Ok(Column { name: row.get(0)?, kind: row.get(1)?, key: row.get(2)?, generated: hidden > 1 })
    });
    let columns: Vec<Column> = columns.expect("columns").collect::<rusqlite::Result<_>>().expect("columns");
    let mut statement = conn
        .prepare_cached("SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1)")
        .expect("a pragma");
    let keys = statement
        .query_map([&name], |row| Ok(ForeignKey { parent: row.get(0)?, from: row.get(1)?, to: row.get(2)? }));
    let foreign_keys = keys.expect("keys").collect::<rusqlite::Result<_>>().expect("keys");
    let mut statement = conn
        .prepare_cached(
            "SELECT max(i.name) FROM pragma_index_list(?1) l, pragma_index_info(l.name) i WHERE l.\"unique\"
             GROUP BY l.name HAVING count(*) = 1 AND max(i.name) IS NOT NULL ORDER BY l.name",
        )
        .expect("a pragma");
    let unique = statement.query_map([&name], |row| row.get(0)).expect("indexes");
    let unique = unique.collect::<rusqlite::Result<_>>().expect("indexes");
    let is_free = |name: &&&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let rowid = ["rowid", "_rowid_", "oid"].iter().find(is_free).copied().filter(|_| !without_rowid);
    Table { name, columns, rowid, foreign_keys, unique }
}

/// A name in quotes.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value as SQL, so that a script of a failed case can be run by hand.
pub(crate) fn literal(value: ValueRef) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(i64::MIN) => "(-9223372036854775807-1)".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) if number.is_infinite() => {
            if number > 0.0 {
                "9e999".into()
            } else {
                "-9e999".into()
            }
        }
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(['\0', '\r', '\n']) => format!("'{}'", text.replace('\'', "''")),
            _ => format!("CAST(X'{}' AS TEXT)", hex(bytes)),
        },
        ValueRef::Blob(bytes) => format!("X'{}'", hex(bytes)),
    }
}
