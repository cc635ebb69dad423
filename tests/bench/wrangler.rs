//! wrangler's own `apply` of what the tool writes, against one INSERT for each row.

use super::database::Project;
use super::measure::{Table, time};
use super::support::wrangler::command;

/// One INSERT for each takes wrangler minutes: about 30 s for every 20,000.
const ROWS: u64 = 100_000;

pub(crate) fn run(table: &mut Table) {
    let project = Project::one_table(ROWS);
    let apply = |state: &str| {
        let mut command = command(project.path());
        command.args(["d1", "migrations", "apply", "DB", "--local", "--persist-to", state]);
        time(&mut command, &[0]).as_secs_f64()
    };
    time(&mut project.tool("init"), &[0]);
    let ours = apply("state-ours");
    project.forget_migrations();
    let folder = project.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    time(&mut project.sqlite3(".dump"), &[0]);
    let dump = std::fs::read_to_string(project.path().join("shell.out")).unwrap();
    let plain: Vec<&str> = dump
        .lines()
        .filter(|line| !line.starts_with("PRAGMA") && !line.starts_with("BEGIN") && *line != "COMMIT;")
        .collect();
    std::fs::write(folder.join("0001_one_insert_each.sql"), plain.join("\n")).unwrap();
    let theirs = apply("state-theirs");
    table.ratio("wrangler's apply of 100,000 rows / as one INSERT each", ours, theirs, 0.1);
}
