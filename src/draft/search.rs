//! FTS5 tables: their settings, and indexes that no trigger keeps, built anew from their text or from their terms.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::Error;
use super::parts::Parts;
use super::spool::{Sink, Spool};
use crate::difference::{
    LIVE, LIVE_TERMS, differing_settings, index_differs, is_search_index, lists_documents, with_terms,
};
use crate::schema::{Module, Schema, Table, TableKind};
use crate::sql_text::{Batch, Pushed, display_identifier, insert, literal, quote_identifier};

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
        let spool = if keeps_no_text { from_terms(conn, table)? } else { rebuilt(table)? };
        spool.drain(|sql| parts.statement(sql))?;
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

fn rebuilt(table: &Table) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    spool.push(&command(table, "rebuild"))?;
    Ok(spool)
}

/// The text is gone, but terms in their order give the same index wherever the tokenizer leaves its own terms as they are.
fn from_terms(conn: &Connection, table: &Table) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    spool.push(&command(table, "delete-all"))?;
    let columns: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let written: Vec<String> = std::iter::once("rowid".to_owned()).chain(columns.iter().cloned()).collect();
    let mut batch = Batch::insert(table.name.as_str(), &written);
    for document in documents(conn, table, &columns)? {
        let values: Vec<_> = document.iter().map(Into::into).collect();
        match batch.push_row(&values) {
            Pushed::Held => {}
            Pushed::Finished(statement) => spool.push(&statement)?,
            Pushed::TooLarge(before) => {
                if let Some(statement) = before {
                    spool.push(&statement)?;
                }
                for statement in insert(table.name.as_str(), &written, &values)? {
                    spool.push(&statement)?;
                }
            }
        }
    }
    if let Some(statement) = batch.finish() {
        spool.push(&statement)?;
    }
    Ok(spool)
}

/// Each document as its rowid and, column by column, its terms.
fn documents(conn: &Connection, table: &Table, columns: &[String]) -> Result<Vec<Vec<Value>>, Error> {
    let stored: String = columns.iter().map(|column| format!(", {}", quote_identifier(column))).collect();
    let rows = match lists_documents(conn, table)? {
        true => format!("SELECT rowid{stored} FROM {LIVE}.{} ORDER BY rowid", quote_identifier(&table.name)),
        false => {
            format!("SELECT DISTINCT doc{} FROM {LIVE_TERMS} ORDER BY doc", ", NULL".repeat(columns.len()))
        }
    };
    let documents = with_terms(conn, table, || {
        let mut rows = conn.prepare(&rows)?;
        let terms = format!(
            "SELECT group_concat(term, ' ' ORDER BY offset) FROM {LIVE_TERMS} WHERE doc = ?1 AND col = ?2"
        );
        let mut terms = conn.prepare(&terms)?;
        let mut documents = Vec::new();
        let mut rows = rows.query(())?;
        while let Some(row) = rows.next()? {
            let rowid: i64 = row.get(0)?;
            let mut document = vec![Value::Integer(rowid)];
            for (position, column) in columns.iter().enumerate() {
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
