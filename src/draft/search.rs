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
use crate::sql_text::{Batch, Pushed, display_identifier, insert, literal, quote_identifier};

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
        if !is_search_index(table) {
            continue;
        }
        let keeps_no_text = table.kind == TableKind::Virtual(Module::FtsContentless);
        let ways: &[Way] = if keeps_no_text { &[documents_that_differ, from_terms] } else { &[rebuilt] };
        for way in ways {
            if index_differs(conn, table)? {
                way(conn, table)?.drain(|sql| parts.statement(sql))?;
            }
        }
        if index_differs(conn, table)? {
            let table = table.name.clone();
            return Err(if keeps_no_text { Error::Search { table } } else { Error::OldWords { table } });
        }
    }
    Ok(())
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
    let gone = documents(conn, table, Side::Files, Which::Differing)?;
    let by_rowid = deletes_by_rowid(conn, table)?;
    let mut written = vec![table.name.clone(), "rowid".to_owned()];
    written.extend(column_names(table));
    for mut document in gone {
        if by_rowid {
            let rowid = literal((&document[0]).into());
            spool.push(&format!("DELETE FROM {name} WHERE rowid = {rowid};"))?;
        } else {
            document.insert(0, Value::Text("delete".into()));
            let values: Vec<_> = document.iter().map(Into::into).collect();
            spool.push_all(&insert(table.name.as_str(), &written, &values)?)?;
        }
    }
    add(&mut spool, table, documents(conn, table, Side::Here, Which::Differing)?)?;
    Ok(spool)
}

/// The whole index anew, where its parts could not be changed: words that only the real D1 has go.
fn from_terms(conn: &Connection, table: &Table) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    spool.push(&command(table, "delete-all"))?;
    add(&mut spool, table, documents(conn, table, Side::Here, Which::All)?)?;
    Ok(spool)
}

fn column_names(table: &Table) -> impl Iterator<Item = String> {
    table.columns.iter().map(|column| column.name.clone())
}

fn add(spool: &mut Spool, table: &Table, documents: Vec<Vec<Value>>) -> Result<(), Error> {
    let written: Vec<String> = std::iter::once("rowid".to_owned()).chain(column_names(table)).collect();
    let mut batch = Batch::insert(table.name.as_str(), &written);
    for document in documents {
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
    }
    if let Some(statement) = batch.finish() {
        spool.push(&statement)?;
    }
    Ok(())
}

/// Which documents of an index are meant.
enum Which {
    All,
    /// Those that the other side has otherwise, or not at all.
    Differing,
}

/// Each document as its rowid and, column by column, its terms.
fn documents(conn: &Connection, table: &Table, side: Side, which: Which) -> Result<Vec<Vec<Value>>, Error> {
    let stored: String =
        table.columns.iter().map(|column| format!(", {}", quote_identifier(&column.name))).collect();
    let (database, terms) = (side.database(), side.terms());
    let differing = match which {
        Which::All => "IS NOT NULL".into(),
        Which::Differing => format!("IN ({})", differing_documents(conn, table)?),
    };
    let rows = match lists_documents(conn, table)? {
        true => format!(
            "SELECT rowid{stored} FROM {database}.{} WHERE rowid {differing} ORDER BY rowid",
            quote_identifier(&table.name)
        ),
        false => {
            let nothing = ", NULL".repeat(table.columns.len());
            format!("SELECT DISTINCT doc{nothing} FROM {terms} WHERE doc {differing} ORDER BY doc")
        }
    };
    let documents = with_terms(conn, table, || {
        let mut rows = conn.prepare(&rows)?;
        let terms = format!(
            "SELECT group_concat(term, ' ' ORDER BY offset) FROM {terms} WHERE doc = ?1 AND col = ?2"
        );
        let mut terms = conn.prepare(&terms)?;
        let mut documents = Vec::new();
        let mut rows = rows.query(())?;
        while let Some(row) = rows.next()? {
            let rowid: i64 = row.get(0)?;
            let mut document = vec![Value::Integer(rowid)];
            for (position, column) in column_names(table).enumerate() {
                // Only an UNINDEXED column may hold a value.
                document.push(match row.get(1 + position)? {
                    Value::Null => terms.query_row((rowid, column), |row| row.get(0))?,
                    value => value,
                });
            }
            documents.push(document);
        }
        Ok(documents)
    })?;
    Ok(documents)
}
