//! Eight bytes at a time, on any processor: the plain version of the same steps.

use super::layout::{COUNTS, Levels, NUMBERS, Numbers};
use super::machine::{Counted, Machine, Scratch};
use super::number::{Format, LONGEST};
use super::template::{BLOCK, Block};
use crate::decimal::swar::{all_digits, number};

/// See the module.
pub(super) struct Portable;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;
const ZEROS: u64 = 0x3030_3030_3030_3030;

impl Machine for Portable {
    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn fits(block: &Block, message: &[u8], at: usize) -> bool {
        let Some(bytes) = message.get(at..at + BLOCK) else { return false };
        // Byte by byte in words, and in vectors where the compiler has some.
        let mut wrong = 0;
        for ((byte, least), span) in bytes.iter().zip(&block.least).zip(&block.span) {
            wrong |= u8::from(byte.wrapping_sub(*least) > *span);
        }
        wrong == 0
    }

    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn others(message: &[u8], at: usize) -> u64 {
        let Some(bytes) = message.get(at..at + BLOCK) else { return u64::MAX };
        let mut bits = 0;
        for (number, word) in bytes.as_chunks().0.iter().enumerate() {
            bits |= others(u64::from_le_bytes(*word)) << (8 * number);
        }
        bits
    }

    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn nth(mut mask: u64, n: u32) -> u32 {
        for _ in 0..n {
            mask &= mask.wrapping_sub(1);
        }
        mask.trailing_zeros()
    }

    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn numbers(
        message: &[u8],
        decimals: Option<(&Numbers, [usize; NUMBERS], [u32; NUMBERS])>,
        counts: [usize; COUNTS],
        bytes: u64,
        words: &mut [u64; NUMBERS + COUNTS],
    ) -> bool {
        words.fill(0);
        let (pairs, _) = words.as_chunks_mut::<2>();
        if let Some((numbers, ends, lengths)) = decimals {
            let formats = numbers.formats.iter().zip(ends).zip(lengths).take(numbers.used);
            for ([word, _], ((format, end), length)) in pairs.iter_mut().zip(formats) {
                match decimal(message, end, length as usize, format) {
                    Some(mantissa) => *word = mantissa,
                    None => return false,
                }
            }
        }
        for (slot, ([_, word], end)) in pairs.iter_mut().zip(counts).enumerate() {
            let digits = (bytes >> (LONGEST * slot) & 0xffff).count_ones();
            if digits > 0 {
                let tail =
                    last(message, end).unwrap_or_default() ^ (u128::from(ZEROS) << 64 | u128::from(ZEROS));
                *word = sixteen(tail >> (128 - 8 * digits) << (128 - 8 * digits));
            }
        }
        true
    }

    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn levels(
        levels: &Levels,
        message: &[u8],
        begin: usize,
        end: usize,
        scratch: &mut Scratch,
    ) -> Option<Counted> {
        scratch.reserve(end - begin);
        let text = message.get(..end)?;
        let mut at = begin;
        let mut slots = scratch.levels.iter_mut();
        let mut counted = [0; 2];
        for (number, count) in counted.iter_mut().enumerate() {
            if number == 1 {
                let Some(middle) = &levels.middle else { break };
                if !middle.stands(text, at) {
                    return None;
                }
                at += middle.len();
            }
            if !levels.open.stands(message, at) || at >= end {
                continue;
            }
            at += levels.open.len();
            loop {
                let (price, behind) = next(message, at, &levels.price)?;
                if !levels.between.stands(message, behind) {
                    return None;
                }
                let (qty, behind) = next(message, behind + levels.between.len(), &levels.qty)?;
                *slots.next()? = [price, qty];
                *count += 1;
                at = behind;
                if !levels.join.stands(message, at) {
                    break;
                }
                at += levels.join.len();
            }
            if !levels.close.stands(message, at) {
                return None;
            }
            at += levels.close.len();
        }
        let [first, second] = counted;
        (at == end).then_some(Counted { first, all: first + second })
    }
}

/// The number that begins at `at`, and where it ends.
#[inline(always)]
fn next(message: &[u8], at: usize, format: &Format) -> Option<(u64, usize)> {
    let first = word(message, at);
    let ends = others_tops(first);
    // Of a number of more than sixteen characters sixteen are taken, behind which no text stands.
    let length = match ends {
        0 => 8 + others_tops(word(message, at + 8)).trailing_zeros() as usize / 8,
        _ => ends.trailing_zeros() as usize / 8,
    };
    let mantissa = if length <= 8 {
        short(first, length, format)?
    } else {
        decimal(message, at + length, length, format)?
    };
    Some((mantissa, at + length))
}

/// The mantissa of the number in the first bytes of a word.
#[inline(always)]
fn short(word: u64, length: usize, format: &Format) -> Option<u64> {
    let beyond = length.wrapping_sub(format.shortest as usize);
    if beyond > format.spread as usize || length == 0 {
        return None;
    }
    let words = &format.words;
    let (whole_mask, decimals_mask) = ((words.whole >> 64) as u64, (words.decimals >> 64) as u64);
    let bytes = (word ^ ZEROS) << (64 - 8 * length);
    let point = bytes & !(whole_mask | decimals_mask);
    let (whole, decimals) = (bytes & whole_mask, bytes & decimals_mask);
    let up = words.decimals_up;
    // With all of its decimals the number has no more than eight characters, so none moves as far as a word is wide.
    let is_sound = (point == (words.point >> 64) as u64)
        & (decimals << up >> up == decimals)
        & all_digits(whole | decimals, 0);
    let mantissa = number(whole << words.whole_up | decimals << up).checked_mul(words.factor)?;
    (is_sound & (mantissa >= *format.least.get(beyond)?)).then_some(mantissa)
}

/// The eight bytes from `at` on; zeros, which belong to no number, stand behind the message.
#[inline(always)]
fn word(message: &[u8], at: usize) -> u64 {
    match message.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_word(message.get(at..).unwrap_or_default()),
    }
}

#[cold]
fn last_word(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// The mantissa of the number of so many characters that ends at `end`.
#[inline(always)]
fn decimal(message: &[u8], end: usize, length: usize, format: &Format) -> Option<u64> {
    let beyond = length.wrapping_sub(format.shortest as usize);
    if beyond > format.spread as usize {
        return None;
    }
    let unused = 128 - 8 * length as u32;
    let zeros = u128::from(ZEROS) << 64 | u128::from(ZEROS);
    let bytes = (last(message, end)? ^ zeros) >> unused << unused;
    let words = &format.words;
    let point = bytes & !(words.whole | words.decimals);
    let (whole, decimals) = (bytes & words.whole, bytes & words.decimals);
    let moved = whole << words.whole_up | decimals << words.decimals_up;
    // What is moved out at the top must be zeros, and what is left digits.
    let sound = point == words.point
        && decimals << words.decimals_up >> words.decimals_up == decimals
        && all_digits((whole | decimals) as u64, ((whole | decimals) >> 64) as u64);
    if !sound {
        return None;
    }
    let mantissa = sixteen(moved).checked_mul(words.factor)?;
    (mantissa >= *format.least.get(beyond)?).then_some(mantissa)
}

/// The sixteen bytes before a place.
#[inline(always)]
fn last(message: &[u8], end: usize) -> Option<u128> {
    message.get(..end)?.last_chunk().map(|bytes| u128::from_le_bytes(*bytes))
}

/// Sixteen digit values, the most significant in the lowest byte, as a number.
#[inline(always)]
fn sixteen(digits: u128) -> u64 {
    let (first, second) = (digits as u64, (digits >> 64) as u64);
    let second = number(second);
    if first == 0 { second } else { number(first) * 100_000_000 + second }
}

/// The top bit of each byte that belongs to no number.
#[inline(always)]
fn others_tops(word: u64) -> u64 {
    // Seven bits at a time, so that no byte carries into the next: from '.' to '9' the sum stays below the top bit.
    let low = word & !TOPS;
    let above = low.wrapping_add(ONES * (0x7f - u64::from(b'9')));
    let below = low.wrapping_add(ONES * (0x80 - u64::from(b'.')));
    (above | !below | word) & TOPS
}

/// A bit for each byte that belongs to no number.
#[inline(always)]
fn others(word: u64) -> u64 {
    (others_tops(word) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::super::layout::is_number;
    use super::*;

    /// Every byte at every place: the words of bytes agree with the bytes.
    #[test]
    fn words_agree_with_bytes() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                for around in [b'0', b'.', b'"', 0xff, 0] {
                    let mut bytes = [around; 8];
                    bytes[place] = byte;
                    let expected: u64 =
                        bytes.iter().enumerate().map(|(i, &b)| u64::from(!is_number(b)) << i).sum();
                    assert_eq!(others(u64::from_le_bytes(bytes)), expected);
                }
            }
        }
    }
}
