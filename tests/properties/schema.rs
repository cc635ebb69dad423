//! Specifications of tables as `CREATE` statements.

use crate::case::{ForeignKeySpec, TableSpec};
use crate::shape::identifier;

const TABLE_NAMES: [&str; 14] = [
    "t",
    "t",
    "t",
    "t",
    "t",
    "two words",
    "select",
    "quo\"te",
    "ünï",
    "it's",
    "a.b",
    "100%_x",
    "[x]",
    "changefeed",
];

const COLUMN_NAMES: [&str; 14] =
    ["c", "c", "c", "c", "c", "sp ace", "order", "q\"c", "é", "it's", "a.b", "%_", "new", "old"];

const ACTIONS: [&str; 6] = ["", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"];

/// A table whose statement is not rendered yet: what foreign keys need to know about it.
struct Plan {
    name: String,
    /// Key columns, their types and what follows them.
    key: Vec<(String, &'static str, &'static str)>,
    constraint: Option<String>,
    without_rowid: bool,
}

/// All statements of a schema, tables first.
pub(crate) fn statements(specs: &[TableSpec]) -> Vec<String> {
    let plans: Vec<Plan> = specs.iter().enumerate().map(|(position, spec)| plan(spec, position)).collect();
    let mut tables = Vec::new();
    let mut rest = Vec::new();
    for (position, spec) in specs.iter().enumerate() {
        tables.push(create(spec, &plans[position], &plans));
        additions(spec, &plans[position], &plans, &mut rest);
    }
    let uses = |name: &str| rest.iter().any(|sql: &String| sql.contains(name));
    if uses("INTO audit") {
        tables.push("CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, at TEXT DEFAULT (strftime('%Y','now')))".into());
    }
    if uses("INTO counters") {
        tables.push("CREATE TABLE counters(tbl TEXT PRIMARY KEY, n INTEGER NOT NULL)".into());
    }
    tables.into_iter().chain(rest).collect()
}

/// One more table, which stands by itself but for its foreign keys to itself.
pub(crate) fn single(spec: &TableSpec, position: usize) -> Vec<String> {
    let plan = plan(spec, position);
    let mut rest = Vec::new();
    let plans = [plan];
    let table = create(spec, &plans[0], &plans);
    additions(&TableSpec { triggers: Vec::new(), ..spec.clone() }, &plans[0], &plans, &mut rest);
    std::iter::once(table).chain(rest).collect()
}

fn plan(spec: &TableSpec, position: usize) -> Plan {
    let name = format!("{}{position}", TABLE_NAMES[usize::from(spec.name) % TABLE_NAMES.len()]);
    let column = |name: &str, kind, rest| (name.to_owned(), kind, rest);
    let (key, constraint, without_rowid): (Vec<_>, Option<&str>, bool) = match spec.key {
        0 | 1 => (vec![column("id", "INTEGER", "PRIMARY KEY")], None, false),
        2 => (vec![column("id", "INTEGER", "PRIMARY KEY AUTOINCREMENT")], None, false),
        3 => (vec![column("id", "TEXT", "PRIMARY KEY")], None, false),
        4 => (vec![column("id", "TEXT", "PRIMARY KEY COLLATE NOCASE NOT NULL")], None, false),
        5 => (vec![column("id", "INTEGER", "NOT NULL PRIMARY KEY ON CONFLICT REPLACE")], None, false),
        6 => {
            let key = vec![column("k1", "TEXT", "NOT NULL"), column("k2", "INTEGER", "NOT NULL")];
            (key, Some("PRIMARY KEY (k1, k2)"), false)
        }
        7 => (vec![column("id", "TEXT", "PRIMARY KEY")], None, true),
        8 => {
            let key = vec![column("k1", "INTEGER", ""), column("k2", "TEXT", "COLLATE NOCASE")];
            (key, Some("PRIMARY KEY (k2, k1)"), true)
        }
        9 => (vec![column("id", "TEXT", "COLLATE NOCASE PRIMARY KEY")], None, true),
        10 => (Vec::new(), None, false),
        11 => (vec![column("rowid", "TEXT", "")], None, false),
        12 => {
            let key = vec![column("rowid", "INTEGER", ""), column("OID", "TEXT", "PRIMARY KEY")];
            (key, None, false)
        }
        13 => {
            let key =
                vec![column("rowid", "INTEGER", ""), column("oid", "", ""), column("_rowid_", "TEXT", "")];
            (key, None, false)
        }
        14 => {
            let key = vec![
                column("rowid", "TEXT", ""),
                column("oid", "INTEGER", "PRIMARY KEY"),
                column("_rowid_", "", ""),
            ];
            (key, None, false)
        }
        15 => (vec![column("id", "INTEGER", "PRIMARY KEY DESC")], None, false),
        16 => {
            let key = vec![column("k1", "TEXT", ""), column("k2", "", "")];
            (key, Some("PRIMARY KEY (k1, k2) ON CONFLICT REPLACE"), false)
        }
        17 => {
            let key = vec![
                column("rowid", "TEXT", "COLLATE NOCASE NOT NULL"),
                column("oid", "", ""),
                column("_rowid_", "INTEGER", "NOT NULL"),
            ];
            (key, Some("PRIMARY KEY (_rowid_, rowid)"), false)
        }
        _ => (vec![column("id", if spec.strict { "INT" } else { "" }, "PRIMARY KEY")], None, true),
    };
    Plan { name, key, constraint: constraint.map(str::to_owned), without_rowid }
}

/// A type that the table may use.
fn typed(kind: &str, strict: bool) -> &str {
    match kind {
        "" | "NUMERIC" if strict => "ANY",
        kind => kind,
    }
}

fn create(spec: &TableSpec, plan: &Plan, plans: &[Plan]) -> String {
    let mut items: Vec<String> = plan
        .key
        .iter()
        .map(|(name, kind, rest)| format!("{} {} {rest}", identifier(name), typed(kind, spec.strict)))
        .collect();
    for (position, column) in spec.columns.iter().enumerate() {
        let kinds = ["INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "", "TEXT", "INTEGER"];
        let kind = typed(kinds[usize::from(column.kind) % kinds.len()], spec.strict);
        items.push(format!(
            "{} {kind} {}",
            column_name(spec, position),
            constraint(column.constraint, kind, spec, position)
        ));
    }
    // A table needs a stored column.
    if plan.key.is_empty() && spec.columns.iter().all(|column| matches!(column.constraint, 10 | 11)) {
        items.push(format!("x {}", typed("", spec.strict)));
    }
    let mut constraints: Vec<String> = plan.constraint.iter().cloned().collect();
    for (number, key) in spec.foreign_keys.iter().enumerate() {
        foreign_key(key, number, spec, plans, &mut items, &mut constraints);
    }
    items.extend(constraints);
    let mut options = Vec::new();
    options.extend(plan.without_rowid.then_some("WITHOUT ROWID"));
    options.extend(spec.strict.then_some("STRICT"));
    format!("CREATE TABLE {}({}) {}", identifier(&plan.name), items.join(", "), options.join(", "))
        .trim_end()
        .into()
}

fn column_name(spec: &TableSpec, position: usize) -> String {
    let name = COLUMN_NAMES[usize::from(spec.columns[position].name) % COLUMN_NAMES.len()];
    identifier(&format!("{name}{position}"))
}

fn constraint(which: u8, kind: &str, spec: &TableSpec, position: usize) -> String {
    let name = column_name(spec, position);
    let default = match kind {
        "TEXT" => "'it''s; -- ?'",
        "BLOB" => "X'00'",
        "REAL" => "1.5",
        _ => "7",
    };
    // A generated column needs another one to be made from.
    let before = (position > 0)
        .then(|| column_name(spec, 0))
        .filter(|_| !matches!(spec.columns[0].constraint, 10 | 11));
    match which {
        1 => format!("NOT NULL DEFAULT {default}"),
        2 | 12 | 13 => "UNIQUE".into(),
        3 => format!("NOT NULL DEFAULT {default} UNIQUE ON CONFLICT REPLACE"),
        4 => "UNIQUE ON CONFLICT IGNORE".into(),
        5 => "COLLATE NOCASE UNIQUE".into(),
        6 => "COLLATE NOCASE".into(),
        7 => format!("DEFAULT {default}"),
        8 => format!("CHECK ({name} IS NULL OR length({name}) < 200)"),
        9 if kind != "REAL" && kind != "BLOB" => "DEFAULT (strftime('%Y','now') + 0)".into(),
        10 if before.is_some() => format!("AS (typeof({})) VIRTUAL", before.unwrap_or_default()),
        11 if before.is_some() => format!("AS (coalesce({0}, 'nothing')) STORED", before.unwrap_or_default()),
        14 => "NOT NULL UNIQUE".into(),
        15 => format!("CHECK ({name} IS NOT 'b') UNIQUE"),
        _ => String::new(),
    }
}

fn foreign_key(
    spec: &ForeignKeySpec,
    number: usize,
    table: &TableSpec,
    plans: &[Plan],
    items: &mut Vec<String>,
    constraints: &mut Vec<String>,
) {
    let parent = &plans[usize::from(spec.parent) % plans.len()];
    let key: Vec<_> =
        match parent.key.iter().filter(|(_, _, rest)| rest.contains("PRIMARY KEY")).collect::<Vec<_>>() {
            only if only.len() == 1 => only,
            _ if parent.constraint.is_some() => parent.key.iter().collect(),
            _ => return,
        };
    let own: Vec<String> = (0..key.len()).map(|part| format!("ref{number}_{part}")).collect();
    for (name, (_, kind, _)) in own.iter().zip(&key) {
        let rest = match spec.constraint {
            1 if kind == &"INTEGER" => "NOT NULL DEFAULT 1",
            2 => "UNIQUE",
            _ if kind == &"INTEGER" && spec.on_delete == 3 => "DEFAULT 1",
            _ => "",
        };
        items.push(format!("{name} {} {rest}", typed(kind, table.strict)));
    }
    let parents: Vec<String> = key.iter().map(|(name, ..)| identifier(name)).collect();
    let mut sql = format!(
        "FOREIGN KEY ({}) REFERENCES {}({})",
        own.join(", "),
        identifier(&parent.name),
        parents.join(", ")
    );
    // The order of the primary key is not that of the columns: naming them is always right.
    for (event, action) in [("DELETE", spec.on_delete), ("UPDATE", spec.on_update)] {
        let action = ACTIONS[usize::from(action) % ACTIONS.len()];
        if !action.is_empty() {
            sql.push_str(&format!(" ON {event} {action}"));
        }
    }
    if spec.deferred {
        sql.push_str(" DEFERRABLE INITIALLY DEFERRED");
    }
    constraints.push(sql);
}

/// Indexes, views and triggers.
fn additions(spec: &TableSpec, plan: &Plan, plans: &[Plan], out: &mut Vec<String>) {
    let table = identifier(&plan.name);
    let columns: Vec<String> = (0..spec.columns.len()).map(|position| column_name(spec, position)).collect();
    let first = columns.first().cloned();
    let last = columns.last().cloned();
    if let (Some(first), Some(last)) = (&first, &last) {
        for (number, index) in spec.indexes.iter().enumerate() {
            let name = identifier(&format!("ix{number} {}", plan.name));
            out.extend(match index {
                0 => Some(format!("CREATE INDEX {name} ON {table}({first})")),
                1 => Some(format!("CREATE UNIQUE INDEX {name} ON {table}({first}, {last} DESC)")),
                2 => Some(format!("CREATE UNIQUE INDEX {name} ON {table}({first}) WHERE {last} IS NOT NULL")),
                3 => Some(format!("CREATE UNIQUE INDEX {name} ON {table}(lower({first}))")),
                4 => Some(format!("CREATE UNIQUE INDEX {name} ON {table}({last} COLLATE NOCASE)")),
                5 => Some(format!(
                    "CREATE UNIQUE INDEX {name} ON {table}(typeof({first}), {last}) WHERE {first} > 2"
                )),
                _ => None,
            });
        }
    }
    let view = identifier(&format!("view {}", plan.name));
    match spec.view {
        1 => out.push(format!("CREATE VIEW {view} AS SELECT count(*) AS n FROM {table}")),
        2 => {
            out.push(format!("CREATE VIEW {view} AS SELECT * FROM {table}"));
            out.push(format!(
                "CREATE VIEW {} AS SELECT count(*) FROM {view}",
                identifier(&format!("view view {}", plan.name))
            ));
        }
        _ => {}
    }
    let label = plan.name.replace('\'', "''");
    for (number, trigger) in spec.triggers.iter().enumerate() {
        let name = identifier(&format!("tr{number} {}", plan.name));
        let event = ["INSERT", "UPDATE", "DELETE"][(usize::from(*trigger) + number) % 3];
        let row = if event == "DELETE" { "OLD" } else { "NEW" };
        let value = match (&last, plan.key.first()) {
            (Some(column), _) => format!("{row}.{column}"),
            (None, Some((key, ..))) => format!("{row}.{}", identifier(key)),
            _ => "'none'".into(),
        };
        let body = match trigger {
            0..=2 => format!(
                "INSERT INTO counters VALUES ('{label}', 1) ON CONFLICT (tbl) DO UPDATE SET n = n + 1"
            ),
            3 | 4 => format!("INSERT INTO audit(what) VALUES ('{event} ' || quote({value}))"),
            5 => format!(
                "\n  -- what; happened;\n  INSERT INTO audit(what) SELECT CASE WHEN {value} IS NULL THEN 'it''s; END' ELSE '{label}' END;\n  SELECT CASE {value} WHEN 1 THEN 2 end"
            ),
            6 => format!("SELECT RAISE(ABORT, 'not that; one') WHERE {value} IS 3"),
            7 => format!("SELECT RAISE(IGNORE) WHERE {value} IS 2"),
            8 => {
                let other = identifier(&plans[(number + 1) % plans.len()].name);
                format!("DELETE FROM {other} WHERE {value} IS 5")
            }
            // Of one row only: in which order several take and give up unique values depends on the plan.
            _ => match (&last, &plan.key[..]) {
                (Some(column), [(key, ..)]) if event != "DELETE" => format!(
                    "UPDATE {table} SET {column} = coalesce({column}, 0) + 1 WHERE {key} IS NEW.{key}",
                    key = identifier(key)
                ),
                _ => "SELECT 1".into(),
            },
        };
        let timing = if matches!(trigger, 6 | 7) { "BEFORE" } else { "AFTER" };
        out.push(format!("CREATE TRIGGER {name} {timing} {event} ON {table} BEGIN {body}; END"));
    }
    if spec.view == 3 && !plan.key.is_empty() {
        out.push(format!("CREATE VIEW {view} AS SELECT * FROM {table}"));
        let key = identifier(&plan.key[0].0);
        out.push(format!(
            "CREATE TRIGGER {} INSTEAD OF DELETE ON {view} BEGIN DELETE FROM {table} WHERE {key} IS OLD.{key}; END",
            identifier(&format!("tr view {}", plan.name))
        ));
    }
}
