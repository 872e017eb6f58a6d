//! One book's fall from LIVE, with everything that is known of it.

use std::sync::Arc;

use touchline_book::Outcome;
use touchline_market::{
    Continuity, Flags, Head, Instrument, Level, Levels, Nanos, Reason, Record, Sequence, Side, State, Trailer,
};

use super::explain::explain;
use super::ring::{Circumstances, Passed};

/// Levels of the message that are kept.
pub const INCIDENT_LEVELS: usize = 64;

/// Levels a side of the book that are kept: as many as checksums are made over.
const BEST: usize = 10;

/// A book was LIVE and is not any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Whose book.
    pub instrument: Arc<Instrument>,
    /// How the book's updates are numbered.
    pub continuity: Continuity,
    /// What the book was worth before.
    pub from: State,
    /// What it is worth now.
    pub to: State,
    /// How often the book had begun anew.
    pub epoch: u32,
    /// The book's sequence before the message.
    pub sequence: Sequence,
    /// The message that did it; a break says only that something happened to the stream.
    pub head: Head,
    /// What the book made of it.
    pub outcome: Outcome,
    /// The message's levels, at the head's scales: the first [`INCIDENT_LEVELS`].
    pub levels: Vec<(Side, Level)>,
    /// The checksum that the message brought.
    pub checksum: Option<u32>,
    /// The checksum of our own levels beside it; `None` if they cannot be written in the venue's digits.
    pub own_checksum: Option<u32>,
    /// The book's best ten levels after the message: bids, asks.
    pub best: [Vec<Level>; 2],
    /// Decimals of their prices and quantities.
    pub scales: [u8; 2],
    /// The messages before it, the oldest first: at most [`FLIGHT_MESSAGES`](super::FLIGHT_MESSAGES).
    pub before: Vec<Passed>,
}

impl Incident {
    pub(super) fn new<'a>(
        what: &Circumstances<'_>,
        body: impl Iterator<Item = &'a Record> + Clone,
        before: Vec<Passed>,
    ) -> Self {
        let Circumstances { instrument, continuity, keeper, sequence, head, outcome } = *what;
        let book = keeper.book();
        let trailer = head
            .flags
            .has(Flags::TRAILER)
            .then(|| body.clone().take(head.body_records()).last().map(Trailer::of).unwrap_or_default());
        Self {
            instrument: Arc::clone(instrument),
            continuity,
            from: State::Live,
            to: keeper.state(),
            epoch: keeper.epoch(),
            sequence,
            head: *head,
            outcome,
            levels: levels(head, body),
            checksum: trailer.and_then(|trailer| trailer.checksum),
            own_checksum: trailer.and_then(|trailer| keeper.checksum(trailer)),
            best: [Side::Bid, Side::Ask].map(|side| book.levels(side).take(BEST).collect()),
            scales: [book.price_scale(), book.qty_scale()],
            before,
        }
    }

    /// When it was, by our clock.
    #[must_use]
    pub fn at(&self) -> Nanos {
        self.head.ts_recv
    }

    /// The reason that the book's state names.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self.to {
            State::Stale(reason) | State::Dead(reason) => Some(reason),
            State::Init | State::Syncing | State::Live => None,
        }
    }

    /// What happened, in one plain sentence.
    #[must_use]
    pub fn why(&self) -> String {
        explain(self)
    }
}

/// The levels of a message; a break has none.
fn levels<'a>(head: &Head, body: impl Iterator<Item = &'a Record>) -> Vec<(Side, Level)> {
    if head.reason().is_some() {
        return Vec::new(); // The numbers of a break stand where others have their counts.
    }
    Levels::new(head, body).take(INCIDENT_LEVELS).collect()
}
