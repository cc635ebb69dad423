//! Statements on their way from the databases to a file: kept in memory while they are few, on disk when they are many.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

/// Up to here statements stay in memory.
const IN_MEMORY: usize = 4 << 20;

/// Takes statements.
pub(super) trait Sink {
    /// Takes the next one.
    fn push(&mut self, statement: &str) -> io::Result<()>;

    /// Takes the next ones.
    fn push_all(&mut self, statements: &[String]) -> io::Result<()> {
        statements.iter().try_for_each(|statement| self.push(statement))
    }
}

/// Statements, one after the other. Reading the rows must be over before the first statement is run on the shadow: a
/// cursor over a table that is being written shows what it likes.
pub(super) struct Spool {
    file: BufWriter<SpooledTempFile>,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { file: BufWriter::new(SpooledTempFile::new(IN_MEMORY)) }
    }

    /// Calls `each` with every statement in order. Nothing is pushed afterwards.
    pub(super) fn each<E: From<io::Error>>(
        &mut self,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = self.file.seek(SeekFrom::End(0))?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(self.file.get_mut()).take(end);
        let mut statement = String::new();
        while reader.limit() > 0 {
            let mut length = [0; 8];
            reader.read_exact(&mut length)?;
            statement.clear();
            let read = reader.by_ref().take(u64::from_le_bytes(length)).read_to_string(&mut statement)?;
            debug_assert_eq!(read as u64, u64::from_le_bytes(length));
            each(&statement)?;
        }
        Ok(())
    }
}

impl Sink for Spool {
    fn push(&mut self, statement: &str) -> io::Result<()> {
        self.file.write_all(&(statement.len() as u64).to_le_bytes())?;
        self.file.write_all(statement.as_bytes())
    }
}
