//! What some venues say behind the levels of a message: a checksum of the book, and how deep the book is kept.

use crate::{RECORD_WORDS, Record};

/// The end of a message's body, where the head says so ([`Flags::TRAILER`](crate::Flags::TRAILER)). It stands in the
/// last word of the body's last record, which levels leave free, so that it costs no record of its own unless the body
/// is empty.
///
/// It is applied after the levels: first the book is cut, then the checksum is compared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trailer {
    /// The venue's checksum of its book after this message; `None` if the message has none.
    pub checksum: Option<u32>,
    /// Decimals with which the venue writes prices, 0 to 18: a checksum is over the digits as sent, trailing zeros
    /// included.
    pub price_digits: u8,
    /// Decimals with which the venue writes quantities, 0 to 18.
    pub qty_digits: u8,
    /// Levels a side that the venue keeps: levels beyond leave the book without a word. 0: the book is not cut.
    pub cut: u16,
}

const HAS_CHECKSUM: u64 = 1 << 63;

impl Trailer {
    /// As it travels: checksum, cut, decimals of prices and of quantities, and whether there is a checksum.
    #[inline]
    #[must_use]
    pub fn to_word(self) -> u64 {
        let checksum = self.checksum.map_or(0, |checksum| HAS_CHECKSUM | u64::from(checksum));
        checksum
            | u64::from(self.cut) << 32
            | u64::from(self.price_digits & 31) << 48
            | u64::from(self.qty_digits & 31) << 53
    }

    /// From its word.
    #[inline]
    #[must_use]
    pub fn from_word(word: u64) -> Self {
        Self {
            checksum: (word & HAS_CHECKSUM != 0).then_some(word as u32),
            cut: (word >> 32) as u16,
            price_digits: (word >> 48) as u8 & 31,
            qty_digits: (word >> 53) as u8 & 31,
        }
    }

    /// The trailer in the last record of a body.
    #[inline]
    #[must_use]
    pub fn of(last: &Record) -> Self {
        let [.., word] = last.0;
        Self::from_word(word)
    }

    /// A record that holds nothing else.
    #[must_use]
    pub fn to_record(self) -> Record {
        let mut record = Record([0; RECORD_WORDS]);
        let [.., word] = &mut record.0;
        *word = self.to_word();
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever a trailer says survives its word.
        #[test]
        fn trailers_survive_their_word(checksum: Option<u32>, cut: u16, price in 0_u8..=18, qty in 0_u8..=18) {
            let trailer = Trailer { checksum, cut, price_digits: price, qty_digits: qty };
            prop_assert_eq!(Trailer::from_word(trailer.to_word()), trailer);
            prop_assert_eq!(Trailer::of(&trailer.to_record()), trailer);
        }
    }
}
