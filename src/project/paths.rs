//! Paths as text: absolute without asking the disk, and `migrations_dir` as wrangler reads it.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// `path` seen from the folder `base`, without `.` and `..`.
///
/// Lexical, as in wrangler: symbolic links are not followed, `a/link/..` is `a`.
pub(super) fn absolute(base: &Utf8Path, path: impl AsRef<Utf8Path>) -> Utf8PathBuf {
    let mut whole = Utf8PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Utf8Component::CurDir => {}
            // At the root there is nothing to pop: `/..` is `/`.
            Utf8Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

/// A relative path or pattern of the wrangler file with `/` only, no `.`, no needless `..`, no `/` at the end.
///
/// wrangler does this before it compares `migrations_pattern` with `migrations_dir`, so that `./sql/` and `sql`
/// are the same; the empty path is `.`.
pub(super) fn tidy(text: &str) -> String {
    let text = text.replace('\\', "/");
    let rooted = text.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if rooted => {}
            other => kept.push(other),
        }
    }
    match (rooted, kept.is_empty()) {
        (true, _) => format!("/{}", kept.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => kept.join("/"),
    }
}

/// What `pattern` matches below `dir`, both tidy; none if the pattern does not begin with the folder.
pub(super) fn below<'a>(pattern: &'a str, dir: &str) -> Option<&'a str> {
    if dir == "." {
        return Some(pattern);
    }
    pattern.strip_prefix(dir)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_removes_dots_without_the_disk() {
        let at = |path: &str| absolute(Utf8Path::new("/a/b"), path).into_string();
        assert_eq!(at("c"), "/a/b/c");
        assert_eq!(at("./c/../d/"), "/a/b/d");
        assert_eq!(at("../../../../x"), "/x");
        assert_eq!(at("/y/./z"), "/y/z");
        assert_eq!(at("."), "/a/b");
    }

    #[test]
    fn tidy_gives_one_spelling_to_one_path() {
        for (text, expected) in [
            ("migrations", "migrations"),
            ("./sql/", "sql"),
            ("sql//*.sql", "sql/*.sql"),
            ("../../db/", "../../db"),
            ("a/../../b", "../b"),
            ("sql\\deep", "sql/deep"),
            ("/abs/../x", "/x"),
            ("/../x", "/x"),
            ("", "."),
            ("./", "."),
        ] {
            assert_eq!(tidy(text), expected, "of {text}");
        }
    }

    #[test]
    fn a_pattern_is_below_its_folder_only_at_a_slash() {
        assert_eq!(below("sql/*/m.sql", "sql"), Some("*/m.sql"));
        assert_eq!(below("sqlite/*.sql", "sql"), None);
        assert_eq!(below("../db/**/*.sql", "../db"), Some("**/*.sql"));
        assert_eq!(below("*.sql", "."), Some("*.sql"));
    }
}
