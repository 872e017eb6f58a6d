//! The first pass over levels: where numbers begin and end, and what stands between them.

use std::arch::x86_64::*;

use super::PLACES;
use crate::shape::layout::{Levels, Text};
use crate::shape::machine::{Counted, Scratch};

/// The first pass: the places and the bytes of no number between `begin` and `end`, and how many of each.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
pub(super) unsafe fn split(
    message: &[u8],
    begin: usize,
    end: usize,
    scratch: &mut Scratch,
) -> (usize, usize) {
    let (places, others) = (scratch.places.as_mut_ptr(), scratch.others.as_mut_ptr());
    let (mut placed, mut gathered, mut at, mut before) = (0usize, 0usize, begin, 0u64);
    // SAFETY: the processor by the contract of the trait whose methods call this. Bytes are loaded from inside the message:
    // whole blocks, and of the last one what is left. There is at most one place and one gathered byte for each byte
    // of the text, and the buffers have room for so many and for two blocks more, which is what the last stores
    // of whole blocks reach beyond.
    unsafe {
        let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
        while at < end {
            let left = end - at;
            let inside = if left >= 64 { u64::MAX } else { _bzhi_u64(u64::MAX, left as u32) };
            let bytes = _mm512_maskz_loadu_epi8(inside, message.as_ptr().add(at).cast());
            let no_number = super::others(bytes);
            let number = !no_number;
            let edges = (number ^ (number << 1 | before)) & inside;
            before = number >> 63;
            let found = _mm512_maskz_compress_epi8(edges, order);
            let origin = _mm512_set1_epi32(at as i32);
            let count = edges.count_ones() as usize;
            put(places.add(placed), _mm512_castsi512_si128(found), origin);
            if count > 16 {
                put(places.add(placed + 16), _mm512_extracti32x4_epi32::<1>(found), origin);
                put(places.add(placed + 32), _mm512_extracti32x4_epi32::<2>(found), origin);
                put(places.add(placed + 48), _mm512_extracti32x4_epi32::<3>(found), origin);
            }
            placed += count;
            let no_number = no_number & inside;
            let text = _mm512_maskz_compress_epi8(no_number, bytes);
            _mm512_storeu_si512(others.add(gathered).cast(), text);
            gathered += no_number.count_ones() as usize;
            at += 64;
        }
        // What is loaded beyond the last place must be one too.
        let last = _mm512_set1_epi32(end as i32);
        _mm512_storeu_si512(places.add(placed).cast(), last);
        _mm512_storeu_si512(places.add(placed + 16).cast(), last);
    }
    (placed, gathered)
}

/// Writes sixteen places.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn put(to: *mut u32, bytes: __m128i, origin: __m512i) {
    // SAFETY: the processor and the room by the caller's.
    unsafe { _mm512_storeu_si512(to.cast(), _mm512_add_epi32(_mm512_cvtepu8_epi32(bytes), origin)) };
}

/// The numbers from 0 to 63.
const ORDER: [u8; 64] = {
    let mut order = [0; 64];
    let mut n = 0;
    while n < 64 {
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a panic is an error")]
        {
            order[n] = n as u8;
        }
        n += 1;
    }
    order
};

/// Goes through the bytes that belong to no number: how many levels the first array has.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
pub(super) unsafe fn walk(levels: &Levels, scratch: &Scratch, others: usize, all: usize) -> Option<usize> {
    // SAFETY: the processor by the contract of the trait whose methods call this.
    let (mut at, first) = unsafe { run(levels, scratch, 0, others) }?;
    let mut second = 0;
    if let Some(middle) = &levels.middle {
        if !stands(middle, scratch, at, others) {
            return None;
        }
        // SAFETY: as above.
        let last = unsafe { run(levels, scratch, at + middle.len(), others) };
        (at, second) = last?;
    }
    (at == others && first + second == all).then_some(first)
}

/// The levels of the array whose texts begin at `at`: where they end, and how many levels that is.
///
/// # Safety
///
/// As the trait's, for the processor and for places in the message.
#[inline(always)]
unsafe fn run(levels: &Levels, scratch: &Scratch, at: usize, others: usize) -> Option<(usize, usize)> {
    if !stands(&levels.open, scratch, at, others) {
        return Some((at, 0));
    }
    let begin = at + levels.open.len();
    let mut at = begin;
    // SAFETY: the processor by the contract of the trait whose methods call this. A block is loaded from a place before
    // the end of what was gathered, behind which the buffer has two blocks more.
    let end = unsafe {
        let period = _mm512_loadu_si512(levels.period.as_ptr().cast());
        let counted = _bzhi_u64(u64::MAX, levels.period_length as u32);
        loop {
            if at >= others {
                break others;
            }
            let text = _mm512_loadu_si512(scratch.others.as_ptr().add(at).cast());
            let other = _mm512_cmpneq_epi8_mask(text, period) & counted;
            if other != 0 {
                break (at + other.trailing_zeros() as usize).min(others);
            }
            at += levels.period_length;
        }
    };
    // One join fewer than levels, and the array's close instead.
    let (unit, join) = (levels.between.len() + levels.join.len(), levels.join.len());
    let length = (end - begin + join).checked_sub(levels.close.len())?;
    (length > 0 && length.is_multiple_of(unit)).then_some((end, length / unit))
}

/// Does a text stand at this place of the gathered bytes?
#[inline(always)]
fn stands(text: &Text, scratch: &Scratch, at: usize, others: usize) -> bool {
    at + text.len() <= others && text.stands(&scratch.others, at)
}

/// Are the arrays' first and last places where the texts around them put them? What lies between levels is judged
/// with the levels.
#[inline(always)]
pub(super) fn spaced(
    levels: &Levels,
    scratch: &Scratch,
    begin: usize,
    end: usize,
    counted: Counted,
) -> Option<bool> {
    let place = |index: usize| scratch.places.get(index).map(|&place| place as usize);
    let mut at = begin;
    let arrays = [(0, counted.first), (counted.first, counted.all)];
    for (number, (from, to)) in arrays.into_iter().enumerate() {
        if number == 1 {
            let Some(middle) = &levels.middle else { break };
            at += middle.len();
        }
        if from < to {
            if place(PLACES * from)? != at + levels.open.len() {
                return Some(false);
            }
            at = place(PLACES * to - 1)? + levels.close.len();
        }
    }
    Some(at == end)
}
