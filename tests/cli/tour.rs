//! The tour: the README's one command that shows the main job.

use std::process::Command;

use crate::support::run::Run;

#[test]
fn it_comes_to_its_end_and_shows_the_sql() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", "tour"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    Run::of(cargo)
        .success()
        .stdout_has("CREATE TABLE authors")
        .stdout_has("0002_add_spring_posts.sql")
        .stdout_has("'Grace'")
        .stdout_has("Equal");
}
