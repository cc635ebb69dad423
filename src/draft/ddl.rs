//! The schema as statements. Pure.

use crate::schema::{Object, ObjectKind, Schema};
use crate::sql_text::{one_line, tokens};

/// Tables, the indexes that stand on them, views, and the triggers that must see the rows come, each in the order in which
/// they were made. A search index may have a view as its text.
pub(super) fn before_rows(schema: &Schema, is_early: impl Fn(&Object) -> bool) -> Vec<String> {
    let of = |kind: ObjectKind| schema.objects.iter().filter(move |object| object.kind == kind);
    let stored =
        schema.objects.iter().filter(|object| matches!(object.kind, ObjectKind::Table | ObjectKind::Index));
    let early = of(ObjectKind::Trigger).filter(|trigger| is_early(trigger));
    stored.chain(of(ObjectKind::View)).chain(early).map(statement).collect()
}

/// The other triggers: they must not see the rows come.
pub(super) fn after_rows(schema: &Schema, is_early: impl Fn(&Object) -> bool) -> Vec<String> {
    let triggers = schema.objects.iter().filter(|object| object.kind == ObjectKind::Trigger);
    triggers.filter(|trigger| !is_early(trigger)).map(statement).collect()
}

fn statement(object: &Object) -> String {
    match object.kind {
        ObjectKind::Trigger => format!("{};", one_line(&object.sql)),
        // A carriage return breaks files on the real D1 (cloudflare/workers-sdk#14991).
        _ => format!("{}{};", object.sql.replace("\r\n", "\n"), end_of_comment(&object.sql)),
    }
}

/// A comment at the end, which SQLite keeps and takes even if it is open, would swallow the `;` and all that follows.
fn end_of_comment(sql: &str) -> &'static str {
    match tokens(sql).last().map_or("", |token| token.text) {
        comment if comment.starts_with("--") => "\n",
        comment if comment.starts_with("/*") && !comment[2..].ends_with("*/") => " */",
        _ => "",
    }
}
