//! The only place that prints: status lines and progress on stderr, what a program may read on stdout.

use std::io::{BufWriter, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::{Color, OutputArgs};
use crate::engine::Told;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAREFUL: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Where a command tells what it does.
pub struct Console {
    json: bool,
    quiet: bool,
    verbose: bool,
    progress: ProgressBar,
}

impl Console {
    /// A console as the flags ask for it.
    pub fn new(args: &OutputArgs) -> Self {
        match args.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        let progress = if args.quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        };
        Self { json: args.json, quiet: args.quiet, verbose: args.verbose, progress }
    }

    /// Is one JSON object wanted, in place of lines?
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A line in cargo's manner: a verb, twelve columns wide, and what it was done to.
    pub fn status(&self, verb: &str, what: impl AsRef<str>) {
        self.line(GOOD, verb, what.as_ref());
    }

    /// The same, for what a person should look at.
    pub fn finding(&self, verb: &str, what: impl AsRef<str>) {
        self.line(CAREFUL, verb, what.as_ref());
    }

    fn line(&self, style: Style, verb: &str, what: &str) {
        if !self.quiet {
            self.to_stderr(&format!("{style}{verb:>12}{style:#} {what}"));
        }
    }

    /// Something odd that does not stop the work.
    pub fn warning(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.to_stderr(&format!("{CAREFUL}warning{CAREFUL:#}: {}", text.as_ref()));
        }
    }

    /// What to do next.
    pub fn help(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.to_stderr(&format!("{HINT}help{HINT:#}: {}", text.as_ref()));
        }
    }

    /// What long work is at; shown on a terminal while it lasts.
    pub fn progress(&self, text: &str) {
        if self.verbose && self.progress.is_hidden() {
            self.line(GOOD, "Working", text);
        }
        self.progress.enable_steady_tick(Duration::from_millis(120));
        self.progress.set_message(text.to_owned());
    }

    /// What long work tells about itself.
    pub fn told(&self, told: Told) {
        match told {
            Told::Working(text) => self.progress(text),
            Told::Applied(name) => self.status("Applied", name),
            Told::Waiting(text) => self.finding("Waiting", text),
        }
    }

    /// Long work is over.
    pub fn progress_done(&self) {
        self.progress.finish_and_clear();
    }

    /// A line that a program may read.
    pub fn out(&self, line: impl AsRef<str>) {
        self.progress_done();
        // Whoever closed the pipe does not want the rest.
        drop(writeln!(anstream::stdout(), "{}", line.as_ref()));
    }

    /// Bytes that a program may read.
    pub fn raw(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.progress_done();
        match std::io::stdout().write_all(bytes) {
            // Whoever closed the pipe does not want the rest.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// The one JSON object of this run.
    pub fn json(&self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string_pretty(value) {
            self.out(text);
        }
    }

    /// The one JSON object of this run, with a list that is never in memory as a whole: `each` gives its items one by one.
    pub fn json_list(
        &self,
        name: &str,
        each: impl FnOnce(&mut dyn FnMut(serde_json::Value)) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut stdout = BufWriter::new(std::io::stdout().lock());
        // Whoever closed the pipe does not want the rest.
        drop(write!(stdout, "{{\n  {}: [", serde_json::Value::from(name)));
        let mut separator = "";
        each(&mut |item| {
            let text = serde_json::to_string_pretty(&item).unwrap_or_default();
            drop(write!(stdout, "{separator}\n    {}", text.replace('\n', "\n    ")));
            separator = ",";
        })?;
        let end = if separator.is_empty() { "]" } else { "\n  ]" };
        drop(writeln!(stdout, "{end}\n}}"));
        drop(stdout.flush());
        Ok(())
    }

    fn to_stderr(&self, line: &str) {
        self.progress.suspend(|| drop(writeln!(anstream::stderr(), "{line}")));
    }
}

/// An error that ends the run: what is wrong, then what to do next.
pub fn error(message: &str, help: Option<&str>) {
    let mut stderr = anstream::stderr();
    drop(writeln!(stderr, "{BAD}error{BAD:#}: {message}"));
    if let Some(help) = help {
        drop(writeln!(stderr, "{HINT}help{HINT:#}: {help}"));
    }
}
