//! `track` and `untrack`, and that the application does not notice.

use rusqlite::Connection;

use crate::support::project::Scratch;

fn own_objects(project: &Scratch, kind: &str) -> usize {
    let query =
        format!("SELECT count(*) FROM sqlite_schema WHERE type = '{kind}' AND name GLOB 'd1_migrate_*'");
    project.ask(&query).parse().expect("a number")
}

fn tracked_tables(project: &Scratch) -> Vec<String> {
    let connection: Connection = project.sqlite();
    let mut statement = connection
        .prepare(
            "SELECT DISTINCT tbl_name FROM sqlite_schema
             WHERE type = 'trigger' AND name GLOB 'd1_migrate_track_*:*' ORDER BY tbl_name",
        )
        .expect("the schema is readable");
    let names = statement.query_map([], |row| row.get(0)).expect("rows");
    names.map(|name| name.expect("a name")).collect()
}

#[test]
fn it_comes_and_goes_without_a_trace() {
    let project = Scratch::seeded();
    project.d1(["init"]).success();
    let everything = "SELECT group_concat(name || coalesce(sql, ''), ';') FROM
        (SELECT * FROM sqlite_schema WHERE name NOT GLOB 'd1_migrate_*' ORDER BY name)";
    let before = project.ask(everything);
    project.d1(["track"]).success();
    assert_eq!(tracked_tables(&project), ["authors", "posts", "tags", "visits"]);
    project.d1(["untrack"]).success();
    assert_eq!(own_objects(&project, "trigger"), 0);
    assert_ne!(own_objects(&project, "table"), 0);
    project.d1(["untrack", "--purge"]).success();
    assert_eq!(own_objects(&project, "table"), 0);
    assert_eq!(project.ask(everything), before);
    assert_eq!(project.ask("SELECT count(*) FROM sqlite_sequence WHERE name GLOB 'd1_migrate_*'"), "0");
}

#[test]
fn it_can_be_had_for_some_tables_only() {
    let project = Scratch::seeded();
    project.d1(["track", "--tables", "posts", "tags"]).success();
    assert_eq!(tracked_tables(&project), ["posts", "tags"]);
    project.d1(["untrack", "--tables", "tags"]).success();
    assert_eq!(tracked_tables(&project), ["posts"]);
    project.d1(["track", "--tables", "no_such"]).fails("no_such");
    project.d1(["untrack", "--tables", "no_such"]).fails("no_such");
}

#[test]
fn tracking_twice_is_tracking_once() {
    let project = Scratch::seeded();
    project.d1(["track"]).success();
    let schema = "SELECT group_concat(name || coalesce(sql, ''), ';') FROM sqlite_schema";
    let once = project.ask(schema);
    project.d1(["track"]).success().stderr_has("nothing");
    assert_eq!(project.ask(schema), once);
}

#[test]
fn it_follows_a_table_whose_columns_changed() {
    let project = Scratch::seeded();
    project.d1([]).success();
    // DDL by another program, outside of any migration.
    project.sql(
        "ALTER TABLE tags RENAME TO old_tags; CREATE TABLE tags (a); ALTER TABLE visits ADD COLUMN extra",
    );
    project.d1(["track"]).success();
    project.sql("INSERT INTO tags VALUES (1); UPDATE visits SET extra = 1; DELETE FROM old_tags");
    assert_eq!(tracked_tables(&project), ["authors", "old_tags", "posts", "tags", "visits"]);
}

#[test]
fn every_statement_that_succeeds_untracked_succeeds_tracked() {
    let statements = [
        "INSERT INTO authors (name) VALUES ('x')",
        "INSERT OR REPLACE INTO authors (id, name) VALUES (90, 'Ada')",
        "INSERT INTO authors (name, karma) VALUES ('x', 1) ON CONFLICT (name) DO UPDATE SET karma = karma + 1",
        "UPDATE OR IGNORE authors SET name = 'x'",
        "UPDATE posts SET id = id + 1000000 WHERE id = 7",
        "INSERT INTO visits SELECT name, zeroblob(3) FROM authors",
        "UPDATE visits SET detail = 1.5 WHERE detail = 1",
        "UPDATE visits SET rowid = rowid + 100",
        "DELETE FROM authors WHERE id = 5",
        "REPLACE INTO tags VALUES (3, 'RUST'), (3, 'rust')",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO visits SELECT i, i FROM n",
        "DELETE FROM visits",
    ];
    let plain = Scratch::seeded();
    let tracked = Scratch::seeded();
    tracked.d1([]).success();
    for statement in statements {
        let [expected, got] = [&plain, &tracked].map(|project| {
            let connection = project.sqlite();
            let changed = connection.execute(statement, []).expect(statement);
            (changed, connection.last_insert_rowid())
        });
        assert_eq!(got, expected, "{statement}");
    }
    tracked.d1(["data", "-m", "all of it"]).success();
    tracked.assert_replay_agrees();
}

#[test]
fn the_sqlite3_shell_writes_to_tracked_tables() {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sqlite3_shell(
        "INSERT INTO visits VALUES ('shell', X'00'); UPDATE authors SET score = 9e999, avatar = NULL WHERE id = 1;
         DELETE FROM tags WHERE tag = 'd1'; UPDATE posts SET body = 'shell' || char(10) WHERE id < 3;",
    );
    project.d1(["data", "-m", "shell"]).success();
    project.assert_replay_agrees();
}

#[test]
fn no_change_is_lost_under_a_newer_trigger_that_leaves_out_the_older_ones() {
    let project = Scratch::with_schema(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    );
    project.d1([]).success();
    // As wrangler applies a migration: the tool does not see it.
    let ddl = "CREATE TRIGGER gone AFTER DELETE ON t BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER new AFTER INSERT ON t BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER changed AFTER UPDATE ON t BEGIN SELECT RAISE(FAIL, 'kept') WHERE NEW.id = 1; SELECT RAISE(IGNORE); END;";
    project.d1(["schema", "-m", "triggers"]).success();
    project.append("migrations/0002_triggers.sql", ddl);
    project.sql(&format!("{ddl} INSERT INTO d1_migrations (name) VALUES ('0002_triggers.sql')"));
    project.d1(["check"]).success();
    let change = |sql: &str| drop(project.sqlite().execute(sql, []));
    for round in ["older", "newer"] {
        change(&format!("UPDATE t SET v = '{round} 1' WHERE id = 1"));
        change(&format!("UPDATE t SET v = '{round} 3' WHERE id = 3"));
        change("DELETE FROM t WHERE id = 2");
        change(&format!("INSERT INTO t VALUES (2, '{round} 2')"));
        assert_eq!(project.ask("SELECT count(*) FROM t WHERE v LIKE '% %'"), "3");
        project.d1(["check"]).code(1).says("t:");
        // The second round comes after `track` has set its triggers anew.
        project.d1(["track"]).success();
        project.d1(["data", "-m", round]).success();
        project.assert_replay_agrees();
    }
}

/// SQLite acts on children before it runs the triggers of the parent; workerd takes the whole statement back, a shell does not.
#[test]
fn a_parent_is_not_lost_where_a_trigger_of_its_child_fails_half_way() {
    let project = Scratch::with_schema(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
         CREATE TRIGGER gone AFTER DELETE ON c BEGIN SELECT RAISE(FAIL, 'no'); END;
         CREATE TRIGGER moved AFTER UPDATE ON c BEGIN SELECT RAISE(FAIL, 'no'); END;
         INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (1), (2);",
    );
    project.d1([]).success();
    project.d1(["check"]).success();
    for statement in ["DELETE FROM p WHERE id = 1", "UPDATE p SET id = 20 WHERE id = 2"] {
        let connection = project.sqlite();
        connection.pragma_update(None, "foreign_keys", true).expect("a pragma");
        assert!(connection.execute(statement, []).is_err(), "{statement}");
        project.d1(["check"]).code(1).says("p: 1").says("c: 1");
        project.d1(["data", "-m", "half"]).success();
        project.assert_replay_agrees();
    }
}

/// SQLite lets one row at a time into a table that a faulty foreign key points to, unless a trigger stands on it.
#[test]
fn a_table_that_a_foreign_key_points_to_in_vain_is_filled_as_before() {
    let project = Scratch::with_schema(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, email TEXT); CREATE TABLE c (k INTEGER PRIMARY KEY, e TEXT REFERENCES p (email))",
    );
    project.d1([]).success();
    assert_eq!(tracked_tables(&project), ["c"]);
    project.sql("INSERT INTO p VALUES (1, 'a')");
    project.d1(["check"]).code(1).says("p: 1 inserted");
    project.d1(["data", "-m", "p"]).fails("foreign key mismatch - \"c\" referencing \"p\"");
    assert_eq!(project.migrations().len(), 1);
}

#[test]
fn triggers_go_from_a_table_that_a_later_foreign_key_points_to_in_vain() {
    let project = Scratch::with_schema("CREATE TABLE p (id INTEGER PRIMARY KEY, email TEXT)");
    project.d1([]).success();
    assert_eq!(tracked_tables(&project), ["p"]);
    project.sql("CREATE TABLE c (k INTEGER PRIMARY KEY, e TEXT REFERENCES p (email))");
    project.d1(["track"]).success();
    assert_eq!(tracked_tables(&project), ["c"]);
    project.sql("INSERT INTO p VALUES (1, 'a')");
}
