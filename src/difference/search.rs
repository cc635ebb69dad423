//! Search indexes: FTS5 tables that keep no text of their own, so that only their terms can be compared; and the settings of
//! every FTS5 table.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::LIVE;
use crate::names::SHADOW_FACTS;
use crate::schema::{Module, Schema, Table, TableKind};
use crate::sql_text::{quote_identifier, string_literal};

const LIVE_TERMS: &str = "temp.d1_migrate_live_terms";
const SHADOW_TERMS: &str = "temp.d1_migrate_shadow_terms";

/// One of the two databases whose indexes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The local one.
    Here,
    /// What the files give.
    Files,
}

impl Side {
    /// The name that it is attached under.
    pub fn database(self) -> &'static str {
        match self {
            Self::Here => LIVE,
            Self::Files => "main",
        }
    }

    /// The index's terms, as the name of a temporary `fts5vocab` table of the kind `instance`; see [`with_terms`].
    pub fn terms(self) -> &'static str {
        match self {
            Self::Here => LIVE_TERMS,
            Self::Files => SHADOW_TERMS,
        }
    }
}

/// What an FTS5 table can be told by `INSERT INTO f(f, rank) VALUES (option, value)` beside its definition, and what holds where
/// nothing is said (<https://sqlite.org/fts5.html#special_insert_commands>).
const SETTINGS: &str = "(SELECT column1 AS option, column2 AS usual FROM (VALUES ('rank', 'bm25()'), ('automerge', 4),
    ('usermerge', 4), ('crisismerge', 16), ('deletemerge', 10), ('hashsize', 1048576), ('pgsz', 4050), ('secure-delete', 0), ('insttoken', 0)))";

/// Is this an FTS5 table whose index stands apart from its text?
pub fn is_search_index(table: &Table) -> bool {
    matches!(table.kind, TableKind::Virtual(Module::FtsExternalContent | Module::FtsContentless))
}

/// Is this an FTS5 table?
pub fn is_search_table(table: &Table) -> bool {
    is_search_index(table) || table.kind == TableKind::Virtual(Module::FtsOwnContent)
}

/// The FTS5 tables of which the settings or the index differ. Without `everything`, indexes that nobody wrote to since
/// [`remember_indexes`] are passed over.
pub fn differing_indexes(
    conn: &Connection,
    here: &Schema,
    files: &Schema,
    everything: bool,
) -> rusqlite::Result<Vec<String>> {
    let mut differing = Vec::new();
    for table in here.tables.iter().filter(|table| is_search_table(table)) {
        if !files.table(&table.name).is_some_and(|other| other.kind == table.kind) {
            continue;
        }
        let is_written = is_search_index(table) && (everything || !is_untouched(conn, table)?);
        if !differing_settings(conn, table)?.is_empty() || (is_written && index_differs(conn, table)?) {
            differing.push(table.name.clone());
        }
    }
    Ok(differing)
}

/// The settings of an FTS5 table that are not yet what they are here, with their values.
pub fn differing_settings(conn: &Connection, table: &Table) -> rusqlite::Result<Vec<(String, Value)>> {
    let config = quote_identifier(&format!("{}_config", table.name));
    // FTS5 keeps an option as it was spelled, and of two spellings the later one counts.
    let set = |database| {
        format!(
            "coalesce((SELECT v FROM {database}.{config} WHERE k = option COLLATE NOCASE ORDER BY k DESC LIMIT 1), usual)"
        )
    };
    let (here, there) = (set(LIVE), set("main"));
    let sql = format!("SELECT option, {here} FROM {SETTINGS} WHERE {here} IS NOT {there}");
    let mut statement = conn.prepare(&sql)?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Does the local index hold other terms than the shadow's, or for other documents? Indexes of another shape cannot be compared.
pub fn index_differs(conn: &Connection, table: &Table) -> rusqlite::Result<bool> {
    if shape(conn, LIVE, table)? != shape(conn, "main", table)? {
        return Ok(false);
    }
    let differing = format!("SELECT EXISTS ({})", differing_documents(conn, table)?);
    with_terms(conn, table, || conn.query_row(&differing, (), |row| row.get(0)))
}

/// A query for the documents that are not the same in both indexes, to be run in [`with_terms`].
pub fn differing_documents(conn: &Connection, table: &Table) -> rusqlite::Result<String> {
    let terms = |side: Side| format!("SELECT doc, term, col, offset FROM {}", side.terms());
    let mut queries = vec![[terms(Side::Here), terms(Side::Files)]];
    if table.kind == TableKind::Virtual(Module::FtsContentless) && lists_documents(conn, table)? {
        // Documents without a term, and the UNINDEXED columns of `contentless_unindexed=1`.
        let name = quote_identifier(&table.name);
        let columns = table.columns.iter().map(|column| quote_identifier(&column.name));
        let exact: String =
            columns.map(|column| format!(", typeof({column}), quote({column}), hex({column})")).collect();
        let rows = |side: Side| format!("SELECT rowid AS doc{exact} FROM {}.{name}", side.database());
        queries.push([rows(Side::Here), rows(Side::Files)]);
    }
    let apart = queries.iter().flat_map(|[here, files]| {
        [(here, files), (files, here)].map(|(one, other)| format!("SELECT doc FROM ({one} EXCEPT {other})"))
    });
    Ok(apart.collect::<Vec<_>>().join(" UNION ALL "))
}

/// Is a document of a contentless FTS5 table deleted by its rowid (`contentless_delete=1`)? Such a table notes where each came from
/// (<https://sqlite.org/fts5.html#contentless_delete_tables>).
pub fn deletes_by_rowid(conn: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1, ?2) WHERE name = 'origin')";
    conn.query_row(sql, [format!("{}_docsize", table.name).as_str(), LIVE], |row| row.get(0))
}

/// Does a contentless FTS5 table know its documents? Not with `columnsize=0`.
pub fn lists_documents(conn: &Connection, table: &Table) -> rusqlite::Result<bool> {
    keeps(conn, LIVE, table, "docsize")
}

/// Does an FTS5 table keep this one beside itself?
fn keeps(conn: &Connection, database: &str, table: &Table, what: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {database}.sqlite_schema WHERE name = ?1)");
    conn.query_row(&sql, [format!("{}_{what}", table.name)], |row| row.get(0))
}

/// The columns of an FTS5 table, and whether it knows its documents.
fn shape(conn: &Connection, database: &str, table: &Table) -> rusqlite::Result<(Vec<String>, bool)> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_xinfo(?1, ?2)")?;
    let names = statement.query_map([table.name.as_str(), database], |row| row.get(0))?;
    Ok((names.collect::<rusqlite::Result<_>>()?, keeps(conn, database, table, "docsize")?))
}

/// Runs `work` while the terms of both indexes can be read.
pub fn with_terms<T>(
    conn: &Connection,
    table: &Table,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let name = string_literal(&table.name);
    for (terms, database) in [(LIVE_TERMS, LIVE), (SHADOW_TERMS, "main")] {
        conn.execute_batch(&format!(
            "CREATE VIRTUAL TABLE {terms} USING fts5vocab('{database}', {name}, 'instance')"
        ))?;
    }
    let done = work();
    conn.execute_batch(&format!("DROP TABLE {LIVE_TERMS}; DROP TABLE {SHADOW_TERMS};"))?;
    done
}

/// Notes how far each local index was written, if it does not differ.
pub(super) fn remember_indexes(
    conn: &Connection,
    here: &Schema,
    differing: &[String],
) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("DELETE FROM {SHADOW_FACTS} WHERE name LIKE 'index %'"))?;
    let equal = here.tables.iter().filter(|table| is_search_index(table) && !differing.contains(&table.name));
    for table in equal {
        let written = written(conn, table)?;
        let note = format!("INSERT INTO {SHADOW_FACTS}(name, value) VALUES (?1, ?2)");
        conn.execute(&note, [fact(table), written])?;
    }
    Ok(())
}

fn is_untouched(conn: &Connection, table: &Table) -> rusqlite::Result<bool> {
    // Values of UNINDEXED columns change without a trace in the index.
    if table.kind == TableKind::Virtual(Module::FtsContentless) && keeps(conn, LIVE, table, "content")? {
        return Ok(false);
    }
    let sql = format!("SELECT value FROM {SHADOW_FACTS} WHERE name = ?1");
    let noted: Option<String> = conn.query_row(&sql, [fact(table)], |row| row.get(0)).optional()?;
    Ok(match noted {
        Some(noted) => noted == written(conn, table)?,
        None => false,
    })
}

fn fact(table: &Table) -> String {
    format!("index {}", table.name)
}

/// FTS5 keeps sums of what it holds under 1 and, under 10, its structure with a counter that every write moves on
/// (<https://sqlite.org/fts5.html#fts5_data_structures>).
fn written(conn: &Connection, table: &Table) -> rusqlite::Result<String> {
    let data = quote_identifier(&format!("{}_data", table.name));
    let sql = format!("SELECT group_concat(hex(block), ' ') FROM {LIVE}.{data} WHERE id IN (1, 10)");
    conn.query_row(&sql, (), |row| row.get::<_, Option<String>>(0)).map(Option::unwrap_or_default)
}
