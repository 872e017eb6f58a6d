//! Witnesses of a run: what was said of connections and states, and whether a view was ever not LIVE.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use touchline::Feed;
use touchline::events::{Event, EventKind, EventsConfig, Kinds};
use touchline::market::{InstrumentId, State};
use touchline_feed::Report;

use crate::rig::PATIENCE;

/// Everything that is said of connections and of states from now on, with the moment it was heard.
pub(crate) struct Log {
    seen: Arc<Mutex<Vec<(Instant, Event)>>>,
    /// Events that were waited for, or passed over while waiting.
    passed: usize,
}

impl Log {
    pub(crate) fn of(feed: &Feed) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kinds = Kinds::of(&[EventKind::State, EventKind::Connection]);
        let events = feed.events_with(EventsConfig { kinds, ..EventsConfig::default() });
        let write = Arc::clone(&seen);
        events.for_each(move |event| write.lock().unwrap().push((Instant::now(), event))).unwrap();
        // Whoever answers has heard of the consumer before.
        feed.report().unwrap();
        Self { seen, passed: 0 }
    }

    /// Waits for the next event that `pick` takes; those before it are passed over.
    pub(crate) fn next<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> (Instant, T) {
        let began = Instant::now();
        loop {
            {
                let seen = self.seen.lock().unwrap();
                while let Some((at, event)) = seen.get(self.passed) {
                    self.passed += 1;
                    if let Some(picked) = pick(event) {
                        return (*at, picked);
                    }
                }
            }
            assert!(began.elapsed() < PATIENCE, "{what}: not heard\n{}", self.text());
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Waits for the next report of a connection that `pick` takes.
    pub(crate) fn report<T>(&mut self, what: &str, pick: impl Fn(&Report) -> Option<T>) -> (Instant, T) {
        self.next(what, |event| match event {
            Event::Connection(event) => pick(&event.report),
            _ => None,
        })
    }

    /// Waits until a book that was LIVE is not, for the first time from here on. When, whose, and what it is.
    pub(crate) fn flag(&mut self) -> (Instant, InstrumentId, State) {
        let (at, (id, state)) = self.next("a flag", |event| match event {
            Event::State { instrument, from: State::Live, to, .. } => Some((*instrument, *to)),
            _ => None,
        });
        (at, id, state)
    }

    /// Everything so far, for a message.
    pub(crate) fn text(&self) -> String {
        let seen = self.seen.lock().unwrap().clone();
        seen.iter().map(|(_, event)| format!("{event:?}\n")).collect()
    }

    /// Passes over everything so far.
    pub(crate) fn skip(&mut self) {
        self.passed = self.seen.lock().unwrap().len();
    }

    /// How many reports of all so far are such.
    pub(crate) fn count(&self, such: impl Fn(&Report) -> bool) -> usize {
        self.count_events(|event| matches!(event, Event::Connection(event) if such(&event.report)))
    }

    /// How many events of all so far are such.
    pub(crate) fn count_events(&self, such: impl Fn(&Event) -> bool) -> usize {
        self.seen.lock().unwrap().iter().filter(|(_, event)| such(event)).count()
    }
}

/// Reads every view of a feed all the time, and notes each read that is not LIVE.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<String>)>,
}

impl Sampler {
    pub(crate) fn start(feed: &Feed) -> Self {
        let views = feed.views();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let (mut reads, mut wrong) = (0, Vec::new());
                while !stop.load(Relaxed) {
                    for (_, view) in &views {
                        let (touch, read) = (view.touch().state, view.read().state);
                        reads += 2;
                        if !(touch.is_live() && read.is_live()) && wrong.len() < 10 {
                            let symbol = &view.instrument().symbol;
                            wrong.push(format!("read {reads}: {symbol} {touch} {read}"));
                        }
                    }
                    std::thread::sleep(Duration::from_micros(100));
                }
                (reads, wrong)
            }
        });
        Self { stop, thread }
    }

    /// No read was anything but LIVE. Returns how many there were.
    pub(crate) fn always_live(self) -> u64 {
        self.stop.store(true, Relaxed);
        let (reads, wrong) = self.thread.join().unwrap();
        assert!(wrong.is_empty(), "of {reads} reads: {wrong:#?}");
        assert!(reads > 100, "{reads} reads");
        reads
    }
}

/// Figures of some durations, for a line of output.
pub(crate) fn figures(mut durations: Vec<Duration>) -> String {
    durations.sort();
    let at = |share: usize| durations[(durations.len() - 1) * share / 100];
    format!("p50 {:?}, p99 {:?}, max {:?} of {}", at(50), at(99), at(100), durations.len())
}
