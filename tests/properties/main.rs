//! The property of the whole tool: whatever the schema, whatever the rows, whatever happens to them, the migrations folder
//! rebuilds the local database, and the program that edits it does not notice that it is followed.
//!
//! A case is a schema, rows, and several rounds of statements with runs of the real binary in between; after every round
//! the folder is replayed by an own replayer and everything is compared (see `history.rs`). What fails is shrunk and
//! printed as one SQL script. A failure that was found once stands in `regressions.rs` for good.
//!
//! - `PROPTEST_CASES=20000 cargo test --test properties` runs as many cases as wanted (default 1000).
//! - `PROPERTIES_MINUTES=60` runs until the time is over instead, with new cases every time.
//! - `PROPERTIES_KNOWN='invalid utf-8|zeroblob&UNIQUE'` passes over failures whose text holds one of these (or all that `&` joins),
//!   to look for others while those are mended.
//! - `PROPERTIES_REMOTE_CASES=5000 PROPERTIES_REMOTE_SEED=7 cargo test --test properties rows_that_only` looks for rows that only the
//!   real D1 has and that a migration harms.
//! - `PROPERTIES_SEED=…` runs other cases, or repeats a run: each prints its seed. `PROPERTIES_THREADS` (default 2).

mod case;
mod clock;
mod ddl;
mod history;
mod moves;
mod operations;
mod regressions;
mod remote;
#[path = "../support/replay.rs"]
mod replay;
mod run;
mod schema;
mod scratch;
mod search;
mod shape;
mod snapshot;
mod tangle;
#[path = "../support/trigger_text.rs"]
mod trigger_text;
mod values;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Finishes within about a minute in a debug build on two cores.
const DEFAULT_CASES: u32 = 1_000;

/// About a quarter of a minute.
const TANGLES: u32 = 300;

/// Also about a quarter of a minute.
const CLOCKS: u32 = 150;

/// As long.
const SEARCHES: u32 = 200;

/// A change is judged by the same cases as the one before it; a run of some minutes looks for new ones.
const SEED: u64 = 1;

/// So long a failure is shrunk, in milliseconds.
const SHRINK_FOR: u32 = 30_000;

#[test]
fn whatever_happens_the_folder_rebuilds_the_database_and_the_app_does_not_notice() {
    hunt(case::case, run::case, DEFAULT_CASES);
}

#[test]
fn whatever_happens_to_tables_that_point_to_themselves_the_folder_rebuilds_them() {
    hunt(tangle::tangle, tangle::run, TANGLES);
}

#[test]
fn whatever_colleagues_do_beside_it_an_own_change_gets_there_and_what_chance_gave_stays() {
    hunt(clock::case, clock::play, CLOCKS);
}

#[test]
fn whatever_happens_to_what_is_searched_d1_finds_it_too() {
    hunt(search::search, search::run, SEARCHES);
}

/// Looks for a case that fails, on several threads.
fn hunt<S: Strategy + 'static>(strategy: fn() -> S, run: fn(&S::Value) -> history::Result, cases: u32) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let threads = number("PROPERTIES_THREADS").unwrap_or(2).max(1);
    let until =
        number("PROPERTIES_MINUTES").map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let seed = number("PROPERTIES_SEED").unwrap_or_else(|| until.map_or(SEED, |_| rand_seed()));
    let cases = number("PROPTEST_CASES").map_or(cases, |cases| cases as u32);
    println!("PROPERTIES_SEED={seed}");
    // How many cases were run, and how many of them ended early.
    let (count, cut_short, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let counted = |case: &S::Value| {
        count.fetch_add(1, Relaxed);
        let outcome = run(case);
        match outcome.as_ref().map_err(String::as_str) {
            Err(history::SQLITES_OWN) => drop(cut_short.fetch_add(1, Relaxed)),
            Err(history::REFUSED) => drop(refused.fetch_add(1, Relaxed)),
            _ => {}
        }
        outcome
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let cases = cases.div_ceil(threads as u32);
                scope.spawn(move || work(strategy, &counted, (seed, thread), cases, until))
            })
            .collect();
        workers.into_iter().filter_map(|worker| worker.join().expect("a worker ends")).collect()
    });
    // Shrinking runs cases too.
    let [count, cut_short, refused] = [count, cut_short, refused].map(AtomicU64::into_inner);
    println!("{count} cases, {cut_short} of them cut short by a fault of SQLite's own, {refused} refused");
    assert!(failures.is_empty(), "PROPERTIES_SEED={seed}\n{}", failures.join("\n\n"));
    assert!(cut_short * 20 <= count, "{cut_short} of {count} cases prove nothing");
    assert!(refused * 500 <= count, "{refused} of {count} cases are refused");
}

/// Runs cases on one thread; gives the shrunk script of the first that fails.
fn work<S: Strategy>(
    strategy: fn() -> S,
    run: &(dyn Fn(&S::Value) -> history::Result + Sync),
    (seed, thread): (u64, u64),
    cases: u32,
    until: Option<Instant>,
) -> Option<String> {
    for batch in 0.. {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&thread.to_le_bytes());
        bytes[16..20].copy_from_slice(&(batch as u32).to_le_bytes());
        let config = Config {
            cases,
            failure_persistence: None,
            max_shrink_iters: 20_000,
            max_shrink_time: SHRINK_FOR,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let outcome = runner.run(&strategy(), |case| match run(&case) {
            Err(why) if ![history::SQLITES_OWN, history::REFUSED].contains(&&*why) && !is_known(&why) => {
                Err(TestCaseError::fail(why))
            }
            _ => Ok(()),
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, _)) => return Some(why.to_string()),
            Err(TestError::Abort(why)) => return Some(format!("gave up: {why}")),
        }
        if until.is_none_or(|until| Instant::now() >= until) {
            break;
        }
    }
    None
}

fn rand_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| now.as_micros() as u64)
}

fn is_known(why: &str) -> bool {
    let known = std::env::var("PROPERTIES_KNOWN").unwrap_or_default();
    let mut each = known.split('|').filter(|known| !known.is_empty());
    each.any(|known| known.split('&').all(|part| why.contains(part)))
}
