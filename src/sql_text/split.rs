//! A file's text as statements, with the lines where they start.
//!
//! The end of a statement is where `sqlite3_complete` sees it, and wrangler 4.164.0, whose splitter is the same machine:
//! at a `;`, but inside CREATE TRIGGER only at a `;` after `; END`. That is why `CASE … END` does not end a trigger.

use super::tokens::{Token, TokenKind, Tokens, tokens};

/// One statement of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Its text with the comments that lead to it and its `;`, if it has one.
    pub text: &'a str,
    /// The line, from 1, of its first word: comments before it do not count.
    pub line: usize,
    /// The byte of the file where that first word stands.
    pub offset: usize,
}

impl<'a> Statement<'a> {
    /// Its text without the comments that lead to it.
    pub fn sql(&self) -> &'a str {
        let lead = tokens(self.text).find(Token::is_significant).map_or(0, |first| first.start);
        &self.text[lead..]
    }
}

/// The statements of a text, in linear time. What holds only comments, or nothing, is not a statement; a last one without
/// `;` is.
pub fn statements(sql: &str) -> Statements<'_> {
    Statements { sql, tokens: tokens(sql), line: 1 }
}

/// The iterator that [`statements`] gives.
#[derive(Debug, Clone)]
pub struct Statements<'a> {
    sql: &'a str,
    tokens: Tokens<'a>,
    line: usize,
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let mut state = State::Start;
        let mut start = None;
        let mut first: Option<(usize, usize)> = None;
        let mut end = 0;
        for token in self.tokens.by_ref() {
            let line = self.line;
            self.line += token.text.bytes().filter(|&byte| byte == b'\n').count();
            start = start.or(Some(token.start));
            end = token.end();
            if !token.is_significant() {
                continue;
            }
            state = state.after(&token);
            if state != State::Start {
                first = first.or(Some((line, token.start)));
            } else if first.is_some() {
                break;
            } else {
                // A lone `;`: the next statement begins after it.
                start = None;
            }
        }
        let (line, offset) = first?;
        Some(Statement { text: &self.sql[start?..end], line, offset })
    }
}

/// How far a statement has come: the states of `sqlite3_complete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first word.
    Start,
    /// Inside a statement that ends at the next `;`.
    Normal,
    /// After EXPLAIN, and QUERY PLAN.
    Explain,
    /// After CREATE, and TEMP.
    Create,
    /// Inside CREATE TRIGGER.
    Trigger,
    /// Inside CREATE TRIGGER, after a `;`.
    TriggerSemicolon,
    /// Inside CREATE TRIGGER, after `; END`.
    TriggerEnd,
}

impl State {
    fn after(self, token: &Token<'_>) -> Self {
        let semicolon = token.kind == TokenKind::Punctuation && token.text == ";";
        match self {
            Self::Trigger | Self::TriggerSemicolon if semicolon => Self::TriggerSemicolon,
            Self::TriggerSemicolon if token.is_word("END") => Self::TriggerEnd,
            _ if semicolon => Self::Start,
            Self::Trigger | Self::TriggerSemicolon | Self::TriggerEnd => Self::Trigger,
            Self::Start | Self::Explain if token.is_word("CREATE") => Self::Create,
            Self::Start if token.is_word("EXPLAIN") => Self::Explain,
            Self::Create if token.is_word("TRIGGER") => Self::Trigger,
            Self::Create if token.is_word("TEMP") || token.is_word("TEMPORARY") => Self::Create,
            Self::Explain
                if !["EXPLAIN", "TEMP", "TEMPORARY", "TRIGGER", "END"]
                    .iter()
                    .any(|word| token.is_word(word)) =>
            {
                Self::Explain
            }
            Self::Start | Self::Normal | Self::Explain | Self::Create => Self::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::CString;

    fn split(sql: &str) -> Vec<(&str, usize)> {
        statements(sql).map(|statement| (statement.text, statement.line)).collect()
    }

    fn is_complete(sql: &str) -> bool {
        let sql = CString::new(sql).unwrap();
        // SAFETY: the pointer is a C string that lives until the call returns.
        unsafe { rusqlite::ffi::sqlite3_complete(sql.as_ptr()) == 1 }
    }

    #[test]
    fn comments_lead_to_a_statement_and_its_line_is_that_of_its_first_word() {
        let sql = "-- Migration; 1\n\n/* a\n b; */ SELECT ';' -- x;\n;;\n SELECT 2 -- end";
        assert_eq!(
            split(sql),
            [("-- Migration; 1\n\n/* a\n b; */ SELECT ';' -- x;\n;", 4), ("\n SELECT 2 -- end", 6)]
        );
        assert_eq!(statements(sql).next().unwrap().offset, sql.find("SELECT").unwrap());
    }

    #[test]
    fn what_holds_no_word_is_no_statement() {
        for sql in ["", " \n", ";", ";;\n;", "-- a;", "/* ;", "\u{FEFF}", "; -- x\n /* y */ ;"] {
            assert_eq!(split(sql), [], "{sql}");
        }
    }

    #[test]
    fn a_trigger_ends_only_at_its_own_end() {
        let trigger = "CREATE temp TRIGGER t AFTER INSERT ON a BEGIN\n SELECT CASE 1 WHEN 1 THEN 2 END;\n\
                       SELECT 1; /* END; */ end\n;";
        let explained = "EXPLAIN QUERY PLAN CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END;";
        let sql = format!("{trigger}SELECT 1;{explained}SELECT 2");
        assert_eq!(split(&sql), [(trigger, 1), ("SELECT 1;", 4), (explained, 4), ("SELECT 2", 4)]);
    }

    #[test]
    fn a_byte_order_mark_does_not_hide_a_trigger() {
        assert_eq!(split("\u{FEFF}CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END; SELECT 2").len(), 2);
    }

    #[test]
    fn a_large_file_takes_linear_time() {
        let sql = "INSERT INTO posts VALUES (1, 'a;b'); -- c\n".repeat(20_000);
        assert_eq!(statements(&sql).last().unwrap().line, 20_000);
    }

    fn soup() -> impl Strategy<Value = String> {
        let pieces = vec![
            "create",
            "TEMP",
            "temporary",
            "trigger",
            "END",
            "end",
            "explain",
            "query",
            "begin",
            "case",
            "x",
            "1",
            "1end",
            ";",
            ";",
            ";",
            " ",
            "\n",
            "--",
            "-- ;\n",
            "/*",
            "*/",
            "/*;*/",
            "'",
            "';'",
            "\"",
            "[",
            "]",
            "`",
            "é",
            "(",
            ".",
            "\r",
            "-",
            "; end;",
            "create trigger ",
            "$",
        ];
        prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_ends_are_those_of_sqlite3_complete(sql in soup()) {
            let mut at = 0;
            for statement in statements(&sql) {
                let text = statement.text;
                let start = text.as_ptr() as usize - sql.as_ptr() as usize;
                // Only lone semicolons, blanks and comments are left out between two statements.
                prop_assert!(tokens(&sql[at..start]).all(|token| !token.is_significant() || token.text == ";"));
                at = start + text.len();
                prop_assert_eq!(sql[..statement.offset].matches('\n').count() + 1, statement.line);
                for (end, _) in text.match_indices(';') {
                    let is_last = end + 1 == text.len();
                    prop_assert!(is_last || !is_complete(&text[..=end]), "{:?}", &text[..=end]);
                }
                // What is left at the end of the text has no end of its own.
                prop_assert!(at == sql.len() || is_complete(text), "{:?}", text);
            }
            prop_assert!(tokens(&sql[at..]).all(|token| !token.is_significant() || token.text == ";"));
        }
    }
}
