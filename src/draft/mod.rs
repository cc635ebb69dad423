//! The next migration, drafted and proven: its statements are run on the shadow as they are written down, and what comes
//! out is compared with the local database until nothing differs.

mod ahead;
mod batches;
mod ddl;
mod error;
mod fed;
mod inserts;
mod keys;
mod loose;
mod name;
mod part;
mod parts;
mod rows;
mod search;
mod spool;
mod triggers;
mod updates;
mod ways;

use rusqlite::Connection;

pub use error::Error;
pub use fed::take_fed;
pub use part::{Part, forget_drafts};
pub use parts::Naming;

use crate::difference::{
    Moment, Scope, Selected, TableDifference, compare, is_search_table, reached, recheck, sequences,
    unnameable,
};
use crate::schema::{Module, Object, Schema, Table, TableKind, children_first};
use crate::sql_text::{display_identifier, one_line, quote_identifier, string_literal};
use keys::Lead;
use parts::Parts;
use rows::RowWriter;
use spool::{Sink, Spool};
use ways::{Way, attempt, first_that_works};

/// Actions of foreign keys reach rows that are put back in the next round; a round cannot reach further than the rows it
/// puts back, so two are the rule.
const MOST_ROUNDS: usize = 6;

/// Opens a second connection on which the local database is attached, in about the same moment.
pub type OpenReader<'r> = &'r dyn Fn() -> Option<Connection>;

/// Drafts a data migration for what was selected. On the shadow it has been run when this returns.
pub fn data(
    conn: &Connection,
    open_reader: OpenReader,
    here: &Schema,
    files: &Schema,
    selected: &Selected,
    naming: Naming,
) -> Result<Vec<Part>, Error> {
    for difference in &selected.taken {
        if let Some(key) = unnameable(conn, difference)? {
            return Err(Error::Unnameable { table: difference.table.name.clone(), key });
        }
    }
    let draft = |fed: &[&Table]| {
        first_that_works(conn, here, files, selected, |way, selected| {
            let mut parts = Parts::new(conn, naming.clone());
            let rows = without(selected, fed);
            step_aside(&mut parts, files, &rows.taken, fed)?;
            write_rows(&mut parts, open_reader, here, files, &rows, way, fed)?;
            prove_fed(conn, here, files, selected, fed)?;
            settle_indexes(&mut parts, here, files, selected)?;
            write_sequences(&mut parts, here, selected)?;
            parts.finish()
        })
    };
    let fed = fed::fed_tables(files, selected);
    if !fed.is_empty()
        && let Some(parts) = attempt(conn, || draft(&fed))?
    {
        return Ok(parts);
    }
    draft(&[])
}

/// What was selected, but for the rows of tables that triggers fill.
fn without(selected: &Selected, fed: &[&Table]) -> Selected {
    let mut selected = selected.clone();
    selected.taken.retain(|difference| fed.iter().all(|table| table.name != difference.table.name));
    selected
}

/// Have the triggers filled these tables with what they hold here?
fn prove_fed(
    conn: &Connection,
    here: &Schema,
    files: &Schema,
    selected: &Selected,
    fed: &[&Table],
) -> Result<(), Error> {
    let fed: Vec<String> = fed.iter().map(|table| table.name.clone()).collect();
    let moment = Moment::AfterRound(MOST_ROUNDS + 1);
    match recheck(conn, here, files, &[], &fed, &selected.left, moment)?.first() {
        Some(unfed) => Err(Error::Unproven { table: unfed.table.name.clone() }),
        None => Ok(()),
    }
}

fn settle_indexes(
    parts: &mut Parts,
    here: &Schema,
    files: &Schema,
    selected: &Selected,
) -> Result<(), Error> {
    // An index of rows that stay different follows the rows that were written, and differs for the others.
    let unsettled: Vec<String> = triggers::fed_indexes(files, &selected.left).collect();
    let indexes = triggers::fed_indexes(files, &selected.taken).chain(selected.indexes.iter().cloned());
    let indexes: Vec<String> = indexes.filter(|index| !unsettled.contains(index)).collect();
    search::settle(parts, here, &indexes)
}

/// Drafts the initial migration: schema, then data, then what must not see the data come (triggers).
pub fn initial(
    conn: &Connection,
    open_reader: OpenReader,
    here: &Schema,
    migrations_table: &str,
    naming: Naming,
) -> Result<Vec<Part>, Error> {
    let is_unknown = |table: &&Table| table.kind == TableKind::Virtual(Module::Unknown);
    if let Some(table) = here.tables.iter().find(is_unknown) {
        return Err(Error::Module { table: table.name.clone() });
    }
    let mut parts = Parts::new(conn, naming);
    for sql in ddl::before_rows(here, |trigger| triggers::feeds_search(here, trigger)) {
        parts.statement(&sql)?;
    }
    let files = crate::schema::read(conn, "main", migrations_table)?;
    let comparison = compare(conn, here.clone(), files, &Scope::everything())?;
    let selected =
        Selected { taken: comparison.tables, sequences: comparison.sequences, ..Selected::default() };
    write_rows(&mut parts, open_reader, here, &comparison.files, &selected, Way::ChildrenFirst, &[])?;
    write_sequences(&mut parts, here, &selected)?;
    let indexes = here.tables.iter().filter(|table| is_search_table(table)).map(|table| table.name.clone());
    search::settle(&mut parts, here, &indexes.collect::<Vec<_>>())?;
    for sql in ddl::after_rows(here, |trigger| triggers::feeds_search(here, trigger)) {
        parts.statement(&sql)?;
    }
    let files = crate::schema::read(conn, "main", migrations_table)?;
    if let Some(drift) = crate::schema::compare(here, &files).first() {
        return Err(Error::SchemaUnproven { difference: drift.sentence() });
    }
    parts.finish()
}

/// The user's triggers go before the first row and come back after the last one, in every file.
fn step_aside(
    parts: &mut Parts,
    files: &Schema,
    differences: &[TableDifference],
    fed: &[&Table],
) -> Result<(), Error> {
    for trigger in triggers::concerned(parts.conn(), files, differences, fed)? {
        parts.before.push(drop_trigger(trigger));
        parts.after.push(format!("{};", one_line(&trigger.sql)));
    }
    Ok(())
}

fn drop_trigger(trigger: &Object) -> String {
    format!("DROP TRIGGER {};", display_identifier(&trigger.name))
}

/// What has to be written in a later round may fire a trigger that nobody expected to: it would do again what it did here.
fn no_other_fires(
    parts: &Parts,
    files: &Schema,
    pending: &[TableDifference],
    fed: &[&Table],
) -> Result<(), Error> {
    let concerned = triggers::concerned(parts.conn(), files, pending, fed)?;
    match concerned.into_iter().find(|trigger| !parts.before.contains(&drop_trigger(trigger))) {
        Some(trigger) => Err(Error::Unproven { table: trigger.table.clone() }),
        None => Ok(()),
    }
}

fn write_rows(
    parts: &mut Parts,
    open_reader: OpenReader,
    here: &Schema,
    files: &Schema,
    selected: &Selected,
    way: Way,
    fed: &[&Table],
) -> Result<(), Error> {
    let conn = parts.conn();
    let mut pending = match way {
        Way::KeysFirst => keys::change(parts, here, files, selected, Lead::Any)?,
        Way::OwnChildrenFirst => keys::change(parts, here, files, selected, Lead::AfterOwnChildren)?,
        Way::ChildrenFirst | Way::Anew => selected.taken.clone(),
    };
    for round in 1..=MOST_ROUNDS {
        if pending.is_empty() {
            break;
        }
        if round > 1 || matches!(way, Way::KeysFirst | Way::OwnChildrenFirst) {
            no_other_fires(parts, files, &pending, fed)?;
        }
        // Once the statements have run, nothing differs any more that could tell.
        let reached = reached(conn, here, &pending)?;
        match ahead::is_worth_it(&pending).then(open_reader).flatten() {
            Some(reader) => ahead::run_ahead(reader, files, &pending, |sql| parts.statement(sql))?,
            None => statements(conn, files, &pending)?.each(|sql| parts.statement(sql))?,
        }
        let moment = Moment::AfterRound(round);
        pending = recheck(conn, here, files, &pending, &reached, &selected.left, moment)?;
    }
    match pending.first() {
        Some(difference) => Err(Error::Unproven { table: difference.table.name.clone() }),
        None if parts::no_foreign_key_is_open(conn) => Ok(()),
        None => Err(open_foreign_key(conn, files)?),
    }
}

/// Children let go before their parents do, parents come before their children.
fn statements(conn: &Connection, files: &Schema, differences: &[TableDifference]) -> Result<Spool, Error> {
    let mut spool = Spool::new();
    let order = children_first(files);
    loose::mark(conn, &order, differences)?;
    let find =
        |table: &&Table| differences.iter().find(|other| other.table.name.eq_ignore_ascii_case(&table.name));
    for difference in order.iter().filter_map(find) {
        RowWriter::new(conn, difference, &order, &mut spool)?.loosen()?;
    }
    for difference in order.iter().filter_map(find) {
        let mut writer = RowWriter::new(conn, difference, &order, &mut spool)?;
        writer.deletes("1")?;
        writer.updates()?;
    }
    inserts(conn, &order, differences, &mut spool)?;
    spool.push(parts::RELEASE)?;
    Ok(spool)
}

/// Parents come before their children.
fn inserts(
    conn: &Connection,
    order: &[&Table],
    differences: &[TableDifference],
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    for table in order.iter().rev() {
        let named = |other: &&TableDifference| other.table.name.eq_ignore_ascii_case(&table.name);
        if let Some(difference) = differences.iter().find(named) {
            RowWriter::new(conn, difference, order, sink)?.inserts()?;
        }
    }
    Ok(())
}

/// The counters that are not yet what they are here, after all rows have come.
fn write_sequences(parts: &mut Parts, here: &Schema, selected: &Selected) -> Result<(), Error> {
    let conn = parts.conn();
    let tables: Vec<&Table> =
        here.tables.iter().filter(|table| !selected.left_sequences.contains(&table.name)).collect();
    for sequence in sequences(conn, &tables)? {
        let name = string_literal(&sequence.table);
        let sql = match (sequence.here, sequence.files) {
            (None, files) => {
                let files = files.unwrap_or(0);
                format!("DELETE FROM sqlite_sequence WHERE name = {name} AND seq = {files};")
            }
            (Some(value), None) => {
                // A second row for one table would never be read.
                format!(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT {name}, {value} WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {name});"
                )
            }
            // The real D1 may have counted further.
            (Some(value), Some(files)) if value > files => {
                format!("UPDATE sqlite_sequence SET seq = max(seq, {value}) WHERE name = {name};")
            }
            (Some(value), Some(files)) => {
                format!("UPDATE sqlite_sequence SET seq = {value} WHERE name = {name} AND seq = {files};")
            }
        };
        parts.statement(&sql)?;
    }
    Ok(())
}

/// Which row points to nothing, in words.
fn open_foreign_key(conn: &Connection, files: &Schema) -> Result<Error, Error> {
    for table in files.tables.iter().filter(|table| !table.foreign_keys.is_empty()) {
        let mut statement =
            conn.prepare(&format!("PRAGMA main.foreign_key_check({})", quote_identifier(&table.name)))?;
        let mut rows = statement.query(())?;
        if let Some(row) = rows.next()? {
            return Ok(Error::ForeignKey { child: row.get(0)?, parent: row.get(2)? });
        }
    }
    Ok(Error::OpenForeignKey)
}
