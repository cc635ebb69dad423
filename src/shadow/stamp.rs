//! How a file looks from outside, so that one that was not touched need not be read again: what git's index does, with
//! git's care for files that were touched a moment ago (<https://git-scm.com/docs/racy-git>).

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use camino::Utf8Path;

/// A file may be written twice within one tick of its file system's clock (2 s on FAT) and look the same.
const TICK: Duration = Duration::from_secs(2);

/// Length and times of a file; `None` where they could stay the same although the file is written to.
pub fn stamp(path: &Utf8Path) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    let modified = found.modified().ok()?;
    let (changed, rest) = beyond_mtime(&found);
    let is_old = |time: SystemTime| SystemTime::now().duration_since(time).is_ok_and(|age| age > TICK);
    if !is_old(modified) || !changed.is_none_or(is_old) {
        return None;
    }
    let nanoseconds = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
    Some(format!("{} {nanoseconds} {rest}", found.len()))
}

/// The inode and its time of change: nobody can set that back, as `cp -p` and `touch` do with the other.
#[cfg(unix)]
fn beyond_mtime(found: &Metadata) -> (Option<SystemTime>, String) {
    use std::os::unix::fs::MetadataExt;
    let (seconds, nanoseconds) = (found.ctime().unsigned_abs(), found.ctime_nsec().unsigned_abs());
    let changed = Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
    (Some(SystemTime::UNIX_EPOCH + changed), format!("{} {}", changed.as_nanos(), found.ino()))
}

#[cfg(not(unix))]
fn beyond_mtime(_: &Metadata) -> (Option<SystemTime>, String) {
    (None, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_just_written_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "SELECT 1;").unwrap();
        let path = Utf8Path::from_path(&path).unwrap();
        assert_eq!(stamp(path), None);
        assert_eq!(stamp(&path.with_extension("gone")), None);
    }

    #[test]
    fn an_old_file_keeps_it() {
        let manifest = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
        if let Some(first) = stamp(&manifest) {
            assert_eq!(stamp(&manifest), Some(first));
        }
    }
}
