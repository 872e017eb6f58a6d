//! Two words of eight digits to two numbers at once: the end of the fast path for a price and its quantity.
//!
//! The steps of [`swar::all_digits`](super::swar::all_digits) and [`swar::number`](super::swar::number), which cost
//! some twenty instructions for each word, take seventeen for both in one vector of SSE2. SSE2 is part of every x86-64
//! processor, so there is nothing to detect; other processors take one word after the other.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _mm_add_epi16, _mm_and_si128, _mm_cmpgt_epi8, _mm_cvtsi128_si64, _mm_madd_epi16, _mm_movemask_epi8,
    _mm_mullo_epi16, _mm_or_si128, _mm_packs_epi32, _mm_set_epi64x, _mm_set1_epi8, _mm_set1_epi16,
    _mm_set1_epi32, _mm_srli_epi16,
};

/// Both numbers, or `None` if a byte is not a digit's value.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn numbers(words: [u64; 2]) -> Option<[u64; 2]> {
    // SAFETY: `sse2` obliges its caller to run on a processor with SSE2, which the x86-64 baseline includes.
    unsafe { sse2(words) }
}

/// Both numbers, or `None` if a byte is not a digit's value.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn numbers(words: [u64; 2]) -> Option<[u64; 2]> {
    scalar(words)
}

/// The plain version.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn scalar([first, second]: [u64; 2]) -> Option<[u64; 2]> {
    use super::swar::{all_digits, number};
    all_digits(first, second).then(|| [number(first), number(second)])
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sse2([first, second]: [u64; 2]) -> Option<[u64; 2]> {
    let digits = _mm_set_epi64x(second as i64, first as i64);
    // A byte above nine, or one with its top bit set: negative to the comparison, and taken as it is.
    let wrong = _mm_or_si128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(9)), digits);
    if _mm_movemask_epi8(wrong) != 0 {
        return None;
    }
    // In 16 bits: ten times the lower byte and the higher one. Then 100 and 1, then 10,000 and 1, to neighbours.
    let tens = _mm_mullo_epi16(_mm_and_si128(digits, _mm_set1_epi16(0xff)), _mm_set1_epi16(10));
    let pairs = _mm_add_epi16(tens, _mm_srli_epi16::<8>(digits));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    let eights = _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(10_000 | 1 << 16));
    let both = _mm_cvtsi128_si64(eights) as u64;
    Some([both & 0xffff_ffff, both >> 32])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn both_at_once_equals_one_after_the_other(digits in prop::array::uniform16(0u8..=9), place in 0usize..16, byte: u8) {
            // Random digits, then one byte of them replaced by any byte.
            let words = |bytes: [u8; 16]| {
                let word = u128::from_le_bytes(bytes);
                [word as u64, (word >> 64) as u64]
            };
            let text: Vec<String> = digits.chunks(8).map(|eight| eight.iter().map(u8::to_string).collect()).collect();
            let expected = [text[0].parse::<u64>().expect("digits"), text[1].parse::<u64>().expect("digits")];
            prop_assert_eq!(numbers(words(digits)), Some(expected));
            let mut damaged = digits;
            damaged[place] = byte;
            prop_assert_eq!(numbers(words(damaged)), scalar(words(damaged)));
            prop_assert_eq!(numbers(words(damaged)).is_some(), byte <= 9);
        }
    }
}
