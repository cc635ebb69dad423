//! Values that nobody can know: what CURRENT_TIMESTAMP or random() gave in a migration on the real D1 is not what it gave
//! here. A cell that comes out otherwise in a world with another clock and other random numbers is unknown; the shadow takes
//! over what the local database holds there, so that it is never pending by itself, unless it was changed here since.

use camino::Utf8Path;
use rusqlite::config::DbConfig;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::columns::{RowShape, all, column_differs};
use super::compare::{Rows, TableDifference, has_same_columns};
use super::look::key_values;
use super::trace::{TRACED, trace};
use super::{Error, LIVE};
use crate::changefeed::{self, Image, sql_literal};
use crate::migrations::table;
use crate::names::{CHANGEFEED, SHADOW_UNKNOWN};
use crate::schema::{self, Schema, Table, TableKind};
use crate::sql_text::{quote_identifier, string_literal};

/// Stands in place of a column where a whole row is unknown: its key, or its being there.
pub const WHOLE_ROW: &str = "";

/// What unknown cells held when the file that made them had run.
const VALUES_BEFORE: &str = "temp.d1_migrate_values_before";

/// Compares the shadow with one that was made in another world, and notes the cells that differ, and after which file they
/// first did.
pub fn find_unknown(conn: &Connection, other: &Utf8Path, files: &Schema, file: &str) -> Result<(), Error> {
    conn.execute("ATTACH ?1 AS other", [other.as_str()])?;
    let found = compare_worlds(conn, files, file);
    conn.execute_batch("DETACH other")?;
    found
}

fn compare_worlds(conn: &Connection, files: &Schema, file: &str) -> Result<(), Error> {
    conn.execute_batch(
        "BEGIN; CREATE TEMP TABLE d1_migrate_differing(tbl TEXT, key, col TEXT, PRIMARY KEY (tbl, col, key)) WITHOUT ROWID",
    )?;
    for table in files.tables.iter().filter(|table| is_plain(table)) {
        let shape = RowShape::of(table);
        for position in table.stored().filter(|&position| table.rowid_alias != Some(position)) {
            let column = &table.columns[position];
            conn.execute_batch(&format!(
                "INSERT OR IGNORE INTO d1_migrate_differing SELECT {}, {}, {} FROM {} l JOIN other.{} s ON {} WHERE {}",
                string_literal(&table.name),
                shape.noted_key("l"),
                string_literal(&column.name),
                shape.shadow(),
                shape.table,
                shape.same_row("s", "l"),
                column_differs(column, "l", "s"),
            ))?;
        }
        // A row that only one world has: its key, or its being there at all, is unknown.
        for (here, there) in [("main", "other"), ("other", "main")] {
            conn.execute_batch(&format!(
                "INSERT OR IGNORE INTO d1_migrate_differing SELECT {}, {}, '{WHOLE_ROW}' FROM {here}.{table} l
                   WHERE NOT EXISTS (SELECT 1 FROM {there}.{table} s WHERE {})",
                string_literal(&table.name),
                shape.noted_key("l"),
                shape.same_row("s", "l"),
                table = shape.table,
            ))?;
        }
    }
    // Not `(tbl, key, col) NOT IN`: SQLite looks for NULLs in it row by row.
    let same = "d.tbl = u.tbl AND d.col = u.col AND d.key = u.key";
    conn.execute_batch(&format!(
        "DELETE FROM {SHADOW_UNKNOWN} AS u WHERE NOT EXISTS (SELECT 1 FROM d1_migrate_differing d WHERE {same});
         DELETE FROM d1_migrate_differing AS d WHERE (tbl, key, col) IN (SELECT tbl, key, col FROM {SHADOW_UNKNOWN});
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
    let files = schema::read(conn, "main", migrations_table)?;
    for (table, column, file) in cells {
        // A file that has not run here may have renamed or dropped it.
        let is_alike = |table: &&Table| {
            files.table(&table.name).is_some_and(|other| has_same_columns(table, Some(other)))
        };
        let Some(table) = here.table(&table).filter(|table| is_plain(table)).filter(is_alike) else {
            continue;
        };
        let is_applied = applied.iter().any(|row| row.name == file);
        if column == WHOLE_ROW {
            adopted += adopt_rows(conn, table, &file, is_applied)?;
        } else if table.column(&column).is_some() {
            adopted += adopt_column(conn, table, &column, &file, is_applied)?;
            if is_applied {
                adopted += adopt_moved(conn, table, &column, &file)?;
            }
        }
    }
    conn.execute_batch("COMMIT")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    conn.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(adopted)
}

/// Is there any unknown cell or row?
pub fn any_unknown_cell(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN})"), (), |row| row.get(0))
}

/// Is there any unknown cell in this table?
pub(super) fn any_unknown_in(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN} WHERE tbl = ?1)");
    conn.query_row(&sql, [table], |row| row.get(0))
}

/// Does one of these files leave unknown cells or rows?
pub fn hangs_on_chance(conn: &Connection, files: &[String]) -> rusqlite::Result<bool> {
    let mut statement =
        conn.prepare(&format!("SELECT EXISTS (SELECT 1 FROM {SHADOW_UNKNOWN} WHERE file = ?1)"))?;
    for file in files {
        if statement.query_row([file], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
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
    // Of a row that changed and stayed where it was, only the columns that its image names changed.
    let label = string_literal(&format!("{quoted}="));
    let changes = format!("op IN ('I', 'D') OR new_key IS NOT NULL OR old = '' OR instr(old, {label})");
    let changed = ChangesHere::of(conn, &name, &file, &changes, is_applied)?;
    let unknown =
        format!("SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = {text} AND file = {file}");
    changed.note_values_before(conn, &unknown, column)?;
    // Without `+`, the affinity of an INTEGER PRIMARY KEY keeps SQLite from using the index.
    let adopt = format!(
        "UPDATE OR IGNORE {shadow} AS s SET {quoted} = (SELECT l.{quoted} FROM {live} l WHERE {same})
           WHERE {key} IN ({unknown}) AND EXISTS (SELECT 1 FROM {live} l WHERE {same} AND (
             {key} NOT IN ({changed}) OR EXISTS (SELECT 1 FROM {VALUES_BEFORE} b WHERE b.key = +({key}) AND b.is_known
               AND b.value IS l.{quoted} COLLATE BINARY AND typeof(b.value) = typeof(l.{quoted}))))",
        changed = changed.keys(),
        shadow = shape.shadow(),
        live = shape.live(),
        same = shape.same_row("l", "s"),
        key = shape.noted_key("s"),
    );
    Ok(conn.execute(&adopt, ())? as u64)
}

/// The same for rows whose key was changed here, where no entry about any key that the row may have had tells of that column.
fn adopt_moved(conn: &Connection, table: &Table, column: &str, file: &str) -> Result<u64, Error> {
    let (name, quoted) = (string_literal(&table.name), quote_identifier(column));
    let label = string_literal(&format!("{quoted}="));
    let changes = format!("op IN ('I', 'D') OR old = '' OR instr(old, {label})");
    let changed = ChangesHere::of(conn, &name, &string_literal(file), &changes, true)?;
    if trace(conn, table)?.is_none() {
        return Ok(0);
    }
    let steps =
        ChangesHere::of(conn, &name, &string_literal(file), "op = 'U' AND new_key IS NOT NULL", true)?;
    conn.execute_batch(&format!(
        "CREATE TEMP TABLE d1_migrate_touched AS {};
         CREATE INDEX temp.d1_migrate_touched_key ON d1_migrate_touched(key);
         CREATE TEMP TABLE d1_migrate_steps AS SELECT key, new_key FROM {};
         CREATE INDEX temp.d1_migrate_steps_key ON d1_migrate_steps(key);",
        changed.keys(),
        steps.entries,
    ))?;
    let shape = RowShape::of(table);
    let slots = |from: usize| (from..from + shape.identity.len()).map(|slot| format!("?{slot}"));
    let named =
        |from| all(shape.identity.iter().zip(slots(from)).map(|(name, slot)| format!("{name} = {slot}")));
    let (here, width) = (format!("FROM {} WHERE {}", shape.live(), named(1)), shape.identity.len());
    let mut adopt = conn.prepare(&format!(
        "UPDATE OR IGNORE {} SET {quoted} = (SELECT {quoted} {here}) WHERE {} AND EXISTS (SELECT 1 {here})",
        shape.shadow(),
        named(1 + width),
    ))?;
    let mut moved = conn.prepare(&format!(
        "SELECT now, was FROM {TRACED} t WHERE was IN (SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = ?1 AND col = ?2 AND file = ?3)
           AND NOT EXISTS (
             WITH RECURSIVE had(key) AS (
               SELECT t.was UNION SELECT t.now UNION SELECT s.new_key FROM had JOIN d1_migrate_steps s ON s.key = had.key)
             SELECT 1 FROM had JOIN d1_migrate_touched d ON d.key = had.key)"
    ))?;
    let mut rows = moved.query([&table.name, column, file])?;
    let mut adopted = 0;
    while let Some(row) = rows.next()? {
        if let (Some(now), Some(was)) = (key_values(table, row.get(0)?), key_values(table, row.get(1)?)) {
            adopted += adopt.execute(params_from_iter(now.into_iter().chain(was)))? as u64;
        }
    }
    drop(rows);
    conn.execute_batch(&format!(
        "DROP TABLE {TRACED}; DROP TABLE d1_migrate_touched; DROP TABLE d1_migrate_steps"
    ))?;
    Ok(adopted)
}

/// The entries about changes of one table after a file was applied. While it is not, there are none: whatever is here may be its
/// effect.
struct ChangesHere {
    /// What follows FROM, with a WHERE clause in the end.
    entries: String,
    is_followed: bool,
}

impl ChangesHere {
    fn of(
        conn: &Connection,
        table: &str,
        file: &str,
        changes: &str,
        is_applied: bool,
    ) -> rusqlite::Result<Self> {
        let is_followed = is_applied && changefeed::exists(conn, LIVE)?;
        let entries = match is_followed {
            true => format!(
                "{LIVE}.{CHANGEFEED} WHERE tbl = {table} AND ({changes})
                   AND id > coalesce((SELECT max(id) FROM {LIVE}.{CHANGEFEED} WHERE op = 'A' AND tbl = {file}), 0)"
            ),
            false => "(SELECT 0 AS id, '' AS op, NULL AS key, NULL AS new_key, '' AS old) WHERE 0".into(),
        };
        Ok(Self { entries, is_followed })
    }

    /// A query for the keys of the rows.
    fn keys(&self) -> String {
        let keys = |key: &str| format!("SELECT {key} FROM {} AND {key} IS NOT NULL", self.entries);
        format!("{} UNION {}", keys("key"), keys("new_key"))
    }

    /// A query for the keys under which there were rows when the file had run.
    ///
    /// An entry that only keeps an earlier one in sight ('K') leaves open whether the row was new then: it was if it had come here
    /// after the last migration whose statements are among the entries.
    fn keys_of_old_rows(&self, table: &str) -> String {
        let came_here = match self.is_followed {
            true => format!(
                "EXISTS (SELECT 1 FROM {LIVE}.{CHANGEFEED} i WHERE i.tbl = {table} AND i.op = 'I' AND i.key = f.key AND i.id < f.first
                   AND NOT EXISTS (SELECT 1 FROM {LIVE}.{CHANGEFEED} WHERE {} AND id > i.id AND id < f.first))",
                changefeed::applied_in_sight(),
            ),
            false => "0".into(),
        };
        format!(
            "SELECT key FROM (SELECT key, op, min(id) AS first FROM {} AND key IS NOT NULL GROUP BY key) f
               WHERE op IN ('U', 'D') OR (op = 'K' AND NOT {came_here})",
            self.entries
        )
    }

    /// Notes what one column of these rows held when the file had run, as far as the first entry about each tells: who puts that
    /// back, as a file does that takes the rows out and in again, has changed nothing.
    fn note_values_before(&self, conn: &Connection, of_keys: &str, column: &str) -> rusqlite::Result<()> {
        conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS {VALUES_BEFORE}; CREATE TABLE {VALUES_BEFORE}(key UNIQUE, is_known, value)"
        ))?;
        let entries = format!(
            "SELECT key, new_key, op, old FROM {} AND (key IN ({of_keys}) OR new_key IN ({of_keys})) ORDER BY id",
            self.entries
        );
        let mut entries = conn.prepare(&entries)?;
        let mut note = conn.prepare(&format!("INSERT OR IGNORE INTO {VALUES_BEFORE} VALUES (?1, ?2, ?3)"))?;
        let mut rows = entries.query(())?;
        while let Some(row) = rows.next()? {
            // A key that is not UTF-8 cannot be read back.
            let (Ok(key), Ok(new_key)) = (row.get::<_, Value>(0), row.get::<_, Value>(1)) else { continue };
            let old = match (row.get_ref(2)?, row.get_ref(3)?) {
                // A row that comes may have pushed out another one, of which nothing is told.
                (ValueRef::Text(b"I"), _) => Image::default(),
                (_, ValueRef::Text(old)) => Image::parse(&String::from_utf8_lossy(old)),
                _ => Image::default(),
            };
            let value = old.values.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
            let value = value.and_then(|(_, value)| value);
            note.execute(params![key, value.is_some(), value])?;
            note.execute(params![new_key, false, Value::Null])?;
        }
        Ok(())
    }
}

/// Takes over the rows whose key, or whose being there, became unknown by one file: those of the shadow go, and as many of
/// the local rows that the shadow lacks come, unless they were changed here after that file was applied. Of those that were, a changed
/// one is noted as unknown, and for a deleted one a row of the shadow stays: neither can be written ([`unnameable`]).
fn adopt_rows(conn: &Connection, table: &Table, file: &str, is_applied: bool) -> Result<u64, Error> {
    let shape = RowShape::of(table);
    let (name, file) = (string_literal(&table.name), string_literal(file));
    let changes = ChangesHere::of(conn, &name, &file, "op IN ('I', 'U', 'D', 'K')", is_applied)?;
    let (changed_here, were_here) = (changes.keys(), changes.keys_of_old_rows(&name));
    let unknown = format!(
        "SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = '{WHOLE_ROW}' AND file = {file}"
    );
    let (live, shadow) = (shape.live(), shape.shadow());
    let (of_s, of_l) = (shape.noted_key("s"), shape.noted_key("l"));
    let here = format!("EXISTS (SELECT 1 FROM {live} l WHERE {})", shape.same_row("l", "s"));
    let lacks = format!("NOT EXISTS (SELECT 1 FROM {shadow} s WHERE {})", shape.same_row("s", "l"));
    let columns: Vec<String> = shape.written.iter().map(|name| quote_identifier(name)).collect();
    conn.execute_batch(&format!(
        "CREATE TEMP TABLE d1_migrate_gone AS SELECT {of_s} AS key FROM {shadow} s
           WHERE {of_s} IN ({unknown}) AND {of_s} NOT IN ({changed_here}) AND NOT {here};
         CREATE TEMP TABLE d1_migrate_held AS SELECT key FROM ({were_here}) WHERE key NOT IN (SELECT {of_s} FROM {shadow} s);
         DELETE FROM d1_migrate_gone WHERE rowid IN (SELECT rowid FROM d1_migrate_gone
           LIMIT (SELECT count(*) FROM d1_migrate_held WHERE key NOT IN (SELECT {of_l} FROM {live} l)));
         CREATE TEMP TABLE d1_migrate_come AS SELECT {of_l} AS key FROM {live} l
           WHERE {lacks} AND {of_l} NOT IN ({changed_here}) ORDER BY {of_l} NOT IN ({unknown}), {order}
           LIMIT max((SELECT count(*) FROM d1_migrate_gone), (SELECT count(*) FROM {live} l WHERE {of_l} IN ({unknown}) AND {lacks}));
         DELETE FROM {shadow} AS s WHERE {of_s} IN (SELECT key FROM d1_migrate_gone);
         INSERT OR IGNORE INTO {shadow}({columns}) SELECT {columns} FROM {live} l WHERE {of_l} IN (SELECT key FROM d1_migrate_come);
         DELETE FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = '{WHOLE_ROW}' AND key IN (SELECT key FROM d1_migrate_gone);
         INSERT INTO {SHADOW_UNKNOWN} SELECT {name}, key, '{WHOLE_ROW}', {file} FROM (SELECT key FROM d1_migrate_come UNION
           SELECT key FROM d1_migrate_held WHERE key IN (SELECT {of_l} FROM {live} l)) WHERE key NOT IN ({unknown});",
        order = shape.identity_of("l"),
        columns = columns.join(", "),
    ))?;
    let came: bool = conn.query_row("SELECT EXISTS (SELECT 1 FROM d1_migrate_come)", (), |row| row.get(0))?;
    conn.execute_batch("DROP TABLE d1_migrate_gone; DROP TABLE d1_migrate_held; DROP TABLE d1_migrate_come")?;
    if came && table.autoincrement {
        // The counter followed the numbers of the other world.
        conn.execute_batch(&format!(
            "UPDATE main.sqlite_sequence SET seq = (SELECT seq FROM {LIVE}.sqlite_sequence WHERE name = {name})
               WHERE name = {name} AND EXISTS (SELECT 1 FROM {LIVE}.sqlite_sequence WHERE name = {name})"
        ))?;
    }
    let rows = format!("SELECT count(*) FROM {shadow} s WHERE {of_s} IN ({unknown})");
    Ok(conn.query_row(&rows, (), |row| row.get::<_, i64>(0))? as u64)
}

/// A row of these that cannot be named on the real D1, because chance made its key: the key as it is here.
pub fn unnameable(conn: &Connection, difference: &TableDifference) -> Result<Option<String>, Error> {
    let shape = RowShape::of(&difference.table);
    let diff = match &difference.rows {
        Rows::Listed(diff) => diff,
        // The row of the files was taken out: which one it was, nobody can tell.
        Rows::AllNew if shape.identity.is_empty() => return Ok(None),
        Rows::AllNew => {
            let sql = format!(
                "SELECT CAST(key AS TEXT) FROM {SHADOW_UNKNOWN} WHERE tbl = ?1 AND col = '{WHOLE_ROW}'
                   AND key IN (SELECT {} FROM {} l) LIMIT 1",
                shape.noted_key("l"),
                shape.live(),
            );
            return Ok(conn.query_row(&sql, [&difference.table.name], |row| row.get(0)).optional()?);
        }
        Rows::Rewritten => return Ok(None),
    };
    let key = |side: char| match shape.names_by_rowid {
        true => format!("d.{side}1"),
        false => {
            let literals = shape.slots(side).into_iter().map(|slot| sql_literal(&format!("d.{slot}")));
            literals.collect::<Vec<_>>().join(" || ',' || ")
        }
    };
    let (old, new) = (key('s'), key('l'));
    let sql = format!(
        "SELECT CAST(u.key AS TEXT) FROM {diff} d JOIN {SHADOW_UNKNOWN} u ON u.key = CASE d.kind WHEN 'I' THEN {new} ELSE {old} END
           WHERE u.tbl = ?1 AND u.col = '{WHOLE_ROW}' LIMIT 1"
    );
    Ok(conn.query_row(&sql, [&difference.table.name], |row| row.get(0)).optional()?)
}

fn is_plain(table: &Table) -> bool {
    !matches!(table.kind, TableKind::Virtual(_)) && !RowShape::of(table).identity.is_empty()
}
