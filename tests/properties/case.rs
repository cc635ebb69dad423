//! What a case is made of, and how it is drawn and shrunk. Numbers choose; what they choose is decided when the case runs and
//! the database is there, so that any part of a case can be taken away and the rest still means something.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::values::{Val, val};

/// A schema, rows, and what happens to them.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) tables: Vec<TableSpec>,
    pub(crate) seeds: Vec<Op>,
    pub(crate) rounds: Vec<Round>,
}

/// A table; each number names a variant, 0 the plainest.
#[derive(Debug, Clone)]
pub(crate) struct TableSpec {
    pub(crate) name: u8,
    pub(crate) key: u8,
    pub(crate) strict: bool,
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) foreign_keys: Vec<ForeignKeySpec>,
    pub(crate) indexes: Vec<u8>,
    pub(crate) triggers: Vec<u8>,
    pub(crate) view: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct ColumnSpec {
    pub(crate) name: u8,
    pub(crate) kind: u8,
    pub(crate) constraint: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct ForeignKeySpec {
    pub(crate) parent: u8,
    pub(crate) on_delete: u8,
    pub(crate) on_update: u8,
    pub(crate) deferred: bool,
    pub(crate) constraint: u8,
}

/// Statements between two runs of the tool, and which run ends them.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// As the plain `sqlite3` shell does it.
    pub(crate) foreign_keys_off: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Op(Op),
    Transaction(Vec<Op>, bool),
    Untrack(u8),
    Track(u8),
    Check,
}

/// How a round ends, before everything is checked.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Pipeline,
    Data,
    /// First only some tables.
    Tables(u8),
    /// First everything into several small files.
    SmallFiles,
    /// Everything written, then a schema migration, run in one of three ways.
    Schema(DdlSpec, u8),
}

/// A schema change.
#[derive(Debug, Clone)]
pub(crate) struct DdlSpec {
    pub(crate) what: u8,
    pub(crate) table: u8,
    pub(crate) column: u8,
    pub(crate) new: TableSpec,
    /// Statements after it, for the ways that leave room for some.
    pub(crate) after: Vec<Op>,
}

/// One operation, which may become several statements.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) what: u8,
    pub(crate) table: u8,
    pub(crate) row: u8,
    pub(crate) other: u8,
    pub(crate) column: u8,
    pub(crate) conflict: u8,
    pub(crate) values: Vec<Val>,
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    (vec(table(), 1..5), vec(seed(), 0..16), vec(round(), 1..4)).prop_map(|(tables, seeds, rounds)| Case {
        tables,
        seeds,
        rounds,
    })
}

fn table() -> impl Strategy<Value = TableSpec> {
    (
        0..14u8,
        0..19u8,
        prop::bool::weighted(0.15),
        vec(column(), 0..5),
        vec(foreign_key(), 0..3),
        vec(0..8u8, 0..2),
        vec(0..10u8, 0..2),
        0..6u8,
    )
        .prop_map(|(name, key, strict, columns, foreign_keys, indexes, triggers, view)| TableSpec {
            name,
            key,
            strict,
            columns,
            foreign_keys,
            indexes,
            triggers,
            view,
        })
}

fn column() -> impl Strategy<Value = ColumnSpec> {
    (0..14u8, 0..8u8, 0..24u8).prop_map(|(name, kind, constraint)| ColumnSpec { name, kind, constraint })
}

fn foreign_key() -> impl Strategy<Value = ForeignKeySpec> {
    (0..5u8, 0..6u8, 0..6u8, prop::bool::weighted(0.3), 0..8u8).prop_map(
        |(parent, on_delete, on_update, deferred, constraint)| ForeignKeySpec {
            parent,
            on_delete,
            on_update,
            deferred,
            constraint,
        },
    )
}

fn seed() -> impl Strategy<Value = Op> {
    op().prop_map(|op| Op { what: 0, ..op })
}

fn op() -> impl Strategy<Value = Op> {
    (0..28u8, 0..6u8, 0..8u8, 0..8u8, 0..6u8, 0..10u8, vec(val(), 1..6)).prop_map(
        |(what, table, row, other, column, conflict, values)| Op {
            what,
            table,
            row,
            other,
            column,
            conflict,
            values,
        },
    )
}

fn round() -> impl Strategy<Value = Round> {
    (prop::bool::weighted(0.2), vec(step(), 0..16), end()).prop_map(|(foreign_keys_off, steps, end)| Round {
        foreign_keys_off,
        steps,
        end,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => op().prop_map(Step::Op),
        3 => (vec(op(), 0..5), prop::bool::weighted(0.8)).prop_map(|(ops, commit)| Step::Transaction(ops, commit)),
        1 => (0..6u8).prop_map(Step::Untrack),
        1 => (0..6u8).prop_map(Step::Track),
        1 => Just(Step::Check),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Pipeline),
        3 => Just(End::Data),
        2 => (0..6u8).prop_map(End::Tables),
        1 => Just(End::SmallFiles),
        4 => (ddl(), 0..3u8).prop_map(|(ddl, way)| End::Schema(ddl, way)),
    ]
}

fn ddl() -> impl Strategy<Value = DdlSpec> {
    (0..16u8, 0..6u8, 0..6u8, table(), vec(op(), 0..4))
        .prop_map(|(what, table, column, new, after)| DdlSpec { what, table, column, new, after })
}
