//! Which paths below the migrations folder are migrations: the part of `migrations_pattern` after
//! `migrations_dir`, matched as wrangler's minimatch does.
//!
//! Measured: `*`, `?` and `[...]` stay within a segment and do not match a leading dot; `**` as a
//! whole segment matches any number of folders without a leading dot; `[^a]` is `[!a]`; `{a,b}` is
//! expanded first; case counts. The glob crate matches a segment, the rest is here. Ranges such as
//! `{1..3}` and extended globs such as `+(a|b)` work in wrangler and are refused here, so that no
//! file is overlooked in silence.

use glob::MatchOptions;

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A pattern for paths relative to the migrations folder.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// One list of segments for each way to expand the braces.
    alternatives: Vec<Vec<Segment>>,
}

#[derive(Debug, Clone)]
enum Segment {
    /// `**`
    AnyDepth,
    One(glob::Pattern),
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        refuse_unsupported(text)?;
        let alternatives = expand_braces(text)?
            .iter()
            .map(|text| text.split('/').filter(|s| !s.is_empty()).map(segment))
            .map(Iterator::collect)
            .collect::<Result<_, _>>()?;
        Ok(Pattern { alternatives })
    }

    /// Whether the file at this path is a migration.
    pub(super) fn matches(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|one| matches(one, &parts))
    }

    /// Whether a file below this folder could match.
    pub(super) fn reaches_into(&self, folder: &str) -> bool {
        let parts: Vec<&str> = folder.split('/').collect();
        self.alternatives.iter().any(|one| reaches(one, &parts))
    }
}

fn matches(segments: &[Segment], parts: &[&str]) -> bool {
    match (segments, parts) {
        ([], _) => parts.is_empty(),
        // A last `**` wants at least one part: `v1/**` is not the file `v1`.
        ([Segment::AnyDepth], _) => !parts.is_empty() && parts.iter().all(|part| !is_hidden(part)),
        ([Segment::AnyDepth, rest @ ..], _) => {
            matches(rest, parts)
                || matches!(parts, [first, later @ ..] if !is_hidden(first) && matches(segments, later))
        }
        ([Segment::One(_), ..], []) => false,
        ([Segment::One(one), rest @ ..], [first, later @ ..]) => {
            one.matches_with(first, OPTIONS) && matches(rest, later)
        }
    }
}

fn reaches(segments: &[Segment], folders: &[&str]) -> bool {
    match (segments, folders) {
        ([], _) => false,
        (_, []) => true,
        ([Segment::AnyDepth, rest @ ..], [first, later @ ..]) => {
            reaches(rest, folders) || (!is_hidden(first) && reaches(segments, later))
        }
        ([Segment::One(one), rest @ ..], [first, later @ ..]) => {
            one.matches_with(first, OPTIONS) && reaches(rest, later)
        }
    }
}

fn is_hidden(part: &str) -> bool {
    part.starts_with('.')
}

fn refuse_unsupported(text: &str) -> Result<(), String> {
    if text.starts_with(['!', '#']) {
        return Err("a leading `!` or `#` makes it match other files than it names".to_owned());
    }
    if ["+(", "@(", "!(", "?(", "*("].iter().any(|open| text.contains(open)) {
        return Err("extended globs such as `+(a|b)` are not supported here".to_owned());
    }
    if text.contains("[[:") {
        return Err("character classes such as `[[:digit:]]` are not supported here".to_owned());
    }
    Ok(())
}

fn segment(text: &str) -> Result<Segment, String> {
    if text == "**" {
        return Ok(Segment::AnyDepth);
    }
    let mut text = text.replace("[^", "[!");
    // Within a segment several stars are one star; the glob crate would refuse them.
    while text.contains("**") {
        text = text.replace("**", "*");
    }
    match glob::Pattern::new(&text) {
        Ok(pattern) => Ok(Segment::One(pattern)),
        Err(error) => Err(error.msg.to_owned()),
    }
}

/// `a{b,c}` as `ab` and `ac`. Braces without a comma stand for themselves.
fn expand_braces(text: &str) -> Result<Vec<String>, String> {
    let mut expanded = Vec::new();
    for (open, _) in text.match_indices('{') {
        let Some((body, after)) = braces(&text[open + 1..]) else {
            continue;
        };
        let choices = split_choices(body);
        if choices.len() == 1 {
            if body.contains("..") {
                return Err("ranges such as `{1..3}` are not supported here".to_owned());
            }
            continue;
        }
        for choice in choices {
            let one = format!("{}{choice}{after}", &text[..open]);
            expanded.extend(expand_braces(&one)?);
        }
        return Ok(expanded);
    }
    Ok(vec![text.to_owned()])
}

/// Text that follows a `{`, cut at the `}` that closes it.
fn braces(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Text between braces, cut at the commas that stand in no inner braces.
fn split_choices(body: &str) -> Vec<&str> {
    let (mut choices, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, letter) in body.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                choices.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    choices.push(&body[start..]);
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of the folder in which wrangler was measured.
    const FILES: &[&str] = &[
        "-1_neg.sql",
        "0001/z.sql",
        "0001.sql",
        "0001_a/migration.sql",
        "1_a.sql",
        "2_c/migration.sql",
        "0003_top.sql",
        "0004_UP.SQL",
        "0010_b/migration.sql",
        "node_modules/z.sql",
        "q.sql",
        "seed/a.sql",
        "v1/0005_x.sql",
        "v1/deep/0009_y.sql",
        "v1/x.txt",
        "v1.sql",
        ".hid/a.sql",
    ];

    fn listed(pattern: &str) -> Vec<&'static str> {
        let pattern = Pattern::parse(pattern).unwrap();
        let reached = |file: &str| file.match_indices('/').all(|(at, _)| pattern.reaches_into(&file[..at]));
        let files = FILES.iter().copied();
        files.filter(|file| pattern.matches(file) && reached(file)).collect()
    }

    #[test]
    fn patterns_list_what_wrangler_listed() {
        let top = ["-1_neg.sql", "0001.sql", "1_a.sql", "0003_top.sql"];
        assert_eq!(listed("*.sql"), [&top[..], &["q.sql", "v1.sql"]].concat());
        assert_eq!(listed("?*l"), [&top[..], &["q.sql", "v1.sql"]].concat());
        assert_eq!(listed("*.{sql,SQL}"), [&top[..], &["0004_UP.SQL", "q.sql", "v1.sql"]].concat());
        assert_eq!(
            listed("*/migration.sql"),
            ["0001_a/migration.sql", "2_c/migration.sql", "0010_b/migration.sql"]
        );
        assert_eq!(listed("{v*,0003}/*.sql"), ["v1/0005_x.sql"]);
        assert_eq!(
            listed("[^0]*/*.sql"),
            ["2_c/migration.sql", "node_modules/z.sql", "seed/a.sql", "v1/0005_x.sql"]
        );
        assert_eq!(listed("0001*"), ["0001.sql"]);
        assert_eq!(listed("v**.sql"), ["v1.sql"]);
        assert_eq!(listed("[!x].sql"), ["q.sql"]);
        assert_eq!(listed("**"), FILES[..16]);
        let every: Vec<&str> = FILES[..16].iter().copied().filter(|f| f.ends_with(".sql")).collect();
        assert_eq!(listed("**/*.sql"), every);
        assert_eq!(listed("v1/**"), ["v1/0005_x.sql", "v1/deep/0009_y.sql", "v1/x.txt"]);
        assert_eq!(listed(".hid/*.sql"), [".hid/a.sql"]);
    }

    #[test]
    fn folders_that_cannot_hold_a_match_are_not_entered() {
        let pattern = Pattern::parse("v*/*.sql").unwrap();
        assert!(pattern.reaches_into("v1"));
        assert!(!pattern.reaches_into("v1/deep"));
        assert!(!pattern.reaches_into("node_modules"));
        assert!(!Pattern::parse("*.sql").unwrap().reaches_into("v1"));
        assert!(!Pattern::parse("**/*.sql").unwrap().reaches_into(".git"));
    }

    #[test]
    fn braces_expand_within_braces_and_stand_for_themselves_without_a_comma() {
        assert_eq!(expand_braces("{a,b{c,d}}x").unwrap(), ["ax", "bcx", "bdx"]);
        assert_eq!(expand_braces("{a}{b,c}").unwrap(), ["{a}b", "{a}c"]);
        assert_eq!(expand_braces("a{b,c").unwrap(), ["a{b,c"]);
        assert_eq!(expand_braces("{a/b,c}/x").unwrap(), ["a/b/x", "c/x"]);
    }

    #[test]
    fn what_is_not_supported_is_refused_with_a_reason() {
        for (pattern, reason) in [
            ("+(0|1)*.sql", "extended globs such as `+(a|b)` are not supported here"),
            ("{1..3}*.sql", "ranges such as `{1..3}` are not supported here"),
            ("[[:digit:]].sql", "character classes such as `[[:digit:]]` are not supported here"),
            ("!x.sql", "a leading `!` or `#` makes it match other files than it names"),
            ("[a.sql", "invalid range pattern"),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap_err(), reason);
        }
    }
}
