//! From a workbench to a draft, and from a draft to files.

use anyhow::Result;
use camino::Utf8PathBuf;
use jiff::Timestamp;

use super::bench::Bench;
use super::publish::{publish, record};
use super::{Error, Place, Progress};
use crate::difference::{Comparison, Selected, Selection, TableDifference, select};
use crate::draft::{self, Naming, Part};
use crate::migrations::file_name;
use crate::schema::Drift;

/// Up to here a migration is one file, unless the user wants otherwise, in bytes: the real D1 runs a file in 30 s.
pub const MAX_FILE_SIZE: u64 = 8_000_000;

/// A workbench on which a migration can be written: nothing is behind.
pub struct Ready {
    /// The workbench.
    pub bench: Bench,
    /// What is pending.
    pub comparison: Comparison,
    /// Migrations whose effect was already here, and that were noted as applied.
    pub recorded: Vec<String>,
}

/// What became of the wish for a data migration.
pub enum Drafted {
    /// It is drafted and proven.
    Draft(Box<Draft>),
    /// Nothing is pending of what was selected; this is pending besides.
    Nothing {
        /// Tables with rows that stay pending.
        left: Vec<TableDifference>,
    },
}

/// Files that were drafted and proven, but not written.
pub struct Draft {
    bench: Bench,
    /// The files.
    pub parts: Vec<Part>,
    /// What they hold, and what stays pending.
    pub selected: Selected,
}

impl Ready {
    /// Opens the workbench; what only lacks its record is recorded, what really is behind is an error.
    pub fn open(place: &Place, progress: Progress) -> Result<Self> {
        Self::open_and(place, true, progress)
    }

    /// The same for a look ahead: nothing is recorded.
    pub fn peek(place: &Place, progress: Progress) -> Result<Self> {
        Self::open_and(place, false, progress)
    }

    fn open_and(place: &Place, records: bool, progress: Progress) -> Result<Self> {
        let bench = Bench::open(place.clone(), progress)?;
        if bench.folder.migrations.is_empty() && !bench.here.tables.is_empty() {
            return Err(Error::NoMigrations { folder: bench.folder.path.clone() }.into());
        }
        let behind = bench.behind();
        if behind.is_empty() && bench.unrecorded.is_empty() {
            let comparison = bench.compare()?;
            return Ok(Self { bench, comparison, recorded: Vec::new() });
        }
        if !behind.is_empty() && !bench.lacks_only_records(&bench.compare_everything()?)? {
            return Err(Error::Behind { names: behind }.into());
        }
        if !records {
            let comparison = bench.compare_everything()?;
            return Ok(Self { bench, comparison, recorded: Vec::new() });
        }
        let settled = if behind.is_empty() { None } else { bench.settled(&behind)? };
        let recorded: Vec<String> = bench.unrecorded.iter().cloned().chain(behind).collect();
        drop(bench);
        record(place, &recorded, settled.as_ref(), progress)?;
        let bench = Bench::open(place.clone(), progress)?;
        let comparison = bench.compare()?;
        Ok(Self { bench, comparison, recorded })
    }

    /// What only the schema tells apart, as an error that names it.
    pub fn schema_must_agree(&self) -> Result<(), Error> {
        schema_must_agree(&self.comparison)
    }

    /// Drafts the data migration for what is selected of the pending changes.
    pub fn draft_data(self, selection: &Selection, message: &str, max_file_size: u64) -> Result<Drafted> {
        let Self { mut bench, comparison, .. } = self;
        let mut selected = select(bench.conn(), &comparison, selection)?;
        draft::take_fed(&comparison.files, &mut selected);
        if selected.is_nothing() {
            // Rows of tables that are defined otherwise could not be compared.
            schema_must_agree(&comparison)?;
            bench.leave(&comparison)?;
            return Ok(Drafted::Nothing { left: selected.left });
        }
        let naming = naming(&bench, message, max_file_size)?;
        bench.hear_updates()?;
        let parts = draft::data(
            bench.conn(),
            &|| bench.second_reader(),
            &comparison.here,
            &comparison.files,
            &selected,
            naming,
        )?;
        Ok(Drafted::Draft(Box::new(Draft { bench, parts, selected })))
    }
}

fn schema_must_agree(comparison: &Comparison) -> Result<(), Error> {
    let drift = &comparison.drift;
    if drift.is_empty() {
        return Ok(());
    }
    let missing = drift.iter().filter_map(|drift| match drift {
        Drift::OnlyHere(object) => Some(object.sql.clone()),
        _ => None,
    });
    Err(Error::SchemaDiffers {
        sentences: drift.iter().map(Drift::sentence).collect(),
        missing: missing.collect(),
    })
}

/// Drafts the initial migration; the folder must be empty, and the database must have tables.
pub fn draft_initial(bench: Bench, message: &str, max_file_size: u64) -> Result<Draft> {
    if !bench.folder.migrations.is_empty() {
        let behind = bench.behind();
        return Err(match behind.is_empty() {
            true => Error::NotFirst { folder: bench.folder.path.clone() },
            false => Error::Behind { names: behind },
        }
        .into());
    }
    if bench.here.tables.is_empty() {
        return Err(Error::Empty { path: bench.place.local_file.clone() }.into());
    }
    let naming = naming(&bench, message, max_file_size)?;
    let parts = draft::initial(
        bench.conn(),
        &|| bench.second_reader(),
        &bench.here,
        &bench.place.migrations_table,
        naming,
    )?;
    Ok(Draft { bench, parts, selected: Selected::default() })
}

fn naming(bench: &Bench, message: &str, max_file_size: u64) -> Result<Naming> {
    let number = bench.folder.next_number()?;
    let name = file_name(number, message)?;
    let later: Vec<String> =
        bench.folder.sorted_after(&name).iter().map(|other| other.name.clone()).collect();
    if !later.is_empty() {
        return Err(Error::NotLast { names: later }.into());
    }
    let drafts = match &bench.place.home {
        Some(home) => {
            draft::forget_drafts(home);
            home.clone()
        }
        None => std::env::temp_dir().to_string_lossy().into_owned().into(),
    };
    Ok(Naming { number, message: message.to_owned(), at: Timestamp::now(), max_file_size, drafts })
}

impl Draft {
    /// Files of these names were applied here once and are gone: where the real D1 applied them too, these will not run there.
    pub fn names_of_old(&self) -> Vec<String> {
        let gone = self.bench.gone();
        self.parts.iter().map(|part| part.name.clone()).filter(|name| gone.contains(name)).collect()
    }

    /// Writes the files and notes them as applied; gives their paths.
    pub fn publish(self, progress: Progress) -> Result<Vec<Utf8PathBuf>> {
        publish(self.bench, self.parts, &self.selected, progress)
    }
}
