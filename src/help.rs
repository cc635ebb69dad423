//! From any error to the two lines that a person reads.

use crate::{commands, difference, draft, engine, migrations, project, shadow, sql_text};

/// What is wrong, on one line.
pub fn one_line(error: &anyhow::Error) -> String {
    // A cause whose words the error above it already gives is not said again.
    let mut whole = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if whole.is_empty() {
            whole = cause;
        } else if !whole.contains(&cause) {
            whole = format!("{whole}: {cause}");
        }
    }
    whole.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What to do next: the words of the innermost error that has any.
pub fn help(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        None.or_else(|| cause.downcast_ref::<commands::Error>().and_then(commands::Error::help))
            .or_else(|| cause.downcast_ref::<project::Error>().and_then(project::Error::help))
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

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn sqlite(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some("it says so".to_owned()))
    }

    #[test]
    fn an_error_of_many_lines_becomes_one() {
        let error = anyhow::anyhow!("first\r\n  second\n\n").context("above");
        assert_eq!(one_line(&error), "above: first; second");
    }

    #[test]
    fn the_help_of_the_innermost_error_is_found_below_any_context() {
        let error = Err::<(), _>(engine::Error::NoHome).context("while this").unwrap_err();
        assert_eq!(help(&error), engine::Error::NoHome.help());
        assert_eq!(help(&anyhow::anyhow!("no more than words")), None);
    }

    #[test]
    fn sqlite_itself_is_answered_by_what_it_says() {
        assert_eq!(
            help(&sqlite(rusqlite::ffi::SQLITE_BUSY).into()).as_deref(),
            Some("end the other program's transaction, then run the command again")
        );
        assert_eq!(
            help(&sqlite(rusqlite::ffi::SQLITE_CORRUPT).into()).as_deref(),
            Some("see that the file is an SQLite database and that there is room on the disk")
        );
    }
}
