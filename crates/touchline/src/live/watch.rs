//! Looks on while books change: asks for snapshots, tells consumers, on the thread that builds the books.

use std::sync::{Arc, OnceLock};

use touchline_book::{BboView, Keeper, Outcome, TradeView};
use touchline_link::Handle;
use touchline_market::{Flags, Head, InstrumentId, Nanos, State, UpdateKind};

use super::control::Control;
use crate::events::{Event, EventKind, Sender};

/// Shortest time between two requests for deeper levels of a live book.
const REFRESH_EVERY_NS: u64 = 30_000_000_000;

/// The way to a reader, known once its thread runs.
pub(crate) type Mailbox = Arc<OnceLock<Handle<Control>>>;

/// What is known of one book here.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// Its instrument's number in the feed.
    pub(crate) id: u32,
    /// The reader whose connection feeds it.
    pub(crate) reader: usize,
    state: State,
    /// A snapshot was asked for and has not come.
    asked: bool,
    /// When deeper levels were last asked for.
    refreshed: Nanos,
    /// Levels a side that the book should know.
    wanted: u32,
}

impl Watched {
    pub(crate) fn new(id: u32, reader: usize, wanted: u32) -> Self {
        // The reader asks for the first snapshot by itself, as soon as the stream is acknowledged.
        Self { id, reader, state: State::Init, asked: true, refreshed: Nanos::NONE, wanted }
    }
}

/// The observer of a live feed's books.
#[derive(Debug)]
pub(crate) struct Watch {
    books: Vec<Watched>,
    readers: Vec<(Mailbox, Vec<(u32, bool)>)>,
    consumers: Vec<Sender>,
    /// Something is to be asked of a reader.
    asks: bool,
}

impl Watch {
    pub(crate) fn new(readers: Vec<Mailbox>) -> Self {
        let readers = readers.into_iter().map(|mailbox| (mailbox, Vec::new())).collect();
        Self { books: Vec::new(), readers, consumers: Vec::new(), asks: false }
    }

    /// A book was added in this place.
    pub(crate) fn add(&mut self, index: usize, watched: Watched) {
        match self.books.get_mut(index) {
            Some(place) => *place = watched,
            None => self.books.push(watched),
        }
    }

    /// Is the book in this place fed by that reader?
    pub(crate) fn is_of(&self, index: usize, reader: usize) -> bool {
        self.books.get(index).is_some_and(|watched| watched.reader == reader)
    }

    /// A consumer of events was added.
    pub(crate) fn add_consumer(&mut self, sender: Sender) {
        self.consumers.retain(|consumer| !consumer.is_gone());
        self.consumers.push(sender);
    }

    /// Asks each reader for the snapshots that its books need. Not done book by book: telling a reader may wake it,
    /// which costs as much as flagging some books, and first of all every book has to be flagged.
    #[inline]
    pub(crate) fn flush(&mut self) {
        if self.asks {
            self.ask_readers();
        }
    }

    #[cold]
    fn ask_readers(&mut self) {
        self.asks = false;
        for (mailbox, needs) in self.readers.iter_mut().filter(|(_, needs)| !needs.is_empty()) {
            match mailbox.get() {
                // A reader that is gone ends its books; there is nobody left to ask.
                Some(reader) => _ = reader.send(Control::Snapshots(std::mem::take(needs))),
                None => self.asks = true,
            }
        }
    }

    fn send(&self, kind: EventKind, event: impl Fn() -> Event) {
        for consumer in self.consumers.iter().filter(|consumer| consumer.wants(kind)) {
            consumer.send(event());
        }
    }

    /// Everything but a delta that took effect in a book whose state it did not change.
    #[cold]
    fn look(&mut self, head: &Head, keeper: &Keeper) {
        let Some(watched) = self.books.get_mut(head.instrument.0 as usize) else { return };
        let (from, to) = (watched.state, keeper.state());
        watched.state = to;
        let answered = head.kind == UpdateKind::Snapshot && head.flags.has(Flags::BESIDE_STREAM);
        watched.asked &= !answered;
        if keeper.wants_snapshot()
            && !watched.asked
            && let Some((_, needs)) = self.readers.get_mut(watched.reader)
        {
            needs.push((watched.id, false));
            (watched.asked, self.asks) = (true, true);
        }
        if from != to {
            let (instrument, epoch, at) = (InstrumentId(watched.id), keeper.epoch(), head.ts_recv);
            self.send(EventKind::State, || Event::State { instrument, from, to, epoch, at });
        }
    }
}

impl crate::pipeline::Observer for Watch {
    #[inline]
    fn book(&mut self, head: &Head, keeper: &Keeper, outcome: Outcome) {
        let Some(watched) = self.books.get_mut(head.instrument.0 as usize) else { return };
        if outcome != Outcome::Applied || head.kind != UpdateKind::Delta || watched.state != keeper.state() {
            self.look(head, keeper);
        }
        if !self.consumers.is_empty()
            && let Some(watched) = self.books.get(head.instrument.0 as usize)
        {
            let instrument = InstrumentId(watched.id);
            self.send(EventKind::Book, || Event::Book {
                instrument,
                touch: touchline_book::Touch::of(keeper),
            });
        }
    }

    /// Asks for deeper levels where too few are known.
    #[cold]
    fn refresh(&mut self, head: &Head, keeper: &Keeper) -> bool {
        let Some(watched) = self.books.get_mut(head.instrument.0 as usize) else { return false };
        let rested = head.ts_recv.0.saturating_sub(watched.refreshed.0) >= REFRESH_EVERY_NS;
        if !rested || !keeper.is_shallow(watched.wanted) {
            return false;
        }
        watched.refreshed = head.ts_recv;
        let Some((_, needs)) = self.readers.get_mut(watched.reader) else { return false };
        needs.push((watched.id, true));
        self.asks = true;
        true
    }

    #[inline]
    fn bbo(&mut self, head: &Head, bbo: &BboView) {
        if !self.consumers.is_empty()
            && let Some(watched) = self.books.get(head.instrument.0 as usize)
        {
            let instrument = InstrumentId(watched.id);
            self.send(EventKind::Bbo, || Event::Bbo { instrument, bbo: *bbo });
        }
    }

    #[inline]
    fn trade(&mut self, head: &Head, trade: &TradeView) {
        if !self.consumers.is_empty()
            && let Some(watched) = self.books.get(head.instrument.0 as usize)
        {
            let instrument = InstrumentId(watched.id);
            self.send(EventKind::Trade, || Event::Trade { instrument, trade: *trade });
        }
    }
}
