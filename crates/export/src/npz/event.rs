//! hftbacktest's event: its flags and its 64 bytes.

use touchline::market::{Decimal, Nanos};

/// A level's quantity.
pub(super) const DEPTH: u64 = 1;
/// A trade; its side is who came to the resting order.
pub(super) const TRADE: u64 = 2;
/// Levels go away; without a side all of both.
pub(super) const DEPTH_CLEAR: u64 = 3;
/// A level of a snapshot.
pub(super) const DEPTH_SNAPSHOT: u64 = 4;
/// Of the asks; of a trade, the aggressor sold.
pub(super) const SELL: u64 = 1 << 28;
/// Of the bids; of a trade, the aggressor bought.
pub(super) const BUY: u64 = 1 << 29;
/// For our side, at `local_ts`.
pub(super) const LOCAL: u64 = 1 << 30;
/// For the exchange's side, at `exch_ts`.
pub(super) const EXCH: u64 = 1 << 31;

/// Bytes of an event.
pub(super) const BYTES: usize = 64;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Event {
    /// What happened, and on which side; who hears it is said when it is written.
    pub(super) what: u64,
    /// The venue's stamp.
    pub(super) exch: Nanos,
    /// Our stamp.
    pub(super) local: Nanos,
    pub(super) px: f64,
    pub(super) qty: f64,
}

impl Event {
    /// As it stands in the array: eight words, of which `order_id`, `ival` and `fval` are 0.
    pub(super) fn bytes(&self, heard_by: u64) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let words = [self.what | heard_by, self.exch.0, self.local.0, self.px.to_bits(), self.qty.to_bits()];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// The float that is nearest to the number; exactly so for numbers of up to 15 digits.
pub(super) fn float(number: Decimal) -> f64 {
    number.mantissa as f64 / 10f64.powi(i32::from(number.scale))
}
