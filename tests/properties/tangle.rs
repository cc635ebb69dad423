//! Tables whose unique columns point to each other and to their own table, under rows that trade these values: what the schemas
//! of `schema.rs`, whose foreign keys have columns of their own and point to primary keys, reach seldom.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::history::{History, Result};

/// What the columns `id`, `o` and `r` of a table are made of: their constraints, and those of the table.
const LAYOUTS: [([&str; 3], &str); 8] = [
    (["PRIMARY KEY", "UNIQUE", "UNIQUE"], ""),
    (["PRIMARY KEY", "UNIQUE", ""], ""),
    (["UNIQUE", "PRIMARY KEY", "UNIQUE"], ""),
    (["UNIQUE", "UNIQUE", "UNIQUE"], ", n INTEGER PRIMARY KEY"),
    (["NOT NULL", "UNIQUE", "UNIQUE"], ", PRIMARY KEY (r, id)"),
    (["", "", ""], ", PRIMARY KEY (o, id)"),
    (["", "", ""], ", PRIMARY KEY (o, id), UNIQUE (o, r)"),
    (["PRIMARY KEY", "", ""], ", UNIQUE (o, r)"),
];

/// From here on keys have two columns, of which `o` is one.
const FIRST_COMPOSITE: usize = 5;

const ACTIONS: [&str; 7] =
    ["CASCADE", "CASCADE", "CASCADE", "SET NULL", "NO ACTION", "RESTRICT", "SET DEFAULT"];

const COLUMNS: [&str; 3] = ["id", "o", "r"];

#[derive(Debug, Clone)]
pub(crate) struct Tangle {
    tables: Vec<Table>,
    rows: Vec<(usize, [u8; 3])>,
    rounds: Vec<Vec<Move>>,
}

#[derive(Debug, Clone)]
struct Table {
    layout: usize,
    is_text: bool,
    without_rowid: bool,
    not_null: bool,
    references: Vec<Reference>,
}

/// A foreign key of one column, or of `o` and another one where the parent is named so.
#[derive(Debug, Clone)]
struct Reference {
    from: usize,
    parent: usize,
    to: usize,
    on_update: usize,
    on_delete: usize,
    deferred: bool,
}

/// Something that happens in one table.
#[derive(Debug, Clone)]
struct Move {
    table: usize,
    what: What,
    at_once: bool,
}

#[derive(Debug, Clone)]
enum What {
    Insert {
        row: [u8; 3],
        replaces: bool,
    },
    Delete {
        column: usize,
        value: u8,
    },
    Set {
        column: usize,
        from: u8,
        to: u8,
        replaces: bool,
    },
    /// Two values change places over one that nobody has.
    Trade {
        column: usize,
        one: u8,
        other: u8,
    },
    /// Three do.
    Rotate {
        column: usize,
        values: [u8; 3],
    },
    Touch {
        column: usize,
        value: u8,
    },
}

pub(crate) fn tangle() -> impl Strategy<Value = Tangle> {
    let values = [0..6u8, 0..6, 0..6];
    let rows = vec((0..2usize, values), 2..9);
    let tables = prop_oneof![2 => vec(table(), 1), 1 => vec(table(), 2)];
    (tables, rows, vec(vec(change(), 1..6), 1..3)).prop_map(|(tables, rows, rounds)| Tangle {
        tables,
        rows,
        rounds,
    })
}

fn table() -> impl Strategy<Value = Table> {
    let reference =
        (0..3usize, 0..2usize, 0..3usize, 0..ACTIONS.len(), 0..ACTIONS.len(), prop::bool::weighted(0.2))
            .prop_map(|(from, parent, to, on_update, on_delete, deferred)| Reference {
                from,
                parent,
                to,
                on_update,
                on_delete,
                deferred,
            });
    (
        0..LAYOUTS.len(),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        vec(reference, 1..3),
    )
        .prop_map(|(layout, is_text, without_rowid, not_null, references)| Table {
            layout,
            is_text,
            without_rowid,
            not_null,
            references,
        })
}

fn change() -> impl Strategy<Value = Move> {
    let (column, value) = (|| 0..3usize, || 0..6u8);
    let what = prop_oneof![
        2 => ([value(), value(), value()], prop::bool::weighted(0.4))
            .prop_map(|(row, replaces)| What::Insert { row, replaces }),
        2 => (column(), value()).prop_map(|(column, value)| What::Delete { column, value }),
        3 => (column(), value(), value(), prop::bool::weighted(0.2))
            .prop_map(|(column, from, to, replaces)| What::Set { column, from, to, replaces }),
        4 => (column(), value(), value()).prop_map(|(column, one, other)| What::Trade { column, one, other }),
        2 => (column(), [value(), value(), value()]).prop_map(|(column, values)| What::Rotate { column, values }),
        1 => (column(), value()).prop_map(|(column, value)| What::Touch { column, value }),
    ];
    (0..2usize, what, prop::bool::ANY).prop_map(|(table, what, at_once)| Move { table, what, at_once })
}

/// Runs a case; `Err` is the script that fails.
pub(crate) fn run(tangle: &Tangle) -> Result {
    let mut history = History::new();
    for number in 0..tangle.tables.len() {
        history.sql(&tangle.create(number))?;
    }
    // Rows that point to each other in a circle cannot come one by one.
    history.sql("PRAGMA foreign_keys=OFF")?;
    for (table, row) in &tangle.rows {
        history.sql(&tangle.insert(*table, row, ""))?;
    }
    history.tidy_up()?;
    history.sql("PRAGMA foreign_keys=ON")?;
    if !history.is_sound() {
        return Ok(());
    }
    history.pipeline()?;
    for round in &tangle.rounds {
        for change in round {
            let statements = tangle.statements(change);
            let all =
                |history: &mut History| statements.iter().try_for_each(|sql| history.sql(sql).map(drop));
            if !change.at_once {
                all(&mut history)?;
                continue;
            }
            history.sql("BEGIN")?;
            all(&mut history)?;
            if !history.sql("COMMIT")? {
                history.sql("ROLLBACK")?;
            }
        }
        if !history.is_sound() {
            return Ok(());
        }
        history.pipeline_unless_refused()?;
    }
    Ok(())
}

impl Tangle {
    fn table(&self, number: usize) -> (usize, &Table) {
        let number = number % self.tables.len();
        (number, &self.tables[number])
    }

    fn create(&self, number: usize) -> String {
        let table = &self.tables[number];
        let (constraints, rest) = LAYOUTS[table.layout];
        let kind = if table.is_text { "TEXT" } else { "INTEGER" };
        let not_null = if table.not_null { " NOT NULL" } else { "" };
        let mut items: Vec<String> = COLUMNS
            .iter()
            .zip(constraints)
            .map(|(name, constraint)| format!("{name} {kind} {constraint}"))
            .collect();
        items[2].push_str(not_null);
        items.push(format!("v{rest}"));
        items.extend(table.references.iter().filter_map(|reference| self.reference(number, reference)));
        let without = table.without_rowid && LAYOUTS[table.layout].1 != ", n INTEGER PRIMARY KEY";
        let options = if without { " WITHOUT ROWID" } else { "" };
        format!("CREATE TABLE t{number}({}){options}", items.join(", "))
    }

    fn reference(&self, number: usize, reference: &Reference) -> Option<String> {
        let (parent, Table { layout, .. }) = self.table(number + reference.parent);
        let (from, to) = (COLUMNS[reference.from], COLUMNS[reference.to]);
        let alone = |column: usize| !matches!(LAYOUTS[*layout].0[column], "" | "NOT NULL");
        let (from, to) = match *layout {
            _ if alone(reference.to) => (from.to_owned(), to.to_owned()),
            4 => (format!("{from}, {}", COLUMNS[(reference.from + 1) % 3]), "r, id".to_owned()),
            5 | 6 => (format!("o, {}", if from == "o" { "r" } else { from }), "o, id".to_owned()),
            _ if reference.to == 0 => (from.to_owned(), "id".to_owned()),
            _ => (format!("o, {}", if from == "o" { "id" } else { from }), "o, r".to_owned()),
        };
        // A row that can only point to itself says nothing.
        if parent == number && from == to {
            return None;
        }
        let deferred = if reference.deferred { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
        Some(format!(
            "FOREIGN KEY ({from}) REFERENCES t{parent}({to}) ON UPDATE {} ON DELETE {}{deferred}",
            ACTIONS[reference.on_update], ACTIONS[reference.on_delete]
        ))
    }

    fn value(&self, table: usize, value: u8) -> String {
        let texts = ["'a'", "'A'", "'b'", "'c'", "'d'", "NULL"];
        let numbers = ["1", "2", "3", "4", "5", "NULL"];
        let values = if self.table(table).1.is_text { texts } else { numbers };
        values[usize::from(value)].into()
    }

    fn insert(&self, table: usize, row: &[u8; 3], conflict: &str) -> String {
        let [id, mut o, r] = *row;
        // Rows of a key of two columns meet where they share one.
        if self.table(table).1.layout >= FIRST_COMPOSITE {
            o %= 2;
        }
        let values = [id, o, r].map(|value| self.value(table, value));
        format!("INSERT {conflict}INTO t{}(id, o, r) VALUES ({})", self.table(table).0, values.join(", "))
    }

    fn statements(&self, change: &Move) -> Vec<String> {
        let table = change.table;
        let name = format!("t{}", self.table(table).0);
        let or = |replaces: bool| if replaces { "OR REPLACE " } else { "" };
        let value = |value: u8| self.value(table, value);
        let aside = if self.table(table).1.is_text { "'aside'" } else { "4711" };
        let set = |column: usize, from: &str, to: &str| {
            let column = COLUMNS[column];
            format!("UPDATE {name} SET {column} = {to} WHERE {column} IS {from}")
        };
        match &change.what {
            What::Insert { row, replaces } => vec![self.insert(table, row, or(*replaces))],
            What::Delete { column, value: gone } => {
                vec![format!("DELETE FROM {name} WHERE {} IS {}", COLUMNS[*column], value(*gone))]
            }
            What::Set { column, from, to, replaces } => {
                let sql = set(*column, &value(*from), &value(*to));
                vec![sql.replacen("UPDATE ", &format!("UPDATE {}", or(*replaces)), 1)]
            }
            What::Trade { column, one, other } => vec![
                set(*column, &value(*one), aside),
                set(*column, &value(*other), &value(*one)),
                set(*column, aside, &value(*other)),
            ],
            What::Rotate { column, values: [one, two, three] } => vec![
                set(*column, &value(*one), aside),
                set(*column, &value(*two), &value(*one)),
                set(*column, &value(*three), &value(*two)),
                set(*column, aside, &value(*three)),
            ],
            What::Touch { column, value: here } => {
                vec![format!(
                    "UPDATE {name} SET v = coalesce(v, 0) + 1 WHERE {} IS {}",
                    COLUMNS[*column],
                    value(*here)
                )]
            }
        }
    }
}
