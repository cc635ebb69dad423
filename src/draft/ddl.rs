//! The schema as statements. Pure.

use crate::schema::{Object, ObjectKind, Schema};
use crate::sql_text::{one_line, tokens};

/// Tables, the indexes that stand on them, and the triggers that must see the rows come, each in the order in which they
/// were made.
pub(super) fn before_rows(schema: &Schema, is_early: impl Fn(&Object) -> bool) -> Vec<String> {
    let of = |kind: ObjectKind| schema.objects.iter().filter(move |object| object.kind == kind);
    let stored =
        schema.objects.iter().filter(|object| matches!(object.kind, ObjectKind::Table | ObjectKind::Index));
    stored.chain(of(ObjectKind::Trigger).filter(|trigger| is_early(trigger))).map(statement).collect()
}

/// Views and the other triggers: they must not see the rows come, and may stand on a view.
pub(super) fn after_rows(schema: &Schema, is_early: impl Fn(&Object) -> bool) -> Vec<String> {
    let of = |kind: ObjectKind| schema.objects.iter().filter(move |object| object.kind == kind);
    of(ObjectKind::View)
        .chain(of(ObjectKind::Trigger).filter(|trigger| !is_early(trigger)))
        .map(statement)
        .collect()
}

fn statement(object: &Object) -> String {
    match object.kind {
        ObjectKind::Trigger => format!("{};", one_line(&object.sql)),
        // A carriage return breaks files on the real D1 (cloudflare/workers-sdk#14991).
        _ if ends_in_comment(&object.sql) => format!("{}\n;", object.sql.replace("\r\n", "\n")),
        _ => format!("{};", object.sql.replace("\r\n", "\n")),
    }
}

/// A `--` comment at the end would swallow the `;`.
fn ends_in_comment(sql: &str) -> bool {
    tokens(sql).last().is_some_and(|token| token.text.starts_with("--"))
}
