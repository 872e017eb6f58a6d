//! Bodies of one record: a best bid and offer, a trade, statistics. Their words stand in the table of `update.rs`.

use crate::{InstrumentStatus, Level, Nanos, Price, Qty, Record, Side};

/// The venue's best bid and offer. A quantity of 0 means that the side is empty.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Bbo {
    /// Best bid.
    pub bid: Level,
    /// Best offer.
    pub ask: Level,
}

impl Bbo {
    /// As it travels.
    #[inline]
    #[must_use]
    pub fn to_record(self) -> Record {
        let (bid, ask) = (self.bid, self.ask);
        Record([bid.price.0.cast_unsigned(), bid.qty.0, ask.price.0.cast_unsigned(), ask.qty.0, 0, 0, 0])
    }

    /// From a body record.
    #[inline]
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        let [bid, bid_qty, ask, ask_qty, ..] = record.0;
        Self { bid: Level::new(bid.cast_signed(), bid_qty), ask: Level::new(ask.cast_signed(), ask_qty) }
    }
}

/// One trade, or several fills of one aggressor at one price where the venue aggregates them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trade {
    /// The price.
    pub price: Price,
    /// The quantity.
    pub qty: Qty,
    /// The venue's number of the trade.
    pub id: u64,
    /// Who came to the resting order: `Bid` bought, `Ask` sold.
    pub aggressor: Side,
}

impl Trade {
    /// As it travels.
    #[inline]
    #[must_use]
    pub fn to_record(self) -> Record {
        Record([self.price.0.cast_unsigned(), self.qty.0, self.id, self.aggressor as u64, 0, 0, 0])
    }

    /// From a body record.
    #[inline]
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        let [price, qty, id, side, ..] = record.0;
        let aggressor = if side == Side::Ask as u64 { Side::Ask } else { Side::Bid };
        Self { price: Price(price.cast_signed()), qty: Qty(qty), id, aggressor }
    }
}

/// Statistics of the last 24 hours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ticker {
    /// Last trade's price.
    pub last: Price,
    /// Last trade's quantity.
    pub last_qty: Qty,
    /// First price of the window.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Quantity traded.
    pub volume: Qty,
}

impl Ticker {
    /// As it travels.
    #[must_use]
    pub fn to_record(self) -> Record {
        let price = |price: Price| price.0.cast_unsigned();
        let (last, open, high, low) = (price(self.last), price(self.open), price(self.high), price(self.low));
        Record([last, self.last_qty.0, open, high, low, self.volume.0, 0])
    }

    /// From a body record.
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        let [last, last_qty, open, high, low, volume, _] = record.0;
        let price = |word: u64| Price(word.cast_signed());
        Self {
            last: price(last),
            last_qty: Qty(last_qty),
            open: price(open),
            high: price(high),
            low: price(low),
            volume: Qty(volume),
        }
    }
}

/// Prices and quantity of a span of time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Candle {
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Quantity traded.
    pub volume: Qty,
    /// When the span begins.
    pub start: Nanos,
    /// How long it is, seconds.
    pub seconds: u32,
    /// Trades in it; 0 where the venue does not say.
    pub trades: u32,
}

impl Candle {
    /// As it travels.
    #[must_use]
    pub fn to_record(self) -> Record {
        let price = |price: Price| price.0.cast_unsigned();
        let last = u64::from(self.seconds) << 32 | u64::from(self.trades);
        let [open, high, low, close] = [self.open, self.high, self.low, self.close].map(price);
        Record([open, high, low, close, self.volume.0, self.start.0, last])
    }

    /// From a body record.
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        let [open, high, low, close, volume, start, last] = record.0;
        let [open, high, low, close] = [open, high, low, close].map(|word| Price(word.cast_signed()));
        let (seconds, trades) = ((last >> 32) as u32, last as u32);
        Self { open, high, low, close, volume: Qty(volume), start: Nanos(start), seconds, trades }
    }
}

/// The venue's name of an order, as a number: a number as it is, a text by a rule that its dialect states. Equal names
/// are equal numbers.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OrderId(pub u128);

/// What happened to an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum OrderStep {
    /// It came to the book.
    Add = 0,
    /// Its quantity is another.
    Modify = 1,
    /// It left the book.
    Delete = 2,
}

/// One order of a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    /// Its name.
    pub id: OrderId,
    /// Its price.
    pub price: Price,
    /// What is left of it.
    pub qty: Qty,
    /// When it took its place in the queue.
    pub since: Nanos,
    /// Which side it stands on.
    pub side: Side,
    /// What happened to it.
    pub step: OrderStep,
}

impl Order {
    /// As it travels.
    #[must_use]
    pub fn to_record(self) -> Record {
        let what = self.side as u64 | (self.step as u64) << 8;
        let (high, low) = ((self.id.0 >> 64) as u64, self.id.0 as u64);
        Record([high, low, self.price.0.cast_unsigned(), self.qty.0, self.since.0, what, 0])
    }

    /// From a body record.
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        let [high, low, price, qty, since, what, _] = record.0;
        Self {
            id: OrderId(u128::from(high) << 64 | u128::from(low)),
            price: Price(price.cast_signed()),
            qty: Qty(qty),
            since: Nanos(since),
            side: if what & 1 == Side::Ask as u64 { Side::Ask } else { Side::Bid },
            step: match what >> 8 {
                0 => OrderStep::Add,
                1 => OrderStep::Modify,
                _ => OrderStep::Delete,
            },
        }
    }
}

impl InstrumentStatus {
    /// As it travels.
    #[must_use]
    pub fn to_record(self) -> Record {
        Record([self as u64, 0, 0, 0, 0, 0, 0])
    }

    /// From a body record.
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        match record.0 {
            [0, ..] => Self::Trading,
            [1, ..] => Self::Halted,
            _ => Self::Unknown,
        }
    }
}
