//! A database that is edited and followed by the tool, and its twin that is edited and followed by nobody. What is done is
//! kept as a script, so that a failure can be read and run by hand.

use rusqlite::{Connection, OptionalExtension};

use crate::replay::{d1_settings, replay};
use crate::scratch::{Outcome, Scratch};
use crate::shape::{Table, identifier, tables};
use crate::snapshot::{difference, snapshot};

/// `Err` is what went wrong, with the script that leads there.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// A case that ran into a fault or a limit that is not the tool's, and proves nothing more.
pub(crate) const SQLITES_OWN: &str = "SQLite's own fault";

/// A case that ended where no order of statements was found: a limit of the tool's, which leaves everything as it was.
pub(crate) const REFUSED: &str = "refused";

pub(crate) struct History {
    scratch: Scratch,
    local: Connection,
    twin: Connection,
    script: Vec<String>,
    /// The folder as it was when it was last looked at: files never change.
    files: Vec<(String, String)>,
}

impl History {
    /// An empty database, as `wrangler dev` leaves it.
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let local = Connection::open(scratch.database()).expect("the local database can be made");
        local.pragma_update(None, "journal_mode", "WAL").expect("WAL");
        let twin = Connection::open_in_memory().expect("memory");
        for conn in [&local, &twin] {
            d1_settings(conn);
        }
        Self { scratch, local, twin, script: Vec::new(), files: Vec::new() }
    }

    /// The database that nobody follows: what an operation reads, it reads there.
    pub(crate) fn twin(&self) -> &Connection {
        &self.twin
    }

    /// Names and texts of the migrations, as they were when it was last looked at.
    pub(crate) fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// Makes a failure of it.
    pub(crate) fn fail<T>(&self, why: impl std::fmt::Display) -> Result<T> {
        let script: Vec<String> = self.script.iter().map(|line| shortened(line)).collect();
        Err(format!("{why}\n---- script ----\n{}\n---- end ----", script.join("\n")))
    }

    /// Runs a statement on both databases; the outcome must be the same. Gives whether it succeeded.
    pub(crate) fn sql(&mut self, sql: &str) -> Result<bool> {
        self.script.push(format!("{sql};"));
        let (twin, local) = (outcome(&self.twin, sql), outcome(&self.local, sql));
        if let Err(error) = &twin {
            self.script.push(format!("--   {error}"));
        }
        // What an INSERT that came to nothing leaves as the last rowid depends on whether a trigger stands there.
        if twin.as_ref().map_or(true, |seen| seen.1 == 0) {
            self.forget_last_insert();
        }
        // Without any trigger SQLite may keep count of a deferred foreign key whose row it took back, and so refuse the end.
        if sql == "COMMIT" && twin.is_err() && local.is_ok() {
            return Err(SQLITES_OWN.into());
        }
        // And where one stands, it refuses the end after some REPLACE in a table that points to itself: see below.
        let refused = |seen: &Seen| *seen == Err("FOREIGN KEY constraint failed".into());
        if sql == "COMMIT"
            && twin.is_ok()
            && refused(&local)
            && (self.replaced_in_transaction() || !is_sound(&self.twin))
        {
            return Err(SQLITES_OWN.into());
        }
        // Without a trigger that could abort, SQLite leaves what a statement did before a STRICT table refused a value.
        if twin.as_ref().is_err_and(|error| error.contains("cannot store")) && !self.twin.is_autocommit() {
            return Err(SQLITES_OWN.into());
        }
        // An error of OR ROLLBACK ends the transaction, here as there.
        if self.twin.is_autocommit() != self.local.is_autocommit() {
            return self.fail("a transaction is open in one database only");
        }
        if twin == local || self.differ_in_a_hidden_rowid(sql, &twin, &local) {
            return Ok(twin.is_ok());
        }
        // SQLite itself does not check some rows of a REPLACE that point to their own table where no UPDATE trigger stands,
        // and refuses the same statement where any does (`p REFERENCES t(id) ON DELETE SET NULL`).
        if sql.contains("OR REPLACE") && twin.is_ok() && refused(&local) {
            return Err(SQLITES_OWN.into());
        }
        // Once it has let such a row in, its count of rows that point to nothing is wrong wherever a trigger stands: the row that
        // comes there at last makes up for another one that points to nothing.
        if !is_sound(&self.twin) && (refused(&twin) || refused(&local)) {
            return Err(SQLITES_OWN.into());
        }
        self.fail(format!("promise 5: `{}` untracked gives {twin:?}, tracked {local:?}", shortened(sql)))
    }

    /// Did a statement of the transaction that ends now replace rows?
    fn replaced_in_transaction(&self) -> bool {
        let statements = self.script.iter().rev().take_while(|line| *line != "BEGIN;");
        statements.into_iter().any(|line| line.contains("OR REPLACE"))
    }

    /// Statements that must succeed.
    pub(crate) fn all(&mut self, statements: &[&str]) -> Result {
        for sql in statements {
            if !self.sql(sql)? {
                return self.fail(format!("the test itself is wrong: `{sql}` fails"));
            }
        }
        Ok(())
    }

    /// Are these statements, as one transaction, accepted by a database like this one?
    pub(crate) fn would_succeed(&self, statements: &[String]) -> bool {
        let copy = self.scratch.spare_file();
        self.twin.execute("VACUUM INTO ?1", [copy.to_str()]).expect("a copy can be made");
        self.forget_last_insert();
        let conn = Connection::open(&copy).expect("the copy opens");
        d1_settings(&conn);
        let begun = conn.execute_batch("BEGIN").is_ok();
        begun
            && statements.iter().all(|sql| outcome(&conn, sql).is_ok())
            && conn.execute_batch("COMMIT").is_ok()
    }

    /// Runs the tool; its exit status must be one of these.
    pub(crate) fn tool(&mut self, args: &[&str], expected: &[i32]) -> Result<Outcome> {
        self.script.push(format!("-- $ cargo d1-migrate {}", args.join(" ")));
        let run = self.scratch.tool(args);
        if expected.contains(&run.status) {
            return Ok(run);
        }
        // A row that points to itself in other letters (COLLATE NOCASE) cannot be inserted while foreign keys are on, by
        // nobody: SQLite compares the letters.
        if run.stderr.contains("a foreign key is left open") && self.has_nocase() {
            return Err(SQLITES_OWN.into());
        }
        // The row is too large for D1, and nothing was written: that is an answer.
        if run.stderr.contains("D1 takes at most 2000000") {
            return Err(SQLITES_OWN.into());
        }
        self.fail(format!("`{}` exits {}: {}{}", args.join(" "), run.status, run.stdout, run.stderr))
    }

    /// A rowid that nothing can name is not carried: where a migration that rebuilds its table has no other effect, it is noted
    /// as applied, not run.
    fn differ_in_a_hidden_rowid(&self, sql: &str, twin: &Seen, local: &Seen) -> bool {
        let (Ok(twin), Ok(local)) = (twin, local) else { return false };
        let is_hidden = |table: &Table| {
            table.rowid.is_none() && !table.columns.iter().any(|column| table.is_rowid_alias(column))
        };
        (&twin.0, twin.1) == (&local.0, local.1)
            && tables(&self.twin)
                .iter()
                .any(|table| is_hidden(table) && sql.contains(&identifier(&table.name)))
    }

    fn has_nocase(&self) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE sql LIKE '%COLLATE NOCASE%')";
        self.twin.query_row(sql, (), |row| row.get(0)).expect("a schema")
    }

    /// A schema migration with these statements, and `between` where the way leaves room for it.
    pub(crate) fn schema(
        &mut self,
        statements: &[String],
        way: Way,
        between: impl FnOnce(&mut Self) -> Result,
    ) -> Result {
        let written = self.tool(&["schema", "-m", "schema change"], &[0])?;
        let path = written.stdout.lines().next().unwrap_or_default().to_owned();
        let sql: Vec<String> = statements.iter().map(|sql| format!("{sql};")).collect();
        self.scratch.append(&path, &sql.join("\n"));
        self.script.push(format!("-- in that file:\n--   {}", sql.join("\n--   ")));
        match way {
            Way::Apply => {
                let on_twin = format!("BEGIN;\n{}\nCOMMIT;", sql.join("\n"));
                self.twin.execute_batch(&on_twin).expect("it was tried before");
                self.tool(&["apply"], &[0])?;
                self.forget_last_insert();
            }
            Way::DirectThenApply | Way::DirectThenRecord => {
                self.sql("BEGIN")?;
                for sql in statements {
                    self.sql(sql)?;
                }
                self.sql("COMMIT")?;
                if way == Way::DirectThenRecord {
                    between(self)?;
                    self.tool(&["apply", "--record"], &[0])?;
                } else if self.tool(&["apply"], &[0, 2])?.status == 2 {
                    // What hangs on chance is not recognised by its effect, and cannot run twice.
                    self.tool(&["apply", "--record"], &[0])?;
                }
            }
        }
        Ok(())
    }

    /// What only the twin's own connection did must not show in what its program sees next.
    fn forget_last_insert(&self) {
        for conn in [&self.local, &self.twin] {
            conn.execute_batch("CREATE TEMP TABLE IF NOT EXISTS d1_migrate_forget(x); INSERT INTO temp.d1_migrate_forget(rowid) VALUES (NULL)")
                .expect("a temporary table");
            conn.execute_batch(
                "DELETE FROM temp.d1_migrate_forget; INSERT INTO temp.d1_migrate_forget(rowid) VALUES (1)",
            )
            .expect("a temporary table");
        }
    }

    /// Rows that were left pointing to nothing while foreign keys were off: the user tidies up before the tool runs.
    pub(crate) fn tidy_up(&mut self) -> Result {
        for _ in 0..20 {
            let broken: Option<(String, Option<i64>)> = self
                .twin
                .query_row("SELECT \"table\", rowid FROM pragma_foreign_key_check LIMIT 1", (), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
                // A key that points to no key cannot be checked, and is for the caller to pass over.
                .unwrap_or_default();
            let Some((table, rowid)) = broken else { return Ok(()) };
            let name = identifier(&table);
            let rowid_name = tables(&self.twin).into_iter().find(|other| other.name == table);
            match (rowid, rowid_name.and_then(|table| table.rowid)) {
                (Some(rowid), Some(rowid_name)) => {
                    self.sql(&format!("DELETE FROM {name} WHERE {rowid_name} = {rowid}"))?
                }
                _ => self.sql(&format!("DELETE FROM {name}"))?,
            };
        }
        Ok(())
    }

    /// Does every foreign key point to something?
    pub(crate) fn is_sound(&self) -> bool {
        is_sound(&self.local)
    }

    /// The bare pipeline, then everything that must hold.
    pub(crate) fn pipeline(&mut self) -> Result {
        self.tool(&["-m", "round"], &[0])?;
        self.settle()
    }

    /// The same, where the rows may stand in each other's way.
    pub(crate) fn pipeline_unless_refused(&mut self) -> Result {
        let run = self.tool(&["-m", "round"], &[0, 2])?;
        if run.status == 0 {
            return self.settle();
        }
        self.same_as_twin()?;
        match run.stderr.contains("D1 would refuse a statement") && self.scratch.migrations() == self.files {
            true => Err(REFUSED.into()),
            false => self.fail(run.stderr),
        }
    }

    /// Nothing may be pending now, and the folder must rebuild the database.
    pub(crate) fn settle(&mut self) -> Result {
        self.same_as_twin()?;
        let files = self.unchanged_files()?;
        let replayed = Connection::open_in_memory().expect("memory");
        if let Err(why) = replay(&replayed, &files) {
            return self.fail(why);
        }
        if let Some(difference) = difference(&snapshot(&self.local), &snapshot(&replayed)) {
            let last = files.last().map_or("", |(_, text)| text);
            return self.fail(format!(
                "replay differs from the local database (here: local)\n{difference}\nlast file:\n{}",
                shortened(last)
            ));
        }
        self.tool(&["check"], &[0])?;
        self.tool(&["verify"], &[0])?;
        self.tool(&["data", "-m", "nothing"], &[0])?;
        self.script.push("-- everything is the same".into());
        match self.scratch.migrations() == files {
            true => Ok(()),
            false => self.fail("a second `data` writes a file though nothing changed"),
        }
    }

    /// The rows and objects of both databases are the same.
    pub(crate) fn same_as_twin(&self) -> Result {
        match difference(&snapshot(&self.local), &snapshot(&self.twin)) {
            None => Ok(()),
            Some(difference) => {
                self.fail(format!("promise 5: tracked and untracked differ (here: tracked)\n{difference}"))
            }
        }
    }

    fn unchanged_files(&mut self) -> Result<Vec<(String, String)>> {
        let files = self.scratch.migrations();
        if !files.starts_with(&self.files) {
            return self.fail("a migration that was there has changed");
        }
        self.files.clone_from(&files);
        Ok(files)
    }
}

/// How a schema migration comes to the local database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `apply` runs it.
    Apply,
    /// Somebody runs its statements, and `apply` notices.
    DirectThenApply,
    /// Somebody runs its statements and others, and `apply --record` notes it.
    DirectThenRecord,
}

/// What the program that runs a statement sees: the rows that it gives, how many it changes, and the last rowid; or the error.
type Seen = std::result::Result<(Vec<String>, u64, i64), String>;

fn outcome(conn: &Connection, sql: &str) -> Seen {
    let run = || -> rusqlite::Result<Vec<String>> {
        let mut statement = conn.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut seen = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}")));
            seen.push(values.collect::<rusqlite::Result<Vec<_>>>()?.join(" "));
        }
        Ok(seen)
    };
    let rows = run().map_err(|error| error.to_string())?;
    let is = |word: &str| sql.starts_with(word);
    let changes = if is("INSERT") || is("UPDATE") || is("DELETE") { conn.changes() } else { 0 };
    let last = if is("INSERT") && changes > 0 { conn.last_insert_rowid() } else { 0 };
    Ok((rows, changes, last))
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(4_000) {
        Some((at, _)) => format!("{}… ({} bytes)", &line[..at], line.len()),
        None => line.to_owned(),
    }
}

fn is_sound(conn: &Connection) -> bool {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM pragma_foreign_key_check)";
    conn.query_row(sql, (), |row| row.get(0)).unwrap_or(false)
}
