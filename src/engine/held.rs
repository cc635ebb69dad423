//! Pending rows as they are before files run: which of them hold no longer what they held. Nothing is listened to: what a statement
//! reaches by a truncated table, a cascade, a REPLACE or a new table is seen as well as an UPDATE.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params_from_iter};

use crate::difference::{RowShape, Rows, TableDifference, lasting_name, same_lasting};
use crate::schema::{Affinity, Identity, RenamedColumn, Table, renamed_columns, renamed_tables};
use crate::sql_text::{quote_identifier, string_literal};

/// The pending rows of one table, in a temporary table: `id`; is the row `here`, or did its key go from here; the `file` that touches
/// such a one on the shadow; its hidden rowid `r`; its values `c0…`.
#[derive(Debug, Clone)]
pub struct Held {
    /// The name of their table by now.
    pub table: String,
    list: String,
    columns: Vec<HeldColumn>,
    /// What names a row whatever its rowid: positions in `columns`, and collations.
    key: Vec<(usize, String)>,
    has_hidden_rowid: bool,
}

#[derive(Debug, Clone)]
struct HeldColumn {
    /// By now.
    name: String,
    affinity: Affinity,
    /// In the list.
    slot: String,
}

impl Held {
    /// Lists the rows of a difference on the connection that will run the files, and on the workbench's own those that are deleted
    /// here: the shadow has them.
    pub fn list(
        bench: &Connection,
        runner: &Connection,
        difference: &TableDifference,
        number: usize,
    ) -> rusqlite::Result<Self> {
        let held = Self::of(&difference.table, format!("temp.d1_migrate_held_{number}"));
        held.create(bench)?;
        held.create(runner)?;
        held.fill(bench, difference)?;
        held.copy(bench, runner)?;
        bench.execute(&format!("DELETE FROM {} WHERE here", held.list), ())?;
        Ok(held)
    }

    fn of(table: &Table, list: String) -> Self {
        let positions: Vec<usize> = table.stored().collect();
        let columns = positions.iter().enumerate().map(|(slot, &position)| HeldColumn {
            name: table.columns[position].name.clone(),
            affinity: table.columns[position].affinity,
            slot: format!("c{slot}"),
        });
        let held = |(position, collation): (usize, String)| {
            Some((positions.iter().position(|&other| other == position)?, collation))
        };
        Self {
            table: table.name.clone(),
            list,
            columns: columns.collect(),
            key: key_of(table).into_iter().filter_map(held).collect(),
            has_hidden_rowid: RowShape::of(table).hidden_rowid,
        }
    }

    fn create(&self, conn: &Connection) -> rusqlite::Result<()> {
        let (list, slots) = (&self.list, self.slots());
        conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS {list}; CREATE TABLE {list}(id INTEGER PRIMARY KEY, here, file, r, {slots})"
        ))
    }

    fn slots(&self) -> String {
        self.columns.iter().map(|column| column.slot.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn fill(&self, bench: &Connection, difference: &TableDifference) -> rusqlite::Result<()> {
        let TableDifference { table, rows, .. } = difference;
        let shape = RowShape::of(table);
        let (live, shadow) = (shape.live(), shape.shadow());
        let put = |here: bool, alias: &str, source: String| {
            let rowid =
                if shape.hidden_rowid { format!("{alias}.{}", shape.identity[0]) } else { "NULL".into() };
            let values =
                self.columns.iter().map(|column| format!("{alias}.{}", quote_identifier(&column.name)));
            let values = values.collect::<Vec<_>>().join(", ");
            bench.execute_batch(&format!(
                "INSERT INTO {}(here, r, {}) SELECT {here}, {rowid}, {values} FROM {source}",
                self.list,
                self.slots()
            ))
        };
        match rows {
            Rows::AllNew { .. } => put(true, "l", format!("{live} l")),
            // They have no names.
            Rows::Rewritten => Ok(()),
            Rows::Listed(diff) => {
                let is_local = shape.is_named("l", 'l');
                put(true, "l", format!("{diff} d JOIN {live} l ON {is_local} WHERE d.kind <> 'D'"))?;
                // One whose key was changed here is not here under the key that files know.
                let is_here = same_lasting(table, "s", "l")
                    .into_iter()
                    .map(|same| format!(" AND NOT EXISTS (SELECT 1 FROM {live} l WHERE {same})"));
                let is_files = shape.is_named("s", 's');
                let is_here = is_here.collect::<String>();
                let gone = format!("{diff} d JOIN {shadow} s ON {is_files} WHERE d.kind <> 'I'{is_here}");
                put(false, "s", gone)
            }
        }
    }

    fn copy(&self, bench: &Connection, runner: &Connection) -> rusqlite::Result<()> {
        // Only a temporary table is written: nobody is locked out.
        let transaction = runner.unchecked_transaction()?;
        let mut rows = bench.prepare(&format!("SELECT * FROM {}", self.list))?;
        let width = rows.column_count();
        let mut put =
            runner.prepare(&format!("INSERT INTO {} VALUES ({})", self.list, vec!["?"; width].join(", ")))?;
        let mut rows = rows.query(())?;
        while let Some(row) = rows.next()? {
            let values = (0..width).map(|at| Ok(ToSqlOutput::Borrowed(row.get_ref(at)?)));
            put.execute(params_from_iter(values.collect::<rusqlite::Result<Vec<_>>>()?))?;
        }
        transaction.commit()
    }

    /// The table that holds the rows, and its columns, under the names that they have once a file has run.
    fn follow(&mut self, tables: &[(String, String)], columns: &[RenamedColumn], after: &[Table]) {
        let own: Vec<&RenamedColumn> =
            columns.iter().filter(|column| column.table.eq_ignore_ascii_case(&self.table)).collect();
        if let Some((_, new)) = tables.iter().find(|(old, _)| old.eq_ignore_ascii_case(&self.table)) {
            self.table.clone_from(new);
        }
        let Some(now) = self.now(after) else { return };
        for column in &mut self.columns {
            let name = own.iter().fold(column.name.as_str(), |name, renamed| {
                if renamed.from.eq_ignore_ascii_case(name) { &renamed.to } else { name }
            });
            // A table that was made anew since may have the old name again.
            if now.column(name).is_some() {
                column.name = name.to_owned();
            }
        }
    }

    fn now<'t>(&self, after: &'t [Table]) -> Option<&'t Table> {
        after.iter().find(|table| table.name.eq_ignore_ascii_case(&self.table))
    }

    /// Takes out of the list the rows that a file touched here, once it has run; gives how many.
    fn take_touched(&self, runner: &Connection, file: &str, after: &[Table]) -> rusqlite::Result<usize> {
        let now = self.now(after);
        let kept = self.met(now, "h.here", |differ| format!("NOT ({differ})"));
        let came_back = self.met(now, "NOT h.here", |_| "1".into());
        runner.execute(
            &format!(
                "DELETE FROM {} WHERE CASE WHEN here THEN id NOT IN ({kept}) ELSE file IS {} OR id IN ({came_back}) END",
                self.list,
                string_literal(file),
            ),
            (),
        )
    }

    /// Notes, once a file has run on the shadow, which rows it touches there that are deleted here. Where it deletes them too,
    /// both sides agree.
    fn note_deleted(
        &self,
        shadow: &Connection,
        runner: &Connection,
        file: &str,
        after: &[Table],
    ) -> rusqlite::Result<()> {
        let list = &self.list;
        let touched = self.met(self.now(after), "1", str::to_owned);
        let mut touched =
            shadow.prepare(&format!("DELETE FROM {list} WHERE id IN ({touched}) RETURNING id"))?;
        let mut touched = touched.query(())?;
        let mut note = runner.prepare(&format!("UPDATE {list} SET file = ?1 WHERE id = ?2"))?;
        while let Some(row) = touched.next()? {
            note.execute((file, row.get::<_, i64>(0)?))?;
        }
        Ok(())
    }

    /// A query for the listed rows of this condition under whose key a row stands now that meets another one, made of whether
    /// the two differ.
    fn met(&self, now: Option<&Table>, listed: &str, condition: impl Fn(&str) -> String) -> String {
        let found = now.map(|now| {
            let (table, condition) = (quote_identifier(&now.name), condition(&self.differ(now)));
            self.same_row(now).into_iter().map(move |same| {
                format!(
                    "SELECT h.id FROM {} h CROSS JOIN main.{table} t ON {same} WHERE {listed} AND ({condition})",
                    self.list
                )
            })
        });
        let found: Vec<String> = found.into_iter().flatten().collect();
        if found.is_empty() { "SELECT NULL WHERE 0".into() } else { found.join(" UNION ALL ") }
    }

    /// Conditions of which each listed row `h` meets one at most: `t` is the same row, by its key where it has one. `+` lets the
    /// column of now decide how the two compare, as a new table may have another type.
    fn same_row(&self, now: &Table) -> Vec<String> {
        let of_key = |at: usize, (column, collation): &(usize, String)| {
            let HeldColumn { name, slot, .. } = &self.columns[*column];
            // Under another name in a table that was made anew, it still has its place in the key.
            let in_place = || now.primary_key.get(at).filter(|_| now.primary_key.len() == self.key.len());
            let name = &now.columns[now.column(name).or_else(|| in_place().copied())?].name;
            Some(format!("t.{} = +h.{slot} COLLATE {}", quote_identifier(name), quote_identifier(collation)))
        };
        let by_key: Option<Vec<String>> =
            self.key.iter().enumerate().map(|(at, column)| of_key(at, column)).collect();
        let by_key = by_key.filter(|conditions| !conditions.is_empty()).map(|all| all.join(" AND "));
        let has_no_key: Vec<String> =
            self.key.iter().map(|(column, _)| format!("h.{} IS NULL", self.columns[*column].slot)).collect();
        let has_no_key = if has_no_key.is_empty() { "1".into() } else { has_no_key.join(" OR ") };
        let by_rowid = match now.identity() {
            Identity::Rowid(name) if self.has_hidden_rowid => {
                Some(format!("({has_no_key}) AND t.{} = +h.r", quote_identifier(&name)))
            }
            _ => None,
        };
        by_key.into_iter().chain(by_rowid).collect()
    }

    /// Do `h` and `t` differ in a column that there was before and still is?
    fn differ(&self, now: &Table) -> String {
        let differ = self.columns.iter().filter_map(|held| {
            let column = &now.columns[now.column(&held.name)?];
            let (new, old) = (format!("t.{}", quote_identifier(&column.name)), format!("+h.{}", held.slot));
            // What a new type made of the old value is that value. The sign of a zero does not count: telling it takes a function that
            // files could then call.
            let types = if column.affinity == held.affinity {
                format!(" OR typeof({new}) <> typeof({old})")
            } else {
                String::new()
            };
            Some(format!("{new} IS NOT {old} COLLATE BINARY{types}"))
        });
        let differ: Vec<String> = differ.collect();
        if differ.is_empty() { "0".into() } else { differ.join(" OR ") }
    }
}

/// The columns that name a row whatever its rowid, with their collations; none where only a hidden rowid does.
fn key_of(table: &Table) -> Vec<(usize, String)> {
    let with_collation = |position: usize| (position, table.columns[position].collation.clone());
    match (table.identity(), table.rowid_alias) {
        (Identity::Key(columns), _) => columns.into_iter().map(with_collation).collect(),
        (Identity::Rowid(_), Some(alias)) => vec![with_collation(alias)],
        _ => lasting_name(table).unwrap_or_default(),
    }
}

/// Takes out of the lists the rows that a file touched here, once it has run; gives how many of which table.
pub fn take_touched(
    held: &mut [Held],
    runner: &Connection,
    file: &str,
    text: &str,
    after: &[Table],
) -> rusqlite::Result<Vec<(String, usize)>> {
    follow(held, text, after);
    let counts = held.iter().map(|held| Ok((held.table.clone(), held.take_touched(runner, file, after)?)));
    let counts: Vec<(String, usize)> = counts.collect::<rusqlite::Result<_>>()?;
    Ok(counts.into_iter().filter(|(_, rows)| *rows > 0).collect())
}

/// Notes, once a file has run on the shadow, which rows it touches there that are deleted here.
pub fn note_deleted(
    held: &mut [Held],
    shadow: &Connection,
    runner: &Connection,
    file: &str,
    text: &str,
    after: &[Table],
) -> rusqlite::Result<()> {
    follow(held, text, after);
    held.iter().try_for_each(|held| held.note_deleted(shadow, runner, file, after))
}

/// Follows what a file gave other names.
fn follow(held: &mut [Held], text: &str, after: &[Table]) {
    if held.is_empty() {
        return;
    }
    let (tables, columns) = (renamed_tables(text, after), renamed_columns(text));
    held.iter_mut().for_each(|held| held.follow(&tables, &columns, after));
}
