//! Where rows of the shadow go while keys change that others follow: an action may give a row another name, and what was
//! found to be one row before must still be found as one afterwards.

use rusqlite::Connection;

use super::columns::{RowShape, all};
use super::compare::{Rows, TableDifference};
use crate::schema::{Table, TableKind};

/// Which rows of one table belong together, under the names that they have by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partners {
    /// The table.
    pub(super) table: String,
    /// A temporary table: `kind` ('U' for two that are one row, 'D' for one that is alone), `l1…`, `s1…`.
    pub(super) list: String,
}

impl Partners {
    /// The condition that the shadow's row of this alias had no partner before that is no more.
    pub(super) fn knows_no_end_of(&self, alias: &str, shape: &RowShape) -> String {
        let same = shape.is_named_in("p", alias, 's');
        format!("NOT EXISTS (SELECT 1 FROM {} p WHERE p.kind = 'D' AND {same})", self.list)
    }
}

/// Tables whose rows are watched.
pub struct Watch<'t> {
    conn: &'t Connection,
    watched: Vec<Watched<'t>>,
}

struct Watched<'t> {
    table: &'t Table,
    shape: RowShape,
    /// Sets the temporary tables of this one apart.
    number: String,
}

impl<'t> Watch<'t> {
    /// Begins to watch the shadow's rows of these tables. `step` sets this watch apart from others.
    pub fn begin(conn: &'t Connection, tables: &[&'t Table], step: usize) -> rusqlite::Result<Self> {
        let has_rows_with_names = |table: &&&Table| {
            !matches!(table.kind, TableKind::Virtual(_)) && !RowShape::of(table).identity.is_empty()
        };
        let watched = tables.iter().filter(has_rows_with_names).enumerate().map(|(number, table)| Watched {
            table,
            shape: RowShape::of(table),
            number: format!("{step}_{number}"),
        });
        let watch = Self { conn, watched: watched.collect() };
        watch.watched.iter().try_for_each(|watched| watched.begin(conn))?;
        Ok(watch)
    }

    /// Ends it, and updates the tables of these differences: they know the shadow's rows by their names of now. Gives which rows
    /// belong together.
    pub fn end<'d>(
        self,
        differences: impl Iterator<Item = &'d TableDifference> + Clone,
    ) -> rusqlite::Result<Vec<Partners>> {
        let mut partners = Vec::new();
        for watched in &self.watched {
            let own = differences.clone().filter(|other| other.table.name == watched.table.name);
            let lists: Vec<&str> = own.filter_map(|difference| listed(&difference.rows)).collect();
            partners.push(watched.end(self.conn, &lists)?);
        }
        Ok(partners)
    }
}

fn listed(rows: &Rows) -> Option<&str> {
    match rows {
        Rows::Listed(diff) => Some(diff),
        Rows::AllNew { .. } | Rows::Rewritten => None,
    }
}

impl Watched<'_> {
    /// Each step in turn: `w1…` was the name, `n1…` the next one.
    fn log(&self) -> String {
        format!("d1_migrate_steps_{}", self.number)
    }

    /// Where each row came to: `w1…` was its name, `n1…` is its name now.
    fn went(&self) -> String {
        format!("d1_migrate_went_{}", self.number)
    }

    /// Can its rows get other names? No statement that changes keys changes a rowid that no column shows.
    fn can_be_renamed(&self) -> bool {
        !self.shape.hidden_rowid
    }

    fn begin(&self, conn: &Connection) -> rusqlite::Result<()> {
        if !self.can_be_renamed() {
            return Ok(());
        }
        let (log, names, shadow) = (self.log(), self.shape.identity.join(", "), self.shape.shadow());
        let (was, now) = (self.shape.slots('w').join(", "), self.shape.slots('n').join(", "));
        let (old, new) = (self.shape.identity_of("old"), self.shape.identity_of("new"));
        // Each row that changes pays for this: it is put in order afterwards.
        conn.execute_batch(&format!(
            "CREATE TEMP TABLE {log}({was}, {now});
             CREATE TEMP TRIGGER {log} AFTER UPDATE OF {names} ON {shadow} BEGIN INSERT INTO {log} SELECT {old}, {new}; END;"
        ))
    }

    /// Puts the steps of each row together: a name belongs to the row that came to it last.
    fn compose(&self, conn: &Connection) -> rusqlite::Result<()> {
        let (log, went) = (self.log(), self.went());
        let (was, now) = (self.shape.slots('w').join(", "), self.shape.slots('n').join(", "));
        let of = |alias: &str, side: char| -> String {
            let slots = self.shape.slots(side).into_iter();
            slots.map(|slot| format!("{alias}.{slot}")).collect::<Vec<_>>().join(", ")
        };
        let next = format!(
            "SELECT min(x.rowid) FROM temp.{log} x WHERE {} AND x.rowid > g.step",
            self.same_slots("x.w", "g.n")
        );
        conn.execute_batch(&format!(
            "CREATE INDEX temp.{log}_w ON {log}({was}); CREATE INDEX temp.{log}_n ON {log}({now});
             CREATE TEMP TABLE {went} AS WITH RECURSIVE g({was}, {now}, step) AS (
               SELECT {was}, {now}, rowid FROM temp.{log} e
                 WHERE NOT EXISTS (SELECT 1 FROM temp.{log} x WHERE {came} AND x.rowid < e.rowid)
               UNION ALL SELECT {g_was}, {e_now}, e.rowid FROM g CROSS JOIN temp.{log} e ON e.rowid = ({next}))
             SELECT {was}, {now} FROM g WHERE ({next}) IS NULL;
             CREATE INDEX temp.{went}_w ON {went}({was}); CREATE INDEX temp.{went}_n ON {went}({now});
             DROP TRIGGER temp.{log}; DROP TABLE temp.{log};",
            came = self.same_slots("x.n", "e.w"),
            g_was = of("g", 'w'),
            e_now = of("e", 'n'),
        ))
    }

    fn end(&self, conn: &Connection, lists: &[&str]) -> rusqlite::Result<Partners> {
        if self.can_be_renamed() {
            self.compose(conn)?;
        }
        let name = format!("d1_migrate_partners_{}", self.number);
        let list = format!("temp.{name}");
        let (l, s) = (self.shape.slots('l').join(", "), self.shape.slots('s').join(", "));
        conn.execute_batch(&format!("DROP TABLE IF EXISTS {list}; CREATE TABLE {list}(kind, {l}, {s});"))?;
        for diff in lists {
            conn.execute(
                &format!("INSERT INTO {list} SELECT kind, {l}, {s} FROM {diff} WHERE kind <> 'I'"),
                (),
            )?;
        }
        self.forget_dead(conn, &list)?;
        for renamed in lists.iter().copied().chain([list.as_str()]) {
            self.rename(conn, renamed)?;
        }
        conn.execute_batch(&format!("CREATE INDEX {list}_s ON {name}({s})"))?;
        if self.can_be_renamed() {
            // Rows that did not differ are still one row, whoever took the one of the files along.
            let went = self.went();
            let known = self.same_slots("p.s", "w.n");
            conn.execute_batch(&format!(
                "INSERT INTO {list} SELECT 'U', {}, {} FROM temp.{went} w WHERE NOT EXISTS (SELECT 1 FROM {list} p WHERE {known});
                 DROP TABLE temp.{went};",
                self.shape.slots('w').join(", "),
                self.shape.slots('n').join(", "),
            ))?;
        }
        Ok(Partners { table: self.table.name.clone(), list })
    }

    /// A row that was deleted meanwhile is none to tell apart from the one that has got its name by now.
    fn forget_dead(&self, conn: &Connection, list: &str) -> rusqlite::Result<()> {
        if !self.can_be_renamed() {
            return Ok(());
        }
        let went = self.went();
        let (moved, taken) = (self.same_slots("w.w", "p.s"), self.same_slots("w.n", "p.s"));
        conn.execute_batch(&format!(
            "DELETE FROM {list} AS p WHERE kind = 'D' AND EXISTS (SELECT 1 FROM temp.{went} w WHERE {taken})
               AND NOT EXISTS (SELECT 1 FROM temp.{went} w WHERE {moved})"
        ))
    }

    /// The rows of a table of differences under their names of now.
    fn rename(&self, conn: &Connection, diff: &str) -> rusqlite::Result<()> {
        if !self.can_be_renamed() {
            return Ok(());
        }
        let slots = self.shape.slots('s').into_iter().zip(self.shape.slots('n'));
        let set: Vec<String> = slots.map(|(s, n)| format!("{s} = w.{n}")).collect();
        conn.execute_batch(&format!(
            "UPDATE {diff} AS d SET {} FROM temp.{} w WHERE {}",
            set.join(", "),
            self.went(),
            self.same_slots("d.s", "w.w"),
        ))
    }

    fn same_slots(&self, one: &str, other: &str) -> String {
        all((1..=self.shape.identity.len()).map(|at| format!("{one}{at} = {other}{at}")))
    }
}
