//! What strategies read: copies of a book, of the venue's best bid and offer, of the last trade, each with its verdict.
//!
//! ```text
//! word   line of a touch           line of a bbo     line of a trade     head of a book (rows: bid price, bid qty,
//! 0      verdict                   verdict           verdict             verdict           ask price, ask qty)
//! 1      sequence                  sequence          trade's number      sequence
//! 2      bid price                 bid price         price               ts_event
//! 3      bid qty                   bid qty           qty                 ts_recv
//! 4      ask price                 ask price         aggressor           ts_view
//! 5      ask qty                   ask qty           ts_event            bids u32 | asks u32
//! 6      ts_recv                   ts_recv           ts_recv             proven bids u32 | proven asks u32
//!
//! verdict   state and reason u8 | flags u8 | price scale u8 | qty scale u8 | epoch u32
//! ```
//!
//! A best level with its verdict fills one cache line and its version; twenty levels of both sides with theirs fill
//! eleven. Levels and verdict are written together, so no read can say LIVE over levels that are not.
mod book_view;
mod channels;
mod publish;
mod touch;
mod verdict;

pub use book_view::BookView;
pub use channels::{BboView, TradeView};
pub use publish::{BookReader, Publisher};
pub use touch::Touch;

use verdict::Verdict;

/// Two counts in a word.
fn pack(low: usize, high: usize) -> u64 {
    let half = |count: usize| u64::from(u32::try_from(count).unwrap_or(u32::MAX));
    half(low) | half(high) << 32
}

/// The two counts of a word.
fn unpack(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}
