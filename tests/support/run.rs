//! One run of the tool: its exit status and streams, and sentences about them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Deserializer, Value};

/// What one run left behind. Every run, good or bad, is free of panics, backtraces and colours.
#[derive(Debug)]
pub(crate) struct Run {
    shown: String,
    code: Option<i32>,
    /// What a program may read.
    pub(crate) stdout: String,
    /// What a person reads.
    pub(crate) stderr: String,
}

/// The built tool. A test is given it by cargo; the tour, an example, has to build it.
pub(crate) fn tool() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    TOOL.get_or_init(|| option_env!("CARGO_BIN_EXE_cargo-d1-migrate").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let exe = std::env::current_exe().expect("a running example has an executable");
    let profile = exe.ancestors().nth(2).expect("target/PROFILE/examples/NAME");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--bin", "cargo-d1-migrate"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.status().expect("cargo runs");
    assert!(built.success(), "cargo-d1-migrate does not build");
    profile.join(format!("cargo-d1-migrate{}", std::env::consts::EXE_SUFFIX))
}

/// The tool as cargo calls it, in a folder, without what the developer's own shell may have set.
pub(crate) fn command<'a>(folder: &Path, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(tool());
    command.arg("d1-migrate").args(args).current_dir(folder);
    for name in ["CLOUDFLARE_ENV", "NO_COLOR", "CLICOLOR_FORCE", "CARGO_TERM_COLOR", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

impl Run {
    /// Runs the command to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.output().expect("the tool runs");
        let run = Self {
            shown: format!("{command:?}"),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        };
        let both = run.said();
        for never in ["panicked at", "RUST_BACKTRACE", "stack backtrace"] {
            run.demand(!both.contains(never), &format!("no `{never}`"));
        }
        run.demand(run.code.is_some(), "an exit status, not a signal");
        run
    }

    /// The exit status.
    pub(crate) fn code_is(&self) -> i32 {
        self.code.unwrap_or(-1)
    }

    /// The exit status is 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// The exit status is this one.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        self.demand(self.code == Some(code), &format!("exit status {code}"));
        self
    }

    /// An error of the tool's own: status 2, nothing on stdout, one line `error:` that says this, and `help:`.
    #[track_caller]
    pub(crate) fn fails(self, says: &str) -> Self {
        let run = self.code(2);
        run.demand(run.stdout.is_empty(), "nothing on stdout");
        let starting = |start: &str| -> Vec<&str> {
            let lines = run.stderr.lines();
            lines.filter(|line| line.starts_with(start)).collect()
        };
        let errors = starting("error: ");
        run.demand(errors.len() == 1, "one line that begins with `error: `");
        run.demand(
            run.stderr.to_lowercase().contains(&says.to_lowercase()),
            &format!("an error about `{says}`"),
        );
        run.demand(starting("help: ").len() == 1, "one line that begins with `help: `");
        // The derived debug form of a struct or of an error from a library.
        for debug in ["Error {", "Some(", "Os {", "SqliteFailure("] {
            run.demand(!run.stderr.contains(debug), &format!("no `{debug}`"));
        }
        run
    }

    /// A program would find this text.
    #[track_caller]
    pub(crate) fn stdout_has(self, text: &str) -> Self {
        self.demand(self.stdout.contains(text), &format!("`{text}` on stdout"));
        self
    }

    /// A program would find exactly this text.
    #[track_caller]
    pub(crate) fn stdout_is(self, text: &str) -> Self {
        self.demand(self.stdout == text, &format!("stdout to be exactly `{text}`"));
        self
    }

    /// A person would find this text, upper or lower case.
    #[track_caller]
    pub(crate) fn stderr_has(self, text: &str) -> Self {
        let found = self.stderr.to_lowercase().contains(&text.to_lowercase());
        self.demand(found, &format!("`{text}` on stderr"));
        self
    }

    /// This text is on one of the streams, upper or lower case.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let found = self.said().to_lowercase().contains(&text.to_lowercase());
        self.demand(found, &format!("`{text}`"));
        self
    }

    /// This text is on neither stream.
    #[track_caller]
    pub(crate) fn says_not(self, text: &str) -> Self {
        let found = self.said().to_lowercase().contains(&text.to_lowercase());
        self.demand(!found, &format!("no `{text}`"));
        self
    }

    /// stdout as JSON: one value, or one a line.
    #[track_caller]
    pub(crate) fn json(self) -> Vec<Value> {
        let values: Result<Vec<Value>, _> = Deserializer::from_str(&self.stdout).into_iter().collect();
        self.demand(values.as_ref().is_ok_and(|v| !v.is_empty()), "JSON on stdout");
        values.expect("just looked at")
    }

    /// The line that speaks of `word`, on either stream.
    #[track_caller]
    pub(crate) fn line_about(&self, word: &str) -> String {
        let said = self.said();
        let line = said.lines().find(|line| line.contains(word));
        self.demand(line.is_some(), &format!("a line about `{word}`"));
        line.unwrap_or_default().to_owned()
    }

    fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    #[track_caller]
    fn demand(&self, holds: bool, wanted: &str) {
        assert!(
            holds,
            "wanted {wanted} of {}\nexit status {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.shown, self.code, self.stdout, self.stderr
        );
    }
}
