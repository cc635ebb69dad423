//! How long the tool keeps an app from writing: a second connection tries all the time, as workerd would, without patience.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Settings;
use super::database::Project;
use super::measure::{Table, time};

pub(crate) fn run(settings: &Settings, table: &mut Table) {
    let project = Project::one_table(settings.rows);
    let mut each = Vec::new();
    for (arguments, sql) in [
        ("init", ""),
        ("track", ""),
        ("check", ""),
        ("data -m few", "UPDATE posts SET title = title || '!' WHERE id < 100"),
        ("data -m many", "UPDATE posts SET title = title || '?' WHERE id % 10 = 0"),
        ("verify", ""),
        ("untrack", ""),
    ] {
        project.sql(sql);
        each.push((arguments, longest_refusal(&project, arguments)));
    }
    let longest = each.iter().map(|(_, time)| *time).max().unwrap_or_default();
    let each: Vec<String> =
        each.iter().map(|(name, time)| format!("{name} {:.1}", time.as_secs_f64() * 1000.0)).collect();
    let measured = format!("{:.1}", longest.as_secs_f64() * 1000.0);
    table.line("longest write lock of any command but apply, ms", measured, 10.0, each.join(", "));
}

/// From the first refused attempt to the next one that is not.
fn longest_refusal(project: &Project, arguments: &str) -> Duration {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&project.open(), &is_over));
        time(&mut project.tool(arguments), &[0]);
        is_over.store(true, Relaxed);
        watcher.join().expect("the watcher does not panic")
    })
}

fn watch(conn: &Connection, is_over: &AtomicBool) -> Duration {
    conn.busy_timeout(Duration::ZERO).unwrap();
    let mut refused_since: Option<Instant> = None;
    let mut longest = Duration::ZERO;
    while !is_over.load(Relaxed) {
        match conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK;") {
            Ok(()) => {
                longest = longest.max(refused_since.take().map_or(Duration::ZERO, |since| since.elapsed()));
                // The tool must get its turn too.
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(_) => drop(refused_since.get_or_insert_with(Instant::now)),
        }
    }
    longest
}
