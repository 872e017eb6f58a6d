//! Why a message could not be applied.

use touchline_market::{Price, Side, UpdateKind};

/// Why a message was rejected. It was checked before the first level changed: the book is what it was before.
///
/// After any of these the stream has a hole where the message was, so the book needs a snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BookError {
    /// The body ends before the head says: a fault between parser and book. Resync, and report it.
    #[error("the body has {found} records, its head says {expected}")]
    Short {
        /// Records that the head announces.
        expected: u32,
        /// Records there are.
        found: u32,
    },
    /// The side would hold more levels than the configuration allows. Raise `levels_max` if the venue is sound.
    #[error("{levels} levels on one side, {limit} allowed")]
    TooManyLevels {
        /// Levels the side might hold after the message.
        levels: u32,
        /// The configured limit.
        limit: u32,
    },
    /// A number of the book or of the message leaves 64 bits at the finer of their scales. The message's digits are
    /// of no use beside the book's: check the venue's data.
    #[error("a number does not fit 64 bits when its scale goes from {from} to {to}")]
    Scale {
        /// The number's scale.
        from: u8,
        /// The scale asked for.
        to: u8,
    },
    /// A scale above 18. The head is damaged.
    #[error("scale {0} is larger than 18")]
    NoScale(u8),
    /// A snapshot names the same price twice. Ask for another.
    #[error("the snapshot has two {side:?} levels at mantissa {}", price.0)]
    Duplicate {
        /// The side.
        side: Side,
        /// The price that stands there twice.
        price: Price,
    },
    /// The message holds no levels of a book. Hand it elsewhere.
    #[error("{0:?} is no book message")]
    Kind(UpdateKind),
}

const _: () = assert!(size_of::<BookError>() <= 24, "an error travels in registers");
