//! When two texts of a trigger are the same trigger.

/// The text of a trigger without what putting it on one line may change: space, comments, case, and the parentheses that go
/// around `CASE`.
pub(crate) fn canonical(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skip = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
        let taken = match first {
            '\'' | '"' | '`' => {
                // A doubled quote reads as two literals side by side, which compares as well.
                let end = rest[1..].find(first).map_or(rest.len(), |at| at + 2);
                out.push_str(&rest[..end]);
                end
            }
            '-' if rest.starts_with("--") => skip("\n"),
            '/' if rest.starts_with("/*") => skip("*/"),
            '(' | ')' => 1,
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                out.extend(first.to_uppercase());
                first.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}
