//! Triggers before and after they are brought onto one line, run by the bundled SQLite.

use super::*;
use crate::sql_text::statements;
use proptest::prelude::*;
use rusqlite::Connection;

/// What the table `log` holds after the trigger has seen some changes of `t`.
fn effect(trigger: &str) -> Vec<String> {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, \"end\", \"begin\"); CREATE TABLE log (line);",
    )
    .unwrap();
    db.execute_batch(trigger).unwrap_or_else(|error| panic!("{error}: {trigger}"));
    let mut log = Vec::new();
    for change in [
        "INSERT INTO t VALUES (1, 'x', 5, 'line one\nline two'), (2, 9, NULL, 2)",
        "UPDATE t SET a = id, \"end\" = a, \"begin\" = 7",
        "DELETE FROM t WHERE id = 2",
    ] {
        log.extend(db.execute_batch(change).err().map(|error| error.to_string()));
    }
    let mut rows = db.prepare("SELECT quote(line) FROM log").unwrap();
    log.extend(rows.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap));
    log
}

fn assert_same(trigger: &str, expected: &str) {
    let line = one_line(trigger);
    assert_eq!(line, expected);
    assert_eq!(effect(&line), effect(trigger), "{line}");
    assert_eq!(one_line(&line), line);
    assert_eq!(statements(&format!("{line};SELECT 1")).count(), 2);
}

#[test]
fn a_trigger_over_many_lines_becomes_one() {
    assert_same(
        "-- why\nCREATE TRIGGER \"a  b\"\r\n  AFTER /* each */ UPDATE ON t\n  for each row\nbegin\n\tINSERT INTO log \
         VALUES(NEW.a/**/||' it''s --  fine '); -- done\nend;\n",
        "CREATE TRIGGER \"a  b\" AFTER UPDATE ON t for each row BEGIN INSERT INTO log VALUES(NEW.a ||' it''s --  fine '); END",
    );
}

#[test]
fn every_case_stands_in_parentheses() {
    assert_same(
        "CREATE TRIGGER x AFTER INSERT ON t WHEN case NEW.id when 1 then 1 else 1 end = 1 BEGIN
           INSERT INTO log SELECT CASE WHEN NEW.a = 9 THEN case NEW.id WHEN 2 THEN 'two' end ELSE 'other' end;
           INSERT INTO log VALUES (CASE NEW.id WHEN 1 THEN 'one' END);
           INSERT INTO log VALUES (( CASE NEW.id WHEN 1 THEN 'one' END ) || coalesce(CASE WHEN 0 THEN 1 END,2));
         END",
        "CREATE TRIGGER x AFTER INSERT ON t WHEN (case NEW.id when 1 then 1 else 1 END) = 1 BEGIN \
         INSERT INTO log SELECT (CASE WHEN NEW.a = 9 THEN (case NEW.id WHEN 2 THEN 'two' END) ELSE 'other' END); \
         INSERT INTO log VALUES (CASE NEW.id WHEN 1 THEN 'one' END); \
         INSERT INTO log VALUES (( CASE NEW.id WHEN 1 THEN 'one' END ) || coalesce((CASE WHEN 0 THEN 1 END),2)); END",
    );
}

#[test]
fn columns_called_begin_and_end_are_quoted() {
    assert_same(
        "create trigger begin after update of end, begin on t when NEW.begin <> OLD.end begin
           insert into log select case when end > 1 then end else NEW.end end from t where begin = 7; end",
        "create trigger \"begin\" after update of \"end\", \"begin\" on t when NEW.\"begin\" <> OLD.\"end\" BEGIN \
         insert into log select (case when \"end\" > 1 then \"end\" else NEW.\"end\" END) from t where \"begin\" = 7; END",
    );
}

#[test]
fn a_line_end_inside_a_string_is_spelled() {
    assert_same(
        "CREATE TRIGGER x AFTER INSERT ON t WHEN NEW.begin IS 'line one\nline two' BEGIN
           INSERT INTO log VALUES ('a\r\nb''s' || NEW.id); INSERT INTO log SELECT 1 WHERE 'x\n' LIKE 'x\n'; END",
        "CREATE TRIGGER x AFTER INSERT ON t WHEN NEW.\"begin\" IS replace('line one\\nline two', '\\n', char(10)) BEGIN \
         INSERT INTO log VALUES (replace(replace('a\\r\\nb''s', '\\r', char(13)), '\\n', char(10)) || NEW.id); \
         INSERT INTO log SELECT 1 WHERE replace('x\\n', '\\n', char(10)) LIKE replace('x\\n', '\\n', char(10)); END",
    );
}

#[test]
fn a_line_end_stays_where_no_expression_may_stand() {
    assert_same(
        "CREATE TRIGGER x BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no\nway');\nEND",
        "CREATE TRIGGER x BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no\nway'); END",
    );
    assert_same(
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log SELECT \"c\nd\" FROM (SELECT 1 AS 'c\nd', 2 'e\nf'); END",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log SELECT \"c\nd\" FROM (SELECT 1 AS 'c\nd', 2 'e\nf'); END",
    );
}

#[test]
fn the_firing_is_read_from_every_form() {
    let (before, after, instead) = (Timing::Before, Timing::After, Timing::InsteadOf);
    for (sql, timing, event) in [
        ("CREATE TRIGGER a INSERT ON t BEGIN SELECT 1; END", before, Event::Insert),
        ("/* x */ create temp trigger if not exists main.[b c] after update of x on t", after, Event::Update),
        ("CREATE TEMPORARY TRIGGER 'insert' BEFORE DELETE ON t", before, Event::Delete),
        ("CREATE TRIGGER after INSTEAD OF INSERT ON v", instead, Event::Insert),
    ] {
        assert_eq!(firing(sql), Some(Firing { timing, event }), "{sql}");
    }
    for sql in [
        "",
        "CREATE TABLE t (a)",
        "CREATE TRIGGER",
        "CREATE TRIGGER a",
        "CREATE TRIGGER a AFTER SELECT ON t",
        "SELECT 1",
    ] {
        assert_eq!(firing(sql), None, "{sql}");
    }
}

fn any_expression() -> impl Strategy<Value = String> {
    let leaves = vec![
        "NEW.a",
        "NEW.end",
        "new . begin",
        "'x'",
        "'it''s\nme'",
        "5",
        "-1.5e1",
        "NULL",
        "X'00'",
        "(SELECT end FROM t)",
    ];
    prop::sample::select(leaves).prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let three = (inner.clone(), inner.clone(), inner);
        (three, 0..7).prop_map(|((a, b, c), shape)| match shape {
            0 => format!("CASE WHEN {a} THEN {b} ELSE {c} END"),
            1 => format!("case {a} when {b} then {c} end"),
            2 => format!("(\nCASE {a} WHEN {b} THEN {c} END -- END;\n)"),
            3 => format!("{a}/* CASE */||{b}"),
            4 => format!("coalesce({a}, {b},{c})"),
            5 => format!("({a}) IS {b}"),
            _ => format!("(SELECT CASE {a} WHEN {b} THEN begin END end FROM t)"),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_rewritten_trigger_does_the_same_and_settles_at_once(value in any_expression(), condition in any_expression()) {
        let trigger = format!(
            "CREATE TRIGGER x\nAFTER INSERT ON t WHEN {condition} IS NOT 0\nBEGIN\n INSERT INTO log VALUES ({value});\n \
             INSERT INTO log\n SELECT {value};\nEND",
        );
        let line = one_line(&trigger);
        prop_assert!(!line.contains(['\n', '\r']), "{line}");
        prop_assert_eq!(effect(&line), effect(&trigger), "{}", line);
        prop_assert_eq!(one_line(&line), line);
    }
}
