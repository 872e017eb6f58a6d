//! How a command ends.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// Sound.
    Sound,
    /// A book could not be trusted.
    Untrusted,
    /// The recording is damaged.
    Damaged,
    /// Ctrl-C.
    Interrupted,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library says no.
    Touchline(touchline::Error),
    /// A file cannot be written.
    Write { path: std::path::PathBuf, source: std::io::Error },
}

impl From<touchline::Error> for Failure {
    fn from(error: touchline::Error) -> Self {
        Self::Touchline(error)
    }
}

/// The program's exit code; a failure is told on standard error.
pub(crate) fn code(done: Result<Ending, Failure>) -> ExitCode {
    ExitCode::from(match done {
        Ok(Ending::Sound) => 0,
        Ok(Ending::Untrusted) => 1,
        Ok(Ending::Damaged) => 3,
        Ok(Ending::Interrupted) => 130,
        Err(Failure::Write { path, source }) => {
            crate::out::error(&format!("cannot write {}: {source}", path.display()));
            2
        }
        Err(Failure::Touchline(error)) => {
            crate::out::error(&error.to_string());
            // The file itself is at fault, or what was asked of it.
            if matches!(error, touchline::Error::Open { .. }) { 3 } else { 2 }
        }
    })
}
