//! One message read by its shape: the steps that are the same on every processor.

use super::layout::{Body, COUNTS, NUMBERS, Numbers, Shape};
use super::machine::{Counted, Machine, Scratch};

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    /// A decimal and a whole number in turns.
    pub(super) words: [u64; NUMBERS + COUNTS],
    pub(super) flag: bool,
    pub(super) levels: Counted,
}

/// Bytes with numbers of variable length that can be looked at: two words of bits.
const REGION_MAX: usize = 128;

/// Reads a message into `read`; false if it has another shape.
///
/// # Safety
///
/// The processor has what `M` is written for.
#[inline(always)]
pub(super) unsafe fn read<M: Machine>(
    shape: &Shape,
    message: &[u8],
    scratch: &mut Scratch,
    read: &mut Read,
) -> bool {
    // SAFETY: as this function's.
    unsafe { try_read::<M>(shape, message, scratch, read) }.is_some()
}

/// # Safety
///
/// As [`read`].
#[inline(always)]
unsafe fn try_read<M: Machine>(
    shape: &Shape,
    message: &[u8],
    scratch: &mut Scratch,
    read: &mut Read,
) -> Option<()> {
    if message.len() < shape.shortest {
        return None;
    }
    // `true` and `false` differ in the letter before the last.
    let letter = shape.behind_flag.map(|behind| message.len().wrapping_sub(behind + 2));
    let is_off = letter.is_some_and(|at| message.get(at) == Some(&b's'));
    let ending = shape.endings.get(usize::from(is_off))?;
    let begin = shape.beginning.length;
    let end = message.len().checked_sub(ending.template.length).filter(|&end| end >= begin)?;
    for (block, at) in shape.beginning.blocks() {
        // SAFETY: the processor by this function's contract. The block begins within the beginning, a whole block before
        // its end or at 0, and the message is longer than both the beginning and a block.
        if !unsafe { M::fits(block, message, at) } {
            return None;
        }
    }
    for (block, before) in ending.template.blocks() {
        // SAFETY: as above, counted from the message's end.
        if !unsafe { M::fits(block, message, message.len() - before) } {
            return None;
        }
    }
    let decimals = match &shape.body {
        // SAFETY: the processor by this function's contract, the places by the checks above.
        Body::Numbers(numbers) => Some(unsafe { places::<M>(numbers, message, begin, end) }?),
        Body::Levels(body) => {
            // SAFETY: the processor by this function's contract. A shape's beginning is 16 bytes at least.
            read.levels = unsafe { M::levels(body, message, begin, end, scratch) }?;
            None
        }
    };
    let counts = &ending.counts;
    let mut ends = counts.ends;
    for (end, from_end) in ends.iter_mut().zip(counts.from_end) {
        *end = end.wrapping_add(message.len() & from_end);
    }
    // SAFETY: the processor by this function's contract. The places of whole numbers are 16 at least and inside the
    // beginning or the ending, whose lengths the message has; those of decimals by `places`.
    if !unsafe { M::numbers(message, decimals, ends, counts.bytes, &mut read.words) } {
        return None;
    }
    let words = &read.words;
    if let Some((numbers, _, lengths)) = decimals {
        read.levels = Counted::default();
        let [a, b, c, d] = lengths;
        let [e, f, g, h] = &numbers.formats;
        let is_sound = (words[0] >= e.least_of(a))
            & (words[2] >= f.least_of(b))
            & (words[4] >= g.least_of(c))
            & (words[6] >= h.least_of(d));
        if !is_sound {
            return None;
        }
    }
    read.flag = !is_off;
    Some(())
}

/// Where the decimals between `begin` and `end` end, and how long each is: 16 characters at most.
///
/// The bytes between are numbers and the texts between numbers. A text has a known length, so the number before the text
/// ends at the nth byte that belongs to no number (`nth` of `Numbers`). That a text stands there whole is compared; that nothing else
/// stands between two numbers follows: there are as many such bytes as the texts have, and the numbers, which are
/// checked byte by byte, have none.
///
/// # Safety
///
/// The processor has what `M` is written for; `begin` is 16 at least, `end` no less than `begin` and inside the message.
#[inline(always)]
unsafe fn places<'s, M: Machine>(
    numbers: &'s Numbers,
    message: &[u8],
    begin: usize,
    end: usize,
) -> Option<(&'s Numbers, [usize; NUMBERS], [u32; NUMBERS])> {
    let region = end - begin;
    // The first byte behind the region belongs to no number either: the last number ends there.
    let others = numbers.others + 1;
    let [mut a, mut b, mut c, mut d] = numbers.nth.map(|nth| nth as usize);
    if region < 64 {
        // SAFETY: as this function's; the message has 64 bytes by the least length of a shape.
        let near = unsafe { window::<M>(message, begin, region + 1) };
        if near.count_ones() != others {
            return None;
        }
        for nth in [&mut a, &mut b, &mut c, &mut d] {
            // SAFETY: the processor by this function's contract.
            *nth = begin + unsafe { M::nth(near, *nth as u32) } as usize;
        }
    } else {
        if region >= REGION_MAX {
            return None;
        }
        // SAFETY: as above.
        let near = unsafe { window::<M>(message, begin, 64) };
        // SAFETY: as above; the message goes on behind the region.
        let far = unsafe { window::<M>(message, begin + 64, region - 63) };
        let in_near = near.count_ones();
        if in_near + far.count_ones() != others {
            return None;
        }
        for nth in [&mut a, &mut b, &mut c, &mut d] {
            let n = *nth as u32;
            let (mask, n, from) = if n < in_near { (near, n, begin) } else { (far, n - in_near, begin + 64) };
            // SAFETY: the processor by this function's contract.
            *nth = from + unsafe { M::nth(mask, n) } as usize;
        }
    }
    // A number that is not there ends where the one before it does, and has no text before it.
    let [_, f, g, h] = numbers.gap;
    let [_, text_b, text_c, text_d] = numbers.text;
    let lengths = [a - begin, b.wrapping_sub(a + f), c.wrapping_sub(b + g), d.wrapping_sub(c + h)];
    let lengths = lengths.map(|length| length as u32);
    let mut wrong = differs(message, a, text_b) | differs(message, b, text_c) | differs(message, c, text_d);
    for ((length, shortest), spread) in lengths.into_iter().zip(numbers.shortest).zip(numbers.spread) {
        wrong |= u64::from(length.wrapping_sub(shortest) > spread);
    }
    if wrong != 0 {
        return None;
    }
    Some((numbers, [a, b, c, d], lengths))
}

/// What differs between the word at a place and a text of up to eight bytes.
#[inline(always)]
fn differs(message: &[u8], at: usize, [text, mask]: [u64; 2]) -> u64 {
    // Behind a text there is a number and the message's end: eight bytes in all. Where there is no text the word does not
    // matter.
    let at = at.min(message.len().saturating_sub(8));
    let word =
        message.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (word ^ text) & mask
}

/// A bit for each of the bytes from `at` on, `length` of them and 64 at most, that belongs to no number.
///
/// # Safety
///
/// The processor has what `M` is written for; the message has 64 bytes, and `length` from `at` on.
#[inline(always)]
unsafe fn window<M: Machine>(message: &[u8], at: usize, length: usize) -> u64 {
    // A window that would reach beyond the message is taken from its end.
    let from = at.min(message.len() - 64);
    // SAFETY: by this function's contract and the line above.
    let bits = unsafe { M::others(message, from) } >> (at - from);
    if length >= 64 { bits } else { bits & ((1 << length) - 1) }
}
