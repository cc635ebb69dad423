//! `cargo bench`: how fast the tool is, as ratios to `sqlite3` and to itself, against the goals that it was built for.
//!
//! `cargo bench --bench speed -- --rows 10000000` takes another number of rows, `--runs 3` fewer runs, `--wrangler` adds the
//! line that needs the real wrangler (npm, minutes). Absolute times are printed to tell how noisy the machine is; the ratios are the result.

mod capture;
mod database;
mod lines;
mod lock;
mod measure;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "of the tests' support only wrangler is used here")]
mod support;
mod wrangler;

use measure::Table;

/// What the command line asks for.
pub(crate) struct Settings {
    /// Rows of the one table.
    pub(crate) rows: u64,
    /// How often everything is timed.
    pub(crate) runs: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this program too, and asks for nothing that takes minutes.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let settings = Settings {
        rows: number(&arguments, "--rows").unwrap_or(1_000_000),
        runs: number(&arguments, "--runs").unwrap_or(5) as usize,
    };
    if !measure::is_on_path("sqlite3") {
        eprintln!("error: the benchmark measures against the `sqlite3` shell, which is not on PATH");
        std::process::exit(2);
    }
    let mut table = Table::default();
    capture::run(&settings, &mut table);
    lines::run(&settings, &mut table);
    lock::run(&settings, &mut table);
    if arguments.iter().any(|argument| argument == "--wrangler") {
        wrangler::run(&mut table);
    }
    println!("\n{} rows, best of {} runs\n\n{}", settings.rows, settings.runs, table.render());
}

fn number(arguments: &[String], name: &str) -> Option<u64> {
    let at = arguments.iter().position(|argument| argument == name)?;
    let text = arguments.get(at + 1).unwrap_or_else(|| panic!("{name} wants a number"));
    Some(text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} wants a number, not {text}")))
}
