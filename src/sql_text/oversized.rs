//! Rows too long for one statement, written in pieces.
//!
//! The first statement holds what fits; each value that does not is put together afterwards by UPDATEs that append.
//! What a caller must know of the states between:
//! - a CHECK (length, json_valid) may not hold yet: put `PRAGMA ignore_check_constraints=ON;` before and `OFF` after;
//! - a foreign key may not hold yet: `PRAGMA defer_foreign_keys=TRUE;`
//! - a long value in a UNIQUE column is `''`, `X''` or its first piece for a moment, which another row may hold;
//! - no trigger of the user may be there to see it.
//!
//! NOT NULL, STRICT and NUMERIC columns are taken care of here.

use rusqlite::types::ValueRef;

use super::Error;
use super::identifier::display_identifier;
use super::literal::{literal, literal_len, push_literal};
use super::statement::{MAX_STATEMENT_BYTES, insert_head};

/// Room that must be left for a piece beside the key of its row; less would mean thousands of statements.
const SMALLEST_ROOM: usize = 1_000;

/// Stands before text that begins like a number while it is put together.
const GUARD: u8 = b'~';

/// The statements that insert one row, whatever its size: one if it fits.
///
/// `key` names the row after its insertion, by column and value: the primary key, or `rowid` where that is also among
/// `columns`. Its columns are always written whole. `columns` and `values` go together.
///
/// # Errors
/// When the key leaves no room, or the names and short values alone do not fit.
pub fn oversized_row(
    table: &str,
    columns: &[String],
    values: &[ValueRef<'_>],
    key: &[(String, ValueRef<'_>)],
) -> Result<Vec<String>, Error> {
    let cells: Vec<Cell<'_>> =
        columns.iter().zip(values).map(|(column, value)| Cell::new(column, *value, key)).collect();
    let head = insert_head(table, columns.iter().map(String::as_str));
    let frame = head.len() + "\n  ();".len() + cells.len().saturating_sub(1) * ", ".len();
    let costs =
        cells.iter().map(|cell| Cost { whole: literal_len(cell.value), apart: literal_len(cell.stub()) });
    let apart = set_apart(table, &cells, costs, frame)?;
    let shown =
        cells.iter().zip(&apart).map(|(cell, apart)| literal(if *apart { cell.stub() } else { cell.value }));
    let mut statements = vec![format!("{head}\n  ({});", shown.collect::<Vec<_>>().join(", "))];
    append_all(&mut statements, table, &cells, &apart, &where_key(key))?;
    Ok(statements)
}

/// The statements that set columns of one row, whatever their size: one if it fits.
///
/// `key` names the row as it is before; if `set` changes a column of the key, what follows uses the new value.
///
/// # Errors
/// When the key leaves no room, or the names and short values alone do not fit.
pub fn oversized_update(
    table: &str,
    set: &[(String, ValueRef<'_>)],
    key: &[(String, ValueRef<'_>)],
) -> Result<Vec<String>, Error> {
    let cells: Vec<Cell<'_>> = set.iter().map(|(column, value)| Cell::new(column, *value, key)).collect();
    let head = format!("UPDATE {} SET ", display_identifier(table));
    let tail = format!(" WHERE {};", where_key(key));
    let costs = cells.iter().map(|cell| Cost { whole: cell.assignment_len(), apart: 0 });
    // Each assignment counts a comma, the last one has none.
    let frame = (head.len() + tail.len()).saturating_sub(", ".len());
    let apart = set_apart(table, &cells, costs, frame)?;
    let shown: Vec<String> =
        cells.iter().zip(&apart).filter(|(_, apart)| !**apart).map(|(cell, _)| cell.assignment()).collect();
    let mut statements = Vec::new();
    if !shown.is_empty() {
        statements.push(format!("{head}{}{tail}", shown.join(", ")));
    }
    let new_key: Vec<(String, ValueRef<'_>)> = key
        .iter()
        .map(|(column, value)| {
            set.iter().find(|(set, _)| set == column).cloned().unwrap_or((column.clone(), *value))
        })
        .collect();
    append_all(&mut statements, table, &cells, &apart, &where_key(&new_key))?;
    Ok(statements)
}

/// A column and its value.
struct Cell<'a> {
    column: &'a str,
    value: ValueRef<'a>,
    in_key: bool,
}

impl<'a> Cell<'a> {
    fn new(column: &'a str, value: ValueRef<'a>, key: &[(String, ValueRef<'_>)]) -> Self {
        Self { column, value, in_key: key.iter().any(|(name, _)| name == column) }
    }

    /// An empty value of the same storage class, which NOT NULL and STRICT columns take.
    fn stub(&self) -> ValueRef<'static> {
        match self.value {
            ValueRef::Blob(_) => ValueRef::Blob(b""),
            _ => ValueRef::Text(b""),
        }
    }

    fn can_stand_apart(&self) -> bool {
        !self.in_key && matches!(self.value, ValueRef::Text(_) | ValueRef::Blob(_))
    }

    fn assignment(&self) -> String {
        let mut text = format!("{} = ", display_identifier(self.column));
        push_literal(&mut text, self.value);
        text
    }

    fn assignment_len(&self) -> usize {
        display_identifier(self.column).len() + " = ".len() + literal_len(self.value) + ", ".len()
    }
}

/// What a cell takes of the first statement, in bytes.
struct Cost {
    whole: usize,
    apart: usize,
}

/// Which cells are left out of the first statement, the longest first, until the rest fits beside `frame` bytes.
fn set_apart(
    table: &str,
    cells: &[Cell<'_>],
    costs: impl Iterator<Item = Cost>,
    frame: usize,
) -> Result<Vec<bool>, Error> {
    let costs: Vec<Cost> = costs.collect();
    let mut total = frame + costs.iter().map(|cost| cost.whole).sum::<usize>();
    let mut candidates: Vec<usize> = (0..cells.len())
        .filter(|&index| cells[index].can_stand_apart() && costs[index].whole > costs[index].apart)
        .collect();
    candidates.sort_by_key(|&index| std::cmp::Reverse(costs[index].whole));
    let mut apart = vec![false; cells.len()];
    for index in candidates {
        if total <= MAX_STATEMENT_BYTES {
            break;
        }
        total -= costs[index].whole - costs[index].apart;
        apart[index] = true;
    }
    let fits = total <= MAX_STATEMENT_BYTES;
    fits.then_some(apart).ok_or_else(|| Error::RowTooLarge { table: table.to_owned() })
}

fn where_key(key: &[(String, ValueRef<'_>)]) -> String {
    let terms = key.iter().map(|(column, value)| {
        let operator = if *value == ValueRef::Null { "IS" } else { "=" };
        format!("{} {operator} {}", display_identifier(column), literal(*value))
    });
    terms.collect::<Vec<_>>().join(" AND ")
}

fn append_all(
    statements: &mut Vec<String>,
    table: &str,
    cells: &[Cell<'_>],
    apart: &[bool],
    row: &str,
) -> Result<(), Error> {
    for (cell, _) in cells.iter().zip(apart).filter(|(_, apart)| **apart) {
        append(statements, table, cell, row)?;
    }
    Ok(())
}

/// The UPDATEs that give one column its value, piece after piece.
fn append(statements: &mut Vec<String>, table: &str, cell: &Cell<'_>, row: &str) -> Result<(), Error> {
    let column = display_identifier(cell.column);
    let head = format!("UPDATE {} SET {column} = ", display_identifier(table));
    let tail = format!(" WHERE {row};");
    let longest = unguarded(&column).len() + " || ".len() + 1;
    let room = MAX_STATEMENT_BYTES
        .checked_sub(head.len() + tail.len() + longest)
        .filter(|room| *room >= SMALLEST_ROOM)
        .ok_or_else(|| Error::KeyTooLarge { table: table.to_owned() })?;

    let (pieces, is_text) = match cell.value {
        ValueRef::Text(bytes) => (cut(bytes, room, ValueRef::Text), true),
        ValueRef::Blob(bytes) => (cut(bytes, room, ValueRef::Blob), false),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => return Ok(()),
    };
    // A column of NUMERIC affinity would turn a first piece like `0000…` into a number, and the text would be lost.
    let is_guarded = is_text && pieces.len() > 1 && pieces[0].iter().all(|&byte| may_be_in_a_number(byte));
    for (index, piece) in pieces.iter().enumerate() {
        let expression = match (is_text, index) {
            (true, 0) if is_guarded => literal(ValueRef::Text(&[&[GUARD], *piece].concat())),
            (true, 0) => literal(ValueRef::Text(piece)),
            (true, _) if is_guarded && index + 1 == pieces.len() => {
                format!("{} || {}", unguarded(&column), literal(ValueRef::Text(piece)))
            }
            (true, _) => format!("{column} || {}", literal(ValueRef::Text(piece))),
            (false, 0) => literal(ValueRef::Blob(piece)),
            // `||` makes TEXT of two BLOBs, byte for byte, NULs included; the CAST changes only the storage class.
            (false, _) => format!("CAST({column} || {} AS BLOB)", literal(ValueRef::Blob(piece))),
        };
        statements.push(format!("{head}{expression}{tail}"));
    }
    Ok(())
}

/// The column without its guard. Through a BLOB, because `substr` of text stops at a NUL.
fn unguarded(column: &str) -> String {
    format!("CAST(substr(CAST({column} AS BLOB), 2) AS TEXT)")
}

fn may_be_in_a_number(byte: u8) -> bool {
    byte.is_ascii_digit()
        || byte.is_ascii_whitespace()
        || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E' | b'\x0b')
}

/// Cuts bytes into pieces whose literals are at most `room` bytes long, never inside a UTF-8 character of valid text.
fn cut<'a>(mut bytes: &'a [u8], room: usize, as_value: fn(&'a [u8]) -> ValueRef<'a>) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let mut size = room.min(bytes.len());
        loop {
            size = boundary(bytes, size);
            let len = literal_len(as_value(&bytes[..size]));
            if len <= room {
                break;
            }
            // Shrink in proportion; a piece of a few bytes always fits, so this ends.
            size = (size * room / len).min(size - 1);
        }
        let (piece, rest) = bytes.split_at(size);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// The last place at or before `size` where no continuation byte follows; `size` itself if there is none close by.
fn boundary(bytes: &[u8], size: usize) -> usize {
    let starts_here = |&at: &usize| bytes.get(at).is_none_or(|byte| byte & 0xC0 != 0x80);
    (size.saturating_sub(3).max(1)..=size).rev().find(starts_here).unwrap_or(size)
}

#[cfg(test)]
mod tests;
