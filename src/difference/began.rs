//! Which row of the files one is whose key changed here, where no column shows the rowid: it may be another one in the files, so the
//! changefeed is read for the key that each row began with.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};

use super::LIVE;
use super::columns::{RowShape, same_key};
use super::doers::{APPLIED, Doers, applied};
use super::trace::held_files;
use crate::changefeed::{self, Image};
use crate::names::CHANGEFEED;
use crate::schema::Table;
use crate::sql_text::{quote_identifier, string_literal};

/// The rows whose key changed here: `l1`, their rowid, `s1`, the one that they have in the files (NULL where that is not known), and whether
/// they `came` here.
pub(super) const BEGAN: &str = "temp.d1_migrate_began";

/// By rowid `r`: the last entries by which a row's key changed, by which one came and went there, and the parts of the key with which the
/// one that is there began: `named_1` and `part_1`, and so on, as far as an entry names them. That is `unclear` where one was too long
/// to be kept. `named_again_1`, `part_again_1`: the same since the last own migration ([`changefeed::owe`]). It may hold what was told until
/// then (`settled`), also where its file was changed since, so that it does not count as written any more.
const STEPS: &str = "temp.d1_migrate_steps_of_keys";

/// Lists them, from what the entries tell since files held it all.
///
/// Not rows that had come here before, where the files may have got such a row of their own since; but one that came in place of a
/// deleted one is that one. Nor where a file put a row in since that has the old key here: it took the place of the one that the files
/// gave. Nor where wrangler ran a file that may have changed rowids: only `apply` gives entries the new ones.
pub(super) fn list_began(
    conn: &Connection,
    table: &Table,
    key: &[(usize, String)],
    doers: &Doers,
) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {BEGAN}; CREATE TABLE {BEGAN}(l1, s1, came)"))?;
    if changefeed::exists(conn, LIVE)? {
        let began = Began { conn, table, key, doers, shape: RowShape::of(table) };
        began.read_steps()?;
        began.list()?;
        conn.execute_batch(&format!("DROP TABLE {STEPS}"))?;
    }
    index(conn)
}

/// The same of rows that are one whenever they have the same rowid. `pairs` is a query for their `l1` and `s1`.
pub(super) fn take_for_one(conn: &Connection, pairs: &str) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS {BEGAN}; CREATE TABLE {BEGAN}(l1, s1, came); INSERT INTO {BEGAN} SELECT l1, s1, 0 FROM ({pairs})"
    ))?;
    index(conn)
}

fn index(conn: &Connection) -> rusqlite::Result<()> {
    let name = BEGAN.trim_start_matches("temp.");
    conn.execute_batch(&format!("CREATE INDEX {BEGAN}_l ON {name}(l1); CREATE INDEX {BEGAN}_s ON {name}(s1)"))
}

struct Began<'a> {
    conn: &'a Connection,
    table: &'a Table,
    key: &'a [(usize, String)],
    doers: &'a Doers,
    shape: RowShape,
}

impl Began<'_> {
    fn columns(&self) -> impl Iterator<Item = &String> {
        self.key.iter().map(|(position, _)| &self.table.columns[*position].name)
    }

    /// A condition on the entry `f`: files may not hold what it tells.
    fn is_open(&self) -> String {
        format!(
            "f.tbl = {} AND f.id > coalesce(({}), 0)",
            string_literal(&self.table.name),
            changefeed::last_written(LIVE, &self.table.name, &held_files())
        )
    }

    fn names_key(&self) -> String {
        format!("f.op = 'U' AND {}", self.doers.names_key(self.columns()))
    }

    fn read_steps(&self) -> rusqlite::Result<()> {
        let parts: String = (self.parts())
            .map(|part| format!(", named_{part} INTEGER NOT NULL DEFAULT 0, part_{part}"))
            .collect();
        self.conn.execute_batch(&format!(
            "CREATE TABLE {STEPS}(r INTEGER PRIMARY KEY, changed INTEGER NOT NULL DEFAULT 0, came INTEGER NOT NULL DEFAULT 0,
               went INTEGER NOT NULL DEFAULT 0, unclear INTEGER NOT NULL DEFAULT 0,
               settled INTEGER NOT NULL DEFAULT 0{parts})"
        ))?;
        // Who came and went matters only under rowids under which a key changed, too.
        let (feed, is_open, names_key) = (format!("{LIVE}.{CHANGEFEED} f"), self.is_open(), self.names_key());
        let mut entries = self.conn.prepare(&format!(
            "SELECT op, key, new_key, id, old, {names_key} FROM {feed} WHERE id > {rebuilt} AND ({own_file} OR ({is_open} AND typeof(key) = 'integer'
               AND (({names_key}) OR new_key IS NOT NULL OR (f.op IN ('I', 'D') AND key IN (
                 SELECT key FROM {feed} WHERE {is_open} AND {names_key}))))) ORDER BY id",
            rebuilt = self.last_in_sight(&self.doers.rebuild)?,
            own_file = self.is_own_file(),
        ))?;
        let mut steps = self.statements()?;
        let mut entries = entries.query(())?;
        while let Some(entry) = entries.next()? {
            let operation = entry.get_ref(0)?.as_str()?;
            if operation == "A" {
                steps.begin_again.execute(())?;
                continue;
            }
            let (key, id): (i64, i64) = (entry.get(1)?, entry.get(3)?);
            match operation {
                "I" => drop(steps.come.execute([key, id])?),
                "D" => drop(steps.go.execute([key, id])?),
                _ => {
                    if entry.get(5) == Ok(Some(true)) {
                        let old = entry.get_ref(4)?.as_bytes().unwrap_or_default();
                        let old = Image::parse(&String::from_utf8_lossy(old));
                        steps.change.execute(params_from_iter(self.change(key, id, old)))?;
                    }
                    if let Value::Integer(new) = entry.get(2)? {
                        steps.make_room.execute([new])?;
                        steps.go_on.execute([key, new])?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A condition: the entry `f` is about an own migration that may hold keys that changed here.
    fn is_own_file(&self) -> String {
        let names: Vec<String> = self.doers.change_keys.iter().map(|name| string_literal(name)).collect();
        format!(
            "(f.op = 'A' AND f.tbl IN ({}) AND f.tbl IN (SELECT tbl FROM {LIVE}.{CHANGEFEED} WHERE op = 'owed'))",
            names.join(", ")
        )
    }

    /// The entry about the last of these files that wrangler ran.
    fn last_in_sight(&self, files: &HashSet<String>) -> rusqlite::Result<i64> {
        let in_sight = applied(self.conn, files, &changefeed::applied_in_sight())?;
        Ok(in_sight.last().copied().unwrap_or(0))
    }

    /// The names of the parts of a key in [`STEPS`].
    fn parts(&self) -> impl Iterator<Item = String> {
        let count = self.key.len();
        (1..=count).map(|part| part.to_string()).chain((1..=count).map(|part| format!("again_{part}")))
    }

    fn statements(&self) -> rusqlite::Result<Steps<'_>> {
        let of_parts = |each: &dyn Fn(String) -> String| self.parts().map(each).collect::<String>();
        let forgotten = of_parts(&|part| format!(", named_{part} = 0, part_{part} = NULL"));
        let again =
            (1..=self.key.len()).map(|part| format!("named_again_{part} = 0, part_again_{part} = NULL"));
        let again = again.collect::<Vec<_>>().join(", ");
        let begin = |what: &str| {
            self.conn.prepare(&format!(
                "INSERT INTO {STEPS}(r, {what}) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET {what} = ?2, unclear = 0, settled = 0{forgotten}"
            ))
        };
        let change = format!(
            "INSERT INTO {STEPS}(r, changed, unclear{}) VALUES (?, ?, ?{})
               ON CONFLICT DO UPDATE SET changed = excluded.changed, unclear = max(unclear, excluded.unclear){}",
            of_parts(&|part| format!(", named_{part}, part_{part}")),
            of_parts(&|_| ", ?, ?".into()),
            of_parts(&|part| format!(
                ", part_{part} = iif(named_{part}, part_{part}, excluded.part_{part}), named_{part} = max(named_{part}, excluded.named_{part})"
            )),
        );
        Ok(Steps {
            come: begin("came")?,
            go: begin("went")?,
            change: self.conn.prepare(&change)?,
            begin_again: self.conn.prepare(&format!("UPDATE {STEPS} SET settled = 1, {again}"))?,
            make_room: self.conn.prepare(&format!("DELETE FROM {STEPS} WHERE r = ?1"))?,
            go_on: self.conn.prepare(&format!("UPDATE {STEPS} SET r = ?2 WHERE r = ?1"))?,
        })
    }

    /// The values of one step.
    fn change(&self, rowid: i64, id: i64, mut old: Image) -> Vec<Value> {
        let mut parts = Vec::new();
        let mut unclear = false;
        for column in self.columns() {
            let named = old.values.iter().position(|(name, _)| self.is_named(column, name));
            let value = named.map(|at| old.values.swap_remove(at).1);
            unclear |= value == Some(None);
            parts.push(Value::Integer(value.is_some().into()));
            parts.push(value.flatten().unwrap_or(Value::Null));
        }
        let head = [Value::Integer(rowid), Value::Integer(id), Value::Integer(unclear.into())];
        head.into_iter().chain(parts.clone()).chain(parts).collect()
    }

    /// Is this the name of a column, or was it?
    fn is_named(&self, column: &str, name: &str) -> bool {
        let is_its = |other: &str| other.eq_ignore_ascii_case(column);
        is_its(name) || (self.table.column(name).is_none() && self.doers.column(name).is_some_and(is_its))
    }

    fn list(&self) -> rusqlite::Result<()> {
        let (live, shadow, rowid) = (self.shape.live(), self.shape.shadow(), &self.shape.identity[0]);
        let last_inserted = applied(self.conn, &self.doers.insert, APPLIED)?.pop().unwrap_or(0);
        let is_taken = |but: &str| {
            format!(
                "EXISTS (SELECT 1 FROM {live} o WHERE {} {but})",
                same_key(self.table, self.key, "s", "o")
            )
        };
        let seen = format!(
            "SELECT key FROM {LIVE}.{CHANGEFEED} f WHERE {} AND (f.op = 'I' OR ({}))",
            self.is_open(),
            self.names_key(),
        );
        // What a file put in that wrangler ran has entries too.
        let came = format!("c.came > {}", self.last_in_sight(&self.doers.insert)?);
        let no_file_since = format!("{last_inserted} < c.changed");
        let took_its_place = format!(
            "s.{rowid} = c.r AND (c.went BETWEEN 1 AND c.came OR {no_file_since} OR NOT {})",
            is_taken("")
        );
        let is_not_overtaken =
            format!("({no_file_since} OR NOT {})", is_taken(&format!("AND o.{rowid} NOT IN ({seen})")));
        let changed =
            format!("{STEPS} c CROSS JOIN {live} l ON l.{rowid} = c.r AND c.changed > max(c.came, c.went)");
        let ways = [("again_", "c.settled"), ("", "1"), ("again_", "1")];
        let ways = ways.into_iter().flat_map(|(again, holds)| self.began(again).map(|began| (began, holds)));
        for (began, holds) in ways {
            self.conn.execute_batch(&format!(
                "INSERT INTO {BEGAN} SELECT c.r, s.{rowid}, {came} FROM {changed} CROSS JOIN {shadow} s ON {began} WHERE {holds} AND NOT c.unclear
                   AND c.r NOT IN (SELECT l1 FROM {BEGAN}) AND s.{rowid} NOT IN (SELECT s1 FROM {BEGAN})
                   AND (NOT ({came}) OR ({took_its_place})) AND {is_not_overtaken}"
            ))?;
        }
        self.conn.execute_batch(&format!(
            "DELETE FROM {BEGAN} WHERE s1 IN (SELECT s1 FROM {BEGAN} GROUP BY s1 HAVING count(*) > 1);
             INSERT INTO {BEGAN} SELECT c.r, NULL, {came} FROM {changed} WHERE c.r NOT IN (SELECT l1 FROM {BEGAN})"
        ))
    }

    /// Conditions of which each step `c` of a row `l` meets one at most: it began as `s`. Of one that began without a name only the rowid
    /// tells that.
    fn began(&self, again: &str) -> [String; 2] {
        let each = |of_part: &dyn Fn(String, String, String) -> String| -> Vec<String> {
            let parts = (1..).zip(self.key).map(|(part, (position, collation))| {
                let name = quote_identifier(&self.table.columns[*position].name);
                let began = format!("iif(c.named_{again}{part}, c.part_{again}{part}, l.{name})");
                of_part(name, began, quote_identifier(collation))
            });
            parts.collect()
        };
        let same = each(&|name, began, collation| format!("s.{name} = {began} COLLATE {collation}"));
        let nameless = each(&|_, began, _| format!("{began} IS NULL")).join(" OR ");
        let alike =
            each(&|name, began, collation| format!("s.{name} IS {began} COLLATE {collation}")).join(" AND ");
        let rowid = &self.shape.identity[0];
        [same.join(" AND "), format!("s.{rowid} = c.r AND ({nameless}) AND {alike}")]
    }
}

/// What an entry does to [`STEPS`].
struct Steps<'c> {
    come: Statement<'c>,
    go: Statement<'c>,
    change: Statement<'c>,
    begin_again: Statement<'c>,
    make_room: Statement<'c>,
    go_on: Statement<'c>,
}
