//! Bodies of one record: a best bid and offer, a trade, statistics. Their words stand in the table of `update.rs`.

use crate::{Level, Price, Qty, Record, Side};

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
