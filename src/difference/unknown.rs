//! Values that nobody can know: what CURRENT_TIMESTAMP or random() gave in a migration on the real D1 is not what it gave
//! here. A cell that comes out otherwise in a world with another clock and other random numbers is unknown; the shadow takes
//! over what the local database holds there, so that it is never pending by itself, unless it was changed here since.

use camino::Utf8Path;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::columns::{RowShape, column_differs};
use super::{Error, LIVE};
use crate::changefeed;
use crate::migrations::table;
use crate::names::{CHANGEFEED, SHADOW_UNKNOWN};
use crate::schema::{Schema, Table, TableKind};
use crate::sql_text::{quote_identifier, string_literal};

/// Compares the shadow with one that was made in another world, and notes the cells that differ, and after which file they
/// first did.
pub fn find_unknown(conn: &Connection, other: &Utf8Path, files: &Schema, file: &str) -> Result<(), Error> {
    conn.execute("ATTACH ?1 AS other", [other.as_str()])?;
    let found = compare_worlds(conn, files, file);
    conn.execute_batch("DETACH other")?;
    found
}

fn compare_worlds(conn: &Connection, files: &Schema, file: &str) -> Result<(), Error> {
    conn.execute_batch("BEGIN; CREATE TEMP TABLE d1_migrate_differing(tbl, key, col)")?;
    for table in files.tables.iter().filter(|table| is_plain(table)) {
        let shape = RowShape::of(table);
        for position in table.stored().filter(|&position| table.rowid_alias != Some(position)) {
            let column = &table.columns[position];
            conn.execute_batch(&format!(
                "INSERT INTO d1_migrate_differing SELECT {}, {}, {} FROM {} l JOIN other.{} s ON {} WHERE {}",
                string_literal(&table.name),
                key_of(&shape, "l"),
                string_literal(&column.name),
                shape.shadow(),
                shape.table,
                shape.same_row("s", "l"),
                column_differs(column, "l", "s"),
            ))?;
        }
    }
    let cells = "(tbl, key, col)";
    conn.execute_batch(&format!(
        "DELETE FROM {SHADOW_UNKNOWN} WHERE {cells} NOT IN (SELECT * FROM d1_migrate_differing);
         DELETE FROM d1_migrate_differing WHERE {cells} IN (SELECT tbl, key, col FROM {SHADOW_UNKNOWN});
         INSERT INTO {SHADOW_UNKNOWN} SELECT tbl, key, col, {} FROM d1_migrate_differing;
         DROP TABLE d1_migrate_differing; COMMIT",
        string_literal(file)
    ))?;
    Ok(())
}

/// Takes over the unknown cells from the local database, except those that the changefeed says were changed here. Gives
/// how many cells there are that cannot be compared.
///
/// Runs outside of a transaction: neither a trigger nor a foreign key of the user may take notice.
pub fn adopt_unknown(conn: &Connection, here: &Schema, migrations_table: &str) -> Result<u64, Error> {
    let mut cells = conn.prepare(&format!("SELECT DISTINCT tbl, col, file FROM {SHADOW_UNKNOWN}"))?;
    let cells: Vec<(String, String, String)> = cells
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if cells.is_empty() {
        return Ok(0);
    }
    conn.execute_batch("PRAGMA foreign_keys = OFF")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.execute_batch("BEGIN")?;
    let mut adopted = 0;
    let applied = table::applied(conn, LIVE, migrations_table).unwrap_or_default();
    for (table, column, file) in cells {
        let known = here.table(&table).filter(|table| is_plain(table) && table.column(&column).is_some());
        if let Some(table) = known {
            let is_applied = applied.iter().any(|row| row.name == file);
            adopted += adopt_column(conn, table, &column, &file, is_applied)?;
        }
    }
    conn.execute_batch("COMMIT")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    conn.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(adopted)
}

/// Is there an unknown cell in one of these columns?
pub fn any_unknown(conn: &Connection, table: &str, columns: &[String]) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN} WHERE tbl = ?1 AND col = ?2)");
    let mut statement = conn.prepare_cached(&sql)?;
    for column in columns {
        if statement.query_row([table, column], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes over the cells of one column that became unknown by one file, unless they were changed here after that file was
/// applied. While it is not, whatever is here may be its effect.
fn adopt_column(
    conn: &Connection,
    table: &Table,
    column: &str,
    file: &str,
    is_applied: bool,
) -> Result<u64, Error> {
    let shape = RowShape::of(table);
    let (name, text, file) = (string_literal(&table.name), string_literal(column), string_literal(file));
    let quoted = quote_identifier(column);
    let changed_here = match is_applied && changefeed::exists(conn, LIVE)? {
        false => String::new(),
        true => {
            let feed = format!("{LIVE}.{CHANGEFEED}");
            let label = string_literal(&format!("{quoted}="));
            // Of a row that changed and stayed where it was, only the columns that its image names changed.
            let users = format!(
                "tbl = {name} AND (op IN ('I', 'D') OR new_key IS NOT NULL OR instr(old, {label}))
                 AND id > coalesce((SELECT max(id) FROM {feed} WHERE op = 'A' AND tbl = {file}), 0)"
            );
            let keys = |key: &str| format!("SELECT {key} FROM {feed} WHERE {users} AND {key} IS NOT NULL");
            format!(" AND key NOT IN ({} UNION {})", keys("key"), keys("new_key"))
        }
    };
    let adopt = format!(
        "UPDATE OR IGNORE {shadow} AS s SET {quoted} = (SELECT l.{quoted} FROM {live} l WHERE {same})
           WHERE {key} IN (SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = {text} AND file = {file}{changed_here})
             AND EXISTS (SELECT 1 FROM {live} l WHERE {same})",
        shadow = shape.shadow(),
        live = shape.live(),
        same = shape.same_row("l", "s"),
        key = key_of(&shape, "s"),
    );
    Ok(conn.execute(&adopt, ())? as u64)
}

/// The key as the changefeed writes it.
fn key_of(shape: &RowShape, alias: &str) -> String {
    match &shape.identity[..] {
        [_only] if shape.names_by_rowid => shape.identity_of(alias),
        names => {
            let literals: Vec<String> = names.iter().map(|name| format!("quote({alias}.{name})")).collect();
            literals.join(" || ',' || ")
        }
    }
}

fn is_plain(table: &Table) -> bool {
    !matches!(table.kind, TableKind::Virtual(_)) && !RowShape::of(table).identity.is_empty()
}
