//! A live `wrangler dev` on the same file: the app does not notice, and its rows are written.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::dev::DevServer;
use crate::support::project::{GUESTBOOK_ID, Scratch};
use crate::support::wrangler;

#[test]
fn it_goes_on_serving_while_the_tool_tracks_and_writes_migrations() {
    let project = Scratch::guestbook();
    let root = project.root();
    wrangler::execute_file(&root, "DB", "seed.sql");
    let server = DevServer::start(&root, GUESTBOOK_ID);
    let ask = |sql: &str, params: &[Value]| server.query(sql, params).expect(sql);
    let count = |table: &str| {
        let answer = ask(&format!("SELECT count(*) AS n FROM {table}"), &[]);
        answer["results"][0]["n"].as_u64().expect("a number")
    };

    // The initial migration and tracking, under the running server.
    assert_eq!(count("authors"), 4);
    project.d1([]).success().stdout_has("0001_initial_migration.sql");
    let insert = "INSERT INTO authors (name, score, avatar) VALUES (?1, ?2, ?3) RETURNING id";
    let answer = ask(insert, &[json!("Barbara"), json!(2.5), Value::Null]);
    assert_eq!(answer["results"][0]["id"], 41);

    // Every kind of write goes through the triggers that another process made.
    ask("UPDATE posts SET body = ?1 WHERE id = 1", &[json!("from dev;\n'quoted' -- 🎉")]);
    ask("INSERT OR REPLACE INTO authors (id, name) VALUES (50, 'Ada')", &[]);
    ask("INSERT INTO tags VALUES (3, 'dev'), (6, 'dev')", &[]);
    ask("DELETE FROM authors WHERE id = 2", &[]);
    ask("INSERT INTO visits VALUES ('/dev', ?1)", &[json!(1.5)]);
    project.d1(["check"]).code(1).says("authors").says("visits");
    project.d1(["data", "-m", "from dev"]).success().stdout_has("0002_from_dev.sql");

    // It writes without a pause while the tool works: every write is in a migration, none twice.
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..40).map(|n| write(&server, n)).max());
        while !writer.is_finished() {
            project.d1(["data", "-m", "busy"]).success();
        }
        let longest = writer.join().expect("every write is taken").unwrap_or_default();
        assert!(longest < Duration::from_millis(500), "a write had to wait {longest:?}");
    });
    project.d1(["track"]).success();
    project.d1([]).success();
    project.d1(["check"]).success();
    assert_eq!(count("visits WHERE path = '/busy'"), 40);
    drop(server);
    project.assert_wrangler_agrees();
}

/// Writes one row; gives for how long it was refused. workerd does not wait for a lock, so a write in the milliseconds of
/// a record is refused, and an app tries again.
fn write(server: &DevServer, n: usize) -> Duration {
    let start = Instant::now();
    loop {
        let asked = start.elapsed();
        match server.query("INSERT INTO visits VALUES ('/busy', ?1)", &[json!(n)]) {
            Ok(_) => return asked,
            Err(busy) => assert!(busy.contains("SQLITE_BUSY"), "{busy}"),
        }
        assert!(asked < Duration::from_secs(10), "the database stays locked");
    }
}
