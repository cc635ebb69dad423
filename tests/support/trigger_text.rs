//! When two texts of a trigger are the same trigger.

/// The text of a trigger without what putting it on one line may change: layout, comments, the case of BEGIN, CASE and END, and
/// parentheses around a whole `CASE … END`.
pub(crate) fn canonical(sql: &str) -> String {
    let mut reader = Reader::default();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        rest = &rest[reader.take(rest, first)..];
    }
    reader.out.trim_end().to_owned()
}

#[derive(Default)]
struct Reader {
    out: String,
    /// Where the open parentheses stand in `out`.
    parentheses: Vec<usize>,
    /// For each open CASE, the parenthesis right before it.
    cases: Vec<Option<usize>>,
    /// The same for a CASE that has just ended.
    ended: Option<usize>,
}

impl Reader {
    /// Takes the next piece; gives its length.
    fn take(&mut self, rest: &str, first: char) -> usize {
        let through = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
        let layout = match first {
            '-' if rest.starts_with("--") => through("\n"),
            '/' if rest.starts_with("/*") => through("*/"),
            _ if first.is_whitespace() => first.len_utf8(),
            _ => 0,
        };
        if layout > 0 {
            if !self.out.ends_with([' ', '(']) {
                self.out.push(' ');
            }
            return layout;
        }
        let ended = self.ended.take();
        let is_word = |next: char| next.is_alphanumeric() || next == '_';
        let end = match first {
            // A doubled quote reads as two literals side by side, which compares as well.
            '\'' | '"' | '`' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
            _ if is_word(first) => rest.find(|next| !is_word(next)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        match rest[..end].to_uppercase().as_str() {
            "(" => self.parentheses.push(self.out.len()),
            ")" => match self.parentheses.pop() {
                Some(opened) if ended == Some(opened) => {
                    self.out.remove(opened);
                    return end;
                }
                _ => self.out.truncate(self.out.trim_end().len()),
            },
            "CASE" => {
                let before = self.parentheses.last().filter(|at| **at + 1 == self.out.len());
                self.cases.push(before.copied());
            }
            "END" => self.ended = self.cases.pop().flatten(),
            _ => {}
        }
        match rest[..end].to_uppercase().as_str() {
            keyword @ ("BEGIN" | "CASE" | "END") => self.out.push_str(keyword),
            _ => self.out.push_str(&rest[..end]),
        }
        end
    }
}
