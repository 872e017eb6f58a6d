//! The fast path: eight digits at a time in one word. The steps are numbered in the documentation of the module above.

use super::{POWERS, SCALE_MAX, vector};

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;
/// Turns digits into their values and the point into [`POINT`].
const ZEROS: u64 = 0x3030_3030_3030_3030;
const POINT: u64 = (b'.' ^ b'0') as u64;

/// Added to a byte of 10 or more, it reaches the top bit.
const TO_TOP: u64 = ONES * (0x80 - 10);

/// `10^n` for every scale; none beyond, so that a wrong scale leaves the fast path.
const SCALES: [u64; SCALE_MAX as usize + 1] = match POWERS.first_chunk() {
    Some(scales) => *scales,
    None => unreachable!(),
};

/// By length, what turns the bytes of a short text into values and leaves the bytes behind it zero.
#[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a panic is an error")]
const TO_VALUES: [u64; 8] = {
    let mut table = [0; 8];
    let mut length = 1;
    while length < 8 {
        table[length] = ZEROS >> (64 - 8 * length);
        length += 1;
    }
    table
};

/// By scale, the bytes of a word that are left for whole digits. Seven decimals and a point leave none.
const WHOLE_BYTES: [u64; 7] =
    [u64::MAX, u64::MAX >> 8, u64::MAX >> 16, u64::MAX >> 24, u64::MAX >> 32, u64::MAX >> 40, u64::MAX >> 48];

/// The mantissa of a text with a point, if its whole digits and as many decimals as the scale take seven bytes at most.
/// `None` for anything that [`wide`] or [`super::simple`] has to judge.
#[inline(always)]
pub(super) fn narrow(text: &[u8], scale: u8) -> Option<u64> {
    let digits = align(text, Frame::of(scale)?)?;
    all_digits(digits, 0).then(|| number(digits))
}

/// What a scale makes of a word: worked out once for a whole side of a book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The bytes left for whole digits.
    whole_mask: u64,
    /// Their bits, less one byte for the point.
    room: u32,
}

impl Frame {
    /// `None` for a scale that leaves no whole digit.
    #[inline(always)]
    pub(super) fn of(scale: u8) -> Option<Self> {
        let whole_mask = *WHOLE_BYTES.get(usize::from(scale))?;
        Some(Self { whole_mask, room: 48 - 8 * u32::from(scale) })
    }
}

/// Two of them, with the last steps for both at once.
#[inline(always)]
pub(super) fn narrow_pair([first, second]: [&[u8]; 2], frames: [Frame; 2]) -> Option<[u64; 2]> {
    let [first_frame, second_frame] = frames;
    vector::numbers([align(first, first_frame)?, align(second, second_frame)?])
}

/// Steps 1, 2 and 4: the bytes that must be the mantissa's digits, the last one in the top byte.
#[inline(always)]
fn align(text: &[u8], Frame { whole_mask, room }: Frame) -> Option<u64> {
    // 1.
    let head = head(text)?;

    // 2.
    let whole_bits = point(head)?;
    // Together at most 48 bits, so that the shift below is 8 to 56; and a whole digit at least.
    let leading_zero = (head & 0xff == 0) & (whole_bits != 8);
    if (whole_bits.wrapping_sub(8) > room) | leading_zero | (text.last() == Some(&b'.')) {
        return None;
    }

    // 3. The word begins with zeros, then the whole digits, then as many decimals as the scale. Both parts move by the
    // same distance, once as they are and once a byte closer, over the point.
    let up = room + 16 - whole_bits;
    let closer = (head >> 8) << up;
    let digits = ((head << up) & whole_mask) | (closer & !whole_mask);

    // 4. Decimals that were shifted out, and those that never came into the first word.
    if closer >> up != head >> 8 || (text.len() > 8 && !ends_in_zeros(text)) {
        return None;
    }
    Some(digits)
}

/// The place of the first point, eight bits for each byte before it. The lowest match of the zero-byte trick is exact;
/// bytes above it may show false ones.
#[inline(always)]
fn point(head: u64) -> Option<u32> {
    let unlike = head ^ (ONES * POINT);
    let points = unlike.wrapping_sub(ONES) & !unlike & TOPS;
    (points != 0).then(|| points.trailing_zeros() - 7)
}

/// The first eight bytes as values. Behind a shorter text stand zeros, which say nothing behind a point.
#[inline(always)]
fn head(text: &[u8]) -> Option<u64> {
    if let Some(first) = text.first_chunk() {
        return Some(u64::from_le_bytes(*first) ^ ZEROS);
    }
    let raw = if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        // Four to seven: two halves that overlap, with equal bytes where they do.
        let above = 8 * (text.len() - 4);
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << above
    } else {
        match *text {
            [a] => u64::from(a),
            [a, b] => u64::from(a) | u64::from(b) << 8,
            [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
            _ => return None,
        }
    };
    Some(raw ^ TO_VALUES.get(text.len())?)
}

/// Whether all from the ninth byte on are zeros, for nine to sixteen bytes.
#[inline(always)]
fn ends_in_zeros(text: &[u8]) -> bool {
    let known = 16usize.wrapping_sub(text.len()); // the bytes of the last eight that `head` has seen
    match text.last_chunk() {
        Some(last) if known < 8 => (u64::from_le_bytes(*last) ^ ZEROS) >> (8 * known) == 0,
        _ => false,
    }
}

/// The mantissa of up to eight digits without a point, or of up to seven whole digits and eight decimals in two words.
#[inline]
pub(super) fn wide(text: &[u8], scale: u8) -> Option<u64> {
    let head = head(text)?;
    let Some(whole_bits) = point(head) else {
        let leading_zero = (text.len() > 1) & (head & 0xff == 0);
        if (text.len() > 8) | leading_zero | !all_digits(head, 0) {
            return None;
        }
        let digits = head << (64 - 8 * text.len());
        return number(digits).checked_mul(*SCALES.get(usize::from(scale))?);
    };
    let decimals = text.len().wrapping_sub(1 + whole_bits as usize / 8);
    let leading_zero = (head & 0xff == 0) & (whole_bits != 8);
    if leading_zero | (whole_bits == 0) | (decimals.wrapping_sub(1) >= 8) {
        return None;
    }
    let tail = match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last) ^ ZEROS,
        None => head << (64 - 8 * text.len()),
    };
    let whole = head << (64 - whole_bits); // the last digit in the top byte
    let fraction = tail >> (64 - 8 * decimals); // the first decimal in the bottom byte
    if !all_digits(whole, fraction) {
        return None;
    }
    // Seven digits times 10^18 do not fit, so the sum is checked.
    let whole = number(whole).checked_mul(*SCALES.get(usize::from(scale))?)?;
    let fraction = if scale < 8 {
        let scale_bits = 8 * u32::from(scale);
        if fraction >> scale_bits != 0 {
            return None;
        }
        number((fraction << (56 - scale_bits)) << 8)
    } else {
        number(fraction).checked_mul(*SCALES.get(usize::from(scale) - 8)?)?
    };
    whole.checked_add(fraction)
}

/// Every byte of both words is 0 to 9. The addition may carry out of a byte above 0x89, but such a byte has its top bit.
#[inline(always)]
pub(crate) fn all_digits(a: u64, b: u64) -> bool {
    (a.wrapping_add(TO_TOP) | a | b.wrapping_add(TO_TOP) | b) & TOPS == 0
}

/// Eight digit values, the most significant in the lowest byte, as a number: pairs, fours, eight.
#[inline(always)]
pub(crate) fn number(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}
