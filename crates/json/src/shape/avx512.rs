//! 64 bytes at a time, with AVX-512 and the byte compression of VBMI2.
//!
//! Levels take two passes. The first goes over the text in blocks of 64 bytes: one comparison tells the bytes of numbers
//! from the others; where the two meet, a number begins or ends, and compression turns those bits into a list of places; a
//! second compression gathers the bytes that belong to no number, which must be the same few again and again. The second
//! pass takes four levels at a time, from sixteen places: what it subtracts from one another are the lengths of
//! prices, quantities and of the texts between, all judged by one comparison; then eight numbers are loaded, judged, and
//! multiplied together into four pairs of price and quantity. Nothing branches on what a number is.

use std::arch::x86_64::*;

use super::layout::{COUNTS, Levels, NUMBERS, Numbers};
use super::machine::{Counted, Machine, Scratch};
use super::number::{Format, LONGEST};
use super::template::Block;

mod scan;

use scan::{spaced, split, walk};

/// See the module.
pub(super) struct Avx512;

/// Levels that the second pass takes at a time.
const AT_A_TIME: usize = 4;

/// Places of a level: where price and quantity begin and end.
const PLACES: usize = 4;

impl Machine for Avx512 {
    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn fits(block: &Block, message: &[u8], at: usize) -> bool {
        debug_assert!(at + 64 <= message.len());
        // SAFETY: the processor by the trait's contract; 64 bytes from `at` on are inside the message by it too, and the
        // block's tables are 64 bytes each.
        unsafe {
            let bytes = _mm512_loadu_si512(message.as_ptr().add(at).cast());
            let least = _mm512_load_si512(block.least.as_ptr().cast());
            let span = _mm512_load_si512(block.span.as_ptr().cast());
            _mm512_cmpgt_epu8_mask(_mm512_sub_epi8(bytes, least), span) == 0
        }
    }

    /// # Safety
    ///
    /// As the trait's.
    #[inline(always)]
    unsafe fn others(message: &[u8], at: usize) -> u64 {
        debug_assert!(at + 64 <= message.len());
        // SAFETY: as in `fits`.
        unsafe { others(_mm512_loadu_si512(message.as_ptr().add(at).cast())) }
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
        // SAFETY: the processor by the trait's contract; every end is 16 to the message's length by it too.
        unsafe {
            let zeros = _mm512_set1_epi8(b'0' as i8);
            let [a, b, c, d] = counts;
            let counts = _mm512_maskz_sub_epi8(bytes, four(message, [a, b, c, d]), zeros);
            let Some((numbers, ends, lengths)) = decimals else {
                store(pack(_mm512_setzero_si512(), counts), words);
                return true;
            };
            let mut used = 0;
            for (slot, length) in lengths.into_iter().enumerate() {
                used |= u64::from((0xffff_0000u32 >> length) & 0xffff) << (LONGEST * slot);
            }
            let values = _mm512_maskz_sub_epi8(used, four(message, ends), zeros);
            let values = _mm512_xor_si512(values, _mm512_loadu_si512(numbers.expected.as_ptr().cast()));
            let limit = _mm512_loadu_si512(numbers.limit.as_ptr().cast());
            if _mm512_cmpgt_epu8_mask(values, limit) != 0 {
                return false;
            }
            let digits = _mm512_shuffle_epi8(values, _mm512_loadu_si512(numbers.moved.as_ptr().cast()));
            store(pack(digits, counts), words);
            true
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
        // SAFETY: the processor by the trait's contract; the buffers have the room that `reserve` makes.
        let (places, others) = unsafe { split(message, begin, end, scratch) };
        if !places.is_multiple_of(PLACES) {
            return None;
        }
        let all = places / PLACES;
        // SAFETY: as above.
        let first = unsafe { walk(levels, scratch, others, all) }?;
        if !spaced(levels, scratch, begin, end, Counted { first, all })? {
            return None;
        }
        // SAFETY: the processor by the trait's contract. All places are between `begin`, which is 16 at least, and the
        // message's end; as many levels as the buffers were made for.
        let sound = unsafe {
            convert(levels, message, scratch, 0, first) & convert(levels, message, scratch, first, all)
        };
        sound.then_some(Counted { first, all })
    }
}

/// A bit for each byte that belongs to no number.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn others(bytes: __m512i) -> u64 {
    // SAFETY: the processor by the contract of the trait whose methods call this.
    unsafe {
        let from_point = _mm512_sub_epi8(bytes, _mm512_set1_epi8(b'.' as i8));
        _mm512_cmpgt_epu8_mask(from_point, _mm512_set1_epi8((b'9' - b'.') as i8))
    }
}

/// The sixteen bytes before a place.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn before(message: &[u8], end: usize) -> __m128i {
    debug_assert!((LONGEST..=message.len()).contains(&end));
    // SAFETY: the processor and the place by the contract of the trait whose methods call this.
    unsafe { _mm_loadu_si128(message.as_ptr().add(end - LONGEST).cast()) }
}

/// The sixteen bytes before each of four places.
#[inline(always)]
unsafe fn four(message: &[u8], ends: [usize; 4]) -> __m512i {
    // SAFETY: the processor and the places by the contract of the trait whose methods call this.
    unsafe {
        let [a, b, c, d] = ends;
        let (a, b) = (before(message, a), before(message, b));
        let (c, d) = (before(message, c), before(message, d));
        let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b);
        let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d);
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
    }
}

/// Two times four numbers of sixteen digits, as eight numbers in turns.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn pack(first: __m512i, second: __m512i) -> __m512i {
    // SAFETY: the processor by the contract of the trait whose methods call this.
    unsafe {
        let tens = _mm512_set1_epi16(10 | 1 << 8);
        let hundreds = _mm512_set1_epi32(100 | 1 << 16);
        let first = _mm512_madd_epi16(_mm512_maddubs_epi16(first, tens), hundreds);
        let second = _mm512_madd_epi16(_mm512_maddubs_epi16(second, tens), hundreds);
        let fours = _mm512_packus_epi32(first, second);
        let eights = _mm512_madd_epi16(fours, _mm512_set1_epi32(10_000 | 1 << 16));
        let high = _mm512_mul_epu32(eights, _mm512_set1_epi64(100_000_000));
        _mm512_add_epi64(high, _mm512_srli_epi64::<32>(eights))
    }
}

/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn store(from: __m512i, words: &mut [u64; 8]) {
    // SAFETY: the processor by the contract of the trait whose methods call this; 64 bytes go into 64.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), from) };
}

/// A table, four times.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn repeated(table: &[u8; LONGEST]) -> __m512i {
    // SAFETY: the processor by the contract of the trait whose methods call this; the load is as long as the table.
    unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(table.as_ptr().cast())) }
}

/// The tables of a number, four times.
#[derive(Clone, Copy)]
struct Tables {
    expected: __m512i,
    limit: __m512i,
    moved: __m512i,
    least: [__m512i; 2],
}

impl Tables {
    /// # Safety
    ///
    /// As the trait's, for the processor and for places in the message.
    #[inline(always)]
    unsafe fn load(format: &Format) -> Self {
        // SAFETY: the processor by the contract of the trait whose methods call this; the tables are arrays of the loads'
        // lengths.
        unsafe {
            let least = format.least.as_ptr();
            Self {
                expected: repeated(&format.expected),
                limit: repeated(&format.limit),
                moved: repeated(&format.moved),
                least: [_mm512_loadu_si512(least.cast()), _mm512_loadu_si512(least.add(8).cast())],
            }
        }
    }

    /// The digits of four numbers in their places, and a bit for each byte that is none.
    ///
    /// # Safety
    ///
    /// As the trait's, for the processor and for places in the message.
    #[inline(always)]
    unsafe fn digits(&self, text: __m512i, used: u64) -> (__m512i, u64) {
        // SAFETY: the processor by the contract of the trait whose methods call this.
        unsafe {
            let values = _mm512_maskz_sub_epi8(used, text, _mm512_set1_epi8(b'0' as i8));
            let values = _mm512_xor_si512(values, self.expected);
            (_mm512_shuffle_epi8(values, self.moved), _mm512_cmpgt_epu8_mask(values, self.limit))
        }
    }
}

/// One place of each of four levels.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn ends(at: *const u32) -> [usize; 4] {
    // Volatile, so that they come from memory. A compiler that remembers the vector which was loaded from there takes
    // them out of it one by one, which costs more than everything else that is done with a level.
    // SAFETY: the places of four levels from here on are the caller's.
    unsafe {
        let (a, b) = (at.read_volatile(), at.add(PLACES).read_volatile());
        let (c, d) = (at.add(2 * PLACES).read_volatile(), at.add(3 * PLACES).read_volatile());
        [a as usize, b as usize, c as usize, d as usize]
    }
}

/// What the second pass needs of a shape.
struct Pass {
    price: Tables,
    qty: Tables,
    /// The least of a level's four lengths: price, text between, quantity, text up to the next price.
    shortest: __m512i,
    /// How much longer each may be.
    spread: __m512i,
    /// Where a price's length stands among the bytes of a level's lengths, sixteen times; and a quantity's.
    of_price: __m512i,
    of_qty: __m512i,
    /// How far each of sixteen bytes is from the last.
    from_right: __m512i,
}

/// A bit for each thing that is wrong with four levels: 4 a level, 16 a level, 2 a level.
struct Wrong {
    lengths: u16,
    digits: u64,
    mantissas: u8,
}

impl Pass {
    /// # Safety
    ///
    /// As the trait's, for the processor and for places in the message.
    #[inline(always)]
    unsafe fn new(levels: &Levels) -> Self {
        let (price, qty) = (&levels.price, &levels.qty);
        let (between, join) = (levels.between.len() as i32, levels.join.len() as i32);
        // SAFETY: the processor by the contract of the trait whose methods call this.
        unsafe {
            let shortest = _mm_setr_epi32(price.shortest as i32, between, qty.shortest as i32, join);
            let spread = _mm_setr_epi32(price.spread as i32, 0, qty.spread as i32, 0);
            let from_right = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            Self {
                price: Tables::load(price),
                qty: Tables::load(qty),
                shortest: _mm512_broadcast_i32x4(shortest),
                spread: _mm512_broadcast_i32x4(spread),
                of_price: _mm512_setzero_si512(),
                of_qty: _mm512_set1_epi8(8),
                from_right: _mm512_broadcast_i32x4(from_right),
            }
        }
    }

    /// Takes the four levels whose places begin at `at`.
    ///
    /// # Safety
    ///
    /// As the trait's, for the processor and for places in the message.
    #[inline(always)]
    unsafe fn take(&self, message: &[u8], at: *const u32, out: *mut [u64; 2]) -> Wrong {
        // SAFETY: the processor by the contract of the trait whose methods call this; seventeen places from `at` on, four
        // levels from `out` on and the places' being inside the message are the caller's.
        unsafe {
            let here = _mm512_loadu_si512(at.cast());
            let next = _mm512_loadu_si512(at.add(1).cast());
            let lengths = _mm512_sub_epi32(next, here);
            let beyond = _mm512_sub_epi32(lengths, self.shortest);
            let (of_price, of_qty) =
                (_mm512_shuffle_epi8(lengths, self.of_price), _mm512_shuffle_epi8(lengths, self.of_qty));
            let price_used = _mm512_cmpgt_epu8_mask(of_price, self.from_right);
            let qty_used = _mm512_cmpgt_epu8_mask(of_qty, self.from_right);
            let (prices, bad_prices) = self.price.digits(four(message, ends(at.add(1))), price_used);
            let (qtys, bad_qtys) = self.qty.digits(four(message, ends(at.add(3))), qty_used);
            let pairs = pack(prices, qtys);
            _mm512_storeu_si512(out.cast(), pairs);
            let [price_low, price_high] = self.price.least;
            let [qty_low, qty_high] = self.qty.least;
            let least = _mm512_mask_blend_epi64(
                0b1010_1010,
                _mm512_permutex2var_epi64(price_low, beyond, price_high),
                _mm512_permutex2var_epi64(qty_low, beyond, qty_high),
            );
            Wrong {
                lengths: _mm512_cmpgt_epu32_mask(beyond, self.spread),
                digits: bad_prices | bad_qtys,
                mantissas: _mm512_cmplt_epu64_mask(pairs, least),
            }
        }
    }
}

/// The second pass, over the levels of one array: is every one sound?
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn convert(levels: &Levels, message: &[u8], scratch: &mut Scratch, from: usize, to: usize) -> bool {
    if from == to {
        return true;
    }
    let (places, out) = (scratch.places.as_ptr(), scratch.levels.as_mut_ptr());
    // SAFETY: the processor by the contract of the trait whose methods call this. Places and levels are loaded and stored
    // within their buffers, which have room for four levels more. Every place is one inside the message and 16 at
    // least, also those behind the last.
    unsafe {
        let pass = Pass::new(levels);
        let (mut level, mut wrong) = (from, 0);
        while to - level > AT_A_TIME {
            let found = pass.take(message, places.add(PLACES * level), out.add(level));
            wrong |= u64::from(found.lengths) | found.digits | u64::from(found.mantissas);
            level += AT_A_TIME;
        }
        // The last ones: not what is behind them, and no text up to a next price.
        let left = to - level;
        let found = pass.take(message, places.add(PLACES * level), out.add(level));
        wrong |= _bzhi_u64(u64::from(found.lengths), (PLACES * left - 1) as u32);
        wrong |= _bzhi_u64(found.digits, (LONGEST * left) as u32);
        wrong |= _bzhi_u64(u64::from(found.mantissas), (2 * left) as u32);
        wrong == 0
    }
}
