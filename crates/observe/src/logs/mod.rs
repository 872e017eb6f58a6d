//! Logs: what happens to connections and books, as lines on standard error.
//!
//! The threads of a feed write none: they send events, and one slow thread makes lines of them ([`follow`]), ten a second
//! of each kind at most. What other crates say through the `log` facade goes the same way ([`listen`]). What comes from a
//! venue is escaped and cut ([`escaped`]); secrets that are known are taken out of every line, whoever wrote it
//! ([`Settings::scrub`]).

mod facade;
mod follow;
mod limiter;
mod words;
mod writer;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;

pub use follow::{EVENTS, Follower, follow};
pub use limiter::LINES_PER_SECOND;
pub use words::{TEXT_BYTES_MAX, escaped};
use writer::Lines;

/// The variable of the environment that says what is logged where nobody else says it.
pub const VARIABLE: &str = "TOUCHLINE_LOG";

/// Takes known secrets out of a line: what to write in its place.
pub type Scrub = Arc<dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync>;

/// What is logged, and how.
#[derive(Clone)]
pub struct Settings {
    /// A level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or levels by target with a comma between:
    /// `info,touchline::book=debug`.
    pub filter: String,
    /// Each line is an object of JSON.
    pub json: bool,
    /// Every line passes through this.
    pub scrub: Option<Scrub>,
}

impl Default for Settings {
    /// Nothing is logged.
    fn default() -> Self {
        Self { filter: "off".to_owned(), json: false, scrub: None }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scrub = self.scrub.is_some();
        f.debug_struct("Settings")
            .field("filter", &self.filter)
            .field("json", &self.json)
            .field("scrub", &scrub)
            .finish()
    }
}

/// Why nothing is logged.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Write a level, or `target=level` with a comma between.
    #[error(
        "`{text}` does not say what to log: write off, error, warn, info, debug or trace, or target=level"
    )]
    Filter {
        /// What was written.
        text: String,
    },
    /// The program has a log already: keep to that one.
    #[error("there is a log already")]
    Started,
    /// The system gives no thread: end others, or raise its limit.
    #[error("cannot start the thread of the log: {0}")]
    Thread(io::Error),
}

/// Starts the program's log, on standard error. To be called once, by a program; a library only writes to it.
///
/// # Errors
/// [`LogError`], by what is in the way.
pub fn start(settings: &Settings) -> Result<(), LogError> {
    let written = subscriber(settings, io::stderr)?;
    tracing::subscriber::set_global_default(written).map_err(|_| LogError::Started)?;
    listen(settings.scrub.clone())
}

/// What other crates say through the `log` facade is written as well, by whatever subscriber there is: what it wants of
/// each target, nothing below debug. [`start`] does so by itself.
///
/// # Errors
/// [`LogError::Started`] if somebody else listens already, [`LogError::Thread`].
pub fn listen(scrub: Option<Scrub>) -> Result<(), LogError> {
    facade::start(scrub)
}

/// What is asked for: by `option`, else by the environment, else by a `file`, else nothing.
#[must_use]
pub fn wanted(option: Option<&str>, file: Option<&str>) -> String {
    let set = || std::env::var(VARIABLE).ok().filter(|set| !set.is_empty());
    let said = option.map(str::to_owned).or_else(set).or_else(|| file.map(str::to_owned));
    said.unwrap_or_else(|| Settings::default().filter)
}

/// A log that goes elsewhere: each line is written at once, to a writer of its own. For programs that have a subscriber
/// already, or none.
///
/// # Errors
/// [`LogError::Filter`].
pub fn subscriber<W: io::Write + 'static>(
    settings: &Settings,
    out: fn() -> W,
) -> Result<impl tracing::Subscriber + Send + Sync, LogError> {
    // A word alone would be a target, and whoever mistypes a level means none.
    let known = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    let filter: Option<Targets> = settings.filter.parse().ok();
    let filter = filter.filter(|_| settings.filter.split(',').all(known));
    let filter = filter.ok_or_else(|| LogError::Filter { text: escaped(&settings.filter) })?;
    let lines = Lines::new(out, settings.scrub.clone());
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines);
    let layer = if settings.json { layer.json().flatten_event(true).boxed() } else { layer.boxed() };
    Ok(tracing_subscriber::registry().with(layer.with_filter(filter)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    struct Here;

    impl io::Write for Here {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What this thread logs while `act` runs.
    pub(super) fn logged(settings: &Settings, act: impl FnOnce()) -> String {
        WRITTEN.with_borrow_mut(Vec::clear);
        tracing::subscriber::with_default(subscriber(settings, || Here).unwrap(), act);
        String::from_utf8(WRITTEN.with_borrow_mut(std::mem::take)).unwrap()
    }

    /// Lines of the level that is asked for and no others, as text and as JSON, without secrets in either.
    #[test]
    fn lines_are_as_asked_for() {
        let scrub: Scrub = Arc::new(|line| Cow::Owned(line.replace("hunter2", "***")));
        for json in [false, true] {
            let settings = Settings { filter: "warn".to_owned(), json, scrub: Some(Arc::clone(&scrub)) };
            let text = logged(&settings, || {
                tracing::info!("left out");
                tracing::warn!(venue = "a", "said hunter2 aloud");
            });
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(text.contains("said *** aloud") && text.contains("venue"), "{text}");
            assert_eq!(text.starts_with('{'), json, "{text}");
        }
        let off = logged(&Settings::default(), || tracing::error!("never"));
        assert_eq!(off, "");
    }

    /// What says no level is told, with what may be said.
    #[test]
    fn a_filter_that_says_nothing_is_an_error() {
        for filter in ["loud\u{1b}[2J", "infos", "touchline::book=loud", "a=b=info"] {
            let settings = Settings { filter: filter.to_owned(), ..Settings::default() };
            let Err(error) = subscriber(&settings, || Here) else { panic!("{filter} is no error") };
            let text = error.to_string();
            assert!(text.contains("write off, error") && !text.contains('\u{1b}'), "{text}");
        }
        for filter in ["off", "WARN", "info,touchline::book=debug", "touchline=trace"] {
            let settings = Settings { filter: filter.to_owned(), ..Settings::default() };
            assert!(subscriber(&settings, || Here).is_ok(), "{filter}");
        }
        assert_eq!(wanted(Some("debug"), Some("info")), "debug");
    }
}
