//! Messages for tests: prices with one decimal, quantities with two.

use touchline::market::{
    Flags, Head, Instrument, InstrumentId, InstrumentKind, Level, LevelPacker, Nanos, Price, Qty, Record,
    Sequence, Side, Trade, TrailedPacker, Trailer, UpdateKind,
};
use touchline::{Keeper, Update};
use touchline_book::KeeperConfig;

/// A message with all that it borrows.
pub(crate) struct Sample {
    pub(crate) instrument: Instrument,
    pub(crate) head: Head,
    pub(crate) body: Vec<Record>,
    pub(crate) keeper: Keeper,
}

impl Sample {
    pub(crate) fn update(&self) -> Update<'_> {
        Update {
            instrument: &self.instrument,
            head: &self.head,
            body: &self.body,
            outcome: None,
            keeper: &self.keeper,
        }
    }

    /// The same, received and stamped at these times.
    pub(crate) fn at(mut self, ts_recv: u64, ts_event: u64) -> Self {
        (self.head.ts_recv, self.head.ts_event) = (Nanos(ts_recv), Nanos(ts_event));
        self
    }

    /// The same with something behind its levels.
    pub(crate) fn with(mut self, trailer: Trailer) -> Self {
        let levels: Vec<_> = touchline::market::Levels::new(&self.head, self.body.iter()).collect();
        self.head.flags = self.head.flags.with(Flags::TRAILER);
        self.body.clear();
        let mut packer = TrailedPacker::default();
        for (_, level) in levels {
            packer.push(level, &mut self.body).unwrap();
        }
        packer.finish(trailer, &mut self.body).unwrap();
        self
    }

    /// The same asked for beside the stream.
    pub(crate) fn beside(mut self) -> Self {
        self.head.flags = self.head.flags.with(Flags::BESIDE_STREAM);
        self
    }
}

/// A message without a body.
pub(crate) fn message(mut head: Head) -> Sample {
    (head.price_scale, head.qty_scale) = (1, 2);
    let venue = "kraken".parse().unwrap();
    Sample {
        instrument: Instrument::provisional(venue, "XBT/USD", "BTC-USD", InstrumentKind::Spot),
        head,
        body: Vec::new(),
        keeper: Keeper::new(&KeeperConfig::default()),
    }
}

/// A book's message: sequence, then levels of price and quantity.
pub(crate) fn book(kind: UpdateKind, sequence: u64, bids: &[(i64, u64)], asks: &[(i64, u64)]) -> Sample {
    let mut head = Head::new(kind, InstrumentId(0));
    (head.bids, head.asks) = (bids.len() as u16, asks.len() as u16);
    (head.previous, head.sequence) = (Sequence(sequence.saturating_sub(1)), Sequence(sequence));
    let mut sample = message(head);
    let mut packer = LevelPacker::default();
    for &(price, qty) in bids.iter().chain(asks) {
        packer.push(Level::new(price, qty), &mut sample.body).unwrap();
    }
    packer.finish(&mut sample.body).unwrap();
    sample
}

/// A trade.
pub(crate) fn trade(aggressor: Side, price: i64, qty: u64, id: u64) -> Sample {
    let mut sample = message(Head::new(UpdateKind::Trade, InstrumentId(0)));
    sample.body.push(Trade { price: Price(price), qty: Qty(qty), id, aggressor }.to_record());
    sample
}
