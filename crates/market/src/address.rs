//! An instrument written with its venue: `binance:BTC-USDT`, or by the venue's own symbol: `binance:@BTCUSDT`.

use std::fmt;
use std::str::FromStr;

use crate::Venue;

/// Which instrument of which venue.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Address {
    /// The venue.
    pub venue: Venue,
    /// The instrument there.
    pub what: What,
}

/// An instrument by our name or by the venue's symbol.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum What {
    /// Our name: `BTC-USDT`, `BTC-USDT-PERP`, `BTC-USD-20261225`, `BTC-USD-20261225-90000-C`.
    Name(String),
    /// The venue's own symbol, written after `@`.
    Symbol(String),
}

/// Why a text names no instrument.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// Write the venue, a colon, then the instrument.
    #[error("`{0}` has no venue: write VENUE:BASE-QUOTE, e.g. binance:BTC-USDT, or VENUE:@SYMBOL")]
    NoVenue(String),
    /// The part before the colon is no venue name.
    #[error("`{0}` is no venue name: lower case letters, digits and '-', e.g. binance-usdm")]
    BadVenue(String),
    /// Nothing, or something unusable, stands behind the colon.
    #[error("`{0}` names no instrument: write BASE-QUOTE, BASE-QUOTE-PERP, BASE-QUOTE-YYYYMMDD or @SYMBOL")]
    BadInstrument(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (venue, what) = text.split_once(':').ok_or_else(|| AddressError::NoVenue(text.to_owned()))?;
        let venue = venue.parse().map_err(|_| AddressError::BadVenue(venue.to_owned()))?;
        let bad = || AddressError::BadInstrument(what.to_owned());
        let what = match what.strip_prefix('@') {
            Some(symbol) if !symbol.is_empty() => What::Symbol(symbol.to_owned()),
            Some(_) => return Err(bad()),
            None if is_name(what) => What::Name(what.to_owned()),
            None => return Err(bad()),
        };
        Ok(Self { venue, what })
    }
}

/// `BASE-QUOTE` and up to three parts more, none of them empty.
fn is_name(text: &str) -> bool {
    let parts = text.split('-').count();
    (2..=5).contains(&parts)
        && text.split('-').all(|part| !part.is_empty() && !part.contains(char::is_whitespace))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Name(name) => write!(f, "{}:{name}", self.venue),
            What::Symbol(symbol) => write!(f, "{}:@{symbol}", self.venue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways of writing parse and show again as written.
    #[test]
    fn addresses_read_back_as_written() {
        for text in ["binance:BTC-USDT", "binance-usdm:@BTCUSDT", "okx:BTC-USD-20261225-90000-C"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    /// Each kind of mistake is told apart.
    #[test]
    fn mistakes_are_named() {
        assert!(matches!("BTC-USDT".parse::<Address>(), Err(AddressError::NoVenue(_))));
        assert!(matches!("Binance:BTC-USDT".parse::<Address>(), Err(AddressError::BadVenue(_))));
        for text in ["binance:", "binance:@", "binance:BTCUSDT", "binance:BTC-", "binance:A-B-C-D-E-F"] {
            assert!(matches!(text.parse::<Address>(), Err(AddressError::BadInstrument(_))), "{text}");
        }
    }
}
