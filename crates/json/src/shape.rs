//! Learned shapes: messages read by what their bytes have in common with the one before.
//!
//! A venue's messages of one kind differ in their numbers and in nothing else:
//!
//! ```text
//! {"stream":"btcusdt@bookTicker","data":{"u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510"}}
//! └────────── beginning: its length never changes, only digits do ──────────┘└──────── numbers and texts ────────────────┘└ end ┘
//! ```
//!
//! A [`Shapes`] keeps one shape for each kind of message of each instrument. It is learned from a message that the
//! general parser has just read, by nothing but the names of the fields that change ([`Names`]). The next message is laid
//! beside it:
//!
//! 1. **The bytes that never change are compared, and so are the digits of numbers of fixed length**: 64 bytes by one
//!    subtraction and one comparison (`template`). Whatever differs makes it another message.
//! 2. **Where numbers end** is read from one word of bits, a bit for each byte that belongs to no number: there are as
//!    many of those between two numbers as the text between them has, so the end of each is a certain bit, found
//!    without a loop (`read`).
//! 3. **Decimals are taken from the right**, where their point and their decimals stand still: sixteen bytes each, all
//!    of them judged and multiplied together (`number`).
//! 4. **Arrays of levels**, of any length, take two passes: where numbers begin and end, then four levels at a time
//!    (`avx512`).
//!
//! What each step buys, in the order in which the code grew (nanoseconds for a message of 179 bytes with four decimals and two
//! whole numbers, then for one of 1,597 bytes with 68 levels; the bench `shape`, AVX-512 machine, 31 rounds): the general
//! parser, which walks a tape, 271 and 2,155; what is known compared, and one decimal after the other in words of eight bytes
//! (`portable`), 80 and 787; 32 bytes and two levels at a time (`avx2`), 29 and 623; 64 bytes and four levels, with
//! compression instead of a loop over bits (`avx512`), 28 and 224. A plain read of the bytes takes 1.8 and 24. Of
//! the short message's instructions two thirds are the reading (callgrind counts 575 with AVX2, the bench's sink included).
//!
//! **Nothing is believed.** A message is read by its shape only if the general parser would have read the very same from it: every
//! byte of it was compared, is a digit in its place, or belongs to a number that is written as the grammar wants it. Anything
//! else is handed back (`None`), costs what it has cost to look, and is the general parser's to judge. So a shape
//! rejects nothing, and an instrument whose messages have no shape is only slower.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod cache;
mod layout;
mod learn;
mod machine;
mod number;
mod portable;
mod read;
#[doc(hidden)]
pub mod simple;
mod template;
mod walk;

pub use cache::{Candidate, Reading, ShapeCounts, Shapes};
pub use layout::{COUNTS, NUMBERS};
pub use machine::Simd;

/// Which scale a number is read at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// The scale of prices.
    Price,
    /// The scale of quantities.
    Qty,
}

/// The scales at which numbers are read: decimals of a mantissa.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scales {
    /// Of prices.
    pub price: u8,
    /// Of quantities.
    pub qty: u8,
}

impl Scales {
    fn of(self, unit: Unit) -> u8 {
        match unit {
            Unit::Price => self.price,
            Unit::Qty => self.qty,
        }
    }
}

/// What a field that changes is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// A whole number of up to sixteen digits, read into this place of [`Reading::counts`].
    Count(usize),
    /// A whole number that nobody reads.
    Digits,
    /// A decimal, read into this place of [`Reading::numbers`]: in the order of the bytes.
    Number(usize, Unit),
    /// The word `true` or `false`.
    Flag,
    /// An array of pairs of price and quantity: the first array of the message, or the second.
    Levels(usize),
}

/// The fields of a message that change. All others must be what they were.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The key of the object that holds them; the message itself if there is none.
    pub inside: Option<&'a str>,
    /// Each field's key, and what it is.
    pub fields: &'a [(&'a str, Part)],
}

#[cfg(test)]
mod tests;
