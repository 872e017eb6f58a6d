//! Why nothing could be measured, and what to do.

use std::io;
use std::path::PathBuf;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A recording is not there. Set `TOUCHLINE_CAPTURES` to the folder that has it, or put it there.
    #[error("no recording at {}: set TOUCHLINE_CAPTURES to the folder that holds it", .0.display())]
    NoRecording(PathBuf),
    /// A recording is there and cannot be used: another one is needed.
    #[error("{}: {cause}", path.display())]
    Recording {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A peer came to another result than we did: nothing is measured until the two agree.
    #[error("{stage}: {who} differs at frame {frame}: {detail}")]
    Differs {
        /// Where.
        stage: String,
        /// Who.
        who: String,
        /// From which frame on.
        frame: usize,
        /// What each has.
        detail: String,
    },
    /// A peer could not do its part at all: its version or its options have changed.
    #[allow(dead_code, reason = "only some builds have such a peer")]
    #[error("{stage}: {cause}")]
    Peer {
        /// Where.
        stage: &'static str,
        /// What it said.
        cause: String,
    },
    /// A file could not be read or written. Look at its path and its rights.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A record is not one, or its columns are others.
    #[error("{} line {line}: {cause}", path.display())]
    Record {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What is wrong.
        cause: String,
    },
    /// The sockets of a stage could not be opened on this machine.
    #[error("{stage}: {cause}")]
    Socket {
        /// Where.
        stage: &'static str,
        /// Why.
        cause: String,
    },
}
