//! The real wrangler, as a user runs it in a project's folder.

use std::path::Path;
use std::process::Command;

use super::install;

/// Runs SQL on the local database: `wrangler d1 execute DB --local --command SQL`.
pub(crate) fn execute(project: &Path, sql: &str) {
    succeed(command(project).args(["d1", "execute", "DB", "--local", "--command", sql]));
}

/// Runs a file on the local database that `binding` names.
pub(crate) fn execute_file(project: &Path, binding: &str, file: &str) {
    succeed(command(project).args(["d1", "execute", binding, "--local", "--file", file]));
}

/// Applies the migrations folder to the project's own local database.
pub(crate) fn apply(project: &Path) {
    succeed(command(project).args(["d1", "migrations", "apply", "DB", "--local"]));
}

/// Applies the migrations folder to the database that is kept in `state`; an empty folder is an empty D1.
pub(crate) fn apply_to(project: &Path, state: &Path) {
    let mut command = command(project);
    command.args(["d1", "migrations", "apply", "DB", "--local"]);
    succeed(command.arg("--persist-to").arg(state));
}

/// The migrations that wrangler would still apply to the local database.
pub(crate) fn unapplied(project: &Path) -> Vec<String> {
    let answer = succeed(command(project).args(["d1", "migrations", "list", "DB", "--local"]));
    let names: Vec<String> = answer
        .lines()
        .filter_map(|line| line.strip_prefix('│')?.strip_suffix('│'))
        .map(|cell| cell.trim().to_owned())
        .filter(|cell| !cell.eq_ignore_ascii_case("name"))
        .collect();
    assert!(
        !names.is_empty() || answer.contains("No migrations to apply"),
        "wrangler's list cannot be read:\n{answer}"
    );
    names
}

/// wrangler in a folder, without questions, telemetry and colours, and away from its user's own settings.
pub(crate) fn command(folder: &Path) -> Command {
    let wrangler = install::wrangler();
    let mut command = Command::new(&wrangler.node);
    command
        .arg(&wrangler.script)
        .current_dir(folder)
        .env("CI", "1")
        .env("NO_COLOR", "1")
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_WRITE_LOGS", "false")
        // Without it `wrangler dev` asks the network where it is.
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("XDG_CONFIG_HOME", &wrangler.config)
        .env_remove("CLOUDFLARE_ENV");
    command
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("Node was run before");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "wrangler refuses: {command:?}\n{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
