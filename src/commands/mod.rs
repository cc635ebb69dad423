//! One file a command: gather, plan, act, report.

mod apply;
mod check;
mod data;
mod describe;
mod init;
mod log;
mod path;
mod pipeline;
mod schema;
mod since;
mod status;
mod track;
mod verify;

use std::process::ExitCode;

use anyhow::{Context, Result};
use camino::Utf8PathBuf;

use crate::cli::{Cli, Command, PlaceArgs};
use crate::console::Console;
use crate::difference::Comparison;
use crate::engine::{Bench, Error, Place, open_to_write, record_only};
use crate::project::{self, Project, Request};

/// `check` found something, or `verify` a difference.
const FOUND: u8 = 1;

/// Does what the command line asks for.
pub fn run(cli: Cli, console: &Console) -> Result<ExitCode> {
    let scene = Scene::find(&cli.place, console)?;
    match cli.command {
        None => pipeline::run(&scene, cli.message.as_deref(), cli.size.max_file_size),
        Some(Command::Init { message, size, dry_run }) => {
            init::run(&scene, &message, size.max_file_size, dry_run)
        }
        Some(Command::Track { tables }) => track::track(&scene, &tables.tables),
        Some(Command::Untrack { tables, purge }) => track::untrack(&scene, &tables.tables, purge),
        Some(Command::Check) => check::run(&scene),
        Some(Command::Status) => status::run(&scene),
        Some(Command::Data { message, tables, since, size, dry_run }) => {
            let since = since.since.as_deref().map(since::parse).transpose()?;
            data::run(&scene, &message, tables.tables, since, size.max_file_size, dry_run)
        }
        Some(Command::Schema { message }) => schema::run(&scene, &message),
        Some(Command::Apply { record }) => apply::run(&scene, record),
        Some(Command::Verify) => verify::run(&scene),
        Some(Command::Log { tables, since, limit }) => {
            let since = since.since.as_deref().map(since::parse).transpose()?;
            log::run(&scene, &tables.tables, since, limit)
        }
        Some(Command::Path) => path::run(&scene),
    }
}

/// What every command stands on: where everything is, and where to tell about it.
struct Scene<'c> {
    project: Project,
    place: Place,
    console: &'c Console,
}

impl<'c> Scene<'c> {
    fn find(args: &PlaceArgs, console: &'c Console) -> Result<Self> {
        let current = std::env::current_dir().context("the current folder cannot be read")?;
        let start = Utf8PathBuf::from_path_buf(current).map_err(|path| {
            anyhow::anyhow!("{}: the path of the current folder is not UTF-8", path.display())
        })?;
        let project = project::find(&Request {
            start,
            config: args.config.clone(),
            env: args.env.clone(),
            database: args.database.clone(),
            package: args.package.clone(),
            persist_to: args.persist_to.clone(),
            db: args.db.clone(),
            dir: args.dir.clone(),
        })?;
        let place = describe::place(&project);
        Ok(Self { project, place, console })
    }

    /// Opens the workbench, with progress.
    fn bench(&self) -> Result<Bench> {
        let opened = Bench::open(self.place.clone(), &mut |text| self.console.progress(text));
        self.console.progress_done();
        match opened {
            Err(error) if matches!(error.downcast_ref(), Some(Error::NoDatabase { .. })) => {
                describe::missing_database(self);
                Err(error)
            }
            opened => opened,
        }
    }

    /// The workbench for writing a migration: nothing may be behind. Migrations whose effect is already here are noted.
    fn bench_not_behind(&self) -> Result<(Bench, Comparison)> {
        let bench = self.bench()?;
        if bench.behind().is_empty() && bench.unrecorded.is_empty() {
            let comparison = bench.compare()?;
            return Ok((bench, comparison));
        }
        let mut owed = bench.unrecorded.clone();
        if !bench.behind().is_empty() {
            if !bench.lacks_only_records(&bench.compare_everything()?)? {
                return Err(Error::Behind { names: bench.behind() }.into());
            }
            owed.extend(bench.behind());
        }
        drop(bench);
        record_only(&self.place, &owed)?;
        for name in &owed {
            self.console.status("Recorded", format!("{name}, which the local database already holds"));
        }
        let bench = self.bench()?;
        let comparison = bench.compare()?;
        Ok((bench, comparison))
    }

    /// Installs or refreshes tracking of these tables; all where none are named.
    fn track(&self, tables: &[String]) -> Result<Vec<String>> {
        let conn = open_to_write(&self.place.local_file)?;
        let installed = crate::engine::track(&conn, &self.place.migrations_table, tables)?;
        Ok(installed)
    }
}

/// Rows and schema in one file would hide one behind the other: they must agree before data is written.
fn schema_must_agree(comparison: &Comparison) -> Result<()> {
    if comparison.drift.is_empty() {
        return Ok(());
    }
    let missing = comparison.drift.iter().filter_map(|drift| match drift {
        crate::schema::Drift::OnlyHere(object) => Some(object.sql.clone()),
        _ => None,
    });
    Err(Error::SchemaDiffers {
        sentences: comparison.drift.iter().map(crate::schema::Drift::sentence).collect(),
        missing: missing.collect(),
    }
    .into())
}
