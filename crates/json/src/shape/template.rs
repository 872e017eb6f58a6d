//! Text of a fixed length in which only digits change.
//!
//! For each byte the template holds the least it may be and how much more: nothing for a constant byte, nine for a digit,
//! eight for a first digit (which is no zero), anything for bytes that belong to somebody else. One subtraction and one
//! comparison then judge 64 bytes.

/// Bytes that are judged at once.
pub(super) const BLOCK: usize = 64;

/// What 64 bytes may be.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Block {
    /// The least of each.
    pub(super) least: [u8; BLOCK],
    /// How much more it may be.
    pub(super) span: [u8; BLOCK],
}

/// Nobody asks what stands here.
const ANYTHING: Block = Block { least: [0; BLOCK], span: [u8::MAX; BLOCK] };

/// The beginning or the end of a message: `N` blocks at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template<const N: usize> {
    blocks: [Block; N],
    /// Where each block begins, counted from the message's beginning, or how far before its end.
    places: [usize; N],
    used: usize,
    /// Its length.
    pub(super) length: usize,
}

impl<const N: usize> Template<N> {
    /// The template of the message's beginning: `text`, digits where `digits` says so.
    pub(super) fn beginning(text: &[u8], digits: &[Digits]) -> Option<Self> {
        Self::new(text, digits, |begin| begin)
    }

    /// The template of the message's end.
    pub(super) fn end(text: &[u8], digits: &[Digits]) -> Option<Self> {
        // A text shorter than a block is its block's end.
        let before = BLOCK.saturating_sub(text.len());
        let padded = [&vec![0; before], text].concat();
        let moved: Vec<_> =
            digits.iter().map(|digits| Digits { at: digits.at + before, ..*digits }).collect();
        let mut template = Self::new(&padded, &moved, |begin| padded.len() - begin)?;
        if let Some(block) = template.blocks.first_mut() {
            block.span.iter_mut().take(before).for_each(|span| *span = u8::MAX);
            block.least.iter_mut().take(before).for_each(|least| *least = 0);
        }
        template.length = text.len();
        Some(template)
    }

    fn new(text: &[u8], digits: &[Digits], place: impl Fn(usize) -> usize) -> Option<Self> {
        let used = text.len().div_ceil(BLOCK);
        if used > N {
            return None;
        }
        let mut template = Self { blocks: [ANYTHING; N], places: [0; N], used, length: text.len() };
        for (number, (block, slot)) in
            template.blocks.iter_mut().zip(&mut template.places).enumerate().take(used)
        {
            // The last one ends with the text and overlaps the one before.
            let begin = (number * BLOCK).min(text.len().saturating_sub(BLOCK));
            *slot = place(begin);
            let bytes = text.get(begin..)?.iter().enumerate();
            for ((least, span), (offset, &byte)) in block.least.iter_mut().zip(&mut block.span).zip(bytes) {
                (*least, *span) = match digits.iter().find(|digits| digits.holds(begin + offset)) {
                    Some(digits) if digits.leads(begin + offset) => (b'1', 8),
                    Some(_) => (b'0', 9),
                    None => (byte, 0),
                };
            }
        }
        Some(template)
    }

    /// The blocks, each with its place.
    #[inline(always)]
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&Block, usize)> {
        self.blocks.iter().zip(self.places).take(self.used)
    }

    /// Which of the first bytes never change.
    pub(super) fn constant(&self, byte: usize) -> bool {
        let spans = self.blocks().find(|(_, place)| (*place..*place + BLOCK).contains(&byte));
        spans.is_some_and(|(block, place)| block.span.get(byte - place) == Some(&0))
    }
}

/// A whole number in a text: where its digits stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Digits {
    pub(super) at: usize,
    pub(super) length: usize,
}

impl Digits {
    fn holds(&self, place: usize) -> bool {
        (self.at..self.at + self.length).contains(&place)
    }

    /// Is this the first of several digits?
    fn leads(&self, place: usize) -> bool {
        place == self.at && self.length > 1
    }
}

/// Is every byte within its bounds? Byte by byte, the twin of every faster way.
#[cfg(test)]
pub(super) fn fits(block: &Block, bytes: &[u8]) -> bool {
    let bounds = block.least.iter().zip(&block.span);
    bytes.iter().zip(bounds).all(|(byte, (least, span))| byte.wrapping_sub(*least) <= *span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged<const N: usize>(template: &Template<N>, message: &[u8], from_end: bool) -> bool {
        template.blocks().all(|(block, place)| {
            let at = if from_end { message.len() - place } else { place };
            fits(block, &message[at..at + BLOCK])
        })
    }

    /// For every length of text: the text fits, another digit fits, any other change and a leading zero do not; bytes
    /// around the text may be anything.
    #[test]
    fn only_digits_may_change() {
        for length in 20..200 {
            let mut text: Vec<u8> = (0..length).map(|i| b'a' + (i % 26) as u8).collect();
            text[7..12].copy_from_slice(b"90210");
            let digits = [Digits { at: 7, length: 5 }];
            let beginning = Template::<4>::beginning(&text, &digits).unwrap();
            let end = Template::<4>::end(&text, &digits).unwrap();
            let around = [b'x'; 70];
            for place in 0..length {
                for byte in [b'0', b'1', b'7', b'#', 0xff] {
                    let mut changed = text.clone();
                    changed[place] = byte;
                    let digit = (8..12).contains(&place) && byte.is_ascii_digit()
                        || place == 7 && byte.is_ascii_digit() && byte != b'0'
                        || byte == text[place];
                    assert_eq!(judged(&beginning, &[&changed, &around[..]].concat(), false), digit);
                    assert_eq!(judged(&end, &[&around[..], &changed].concat(), true), digit);
                }
            }
        }
        assert!(Template::<2>::beginning(&[b'a'; 129], &[]).is_none());
    }
}
