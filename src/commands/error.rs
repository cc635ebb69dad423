//! What can be wrong with what was typed, or with where.

/// Errors of the commands themselves.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A moment cannot be understood.
    #[error("`{text}` is not a moment")]
    NotAMoment {
        /// What was typed.
        text: String,
    },
    /// A flag of the run without a command stands before a command.
    #[error("{flag} stands before the command, where it does nothing")]
    FlagBeforeCommand {
        /// The flag.
        flag: &'static str,
    },
    /// The current folder is gone, or may not be read.
    #[error("the current folder cannot be read: {0}")]
    CurrentFolder(std::io::Error),
    /// The path of the current folder is not UTF-8.
    #[error("{path}: the path of the current folder is not UTF-8")]
    NotUtf8 {
        /// The path, with what is not UTF-8 replaced.
        path: String,
    },
}

impl Error {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotAMoment { .. } => {
                "give a date, a time or a span, like 2026-11-22, 2026-11-22T19:16:55Z or `7 days`".into()
            }
            Self::FlagBeforeCommand { .. } => "put it after the command".into(),
            Self::CurrentFolder(_) => "change to a folder that is there".into(),
            Self::NotUtf8 { .. } => {
                "rename the folder, or name the files with --db and --dir from elsewhere".into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_is_wrong_and_what_to_do() {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        let all = [
            (Error::NotAMoment { text: "soon".into() }, "`soon` is not a moment"),
            (
                Error::FlagBeforeCommand { flag: "--message" },
                "--message stands before the command, where it does nothing",
            ),
            (Error::CurrentFolder(gone), "the current folder cannot be read: entity not found"),
            (
                Error::NotUtf8 { path: "/\u{fffd}".into() },
                "/\u{fffd}: the path of the current folder is not UTF-8",
            ),
        ];
        for (error, message) in all {
            assert_eq!(error.to_string(), message);
            assert!(error.help().is_some());
        }
    }
}
