//! Reads what the triggers wrote.

use std::ops::ControlFlow;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::NOT_KEPT;
use super::triggers::NOW;
use crate::names::CHANGEFEED;
use crate::schema::name_now;
use crate::sql_text::{TokenKind, parse_literals, push_literal, quote_identifier, string_literal, tokens};

/// What one entry of the changefeed tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A row came.
    Insert,
    /// A row changed.
    Update,
    /// A row went.
    Delete,
    /// From here on a table is followed.
    Track,
    /// A migration was applied; its name stands in place of the table's.
    Apply,
    /// The changefeed began.
    Start,
}

/// One entry of the changefeed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number; later entries have higher ones.
    pub id: i64,
    /// Milliseconds since 1970, by the clock of whoever wrote.
    pub at: i64,
    /// What happened.
    pub operation: Operation,
    /// The table.
    pub table: String,
    /// The row before: its rowid, or its primary key as a list of literals.
    pub key: Value,
    /// The row after, where an update changed its key.
    pub new_key: Value,
    /// What the row was before.
    pub old: Image,
}

/// Old values of one row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image {
    /// Column and value; `None` where the value was too long to be kept.
    pub values: Vec<(String, Option<Value>)>,
}

/// A place in one changefeed, to be recognised later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The random name of this changefeed.
    pub feed: String,
    /// The last entry.
    pub id: i64,
    /// When that entry was written: a restored copy of the database has other entries under the same numbers.
    pub at: i64,
}

/// Is there a changefeed? Something else under its name is none.
pub fn exists(conn: &Connection, database: &str) -> rusqlite::Result<bool> {
    let columns = "SELECT group_concat(name) FROM pragma_table_info(?1, ?2)";
    let columns: Option<String> = conn.query_row(columns, [CHANGEFEED, database], |row| row.get(0))?;
    Ok(columns.as_deref() == Some("id,at,op,tbl,key,new_key,old,taken"))
}

/// Has something else its name?
pub fn name_is_taken(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(kind(conn)?.is_some() && !exists(conn, "main")?)
}

/// Does it hold entries about rows?
pub fn has_rows(conn: &Connection) -> rusqlite::Result<bool> {
    if !exists(conn, "main")? {
        return Ok(false);
    }
    let sql =
        format!("SELECT EXISTS (SELECT 1 FROM {CHANGEFEED} WHERE op NOT IN ('start', 'T', 'A', 'owed'))");
    conn.query_row(&sql, (), |row| row.get(0))
}

/// What has its name: a table or a view.
pub(super) fn kind(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT type FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE";
    conn.query_row(sql, [CHANGEFEED], |row| row.get(0)).optional()
}

/// Is every entry after this one such as the triggers write?
pub fn is_well_formed(conn: &Connection, database: &str, after: i64) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM {}.{CHANGEFEED} WHERE id > ?1 AND (typeof(at) <> 'integer' OR typeof(tbl) <> 'text'
           OR typeof(op) <> 'text' OR op NOT IN ('I', 'U', 'D', 'K', 'T', 'A', 'start', 'owed')))",
        quote_identifier(database)
    );
    conn.query_row(&sql, [after], |row| row.get(0))
}

/// The place after the last entry; `None` where there is no changefeed.
pub fn last(conn: &Connection, database: &str) -> rusqlite::Result<Option<Mark>> {
    if !exists(conn, database)? {
        return Ok(None);
    }
    let feed = format!("{}.{CHANGEFEED}", quote_identifier(database));
    let sql = format!(
        "SELECT (SELECT key FROM {feed} WHERE op = 'start' ORDER BY id LIMIT 1), id, at FROM {feed} ORDER BY id DESC LIMIT 1"
    );
    let read = |row: &Row| Ok((row.get::<_, Value>(0)?, row.get::<_, Value>(1)?, row.get::<_, Value>(2)?));
    Ok(match conn.query_row(&sql, (), read).optional() {
        Ok(Some((Value::Text(feed), Value::Integer(id), Value::Integer(at)))) => Some(Mark { feed, id, at }),
        // Something else lies there under this name: no changefeed to rely on.
        Err(rusqlite::Error::SqlInputError { .. }) | Ok(_) => None,
        Err(error) => return Err(error),
    })
}

/// Is the entry of this mark still what it was?
pub fn mark_is_still_there(conn: &Connection, database: &str, mark: &Mark) -> rusqlite::Result<bool> {
    if !exists(conn, database)? {
        return Ok(false);
    }
    let feed = format!("{}.{CHANGEFEED}", quote_identifier(database));
    let sql = format!(
        "SELECT 1 WHERE (SELECT at FROM {feed} WHERE id = ?1) = ?2
           AND (SELECT key FROM {feed} WHERE op = 'start' ORDER BY id LIMIT 1) = ?3"
    );
    let row = conn.query_row(&sql, params![mark.id, mark.at, mark.feed], |_| Ok(())).optional()?;
    Ok(row.is_some())
}

/// What a migration holds, together with the others that say so: all that the entries up to this one tell, but of these tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// The last entry.
    pub id: i64,
    /// The tables of which something stays pending.
    pub but: Vec<String>,
}

/// Notes that a migration that was made from this database is to be noted as applied, or that one that is noted now gives what is here: its
/// name and its digest, and what it holds.
pub fn owe(conn: &Connection, name: &str, digest: &str, holds: Option<&Holds>) -> rusqlite::Result<()> {
    let but: Option<String> = holds.map(|holds| holds.but.iter().map(|table| in_list(table)).collect());
    let sql = format!(
        "INSERT INTO {CHANGEFEED}(at, op, tbl, key, new_key, old) VALUES ({NOW}, 'owed', ?1, ?2, ?3, ?4)"
    );
    conn.execute(&sql, params![name, digest, holds.map(|holds| holds.id), but]).map(drop)
}

fn in_list(table: &str) -> String {
    format!("{},", quote_identifier(table))
}

/// A query for the last entry up to which files hold all that the entries tell of a table. `held` is a query for the names and digests
/// of the files.
pub fn last_written(database: &str, table: &str, held: &str) -> String {
    let feed = format!("{}.{CHANGEFEED}", quote_identifier(database));
    // Files that were written together hold it together.
    format!(
        "SELECT max(x.new_key) FROM {feed} x WHERE x.op = 'owed' AND typeof(x.new_key) = 'integer' AND NOT instr(x.old, {}) AND NOT EXISTS (
           SELECT 1 FROM {feed} o WHERE o.op = 'owed' AND o.new_key = x.new_key AND (o.tbl, o.key) NOT IN ({held}))",
        string_literal(&in_list(table))
    )
}

/// A query for the last entry up to which later ones tell again what the entries tell of cells ([`note_unseen`]).
pub fn last_told_again(database: &str, held: &str) -> String {
    let feed = format!("{}.{CHANGEFEED}", quote_identifier(database));
    format!(
        "SELECT max(x.new_key) FROM {feed} x WHERE x.op = 'A' AND typeof(x.new_key) = 'integer'
           AND EXISTS (SELECT 1 FROM ({held}) h WHERE h.name = x.tbl)"
    )
}

/// Notes that these rows are still changed here in one column, whatever a migration did that was applied just now. `keys` is a query
/// for their names, as the triggers write them.
pub fn note_changed(conn: &Connection, table: &str, column: &str, keys: &str) -> rusqlite::Result<()> {
    let old = Image { values: vec![(column.to_owned(), None)] }.to_text();
    let sql = format!(
        "INSERT INTO {CHANGEFEED}(at, op, tbl, key, old) SELECT {NOW}, 'K', ?1, key, ?2 FROM ({keys})"
    );
    conn.execute(&sql, params![table, old]).map(drop)
}

/// The number of the last entry; 0 where there is none.
pub fn last_id(conn: &Connection) -> rusqlite::Result<i64> {
    Ok(last(conn, "main")?.map_or(0, |mark| mark.id))
}

/// Did rows change after this entry?
pub fn any_row_after(conn: &Connection, id: i64) -> rusqlite::Result<bool> {
    if !exists(conn, "main")? {
        return Ok(false);
    }
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {CHANGEFEED} WHERE id > ?1 AND op IN ('I', 'U', 'D'))");
    conn.query_row(&sql, [id], |row| row.get(0))
}

/// In place of a key: the changefeed does not hold what the statements of this migration did.
const UNSEEN: &str = "unseen";

/// Notes of the migration that was applied last that its statements left no entries; and up to which entry what these tell of cells
/// will be told again.
pub fn note_unseen(conn: &Connection, told_again: Option<i64>) -> rusqlite::Result<()> {
    let last = format!("SELECT max(id) FROM {CHANGEFEED} WHERE op = 'A'");
    let sql = format!("UPDATE {CHANGEFEED} SET key = ?1, new_key = ?2 WHERE id = ({last})");
    conn.execute(&sql, params![UNSEEN, told_again]).map(drop)
}

/// The condition for an entry about a migration whose statements are among the entries before it, or that holds what they tell.
pub fn applied_in_sight() -> String {
    format!("(op = 'A' AND key IS NOT '{UNSEEN}')")
}

/// Gives the entries of tables their new names.
pub fn rename(conn: &Connection, renamed: &[(String, String)]) -> rusqlite::Result<()> {
    if renamed.is_empty() {
        return Ok(());
    }
    conn.execute_batch(&format!(
        "UPDATE {CHANGEFEED} SET tbl = {} WHERE op IN ('I', 'U', 'D', 'K', 'T')",
        name_now(renamed)
    ))?;
    // A file that does not hold what they tell says so under the old name.
    let mut forget = conn
        .prepare(&format!("UPDATE {CHANGEFEED} SET new_key = NULL WHERE op = 'owed' AND instr(old, ?1)"))?;
    renamed.iter().try_for_each(|(old, _)| forget.execute([in_list(old)]).map(drop))
}

/// Gives the entries about rows of one table the rowids of `list`, a table with their `was` and `now`; where this is NULL, they keep the
/// one they had as a text ([`former_rowid`]), with the name of the file behind it: another row may have that rowid now.
pub fn renumber(conn: &Connection, table: &str, list: &str, file: &str) -> rusqlite::Result<()> {
    let now = |key: &str| {
        format!(
            "iif({key} IN (SELECT was FROM {list}), coalesce((SELECT n.now FROM {list} n WHERE n.was = {key}), {key} || '{BEFORE}' || ?2), {key})"
        )
    };
    let sql = format!(
        "UPDATE {CHANGEFEED} SET key = {}, new_key = {} WHERE tbl = ?1 AND op IN ('I', 'U', 'D', 'K')",
        now("key"),
        now("new_key"),
    );
    conn.execute(&sql, [table, file]).map(drop)
}

const BEFORE: &str = " before ";

/// The rowid that a row had when it went, before a file gave it to another one.
pub fn former_rowid(key: &str) -> Option<i64> {
    key.split_once(BEFORE)?.0.parse().ok()
}

/// Every migration that was ever owed: name and digest.
pub fn owed(conn: &Connection, database: &str) -> rusqlite::Result<Vec<(String, String)>> {
    if !exists(conn, database)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT tbl, key FROM {}.{CHANGEFEED} WHERE op = 'owed' AND typeof(tbl) = 'text' AND typeof(key) = 'text'",
        quote_identifier(database)
    );
    let mut statement = conn.prepare(&sql)?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Calls `each` with the entries written at or after `since` (milliseconds since 1970), newest first, until it has enough.
pub fn entries<E: From<rusqlite::Error>>(
    conn: &Connection,
    database: &str,
    since: Option<i64>,
    mut each: impl FnMut(Entry) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    if !exists(conn, database)? {
        return Ok(());
    }
    let sql = format!(
        "SELECT id, at, op, tbl, key, new_key, old FROM {}.{CHANGEFEED} WHERE at >= ?1 AND op <> 'K' ORDER BY id DESC",
        quote_identifier(database)
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([since.unwrap_or(i64::MIN)])?;
    while let Some(row) = rows.next()? {
        // What somebody else wrote there is no entry.
        if let Ok(entry) = entry(row)
            && each(entry)?.is_break()
        {
            break;
        }
    }
    Ok(())
}

fn entry(row: &Row) -> rusqlite::Result<Entry> {
    let operation = match row.get_ref(2)?.as_str()? {
        "I" => Operation::Insert,
        "U" => Operation::Update,
        "D" => Operation::Delete,
        "start" => Operation::Start,
        "A" => Operation::Apply,
        _ => Operation::Track,
    };
    let old = match row.get_ref(6)? {
        ValueRef::Text(text) => Image::parse(&String::from_utf8_lossy(text)),
        _ => Image::default(),
    };
    Ok(Entry {
        id: row.get(0)?,
        at: row.get(1)?,
        operation,
        table: row.get(3)?,
        key: row.get(4)?,
        new_key: row.get(5)?,
        old,
    })
}

impl Image {
    /// Writes `"column"=literal,…`.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (column, value) in &self.values {
            text.push_str(&quote_identifier(column));
            text.push('=');
            match value {
                Some(value) => push_literal(&mut text, value.into()),
                None => text.push_str(NOT_KEPT),
            }
            text.push(',');
        }
        text
    }

    /// Reads `"column"=literal,…`; what does not have that form is left out.
    pub fn parse(text: &str) -> Self {
        let mut values = Vec::new();
        let mut rest = text;
        while let Some((column, after)) = column_name(rest) {
            let end = end_of_value(after);
            let literal = &after[..end];
            let value = if literal == NOT_KEPT {
                None
            } else {
                parse_literals(literal).and_then(|mut one| one.pop())
            };
            values.push((column, value));
            rest = after.get(end + 1..).unwrap_or("");
        }
        Self { values }
    }
}

/// The name and what follows its `=`.
fn column_name(text: &str) -> Option<(String, &str)> {
    let token = tokens(text).next().filter(|token| token.kind == TokenKind::QuotedIdentifier)?;
    let name = token.text[1..token.text.len() - 1].replace("\"\"", "\"");
    text[token.end()..].strip_prefix('=').map(|rest| (name, rest))
}

/// Where the `,` after a literal stands: never inside of a string or of CAST's parentheses.
fn end_of_value(text: &str) -> usize {
    tokens(text).find(|token| token.text == ",").map_or(text.len(), |token| token.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_read_back_value_by_value() {
        let image = Image::parse(
            "\"a\"=1,\"say \"\"b\"\"\"='x, \"c\"=2',\"d\"=?,\"e\"=CAST(X'610062' AS TEXT),\"f\"=NULL,",
        );
        let text = |text: &str| Some(Value::Text(text.into()));
        assert_eq!(
            image.values,
            [
                ("a".to_owned(), Some(Value::Integer(1))),
                ("say \"b\"".to_owned(), text("x, \"c\"=2")),
                ("d".to_owned(), None),
                ("e".to_owned(), text("a\0b")),
                ("f".to_owned(), Some(Value::Null)),
            ]
        );
        assert_eq!(Image::parse(&image.to_text()), image);
    }
}
