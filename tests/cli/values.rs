//! Values and rows at the limits of D1, on their way through the real wrangler.

use crate::support::project::Scratch;

/// Long values under every constraint that could notice a value in pieces, a row of 100 columns, one row that alone is
/// longer than a statement, and rows that point to each other from file to file.
fn long_values() -> Scratch {
    let columns: Vec<String> = (0..100).map(|number| format!("c{number} TEXT")).collect();
    let wide: Vec<String> = (0..100).map(|number| format!("printf('%03000d', {number})")).collect();
    let project = Scratch::with_schema(&format!(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, j TEXT NOT NULL UNIQUE CHECK (json_valid(j) AND length(j) > 10), b BLOB UNIQUE CHECK (length(b) > 3)) STRICT;
         CREATE TABLE kin (id INTEGER PRIMARY KEY, up INTEGER REFERENCES kin (id), big INTEGER REFERENCES big (id) ON DELETE CASCADE, t TEXT);
         CREATE TABLE named (k TEXT PRIMARY KEY, n NUMERIC) WITHOUT ROWID;
         CREATE TABLE wide ({});",
        columns.join(", ")
    ));
    project.sql(&format!(
        "INSERT INTO big VALUES (1, json_object('a', printf('%0300000d', 7)), zeroblob(1600000));
         INSERT INTO big VALUES (2, json_object('a', printf('%0300000d', 8)), NULL);
         INSERT INTO big VALUES (3, json_array('it''s', char(10), char(13), char(0), 'BEGIN ' || 'TRANSACTION;'), randomblob(400000));
         INSERT INTO big VALUES (4, json_object('text', printf('%01900000d', 7)), NULL), (5, json_object('b', 'blob'), randomblob(1900000));
         INSERT INTO kin WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
           SELECT i, CASE WHEN i % 100 > 1 THEN i - 1 WHEN i % 100 = 1 THEN i + 1 END, 1 + i % 5, printf('%01000d', i) FROM n;
         INSERT INTO named VALUES (printf('%0120000d', 1), printf('%0150000d', 0) || 'x'), ('short', 1);
         INSERT INTO wide VALUES ({});",
        wide.join(", ")
    ));
    project
}

#[test]
fn values_at_the_limit_come_out_byte_for_byte() {
    let project = long_values();
    project.d1(["--max-file-size", "1M"]).success();
    assert!(project.migrations().len() > 2, "{:?}", project.migrations());
    project.assert_wrangler_agrees();

    project.sql(
        "UPDATE big SET j = json_object('b', printf('%0310000d', 9)), b = zeroblob(1680000) WHERE id = 2;
         UPDATE big SET j = json_object('text', printf('%01900000d', 8)) WHERE id = 4;
         UPDATE big SET b = randomblob(1900000) WHERE id = 5; UPDATE kin SET up = id + 1 WHERE up = id - 1 AND id % 100 < 99 AND id < 2500;
         UPDATE kin SET up = NULL WHERE up IN (SELECT id FROM kin WHERE big = 1);
         DELETE FROM big WHERE id = 1; UPDATE named SET n = n || 'y'; DELETE FROM named WHERE k = 'short';
         INSERT INTO named VALUES ('text', CAST(X'FF00FE' AS TEXT)); UPDATE wide SET c99 = printf('%0120000d', 5);",
    );
    project.d1(["data", "-m", "long values", "--max-file-size", "1M"]).success();
    project.assert_wrangler_agrees();
    for name in project.migrations() {
        let sql = project.read(&name);
        assert!(sql.split(";\n").all(|statement| statement.len() <= 100_000), "{name} fits D1's limit");
    }
}

#[test]
fn a_row_above_the_limit_is_named_and_nothing_is_written() {
    let project = Scratch::with_schema("CREATE TABLE big (id INTEGER PRIMARY KEY, a TEXT, b BLOB)");
    project.d1([]).success();
    project.sql("INSERT INTO big VALUES (7, printf('%01000000d', 1), zeroblob(1000001))");
    let run = project.d1(["data", "-m", "too much"]).code(2);
    for words in ["`big`", "id = 7", "2000000"] {
        assert!(run.stderr.contains(words), "{words} in {}", run.stderr);
    }
    assert_eq!(project.migrations(), ["0001_initial_migration.sql"]);
    project.d1(["check"]).code(1);
}

/// Every value that is easily lost, in columns of every affinity; the number of the row chooses it.
const HOSTILE: &str = "CASE id % 15 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 WHEN 2 THEN 9007199254740993
    WHEN 3 THEN 3.0 WHEN 4 THEN 0.1 + 0.2 WHEN 5 THEN 9e999 WHEN 6 THEN NULL WHEN 7 THEN '' WHEN 8 THEN X'' WHEN 9 THEN CAST(X'610062' AS TEXT)
    WHEN 10 THEN 'a' || char(13, 10) || '\\n''\"`' WHEN 11 THEN 'BEGIN ' || 'TRANSACTION; x COMMIT; $a$ -- /*' WHEN 12 THEN X'00FF'
    WHEN 13 THEN '😀é' WHEN 14 THEN 5e-324 END";

#[test]
fn many_changes_in_one_statement_come_out_byte_for_byte() {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)";
    let project = Scratch::with_schema(&format!(
        "CREATE TABLE plain (id INTEGER PRIMARY KEY, a, b TEXT, c REAL, d NUMERIC, e BLOB UNIQUE);
         CREATE TABLE keyed (id TEXT COLLATE NOCASE PRIMARY KEY, a);
         CREATE TABLE pair (x TEXT, id INTEGER, a, PRIMARY KEY (x, id)) WITHOUT ROWID;
         CREATE TABLE new (id INTEGER PRIMARY KEY, a);
         INSERT INTO plain(id, e) {rows} SELECT i, i FROM n;
         INSERT INTO keyed(id) {rows} SELECT 'Key ' || i FROM n;
         INSERT INTO pair(x, id) {rows} SELECT 'it''s', i FROM n;
         INSERT INTO new(id) {rows} SELECT i FROM n;"
    ));
    project.d1([]).success();
    project.sql(&format!(
        "UPDATE plain SET a = {HOSTILE}, b = {HOSTILE}, c = {HOSTILE}, d = {HOSTILE} WHERE id % 3;
         UPDATE plain SET e = 'new ' || id WHERE id % 5 = 0;
         UPDATE keyed SET a = rowid; UPDATE pair SET a = {HOSTILE}; UPDATE new SET a = {HOSTILE};
         DELETE FROM plain WHERE id % 7 = 0; DELETE FROM keyed WHERE rowid % 7 = 0; DELETE FROM pair WHERE id % 1000 = 0;
         DELETE FROM new WHERE id > 3900;"
    ));
    project.d1(["data", "-m", "many changes"]).success();
    let sql = project.read("0002_many_changes.sql");
    let count = |beginning: &str| sql.lines().filter(|line| line.starts_with(beginning)).count();
    assert!(count("WITH new") > 4 && count("UPDATE") < 100, "{:.300}", sql);
    assert!((1..20).contains(&count("DELETE FROM plain")) && count("DELETE FROM pair") == 4, "{:.300}", sql);
    project.assert_wrangler_agrees();
}
