//! The venue's checksum, recomputed over our levels.
//!
//! A venue that sends a checksum with its book sends the truth of its best levels: whatever went wrong before, a
//! message lost, a level misread, shows with the next one. Venues compute it over the digits as they write them. The
//! book holds numbers, so the digits are made again, with as many decimals as the message's [`Trailer`] says that the
//! venue writes.

use touchline_market::{Checksum, Level, Side, Trailer};

use crate::Book;

/// Levels of a side that [`Checksum::DigitsOfTen`] covers.
const TEN: usize = 10;

/// Most digits of a number of 64 bits.
const DIGITS: usize = 20;

/// The book's checksum by a venue's recipe. `None` where the recipe has none, or where a level cannot be written in
/// the venue's digits, so that it is not the venue's.
pub(crate) fn of(book: &Book, recipe: Checksum, trailer: Trailer) -> Option<u32> {
    match recipe {
        Checksum::None => None,
        Checksum::DigitsOfTen => digits_of_ten(book, trailer),
    }
}

/// CRC-32 over the digits of the ten best asks, then the ten best bids.
fn digits_of_ten(book: &Book, trailer: Trailer) -> Option<u32> {
    let mut text = Text { bytes: [0; 4 * TEN * DIGITS], len: 0 };
    for side in [Side::Ask, Side::Bid] {
        let mut levels = [Level::default(); TEN];
        let count = book.top(side, &mut levels);
        for level in levels.get(..count)? {
            let price = u64::try_from(level.price.0).ok()?;
            text.push(with_decimals(price, book.price_scale(), trailer.price_digits)?)?;
            text.push(with_decimals(level.qty.0, book.qty_scale(), trailer.qty_digits)?)?;
        }
    }
    Some(crc32fast::hash(text.bytes.get(..text.len)?))
}

/// A mantissa of `scale` decimals with `digits` of them, if that is the same number.
fn with_decimals(mantissa: u64, scale: u8, digits: u8) -> Option<u64> {
    let factor = 10_u64.checked_pow(u32::from(scale.abs_diff(digits)))?;
    if digits >= scale {
        return mantissa.checked_mul(factor);
    }
    mantissa.is_multiple_of(factor).then(|| mantissa / factor)
}

/// Digits one after the other.
struct Text {
    bytes: [u8; 4 * TEN * DIGITS],
    len: usize,
}

impl Text {
    /// Adds a number's digits; those of zero are all leading zeros, which are left out.
    fn push(&mut self, number: u64) -> Option<()> {
        if number != 0 {
            let mut buffer = itoa::Buffer::new();
            let digits = buffer.format(number).as_bytes();
            self.bytes.get_mut(self.len..self.len + digits.len())?.copy_from_slice(digits);
            self.len += digits.len();
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BookConfig;
    use crate::testing::{in_stream, scaled};

    const RECIPE: Checksum = Checksum::DigitsOfTen;

    /// The book of the venue's documentation: asks 0.05005 to 0.05050, bids 0.05000 down, each of 0.00000500.
    fn documented(price_scale: u8, qty_scale: u8) -> Book {
        let factor = 10_i64.pow(u32::from(price_scale - 5));
        let qty = 500 * 10_u64.pow(u32::from(qty_scale - 8));
        let asks: Vec<_> = (1..=12).map(|n| ((5_000 + 5 * n) * factor, qty)).collect();
        let bids = [5_000, 4_995, 4_990, 4_980, 4_975, 4_970, 4_965, 4_960, 4_955, 4_950, 1];
        let bids: Vec<_> = bids.iter().map(|&price| (price * factor, qty)).collect();
        let (head, body) = scaled(in_stream(1, &bids, &asks), price_scale, qty_scale);
        let mut book = Book::new(&BookConfig::default());
        book.load_snapshot(&head, body.iter()).unwrap();
        book
    }

    fn trailer(price_digits: u8, qty_digits: u8) -> Trailer {
        Trailer { price_digits, qty_digits, ..Trailer::default() }
    }

    /// The documented book has the documented checksum, also where our numbers have more decimals than the venue
    /// writes; where no recipe is given it has none.
    #[test]
    fn documented_book_has_its_checksum() {
        for (price_scale, qty_scale) in [(5, 8), (7, 8), (5, 9), (9, 12)] {
            let book = documented(price_scale, qty_scale);
            assert_eq!(of(&book, RECIPE, trailer(5, 8)), Some(974_947_235));
            assert_eq!(of(&book, Checksum::None, trailer(5, 8)), None);
        }
    }

    /// Only the best ten of each side count.
    #[test]
    fn deeper_levels_do_not_count() {
        let mut book = documented(5, 8);
        let before = of(&book, RECIPE, trailer(5, 8));
        book.cut(10);
        assert_eq!((book.len(Side::Bid), of(&book, RECIPE, trailer(5, 8))), (10, before));
        book.cut(9);
        assert_ne!(of(&book, RECIPE, trailer(5, 8)), before);
    }

    /// The digits are as many as the venue writes: one more makes the number ten times as long a text, and one that
    /// would have to be cut off says that the level is not the venue's.
    #[test]
    fn digits_are_the_venues() {
        let book = documented(5, 8);
        let more = of(&book, RECIPE, trailer(6, 8));
        assert!(more.is_some() && more != of(&book, RECIPE, trailer(5, 8)));
        assert_eq!(of(&book, RECIPE, trailer(3, 8)), None);
        assert!(of(&book, RECIPE, trailer(5, 6)).is_some(), "0.000005 is five of the sixth decimal");
        assert_eq!(of(&book, RECIPE, trailer(5, 5)), None);
        assert_eq!(of(&book, RECIPE, trailer(5, 31)), None, "no such number fits 64 bits");
    }

    /// No level, no text; a price of zero has no digits, one below zero cannot be written, and the largest numbers fit.
    #[test]
    fn extreme_books_are_written_or_refused() {
        let sum = |bids: &[(i64, u64)], asks: &[(i64, u64)]| {
            let (head, body) = in_stream(1, bids, asks);
            let mut book = Book::new(&BookConfig::default());
            book.load_snapshot(&head, body.iter()).unwrap();
            of(&book, RECIPE, trailer(0, 0))
        };
        assert_eq!(sum(&[], &[]), Some(0));
        assert_eq!(sum(&[(0, 7)], &[(12, 3)]), Some(crc32fast::hash(b"1237")));
        assert_eq!(sum(&[(-1, 7)], &[]), None);
        let largest: Vec<_> = (0..10).map(|n| (i64::MAX - n, u64::MAX)).collect();
        let text = |levels: &[(i64, u64)]| -> String {
            levels.iter().map(|(price, qty)| format!("{price}{qty}")).collect()
        };
        let (mut up, down) = (largest.clone(), text(&largest));
        up.reverse();
        assert_eq!(sum(&largest, &up), Some(crc32fast::hash((text(&up) + &down).as_bytes())));
    }

    /// The check value of this CRC-32.
    #[test]
    fn crc_is_the_ieee_one() {
        assert_eq!(crc32fast::hash(b"123456789"), 3_421_780_262);
    }
}
