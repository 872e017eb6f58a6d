//! One message read by its shape: the steps that are the same on every processor.

use super::layout::{Body, COUNTS, NUMBERS, Numbers, Shape};
use super::machine::{Counted, Machine, Scratch};

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// A decimal and a whole number in turns.
    pub(super) words: [u64; NUMBERS + COUNTS],
    pub(super) flag: bool,
    pub(super) levels: Counted,
}

/// Bytes with numbers of variable length that can be looked at: two words of bits.
const REGION_MAX: usize = 128;

/// Reads a message; `None` if it has another shape.
///
/// # Safety
///
/// The processor has what `M` is written for.
#[inline(always)]
pub(super) unsafe fn read<M: Machine>(shape: &Shape, message: &[u8], scratch: &mut Scratch) -> Option<Read> {
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
    let mut levels = Counted { first: 0, all: 0 };
    let decimals = match &shape.body {
        // SAFETY: the processor by this function's contract, the places by the checks above.
        Body::Numbers(numbers) => Some(unsafe { places::<M>(numbers, message, begin, end) }?),
        Body::Levels(body) => {
            // SAFETY: the processor by this function's contract. A shape's beginning is 16 bytes at least.
            levels = unsafe { M::levels(body, message, begin, end, scratch) }?;
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
    let words = unsafe { M::numbers(message, decimals, ends, counts.bytes) }?;
    if let Some((numbers, _, lengths)) = decimals {
        let mut sound = true;
        for (index, (format, shortest)) in numbers.formats.iter().zip(numbers.shortest).enumerate() {
            let beyond = lengths.get(index)?.wrapping_sub(shortest) as usize % format.least.len();
            sound &= words.get(2 * index)? >= format.least.get(beyond)?;
        }
        if !sound {
            return None;
        }
    }
    Some(Read { words, flag: !is_off, levels })
}

/// Where the decimals between `begin` and `end` end, and how long each is.
///
/// The bytes between are numbers and the texts between numbers. A text has a known length, so the number before the text
/// ends at the nth byte that belongs to no number. That a text stands there whole is compared; that nothing else
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
    if region > REGION_MAX {
        return None;
    }
    // SAFETY: as this function's; the message has 64 bytes by the least length of a shape.
    let near = unsafe { window::<M>(message, begin, region) };
    let mut ends = [end; NUMBERS];
    if region <= 64 {
        if near.count_ones() != numbers.others {
            return None;
        }
        for (end, &nth) in ends.iter_mut().zip(&numbers.nth).take(numbers.used - 1) {
            // SAFETY: the processor by this function's contract.
            *end = begin + unsafe { M::nth(near, nth) } as usize;
        }
    } else {
        // SAFETY: as for the first window.
        let far = unsafe { window::<M>(message, begin + 64, region - 64) };
        let in_near = near.count_ones();
        if in_near + far.count_ones() != numbers.others {
            return None;
        }
        for (end, &nth) in ends.iter_mut().zip(&numbers.nth).take(numbers.used - 1) {
            let (mask, nth, offset) = if nth < in_near { (near, nth, 0) } else { (far, nth - in_near, 64) };
            // SAFETY: the processor by this function's contract.
            *end = begin + offset + unsafe { M::nth(mask, nth) } as usize;
        }
    }
    let (mut lengths, mut before, mut sound) = ([0; NUMBERS], begin, true);
    for index in 0..NUMBERS {
        let is_used = index < numbers.used;
        let number_end = *ends.get(index)?;
        let &[text, mask] = numbers.text.get(index)?;
        if is_used && mask != 0 {
            sound &= (word(message, before)? ^ text) & mask == 0;
        }
        let length = number_end.wrapping_sub(before.wrapping_add(*numbers.gap.get(index)?)) as u32;
        let beyond = length.wrapping_sub(*numbers.shortest.get(index)?);
        sound &= beyond <= *numbers.spread.get(index)?;
        *lengths.get_mut(index)? = if is_used { length } else { 0 };
        before = number_end;
    }
    sound.then_some((numbers, ends, lengths))
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

#[inline(always)]
fn word(message: &[u8], at: usize) -> Option<u64> {
    message.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
