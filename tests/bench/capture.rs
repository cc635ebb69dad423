//! What tracking costs an app: against no triggers, and against the usual audit triggers that keep rows as JSON.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::Settings;
use super::database::{POSTS, insert_posts};
use super::measure::{Table, best, time};

const COLUMNS: [&str; 6] = ["id", "author", "title", "body", "score", "created_at"];

const UPDATE: &str = "BEGIN; UPDATE posts SET title = title || '!', score = score + 1; COMMIT;";

#[derive(Clone, Copy)]
enum Triggers {
    No,
    Audit,
    Ours,
}

struct Cost {
    insert: f64,
    update: f64,
    bytes: f64,
}

pub(crate) fn run(settings: &Settings, table: &mut Table) {
    let rows = settings.rows.min(1_000_000) / 5;
    let [none, audit, ours] = costs(rows, settings.runs);
    let more = |ours: f64, none: f64| ours - none;
    table.ratio(
        "tracked bulk insert, time above untracked / audit triggers",
        more(ours.insert, none.insert),
        more(audit.insert, none.insert),
        0.35,
    );
    table.ratio(
        "tracked bulk update, time above untracked / audit triggers",
        more(ours.update, none.update),
        more(audit.update, none.update),
        0.6,
    );
    let (growth, theirs) = (more(ours.bytes, none.bytes), more(audit.bytes, none.bytes));
    let detail = format!("{:.1} MB / {:.1} MB", growth / 1e6, theirs / 1e6);
    table.line("growth by tracking / audit triggers", format!("{:.2}", growth / theirs), 0.3, detail);
}

/// In turns, so that a slow minute meets all three.
fn costs(rows: u64, runs: usize) -> [Cost; 3] {
    let mut times: [Vec<(Duration, Duration, f64)>; 3] = Default::default();
    for _ in 0..runs {
        for (kind, times) in [Triggers::No, Triggers::Audit, Triggers::Ours].into_iter().zip(&mut times) {
            times.push(once(kind, rows));
        }
    }
    times.map(|times| Cost {
        insert: best(&times.iter().map(|time| time.0).collect::<Vec<_>>()),
        update: best(&times.iter().map(|time| time.1).collect::<Vec<_>>()),
        bytes: times[0].2,
    })
}

fn once(kind: Triggers, rows: u64) -> (Duration, Duration, f64) {
    let folder = tempfile::tempdir().unwrap();
    shell(&folder, &format!("PRAGMA journal_mode = WAL; {POSTS}"));
    match kind {
        Triggers::No => {}
        Triggers::Audit => drop(shell(&folder, &audit())),
        Triggers::Ours => {
            let mut track = Command::new(env!("CARGO_BIN_EXE_cargo-d1-migrate"));
            track.args(["track", "--db", "db.sqlite", "--dir", "migrations"]).current_dir(folder.path());
            time(&mut track, &[0]);
        }
    }
    let insert = shell(&folder, &format!("BEGIN; {} COMMIT;", insert_posts("posts", rows)));
    let update = shell(&folder, UPDATE);
    shell(&folder, "PRAGMA wal_checkpoint(TRUNCATE);");
    let bytes = std::fs::metadata(folder.path().join("db.sqlite")).unwrap().len() as f64;
    (insert, update, bytes)
}

fn shell(folder: &TempDir, sql: &str) -> Duration {
    let mut command = Command::new("sqlite3");
    command.arg("db.sqlite").arg(format!("PRAGMA synchronous = OFF; {sql}")).current_dir(folder.path());
    time(&mut command, &[0])
}

fn audit() -> String {
    let json = |row: &str| {
        let pairs: Vec<String> = COLUMNS.iter().map(|name| format!("'{name}', {row}.{name}")).collect();
        format!("json_object({})", pairs.join(", "))
    };
    let trigger = |event: &str, old: &str, new: &str| {
        format!(
            "CREATE TRIGGER audit_{event} AFTER {event} ON posts BEGIN
               INSERT INTO audit(op, tbl, old, new) VALUES ('{event}', 'posts', {old}, {new}); END;"
        )
    };
    format!(
        "CREATE TABLE audit(id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, op TEXT, tbl TEXT, old TEXT, new TEXT);
         {} {} {}",
        trigger("INSERT", "NULL", &json("NEW")),
        trigger("UPDATE", &json("OLD"), &json("NEW")),
        trigger("DELETE", &json("OLD"), "NULL"),
    )
}
