//! Every message and every help, word for word.

use super::*;

#[test]
fn every_error_has_a_message_of_one_line_and_a_help() {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    let sqlite = rusqlite::Error::SqliteFailure(code, Some("database disk image is malformed".to_owned()));
    let unknown = |known: &[&str]| Error::UnknownTable {
        table: "post".into(),
        known: known.iter().map(|name| (*name).to_owned()).collect(),
    };
    for (error, message, help) in [
        (
            Error::Sqlite(sqlite),
            "the local database cannot be compared: database disk image is malformed",
            "see that the file is an SQLite database that nobody holds locked",
        ),
        (unknown(&[]), "there is no table `post` in the local database", "the database has no tables yet"),
        (
            unknown(&["posts", "tags"]),
            "there is no table `post` in the local database",
            "its tables are: posts, tags",
        ),
        (
            Error::TakenAlong { table: "tags".into() },
            "a row of table `tags` whose change is left pending would be deleted with the row that it points to in the files",
            "let it go along (--tables, --since)",
        ),
    ] {
        assert_eq!(error.to_string(), message);
        assert_eq!(error.help().as_deref(), Some(help));
    }
}
