//! How a command ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use touchline_capture::import::ImportError;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// Sound.
    Sound,
    /// A book could not be trusted.
    Untrusted,
    /// Something is slower than was allowed.
    Slower,
    /// What was given cannot be used, and why is told already.
    Unusable,
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
    /// The arguments do not fit together.
    Usage(String),
    /// The simulated exchange cannot start.
    Simulator(touchline_simulator::StartError),
    /// A result cannot be written.
    Write { path: PathBuf, source: std::io::Error },
}

impl From<touchline::config::ConfigError> for Failure {
    fn from(error: touchline::config::ConfigError) -> Self {
        Self::Touchline(error.into())
    }
}

impl From<touchline_simulator::StartError> for Failure {
    fn from(error: touchline_simulator::StartError) -> Self {
        Self::Simulator(error)
    }
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
        Ok(Ending::Untrusted | Ending::Slower) => 1,
        Ok(Ending::Unusable) => 2,
        Ok(Ending::Damaged) => 3,
        Ok(Ending::Interrupted) => 130,
        Err(failure) => {
            crate::out::error(&failure.text());
            failure.code()
        }
    })
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            // The file itself is at fault, not what was asked of it.
            Self::Touchline(touchline::Error::Open { .. }) => 3,
            Self::Simulator(touchline_simulator::StartError::Recording { .. }) => 3,
            Self::Touchline(_) | Self::Usage(_) | Self::Simulator(_) | Self::Write { .. } => 2,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Touchline(touchline::Error::Open { path, source }) => damage(path, source),
            Self::Touchline(error) => error.to_string(),
            Self::Simulator(error) => error.to_string(),
            Self::Usage(text) => text.clone(),
            Self::Write { path, source } => format!("cannot write {}: {source}", path.display()),
        }
    }
}

/// What is wrong with a recording. The reader knows where it stopped; a file without a single byte or one that the
/// system refuses has no place worth naming.
pub(crate) fn damage(path: &Path, damage: &ImportError) -> String {
    let path = path.display();
    match damage {
        ImportError::Io { at, source } if at.line == 0 => format!("cannot read {path}: {source}"),
        ImportError::Truncated { at, partial_bytes: 0 } if (at.line, at.file_byte) == (0, 0) => {
            format!("{path} is empty")
        }
        ImportError::UnknownForm => format!("{path} is not a recording of a form that is known"),
        _ => format!("{path}: {damage}"),
    }
}
