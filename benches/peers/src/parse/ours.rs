//! The venue's parser by the door that the pipeline uses: from bytes to a committed update in a sink.

use std::hint::black_box;

use touchline::Plan;
use touchline::market::{Bbo, Head, InstrumentId, Levels, Record, Sink, SinkFull, Trade, UpdateKind};
use touchline::venue::{Adopt, Dialect, Listing, VenueFacts};

use super::Parser;
use crate::messages::{Said, wide};

/// A parser of one connection.
pub struct Ours {
    dialect: Dialect,
    listing: Listing,
    sink: Passing,
    held: Held,
}

impl Ours {
    /// The parser of a plan's venue, which knows its instruments.
    pub fn new(plan: &Plan) -> Self {
        let mut listing = plan.venue.listing(InstrumentId(0), Adopt::Never);
        for (instrument, _) in &plan.instruments {
            listing.insert(instrument.clone());
        }
        Self::with(plan.venue, listing)
    }

    /// A parser of this venue that takes every instrument as it comes.
    pub fn adopting(venue: &'static VenueFacts) -> Self {
        Self::with(venue, venue.listing(InstrumentId(0), Adopt::Provisional))
    }

    fn with(venue: &'static VenueFacts, listing: Listing) -> Self {
        let (sink, held) = (Passing(Vec::with_capacity(4_096)), Held::default());
        Self { dialect: venue.dialect(), listing, sink, held }
    }
}

impl Parser for Ours {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        let parsed = self.dialect.frame(frame, &mut self.listing, &mut self.sink);
        assert!(parsed.is_ok(), "a sound frame");
    }

    fn said(&mut self, frame: &mut [u8]) -> Option<Said> {
        self.held = Held::default();
        self.dialect.frame(frame, &mut self.listing, &mut self.held).ok()?;
        let head = self.held.head?;
        let first = self.held.records.first()?;
        let level =
            |price: i64, qty: u64| (wide(price.unsigned_abs(), head.price_scale), wide(qty, head.qty_scale));
        let levels = match head.kind {
            UpdateKind::Bbo => {
                let Bbo { bid, ask } = Bbo::from_record(first);
                vec![level(bid.price.0, bid.qty.0), level(ask.price.0, ask.qty.0)]
            }
            UpdateKind::Trade => {
                let trade = Trade::from_record(first);
                vec![level(trade.price.0, trade.qty.0)]
            }
            _ => Levels::new(&head, self.held.records.iter())
                .map(|(_, one)| level(one.price.0, one.qty.0))
                .collect(),
        };
        Some(Said { sequence: head.sequence.0, levels })
    }
}

/// Takes a message into a buffer, as the pipeline's own sink does, and then forgets it.
struct Passing(Vec<Record>);

impl Sink for Passing {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.0.push(record);
        Ok(())
    }

    #[inline]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        black_box((&self.0, head));
        self.0.clear();
        Ok(())
    }

    fn abandon(&mut self) {
        self.0.clear();
    }
}

/// Keeps a message.
#[derive(Default)]
struct Held {
    records: Vec<Record>,
    head: Option<Head>,
}

impl Sink for Held {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.records.push(record);
        Ok(())
    }

    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        self.head = Some(head);
        Ok(())
    }

    fn abandon(&mut self) {
        self.records.clear();
    }
}
