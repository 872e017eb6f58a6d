//! What is traded.

use serde::{Deserialize, Serialize};

use crate::{Decimal, Nanos, Price, Qty, Venue};

/// An instrument's place in the tables of one running feed: dense, from 0, valid only there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct InstrumentId(pub u32);

/// What kind of thing is traded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum InstrumentKind {
    /// Delivered at once.
    Spot,
    /// A future without expiry.
    Perpetual,
    /// A future with expiry.
    Future,
    /// A right to buy at the strike.
    Call,
    /// A right to sell at the strike.
    Put,
}

/// Whether an instrument trades.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum InstrumentStatus {
    /// Orders match.
    Trading,
    /// Listed, but orders do not match now (halt, pre-listing, settlement).
    Halted,
    /// Nobody told: the instrument was learned from its data.
    Unknown,
}

/// One contract: how much of what.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Contract {
    /// How many units one contract stands for.
    pub size: Decimal,
    /// The unit: an asset's name.
    pub unit: String,
}

/// An instrument of a venue.
///
/// Its scales turn a mantissa into a number. A *listed* instrument has them from the venue's list; a *provisional* one
/// (`provisional`) learns them from the data. Both widen when a finer number comes (old orders may be finer than the
/// tick of today), and no number changes its value by that.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Instrument {
    /// Where it trades.
    pub venue: Venue,
    /// The venue's text for it, as in its book messages.
    pub symbol: String,
    /// Our name for it, without the venue: `BTC-USDT-PERP`.
    pub name: String,
    /// What kind of thing it is.
    pub kind: InstrumentKind,
    /// What is bought; empty when unknown.
    pub base: String,
    /// What it is paid with; empty when unknown.
    pub quote: String,
    /// What gains and losses are paid in; empty for spot or when unknown.
    pub settle: String,
    /// Decimals of a price, 0 to 18.
    pub price_scale: u8,
    /// Decimals of a quantity, 0 to 18.
    pub qty_scale: u8,
    /// Smallest price step, at `price_scale`; `None` when unknown.
    pub tick_size: Option<Price>,
    /// Smallest quantity step, at `qty_scale`; `None` when unknown.
    pub lot_size: Option<Qty>,
    /// What one contract stands for; `None` where quantities are coins.
    pub contract: Option<Contract>,
    /// When it expires; `None` for spot and perpetuals.
    pub expiry: Option<Nanos>,
    /// An option's strike.
    pub strike: Option<Decimal>,
    /// Whether it trades.
    pub status: InstrumentStatus,
    /// Learned from data, without the venue's list.
    pub provisional: bool,
}

impl Instrument {
    /// An instrument of which only the symbol is known. Its scales start at 0 and widen as numbers come.
    #[must_use]
    pub fn provisional(venue: Venue, symbol: &str, name: &str, kind: InstrumentKind) -> Self {
        Self {
            venue,
            symbol: symbol.to_owned(),
            name: name.to_owned(),
            kind,
            base: String::new(),
            quote: String::new(),
            settle: String::new(),
            price_scale: 0,
            qty_scale: 0,
            tick_size: None,
            lot_size: None,
            contract: None,
            expiry: None,
            strike: None,
            status: InstrumentStatus::Unknown,
            provisional: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instrument written as JSON is the same when it is read again, numbers of 128 bits included.
    #[test]
    fn an_instrument_comes_back_from_json() {
        let venue = "kraken".parse().unwrap();
        let mut instrument = Instrument::provisional(venue, "XBT/USD", "BTC-USD", InstrumentKind::Call);
        instrument.tick_size = Some(Price(-1));
        instrument.lot_size = Some(Qty(u64::MAX));
        instrument.expiry = Some(Nanos(u64::MAX));
        instrument.strike = Some(Decimal { mantissa: i128::from(i64::MIN), scale: 18 });
        instrument.contract =
            Some(Contract { size: Decimal { mantissa: 1, scale: 3 }, unit: "B\"TC".to_owned() });
        let text = serde_json::to_string(&instrument).unwrap();
        assert_eq!(serde_json::from_str::<Instrument>(&text).unwrap(), instrument);
        assert!(serde_json::from_str::<Instrument>(&text.replace("kraken", "Kraken")).is_err());
    }
}
