//! Times, sizes and peak memory of other programs, and the table that they are put into.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs it to its end and gives the time; `expected` are the exit statuses that it may have.
pub(crate) fn time(command: &mut Command, expected: &[i32]) -> Duration {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let begin = Instant::now();
    let output = command.output().expect("the program can be started");
    let time = begin.elapsed();
    let status = output.status.code().unwrap_or(-1);
    assert!(expected.contains(&status), "{command:?}: {status}\n{}", String::from_utf8_lossy(&output.stderr));
    time
}

/// The shortest of several times: what the machine does besides only adds.
pub(crate) fn best(times: &[Duration]) -> f64 {
    times.iter().min().expect("there is a time").as_secs_f64()
}

/// Peak memory in MB by GNU time; `None` where that is missing.
pub(crate) fn peak(command: &Command, expected: &[i32]) -> Option<f64> {
    if !Path::new("/usr/bin/time").exists() {
        return None;
    }
    let report = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let mut timed = Command::new("/usr/bin/time");
    timed
        .arg("-f")
        .arg("%M")
        .arg("-o")
        .arg(report.path())
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    time(&mut timed, expected);
    let text = std::fs::read_to_string(report.path()).ok()?;
    text.lines().last()?.trim().parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}

pub(crate) fn is_on_path(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What was measured, line by line.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<[String; 4]>,
}

impl Table {
    /// A ratio of two times in seconds.
    pub(crate) fn ratio(&mut self, what: &str, ours: f64, theirs: f64, goal: f64) {
        self.line(what, format!("{:.2}", ours / theirs), goal, format!("{ours:.3} s / {theirs:.3} s"));
    }

    /// Any number; `detail` says what it is made of.
    pub(crate) fn line(&mut self, what: &str, measured: String, goal: f64, detail: String) {
        println!("{what}: {measured} (goal {goal}; {detail})");
        self.lines.push([what.into(), measured, format!("≤ {goal}"), detail]);
    }

    /// Markdown.
    pub(crate) fn render(&self) -> String {
        let mut text = String::from("| what | measured | goal | made of |\n|---|---|---|---|\n");
        for line in &self.lines {
            text.push_str(&format!("| {} |\n", line.join(" | ")));
        }
        text
    }
}
