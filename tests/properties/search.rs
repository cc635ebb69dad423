//! FTS5 tables of every kind of content, and R*Trees, that triggers keep beside a table or that are written to by hand: equal in what they
//! hold on D1, and on one whose own users add rows still in step with the table that they are about.

use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;

use crate::history::{History, Result};
use crate::replay::d1_settings;

/// The key of `docs`, and the name of its rowid.
const KEYS: [(&str, &str); 5] = [
    ("INTEGER PRIMARY KEY", "id"),
    ("TEXT PRIMARY KEY", "rowid"),
    ("INTEGER PRIMARY KEY AUTOINCREMENT", "id"),
    ("TEXT UNIQUE", "rowid"),
    ("TEXT COLLATE NOCASE PRIMARY KEY NOT NULL", "rowid"),
];

/// What is kept beside `docs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Own text, under the rowids of `docs`.
    OwnByRowid,
    /// Own text, under the keys of `docs`.
    OwnByKey,
    /// The same of one column beside it, kept by the same triggers.
    TwoByRowid,
    /// Own text, and no trigger.
    OwnByHand,
    External,
    Contentless,
    ContentlessDelete,
    Areas,
}

const OPTIONS: [&str; 7] = [
    "",
    "",
    ", prefix='2'",
    ", tokenize='porter'",
    ", tokenize='trigram'",
    ", detail=column",
    ", columnsize=0",
];

const TEXTS: [&str; 12] = [
    "'hello world'",
    "'walking dogs'",
    "'cats and dogs'",
    "'hello hello'",
    "''",
    "NULL",
    "'it''s \"quoted\"; END'",
    "'Café CAFÉ'",
    "'😀 emoji'",
    "7",
    "char(10, 13) || 'lines'",
    "replace(hex(zeroblob(60)), '00', 'word ')",
];

const TITLE: usize = 0;

#[derive(Debug, Clone)]
pub(crate) struct Search {
    key: usize,
    kind: Kind,
    options: usize,
    rows: Vec<(u8, [usize; 2])>,
    rounds: Vec<Vec<Change>>,
    small_files: bool,
    /// Is only `docs` asked for, at first?
    in_part: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Insert {
        id: u8,
        texts: [usize; 2],
        replaces: bool,
    },
    Delete {
        id: u8,
    },
    Set {
        id: u8,
        column: usize,
        text: usize,
    },
    SetKey {
        id: u8,
        to: u8,
    },
    Touch,
    /// In the index itself: a text, or a command.
    ByHand {
        id: u8,
        text: usize,
    },
    Command {
        which: usize,
    },
}

pub(crate) fn search() -> impl Strategy<Value = Search> {
    use Kind::*;
    let kind = prop::sample::select(vec![
        OwnByRowid,
        OwnByRowid,
        OwnByKey,
        OwnByKey,
        TwoByRowid,
        OwnByHand,
        External,
        External,
        Contentless,
        ContentlessDelete,
        Areas,
    ]);
    let texts = || [0..TEXTS.len(), 0..TEXTS.len()];
    let rounds = vec(vec(change(), 1..5), 1..4);
    (
        0..KEYS.len(),
        kind,
        0..OPTIONS.len(),
        vec((0..7u8, texts()), 0..6),
        rounds,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(key, kind, options, rows, rounds, small_files, in_part)| Search {
            key,
            kind,
            options,
            rows,
            rounds,
            small_files,
            in_part,
        })
}

fn change() -> impl Strategy<Value = Change> {
    let (id, text) = (|| 0..7u8, || 0..TEXTS.len());
    prop_oneof![
        5 => (id(), [text(), text()], prop::bool::weighted(0.3))
            .prop_map(|(id, texts, replaces)| Change::Insert { id, texts, replaces }),
        3 => id().prop_map(|id| Change::Delete { id }),
        4 => (id(), 0..2usize, text()).prop_map(|(id, column, text)| Change::Set { id, column, text }),
        2 => (id(), id()).prop_map(|(id, to)| Change::SetKey { id, to }),
        1 => Just(Change::Touch),
        1 => (id(), text()).prop_map(|(id, text)| Change::ByHand { id, text }),
        1 => (0..4usize).prop_map(|which| Change::Command { which }),
    ]
}

/// Runs a case; `Err` is the script that fails.
pub(crate) fn run(search: &Search) -> Result {
    let mut history = History::new();
    for sql in search.schema() {
        history.sql(&sql)?;
    }
    for (id, texts) in &search.rows {
        history.sql(&search.insert(*id, *texts, ""))?;
    }
    history.pipeline()?;
    let mut remote = Some(Remote::of(search, &history)).filter(|_| search.is_in_step(history.twin()));
    for round in &search.rounds {
        for change in round {
            if let Some(sql) = search.statement(change) {
                history.sql(&sql)?;
            }
        }
        search.rebuild_if_old(&mut history)?;
        if search.in_part {
            history.tool(&["data", "-m", "part", "--tables", "docs"], &[0])?;
        }
        let small: &[&str] = if search.small_files { &["--max-file-size", "200"] } else { &[] };
        history.tool(&[&["data", "-m", "round"], small].concat(), &[0])?;
        history.settle()?;
        if !search.is_in_step(history.twin()) {
            remote = None;
        }
        if let Some(at) = &mut remote
            && !at.run(search, &history)?
        {
            remote = None;
        }
    }
    Ok(())
}

impl Search {
    fn is_text(&self) -> bool {
        self.kind != Kind::Areas
    }

    fn options(&self) -> &'static str {
        match self.kind {
            // Terms that become others when they are read again are a limit of the tool's.
            Kind::Contentless | Kind::ContentlessDelete => OPTIONS[self.options % 3],
            _ => OPTIONS[self.options],
        }
    }

    fn schema(&self) -> Vec<String> {
        let (key, rowid) = KEYS[self.key];
        let options = self.options();
        let index = match self.kind {
            Kind::OwnByRowid | Kind::TwoByRowid | Kind::OwnByHand => format!("fts5(title, body{options})"),
            Kind::OwnByKey => format!("fts5(id UNINDEXED, title, body{options})"),
            Kind::External => format!("fts5(title, body, content='docs', content_rowid='{rowid}'{options})"),
            Kind::Contentless => format!("fts5(title, body, content=''{options})"),
            Kind::ContentlessDelete => {
                format!("fts5(title, body, content='', contentless_delete=1{options})")
            }
            Kind::Areas => "rtree(id, low, high)".into(),
        };
        let add = format!("INSERT INTO ix(rowid, title, body) VALUES (new.{rowid}, new.title, new.body)");
        let remove = match self.kind {
            Kind::External | Kind::Contentless => {
                format!(
                    "INSERT INTO ix(ix, rowid, title, body) VALUES ('delete', old.{rowid}, old.title, old.body)"
                )
            }
            _ => format!("DELETE FROM ix WHERE rowid = old.{rowid}"),
        };
        let work = match self.kind {
            Kind::OwnByHand => None,
            Kind::OwnByKey => Some([
                "INSERT INTO ix(id, title, body) VALUES (new.id, new.title, new.body)".to_owned(),
                "DELETE FROM ix WHERE id IS old.id".to_owned(),
                "UPDATE ix SET id = new.id, title = new.title, body = new.body WHERE id IS old.id".to_owned(),
            ]),
            kind => {
                let (add, remove) = match kind {
                    Kind::Areas => (
                        format!("INSERT INTO ix VALUES (new.{rowid}, new.n, new.n + 1)"),
                        format!("DELETE FROM ix WHERE id = old.{rowid}"),
                    ),
                    Kind::TwoByRowid => (
                        format!("{add}; INSERT INTO two(rowid, title) VALUES (new.{rowid}, new.title)"),
                        format!("{remove}; DELETE FROM two WHERE rowid = old.{rowid}"),
                    ),
                    _ => (add, remove),
                };
                let change = format!("{remove}; {add}");
                Some([add, remove, change])
            }
        };
        let two =
            (self.kind == Kind::TwoByRowid).then(|| "CREATE VIRTUAL TABLE two USING fts5(title)".to_owned());
        let tables = [
            format!("CREATE TABLE docs(id {key}, title TEXT, body TEXT, n INTEGER NOT NULL DEFAULT 1)"),
            format!("CREATE VIRTUAL TABLE ix USING {index}"),
        ];
        let triggers = work.into_iter().flat_map(|work| ["INSERT", "DELETE", "UPDATE"].into_iter().zip(work));
        let triggers = triggers.map(|(event, body)| {
            format!("CREATE TRIGGER \"{event} docs\" AFTER {event} ON docs BEGIN {body}; END")
        });
        tables.into_iter().chain(two).chain(triggers).collect()
    }

    fn id(&self, id: u8) -> String {
        let texts = ["'a'", "'b'", "'c'", "'d'", "'e'", "'B'", "NULL"];
        let numbers = ["1", "2", "3", "4", "5", "40", "NULL"];
        let ids = if KEYS[self.key].0.starts_with("TEXT") { texts } else { numbers };
        match ids[usize::from(id)] {
            // By it triggers would not tell rows apart.
            "NULL" if self.kind == Kind::OwnByKey => ids[0].into(),
            id => id.into(),
        }
    }

    fn insert(&self, id: u8, [title, body]: [usize; 2], conflict: &str) -> String {
        format!(
            "INSERT {conflict}INTO docs(id, title, body, n) VALUES ({}, {}, {}, {id})",
            self.id(id),
            TEXTS[title],
            TEXTS[body],
        )
    }

    fn statement(&self, change: &Change) -> Option<String> {
        let id = |id: &u8| self.id(*id);
        Some(match change {
            Change::Insert { id, texts, replaces } => {
                // No trigger takes the old words out of an index that keeps no text.
                let keeps_none = matches!(self.kind, Kind::Contentless | Kind::ContentlessDelete);
                self.insert(*id, *texts, if *replaces && !keeps_none { "OR REPLACE " } else { "" })
            }
            Change::Delete { id: gone } => format!("DELETE FROM docs WHERE id IS {}", id(gone)),
            Change::Set { id: which, column, text } => {
                let column = if *column == TITLE { "title" } else { "body" };
                format!("UPDATE docs SET {column} = {} WHERE id IS {}", TEXTS[*text], id(which))
            }
            Change::SetKey { id: which, to } => {
                format!("UPDATE docs SET id = {} WHERE id IS {}", id(to), id(which))
            }
            Change::Touch => "UPDATE docs SET n = n + 1".into(),
            Change::ByHand { id, text } => match self.kind {
                Kind::OwnByHand if id % 2 == 0 => {
                    format!("INSERT INTO ix(title, body) VALUES ({}, 'by hand')", TEXTS[*text])
                }
                Kind::OwnByHand | Kind::OwnByKey | Kind::OwnByRowid if *id < 4 => {
                    format!("UPDATE ix SET title = {} WHERE rowid = {}", TEXTS[*text], id + 1)
                }
                Kind::OwnByHand | Kind::OwnByKey | Kind::OwnByRowid => {
                    format!("DELETE FROM ix WHERE rowid = {id}")
                }
                _ => return None,
            },
            Change::Command { which } if self.is_text() => match which {
                0 => "INSERT INTO ix(ix) VALUES ('optimize')".into(),
                1 => "INSERT INTO ix(ix, rank) VALUES ('rank', 'bm25(2.0, 3.0)')".into(),
                2 => "INSERT INTO ix(ix, rank) VALUES ('automerge', 8)".into(),
                _ if matches!(self.kind, Kind::Contentless | Kind::ContentlessDelete) => return None,
                _ => "INSERT INTO ix(ix) VALUES ('rebuild')".into(),
            },
            Change::Command { .. } => return None,
        })
    }

    /// What the tool asks for where a REPLACE, which fires no DELETE trigger, left old words.
    fn rebuild_if_old(&self, history: &mut History) -> Result {
        let check = "INSERT INTO ix(ix, rank) VALUES ('integrity-check', 1)";
        if self.kind == Kind::External && history.twin().execute(check, ()).is_err() {
            history.sql("INSERT INTO ix(ix) VALUES ('rebuild')")?;
        }
        Ok(())
    }

    /// Does the index hold just what the triggers make of the rows?
    fn is_in_step(&self, conn: &Connection) -> bool {
        let rowid = KEYS[self.key].1;
        let rows = match self.kind {
            Kind::OwnByHand => return false,
            Kind::OwnByKey => {
                ["SELECT id, title, body FROM ix".into(), "SELECT id, title, body FROM docs".into()]
            }
            Kind::OwnByRowid => {
                ["SELECT rowid, title, body FROM ix".into(), format!("SELECT {rowid}, title, body FROM docs")]
            }
            Kind::TwoByRowid => [
                "SELECT ix.rowid, ix.title, body, two.title FROM ix FULL JOIN two ON two.rowid = ix.rowid"
                    .into(),
                format!("SELECT {rowid}, title, body, title FROM docs"),
            ],
            Kind::Areas => ["SELECT id, low FROM ix".into(), format!("SELECT {rowid}, n FROM docs")],
            Kind::External | Kind::Contentless | Kind::ContentlessDelete => {
                conn.execute_batch(&format!(
                    "CREATE VIRTUAL TABLE temp.wanted USING fts5(title, body{}); INSERT INTO wanted(rowid, title, body) SELECT {rowid}, title, body FROM docs;
                     CREATE VIRTUAL TABLE temp.found_terms USING fts5vocab(main, ix, instance);
                     CREATE VIRTUAL TABLE temp.wanted_terms USING fts5vocab(temp, wanted, instance)",
                    self.options(),
                ))
                .expect("an index can be made");
                [
                    "SELECT doc, term, col, offset FROM temp.found_terms".into(),
                    "SELECT doc, term, col, offset FROM temp.wanted_terms".into(),
                ]
            }
        };
        let [found, wanted] = rows;
        let same = format!(
            "SELECT NOT EXISTS ({found} EXCEPT {wanted}) AND NOT EXISTS ({wanted} EXCEPT {found})
               AND (SELECT count(*) FROM ({found})) = (SELECT count(*) FROM ({wanted}))"
        );
        let same = conn.query_row(&same, (), |row| row.get(0)).expect("both are readable");
        conn.execute_batch("DROP TABLE IF EXISTS temp.found_terms; DROP TABLE IF EXISTS temp.wanted_terms; DROP TABLE IF EXISTS temp.wanted")
            .expect("they can go");
        same
    }
}

/// A real D1 whose users add and move rows.
struct Remote {
    conn: Connection,
    /// So many migrations have run.
    ran: usize,
}

impl Remote {
    fn of(search: &Search, history: &History) -> Self {
        let conn = Connection::open_in_memory().expect("memory");
        d1_settings(&conn);
        let files = history.files();
        for (_, text) in files {
            conn.execute_batch(text).expect("it has been replayed");
        }
        let id = if KEYS[search.key].0.starts_with("TEXT") { "'theirs'" } else { "1000" };
        // A row that goes and comes again gets another rowid, if no column shows it.
        conn.execute_batch(&format!(
            "INSERT INTO docs(id, title, body) VALUES ({id}, 'their own', 'words');
             CREATE TEMP TABLE again AS SELECT * FROM docs WHERE id IS NOT NULL ORDER BY id DESC LIMIT 2;
             DELETE FROM docs WHERE id IN (SELECT id FROM again);
             INSERT INTO docs SELECT * FROM again; DROP TABLE again"
        ))
        .expect("its users write");
        Self { conn, ran: files.len() }
    }

    /// Runs what is new. Gives whether the index can be judged from here on.
    fn run(&mut self, search: &Search, history: &History) -> Result<bool> {
        let new = &history.files()[self.ran..];
        self.ran += new.len();
        for (_, text) in new {
            // What its triggers alone do not give is written by the rowids from here: a limit of the tool's.
            let by_rowid = text.lines().any(|line| {
                ["INSERT INTO ix (", "INSERT INTO ix VALUES", "UPDATE ix ", "DELETE FROM ix "]
                    .iter()
                    .any(|start| line.starts_with(start))
            });
            let ran = self.conn.execute_batch(&format!("BEGIN; {text}; COMMIT"));
            match ran {
                Ok(()) if by_rowid && search.kind != Kind::External => return Ok(false),
                Ok(()) => {}
                // It may be refused where its own rows stand in the way, and then nothing has happened.
                Err(error) if error.to_string().contains("constraint failed") => return Ok(false),
                Err(error) => return history.fail(format!("the real D1: {error}\n{text}")),
            }
        }
        match search.is_in_step(&self.conn) {
            true => Ok(true),
            false => history.fail(format!(
                "the index of the real D1 is out of step after\n{}",
                new.last().map_or("", |(_, text)| text)
            )),
        }
    }
}
