//! A small tokenizer that sees SQL as `sqlite3_complete` does: enough to split a file and to rewrite a trigger, no parser.

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a plain name; bytes above 0x7F and `$` count as letters.
    Word,
    /// `'…'`, doubled quotes inside; without its end it runs to the end of the text.
    String,
    /// `"…"`, `` `…` `` or `[…]`.
    QuotedIdentifier,
    /// A digit and the letters and digits after it. `1.5e-3` is five tokens: nothing here needs the value.
    Number,
    /// One byte of anything else.
    Punctuation,
    /// `--` with its line feed, or `/* … */`.
    Comment,
    /// Spaces and line ends; also a byte order mark at the very start.
    Whitespace,
}

/// One piece of SQL text. The tokens of a text, one after the other, are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Its text, exactly as it stands.
    pub text: &'a str,
    /// The byte of the whole text where it starts.
    pub start: usize,
}

impl Token<'_> {
    /// The byte after its last one.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword, in any case.
    pub fn is_word(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it means something: no comment and no whitespace.
    pub fn is_significant(&self) -> bool {
        !matches!(self.kind, TokenKind::Comment | TokenKind::Whitespace)
    }
}

/// The tokens of a text, in order and without gaps.
pub fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { sql, at: 0 }
}

/// The iterator that [`tokens`] gives.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.sql[self.at..];
        let (kind, len) = first_token(rest, self.at == 0)?;
        let token = Token { kind, text: &rest[..len], start: self.at };
        self.at += len;
        Some(token)
    }
}

fn first_token(rest: &str, at_start: bool) -> Option<(TokenKind, usize)> {
    const BYTE_ORDER_MARK: &str = "\u{FEFF}";
    let bytes = rest.as_bytes();
    if at_start && rest.starts_with(BYTE_ORDER_MARK) {
        return Some((TokenKind::Whitespace, BYTE_ORDER_MARK.len()));
    }
    let through = |end: Option<usize>| end.unwrap_or(bytes.len());
    Some(match (*bytes.first()?, bytes.get(1)) {
        (b'-', Some(b'-')) => (TokenKind::Comment, through(rest.find('\n').map(|at| at + 1))),
        (b'/', Some(b'*')) => (TokenKind::Comment, through(rest[2..].find("*/").map(|at| at + 4))),
        (b'\'', _) => (TokenKind::String, quoted_len(bytes, b'\'')),
        (quote @ (b'"' | b'`'), _) => (TokenKind::QuotedIdentifier, quoted_len(bytes, quote)),
        (b'[', _) => (TokenKind::QuotedIdentifier, through(rest.find(']').map(|at| at + 1))),
        (byte, _) if is_whitespace(byte) => (TokenKind::Whitespace, run(bytes, is_whitespace)),
        (byte, _) if byte.is_ascii_digit() => (TokenKind::Number, run(bytes, is_identifier_byte)),
        (byte, _) if is_identifier_byte(byte) => (TokenKind::Word, run(bytes, is_identifier_byte)),
        _ => (TokenKind::Punctuation, 1),
    })
}

fn quoted_len(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == quote) {
        at += found + 1;
        if bytes.get(at) != Some(&quote) {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

fn run(bytes: &[u8], belongs: fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}

fn is_identifier_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::TokenKind::*;
    use super::*;
    use proptest::prelude::*;

    fn kinds(sql: &str) -> Vec<(TokenKind, &str)> {
        tokens(sql).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn each_kind_is_recognised() {
        assert_eq!(
            kinds("\u{FEFF}é1 'a''b'\"c\"\"\"`d`[e]12.5--x\n/*;*/;"),
            [
                (Whitespace, "\u{FEFF}"),
                (Word, "é1"),
                (Whitespace, " "),
                (String, "'a''b'"),
                (QuotedIdentifier, "\"c\"\"\""),
                (QuotedIdentifier, "`d`"),
                (QuotedIdentifier, "[e]"),
                (Number, "12"),
                (Punctuation, "."),
                (Number, "5"),
                (Comment, "--x\n"),
                (Comment, "/*;*/"),
                (Punctuation, ";"),
            ]
        );
    }

    #[test]
    fn what_has_no_end_runs_to_the_end() {
        for sql in ["'a;''", "\"a", "[a;", "/* ;", "/*/", "-- ;"] {
            assert_eq!(kinds(sql).len(), 1, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn tokens_have_no_gaps(sql in "([a-z'\"`\\[\\]/*;.\n -]|é|\u{FEFF}){0,40}") {
            let mut at = 0;
            for token in tokens(&sql) {
                prop_assert_eq!(token.start, at);
                prop_assert!(!token.text.is_empty());
                at = token.end();
            }
            prop_assert_eq!(at, sql.len());
        }
    }
}
