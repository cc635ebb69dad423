//! Triggers in the shape that the real D1 takes, and what a trigger waits for.

use super::identifier::quote_identifier;
use super::literal::{EATEN_BY_WRANGLER, LineFeed, push_text};
use super::tokens::{Token, TokenKind, tokens};

/// The statement that a trigger waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// INSERT
    Insert,
    /// DELETE
    Delete,
    /// UPDATE, of any or of some columns
    Update,
}

/// When a trigger runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Before the row changes; also what SQLite takes where nothing is said.
    Before,
    /// After the row has changed.
    After,
    /// In place of the change, on a view.
    InsteadOf,
}

/// What makes a trigger run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// Before, after or instead.
    pub timing: Timing,
    /// Of which statement.
    pub event: Event,
}

/// What a CREATE TRIGGER statement waits for; nothing if the text is no such statement.
pub fn firing(sql: &str) -> Option<Firing> {
    let mut words = tokens(sql).filter(Token::is_significant).peekable();
    let take = |words: &mut std::iter::Peekable<_>, keyword: &str| {
        words.next_if(|token: &Token<'_>| token.is_word(keyword)).is_some()
    };
    if !take(&mut words, "CREATE") {
        return None;
    }
    let _ = take(&mut words, "TEMP") || take(&mut words, "TEMPORARY");
    if !take(&mut words, "TRIGGER") {
        return None;
    }
    // `if` may be the trigger's name only in quotes, so the word decides.
    if take(&mut words, "IF") && !(take(&mut words, "NOT") && take(&mut words, "EXISTS")) {
        return None;
    }
    words.next()?;
    if words.next_if(|token| token.text == ".").is_some() {
        words.next()?;
    }
    let timing = if take(&mut words, "AFTER") {
        Timing::After
    } else if take(&mut words, "INSTEAD") {
        words.next_if(|token| token.is_word("OF"))?;
        Timing::InsteadOf
    } else {
        let _ = take(&mut words, "BEFORE");
        Timing::Before
    };
    let event = words.next()?;
    let events = [("INSERT", Event::Insert), ("DELETE", Event::Delete), ("UPDATE", Event::Update)];
    let (_, event) = events.into_iter().find(|(keyword, _)| event.is_word(keyword))?;
    Some(Firing { timing, event })
}

/// Rewrites a CREATE TRIGGER statement so that the real D1 takes it, without changing what it does. Without the final `;`.
///
/// The result is one line without comments; BEGIN and END are uppercase, each `CASE … END` stands in parentheses, names
/// that are spelled like `begin` or `end` are quoted, and a line end inside a string is written as `replace('…\n…', '\n',
/// char(10))`. A string that wrangler would cut into is written in hexadecimal. (wrangler 4.164.0 takes any shape; the splitter
/// of the real D1 does not: cloudflare/workers-sdk#15690, #4998, #4326, #4727.) Rewriting the result again changes nothing.
///
/// A line end stays, and the result is then not one line, where no expression may stand: inside a quoted name, in an alias
/// written as a string, and in the message of RAISE, which is a literal only before SQLite 3.47; an older `sqlite3` could not
/// open a database at all whose trigger it cannot parse.
pub fn one_line(sql: &str) -> String {
    let mut spaced = false;
    let mut parts: Vec<Part<'_>> = Vec::new();
    for token in tokens(sql) {
        if token.is_significant() {
            parts.push(Part { token, spaced, role: Role::Plain });
        }
        spaced = !token.is_significant();
    }
    while parts.last().is_some_and(|part| part.token.text == ";") {
        parts.pop();
    }
    assign_roles(&mut parts);
    let mut out = String::with_capacity(sql.len());
    for (index, part) in parts.iter().enumerate() {
        if part.spaced && index > 0 {
            out.push(' ');
        }
        push_part(&mut out, part, may_be_an_expression(&parts[..index]));
    }
    out
}

struct Part<'a> {
    token: Token<'a>,
    /// Whether a blank or a comment stood before it.
    spaced: bool,
    role: Role,
}

/// What a word means where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    /// CASE and its END, with parentheses to add.
    OpenedCase,
    ClosedCase,
    /// The BEGIN or END of the body, or an END that already stands before a parenthesis.
    Keyword,
    /// A column or table that is called `begin` or `end`.
    Name,
}

fn push_part(out: &mut String, part: &Part<'_>, may_be_an_expression: bool) {
    let text = part.token.text;
    match part.role {
        Role::OpenedCase => {
            out.push('(');
            out.push_str(text);
        }
        Role::ClosedCase => out.push_str("END)"),
        Role::Keyword => out.push_str(&text.to_ascii_uppercase()),
        Role::Name => out.push_str(&quote_identifier(text)),
        Role::Plain => match content(&part.token).filter(|_| may_be_an_expression) {
            Some(content) if content.contains(['\n', '\r']) || content.contains(EATEN_BY_WRANGLER) => {
                push_text(out, &content, LineFeed::Marked);
            }
            _ => out.push_str(text),
        },
    }
}

/// What a whole string literal holds.
fn content(token: &Token<'_>) -> Option<String> {
    let inner = token.text.strip_prefix('\'')?.strip_suffix('\'')?;
    (token.kind == TokenKind::String).then(|| inner.replace("''", "'"))
}

/// Whether a function call may stand in the place of a string that follows these parts.
fn may_be_an_expression(before: &[Part<'_>]) -> bool {
    const NAMES_FOLLOW: [&str; 9] =
        ["AS", "FROM", "JOIN", "INTO", "UPDATE", "TABLE", "TRIGGER", "ON", "COLLATE"];
    let back = |distance: usize| before.len().checked_sub(distance).and_then(|index| before.get(index));
    let in_raise = back(4).is_some_and(|part| part.token.is_word("RAISE"));
    let follows = |text: &str| back(1).is_some_and(|part| part.token.text == text);
    let is_named = back(1).is_some_and(|part| NAMES_FOLLOW.iter().any(|word| part.token.is_word(word)));
    // `x 'alias'` is a name too: a string is an expression only where an operand may stand.
    !(in_raise && follows(",") || follows(".") || is_named || ends_operand(before))
}

/// Tells the END of a CASE from that of the body and from a column called `end`, and finds the body's BEGIN.
fn assign_roles(parts: &mut [Part<'_>]) {
    let mut depth = 0_i32;
    let mut open_cases: Vec<(usize, i32)> = Vec::new();
    let mut in_body = false;
    for index in 0..parts.len() {
        let (token, last) = (parts[index].token, index + 1 == parts.len());
        if token.is_word("CASE") {
            open_cases.push((index, depth));
        } else if token.is_word("BEGIN") {
            let starts_body =
                !in_body && parts.get(index + 1).is_some_and(|next| starts_statement(&next.token));
            in_body |= starts_body;
            parts[index].role = if starts_body { Role::Keyword } else { Role::Name };
        } else if token.is_word("END") {
            let case = open_cases.pop_if(|(_, opened)| *opened == depth && ends_operand(&parts[..index]));
            match case {
                Some((opened, _)) => close_case(parts, opened, index),
                None => parts[index].role = if last { Role::Keyword } else { Role::Name },
            }
        }
        depth += match token.text {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
    }
}

fn close_case(parts: &mut [Part<'_>], opened: usize, closed: usize) {
    let is_at = |index: Option<usize>, text: &str| {
        index.and_then(|i| parts.get(i)).is_some_and(|part| part.token.text == text)
    };
    if is_at(opened.checked_sub(1), "(") && is_at(Some(closed + 1), ")") {
        parts[closed].role = Role::Keyword;
    } else {
        parts[opened].role = Role::OpenedCase;
        parts[closed].role = Role::ClosedCase;
    }
}

fn starts_statement(token: &Token<'_>) -> bool {
    ["INSERT", "UPDATE", "DELETE", "SELECT", "REPLACE", "WITH", "VALUES"]
        .iter()
        .any(|word| token.is_word(word))
}

/// Whether an operand is complete after these parts, so that `END` after them is not itself a name.
fn ends_operand(before: &[Part<'_>]) -> bool {
    const OPERAND_FOLLOWS: [&str; 42] = [
        "ALL",
        "AND",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CROSS",
        "DELETE",
        "DISTINCT",
        "ELSE",
        "ESCAPE",
        "EXCEPT",
        "EXISTS",
        "FROM",
        "GLOB",
        "HAVING",
        "IN",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "LIKE",
        "LIMIT",
        "MATCH",
        "NOT",
        "OF",
        "OFFSET",
        "ON",
        "OR",
        "REGEXP",
        "RETURNING",
        "SELECT",
        "SET",
        "THEN",
        "TRIGGER",
        "UNION",
        "UPDATE",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
    ];
    let Some(previous) = before.last() else {
        return false;
    };
    let is_qualified = before.len() > 1 && before[before.len() - 2].token.text == ".";
    match previous.token.kind {
        TokenKind::Word => is_qualified || !OPERAND_FOLLOWS.iter().any(|word| previous.token.is_word(word)),
        TokenKind::Punctuation => previous.token.text == ")",
        _ => true,
    }
}

#[cfg(test)]
mod tests;
