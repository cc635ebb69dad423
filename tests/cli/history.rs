//! `log`: what changed, when, from what to what.

use crate::support::project::Scratch;

#[test]
fn it_tells_old_and_new_values_on_stdout() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql(
        "UPDATE authors SET karma = 12345 WHERE id = 5; INSERT INTO tags VALUES (3, 'logged');
         DELETE FROM visits WHERE rowid = 12; UPDATE authors SET karma = 54321 WHERE id = 5",
    );
    let run = project.d1(["log"]).success();
    for word in ["authors", "12345", "54321", "tags", "logged", "visits", "/precise"] {
        assert!(run.stdout.contains(word), "{word} in {}", run.stdout);
    }
    project.d1(["log", "--json"]).success().json();
}

#[test]
fn it_remembers_what_migrations_already_hold() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("UPDATE authors SET karma = 12345 WHERE id = 5");
    project.d1(["data", "-m", "karma"]).success();
    project.d1(["log"]).success().stdout_has("12345");
}

#[test]
fn without_tracking_there_is_nothing_to_tell_but_no_error_either() {
    let project = Scratch::seeded();
    project.d1(["log"]).success();
}
