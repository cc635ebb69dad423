//! FTS5 tables: their settings, and indexes that no trigger keeps, built anew from their text or from their terms.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::Error;
use super::parts::Parts;
use super::spool::{Sink, Spool};
use crate::difference::{
    Side, deletes_by_rowid, differing_documents, differing_settings, index_differs, is_search_index,
    lists_documents, with_terms,
};
use crate::schema::{Module, Schema, Table, TableKind};
use crate::shadow::run_one;
use crate::sql_text::{Batch, Pushed, display_identifier, insert, literal, quote_identifier, string_literal};

/// A way to bring an index to the terms that the local one has.
type Way = fn(&Connection, &Table) -> Result<Spool, Error>;

/// Brings each of these FTS5 tables to the settings, and its index to the terms, that the local one has.
pub(super) fn settle(parts: &mut Parts, here: &Schema, names: &[String]) -> Result<(), Error> {
    let conn = parts.conn();
    for table in here.tables.iter().filter(|table| names.contains(&table.name)) {
        let name = display_identifier(&table.name);
        for (option, value) in differing_settings(conn, table)? {
            let value = literal((&value).into());
            parts.statement(&format!("INSERT INTO {name}({name}, rank) VALUES ('{option}', {value});"))?;
        }
        if !is_search_index(table) || !index_differs(conn, table)? {
            continue;
        }
        let keeps_no_text = table.kind == TableKind::Virtual(Module::FtsContentless);
        // Where triggers pass over rows of its text, it holds less than all.
        let ways: &[Way] = match keeps_no_text {
            true => &[documents_that_differ, from_terms],
            false => &[rebuilt, documents_that_differ],
        };
        match first_that_settles(conn, table, ways)? {
            Some(mut statements) => statements.each(|sql| parts.statement(sql))?,
            None if keeps_no_text => return Err(Error::Search { table: table.name.clone() }),
            None => return Err(Error::OldWords { table: table.name.clone() }),
        }
    }
    Ok(())
}

/// The statements of the first way after which the index differs no more. Each is tried, and undone.
fn first_that_settles(conn: &Connection, table: &Table, ways: &[Way]) -> Result<Option<Spool>, Error> {
    for way in ways {
        let mut statements = way(conn, table)?;
        conn.execute_batch("SAVEPOINT trial")?;
        // A tokenizer that makes other terms of its own terms lets FTS5 find its index malformed.
        let ran = statements.each(|sql| run_one(conn, sql).map_err(Error::from));
        let settles = ran.is_ok() && !index_differs(conn, table)?;
        conn.execute_batch("ROLLBACK TO trial; RELEASE trial")?;
        if settles {
            return Ok(Some(statements));
        }
    }
    Ok(None)
}

fn command(table: &Table, word: &str) -> String {
    let name = display_identifier(&table.name);
    format!("INSERT INTO {name}({name}) VALUES ('{word}');")
}

fn rebuilt(_: &Connection, table: &Table) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    spool.push(&command(table, "rebuild"))?;
    Ok(spool)
}

/// The text is gone, but terms in their order give the same index wherever the tokenizer leaves its own terms as they are.
/// Documents that only the real D1 has stay.
fn documents_that_differ(conn: &Connection, table: &Table) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    let name = display_identifier(&table.name);
    let by_rowid = deletes_by_rowid(conn, table)?;
    let mut written = vec![table.name.clone(), "rowid".to_owned()];
    written.extend(column_names(table));
    each_document(conn, table, Side::Files, Which::Differing, |mut document| {
        if by_rowid {
            let rowid = literal((&document[0]).into());
            spool.push(&format!("DELETE FROM {name} WHERE rowid = {rowid};"))?;
        } else {
            document.insert(0, Value::Text("delete".into()));
            let values: Vec<_> = document.iter().map(Into::into).collect();
            spool.push_all(&insert(table.name.as_str(), &written, &values)?)?;
        }
        Ok(())
    })?;
    add(&mut spool, conn, table, Which::Differing)?;
    Ok(spool)
}

/// The whole index anew, where its parts could not be changed: words that only the real D1 has go.
fn from_terms(conn: &Connection, table: &Table) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    spool.push(&command(table, "delete-all"))?;
    add(&mut spool, conn, table, Which::All)?;
    Ok(spool)
}

fn column_names(table: &Table) -> impl Iterator<Item = String> {
    table.columns.iter().map(|column| column.name.clone())
}

/// Adds documents of the local index.
fn add(spool: &mut Spool, conn: &Connection, table: &Table, which: Which) -> Result<(), Error> {
    let written: Vec<String> = std::iter::once("rowid".to_owned()).chain(column_names(table)).collect();
    let mut batch = Batch::insert(table.name.as_str(), &written);
    each_document(conn, table, Side::Here, which, |document| {
        let values: Vec<_> = document.iter().map(Into::into).collect();
        match batch.push_row(&values) {
            Pushed::Held => {}
            Pushed::Finished(statement) => spool.push(&statement)?,
            Pushed::TooLarge(before) => {
                if let Some(statement) = before {
                    spool.push(&statement)?;
                }
                spool.push_all(&insert(table.name.as_str(), &written, &values)?)?;
            }
        }
        Ok(())
    })?;
    if let Some(statement) = batch.finish() {
        spool.push(&statement)?;
    }
    Ok(())
}

/// Which documents of an index are meant.
#[derive(Clone, Copy)]
enum Which {
    All,
    /// Those that the other side has otherwise, or not at all.
    Differing,
}

/// The documents that are meant.
const MEANT: &str = "temp.d1_migrate_documents";

/// What each column of them holds: its terms in their order.
const TEXTS: &str = "temp.d1_migrate_texts";

/// Calls `each` with the rowid and, column by column, the terms of every document that is meant and that this side has.
fn each_document(
    conn: &Connection,
    table: &Table,
    side: Side,
    which: Which,
    mut each: impl FnMut(Vec<Value>) -> Result<(), Error>,
) -> Result<(), Error> {
    note_texts(conn, table, side, which)?;
    // What one over another table shows is that one's text, not what was indexed of it.
    let shows_its_own = table.kind == TableKind::Virtual(Module::FtsContentless);
    let text = |column: String| {
        format!("(SELECT text FROM {TEXTS} t WHERE t.doc = d.doc AND t.col = {})", string_literal(&column))
    };
    let documents = match shows_its_own && lists_documents(conn, table)? {
        true => {
            // Only an UNINDEXED column may hold a value.
            let column = |name: String| format!(", coalesce(f.{}, {})", quote_identifier(&name), text(name));
            format!(
                "SELECT d.doc{} FROM {MEANT} d JOIN {}.{} f ON f.rowid = d.doc ORDER BY d.doc",
                column_names(table).map(column).collect::<String>(),
                side.database(),
                quote_identifier(&table.name),
            )
        }
        false => format!(
            "SELECT d.doc{} FROM {MEANT} d WHERE d.doc IN (SELECT doc FROM {TEXTS}) ORDER BY d.doc",
            column_names(table).map(|name| format!(", {}", text(name))).collect::<String>(),
        ),
    };
    let mut documents = conn.prepare(&documents)?;
    let width = documents.column_count();
    let mut documents = documents.query(())?;
    while let Some(row) = documents.next()? {
        each((0..width).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?)?;
    }
    Ok(())
}

/// In one pass over the index: FTS5 finds documents by their terms, not the terms of a document.
fn note_texts(conn: &Connection, table: &Table, side: Side, which: Which) -> Result<(), Error> {
    let terms = side.terms();
    let meant = match which {
        Which::All if lists_documents(conn, table)? => {
            format!("SELECT rowid FROM {}.{}", side.database(), quote_identifier(&table.name))
        }
        Which::All => format!("SELECT doc FROM {terms}"),
        Which::Differing => differing_documents(conn, table)?,
    };
    with_terms(conn, table, || {
        conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS {MEANT}; CREATE TABLE {MEANT}(doc INTEGER PRIMARY KEY);
             INSERT OR IGNORE INTO {MEANT} {meant};
             DROP TABLE IF EXISTS {TEXTS}; CREATE TABLE {TEXTS}(doc INTEGER, col TEXT, text TEXT);
             INSERT INTO {TEXTS} SELECT doc, col, group_concat(term, ' ' ORDER BY offset) FROM {terms}
               WHERE +doc IN (SELECT doc FROM {MEANT}) GROUP BY doc, col;
             CREATE INDEX {TEXTS}_by_document ON d1_migrate_texts(doc, col)"
        ))
    })?;
    Ok(())
}
