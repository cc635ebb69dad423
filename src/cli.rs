//! Every flag, once.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Turn what changed in the local D1 database into the numbered migrations that `wrangler d1 migrations apply` runs.
///
/// Without a command it does what is needed: it finds the database, writes the initial migration if there is none, tracks
/// row changes, and writes a data migration if anything changed. It is safe to run again and again.
#[derive(Debug, Parser)]
#[command(
    name = "cargo d1-migrate",
    bin_name = "cargo d1-migrate",
    version,
    max_term_width = 100,
    after_help = "Exit status: 0 done, or nothing pending; 1 only from `check` (it found something) and `verify` (they differ); 2 any error."
)]
pub struct Cli {
    /// What the data migration of this run is about; becomes its file name [default: data changes]
    #[arg(short, long, value_name = "MESSAGE")]
    pub message: Option<String>,
    #[command(flatten)]
    pub size: SizeArgs,
    #[command(flatten)]
    pub place: PlaceArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the initial migration from an existing local database (schema, then data)
    Init {
        /// Becomes the file name
        #[arg(short, long, value_name = "MESSAGE", default_value = "initial migration")]
        message: String,
        #[command(flatten)]
        size: SizeArgs,
        /// Print the SQL instead of writing a file
        #[arg(long)]
        dry_run: bool,
    },
    /// Install or refresh tracking
    Track {
        #[command(flatten)]
        tables: TablesArgs,
        /// Take the local database as it is now as what the files give so far: for migrations that cannot be replayed
        /// from nothing
        #[arg(long)]
        baseline: bool,
    },
    /// Remove the triggers
    Untrack {
        #[command(flatten)]
        tables: TablesArgs,
        /// Remove the changefeed too
        #[arg(long, conflicts_with = "tables")]
        purge: bool,
    },
    /// May this be deployed? Exits 1 if anything is pending or behind, if the schema differs, or if two files have one number; changes nothing
    Check,
    /// Show where everything is, what is tracked, what is pending, what is unapplied
    Status,
    /// Write the data migration
    Data {
        /// What it is about; becomes the file name
        #[arg(short, long, value_name = "MESSAGE")]
        message: String,
        #[command(flatten)]
        tables: TablesArgs,
        #[command(flatten)]
        since: SinceArgs,
        #[command(flatten)]
        size: SizeArgs,
        /// Print the SQL instead of writing a file
        #[arg(long)]
        dry_run: bool,
    },
    /// Write an empty numbered migration, for a schema change that you put in by hand
    Schema {
        /// What it is about; becomes the file name
        #[arg(short, long, value_name = "MESSAGE")]
        message: String,
    },
    /// Run the migrations that the local database lacks, without recording them as changes; make a tracked one if there is none
    Apply {
        /// Only note them as applied
        #[arg(long)]
        record: bool,
    },
    /// Prove that the migrations rebuild the local database, row for row; exits 1 if they do not
    Verify,
    /// Show what changed, when, from what to what, newest first
    Log {
        #[command(flatten)]
        tables: TablesArgs,
        #[command(flatten)]
        since: SinceArgs,
        /// Show at most this many changes
        #[arg(short = 'n', long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Print the path of the local sqlite file, for another program
    Path,
}

/// Where to find the project and its database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub struct PlaceArgs {
    /// A wrangler configuration file
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<Utf8PathBuf>,
    /// The wrangler environment
    #[arg(short, long, value_name = "NAME", env = "CLOUDFLARE_ENV", global = true)]
    pub env: Option<String>,
    /// The database, by binding or by name, where there are several
    #[arg(short, long, value_name = "BINDING-OR-NAME", global = true)]
    pub database: Option<String>,
    /// The workspace member whose wrangler file is meant
    #[arg(short, long, value_name = "NAME", global = true, conflicts_with = "config")]
    pub package: Option<String>,
    /// The folder that wrangler was told to keep its local state in
    #[arg(long, value_name = "DIR", global = true)]
    pub persist_to: Option<Utf8PathBuf>,
    /// The local sqlite file, in place of the one that was found
    #[arg(long, value_name = "FILE", global = true)]
    pub db: Option<Utf8PathBuf>,
    /// The migrations folder, in place of the one that was found
    #[arg(long, value_name = "FOLDER", global = true)]
    pub dir: Option<Utf8PathBuf>,
}

/// How to tell what was done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print one JSON object on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors and what a program may read
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which tables.
#[derive(Debug, Args)]
pub struct TablesArgs {
    /// Only these tables, separated by spaces or commas
    #[arg(long, value_name = "TABLE", num_args = 1.., value_delimiter = ',')]
    pub tables: Vec<String>,
}

/// From when on.
#[derive(Debug, Args)]
pub struct SinceArgs {
    /// Only what changed since then: `2026-11-22`, `2026-11-22T19:16:55Z`, `7 days`, `2 hours ago`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

/// How large.
#[derive(Debug, Args)]
pub struct SizeArgs {
    /// A migration above this size goes on in the next file: bytes, or with K or M [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_file_size: Option<u64>,
}

fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.to_ascii_uppercase() {
        upper if upper.ends_with('M') || upper.ends_with("MB") => {
            (upper.trim_end_matches(['M', 'B']).to_owned(), 1_000_000)
        }
        upper if upper.ends_with('K') || upper.ends_with("KB") => {
            (upper.trim_end_matches(['K', 'B']).to_owned(), 1_000)
        }
        upper => (upper, 1),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "give a number of bytes above 0, like 500K or 8M".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("8M"), Ok(8_000_000));
        assert_eq!(size("500kb"), Ok(500_000));
        assert_eq!(size("123"), Ok(123));
        for wrong in ["", "0", "M", "-1", "1G", "99999999999999999999", "18446744073709551615M"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
