//! A real D1 with rows of its own: it runs the migrations, and another one what was done here by hand.

use rusqlite::Connection;

use crate::support::project::Scratch;

/// A database that D1 could be: it has run the first migration.
pub(crate) struct Remote(pub(crate) Connection);

impl Remote {
    pub(crate) fn of(project: &Scratch) -> Self {
        Self::with(&project.read("0001_initial_migration.sql"), "")
    }

    /// It has run this file, and its users these statements.
    pub(crate) fn with(file: &str, own: &str) -> Self {
        let conn = Connection::open_in_memory().expect("memory");
        conn.pragma_update(None, "foreign_keys", true).expect("a pragma");
        let remote = Self(conn);
        remote.run(file);
        remote.run(own);
        remote
    }

    /// Its users add a child to every parent.
    pub(crate) fn with_children(self) -> Self {
        self.run("INSERT INTO child SELECT 100 + id, id FROM parent;");
        self
    }

    pub(crate) fn run(&self, sql: &str) {
        self.0.execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;")).unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }

    /// The number of each of its own children with the value of its parent now.
    pub(crate) fn children(&self) -> String {
        let list = "SELECT group_concat(c.id || v, ' ' ORDER BY c.id) FROM child c JOIN parent p ON p.id = c.parent WHERE c.id > 100";
        self.0.query_row(list, (), |row| row.get(0)).expect("children")
    }
}

/// Two D1s with rows of their own: one runs the migration that comes of `sql` here, the other `sql` itself. And that migration.
pub(crate) fn by_migration_and_by_hand(project: &Scratch, own: &str, sql: &str) -> (Remote, Remote, String) {
    project.d1([]).success();
    let (remote, oracle) = (Remote::of(project), Remote::of(project));
    for database in [&remote, &oracle] {
        database.run(own);
    }
    project.sql(sql);
    oracle.run(&format!("{sql};"));
    project.d1(["data", "-m", "change"]).success();
    project.assert_replay_agrees();
    let migration = project.read("0002_change.sql");
    remote.run(&migration);
    (remote, oracle, migration)
}

/// A list that both databases must give.
pub(crate) fn assert_same(remote: &Remote, oracle: &Remote, list: &str, context: &str) {
    let of = |database: &Remote| -> Option<String> {
        database.0.query_row(list, (), |row| row.get(0)).expect("a list")
    };
    let wanted = of(oracle);
    assert!(wanted.is_some(), "nothing is left to compare: {context}");
    assert_eq!(of(remote), wanted, "{context}");
}
