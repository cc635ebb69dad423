//! The shadow takes over what the local database holds in unknown cells, so that these are never pending by themselves, unless they
//! were changed here since.

use rusqlite::config::DbConfig;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params, params_from_iter};

use super::about::ABOUT;
use super::began::{BEGAN, list_began};
use super::columns::{RowShape, all, lasting_name, same_key};
use super::compare::has_same_columns;
use super::doers::doers;
use super::look::key_values;
use super::trace::{TRACED, forget, held_files, trace_entries};
use super::unknown::{WHOLE_ROW, is_plain};
use super::{Error, LIVE};
use crate::changefeed::{self, Image};
use crate::migrations::table;
use crate::names::{CHANGEFEED, SHADOW_UNKNOWN};
use crate::schema::{self, Schema, Table};
use crate::sql_text::{quote_identifier, string_literal};

/// Which row here is which one of the files: their names, and the key by which [`ABOUT`] lists entries about them.
const PARTNERS: &str = "temp.d1_migrate_partners";

/// What unknown cells held when the file that made them had run, by the key of the row in the files.
const VALUES_BEFORE: &str = "temp.d1_migrate_values_before";

/// Takes over the unknown cells from the local database, except those that the changefeed says were changed here. Gives
/// how many cells there are that cannot be compared.
///
/// Runs outside of a transaction: neither a trigger nor a foreign key of the user may take notice.
pub fn adopt_unknown(conn: &Connection, here: &Schema, migrations_table: &str) -> Result<u64, Error> {
    let mut tables = conn.prepare(&format!("SELECT DISTINCT tbl FROM {SHADOW_UNKNOWN}"))?;
    let tables: Vec<String> = tables.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if tables.is_empty() {
        return Ok(0);
    }
    conn.execute_batch("PRAGMA foreign_keys = OFF")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.execute_batch("BEGIN")?;
    let mut adopted = 0;
    let applied = table::applied(conn, LIVE, migrations_table).unwrap_or_default();
    let files = schema::read(conn, "main", migrations_table)?;
    for table in tables {
        // A file that has not run here may have renamed or dropped it.
        let is_alike = |table: &&Table| {
            files.table(&table.name).is_some_and(|other| has_same_columns(table, Some(other)))
        };
        if let Some(table) = here.table(&table).filter(|table| is_plain(table)).filter(is_alike) {
            adopted += adopt_table(conn, table, &applied)?;
        }
    }
    conn.execute_batch("COMMIT")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    conn.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(adopted)
}

/// The cells of one column that became unknown by one file.
struct Cells {
    column: String,
    /// The last entry that says nothing about them; `None` where no entry does.
    ///
    /// While the file has not run here, whatever is here may be its effect.
    after: Option<i64>,
    /// A query for the keys of their rows.
    keys: String,
}

fn adopt_table(conn: &Connection, table: &Table, applied: &[table::Applied]) -> Result<u64, Error> {
    let name = string_literal(&table.name);
    let mut columns =
        conn.prepare(&format!("SELECT DISTINCT col, file FROM {SHADOW_UNKNOWN} WHERE tbl = {name}"))?;
    let columns: Vec<(String, String)> =
        columns.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let is_followed = changefeed::exists(conn, LIVE)?;
    let mut adopted = 0;
    let mut cells = Vec::new();
    for (column, file) in columns {
        let is_applied = applied.iter().any(|row| row.name == file);
        if column == WHOLE_ROW {
            adopted += adopt_rows(conn, table, &file, is_applied)?;
        } else if table.column(&column).is_some() {
            let after = (is_followed && is_applied).then(|| last_before(conn, table, &file)).transpose()?;
            let keys = format!(
                "SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {name} AND col = {} AND file = {}",
                string_literal(&column),
                string_literal(&file)
            );
            cells.push(Cells { column, after, keys });
        }
    }
    if cells.is_empty() {
        return Ok(adopted);
    }
    trace_entries(conn, table, cells.iter().filter_map(|cells| cells.after).min())?;
    list_partners(conn, table)?;
    for cells in &cells {
        adopted += adopt_cells(conn, table, cells)?;
    }
    forget(conn)?;
    conn.execute_batch(&format!("DROP TABLE {PARTNERS}"))?;
    Ok(adopted)
}

/// The last entry that tells nothing of what this file left unknown, and that nothing after it tells.
fn last_before(conn: &Connection, table: &Table, file: &str) -> rusqlite::Result<i64> {
    let ran = format!("SELECT max(id) FROM {LIVE}.{CHANGEFEED} WHERE op = 'A' AND tbl = ?1");
    let (written, again) = (
        changefeed::last_written(LIVE, &table.name, &held_files()),
        changefeed::last_told_again(LIVE, &held_files()),
    );
    let sql = format!("SELECT max(coalesce(({ran}), 0), coalesce(({written}), 0), coalesce(({again}), 0))");
    conn.query_row(&sql, [file], |row| row.get(0))
}

/// Lists which row here is which one of the files, of those with unknown cells. There must be a trace.
fn list_partners(conn: &Connection, table: &Table) -> Result<(), Error> {
    let shape = RowShape::of(table);
    let slots = [shape.slots('s'), shape.slots('l')].concat().join(", ");
    let cells = format!(
        "SELECT key FROM {SHADOW_UNKNOWN} WHERE tbl = {} AND col <> '{WHOLE_ROW}'",
        string_literal(&table.name)
    );
    let key = shape.noted_key("s");
    let list = |was: &str, partner: &str, holds: &str| {
        format!(
            "INSERT INTO {PARTNERS} SELECT {}, {}, {was} FROM {} s CROSS JOIN {} l ON {partner} WHERE {key} IN ({cells}) AND {holds}",
            shape.identity_of("s"),
            shape.identity_of("l"),
            shape.shadow(),
            shape.live(),
        )
    };
    conn.execute_batch(&format!("CREATE TABLE {PARTNERS}({slots}, was)"))?;
    match lasting_name(table) {
        None => {
            list_moved_partners(conn, table, &shape)?;
            // A row that another one moved to, or that moved itself, is another one here.
            let stayed =
                format!("{key} NOT IN (SELECT now FROM {TRACED} UNION ALL SELECT was FROM {TRACED})");
            conn.execute_batch(&list(&key, &shape.same_row("s", "l"), &stayed))?;
        }
        Some(name) => {
            let rowid = &shape.identity[0];
            // `+` takes the affinity away, for which an index would be passed over; so below.
            let now = format!("coalesce((SELECT now FROM {TRACED} WHERE was = +s.{rowid}), s.{rowid})");
            let was = format!("coalesce((SELECT was FROM {TRACED} WHERE now = +l.{rowid}), l.{rowid})");
            let named = same_key(table, &name, "l", "s");
            list_began(conn, table, &name, &doers(conn, table)?)?;
            // One that came here holds only what it was given here.
            let another = format!(
                "EXISTS (SELECT 1 FROM {BEGAN} b WHERE b.l1 = +l.{rowid} AND (b.came OR b.s1 IS NOT s.{rowid}))"
            );
            let alone = format!(
                "s.{rowid} NOT IN (SELECT s1 FROM {PARTNERS}) AND l.{rowid} NOT IN (SELECT l1 FROM {PARTNERS})"
            );
            let unless_another = format!("{alone} AND NOT ({another})");
            let same_rowid = format!("l.{rowid} = {now}");
            conn.execute_batch(&list(&was, &named, &format!("s.{rowid} = {was} AND NOT ({another})")))?;
            let began = format!("l.{rowid} = (SELECT l1 FROM {BEGAN} WHERE s1 = +s.{rowid} AND NOT came)");
            conn.execute_batch(&list(&was, &began, &alone))?;
            conn.execute_batch(&list(&was, &named, &unless_another))?;
            conn.execute_batch(&list(&was, &same_rowid, &unless_another))?;
            conn.execute_batch(&format!("DROP TABLE {BEGAN}"))?;
        }
    }
    conn.execute_batch(&format!(
        "CREATE INDEX {PARTNERS}_s ON d1_migrate_partners({})",
        shape.slots('s').join(", ")
    ))?;
    Ok(())
}

/// Lists those whose key was changed here. What was traced to a row that is here no more is no trace: a file took it.
fn list_moved_partners(conn: &Connection, table: &Table, shape: &RowShape) -> Result<(), Error> {
    let marks = vec!["?"; 2 * shape.identity.len() + 1].join(", ");
    let mut put = conn.prepare(&format!("INSERT INTO {PARTNERS} VALUES ({marks})"))?;
    let named = all(shape.identity.iter().map(|name| format!("{name} = ?")));
    let mut is_here = conn.prepare(&format!("SELECT 1 FROM {} WHERE {named}", shape.live()))?;
    let mut forget = conn.prepare(&format!("DELETE FROM {TRACED} WHERE rowid = ?1"))?;
    let mut told = conn.prepare(&format!("UPDATE {ABOUT} SET of_new = 0 WHERE was = ?1"))?;
    let mut moved = conn.prepare(&format!("SELECT now, was, rowid FROM {TRACED}"))?;
    let mut rows = moved.query(())?;
    while let Some(row) = rows.next()? {
        let key: Value = row.get(1)?;
        let (Some(now), Some(was)) = (key_values(table, row.get(0)?), key_values(table, key.clone())) else {
            continue;
        };
        match is_here.exists(params_from_iter(&now))? {
            true => drop(put.execute(params_from_iter(was.into_iter().chain(now).chain([key])))?),
            false => {
                forget.execute([row.get::<_, i64>(2)?])?;
                told.execute([key])?;
            }
        }
    }
    Ok(())
}

/// Takes over the cells, unless they were changed here.
fn adopt_cells(conn: &Connection, table: &Table, cells: &Cells) -> Result<u64, Error> {
    let shape = RowShape::of(table);
    note_values_before(conn, cells, shape.hidden_rowid)?;
    let column = quote_identifier(&cells.column);
    let of_s =
        shape.identity.iter().zip(shape.slots('s')).map(|(name, slot)| format!("d.{slot} = +s.{name}"));
    let partner = format!(
        "FROM {PARTNERS} d CROSS JOIN {} l ON {} WHERE {}",
        shape.live(),
        shape.is_named("l", 'l'),
        all(of_s),
    );
    let adopt = format!(
        "UPDATE OR IGNORE {} AS s SET {column} = (SELECT l.{column} {partner})
           WHERE {} IN ({}) AND EXISTS (SELECT 1 {partner} AND (d.was NOT IN (SELECT key FROM {VALUES_BEFORE})
             OR EXISTS (SELECT 1 FROM {VALUES_BEFORE} b WHERE b.key = d.was AND b.is_known
               AND b.value IS l.{column} COLLATE BINARY AND typeof(b.value) = typeof(l.{column}))))",
        shape.shadow(),
        shape.noted_key("s"),
        cells.keys,
    );
    let adopted = conn.execute(&adopt, ())? as u64;
    conn.execute_batch(&format!("DROP TABLE {VALUES_BEFORE}"))?;
    Ok(adopted)
}

/// Notes which of the cells entries tell of, and what they held before, as far as the first entry about each tells: who puts that
/// back, as a file does that takes the rows out and in again, has changed nothing.
fn note_values_before(conn: &Connection, cells: &Cells, hidden_rowid: bool) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("CREATE TABLE {VALUES_BEFORE}(key UNIQUE, is_known, value)"))?;
    let Some(after) = cells.after else { return Ok(()) };
    // Of a row that stayed, only the columns that its image names changed; any may have where images are not kept.
    let label = string_literal(&format!("{}=", quote_identifier(&cells.column)));
    let not_kept = match hidden_rowid {
        // Nothing but that changed.
        true => "(f.old = '' AND f.new_key IS NULL)",
        false => "f.old = ''",
    };
    let mut entries = conn.prepare(&format!(
        "SELECT a.was, iif(a.whole, 'I', f.op), f.old FROM {ABOUT} a CROSS JOIN {LIVE}.{CHANGEFEED} f ON f.id = a.id
           WHERE a.was IN (SELECT was FROM {PARTNERS}) AND NOT a.of_new AND a.id > ?1
             AND (a.whole OR f.op IN ('I', 'D') OR {not_kept} OR instr(f.old, {label})) ORDER BY a.id, a.whole DESC"
    ))?;
    let mut note = conn.prepare(&format!("INSERT OR IGNORE INTO {VALUES_BEFORE} VALUES (?1, ?2, ?3)"))?;
    let mut rows = entries.query([after])?;
    while let Some(row) = rows.next()? {
        let old = match (row.get_ref(1)?, row.get_ref(2)?) {
            // A row that comes may have pushed out another one, of which nothing is told.
            (ValueRef::Text(b"I"), _) => Image::default(),
            (_, ValueRef::Text(old)) => Image::parse(&String::from_utf8_lossy(old)),
            _ => Image::default(),
        };
        let value = old.values.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(&cells.column));
        let value = value.and_then(|(_, value)| value);
        note.execute(params![row.get::<_, Value>(0)?, value.is_some(), value])?;
    }
    Ok(())
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
