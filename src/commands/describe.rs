//! What several commands say alike.

use camino::Utf8Path;
use rusqlite::{Connection, OpenFlags};

use super::Scene;
use crate::difference::{Counts, Sequence, TableDifference};
use crate::engine::Place;
use crate::project::{IdSource, Project, neighbours};

/// The parts of a project that the engine needs. The shadow lives beside wrangler's own state, under a name of its own for
/// each pair of database and folder.
pub(super) fn place(project: &Project) -> Place {
    let database = &project.database;
    let key = format!("{}\n{}", database.local_file, database.migrations_dir);
    let home = project.config.as_ref().map(|_| {
        let name = crate::project::local_file_name(&key);
        project.root.join(".wrangler/d1-migrate").join(&name[..16])
    });
    Place {
        local_file: database.local_file.clone(),
        folder: database.migrations_dir.clone(),
        pattern: database.migrations_pattern.clone(),
        migrations_table: database.migrations_table.clone(),
        home,
    }
}

/// Says what was found: configuration, binding, local file, folder.
pub(super) fn found(scene: &Scene) {
    let (project, console) = (&scene.project, scene.console);
    let database = &project.database;
    if let Some(config) = &project.config {
        let environment = project.environment.as_ref().map(|name| format!(", environment {name}"));
        console.status("Config", format!("{}{}", shown(config), environment.unwrap_or_default()));
    }
    let name = database.name.as_ref().map(|name| format!(" ({name})"));
    console.status("Database", format!("{}{}", database.binding, name.unwrap_or_default()));
    console.status("Local file", shown(&database.local_file));
    console.status("Migrations", shown(&database.migrations_dir));
}

/// wrangler goes by the name alone, and so does `apply`.
pub(super) fn warn_of_old_names(scene: &Scene, names: &[String]) {
    for name in names {
        scene.console.warning(format!(
            "a file called {name} was applied before and is gone: no database that ran it will run this one; where that matters, give it another name"
        ));
    }
}

/// A path as short as it can be said from the current folder.
pub(super) fn shown(path: &Utf8Path) -> String {
    let current = std::env::current_dir().ok();
    let inside = current.as_deref().and_then(|current| path.as_std_path().strip_prefix(current).ok());
    match inside {
        Some(inside) if !inside.as_os_str().is_empty() => inside.display().to_string(),
        _ => path.to_string(),
    }
}

/// Says what the name of the missing file was computed from, and which other databases lie there.
pub(super) fn missing_database(scene: &Scene) {
    let database = &scene.project.database;
    let source = match database.id.source {
        IdSource::PreviewDatabaseId => "preview_database_id",
        IdSource::DatabaseId => "database_id",
        IdSource::Binding => "the binding",
        IdSource::GivenFile => return,
    };
    scene
        .console
        .warning(format!("the name of the local file was computed from {source} `{}`", database.id.value));
    for other in neighbours(&database.local_file) {
        let tables = tables_of(&other).unwrap_or_else(|| "which cannot be read".into());
        scene.console.warning(format!(
            "another database lies there: {} ({tables})",
            other.file_name().unwrap_or_default()
        ));
    }
}

fn tables_of(path: &Utf8Path) -> Option<String> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let schema = crate::schema::read(&conn, "main", "d1_migrations").ok()?;
    let names: Vec<String> = schema.tables.into_iter().map(|table| table.name).collect();
    Some(if names.is_empty() { "no tables".into() } else { format!("tables {}", names.join(", ")) })
}

/// `1 table`, `2 tables`.
pub(super) fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `2 inserted, 1 updated`.
pub(super) fn counted(counts: Counts) -> String {
    let parts = [(counts.inserted, "inserted"), (counts.updated, "updated"), (counts.deleted, "deleted")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    parts.join(", ")
}

/// One line for each table with rows that differ, for each counter and each search index.
pub(super) fn changes(tables: &[TableDifference], sequences: &[Sequence], indexes: &[String]) -> Vec<String> {
    let rows =
        tables.iter().map(|difference| format!("{}: {}", difference.table.name, counted(difference.counts)));
    let silent =
        sequences.iter().filter(|sequence| !tables.iter().any(|other| other.table.name == sequence.table));
    let counters = silent.map(|sequence| {
        let number = |value: Option<i64>| value.map_or("none".into(), |value| value.to_string());
        format!(
            "{}: AUTOINCREMENT counter {} → {}",
            sequence.table,
            number(sequence.files),
            number(sequence.here)
        )
    });
    let indexes = indexes.iter().map(|index| format!("{index}: search index"));
    rows.chain(counters).chain(indexes).collect()
}

/// The same for a program.
pub(super) fn changes_json(
    tables: &[TableDifference],
    sequences: &[Sequence],
    indexes: &[String],
) -> serde_json::Value {
    let rows = tables.iter().map(|difference| {
        serde_json::json!({
            "table": difference.table.name,
            "inserted": difference.counts.inserted,
            "updated": difference.counts.updated,
            "deleted": difference.counts.deleted,
        })
    });
    let counters = sequences.iter().map(|sequence| {
        serde_json::json!({ "table": sequence.table, "counter": { "before": sequence.files, "after": sequence.here } })
    });
    let indexes = indexes.iter().map(|index| serde_json::json!({ "table": index, "search_index": true }));
    rows.chain(counters).chain(indexes).collect()
}
