//! Exchange dialects: from a venue's bytes to fixed-point updates. The only bridge from bytes to market.
//!
//! One folder is one venue: what it is, how it is subscribed to, how its messages become updates, its rules of
//! sequence, its list of instruments. A venue enters here, in one line of `venues!` below; nothing outside its folder
//! knows its name.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod access;
#[cfg(feature = "simulator")]
pub mod exchange;
mod fields;
mod learn;
mod learned;
mod listing;
mod parsing;
mod registry;
mod stamp;
mod venue;

pub mod binance;
pub mod binance_coinm;
pub mod binance_usdm;
pub mod bitstamp;
pub mod coinbase_advanced;
pub mod kraken;
pub mod kraken_v1;

pub use access::{
    Access, Ask, CONNECT_WINDOW, Contents, Limits, Reply, RestRequest, Route, Snapshots, Texts,
};
pub use listing::{Adopt, Found, Listing, SYMBOLS_MAX};
pub use parsing::{Ignored, ParseError, Parsed, Rejected};
pub use registry::{Blind, VenueFacts, all, by_host_of, by_name_prefix, find};
pub use venue::{InstrumentsError, Parse, Rest, Venue};

registry::venues! {
    Binance: binance,
    BinanceUsdm: binance_usdm,
    BinanceCoinm: binance_coinm,
    Bitstamp: bitstamp,
    CoinbaseAdvanced: coinbase_advanced,
    Kraken: kraken,
    KrakenV1: kraken_v1,
}
