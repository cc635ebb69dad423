//! Rows whose key was changed by UPDATE, as the changefeed tells, over any number of steps.
//!
//! Such a row is written as an UPDATE of its key: children that only the real D1 has then do there what the same UPDATE made
//! the local ones do. Written as DELETE and INSERT, the DELETE could take them along. The changefeed only proposes: a pair
//! that it names is taken where the files give the one key and the local database holds the other.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::columns::{RowShape, all, lasting_name};
use super::look::key_values;
use super::pairs::set_apart;
use super::trace::{TRACED, forget, trace};
use super::went::Partners;
use crate::schema::{Action, ForeignKey, Schema, Table};
use crate::sql_text::quote_identifier;

/// Names of rows that may be one, here and in the files.
const PAIRS: &str = "temp.d1_migrate_pairs";

/// The names of rows that do not differ, but that a pair names.
const EQUALS: &str = "temp.d1_migrate_equals";

/// The pairs that both databases know, and whether they are kept.
const MOVED: &str = "temp.d1_migrate_moved";

/// How far the changefeed is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// Only where the old key is gone and the new one is new.
    Gone,
    /// Also where rows changed places, but no row may be deleted for it.
    Places,
    /// Also where a row took the key of a deleted one.
    All,
    /// The same, unless a row changed its key before it was deleted.
    AllButTraded,
}

/// What goes along with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// Rows that point to it.
    Children,
    /// Only what the clock or chance gave its row on the real D1.
    Values,
    /// Nothing that the new values would not say.
    Nothing,
}

impl Follow {
    /// How the rows of this table are to be followed, as long as D1 takes what comes of it; `None` where nothing goes along with a key that
    /// is their identity.
    ///
    /// Where no action is bound to a change of the key, children stay with the key. Those go that hung on the key under which a row
    /// was deleted: another one than the files give it, if it had traded keys before.
    pub(super) fn boldly(files: &Schema, table: &Table, follows: Follows) -> Option<Self> {
        let stays = |key: &ForeignKey| {
            points_to_name(key, table) && matches!(key.on_update, Action::Nothing | Action::Restrict)
        };
        Some(match follows {
            // Matched by key, rows that traded keys would trade hidden rowids, which may be others on the real D1.
            Follows::Nothing if RowShape::of(table).hidden_rowid => Self::All,
            Follows::Nothing => return None,
            Follows::Children if files.children(&table.name).all(|(_, key)| stays(key)) => Self::AllButTraded,
            Follows::Children | Follows::Values => Self::All,
        })
    }

    /// Decides it where it hangs on whether a deleted row had changed its key.
    pub(super) fn or_gone(
        self,
        was_traded: impl FnOnce() -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<Self> {
        Ok(match self {
            Self::AllButTraded if was_traded()? => Self::Gone,
            Self::AllButTraded => Self::All,
            other => other,
        })
    }

    /// How they are to be followed where that was refused: not where children may be in the way.
    ///
    /// Where children follow the key (ON UPDATE CASCADE), the key is the row. Where they do not, whoever changes places
    /// leaves them behind, and new values under the old key say the same; but not to children that hang on another column:
    /// for these it would have changed.
    pub(super) fn carefully(files: &Schema, table: &Table, follows: Follows) -> Option<Self> {
        if follows != Follows::Children {
            return Self::plainly(follows);
        }
        let mut keys = files.children(&table.name).map(|(_, key)| key);
        let is_held = |key: &ForeignKey| points_to_name(key, table) && key.on_update == Action::Restrict;
        Some(match Self::is_followed(files, table) && !keys.any(is_held) {
            false => Self::Gone,
            true if files.children(&table.name).any(|(_, key)| key.on_delete == Action::Restrict) => {
                Self::Places
            }
            true => Self::All,
        })
    }

    /// How they are to be followed where that was refused too.
    pub(super) fn plainly(follows: Follows) -> Option<Self> {
        (follows != Follows::Nothing).then_some(Self::Gone)
    }

    /// Does any child do something when the key of its row, or what else it points to, changes?
    fn is_followed(files: &Schema, table: &Table) -> bool {
        files.children(&table.name).any(|(_, key)| match points_to_name(key, table) {
            true => key.on_update == Action::Cascade,
            false => key.on_update != Action::Nothing,
        })
    }
}

/// Does this foreign key point to what names the row: to the primary key, or the UNIQUE one in its place?
fn points_to_name(key: &ForeignKey, table: &Table) -> bool {
    let lasting = lasting_name(table).into_iter().flatten().map(|(position, _)| position);
    let name: Vec<usize> = table.primary_key.iter().copied().chain(lasting).collect();
    let is_part = |column: &String| table.column(column).is_some_and(|position| name.contains(&position));
    key.columns.iter().all(|(_, parent)| parent.as_ref().is_none_or(is_part))
}

/// Does any row point to one of these in the files? Those that stay hang on the key, whoever has it here.
pub(super) fn any_has_children(
    conn: &Connection,
    files: &Schema,
    table: &Table,
    rows: impl Iterator<Item = Vec<Value>>,
) -> rusqlite::Result<bool> {
    let (shape, slots) = (RowShape::of(table), Slots::of(table, 's'));
    let list = "temp.d1_migrate_ended";
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {list}; CREATE TABLE {list}({})", slots.list()))?;
    let mut put =
        conn.prepare(&format!("INSERT INTO {list} VALUES ({})", vec!["?"; slots.0.len()].join(", ")))?;
    for row in rows {
        put.execute(params_from_iter(row))?;
    }
    for (child, key) in files.children(&table.name) {
        let pairs = key.columns.iter().zip(table.pointed_to(key));
        let points = pairs.map(|((own, _), parent)| {
            format!("s.{} = c.{}", quote_identifier(&table.columns[parent].name), quote_identifier(own))
        });
        let sql = format!(
            "SELECT 1 FROM {list} d CROSS JOIN {} s ON {} CROSS JOIN main.{} c ON {}",
            shape.shadow(),
            shape.is_named("s", 's'),
            quote_identifier(&child.name),
            all(points),
        );
        if conn.prepare(&sql)?.exists(())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Rewrites the table of differences, in which rows are still matched by their identity alone.
pub(super) fn follow(
    conn: &Connection,
    files: &Schema,
    follow: Follow,
    table: &Table,
    diff: &str,
) -> rusqlite::Result<()> {
    let Some(traced) = trace(conn, table)? else { return Ok(()) };
    let ended = traced.ended.into_iter().filter_map(|was| key_values(table, was));
    let follow = follow.or_gone(|| Ok(traced.any_ended || any_has_children(conn, files, table, ended)?))?;
    let moves = Moves { conn, diff, l: Slots::of(table, 'l'), s: Slots::of(table, 's') };
    moves.propose_traced(table)?;
    forget(conn)?;
    moves.take(table, follow)
}

/// The same by what was found to be one row before keys changed.
pub(super) fn stay_together(
    conn: &Connection,
    files: &Schema,
    partners: &Partners,
    table: &Table,
    diff: &str,
) -> rusqlite::Result<()> {
    let moves = Moves { conn, diff, l: Slots::of(table, 'l'), s: Slots::of(table, 's') };
    // A row without children and with a key that is its identity may as well be the new one that has the key.
    if files.children(&table.name).next().is_some() || RowShape::of(table).hidden_rowid {
        moves.keep_apart(table, &partners.list)?;
    }
    let (l, s) = (moves.l.list(), moves.s.list());
    conn.execute_batch(&format!(
        "CREATE TABLE {PAIRS} AS SELECT {l}, {s} FROM {} WHERE kind = 'U'",
        partners.list
    ))?;
    moves.take(table, Follow::All)
}

/// The columns of a table of identities that name one side of a pair.
struct Slots(Vec<String>);

impl Slots {
    fn of(table: &Table, side: char) -> Self {
        Self(RowShape::of(table).slots(side))
    }

    fn list(&self) -> String {
        self.0.join(", ")
    }

    /// Two aliases name the same row on this side.
    fn same(&self, one: &str, other: &str) -> String {
        all(self.0.iter().map(|slot| format!("{one}.{slot} = {other}.{slot}")))
    }
}

struct Moves<'a> {
    conn: &'a Connection,
    diff: &'a str,
    l: Slots,
    s: Slots,
}

impl Moves<'_> {
    /// Takes the proposed pairs over, as far as they hold.
    fn take(&self, table: &Table, follow: Follow) -> rusqlite::Result<()> {
        self.resolve(table)?;
        self.list_equals()?;
        self.choose(follow)?;
        self.rewrite()?;
        let Self { diff, l, s, .. } = self;
        let unmoved = all(l.0.iter().zip(&s.0).map(|(l, s)| format!("x.{l} = x.{s}")));
        self.conn.execute_batch(&format!(
            "DELETE FROM {diff} AS x WHERE kind = 'U' AND {unmoved} AND EXISTS (SELECT 1 FROM {EQUALS} e WHERE {});
             DROP TABLE {EQUALS}; DROP TABLE {MOVED}",
            l.same("e", "x"),
        ))
    }

    /// Lists for a moment the rows that a pair would part though they do not differ: whoever took a key may hold just what its
    /// former row held. Not where no row of a chain of pairs differs: these moves were taken back while nobody looked.
    fn list_equals(&self) -> rusqlite::Result<()> {
        let Self { diff, l, s, .. } = self;
        let (l_list, s_list) = (l.list(), s.list());
        let next = all(l.0.iter().zip(&s.0).map(|(l, s)| format!("n.{s} = m.{l}")));
        let former = all(l.0.iter().zip(&s.0).map(|(l, s)| format!("n.{l} = m.{s}")));
        let of_known = format!("known k CROSS JOIN {MOVED} m ON m.rowid = k.pair CROSS JOIN {MOVED} n");
        self.conn.execute_batch(&format!(
            "CREATE TABLE {EQUALS} AS WITH RECURSIVE known(pair) AS (
               SELECT rowid FROM {MOVED} m WHERE EXISTS (SELECT 1 FROM {diff} x WHERE {same_l}) OR EXISTS (SELECT 1 FROM {diff} x WHERE {same_s})
               UNION SELECT n.rowid FROM {of_known} ON {next} UNION SELECT n.rowid FROM {of_known} ON {former})
             SELECT {l_list} FROM {MOVED} m WHERE rowid IN known AND NOT EXISTS (SELECT 1 FROM {diff} x WHERE {same_l})
               UNION SELECT {s_list} FROM {MOVED} m WHERE rowid IN known AND NOT EXISTS (SELECT 1 FROM {diff} x WHERE {same_s});
             INSERT INTO {diff}(kind, {l_list}, {s_list}) SELECT 'U', {l_list}, {l_list} FROM {EQUALS};",
            same_l = l.same("x", "m"),
            same_s = s.same("x", "m"),
        ))
    }

    /// Proposes what was traced.
    fn propose_traced(&self, table: &Table) -> rusqlite::Result<()> {
        let (l, s) = (self.l.list(), self.s.list());
        self.conn.execute_batch(&format!("CREATE TABLE {PAIRS}({l}, {s})"))?;
        let marks = vec!["?"; self.l.0.len() + self.s.0.len()].join(", ");
        let mut put = self.conn.prepare(&format!("INSERT INTO {PAIRS} VALUES ({marks})"))?;
        let mut traced = self.conn.prepare(&format!("SELECT now, was FROM {TRACED}"))?;
        let mut traced = traced.query(())?;
        while let Some(row) = traced.next()? {
            if let (Some(now), Some(was)) = (key_values(table, row.get(0)?), key_values(table, row.get(1)?)) {
                put.execute(params_from_iter(now.into_iter().chain(was)))?;
            }
        }
        Ok(())
    }

    /// A row of the files that was alone before has no partner now either, whatever has its name here: that must not get its
    /// children, and by a hidden rowid it would be named by the key of that row, which the real D1 may have lost or changed.
    fn keep_apart(&self, table: &Table, partners: &str) -> rusqlite::Result<()> {
        let alone = format!(
            "SELECT rowid FROM {} x WHERE kind = 'U' AND EXISTS (SELECT 1 FROM {partners} p WHERE p.kind = 'D' AND {})",
            self.diff,
            self.s.same("p", "x"),
        );
        set_apart(self.conn, &RowShape::of(table), self.diff, &alone)
    }

    /// Lists the pairs whose rows both databases know, under the names that these give them.
    fn resolve(&self, table: &Table) -> rusqlite::Result<()> {
        let shape = RowShape::of(table);
        let (l, s) = (self.l.list(), self.s.list());
        let names = |alias: &str, slots: &Slots| {
            let names = shape.identity.iter().zip(&slots.0);
            names.map(|(name, slot)| format!("{alias}.{name} AS {slot}")).collect::<Vec<_>>().join(", ")
        };
        // Columns without a type, as in the table of differences: an index serves only where nothing is converted.
        self.conn.execute_batch(&format!(
            "CREATE TABLE {MOVED}({l}, {s}, keep);
             INSERT INTO {MOVED} SELECT {}, {}, 1 FROM {PAIRS} d
               CROSS JOIN {} l ON {} CROSS JOIN {} s ON {} WHERE NOT ({});
             DROP TABLE {PAIRS};
             CREATE INDEX temp.d1_migrate_moved_l ON d1_migrate_moved({l});
             CREATE INDEX temp.d1_migrate_moved_s ON d1_migrate_moved({s});
             CREATE INDEX {}_l ON {}({l});",
            names("l", &self.l),
            names("s", &self.s),
            shape.live(),
            shape.is_named("l", 'l'),
            shape.shadow(),
            shape.is_named("s", 's'),
            shape.same_row("l", "s"),
            self.diff,
            self.diff.trim_start_matches("temp."),
        ))
    }

    /// Keeps the pairs that differ, and of these no part without which another would delete or insert what it should not.
    fn choose(&self, follow: Follow) -> rusqlite::Result<()> {
        let Self { diff, l, s, .. } = self;
        let (new, gone) = match follow {
            Follow::Gone => ("x.kind = 'I'", "y.kind = 'D'"),
            Follow::Places | Follow::All | Follow::AllButTraded => {
                ("x.kind IN ('I', 'U')", "y.kind IN ('D', 'U')")
            }
        };
        let m = MOVED.trim_start_matches("temp.");
        self.conn.execute_batch(&format!(
            "UPDATE {MOVED} SET keep = 0 WHERE
               NOT EXISTS (SELECT 1 FROM {diff} x WHERE {} AND {new}) OR NOT EXISTS (SELECT 1 FROM {diff} y WHERE {} AND {gone})
               OR (SELECT count(*) FROM {MOVED} o WHERE {}) > 1 OR (SELECT count(*) FROM {MOVED} o WHERE {}) > 1",
            l.same("x", m),
            s.same("y", m),
            l.same("o", m),
            s.same("o", m),
        ))?;
        // The files' row under the new key, and the local row under the old one, must find their own places.
        let of_files = format!("SELECT 1 FROM {diff} x WHERE {} AND x.kind = 'U'", l.same("x", m));
        let here = format!("SELECT 1 FROM {diff} y WHERE {} AND y.kind = 'U'", s.same("y", m));
        let leaves =
            |keep: &str| format!("EXISTS (SELECT 1 FROM {MOVED} o WHERE {} {keep})", s.same("o", "x"));
        let comes = format!("EXISTS (SELECT 1 FROM {MOVED} o WHERE {} AND NOT o.keep)", l.same("o", "y"));
        let homeless = match follow {
            Follow::All | Follow::AllButTraded => leaves("AND NOT o.keep"),
            _ => format!("NOT {}", leaves("AND o.keep")),
        };
        let drop = format!(
            "UPDATE {MOVED} SET keep = 0 WHERE keep AND (EXISTS ({of_files} AND {homeless}) OR EXISTS ({here} AND {comes}))"
        );
        while self.conn.execute(&drop, ())? > 0 {}
        Ok(())
    }

    /// Takes the kept pairs over; whom they leave without a partner goes, or comes.
    fn rewrite(&self) -> rusqlite::Result<()> {
        let Self { diff, l, s, .. } = self;
        let (l_list, s_list) = (l.list(), s.list());
        let is_kept = |slots: &Slots| {
            format!("EXISTS (SELECT 1 FROM {MOVED} m WHERE m.keep AND {})", slots.same("m", "x"))
        };
        let (kept_l, kept_s) = (is_kept(l), is_kept(s));
        let rest = "temp.d1_migrate_rest";
        self.conn.execute_batch(&format!(
            "CREATE TABLE {rest} AS SELECT rowid AS r, kind, {l_list}, {s_list}, {kept_l} AS kept_l, {kept_s} AS kept_s FROM {diff} x
               WHERE {kept_l} OR {kept_s};
             DELETE FROM {diff} WHERE rowid IN (SELECT r FROM {rest});
             INSERT INTO {diff}(kind, {l_list}, {s_list}) SELECT 'U', {l_list}, {s_list} FROM {MOVED} WHERE keep;
             INSERT INTO {diff}(kind, {s_list}) SELECT 'D', {s_list} FROM {rest} WHERE kind = 'U' AND NOT kept_s;
             INSERT INTO {diff}(kind, {l_list}) SELECT 'I', {l_list} FROM {rest} WHERE kind = 'U' AND NOT kept_l;
             DROP TABLE {rest};"
        ))
    }
}
