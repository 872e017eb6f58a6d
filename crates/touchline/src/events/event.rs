//! What can be heard of.

use std::sync::Arc;

use touchline_book::{BboView, Touch, TradeView};
use touchline_feed::Report;
use touchline_market::{InstrumentId, Nanos, State, Venue};

use crate::flight::Incident;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message of the book was applied, or the book's state changed: the best level with its verdict. The other
    /// levels are in the view.
    Book {
        /// Whose.
        instrument: InstrumentId,
        /// The best level.
        touch: Touch,
    },
    /// A trade.
    Trade {
        /// Of what.
        instrument: InstrumentId,
        /// The trade.
        trade: TradeView,
    },
    /// The venue's own best bid and offer.
    Bbo {
        /// Of what.
        instrument: InstrumentId,
        /// What the venue said.
        bbo: BboView,
    },
    /// A book is worth something else from now on.
    State {
        /// Whose.
        instrument: InstrumentId,
        /// What it was.
        from: State,
        /// What it is.
        to: State,
        /// How often the book began anew.
        epoch: u32,
        /// When, by our clock.
        at: Nanos,
        /// Why, if it was LIVE and is not any more, with the messages before.
        incident: Option<Arc<Incident>>,
    },
    /// Something happened to a connection.
    Connection(Arc<ConnectionEvent>),
    /// So many events did not fit and are missing here. The consumer was too slow; the views have the newest state.
    Lost(u64),
}

const _: () = assert!(size_of::<Event>() <= 96, "an event and its slot's words fill two cache lines at most");

/// What happened to a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionEvent {
    /// Which: dense, from 0, for the life of the feed.
    pub connection: u32,
    /// To whom.
    pub venue: Venue,
    /// When, by our clock.
    pub at: Nanos,
    /// What.
    pub report: Report,
}

/// The kinds of events that can be asked for; losses are always shown.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum EventKind {
    /// [`Event::Book`].
    Book = 0,
    /// [`Event::Trade`].
    Trade = 1,
    /// [`Event::Bbo`].
    Bbo = 2,
    /// [`Event::State`].
    State = 3,
    /// [`Event::Connection`].
    Connection = 4,
}

impl Event {
    /// Its kind; `None` for [`Lost`](Self::Lost).
    #[inline]
    #[must_use]
    pub const fn kind(&self) -> Option<EventKind> {
        match self {
            Self::Book { .. } => Some(EventKind::Book),
            Self::Trade { .. } => Some(EventKind::Trade),
            Self::Bbo { .. } => Some(EventKind::Bbo),
            Self::State { .. } => Some(EventKind::State),
            Self::Connection(_) => Some(EventKind::Connection),
            Self::Lost(_) => None,
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self::of(&[
        EventKind::Book,
        EventKind::Trade,
        EventKind::Bbo,
        EventKind::State,
        EventKind::Connection,
    ]);

    /// These kinds.
    #[must_use]
    pub const fn of(kinds: &[EventKind]) -> Self {
        let (mut bits, mut rest) = (0, kinds);
        while let [kind, others @ ..] = rest {
            bits |= 1 << *kind as u8;
            rest = others;
        }
        Self(bits)
    }

    /// Whether a kind is among them.
    #[inline]
    #[must_use]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}
