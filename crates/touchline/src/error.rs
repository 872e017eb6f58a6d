//! Why the front door stays shut.

use std::path::PathBuf;

use touchline_capture::CaptureError;
use touchline_market::AddressError;

/// What went wrong when something was asked of Touchline, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recording cannot be opened. Check the path.
    #[error("{}: {source}", path.display())]
    Open {
        /// The path that was asked for.
        path: PathBuf,
        /// What the reader said.
        source: CaptureError,
    },
    /// Nothing in the recording tells its venue. Name it.
    #[error("{}: neither a URL in the recording nor its file name tells the venue; name it with --venue", path.display())]
    UnknownRecording {
        /// The recording.
        path: PathBuf,
    },
    /// No such venue.
    #[error("unknown venue `{name}`; known are {}", known())]
    UnknownVenue {
        /// What was asked for.
        name: String,
    },
    /// The text names no instrument.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No such instrument here.
    #[error("no instrument `{asked}` here; there are {available}")]
    UnknownInstrument {
        /// What was asked for.
        asked: String,
        /// What there is, shortened.
        available: String,
    },
    /// A thread could not be started.
    #[error("cannot start the {stage} thread: {source}")]
    Thread {
        /// Which.
        stage: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread panicked. This is a defect of Touchline: please report it with the recording.
    #[error("the {stage} thread panicked")]
    Panicked {
        /// Which.
        stage: &'static str,
    },
}

fn known() -> String {
    let names: Vec<_> = touchline_venue::all().iter().map(|facts| facts.name.to_string()).collect();
    names.join(", ")
}
