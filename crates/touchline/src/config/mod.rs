//! The configuration of a live feed: one plain struct, its TOML form, and its checks.
//!
//! A program fills in a [`Config`] and may [`check`](Config::check) it; a file is read by [`Config::read`], which
//! checks it too, without any network. Every mistake is named at once, each with line, column, key and, where a name
//! is wrong, the nearest valid one. A complete file:
//!
//! ```toml
#![doc = include_str!("example.toml")]
//! ```

mod check;
mod document;
mod endpoint;
mod journal;
mod mistake;
mod secrets;
mod sections;
mod shown;
#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, EndpointError};
pub use journal::JournalConfig;
pub use mistake::{ConfigError, Mistake};
pub use secrets::Secrets;
pub use shown::LogsConfig;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use touchline_link::TransportKind;
use touchline_market::{Address, Channel, Venue};

use crate::pipeline::{Placement, RING_RECORDS};
use document::Document;
use mistake::Mistakes;

/// Everything that may be said of a live feed. The default subscribes to nothing; every other field has the value
/// that suits most.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// What is received.
    pub subscriptions: Vec<Subscription>,
    /// Threads that read sockets. Default: 1.
    pub readers: usize,
    /// Threads that build books. Default: 1.
    pub book_threads: usize,
    /// Cores for the readers, one each: where given, their number is the number of readers. Default: the system's
    /// choice.
    pub reader_cores: Vec<usize>,
    /// Cores for the book threads, likewise.
    pub book_cores: Vec<usize>,
    /// Where books are built.
    pub placement: Placement,
    /// What an idle thread does.
    pub wait: Waiting,
    /// Records of the ring between a reader and a book thread: a power of two, from 64 on. Default:
    /// [`RING_RECORDS`].
    pub ring_records: usize,
    /// Connections that bring each book, 1 to 4, so that what one loses or delays comes by another. Default: 1.
    pub paths: u8,
    /// Room for instruments, later subscriptions included. Default: 1,024.
    pub instruments_max: usize,
    /// Levels a side that a snapshot is asked for. Default: 1,000.
    pub snapshot_levels: u32,
    /// The folder that gets a file whenever a book stops being LIVE: at most 1,000 of them, ten a second. Default: no
    /// files.
    pub incidents: Option<PathBuf>,
    /// Where everything that the feed sees, says and does is written down. Default: nowhere.
    pub journal: Option<JournalConfig>,
    /// Texts that must stand in no journal and no log, beside what is known to be secret by its name. Default: none.
    pub secrets: Secrets,
    /// Where on this machine a program around the feed serves metrics, liveness and readiness. Default: nowhere.
    pub metrics: Option<SocketAddr>,
    /// What a program around the feed logs.
    pub logs: LogsConfig,
    /// Where venues are reached instead of their usual hosts; one entry a venue at most.
    pub endpoints: Vec<Endpoint>,
    /// Venues' lists of instruments, read from files instead of the network; one entry a venue at most.
    pub instrument_files: Vec<(Venue, PathBuf)>,
    /// Take stamps between the stages: some 60 ns a message, and every stage's latency is known. Default: yes.
    pub measured: bool,
    /// Bounds of time.
    pub timing: TimingConfig,
    /// How sockets are opened and what they may bring.
    pub transport: TransportConfig,
}

/// Some channels of one instrument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// Which instrument.
    pub instrument: Address,
    /// Which of its channels, at least one.
    pub channels: Vec<Channel>,
}

impl Subscription {
    /// The book of an instrument.
    #[must_use]
    pub fn book(instrument: Address) -> Self {
        Self { instrument, channels: vec![Channel::Book] }
    }
}

/// What a thread does that has nothing to do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Waiting {
    /// It sleeps until something comes: its core is free for others, waking costs microseconds.
    #[default]
    Block,
    /// It looks again and again: it burns its core and sees everything at once.
    Spin,
}

/// Bounds of time, each with a default of its own (`None`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TimingConfig {
    /// How long a connection may take to open: name, TCP, TLS and handshake together.
    pub connect_timeout: Option<Duration>,
    /// How long a venue may take to answer a subscription.
    pub ack_timeout: Option<Duration>,
    /// Silence after which a connection is probed. From 2 s on.
    pub idle: Option<Duration>,
    /// How long the answer to a probe may take; less than `idle`.
    pub probe_timeout: Option<Duration>,
    /// A connection that lived so long ends the back-off.
    pub stable: Option<Duration>,
    /// The wait before the first new attempt; it doubles with each failure.
    pub backoff_first: Option<Duration>,
    /// The longest wait before a new attempt.
    pub backoff_max: Option<Duration>,
    /// The age at which a connection is replaced.
    pub lifetime: Option<Duration>,
}

/// How sockets are opened and what they may bring.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransportConfig {
    /// How sockets are read; in a file `transport`, of the table `feed`. Default: by tokio.
    pub kind: TransportKind,
    /// Send small messages at once (`TCP_NODELAY`). Default: yes.
    pub nodelay: bool,
    /// Bytes the kernel keeps for us (`SO_RCVBUF`). Default: the kernel's choice.
    pub receive_buffer_bytes: Option<usize>,
    /// How long sent bytes may stay unacknowledged before the connection counts as cut. Default: 10 s.
    pub user_timeout: Option<Duration>,
    /// Our own address, where there are several. Default: the kernel's choice.
    pub local_address: Option<IpAddr>,
    /// Ask the kernel when it had each packet. Default: yes.
    pub kernel_stamps: bool,
    /// How long a read looks at the network card before it gives up. Default: not at all.
    pub busy_poll: Option<Duration>,
    /// PEM files of certificate authorities trusted beside the built-in ones.
    pub roots: Vec<PathBuf>,
    /// The most bytes of one frame. Default: 4 MiB.
    pub frame_bytes_max: usize,
    /// The most bytes of one message. Default: 16 MiB.
    pub message_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            subscriptions: Vec::new(),
            readers: 1,
            book_threads: 1,
            reader_cores: Vec::new(),
            book_cores: Vec::new(),
            placement: Placement::default(),
            wait: Waiting::default(),
            ring_records: RING_RECORDS,
            paths: 1,
            instruments_max: 1_024,
            snapshot_levels: 1_000,
            incidents: None,
            journal: None,
            secrets: Secrets::default(),
            metrics: None,
            logs: LogsConfig::default(),
            endpoints: Vec::new(),
            instrument_files: Vec::new(),
            measured: true,
            timing: TimingConfig::default(),
            transport: TransportConfig::default(),
        }
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            kind: TransportKind::Tokio,
            nodelay: true,
            receive_buffer_bytes: None,
            user_timeout: Some(Duration::from_secs(10)),
            local_address: None,
            kernel_stamps: true,
            busy_poll: None,
            roots: Vec::new(),
            frame_bytes_max: 4 * 1024 * 1024,
            message_bytes_max: 16 * 1024 * 1024,
        }
    }
}

impl Config {
    /// Reads a file and checks it. Files that it names are looked for beside it.
    ///
    /// # Errors
    /// Every mistake in it; or that it cannot be read, or subscribes to nothing.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) => {
                let what = format!("cannot be read: {error}");
                let mistake = Mistake { line: 0, column: 0, key: String::new(), what };
                Err(ConfigError { file: path.display().to_string(), mistakes: vec![mistake] })
            }
        }
    }

    /// As [`read`](Self::read), of a text that has been read from `file` already.
    ///
    /// # Errors
    /// Every mistake in it, or that it subscribes to nothing.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::parse_on(text, file.as_ref(), cores().as_deref())
    }

    /// Checks every value, the files that are named, and that the values do not contradict one another. Cores must
    /// be among those that the calling thread may use: ask before pinning it.
    ///
    /// # Errors
    /// Every mistake found; their lines are 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut mistakes = Mistakes::default();
        check::check(self, &mut mistakes, cores().as_deref());
        mistakes.into_result("")
    }

    /// How many threads read sockets: as many as there are cores for them, or [`readers`](Self::readers).
    #[must_use]
    pub fn reader_count(&self) -> usize {
        if self.reader_cores.is_empty() { self.readers } else { self.reader_cores.len() }
    }

    /// How many threads build books beside the readers: none with [`Placement::Reader`], as many as there are cores
    /// for them, or [`book_threads`](Self::book_threads).
    #[must_use]
    pub fn book_thread_count(&self) -> usize {
        match self.placement {
            Placement::Reader => 0,
            Placement::BookThread if self.book_cores.is_empty() => self.book_threads,
            Placement::BookThread => self.book_cores.len(),
        }
    }

    /// `cores` are those there are; `None` if the system does not say.
    fn parse_on(text: &str, file: &Path, cores: Option<&[usize]>) -> Result<Self, ConfigError> {
        let mut document = Document::new(text);
        let config = sections::read(&mut document, file.parent().unwrap_or(Path::new("")));
        let mut mistakes = document.mistakes;
        if let Some(config) = &config {
            check::check(config, &mut mistakes, cores);
        }
        mistakes.into_result(&file.display().to_string())?;
        Ok(config.unwrap_or_default())
    }
}

/// The cores that this thread may use; `None` if the system does not say.
fn cores() -> Option<Vec<usize>> {
    core_affinity::get_core_ids().map(|cores| cores.into_iter().map(|core| core.id).collect())
}
