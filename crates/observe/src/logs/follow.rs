//! The thread that makes lines of events.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use touchline::events::{Event, EventKind, Events, EventsConfig, Kinds};
use touchline::feed::Report;
use touchline::market::{InstrumentId, Reason, State};
use tracing::Level;

use super::Scrub;
use super::limiter::{Kind, Limiter};
use super::words::shown;

/// What a log is made from: what happens to connections and to the states of books.
pub const EVENTS: EventsConfig =
    EventsConfig { capacity: 16_384, kinds: Kinds::of(&[EventKind::State, EventKind::Connection]) };

/// How often it is looked whether a second is over, while nothing comes.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// The thread that [`follow`] started. Dropping it ends the thread, within a moment.
#[derive(Debug)]
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Logs what `events` brings ([`EVENTS`] says what to ask for), on a thread of its own, until the feed ends.
/// `name` says what an instrument is called. Foreign texts pass through `scrub` before they are cut: the cut could leave one
/// half of a secret, which is known no more.
///
/// # Errors
/// The system gives no thread.
pub fn follow(
    events: Events,
    scrub: Option<Scrub>,
    name: impl Fn(InstrumentId) -> Option<String> + Send + 'static,
) -> io::Result<Follower> {
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::Builder::new().name("touchline-logs".to_owned()).spawn({
        let stop = Arc::clone(&stop);
        move || run(events, &Words { name: &name, scrub: scrub.as_ref() }, &stop)
    })?;
    Ok(Follower { stop, thread: Some(thread) })
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is said of what is not ours.
struct Words<'a> {
    name: &'a dyn Fn(InstrumentId) -> Option<String>,
    scrub: Option<&'a Scrub>,
}

impl Words<'_> {
    fn of(&self, text: &str) -> String {
        shown(self.scrub, text)
    }
}

fn run(mut events: Events, words: &Words<'_>, stop: &AtomicBool) {
    let began = Instant::now();
    let mut limiter = Limiter::default();
    loop {
        // What had happened before the end was asked for is still told.
        let last = stop.load(Relaxed);
        let event = events.next_timeout(if last { Duration::ZERO } else { LOOK });
        say_over(limiter.over(began.elapsed()));
        match event {
            Ok(Some(event)) => tell(&event, words, &mut limiter, began.elapsed()),
            Ok(None) => break,
            Err(_) if last => break,
            Err(_) => {}
        }
    }
    say_over(limiter.finish());
}

/// Of each kind of which lines were kept back, how many they were.
pub(super) fn say_over(kept_back: Vec<(Kind, u64)>) {
    for ((what, reason), lines) in kept_back {
        tracing::warn!(target: "touchline::log", what, reason, lines, "more of the same in this second");
    }
}

/// One event as a line, if there is room for it.
fn tell(event: &Event, words: &Words<'_>, limiter: &mut Limiter, now: Duration) {
    match event {
        Event::State { instrument, from, to, epoch, incident, .. } => {
            if !limiter.may(("book", reason(*to)), now) {
                return;
            }
            let name = (words.name)(*instrument);
            let instrument = name.map_or_else(|| format!("#{}", instrument.0), |name| words.of(&name));
            let (from, to) = (from.to_string(), to.to_string());
            match incident {
                Some(incident) => {
                    let why = words.of(&incident.why());
                    tracing::warn!(target: "touchline::book", instrument, from, to, epoch, why, "book");
                }
                None => tracing::info!(target: "touchline::book", instrument, from, to, epoch, "book"),
            }
        }
        Event::Connection(event) => {
            let (level, what) = heading(&event.report);
            if limiter.may(("connection", what), now) {
                let (venue, number) = (event.venue.as_str(), event.connection);
                let more = details(&event.report, words);
                if level == Level::WARN {
                    tracing::warn!(target: "touchline::connection", venue, number, more, "{what}");
                } else {
                    tracing::info!(target: "touchline::connection", venue, number, more, "{what}");
                }
            }
        }
        Event::Lost(events) if limiter.may(("events", "lost"), now) => {
            tracing::warn!(target: "touchline::log", events, "events came too fast to be logged");
        }
        Event::Book { .. } | Event::Trade { .. } | Event::Bbo { .. } | Event::Lost(_) => {}
    }
}

fn reason(state: State) -> &'static str {
    match state {
        State::Init => "init",
        State::Syncing => "syncing",
        State::Live => "live",
        State::Stale(reason) | State::Dead(reason) => Reason::name(reason),
    }
}

/// How much a report matters, and what it is called.
fn heading(report: &Report) -> (Level, &'static str) {
    match report {
        Report::Connecting { .. } => (Level::INFO, "connecting"),
        Report::Open => (Level::INFO, "open"),
        Report::Live { .. } => (Level::INFO, "live"),
        Report::Refused { .. } => (Level::WARN, "refused"),
        Report::Down { .. } => (Level::WARN, "down"),
        Report::Stalled { .. } => (Level::WARN, "stalled"),
        Report::Rejected { .. } => (Level::WARN, "stream refused"),
        Report::Leaving => (Level::INFO, "about to be replaced"),
    }
}

/// What a report holds beside its name. Much of it is the other side's words.
fn details(report: &Report, words: &Words<'_>) -> String {
    match report {
        Report::Connecting { attempt } => format!("attempt {attempt}"),
        Report::Live { streams } => format!("{streams} streams"),
        Report::Refused { refusal, .. } => words.of(&refusal.to_string()),
        Report::Down { ending, .. } => words.of(&ending.to_string()),
        Report::Stalled { stream: Some(stream) } => format!("stream {}", stream.0),
        Report::Rejected { stream, code, text, terminal } => {
            let again = if *terminal { "not asked for again" } else { "asked for again" };
            format!("stream {}, code {code}, {again}: {}", stream.0, words.of(text))
        }
        Report::Open | Report::Leaving | Report::Stalled { stream: None } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use touchline::events::ConnectionEvent;
    use touchline::feed::StreamId;
    use touchline::market::Nanos;

    use super::*;
    use crate::logs::{Settings, tests::logged};

    /// Nobody has a name, and there are no secrets.
    const PLAIN: Words<'_> = Words { name: &|_| None, scrub: None };

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn settings() -> Settings {
        Settings { filter: "info".to_owned(), ..Settings::default() }
    }

    fn refused(text: &str) -> Event {
        let report = Report::Rejected { stream: StreamId(3), code: 2, text: text.to_owned(), terminal: true };
        let event =
            ConnectionEvent { connection: 1, venue: "binance".parse().unwrap(), at: Nanos(5), report };
        Event::Connection(Arc::new(event))
    }

    /// A venue's text that tries to be two lines and to turn the terminal red, and is long beside: one line, harmless.
    #[test]
    fn a_venues_text_stays_on_its_line() {
        let text = format!("no such\nERROR \u{1b}[31mstream{}", "x".repeat(10_000));
        let log = logged(&settings(), || tell(&refused(&text), &PLAIN, &mut Limiter::default(), at(0)));
        assert_eq!(log.lines().count(), 1);
        assert!(
            log.contains("code 2, not asked for again") && !log.contains('\u{1b}') && log.len() < 600,
            "{log}"
        );
    }

    /// A secret right where a text is cut goes whole.
    #[test]
    fn no_half_of_a_secret_is_left() {
        let scrub: Scrub = Arc::new(|text| text.replace("hunter2", "***").into());
        let words = Words { scrub: Some(&scrub), ..PLAIN };
        let text = format!("{}hunter2{}", "x".repeat(250), "y".repeat(100));
        let log = logged(&settings(), || tell(&refused(&text), &words, &mut Limiter::default(), at(0)));
        assert!(log.contains("x***y") && !log.contains("hun"), "{log}");
    }

    /// A book whose name tries the same, as text and as an object of JSON.
    #[test]
    fn a_books_name_stays_on_its_line() {
        let name = format!("a\"}}\nERROR \u{1b}[31m\\{}", "x".repeat(10_000));
        let change = Event::State {
            instrument: InstrumentId(1),
            from: State::Live,
            to: State::Syncing,
            epoch: 1,
            at: Nanos(1),
            incident: None,
        };
        for json in [false, true] {
            let settings = Settings { json, ..settings() };
            let name = name.clone();
            let words = Words { name: &|_| Some(name.clone()), ..PLAIN };
            let log = logged(&settings, || tell(&change, &words, &mut Limiter::default(), at(0)));
            assert!(log.lines().count() == 1 && log.len() < 700 && !log.contains('\u{1b}'), "{log}");
            assert!(!json || serde_json::from_str::<serde_json::Value>(&log).is_ok(), "{log}");
        }
    }

    /// A burst of changes of state: ten lines a second for each reason, then one that counts the others.
    #[test]
    fn a_burst_is_ten_lines_and_a_count() {
        let change = |to| Event::State {
            instrument: InstrumentId(1),
            from: State::Live,
            to,
            epoch: 1,
            at: Nanos(1),
            incident: None,
        };
        let log = logged(&settings(), || {
            let mut limiter = Limiter::default();
            let words = Words { name: &|_| Some("a:B".to_owned()), ..PLAIN };
            for n in 0..500 {
                let to = if n % 2 == 0 { State::Stale(Reason::Gap) } else { State::Live };
                tell(&change(to), &words, &mut limiter, at(n));
            }
            say_over(limiter.over(at(1_100)));
        });
        let count = |what| log.lines().filter(|line| line.contains(what)).count();
        assert_eq!(log.lines().count(), 22, "{log}");
        assert_eq!((count("to=\"STALE(gap)\""), count("to=\"LIVE\""), count("lines=240")), (10, 10, 2));
    }
}
