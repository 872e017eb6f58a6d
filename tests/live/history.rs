//! What happened to books and connections, in order: states pass too quickly to be seen in the views alone.

use std::collections::BTreeMap;
use std::time::Duration;

use touchline::events::{ConnectionEvent, Event, EventKind, Events, EventsConfig, Kinds};
use touchline::market::{InstrumentId, Reason, State};

use crate::rig::{PATIENCE, Rig};

/// What a book became, in which epoch, and when by our clock (ns).
pub(crate) type Turn = (State, u32, u64);

/// The states of all books and the life of all connections since it began.
pub(crate) struct History {
    events: Events,
    symbols: BTreeMap<u32, String>,
    turns: BTreeMap<String, Vec<Turn>>,
    pub(crate) connections: Vec<ConnectionEvent>,
}

impl History {
    /// Listens from now on: every thread has heard of it when this returns.
    pub(crate) fn of(rig: &Rig) -> Self {
        let kinds = Kinds::of(&[EventKind::State, EventKind::Connection]);
        let events = rig.feed.events_with(EventsConfig { kinds, ..EventsConfig::default() });
        // Threads take their mail in order: whoever has reported has begun to send.
        rig.feed.report().unwrap();
        let mut history =
            Self { events, symbols: BTreeMap::new(), turns: BTreeMap::new(), connections: Vec::new() };
        history.learn(rig);
        history
    }

    /// Learns the names of instruments that were subscribed to since.
    pub(crate) fn learn(&mut self, rig: &Rig) {
        let named = |(InstrumentId(id), view): (InstrumentId, touchline::View)| {
            (id, view.instrument().symbol.clone())
        };
        self.symbols.extend(rig.feed.views().into_iter().map(named));
    }

    /// Takes what has happened.
    pub(crate) fn take(&mut self) -> &mut Self {
        while let Some(event) = self.events.poll() {
            match event {
                Event::State { instrument, to, epoch, at, .. } => {
                    let symbol = self.symbols.get(&instrument.0).cloned().unwrap_or_default();
                    self.turns.entry(symbol).or_default().push((to, epoch, at.0));
                }
                Event::Connection(event) => self.connections.push((*event).clone()),
                Event::Lost(count) => panic!("{count} events lost"),
                _ => {}
            }
        }
        self
    }

    /// What became of a symbol's book so far.
    pub(crate) fn turns(&mut self, symbol: &str) -> Vec<Turn> {
        self.take().turns.get(symbol).cloned().unwrap_or_default()
    }

    /// The states alone.
    pub(crate) fn states(&mut self, symbol: &str) -> Vec<State> {
        self.turns(symbol).into_iter().map(|(state, _, _)| state).collect()
    }

    /// Nothing happened to this symbol's book.
    pub(crate) fn assert_quiet(&mut self, symbol: &str) {
        assert_eq!(self.turns(symbol), [], "{symbol} was to be left alone");
    }

    /// Waits until the book was stale for this reason, and live again after it. Returns how long it was not live, by
    /// our clock.
    pub(crate) fn recovers(&mut self, rig: &Rig, symbol: &str, reason: Reason) -> Duration {
        let began = std::time::Instant::now();
        loop {
            let turns = self.turns(symbol);
            let stale = turns.iter().position(|(state, _, _)| *state == State::Stale(reason));
            let live = stale.and_then(|at| turns[at..].iter().find(|(state, _, _)| state.is_live()));
            if let (Some(at), Some(live)) = (stale, live) {
                // The first turn from LIVE, whatever it was called.
                return Duration::from_nanos(live.2.saturating_sub(turns[..=at][0].2));
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{symbol}: {turns:?}, to be stale for {} and live again\n{}",
                reason.name(),
                rig.state_of_affairs()
            );
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Forgets what happened so far.
    pub(crate) fn forget(&mut self) {
        self.take();
        self.turns.clear();
        self.connections.clear();
    }
}
