//! From any error to the two lines that a person reads.

use crate::{difference, draft, engine, migrations, project, shadow, sql_text};

/// What is wrong, on one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let whole = format!("{error:#}");
    whole.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What to do next: the words of the innermost error that has any.
pub fn help(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        None.or_else(|| cause.downcast_ref::<project::Error>().and_then(project::Error::help))
            .or_else(|| cause.downcast_ref::<engine::Error>().and_then(engine::Error::help))
            .or_else(|| cause.downcast_ref::<draft::Error>().and_then(draft::Error::help))
            .or_else(|| cause.downcast_ref::<shadow::Error>().and_then(shadow::Error::help))
            .or_else(|| cause.downcast_ref::<migrations::Error>().and_then(migrations::Error::help))
            .or_else(|| cause.downcast_ref::<difference::Error>().and_then(difference::Error::help))
            .or_else(|| cause.downcast_ref::<sql_text::Error>().and_then(sql_text::Error::help))
            .or_else(|| cause.downcast_ref::<rusqlite::Error>().map(of_sqlite))
    })
}

fn of_sqlite(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            "end the other program's transaction, then run the command again".into()
        }
        _ => "see that the file is an SQLite database and that there is room on the disk".into(),
    }
}
