//! What a shape knows of its messages.

use super::number::{Format, LONGEST};
use super::template::Template;

/// Whole numbers that a reading holds.
pub const COUNTS: usize = 4;

/// Decimals that a reading holds beside levels.
pub const NUMBERS: usize = 4;

/// Longest text between two numbers, in bytes.
pub(super) const TEXT_MAX: usize = 32;

/// The shape of one kind of message of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// From the first byte to the first number of variable length.
    pub(super) beginning: Template<4>,
    /// From the last number of variable length on: with `true` in it and with `false`.
    pub(super) endings: [Ending; 2],
    /// How many bytes stand behind the word `true` or `false`, where the message has one.
    pub(super) behind_flag: Option<usize>,
    /// Between the two.
    pub(super) body: Body,
    /// A shorter message is none of this shape.
    pub(super) shortest: usize,
}

/// The end of a message, and where the whole numbers of the message stand if it ends so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) template: Template<2>,
    pub(super) counts: Counts,
}

/// Where whole numbers stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Where each ends: from the message's beginning, or less than 0 (wrapped) from its end.
    pub(super) ends: [usize; COUNTS],
    /// All ones for a place counted from the end.
    pub(super) from_end: [usize; COUNTS],
    /// Which of four times sixteen bytes are digits of theirs.
    pub(super) bytes: u64,
}

/// What has a variable length.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "most are the larger one, and one step to memory counts")]
pub(super) enum Body {
    Numbers(Numbers),
    Levels(Levels),
}

/// Up to four decimals with constant text between them.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Numbers {
    /// The formats' tables side by side, sixteen bytes a number.
    pub(super) expected: [[u8; LONGEST]; NUMBERS],
    pub(super) limit: [[u8; LONGEST]; NUMBERS],
    pub(super) moved: [[u8; LONGEST]; NUMBERS],
    pub(super) shortest: [u32; NUMBERS],
    pub(super) spread: [u32; NUMBERS],
    /// Length of the text before each.
    pub(super) gap: [usize; NUMBERS],
    /// That text and which of its bits count.
    pub(super) text: [[u64; 2]; NUMBERS],
    /// How many bytes of text there are before the text that follows each: its end is the end of the number.
    pub(super) nth: [u32; NUMBERS],
    /// Bytes of all texts.
    pub(super) others: u32,
    /// How many numbers.
    pub(super) used: usize,
    pub(super) formats: [Format; NUMBERS],
}

/// One or two arrays of levels: a price and a quantity each.
///
/// ```text
/// [["58710.20","0.014"],["61496.50","0.010"]],"a":[["61800.30","2.510"]]
///  └open     └between └join                └close   └middle
/// ```
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub(super) price: Format,
    pub(super) qty: Format,
    /// From the array's bracket to the first price.
    pub(super) open: Text,
    /// From a price to its quantity.
    pub(super) between: Text,
    /// From a quantity to the next price.
    pub(super) join: Text,
    /// From the last quantity to the array's bracket.
    pub(super) close: Text,
    /// From one array's closing bracket to behind the other's opening one; none where there is one array.
    pub(super) middle: Option<Text>,
    /// `between` and `join` again and again, as often as they fit.
    pub(super) period: [u8; 64],
    /// How much of `period` that is.
    pub(super) period_length: usize,
}

/// A short constant text without digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Text {
    bytes: [u8; TEXT_MAX],
    length: usize,
    /// The first eight bytes, and which of them belong to the text.
    word: u64,
    mask: u64,
}

impl Text {
    /// `None` for a text that is too long, or has a digit or point in it.
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        if text.iter().any(|&byte| is_number(byte)) {
            return None;
        }
        let mut bytes = [0; TEXT_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        let word = u64::from_le_bytes(*bytes.first_chunk()?);
        let mask = mask(text.len());
        Some(Self { bytes, length: text.len(), word, mask })
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Does it stand at this place?
    #[inline(always)]
    pub(super) fn stands(&self, text: &[u8], at: usize) -> bool {
        if self.length <= 8
            && let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk())
        {
            return (u64::from_le_bytes(*word) ^ self.word) & self.mask == 0;
        }
        text.get(at..at + self.length) == Some(self.bytes())
    }
}

/// The bits of a word's first bytes.
pub(super) fn mask(bytes: usize) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}

/// A byte that a number may hold: a digit, the point, or the slash between the two, which no number is taken with.
#[inline(always)]
pub(super) fn is_number(byte: u8) -> bool {
    byte.wrapping_sub(b'.') <= b'9' - b'.'
}
