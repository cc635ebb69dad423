//! Reads a [`Schema`] from a connection: the room's only reader.

use rusqlite::Connection;

use super::definition::{has_conflict_clause, is_autoincrement, list_of, mentions, virtual_module};
use super::parent::is_pointed_to_in_vain;
use super::{
    Action, Affinity, Column, ForeignKey, Module, Object, ObjectKind, Schema, Table, TableKind, Term,
    UniqueKey,
};
use crate::names::is_internal;
use crate::sql_text::quote_identifier;

/// Reads the user's part of the schema of one attached database (`main`, or the name it was attached under), without the
/// migrations table.
pub fn read(conn: &Connection, database: &str, migrations_table: &str) -> rusqlite::Result<Schema> {
    let shadow_tables = shadow_tables(conn, database)?;
    let objects: Vec<Object> = objects(conn, database)?
        .into_iter()
        .filter(|object| {
            !is_internal(&object.name)
                && !is_internal(&object.table)
                && !object.table.eq_ignore_ascii_case(migrations_table)
                && !shadow_tables.contains(&object.table)
        })
        .collect();
    let mut tables = objects
        .iter()
        .filter(|object| object.kind == ObjectKind::Table)
        .map(|object| table(conn, database, object))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let in_vain: Vec<bool> = tables.iter().map(|table| is_pointed_to_in_vain(table, &tables)).collect();
    for (table, in_vain) in tables.iter_mut().zip(in_vain) {
        table.is_pointed_to_in_vain = in_vain;
    }
    Ok(Schema { tables, objects })
}

fn objects(conn: &Connection, database: &str) -> rusqlite::Result<Vec<Object>> {
    let sql = format!(
        "SELECT type, name, tbl_name, sql FROM {}.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid",
        quote_identifier(database)
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map((), |row| {
        let kind = match row.get_ref(0)?.as_str()? {
            "table" => ObjectKind::Table,
            "index" => ObjectKind::Index,
            "view" => ObjectKind::View,
            _ => ObjectKind::Trigger,
        };
        let (name, table, sql): (String, _, _) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let view_columns = match kind {
            ObjectKind::View => view_columns(conn, database, &name).unwrap_or_default(),
            _ => Vec::new(),
        };
        Ok(Object { kind, name, table, sql, view_columns })
    })?;
    rows.collect()
}

fn view_columns(conn: &Connection, database: &str, view: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare_cached("SELECT name FROM pragma_table_xinfo(?1, ?2)")?;
    statement.query_map([view, database], |row| row.get(0))?.collect()
}

/// Tables that belong to a virtual table (FTS5, R*Tree) and are written only through it.
fn shadow_tables(conn: &Connection, database: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        conn.prepare("SELECT name FROM pragma_table_list WHERE schema = ?1 AND type = 'shadow'")?;
    statement.query_map([database], |row| row.get(0))?.collect()
}

fn table(conn: &Connection, database: &str, object: &Object) -> rusqlite::Result<Table> {
    let mut columns = Vec::new();
    let mut primary_key: Vec<(i64, usize)> = Vec::new();
    conn.pragma(Some(database), "table_xinfo", &object.name, |row| {
        let hidden: i64 = row.get("hidden")?;
        if hidden == 1 {
            return Ok(());
        }
        let key: i64 = row.get("pk")?;
        if key > 0 {
            primary_key.push((key, columns.len()));
        }
        let name: String = row.get("name")?;
        columns.push(Column {
            collation: collation(conn, database, &object.name, &name)?,
            name,
            affinity: affinity(&row.get::<_, Option<String>>("type")?.unwrap_or_default()),
            not_null: row.get("notnull")?,
            generated: hidden != 0,
            computed_from: Vec::new(),
        });
        Ok(())
    })?;
    find_sources(&mut columns, &object.sql);
    primary_key.sort_unstable();
    let primary_key: Vec<usize> = primary_key.into_iter().map(|(_, position)| position).collect();

    let kind = kind(conn, database, object)?;
    let (unique_keys, has_key_index) = unique_keys(conn, database, object)?;
    // The primary key of a rowid table without an index of its own is the rowid itself. (The declared type does not
    // decide: `INTEGER PRIMARY KEY DESC` is no alias.)
    let is_alias = kind == TableKind::Rowid && primary_key.len() == 1 && !has_key_index;
    let primary = || unique_keys.iter().filter(|key| key.primary);
    let is_foreign = |(term, collation): &(Term, String)| {
        term.column().is_none_or(|position| !columns[position].collation.eq_ignore_ascii_case(collation))
    };
    let key_names_rows = primary().all(|key| key.names_rows(&columns));
    let key_takes_more = primary().flat_map(|key| &key.terms).any(is_foreign);
    Ok(Table {
        name: object.name.clone(),
        key_names_rows,
        key_takes_more,
        // The first column of an R*Tree is its rowid.
        rowid_alias: if kind == TableKind::Virtual(Module::Rtree) {
            Some(0)
        } else {
            is_alias.then(|| primary_key[0])
        },
        autoincrement: is_alias && is_autoincrement(&object.sql),
        has_conflict_clause: has_conflict_clause(&object.sql),
        is_pointed_to_in_vain: false,
        foreign_keys: foreign_keys(conn, database, &object.name)?,
        kind,
        columns,
        primary_key,
        unique_keys,
    })
}

/// The collation that a column is declared with.
fn collation(conn: &Connection, database: &str, table: &str, column: &str) -> rusqlite::Result<String> {
    let (_, collation, ..) = conn.column_metadata(Some(database), table, column)?;
    Ok(collation.map_or_else(|| "BINARY".into(), |name| name.to_string_lossy().into_owned()))
}

/// Fills in from which columns the generated ones are computed.
fn find_sources(columns: &mut [Column], sql: &str) {
    if !columns.iter().any(|column| column.generated) {
        return;
    }
    let definitions = list_of(sql).0;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mentioned: Vec<Vec<usize>> = (columns.iter().zip(&definitions))
        .map(|(column, definition)| match column.generated {
            true => (0..names.len())
                .filter(|&at| names[at] != column.name && mentions(definition, &names[at]))
                .collect(),
            false => Vec::new(),
        })
        .collect();
    for (column, own) in columns.iter_mut().zip(&mentioned) {
        column.computed_from.clone_from(own);
        let mut next = 0;
        while let Some(&source) = column.computed_from.get(next) {
            next += 1;
            let further = mentioned[source].iter().filter(|further| !column.computed_from.contains(further));
            let further: Vec<usize> = further.copied().collect();
            column.computed_from.extend(further);
        }
    }
}

fn kind(conn: &Connection, database: &str, object: &Object) -> rusqlite::Result<TableKind> {
    let (kind, without_rowid): (String, bool) = conn.query_row(
        "SELECT type, wr FROM pragma_table_list WHERE schema = ?1 AND name = ?2",
        [database, &object.name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(match (kind.as_str(), without_rowid) {
        ("virtual", _) => TableKind::Virtual(virtual_module(&object.sql)),
        (_, true) => TableKind::WithoutRowid,
        _ => TableKind::Rowid,
    })
}

/// The unique keys, and whether the primary key has an index.
fn unique_keys(
    conn: &Connection,
    database: &str,
    object: &Object,
) -> rusqlite::Result<(Vec<UniqueKey>, bool)> {
    let mut indexes: Vec<(String, bool, bool)> = Vec::new();
    let mut has_key_index = false;
    conn.pragma(Some(database), "index_list", &object.name, |row| {
        let primary = row.get_ref("origin")?.as_str()? == "pk";
        has_key_index |= primary;
        if row.get("unique")? {
            indexes.push((row.get("name")?, row.get("partial")?, primary));
        }
        Ok(())
    })?;
    let mut keys = Vec::with_capacity(indexes.len());
    for (index, partial, primary) in indexes {
        let mut columns: Vec<(i64, String)> = Vec::new();
        conn.pragma(Some(database), "index_xinfo", &index, |row| {
            if row.get("key")? {
                columns.push((row.get("cid")?, row.get("coll")?));
            }
            Ok(())
        })?;
        let has_text = partial || columns.iter().any(|(position, _)| *position < 0);
        let (texts, predicate) = match has_text {
            true => list_of(&index_text(conn, database, &index)?),
            false => (Vec::new(), None),
        };
        let terms = columns.into_iter().enumerate().map(|(at, (position, collation))| {
            // -2 is an expression; -1, the rowid, cannot be named in an index.
            let expression = || Term::Expression(texts.get(at).cloned().unwrap_or_else(|| "NULL".into()));
            (usize::try_from(position).map_or_else(|_| expression(), Term::Column), collation)
        });
        let terms = terms.collect();
        keys.push(UniqueKey { primary, terms, predicate });
    }
    Ok((keys, has_key_index))
}

fn index_text(conn: &Connection, database: &str, index: &str) -> rusqlite::Result<String> {
    let sql = format!(
        "SELECT sql FROM {}.sqlite_schema WHERE type = 'index' AND name = ?1",
        quote_identifier(database)
    );
    conn.query_row(&sql, [index], |row| row.get(0))
}

fn foreign_keys(conn: &Connection, database: &str, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    conn.pragma(Some(database), "foreign_key_list", table, |row| {
        let id: i64 = row.get("id")?;
        let pair = (row.get("from")?, row.get("to")?);
        if let Some((last, key)) = keys.last_mut()
            && *last == id
        {
            key.columns.push(pair);
            return Ok(());
        }
        let action = |column| {
            Ok::<_, rusqlite::Error>(match row.get_ref(column)?.as_str()? {
                "NO ACTION" => Action::Nothing,
                "RESTRICT" => Action::Restrict,
                "CASCADE" => Action::Cascade,
                _ => Action::LetGo,
            })
        };
        let (on_delete, on_update) = (action("on_delete")?, action("on_update")?);
        let acts = [on_delete, on_update].iter().any(|action| *action != Action::Nothing);
        let parent = row.get("table")?;
        keys.push((id, ForeignKey { parent, columns: vec![pair], acts, on_delete, on_update }));
        Ok(())
    })?;
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// SQLite's rules for the affinity of a declared type, in their order (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
/// NUMERIC keeps integers as INTEGER does.
fn affinity(declared: &str) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    if has("INT") {
        Affinity::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Affinity::Text
    } else if has("BLOB") || declared.is_empty() || declared == "ANY" {
        // ANY has NUMERIC affinity outside of STRICT tables; taking it for BLOB only compares more carefully.
        Affinity::Blob
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Affinity::Real
    } else {
        Affinity::Integer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Identity;

    fn schema_of(sql: &str) -> Schema {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(sql).unwrap();
        read(&conn, "main", "d1_migrations").unwrap()
    }

    #[test]
    fn only_a_true_integer_primary_key_is_the_rowid() {
        let schema = schema_of(
            "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(id INT PRIMARY KEY);
             CREATE TABLE c(id INTEGER PRIMARY KEY DESC); CREATE TABLE d(id INTEGER, x, PRIMARY KEY(id));
             CREATE TABLE e(id INTEGER PRIMARY KEY) WITHOUT ROWID;",
        );
        let alias: Vec<_> = schema.tables.iter().map(|table| table.rowid_alias).collect();
        assert_eq!(alias, [Some(0), None, None, Some(0), None]);
    }

    #[test]
    fn a_generated_column_is_computed_from_what_its_definition_names_and_what_that_is_computed_from() {
        let schema = schema_of(
            "CREATE TABLE t(a, b, \"c d\", e AS (a + 1), f AS (\"C D\" || e) STORED UNIQUE, g AS ('b'), UNIQUE (b, e));
             ALTER TABLE t ADD COLUMN h AS (g || F);",
        );
        let table = &schema.tables[0];
        let mut from: Vec<_> = table.columns.iter().map(|column| column.computed_from.clone()).collect();
        from.iter_mut().for_each(|from| from.sort_unstable());
        assert_eq!(from, [vec![], vec![], vec![], vec![0], vec![0, 2, 3], vec![], vec![0, 2, 3, 4, 5]]);
        let hangs_on: Vec<Vec<usize>> = (table.unique_keys.iter())
            .map(|key| (0..4).filter(|&column| key.hangs_on(table, column)).collect())
            .collect();
        assert!(hangs_on.contains(&vec![0, 2, 3]) && hangs_on.contains(&vec![0, 1, 3]), "{hangs_on:?}");
    }

    #[test]
    fn the_tools_and_workerds_and_wranglers_tables_are_not_the_users() {
        let schema = schema_of(
            "CREATE TABLE d1_migrations(id); CREATE TABLE d1_migrate_changefeed(id); CREATE TABLE _cf_KV(k);
             CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIRTUAL TABLE f USING fts5(a);
             CREATE TRIGGER \"d1_migrate_track_insert:t\" AFTER INSERT ON t BEGIN SELECT 1; END;",
        );
        let names: Vec<_> = schema.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["t", "f"]);
    }

    #[test]
    fn a_rowid_is_named_by_what_no_column_hides() {
        let schema = schema_of(
            "CREATE TABLE a(rowid, oid); CREATE TABLE b(rowid, oid, _rowid_);
             CREATE TABLE c(rowid, oid, _rowid_, id INTEGER PRIMARY KEY); CREATE TABLE d(k PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE e(rowid, oid NOT NULL PRIMARY KEY, _rowid_); CREATE TABLE f(rowid, oid PRIMARY KEY, _rowid_);",
        );
        let identity: Vec<_> = schema.tables.iter().map(Table::identity).collect();
        assert_eq!(
            identity,
            [
                Identity::Rowid("_rowid_".into()),
                Identity::Nothing,
                Identity::Rowid("id".into()),
                Identity::Key(vec![0]),
                Identity::Key(vec![1]),
                Identity::Nothing
            ]
        );
    }
}
