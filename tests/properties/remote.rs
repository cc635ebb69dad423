//! Rows that only the real D1 has: a migration leaves them as the statements that it stands for would have left them there,
//! or is refused there.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rusqlite::Connection;

use crate::replay::d1_settings;
use crate::scratch::Scratch;

const CASES: u32 = 250;

const KEYS: [(&str, &str); 5] = [
    ("INTEGER PRIMARY KEY", ""),
    ("TEXT PRIMARY KEY", ""),
    ("TEXT COLLATE NOCASE NOT NULL PRIMARY KEY", ""),
    ("TEXT PRIMARY KEY", " WITHOUT ROWID"),
    ("REAL PRIMARY KEY", ""),
];

const ACTIONS: [&str; 4] = ["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"];

/// One foreign key, in a table of its own.
#[derive(Debug, Clone)]
struct Child {
    to_slug: bool,
    on_update: usize,
    on_delete: usize,
    unique: bool,
    /// Is the foreign key a part of its name, by which rows of one more table point to it?
    names: Option<Name>,
    /// The parents of two rows here, and of two rows that only the real D1 has.
    parents: [usize; 4],
}

/// The name of a child whose foreign key is a part of it.
#[derive(Debug, Clone, Copy)]
struct Name {
    without_rowid: bool,
    /// What its own children do when it goes; they follow when it changes.
    on_delete: usize,
}

/// One statement of the local user.
#[derive(Debug, Clone)]
enum Change {
    /// A parent gets another key or slug, if need be by pushing out the one that has it.
    Rename { parent: usize, slug: bool, to: usize, replaces: bool },
    /// Two parents trade keys or slugs.
    Trade { one: usize, other: usize, slug: bool },
    /// A parent goes.
    Delete { parent: usize },
    /// A new parent comes, if need be in place of others.
    Insert { key: usize, slug: usize, replaces: bool },
    /// A parent goes, and a new one comes that may get its rowid.
    Succeed { parent: usize },
    /// A parent keeps its key and changes otherwise.
    Touch { parent: usize },
    /// A child here moves to another parent.
    Repoint { child: usize, row: usize, parent: usize },
}

#[derive(Debug, Clone)]
struct Case {
    key: usize,
    children: Vec<Child>,
    /// Each ends with a migration.
    rounds: Vec<Vec<Change>>,
}

fn case() -> impl Strategy<Value = Case> {
    let name =
        (prop::bool::ANY, 0..4usize).prop_map(|(without_rowid, on_delete)| Name { without_rowid, on_delete });
    let names = prop::option::weighted(0.3, name);
    let parents = [0..4usize, 0..4, 0..4, 0..4];
    let child = (prop::bool::ANY, 0..7usize, 0..4usize, prop::bool::weighted(0.3), names, parents).prop_map(
        |(to_slug, on_update, on_delete, unique, names, parents)| Child {
            to_slug,
            // CASCADE more often than not.
            on_update: on_update.saturating_sub(3),
            on_delete,
            unique,
            names,
            parents,
        },
    );
    let change = prop_oneof![
        4 => (0..5usize, prop::bool::ANY, 0..6usize, prop::bool::weighted(0.3))
            .prop_map(|(parent, slug, to, replaces)| Change::Rename { parent, slug, to, replaces }),
        3 => (0..5usize, 0..5usize, prop::bool::ANY).prop_map(|(one, other, slug)| Change::Trade { one, other, slug }),
        2 => (0..5usize).prop_map(|parent| Change::Delete { parent }),
        2 => (0..6usize, 0..6usize, prop::bool::weighted(0.3))
            .prop_map(|(key, slug, replaces)| Change::Insert { key, slug, replaces }),
        1 => (0..5usize).prop_map(|parent| Change::Succeed { parent }),
        1 => (0..5usize).prop_map(|parent| Change::Touch { parent }),
        2 => (0..3usize, 0..2usize, 0..5usize).prop_map(|(child, row, parent)| Change::Repoint { child, row, parent }),
    ];
    (0..KEYS.len(), vec(child, 1..4), vec(vec(change, 1..6), 1..3)).prop_map(|(key, children, rounds)| Case {
        key,
        children,
        rounds,
    })
}

impl Case {
    fn schema(&self) -> Vec<String> {
        let (key, rest) = KEYS[self.key];
        let mut statements =
            vec![format!("CREATE TABLE p (id {key}, slug TEXT UNIQUE, v INTEGER, tag TEXT){rest}")];
        for (number, child) in self.children.iter().enumerate() {
            let (column, kind) = match child.to_slug {
                true => ("slug", "TEXT"),
                false => ("id", key.split(' ').next().unwrap_or_default()),
            };
            let unique = if child.unique { "UNIQUE " } else { "" };
            let (update, delete) = (ACTIONS[child.on_update], ACTIONS[child.on_delete]);
            let points = format!("{unique}REFERENCES p ({column}) ON UPDATE {update} ON DELETE {delete}");
            let Some(Name { without_rowid, on_delete }) = child.names else {
                statements.push(format!(
                    "CREATE TABLE c{number} (id INTEGER PRIMARY KEY, f {kind} {points}, tag TEXT)"
                ));
                continue;
            };
            let rest = if without_rowid { " WITHOUT ROWID" } else { "" };
            statements.extend([
                format!("CREATE TABLE c{number} (id INTEGER, f {kind} NOT NULL {points}, tag TEXT, PRIMARY KEY (f, id)){rest}"),
                format!(
                    "CREATE TABLE g{number} (id INTEGER PRIMARY KEY, f {kind}, c INTEGER, tag TEXT, FOREIGN KEY (f, c) REFERENCES c{number} ON UPDATE CASCADE ON DELETE {})",
                    ACTIONS[on_delete]
                ),
            ]);
        }
        statements
    }

    fn parents(&self) -> Vec<String> {
        let row = |row: usize| format!("INSERT INTO p VALUES ({}, 's{row}', 0, 'P{row}')", self.key(row));
        (0..4).map(row).collect()
    }

    /// The children of all tables: two rows each from `first` on.
    fn rows(&self, first: usize, tag: char) -> Vec<String> {
        let mut rows = Vec::new();
        for (number, child) in self.children.iter().enumerate() {
            for row in first..first + 2 {
                let parent = child.parents[row];
                let value = if child.to_slug { format!("'s{parent}'") } else { self.key(parent) };
                rows.push(format!(
                    "INSERT OR IGNORE INTO c{number} VALUES ({}, {value}, '{tag}{row}')",
                    100 * row
                ));
            }
            if child.names.is_some() {
                // One for each child that is there, whoever made it.
                rows.push(format!(
                    "INSERT INTO g{number} SELECT {} + id, f, id, '{tag}' || tag FROM c{number}",
                    1000 * first
                ));
            }
        }
        rows
    }

    fn key(&self, number: usize) -> String {
        match KEYS[self.key].0.starts_with("TEXT") {
            true => format!("'k{number}'"),
            false => number.to_string(),
        }
    }

    /// The statements of one change: one transaction.
    fn statements(&self, change: &Change, fresh: &mut usize) -> Vec<String> {
        let name = |slug: bool| if slug { "slug" } else { "id" };
        let value = |slug: bool, number: usize| if slug { format!("'s{number}'") } else { self.key(number) };
        let set = |parent: usize, slug: bool, value: &str| {
            format!("UPDATE p SET {} = {value} WHERE tag = 'P{parent}'", name(slug))
        };
        match *change {
            Change::Rename { parent, slug, to, replaces } => {
                let sql = set(parent, slug, &value(slug, to));
                vec![if replaces { sql.replacen("UPDATE", "UPDATE OR REPLACE", 1) } else { sql }]
            }
            Change::Trade { one, other, slug } => {
                let column = name(slug);
                vec![
                    "CREATE TEMP TABLE was AS SELECT * FROM p".into(),
                    set(one, slug, &value(slug, 77)),
                    set(other, slug, &format!("(SELECT {column} FROM temp.was WHERE tag = 'P{one}')")),
                    set(one, slug, &format!("(SELECT {column} FROM temp.was WHERE tag = 'P{other}')")),
                    "DROP TABLE temp.was".into(),
                ]
            }
            Change::Delete { parent } => vec![format!("DELETE FROM p WHERE tag = 'P{parent}'")],
            Change::Insert { key, slug, replaces } => {
                *fresh += 1;
                let or = if replaces { "OR REPLACE " } else { "" };
                vec![format!("INSERT {or}INTO p VALUES ({}, 's{slug}', 1, 'N{fresh}')", self.key(key))]
            }
            Change::Succeed { parent } => {
                *fresh += 1;
                let number = 7 + *fresh;
                vec![
                    format!("DELETE FROM p WHERE tag = 'P{parent}'"),
                    format!("INSERT INTO p VALUES ({}, 's{number}', 1, 'N{fresh}')", self.key(number)),
                ]
            }
            Change::Touch { parent } => vec![format!("UPDATE p SET v = v + 1 WHERE tag = 'P{parent}'")],
            Change::Repoint { child, row, parent } => {
                let child = child % self.children.len();
                let column = name(self.children[child].to_slug);
                vec![format!(
                    "UPDATE c{child} SET f = (SELECT {column} FROM p WHERE tag = 'P{parent}') WHERE id = {}",
                    100 * row
                )]
            }
        }
    }

    /// Each row of the children that only the real D1 has.
    fn theirs(&self, conn: &Connection) -> Vec<Theirs> {
        let mut rows = Vec::new();
        let mut list = |sql: &str| {
            let mut statement = conn.prepare(sql).expect("children");
            let found = statement.query_map((), |row| {
                Ok(Theirs {
                    row: row.get(0)?,
                    parent: row.get(1)?,
                    keys: [row.get(2)?, row.get(3)?, row.get(4)?],
                })
            });
            rows.extend(found.expect("children").map(|row| row.expect("a child")));
        };
        for (number, child) in self.children.iter().enumerate() {
            let column = if child.to_slug { "slug" } else { "id" };
            list(&format!(
                "SELECT 'c{number}' || c.tag, p.tag, CAST(c.f AS TEXT), CAST(p.id AS TEXT), p.slug FROM c{number} c LEFT JOIN p ON p.{column} = c.f WHERE c.tag LIKE 'R%'"
            ));
            if child.names.is_some() {
                list(&format!(
                    "SELECT 'g{number}' || g.tag, c.tag, CAST(g.f AS TEXT), CAST(c.id AS TEXT), NULL FROM g{number} g LEFT JOIN c{number} c ON c.f = g.f AND c.id = g.c WHERE g.tag LIKE 'R%'"
                ));
            }
        }
        rows
    }
}

/// Runs statements as one transaction; where one fails, nothing has happened.
fn transaction(conn: &Connection, statements: &[String]) -> Result<(), String> {
    let sql: String = statements.iter().map(|sql| format!("{sql};\n")).collect();
    conn.execute_batch(&format!("BEGIN;\n{sql}COMMIT;")).map_err(|error| {
        conn.execute_batch("ROLLBACK; PRAGMA ignore_check_constraints=OFF").ok();
        error.to_string()
    })
}

/// A child that only the real D1 has.
#[derive(Debug, Clone)]
struct Theirs {
    row: String,
    /// The tag of what it hangs on.
    parent: Option<String>,
    /// The key by which it does, and the keys of what it hangs on.
    keys: [Option<String>; 3],
}

/// What came of a case.
enum Outcome {
    Same,
    /// The real D1 would refuse a migration.
    Refused,
}

fn play(case: &Case) -> Result<Outcome, String> {
    let scratch = Scratch::new();
    let local = Connection::open(scratch.database()).expect("the local database");
    let [remote, oracle] = [(); 2].map(|()| Connection::open_in_memory().expect("memory"));
    for conn in [&local, &remote, &oracle] {
        d1_settings(conn);
    }
    let mut script = [case.schema(), case.parents(), case.rows(0, 'L')].concat();
    transaction(&local, &script)?;
    let mut known = 0;
    let theirs = case.rows(2, 'R');
    let mut fresh = 0;
    let mut kept_hold = Vec::new();
    for (number, round) in std::iter::once(&Vec::new()).chain(&case.rounds).enumerate() {
        for change in round {
            let statements = case.statements(change, &mut fresh);
            // What only one of them takes, neither gets.
            oracle.execute_batch("SAVEPOINT trial").expect("a savepoint");
            let would = statements.iter().try_for_each(|sql| oracle.execute_batch(sql));
            let would = would.and_then(|()| oracle.execute_batch("RELEASE trial"));
            if would.is_err() {
                oracle.execute_batch("ROLLBACK TO trial; RELEASE trial").expect("back");
                continue;
            }
            transaction(&local, &statements).map_err(|why| format!("only D1 takes {statements:?}: {why}"))?;
            script.extend(statements);
        }
        let before = if number == 0 { Vec::new() } else { case.theirs(&remote) };
        let args: &[&str] = if number == 0 { &[] } else { &["data", "-m", "round"] };
        let run = scratch.tool(args);
        let files = scratch.migrations();
        let texts: Vec<&str> = files[known..].iter().map(|(_, text)| text.as_str()).collect();
        let history = || format!("{}\n---- migration ----\n{}", script.join(";\n"), texts.concat());
        if run.status != 0 {
            return Err(format!("{}\n{}", run.stderr, history()));
        }
        known = files.len();
        for text in &texts {
            if transaction(&remote, &[(*text).to_owned()]).is_err() {
                return Ok(Outcome::Refused);
            }
        }
        if number == 0 {
            transaction(&oracle, &script)?;
            for conn in [&remote, &oracle] {
                transaction(conn, &theirs)?;
            }
            script.push(format!("-- only D1: {}", theirs.join("; ")));
            continue;
        }
        let (after, wanted) = (case.theirs(&remote), case.theirs(&oracle));
        let find = |list: &[Theirs], row: &str| list.iter().find(|other| other.row == row).cloned();
        for Theirs { row, parent: hung_on, keys } in before {
            if kept_hold.contains(&row) {
                continue;
            }
            let parent = find(&wanted, &row).and_then(|wanted| wanted.parent);
            let found = find(&after, &row);
            let hangs_on = found.as_ref().and_then(|found| found.parent.clone());
            // Whom the statements made let go may keep hold of its parent, or of a new one that took one of the keys: that is the
            // same row to the tool.
            let is_held = |found: &Theirs| {
                found.parent == hung_on
                    || found.keys.iter().zip(&keys).any(|(now, was)| now.is_some() && now == was)
            };
            let keeps_hold = parent.is_none() && found.as_ref().is_some_and(is_held);
            if hangs_on != parent && keeps_hold {
                kept_hold.push(row);
            } else if hangs_on != parent {
                return Err(format!("{row} should hang on {parent:?}: {found:?}\n{}", history()));
            }
        }
    }
    Ok(Outcome::Same)
}

#[test]
fn rows_that_only_the_real_d1_has_hang_where_the_statements_would_have_left_them() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let cases = number("PROPERTIES_REMOTE_CASES").unwrap_or(CASES);
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("PROPERTIES_REMOTE_SEED").unwrap_or(1).to_le_bytes());
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let refused = std::cell::Cell::new(0);
    let result = runner.run(&case(), |case| {
        match play(&case).map_err(TestCaseError::fail)? {
            Outcome::Same => {}
            Outcome::Refused => refused.set(refused.get() + 1),
        }
        Ok(())
    });
    println!("{} of {cases} cases refused by D1", refused.get());
    result.unwrap_or_else(|why| panic!("{why}"));
    assert!(refused.get() * 20 < cases, "{} of {cases} cases are refused by D1", refused.get());
}
