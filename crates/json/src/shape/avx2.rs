//! 32 bytes at a time, with AVX2 and BMI2.
//!
//! The passes of the AVX-512 version. The list of places is written one bit at a time, for want of compression; texts
//! between numbers are compared where they stand; numbers are taken two levels at a time.

use std::arch::x86_64::*;

use super::layout::{COUNTS, Levels, NUMBERS, Numbers};
use super::machine::{Counted, Machine, Scratch};
use super::number::{Format, LONGEST};
use super::template::Block;

/// See the module.
pub(super) struct Avx2;

/// Places of a level: where price and quantity begin and end.
const PLACES: usize = 4;

/// Half a block.
const HALF: usize = 32;

impl Machine for Avx2 {
    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn fits(block: &Block, message: &[u8], at: usize) -> bool {
        debug_assert!(at + 64 <= message.len());
        // SAFETY: the processor by the trait's contract; 64 bytes from `at` on are inside the message by it too, and the
        // block's tables are 64 bytes each.
        unsafe {
            let mut wrong = _mm256_setzero_si256();
            for half in [0, HALF] {
                let bytes = _mm256_loadu_si256(message.as_ptr().add(at + half).cast());
                let least = _mm256_loadu_si256(block.least.as_ptr().add(half).cast());
                let span = _mm256_loadu_si256(block.span.as_ptr().add(half).cast());
                let above = _mm256_subs_epu8(_mm256_sub_epi8(bytes, least), span);
                wrong = _mm256_or_si256(wrong, above);
            }
            _mm256_testz_si256(wrong, wrong) == 1
        }
    }

    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn others(message: &[u8], at: usize) -> u64 {
        debug_assert!(at + 64 <= message.len());
        // SAFETY: as in `fits`.
        unsafe { others(message.as_ptr().wrapping_add(at)) }
    }

    #[inline(always)]
    unsafe fn nth(mask: u64, n: u32) -> u32 {
        // SAFETY: the processor by the trait's contract.
        unsafe { _tzcnt_u64(_pdep_u64(1 << n, mask)) as u32 }
    }

    #[inline(always)]
    unsafe fn numbers(
        message: &[u8],
        decimals: Option<(&Numbers, [usize; NUMBERS], [u32; NUMBERS])>,
        counts: [usize; COUNTS],
        bytes: u64,
        words: &mut [u64; NUMBERS + COUNTS],
    ) -> bool {
        let [a, b, c, d] = counts;
        let [e, f, g, h] =
            [0, 1, 2, 3].map(|slot| (bytes >> (LONGEST * slot) & 0xffff).count_ones() as usize);
        // SAFETY: the processor by the trait's contract; every end is 16 to the message's length and every length 16 at
        // most by it too. Each half of the words has room for four.
        unsafe {
            let whole = [two(message, [a, b], [e, f]), two(message, [c, d], [g, h])];
            let (mut values, mut wrong) = ([_mm256_setzero_si256(); 2], _mm256_setzero_si256());
            if let Some((numbers, [a, b, c, d], lengths)) = decimals {
                let [e, f, g, h] = lengths.map(|length| length as usize);
                let (first, wrong_first) = digits(numbers, 0, two(message, [a, b], [e, f]));
                let (second, wrong_second) = digits(numbers, 2, two(message, [c, d], [g, h]));
                (values, wrong) = ([first, second], _mm256_or_si256(wrong_first, wrong_second));
            }
            let ([first, second], [third, fourth]) = (values, whole);
            _mm256_storeu_si256(words.as_mut_ptr().cast(), pack(first, third));
            _mm256_storeu_si256(words.as_mut_ptr().add(4).cast(), pack(second, fourth));
            _mm256_testz_si256(wrong, wrong) == 1
        }
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
        // SAFETY: the processor by the trait's contract; the buffer has the room that `reserve` makes.
        let places = unsafe { split(message, begin, end, &mut scratch.places) };
        let (places, rest) = scratch.places.get(..places)?.as_chunks::<PLACES>();
        if !rest.is_empty() {
            return None;
        }
        let counted = walk(levels, message, places, begin, end)?;
        // SAFETY: the processor by the trait's contract. Places are between `begin`, which is 16 at least, and the
        // message's end, and `walk` has seen that no number is longer than it may be.
        unsafe { convert(levels, message, places, &mut scratch.levels) }.then_some(counted)
    }
}

/// A bit for each of 64 bytes that belongs to no number.
#[inline(always)]
unsafe fn others(from: *const u8) -> u64 {
    // SAFETY: the processor and the bytes by the caller's contract.
    unsafe { u64::from(half(from)) | u64::from(half(from.add(HALF))) << HALF }
}

/// A bit for each of 32 bytes that belongs to no number.
#[inline(always)]
unsafe fn half(from: *const u8) -> u32 {
    // SAFETY: the processor and the bytes by the caller's contract.
    unsafe {
        let from_point = _mm256_sub_epi8(_mm256_loadu_si256(from.cast()), _mm256_set1_epi8(b'.' as i8));
        let most = _mm256_set1_epi8((b'9' - b'.') as i8);
        let number = _mm256_cmpeq_epi8(_mm256_min_epu8(from_point, most), from_point);
        !(_mm256_movemask_epi8(number) as u32)
    }
}

/// Sixteen bytes of zeros, then sixteen of ones: loaded from the nth on, the last n bytes are ones.
const USED: [u8; 2 * LONGEST] = {
    let mut used = [0; 2 * LONGEST];
    let mut n = LONGEST;
    while n < 2 * LONGEST {
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a panic is an error")]
        {
            used[n] = u8::MAX;
        }
        n += 1;
    }
    used
};

/// What two numbers of these lengths are when `b'0'` is taken off each byte.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn two(message: &[u8], ends: [usize; 2], lengths: [usize; 2]) -> __m256i {
    debug_assert!(ends.iter().all(|&end| (LONGEST..=message.len()).contains(&end)));
    debug_assert!(lengths.iter().all(|&length| length <= LONGEST));
    // SAFETY: the processor, the places and the lengths by the contract of the trait whose methods call this.
    unsafe {
        let text = message.as_ptr();
        let a = _mm_loadu_si128(text.add(ends[0] - LONGEST).cast());
        let b = _mm_loadu_si128(text.add(ends[1] - LONGEST).cast());
        let c = _mm_loadu_si128(USED.as_ptr().add(lengths[0]).cast());
        let d = _mm_loadu_si128(USED.as_ptr().add(lengths[1]).cast());
        let values = _mm256_sub_epi8(_mm256_set_m128i(b, a), _mm256_set1_epi8(b'0' as i8));
        _mm256_and_si256(values, _mm256_set_m128i(d, c))
    }
}

/// Two neighbours of four tables.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn table(tables: &[[u8; LONGEST]; NUMBERS], first: usize) -> __m256i {
    debug_assert!(first + 2 <= NUMBERS);
    // SAFETY: the processor and the place by the callers'.
    unsafe { _mm256_loadu_si256(tables.as_ptr().add(first).cast()) }
}

/// The digits of two of a message's decimals in their places, and what is not zero where one is none.
#[inline(always)]
unsafe fn digits(numbers: &Numbers, first: usize, values: __m256i) -> (__m256i, __m256i) {
    // SAFETY: the processor by the contract of the trait whose methods call this; the first is 0 or 2.
    unsafe {
        let values = _mm256_xor_si256(values, table(&numbers.expected, first));
        let wrong = _mm256_subs_epu8(values, table(&numbers.limit, first));
        (_mm256_shuffle_epi8(values, table(&numbers.moved, first)), wrong)
    }
}

/// Two times two numbers of sixteen digits, as four numbers in turns.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn pack(first: __m256i, second: __m256i) -> __m256i {
    // SAFETY: the processor by the contract of the trait whose methods call this.
    unsafe {
        let tens = _mm256_set1_epi16(10 | 1 << 8);
        let hundreds = _mm256_set1_epi32(100 | 1 << 16);
        let first = _mm256_madd_epi16(_mm256_maddubs_epi16(first, tens), hundreds);
        let second = _mm256_madd_epi16(_mm256_maddubs_epi16(second, tens), hundreds);
        let fours = _mm256_packus_epi32(first, second);
        let eights = _mm256_madd_epi16(fours, _mm256_set1_epi32(10_000 | 1 << 16));
        let high = _mm256_mul_epu32(eights, _mm256_set1_epi64x(100_000_000));
        _mm256_add_epi64(high, _mm256_srli_epi64::<32>(eights))
    }
}

/// The first pass: the places between `begin` and `end`, and how many there are.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn split(message: &[u8], begin: usize, end: usize, places: &mut [u32]) -> usize {
    let (mut placed, mut at, mut before) = (0, begin, 0);
    let to = places.as_mut_ptr();
    while at < end {
        let left = end - at;
        let mut block = [0; 2 * HALF];
        // SAFETY: the processor by the contract of the trait whose methods call this; 64 bytes are inside the message, or
        // are a copy of what is left of it.
        let no_number = unsafe {
            if left >= block.len() {
                others(message.as_ptr().add(at))
            } else {
                std::ptr::copy_nonoverlapping(message.as_ptr().add(at), block.as_mut_ptr(), left);
                others(block.as_ptr())
            }
        };
        let number = !no_number;
        let mut edges = number ^ (number << 1 | before);
        before = number >> 63;
        let count = edges.count_ones() as usize;
        let mut written = 0;
        while written < count {
            for slot in written..written + 8 {
                // SAFETY: there is at most one place for each byte of the text, and the buffer has room for so many
                // and for two blocks more.
                unsafe {
                    *to.add(placed + slot) = at as u32 + _tzcnt_u64(edges) as u32;
                    edges = _blsr_u64(edges);
                }
            }
            written += 8;
        }
        placed += count;
        at += block.len();
    }
    placed
}

/// Goes through the texts between numbers: how many levels each array has.
#[inline(always)]
fn walk(
    levels: &Levels,
    message: &[u8],
    places: &[[u32; PLACES]],
    begin: usize,
    end: usize,
) -> Option<Counted> {
    let (mut at, mut level, mut first) = (begin, 0, places.len());
    let mut sound = true;
    for number in 0..2 {
        if number == 1 {
            let Some(middle) = &levels.middle else { break };
            sound &= middle.stands(message, at);
            at += middle.len();
            first = level;
        }
        if level == places.len() || !levels.open.stands(message, at) {
            continue;
        }
        at += levels.open.len();
        loop {
            let [price, price_end, qty, qty_end] = places.get(level)?.map(|place| place as usize);
            sound &= price == at;
            sound &= levels.between.stands(message, price_end) & (qty == price_end + levels.between.len());
            sound &= is_long_enough(price_end - price, &levels.price);
            sound &= is_long_enough(qty_end - qty, &levels.qty);
            (at, level) = (qty_end, level + 1);
            if level == places.len() || !levels.join.stands(message, at) {
                break;
            }
            at += levels.join.len();
        }
        sound &= levels.close.stands(message, at);
        at += levels.close.len();
    }
    (sound && at == end && level == places.len()).then_some(Counted { first, all: level })
}

#[inline(always)]
fn is_long_enough(length: usize, format: &Format) -> bool {
    (length as u32).wrapping_sub(format.shortest) <= format.spread
}

/// A table, twice.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn repeated(table: &[u8; LONGEST]) -> __m256i {
    // SAFETY: the processor by the contract of the trait whose methods call this; the load is as long as the table.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast())) }
}

/// The tables of a number, twice.
struct Tables {
    expected: __m256i,
    limit: __m256i,
    moved: __m256i,
}

impl Tables {
    /// # Safety
    ///
    /// As the trait's, for the processor and for places in the message.
    #[inline(always)]
    unsafe fn load(format: &Format) -> Self {
        // SAFETY: the processor by the contract of the trait whose methods call this; the tables are sixteen bytes each.
        unsafe {
            Self {
                expected: repeated(&format.expected),
                limit: repeated(&format.limit),
                moved: repeated(&format.moved),
            }
        }
    }

    /// The digits of two numbers in their places, and what is not zero where one is none.
    ///
    /// # Safety
    ///
    /// As the trait's, for the processor and for places in the message.
    #[inline(always)]
    unsafe fn digits(&self, values: __m256i) -> (__m256i, __m256i) {
        // SAFETY: the processor by the contract of the trait whose methods call this.
        unsafe {
            let values = _mm256_xor_si256(values, self.expected);
            (_mm256_shuffle_epi8(values, self.moved), _mm256_subs_epu8(values, self.limit))
        }
    }
}

/// The second pass, two levels at a time: is every one sound?
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn convert(levels: &Levels, message: &[u8], places: &[[u32; PLACES]], out: &mut [[u64; 2]]) -> bool {
    let (price_format, qty_format) = (&levels.price, &levels.qty);
    let mut sound = true;
    // SAFETY: the processor by the contract of the trait whose methods call this, places and lengths by this function's;
    // two levels are 32 bytes.
    unsafe {
        let (price, qty) = (Tables::load(price_format), Tables::load(qty_format));
        let mut wrong = _mm256_setzero_si256();
        for (pair, out) in places.chunks(2).zip(out.chunks_exact_mut(2)) {
            let Some(&first) = pair.first() else { break };
            // A last one alone is taken twice.
            let second = pair.get(1).copied().unwrap_or(first);
            let ends = [first[1] as usize, second[1] as usize];
            let lengths = [(first[1] - first[0]) as usize, (second[1] - second[0]) as usize];
            let qty_ends = [first[3] as usize, second[3] as usize];
            let qty_lengths = [(first[3] - first[2]) as usize, (second[3] - second[2]) as usize];
            let (prices, bad_prices) = price.digits(two(message, ends, lengths));
            let (qtys, bad_qtys) = qty.digits(two(message, qty_ends, qty_lengths));
            wrong = _mm256_or_si256(wrong, _mm256_or_si256(bad_prices, bad_qtys));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), pack(prices, qtys));
            for ((&[price, qty], length), qty_length) in out.iter().zip(lengths).zip(qty_lengths) {
                sound &= price >= price_format.least_of(length as u32);
                sound &= qty >= qty_format.least_of(qty_length as u32);
            }
        }
        sound & (_mm256_testz_si256(wrong, wrong) == 1)
    }
}
