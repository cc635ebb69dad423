//! One file a command: gather, plan, act, report.

mod apply;
mod check;
mod data;
mod describe;
mod error;
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

use anyhow::Result;
use camino::Utf8PathBuf;

use crate::changefeed;
use crate::cli::{Cli, Command, PlaceArgs, SizeArgs};
use crate::console::Console;
use crate::difference::Selection;
use crate::engine::{self, Bench, MAX_FILE_SIZE, Place, Ready, open_to_write};
use crate::project::{self, Project, Request};
use crate::schema::Schema;
pub use error::Error;

/// `check` found something, or `verify` a difference.
const FOUND: u8 = 1;

/// Does what the command line asks for.
pub fn run(cli: Cli, console: &Console) -> Result<ExitCode> {
    if cli.command.is_some() {
        // Else they would be taken in silence and do nothing.
        let before =
            [("--message", cli.message.is_some()), ("--max-file-size", cli.size.max_file_size.is_some())];
        if let Some((flag, _)) = before.into_iter().find(|(_, is_there)| *is_there) {
            return Err(Error::FlagBeforeCommand { flag }.into());
        }
    }
    let scene = Scene::find(&cli.place, console)?;
    match cli.command {
        None => pipeline::run(&scene, cli.message.as_deref(), limit(&cli.size)),
        Some(Command::Init { message, size, dry_run }) => init::run(&scene, &message, limit(&size), dry_run),
        Some(Command::Track { tables, baseline }) => track::track(&scene, &tables.tables, baseline),
        Some(Command::Untrack { tables, purge }) => track::untrack(&scene, &tables.tables, purge),
        Some(Command::Check) => check::run(&scene),
        Some(Command::Status) => status::run(&scene),
        Some(Command::Data { message, tables, since, size, dry_run }) => {
            let since = since.since.as_deref().map(since::parse).transpose()?;
            let selection = Selection { tables: tables.tables, since };
            data::run(&scene, &message, &selection, limit(&size), dry_run)
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

fn limit(size: &SizeArgs) -> u64 {
    size.max_file_size.unwrap_or(MAX_FILE_SIZE)
}

/// What every command stands on: where everything is, and where to tell about it.
struct Scene<'c> {
    project: Project,
    place: Place,
    console: &'c Console,
}

impl<'c> Scene<'c> {
    fn find(args: &PlaceArgs, console: &'c Console) -> Result<Self> {
        let current = std::env::current_dir().map_err(Error::CurrentFolder)?;
        let start = Utf8PathBuf::from_path_buf(current)
            .map_err(|path| Error::NotUtf8 { path: path.display().to_string() })?;
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
        self.opened(Bench::open(self.place.clone(), &mut |told| self.console.told(told)))
    }

    /// Opens the workbench for writing a migration: nothing may be behind.
    fn ready(&self) -> Result<Ready> {
        let ready = self.opened(Ready::open(&self.place, &mut |told| self.console.told(told)))?;
        for name in &ready.recorded {
            self.console.status("Recorded", format!("{name}, which the local database already holds"));
        }
        Ok(ready)
    }

    /// Opens the workbench for a look ahead: nothing is recorded.
    fn peek(&self) -> Result<Ready> {
        self.opened(Ready::peek(&self.place, &mut |told| self.console.told(told)))
    }

    /// The local schema.
    fn schema(&self) -> Result<Schema> {
        let conn = self.opened(engine::open_to_read(&self.place.local_file).map_err(Into::into))?;
        Ok(crate::schema::read(&conn, "main", &self.place.migrations_table)?)
    }

    fn opened<T>(&self, opened: Result<T>) -> Result<T> {
        self.console.progress_done();
        opened.inspect_err(|error| {
            if let Some(engine::Error::NoDatabase { .. }) = error.downcast_ref() {
                describe::missing_database(self);
            }
        })
    }

    /// Is any table followed?
    fn is_tracked(&self) -> Result<bool> {
        Ok(changefeed::is_fed(&engine::open_to_read(&self.place.local_file)?)?)
    }

    /// Takes back what [`Self::track`] installed; without a table that is followed, the changefeed goes too.
    fn untrack(&self, tables: &[String]) -> Result<()> {
        let conn = open_to_write(&self.place.local_file, &mut |told| self.console.told(told))?;
        engine::untrack(&conn, &self.place.migrations_table, tables, false)?;
        engine::purge_if_unused(&conn, &self.place.migrations_table)?;
        Ok(())
    }

    /// Installs or refreshes tracking of these tables; all where none are named.
    fn track(&self, tables: &[String]) -> Result<Vec<String>> {
        let conn = open_to_write(&self.place.local_file, &mut |told| self.console.told(told))?;
        let installed = engine::track(&conn, &self.place.migrations_table, tables)?;
        Ok(installed)
    }
}
