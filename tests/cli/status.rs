//! `status`: where everything is, what is tracked, what is pending, what is unapplied.

use crate::support::project::Scratch;

#[test]
fn it_says_where_everything_is_and_changes_nothing() {
    let project = Scratch::seeded();
    let file = project.local_file();
    let name = file.file_name().and_then(|name| name.to_str());
    project
        .d1(["status"])
        .success()
        .says("wrangler.toml")
        .says("DB")
        .says("guestbook")
        .says(name.expect("a name"))
        .says("migrations");
    assert_eq!(project.migrations(), Vec::<String>::new());
    let made = "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'd1_mig*'";
    assert_eq!(project.ask(made), "0");
}

#[test]
fn it_tells_tracked_tables_from_the_others() {
    let project = Scratch::seeded();
    project.d1(["init"]).success();
    project.d1(["untrack"]).success();
    project.d1(["track", "--tables", "posts,tags"]).success();
    let status = project.d1(["status"]).success();
    let tracked = status.line_about("Tracked");
    assert!(tracked.contains("posts") && tracked.contains("tags"), "{tracked}");
    let untracked = status.line_about("Untracked");
    assert!(untracked.contains("authors") && untracked.contains("visits"), "{untracked}");
}

#[test]
fn it_tells_what_is_pending_or_unapplied_with_status_0() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("DELETE FROM visits WHERE rowid < 3");
    let pending = project.d1(["status"]).success().line_about("visits: ");
    assert!(pending.contains('2') && pending.contains("delete"), "{pending}");
    project.write("migrations/0002_theirs.sql", "CREATE TABLE theirs (a);\n");
    project.d1(["status"]).success().says("0002_theirs.sql");
}
