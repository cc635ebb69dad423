//! A baseline: the local database at one moment, taken as what the files gave so far, for histories that cannot be
//! replayed from nothing.

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, MAIN_DB};

use super::Error;
use super::store::{CREATE_FILES, add_file};
use crate::names::{CHANGEFEED, TRIGGER_PREFIX};
use crate::sql_text::quote_identifier;

/// Where the baseline of the shadows in this folder is kept: beside the folder of all shadows, which may be deleted at any
/// time, as the baseline may not.
pub(super) fn path(home: &Utf8Path) -> Utf8PathBuf {
    let shadows = home.parent().unwrap_or(home);
    let folder = format!("{}-baseline", shadows.file_name().unwrap_or("d1-migrate"));
    shadows.with_file_name(folder).join(format!("{}.sqlite", home.file_name().unwrap_or("shadow")))
}

/// Do the shadows of this folder begin with a baseline?
pub fn has_baseline(home: &Utf8Path) -> bool {
    path(home).exists()
}

/// Copies the local database, page by page, and notes which files it stands for: name and digest.
pub fn take_baseline(home: &Utf8Path, local: &Connection, files: &[(String, String)]) -> Result<(), Error> {
    let storage = |source| Error::Storage { path: home.to_owned(), source };
    let baseline = path(home);
    std::fs::create_dir_all(baseline.parent().unwrap_or(home)).map_err(storage)?;
    let draft = baseline.with_extension("tmp");
    super::store::forget(&draft);
    local.backup(MAIN_DB, &draft, None::<fn(rusqlite::backup::Progress)>)?;
    clean(&draft, files)?;
    std::fs::rename(&draft, &baseline).map_err(storage)?;
    Ok(())
}

/// Takes the tool's own objects out, and puts the list of files in.
fn clean(draft: &Utf8Path, files: &[(String, String)]) -> Result<(), Error> {
    let conn = Connection::open(draft)?;
    conn.execute_batch("PRAGMA journal_mode = DELETE; BEGIN")?;
    let triggers: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ?1) = ?2")?
        .query_map((TRIGGER_PREFIX.len() as i64, TRIGGER_PREFIX), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for trigger in triggers {
        conn.execute_batch(&format!("DROP TRIGGER {}", quote_identifier(&trigger)))?;
    }
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {CHANGEFEED}; {CREATE_FILES}"))?;
    for (name, digest) in files {
        add_file(&conn, name, digest, false, None)?;
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}
