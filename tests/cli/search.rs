//! FTS5 and R*Tree: made, filled and equal in what queries return.

use crate::remote::{Remote, assert_same, by_migration_and_by_hand};
use crate::support::project::Scratch;

const SCHEMA: &str = "
    CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
    CREATE VIRTUAL TABLE posts_fts USING fts5(title, body, content='posts', content_rowid='id');
    CREATE TRIGGER posts_ai AFTER INSERT ON posts BEGIN
      INSERT INTO posts_fts(rowid, title, body) VALUES (new.id, new.title, new.body);
    END;
    CREATE TRIGGER posts_ad AFTER DELETE ON posts BEGIN
      INSERT INTO posts_fts(posts_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
    END;
    CREATE TRIGGER posts_au AFTER UPDATE ON posts BEGIN
      INSERT INTO posts_fts(posts_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
      INSERT INTO posts_fts(rowid, title, body) VALUES (new.id, new.title, new.body);
    END;
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    CREATE VIRTUAL TABLE notes_fts USING fts5(text, content='', tokenize='porter');
    CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
      INSERT INTO notes_fts(rowid, text) VALUES (new.id, new.text);
    END;
    CREATE VIRTUAL TABLE own USING fts5(a, b UNINDEXED, tokenize='porter');
    CREATE VIRTUAL TABLE bare USING fts5(x, content='');
    CREATE VIRTUAL TABLE areas USING rtree(id, min_x, max_x, +name);
    INSERT INTO posts VALUES (1, 'hello world', 'first post'), (2, 'goodbye', 'second post');
    INSERT INTO notes (text) VALUES ('walking dogs');
    INSERT INTO own (rowid, a, b) VALUES (5, 'running dogs', 'u'), (7, 'cats', 3);
    INSERT INTO bare (rowid, x) VALUES (1, 'words without a text'), (9, 'more words');
    INSERT INTO areas VALUES (3, 1.1, 2.2, 'a');";

const QUERIES: [&str; 9] = [
    "SELECT rowid FROM posts_fts('post')",
    "SELECT rowid FROM posts_fts('mars')",
    "SELECT rowid FROM posts_fts('goodbye')",
    "SELECT rowid FROM notes_fts('walk OR jump')",
    "SELECT rowid FROM own('run OR horse')",
    "SELECT rowid FROM bare('words')",
    "SELECT rowid FROM bare('\"without a text\"')",
    "SELECT rowid FROM bare('later')",
    "SELECT name FROM areas WHERE max_x > 2",
];

#[test]
fn search_finds_on_d1_what_it_finds_here() {
    let project = Scratch::with_schema(SCHEMA);
    project.d1([]).success();
    project.assert_wrangler_agrees_on(&QUERIES);

    project.sql(
        "UPDATE posts SET title = 'hello mars' WHERE id = 1; DELETE FROM posts WHERE id = 2;
         INSERT INTO posts VALUES (9, 'a new post', 'xyz'); INSERT INTO notes (text) VALUES ('jumping');
         UPDATE own SET a = 'horses' WHERE rowid = 5; INSERT INTO own VALUES ('z', 'y');
         INSERT INTO bare (rowid, x) VALUES (10, 'later'); UPDATE areas SET max_x = 7 WHERE id = 3;
         INSERT INTO areas VALUES (4, 1, 2.5, 'z');",
    );
    project.d1(["check"]).code(1);
    project.d1(["data", "-m", "search"]).success();
    project.assert_wrangler_agrees_on(&QUERIES);
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    for name in project.migrations() {
        assert!(
            !project.read(&name).contains("_data"),
            "{name} writes to a table that FTS5 keeps for itself"
        );
    }
}

#[test]
fn an_index_that_only_its_own_table_was_written_to_is_noticed() {
    let project = Scratch::with_schema(SCHEMA);
    project.d1([]).success();
    project.sql("INSERT INTO bare (rowid, x) VALUES (11, 'unseen')");
    project.d1(["check"]).code(1);
    project.d1(["data", "-m", "only search"]).success();
    project.d1(["check"]).success();
    assert!(!project.read("0002_only_search.sql").contains("posts"));
}

#[test]
fn what_was_written_about_search_can_be_replayed_from_nothing() {
    let project = Scratch::with_schema(SCHEMA);
    project.d1([]).success();
    std::fs::remove_dir_all(project.root().join(".wrangler/d1-migrate")).expect("the shadow is kept there");
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
}

#[test]
fn older_changes_that_are_left_leave_their_words_too() {
    let project = Scratch::with_schema(SCHEMA);
    project.d1([]).success();
    project.sql("UPDATE posts SET title = 'older' WHERE id = 1; INSERT INTO notes (text) VALUES ('older')");
    let now = project.a_moment_later();
    project.sql("UPDATE posts SET title = 'newer' WHERE id = 2; INSERT INTO notes (text) VALUES ('newer')");
    project.d1(["data", "-m", "newer", "--since", &now]).success();
    assert!(!project.read("0002_newer.sql").contains("older"));
    project.d1(["check"]).code(1).says("posts");
    project.d1(["data", "-m", "older"]).success();
    project.d1(["check"]).success();
    project.d1(["verify"]).success();
    project.assert_wrangler_agrees_on(&[
        "SELECT rowid FROM posts_fts('older')",
        "SELECT rowid FROM notes_fts('newer OR older')",
    ]);
}

/// SQLite fires no DELETE trigger for the row that a REPLACE pushes out.
#[test]
fn old_words_that_a_replace_leaves_are_named_with_the_way_out() {
    let project = Scratch::with_schema(SCHEMA);
    project.d1([]).success();
    project.sql("INSERT OR REPLACE INTO posts VALUES (1, 'replaced', 'post')");
    project.d1(["data", "-m", "replaced"]).fails("other words").stderr_has("'rebuild'");
    project.sql("INSERT INTO posts_fts(posts_fts) VALUES ('rebuild')");
    project.d1(["data", "-m", "replaced"]).success();
    project.d1(["check"]).success();
    project.assert_replay_agrees_on(&QUERIES);
}

#[test]
fn values_and_settings_that_leave_no_trace_in_an_index_are_noticed() {
    let project = Scratch::with_schema(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
         CREATE VIRTUAL TABLE f USING fts5(a, b UNINDEXED, content='', contentless_delete=1, contentless_unindexed=1);
         INSERT INTO f (rowid, a, b) VALUES (1, 'one', 'old'), (2, 'two', 1);
         INSERT INTO f (f, rank) VALUES ('RANK', 'bm25(5.0)');",
    );
    project.d1([]).success();
    let queries = [
        "SELECT b FROM f ORDER BY rowid",
        "SELECT typeof(b) FROM f ORDER BY rowid",
        "SELECT rank FROM f('one')",
    ];
    project.assert_replay_agrees_on(&queries);
    // Once nothing is pending, only what was written to is looked at.
    project.d1(["data", "-m", "nothing"]).success();
    for change in [
        "UPDATE f SET b = 'new' WHERE rowid = 1",
        "UPDATE f SET b = 1.0 WHERE rowid = 2",
        "INSERT INTO f (f, rank) VALUES ('Rank', 'bm25(1.0)')",
    ] {
        project.sql(change);
        project.d1(["check"]).code(1);
        project.d1(["data", "-m", "change"]).success();
        project.d1(["check"]).success();
        project.assert_replay_agrees_on(&queries);
    }
}

#[test]
fn an_index_that_was_made_anew_with_other_columns_is_told_as_such() {
    let project =
        Scratch::with_schema("CREATE TABLE t (a); CREATE VIRTUAL TABLE f USING fts5(a, content='')");
    project.d1([]).success();
    for definition in ["a, b, content=''", "a, content='', columnsize=0"] {
        project.sql(&format!("DROP TABLE f; CREATE VIRTUAL TABLE f USING fts5({definition}); INSERT INTO f (rowid, a) VALUES (1, 'x')"));
        project.d1(["check"]).code(1).says("table `f` is defined otherwise");
        project.d1(["verify"]).code(1);
        project.d1(["status"]).success();
    }
}

/// FTS5 finds its index malformed where it is told to take out what the tokenizer makes of its own terms.
#[test]
fn an_index_that_cannot_be_changed_from_its_terms_is_named_with_the_way_out() {
    let fill = "CREATE VIRTUAL TABLE f USING fts5(x, content='', tokenize='trigram'); INSERT INTO f (rowid, x) VALUES (1, 'some words');";
    let project = Scratch::guestbook().file("migrations/0001_f.sql", fill);
    project.d1(["apply"]).success();
    project.sql("INSERT INTO f (f, rowid, x) VALUES ('delete', 1, 'some words'); INSERT INTO f (rowid, x) VALUES (1, 'others')");
    project
        .d1(["data", "-m", "others"])
        .fails("cannot be made again from its terms")
        .stderr_has("schema migration");
    assert_eq!(project.migrations().len(), 1);
}

#[test]
fn documents_that_keep_no_text_are_written_in_one_pass() {
    for definition in [
        "x, y, content=''",
        "x, y, content='', columnsize=0",
        "x, y UNINDEXED, content='', contentless_delete=1, contentless_unindexed=1",
    ] {
        let project = Scratch::with_schema(&format!(
            "CREATE TABLE t (a); CREATE VIRTUAL TABLE f USING fts5({definition})"
        ));
        project.d1([]).success();
        project.sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
               INSERT INTO f (rowid, x, y) SELECT i, 'a' || (i % 100) || ' the a', 'b' || i FROM n",
        );
        project.d1(["data", "-m", "many"]).success();
        let of_99 = if definition.contains("contentless_delete") {
            "DELETE FROM f WHERE rowid = 99"
        } else {
            "INSERT INTO f (f, rowid, x, y) VALUES ('delete', 99, 'a99 the a', 'b99')"
        };
        project.sql(of_99);
        project.sql("INSERT INTO f (rowid, x, y) VALUES (99, 'new', 'n')");
        project.d1(["data", "-m", "one"]).success();
        let sql = project.read("0003_one.sql");
        assert!(sql.contains("'new'") && !sql.contains("a98"), "{sql}");
        project.d1(["check"]).success();
        project.assert_replay_agrees_on(&[
            "SELECT count(*) FROM f('a98')",
            "SELECT rowid FROM f('new')",
            "SELECT rowid FROM f('a99') LIMIT 2",
        ]);
    }
}

/// Triggers that keep the text of a search table, by a name of its rows and by their hidden rowid.
const KEPT: [(&str, &str); 3] = [
    (
        "CREATE TABLE note (slug TEXT PRIMARY KEY, body TEXT);
         CREATE VIRTUAL TABLE note_fts USING fts5(slug UNINDEXED, body);
         CREATE TRIGGER ai AFTER INSERT ON note BEGIN INSERT INTO note_fts (slug, body) VALUES (new.slug, new.body); END;
         CREATE TRIGGER ad AFTER DELETE ON note BEGIN DELETE FROM note_fts WHERE slug = old.slug; END;
         CREATE TRIGGER au AFTER UPDATE ON note BEGIN UPDATE note_fts SET slug = new.slug, body = new.body WHERE slug = old.slug; END;
         INSERT INTO note VALUES ('a', 'alpha'), ('b', 'beta');",
        "n.slug = f.slug",
    ),
    (
        "CREATE TABLE note (slug TEXT PRIMARY KEY, body TEXT);
         CREATE VIRTUAL TABLE note_fts USING fts5(body);
         CREATE TRIGGER ai AFTER INSERT ON note BEGIN INSERT INTO note_fts (rowid, body) VALUES (new.rowid, new.body); END;
         CREATE TRIGGER ad AFTER DELETE ON note BEGIN DELETE FROM note_fts WHERE rowid = old.rowid; END;
         CREATE TRIGGER au AFTER UPDATE ON note BEGIN UPDATE note_fts SET body = new.body WHERE rowid = old.rowid; END;
         INSERT INTO note VALUES ('a', 'alpha'), ('b', 'beta');",
        "n.rowid = f.rowid",
    ),
    // A second one, in which as a rule nothing differs.
    (
        "CREATE TABLE note (slug TEXT PRIMARY KEY, body TEXT);
         CREATE VIRTUAL TABLE note_fts USING fts5(body); CREATE VIRTUAL TABLE slug_fts USING fts5(slug);
         CREATE TRIGGER ai AFTER INSERT ON note BEGIN
           INSERT INTO note_fts (rowid, body) VALUES (new.rowid, new.body); INSERT INTO slug_fts (rowid, slug) VALUES (new.rowid, new.slug); END;
         CREATE TRIGGER ad AFTER DELETE ON note BEGIN
           DELETE FROM note_fts WHERE rowid = old.rowid; DELETE FROM slug_fts WHERE rowid = old.rowid; END;
         CREATE TRIGGER au AFTER UPDATE ON note BEGIN
           UPDATE note_fts SET body = new.body WHERE rowid = old.rowid; UPDATE slug_fts SET slug = new.slug WHERE rowid = old.rowid; END;
         INSERT INTO note VALUES ('a', 'alpha'), ('b', 'beta');",
        "n.rowid = f.rowid",
    ),
];

/// Its users let the row of one note go and come again, under another rowid.
const THEIRS: &str = "INSERT INTO note VALUES ('r', 'remote'); DELETE FROM note WHERE slug = 'b'; INSERT INTO note VALUES ('b', 'beta');";

/// A query for each note with the text that is found for it.
fn texts(join: &str) -> String {
    format!(
        "SELECT group_concat(n.slug || f.body, ' ' ORDER BY n.slug) FROM note_fts f JOIN note n ON {join}"
    )
}

#[test]
fn text_that_triggers_keep_belongs_to_the_same_rows_under_any_rowid_that_they_have_on_the_real_d1() {
    for (schema, join) in KEPT {
        for sql in [
            "UPDATE note SET body = 'beta two' WHERE slug = 'b'",
            "DELETE FROM note WHERE slug = 'b'",
            "INSERT INTO note VALUES ('c', 'gamma'); UPDATE note SET slug = 'z' WHERE slug = 'a'",
            // The new row gets the rowid, and the text, of the deleted one.
            "DELETE FROM note WHERE slug = 'b'; INSERT INTO note VALUES ('c', 'beta')",
        ] {
            let project = Scratch::with_schema(schema);
            let (remote, oracle, migration) = by_migration_and_by_hand(&project, THEIRS, sql);
            let list = texts(join);
            assert_same(&remote, &oracle, &list, &migration);
            let count = "SELECT count(*) || '' FROM note_fts('remote OR alpha OR beta OR gamma')";
            assert_same(&remote, &oracle, count, &migration);
        }
    }
}

#[test]
fn text_that_its_triggers_alone_do_not_give_is_written() {
    for (schema, _) in KEPT {
        let project = Scratch::with_schema(schema);
        project.d1([]).success();
        project.sql("UPDATE note SET body = 'new' WHERE slug = 'b'; UPDATE note_fts SET body = 'other' WHERE rowid = 1");
        project.d1(["data", "-m", "text"]).success();
        let migration = project.read("0002_text.sql");
        assert!(migration.contains("UPDATE note_fts SET body = 'other' WHERE rowid = 1;"), "{migration}");
        assert!(migration.contains("DROP TRIGGER au;"), "{migration}");
        project.assert_wrangler_agrees_on(&[
            "SELECT rowid FROM note_fts('other')",
            "SELECT rowid FROM note_fts('new')",
        ]);
    }
}

#[test]
fn text_that_triggers_keep_goes_along_with_the_table_that_was_asked_for() {
    for (schema, join) in KEPT {
        for part in ["--tables=note", "--since=1 hour ago"] {
            let project = Scratch::with_schema(schema);
            project.d1([]).success();
            let remote = Remote::of(&project);
            remote.run(THEIRS);
            project.sql("UPDATE note SET body = 'beta two' WHERE slug = 'b'");
            project
                .d1(["data", "-m", "part", part])
                .success()
                .says("note_fts: 1 updated")
                .says_not("pending");
            project.d1(["check"]).success();
            let migration = project.read("0002_part.sql");
            remote.run(&migration);
            let list = texts(join);
            let found: String = remote.0.query_row(&list, (), |row| row.get(0)).expect("notes");
            assert_eq!(found, "aalpha bbeta two rremote", "{part}\n{migration}");
        }
    }
}

#[test]
fn an_index_that_passes_over_rows_of_its_text_does_so_on_d1() {
    let project = Scratch::with_schema(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT, shown INTEGER); CREATE TABLE log (id INTEGER PRIMARY KEY, what);
         CREATE VIRTUAL TABLE posts_fts USING fts5(body, content='posts', content_rowid='id');
         CREATE TRIGGER ai AFTER INSERT ON posts WHEN new.shown BEGIN
           INSERT INTO posts_fts(rowid, body) VALUES (new.id, new.body); INSERT INTO log(what) VALUES (new.id); END;
         INSERT INTO posts VALUES (1, 'first words', 1), (2, 'hidden words', 0);",
    );
    project.d1([]).success();
    project.sql("INSERT INTO posts VALUES (3, 'more hidden words', 0), (4, 'more words', 1)");
    project.d1(["data", "-m", "posts"]).success();
    project.d1(["check"]).success();
    project.assert_wrangler_agrees_on(&[
        "SELECT rowid FROM posts_fts('words')",
        "SELECT rowid FROM posts_fts('hidden')",
    ]);
}

/// The old words of a row that is changed in two steps would be taken out twice, and FTS5 finds its index malformed.
#[test]
fn of_two_triggers_that_share_the_work_none_fires_alone() {
    let project = Scratch::with_schema(
        "CREATE TABLE d (k TEXT PRIMARY KEY, x TEXT); CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
         CREATE VIRTUAL TABLE f USING fts5(x, content='d', content_rowid='rowid');
         CREATE TRIGGER di AFTER INSERT ON d BEGIN INSERT INTO f(rowid, x) VALUES (new.rowid, new.x); END;
         CREATE TRIGGER du BEFORE UPDATE ON d BEGIN INSERT INTO f(f, rowid, x) VALUES ('delete', old.rowid, old.x); END;
         CREATE TRIGGER dv AFTER UPDATE ON d BEGIN
           INSERT INTO f(rowid, x) VALUES (new.rowid, new.x); INSERT INTO log(what) VALUES ('update'); END;
         INSERT INTO d VALUES ('a', 'ant'), ('b', 'bee');",
    );
    project.d1([]).success();
    project.sql("UPDATE d SET k = 'x' WHERE k = 'a'; UPDATE d SET k = 'a', x = 'cat' WHERE k = 'b'; UPDATE d SET k = 'b', x = 'dog' WHERE k = 'x'");
    project.d1(["data", "-m", "trade"]).success();
    let migration = project.read("0002_trade.sql");
    assert!(migration.contains("DROP TRIGGER du;") && migration.contains("DROP TRIGGER dv;"), "{migration}");
    project.assert_wrangler_agrees_on(&["SELECT rowid FROM f('cat')", "SELECT rowid FROM f('ant OR bee')"]);
}
