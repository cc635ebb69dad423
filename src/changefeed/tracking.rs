//! Puts the triggers into a database and takes them out. Every function runs inside the caller's transaction.

use rusqlite::{Connection, OptionalExtension, params};

use super::triggers::{APPLIED, NOW, applied_trigger, triggers};
use crate::names::{CHANGEFEED, TRIGGER_PREFIX};
use crate::schema::Table;
use crate::sql_text::{Timing, firing, quote_identifier};

/// Does the changefeed follow a table?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    /// Its triggers are the ones this version writes for the table as it is now.
    On,
    /// It has triggers of this tool, but not those (another shape of the table, another version of the tool), or a newer AFTER
    /// trigger of the user's: SQLite runs that one first, and where it ends in RAISE(IGNORE) or fails under OR FAIL, the row
    /// has changed and the tool's trigger does not run.
    Stale,
    /// It has none.
    Off,
    /// It cannot have any (a virtual table, rows without a name, or a faulty foreign key that points to it).
    Impossible,
}

/// How each table is tracked, in the order given.
pub fn state(conn: &Connection, database: &str, tables: &[Table]) -> rusqlite::Result<Vec<Tracking>> {
    // In the order in which they were made; SQLite runs the newest first.
    let sql = format!(
        "SELECT tbl_name, name, sql FROM {}.sqlite_schema WHERE type = 'trigger' ORDER BY rowid",
        quote_identifier(database)
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let present: Vec<(String, String, String)> = rows.collect::<rusqlite::Result<_>>()?;
    let has_changefeed = super::exists(conn, database)?;
    Ok(tables
        .iter()
        .map(|table| {
            let on_it = present.iter().filter(|(on, ..)| on.eq_ignore_ascii_case(&table.name));
            let (mut here, mut is_first) = (Vec::new(), true);
            for (_, name, sql) in on_it {
                if name.starts_with(TRIGGER_PREFIX) {
                    here.push((name, sql));
                } else if !here.is_empty() {
                    is_first &= firing(sql).is_some_and(|firing| firing.timing != Timing::After);
                }
            }
            let wanted = triggers(table);
            let complete = here.len() == wanted.len()
                && wanted
                    .iter()
                    .all(|wanted| here.iter().any(|&(name, sql)| *name == wanted.name && *sql == wanted.sql));
            match (here.is_empty(), complete && is_first && has_changefeed) {
                (true, _) if !table.is_trackable() => Tracking::Impossible,
                (true, _) => Tracking::Off,
                (false, true) => Tracking::On,
                (false, false) => Tracking::Stale,
            }
        })
        .collect())
}

/// Makes the changefeed, where there is none, and gives the file a number.
pub fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {CHANGEFEED}(
           id INTEGER PRIMARY KEY, at INTEGER NOT NULL, op TEXT NOT NULL, tbl TEXT NOT NULL,
           key, new_key, old TEXT, taken TEXT);
         INSERT INTO {CHANGEFEED}(at, op, tbl, key)
           SELECT {NOW}, 'start', '', hex(randomblob(16)) WHERE NOT EXISTS (SELECT 1 FROM {CHANGEFEED});"
    ))?;
    if file_number(conn, "main")? == 0 {
        let number: i64 = conn.query_row("SELECT 1 + (random() & 0x3fffffff)", (), |row| row.get(0))?;
        set_file_number(conn, number)?;
        let note = format!("UPDATE {CHANGEFEED} SET new_key = ?1 WHERE op = 'start'");
        conn.execute(&note, [number])?;
    }
    Ok(())
}

/// The number in the file's header (`application_id`), 0 for none. No dump carries it over, so it tells a database from one that its
/// dump was read into; D1 lets no program ask for it or set it.
pub fn file_number(conn: &Connection, database: &str) -> rusqlite::Result<i64> {
    let sql = format!("PRAGMA {}.application_id", quote_identifier(database));
    conn.query_row(&sql, (), |row| row.get(0))
}

fn set_file_number(conn: &Connection, number: i64) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("PRAGMA main.application_id = {number}"))
}

/// Drops the changefeed, or what has its name, and takes the file's number back where it was given with it.
pub fn drop_changefeed(conn: &Connection) -> rusqlite::Result<()> {
    if super::exists(conn, "main")? {
        let given =
            format!("SELECT new_key FROM {CHANGEFEED} WHERE op = 'start' AND typeof(new_key) = 'integer'");
        let given: Option<i64> = conn.query_row(&given, (), |row| row.get(0)).optional()?;
        if given == Some(file_number(conn, "main")?) {
            set_file_number(conn, 0)?;
        }
    }
    match super::kind(conn)? {
        Some(kind) => conn.execute_batch(&format!("DROP {kind} {CHANGEFEED}")),
        None => Ok(()),
    }
}

/// Installs or refreshes the triggers of these tables; gives the names of those where something had to be done.
///
/// Each gets an entry of its own in the changefeed: rows that changed before it were not followed.
pub fn install(conn: &Connection, tables: &[Table]) -> rusqlite::Result<Vec<String>> {
    create(conn)?;
    let mut installed = Vec::new();
    for (table, tracking) in tables.iter().zip(state(conn, "main", tables)?) {
        if matches!(tracking, Tracking::On | Tracking::Impossible) {
            continue;
        }
        drop_triggers(conn, &table.name)?;
        if !table.is_trackable() {
            continue;
        }
        for trigger in triggers(table) {
            // After a RENAME TABLE a trigger of this name can stand on another table.
            conn.execute_batch(&format!("DROP TRIGGER IF EXISTS {}", quote_identifier(&trigger.name)))?;
            conn.execute_batch(&trigger.sql)?;
        }
        let entry = format!("INSERT INTO {CHANGEFEED}(at, op, tbl) VALUES ({NOW}, 'T', ?1)");
        conn.execute(&entry, [&table.name])?;
        installed.push(table.name.clone());
    }
    Ok(installed)
}

/// Does any trigger fill the changefeed?
pub fn is_fed(conn: &Connection) -> rusqlite::Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ?1) = ?2)";
    conn.query_row(sql, params![TRIGGER_PREFIX.len() as i64, TRIGGER_PREFIX], |row| row.get(0))
}

/// Is it noted in the changefeed when a migration is applied? True also where there is no migrations table yet.
pub fn follows_applied(conn: &Connection, migrations_table: &str) -> rusqlite::Result<bool> {
    let has = |kind, name| {
        let sql = "SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2 COLLATE NOCASE";
        conn.query_row(sql, [kind, name], |_| Ok(())).optional().map(|row| row.is_some())
    };
    Ok(!has("table", migrations_table)? || has("trigger", APPLIED)?)
}

/// Notes from here on when a migration is applied. There must be a changefeed.
pub fn follow_applied(conn: &Connection, migrations_table: &str) -> rusqlite::Result<()> {
    match follows_applied(conn, migrations_table)? {
        true => Ok(()),
        false => conn.execute_batch(&applied_trigger(migrations_table)),
    }
}

/// Removes the trigger of [`follow_applied`].
pub fn unfollow_applied(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("DROP TRIGGER IF EXISTS {APPLIED}"))
}

/// Removes the triggers of these tables; gives the names of those that had any.
pub fn remove(conn: &Connection, tables: &[Table]) -> rusqlite::Result<Vec<String>> {
    let mut removed = Vec::new();
    for table in tables {
        if drop_triggers(conn, &table.name)? {
            removed.push(table.name.clone());
        }
    }
    Ok(removed)
}

/// Drops every trigger of this tool that stands on the table, under whatever name.
fn drop_triggers(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    let mut statement = conn.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE AND substr(name, 1, ?2) = ?3",
    )?;
    let rows =
        statement.query_map(params![table, TRIGGER_PREFIX.len() as i64, TRIGGER_PREFIX], |row| row.get(0))?;
    let names: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    for name in &names {
        conn.execute_batch(&format!("DROP TRIGGER {}", quote_identifier(name)))?;
    }
    Ok(!names.is_empty())
}
