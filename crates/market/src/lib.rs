//! The words every other crate speaks: prices, quantities, instruments, updates and book states.
//!
//! Nothing here knows bytes, threads or a venue's protocol. A number is a mantissa with a scale kept once per
//! instrument, so that a level is two machine words (16 bytes) and three levels with room to spare fill one
//! 56-byte [`Record`]; with the ring's 8-byte sequence word a record is exactly one 64-byte cache line.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod address;
mod body;
mod continuity;
mod instrument;
mod level;
mod number;
mod planted;
mod record;
mod sink;
mod state;
mod time;
mod trailer;
mod update;
mod venue;

pub use address::{Address, AddressError, What};
pub use body::{Bbo, Candle, Order, OrderId, OrderStep, Ticker, Trade};
pub use continuity::{Checksum, Continuity, Crossing};
pub use instrument::{Contract, Instrument, InstrumentId, InstrumentKind, InstrumentStatus};
pub use level::{Level, Side};
pub use number::{Decimal, Price, Qty, SCALE_MAX, ScaleError, rescale_price, rescale_qty};
#[cfg(feature = "planted")]
pub use planted::plant;
pub use planted::{Bug, planted};
pub use record::{RECORD_WORDS, Record};
pub use sink::{LevelPacker, Sink, SinkFull, TrailedPacker};
pub use state::{Reason, State};
pub use time::Nanos;
pub use trailer::Trailer;
pub use update::{
    Channel, Flags, Head, LEVELS_MAX, LEVELS_PER_RECORD, Levels, Sequence, UpdateError, UpdateKind,
};
pub use venue::{Venue, VenueError};
