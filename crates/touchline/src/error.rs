//! Why the front door stays shut.

use std::path::PathBuf;

use touchline_capture::import::{self, ImportError};
use touchline_market::{AddressError, Nanos, Venue};

/// What went wrong when something was asked of Touchline, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recording cannot be opened. Check the path.
    #[error("{}: {source}", path.display())]
    Open {
        /// The path that was asked for.
        path: PathBuf,
        /// What the reader said.
        source: ImportError,
    },
    /// The journal cannot be run again. Its frames may still be replayed as those of any other recording.
    #[error("{}: {cause}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Nothing in the recording tells its venue. Name it.
    #[error("{}: neither a URL in the recording nor its file name tells the venue; name it with --venue", path.display())]
    UnknownRecording {
        /// The recording.
        path: PathBuf,
    },
    /// The recording is of several venues, and one at a time is read. Name it.
    #[error("{}: recorded of {venues}; name one of them with --venue", path.display())]
    SeveralVenues {
        /// The recording.
        path: PathBuf,
        /// Their names.
        venues: String,
    },
    /// The part of a recording that is asked for ends before it begins. Turn the two around.
    #[error("the part that is asked for ends at {} and begins at {}", import::utc(*to), import::utc(*from))]
    Backwards {
        /// Where it is to begin.
        from: Nanos,
        /// Where it is to end.
        to: Nanos,
    },
    /// Nothing was received in the part of the recording that was asked for. Choose another one.
    #[error("{}: nothing was received {between}; it begins at {}", path.display(), import::utc(*begins))]
    NothingThere {
        /// The recording.
        path: PathBuf,
        /// Between when and when, in words.
        between: String,
        /// When its first entry was received.
        begins: Nanos,
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
    /// The configuration does not hold. Every mistake is named with its place.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The venue does not have this channel.
    #[error("{venue} has no channel `{channel}`; `touchline venues` shows what it has")]
    NoChannel {
        /// Which venue.
        venue: Venue,
        /// What was asked for.
        channel: &'static str,
    },
    /// The venue's list of instruments cannot be had, and without it a name is nobody's. Check the network and the
    /// endpoint, name a saved list in the configuration, or write the venue's own symbol: VENUE:@SYMBOL.
    #[error("the instruments of {venue} cannot be had: {cause}; check the network, or write VENUE:@SYMBOL")]
    Instruments {
        /// Which venue.
        venue: Venue,
        /// What went wrong.
        cause: String,
    },
    /// There is no room for another instrument. Raise `instruments_max`.
    #[error("no room for more than {max} instruments; raise instruments_max")]
    Full {
        /// How many there may be.
        max: usize,
    },
    /// The folder for incidents cannot be had. Check `incidents` and its rights.
    #[error("cannot keep incidents in {}: {source}", path.display())]
    Folder {
        /// The folder that was asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The feed has been stopped.
    #[error("the feed has been stopped")]
    Stopped,
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
