//! Streams, JSON, silence and colours.

use crate::support::project::Scratch;
use crate::support::run::{Run, command};

#[test]
fn progress_goes_to_stderr_and_paths_of_written_files_to_stdout() {
    let project = Scratch::seeded();
    let run = project.d1([]).success();
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    let written = project.root().join(run.stdout.trim_end());
    assert!(written.is_file(), "{}", written.display());
    assert!(!run.stderr.is_empty());
}

#[test]
fn every_command_speaks_json() {
    let project = Scratch::seeded();
    project.d1(["--json"]).success().json();
    project.sql("DELETE FROM tags WHERE post_id = 5; UPDATE authors SET name = 'é\"\n' WHERE id = 5");
    project.d1(["check", "--json"]).code(1).json();
    for args in [
        &["status", "--json"][..],
        &["log", "--json"],
        &["path", "--json"],
        &["track", "--json"],
        &["data", "-m", "x", "--dry-run", "--json"],
        &["data", "-m", "x", "--json"],
        &["verify", "--json"],
        &["schema", "-m", "y", "--json"],
    ] {
        project.d1(args.iter().copied()).success().json();
    }
    project.d1(["apply", "--json"]).code(2).says("no statement");
    project.append("migrations/0003_y.sql", "CREATE TABLE y (z);");
    project.d1(["apply", "--json"]).success().json();
    project.d1(["untrack", "--json"]).success().json();
}

#[test]
fn quiet_leaves_only_what_a_program_reads() {
    let project = Scratch::seeded();
    let run = project.d1(["-q"]).success();
    run.stdout_has("0001_initial_migration.sql");
    let run = project.d1(["-q"]).success().stdout_is("");
    assert_eq!(run.stderr, "");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let project = Scratch::seeded();
    project.d1([]).success().says_not("\u{1b}[");
    project.d1(["status", "--color", "never"]).success().says_not("\u{1b}[");
    project.d1(["status", "--color", "always"]).success().says("\u{1b}[");
}

#[test]
fn help_and_version_are_no_errors() {
    let project = Scratch::empty();
    project.d1(["--help"]).success().stdout_has("apply");
    project.d1(["data", "--help"]).success().stdout_has("--dry-run");
    project.d1(["--version"]).success().stdout_has(env!("CARGO_PKG_VERSION"));
}

#[test]
fn it_runs_with_and_without_cargos_first_argument_and_as_cargos_subcommand() {
    let project = Scratch::seeded();
    let expected = project.d1(["path"]).success().stdout;

    let with = command(&project.root(), ["path"]);
    let mut without = std::process::Command::new(with.get_program());
    without.arg("path").current_dir(project.root());
    Run::of(without).success().stdout_is(&expected);

    let mut cargo = std::process::Command::new(env!("CARGO"));
    let tool = std::path::Path::new(with.get_program());
    let mut path = vec![tool.parent().expect("a folder").to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").expect("a PATH")));
    cargo
        .args(["d1-migrate", "path"])
        .env("PATH", std::env::join_paths(path).expect("a PATH"))
        .current_dir(project.root());
    Run::of(cargo).success().stdout_is(&expected);
}
