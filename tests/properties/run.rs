//! One case from beginning to end.

use crate::case::{Case, DdlSpec, End, Op, Round, Step};
use crate::history::{History, Result, Way};
use crate::shape::{Table, tables};
use crate::{ddl, operations, schema};

/// Runs a case; `Err` is the script that fails.
pub(crate) fn case(case: &Case) -> Result {
    let mut history = History::new();
    for sql in schema::statements(&case.tables) {
        // Some mixtures are no valid SQL (the default of a type, an index over a generated column): they are left out.
        history.sql(&sql)?;
    }
    if tables(history.twin()).is_empty() {
        return Ok(());
    }
    for op in &case.seeds {
        operation(&mut history, op)?;
    }
    if !history.is_sound() {
        return Ok(());
    }
    history.pipeline()?;
    for (number, each) in case.rounds.iter().enumerate() {
        round(&mut history, each, number)?;
    }
    Ok(())
}

fn round(history: &mut History, round: &Round, number: usize) -> Result {
    if round.foreign_keys_off {
        history.sql("PRAGMA foreign_keys=OFF")?;
    }
    for step in &round.steps {
        match step {
            Step::Op(op) => operation(history, op)?,
            Step::Transaction(ops, commit) => transaction(history, ops, *commit)?,
            Step::Untrack(which) => follow(history, "untrack", *which)?,
            Step::Track(which) => follow(history, "track", *which)?,
            Step::Check => drop(history.tool(&["check"], &[0, 1])?),
        }
    }
    if round.foreign_keys_off {
        history.tidy_up()?;
        history.sql("PRAGMA foreign_keys=ON")?;
    }
    if !history.is_sound() {
        // The tool may say so; whatever it does, the database must not be touched.
        history.tool(&["-m", "round"], &[0, 2])?;
        return history.same_as_twin();
    }
    match &round.end {
        End::Pipeline => history.pipeline(),
        End::Data => {
            history.tool(&["data", "-m", "round"], &[0])?;
            history.settle()
        }
        End::Tables(which) => {
            selected(history, *which)?;
            history.pipeline()
        }
        End::SmallFiles => {
            history.tool(&["data", "-m", "round", "--max-file-size", "300"], &[0])?;
            history.settle()
        }
        End::Schema(spec, way) => {
            history.pipeline()?;
            schema_change(history, spec, *way, number)
        }
    }
}

fn operation(history: &mut History, op: &Op) -> Result {
    for sql in operations::statements(history.twin(), op) {
        history.sql(&sql)?;
    }
    Ok(())
}

fn transaction(history: &mut History, ops: &[Op], commit: bool) -> Result {
    history.sql("BEGIN")?;
    for op in ops {
        operation(history, op)?;
    }
    // OR ROLLBACK may have ended it.
    if history.twin().is_autocommit() {
        return Ok(());
    }
    if !commit || !history.sql("COMMIT")? {
        history.sql("ROLLBACK")?;
    }
    Ok(())
}

fn follow(history: &mut History, command: &str, which: u8) -> Result {
    let mut tables = tables(history.twin());
    if command == "untrack" {
        // What the clock made in a migration cannot be told from a change that nobody saw.
        tables.retain(|table| !hangs_on_the_clock(history, &table.name));
    }
    // One table, or all of them. A name with a comma cannot be given, and none has one.
    let names: Vec<&str> = match tables.get(usize::from(which)) {
        Some(table) => vec![&table.name],
        None => tables.iter().map(|table| table.name.as_str()).collect(),
    };
    match names.is_empty() {
        true => Ok(()),
        false => history.tool(&[command, "--tables", &names.join(",")], &[0]).map(drop),
    }
}

fn hangs_on_the_clock(history: &History, table: &str) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1 AND sql LIKE '%strftime%')";
    history.twin().query_row(sql, [table], |row| row.get(0)).expect("a schema")
}

/// Writes the changes of one table only. It may be refused where that table cannot go without another.
fn selected(history: &mut History, which: u8) -> Result {
    let tables: Vec<Table> = tables(history.twin());
    let Some(table) = tables.get(usize::from(which) % tables.len().max(1)) else { return Ok(()) };
    let expected: &[i32] =
        if tables.iter().any(|table| !table.foreign_keys.is_empty()) { &[0, 2] } else { &[0] };
    history.tool(&["data", "-m", "some", "--tables", &table.name], expected)?;
    history.same_as_twin()
}

fn schema_change(history: &mut History, spec: &DdlSpec, way: u8, number: usize) -> Result {
    let statements = ddl::statements(history.twin(), spec, number);
    if statements.is_empty() || !history.would_succeed(&statements) {
        return Ok(());
    }
    let way = match way {
        0 => Way::Apply,
        1 => Way::DirectThenApply,
        _ => Way::DirectThenRecord,
    };
    history.schema(&statements, way, |history| {
        // What a migration made from the clock cannot be told from what came there until it was noted as applied.
        let tables = tables(history.twin());
        if tables.iter().any(|table| hangs_on_the_clock(history, &table.name)) {
            return Ok(());
        }
        for op in &spec.after {
            operation(history, op)?;
        }
        Ok(())
    })?;
    if !history.is_sound() {
        // A REPLACE can leave a row pointing to nothing, and the tool may say so.
        history.tool(&["-m", "round"], &[0, 2])?;
        return history.same_as_twin();
    }
    history.pipeline()
}
