//! Schema changes as statements.

use rusqlite::Connection;

use crate::case::DdlSpec;
use crate::schema::single;
use crate::shape::{Table, identifier, tables};

/// The statements of a schema change; none where it does not apply. Whether SQLite takes them is for the caller to try.
pub(crate) fn statements(conn: &Connection, spec: &DdlSpec, number: usize) -> Vec<String> {
    let tables = tables(conn);
    if tables.is_empty() || spec.what == 0 {
        return single(&spec.new, 20 + number);
    }
    let table = &tables[usize::from(spec.table) % tables.len()];
    let name = identifier(&table.name);
    let columns: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
    let column = &columns[usize::from(spec.column) % columns.len()];
    let added = identifier(&format!("added {number}"));
    match spec.what {
        1 => vec![format!("ALTER TABLE {name} ADD COLUMN {added} TEXT DEFAULT 'it''s new'")],
        2 => vec![format!("ALTER TABLE {name} ADD COLUMN {added} INTEGER NOT NULL DEFAULT 0")],
        3 => match table.key().as_slice() {
            [key] => vec![format!(
                "ALTER TABLE {name} ADD COLUMN {added} INTEGER REFERENCES {name}({}) ON DELETE CASCADE",
                identifier(&key.name)
            )],
            _ => Vec::new(),
        },
        4 => vec![format!("ALTER TABLE {name} ADD COLUMN {added} TEXT AS (typeof({column})) VIRTUAL")],
        5 | 6 => vec![format!("ALTER TABLE {name} DROP COLUMN {column}")],
        7 | 8 => vec![format!(
            "ALTER TABLE {name} RENAME COLUMN {column} TO {}",
            identifier(&format!("renamed {number}"))
        )],
        9 | 10 => vec![format!(
            "ALTER TABLE {name} RENAME TO {}",
            identifier(&format!("{} renamed {number}", table.name))
        )],
        11 => match is_pointed_to(&tables, table) {
            // What is left would point to nothing.
            true => Vec::new(),
            false => vec![format!("DROP TABLE {name}")],
        },
        12 => vec![format!(
            "CREATE UNIQUE INDEX {} ON {name}({column})",
            identifier(&format!("ix added {number}"))
        )],
        13 => rebuild(conn, table, number),
        14 => vec![
            format!("ALTER TABLE {name} ADD COLUMN {added} TEXT"),
            format!("UPDATE {name} SET {added} = 'x' || {column} WHERE {column} IS NOT 'a'"),
        ],
        _ => vec![format!(
            "CREATE TRIGGER {} AFTER UPDATE ON {name} BEGIN UPDATE {name} SET {column} = {column} WHERE 0; SELECT CASE WHEN 1 THEN 'END;' END; END",
            identifier(&format!("tr added {number}"))
        )],
    }
}

fn is_pointed_to(tables: &[Table], table: &Table) -> bool {
    let others = tables.iter().filter(|other| other.name != table.name);
    others.flat_map(|other| &other.foreign_keys).any(|key| key.parent.eq_ignore_ascii_case(&table.name))
}

/// As people rebuild a table: a new one, the rows, the old one away, the name back.
fn rebuild(conn: &Connection, table: &Table, number: usize) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let created: String = conn.query_row(sql, [&table.name], |row| row.get(0)).expect("it is there");
    let name = identifier(&table.name);
    let aside = identifier(&format!("rebuilt {number}"));
    let Some(at) = created.find('(') else { return Vec::new() };
    let columns: Vec<String> = table.written().map(|column| identifier(&column.name)).collect();
    let columns = columns.join(", ");
    vec![
        "PRAGMA defer_foreign_keys=ON".into(),
        format!("CREATE TABLE {aside}{}", &created[at..]),
        format!("INSERT INTO {aside}({columns}) SELECT {columns} FROM {name}"),
        format!("DROP TABLE {name}"),
        format!("ALTER TABLE {aside} RENAME TO {name}"),
    ]
}
