//! What no parser can go below: the bytes read once, and the bytes proven to be UTF-8.

use std::hint::black_box;

use super::Parser;
use crate::messages::Said;

/// Every byte read, 64 at a time, as eight words.
pub(super) struct Read;

impl Parser for Read {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        let (lines, rest) = frame.as_chunks::<64>();
        let mut sums = [0u64; 8];
        for line in lines {
            let (words, _) = line.as_chunks::<8>();
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum ^= u64::from_ne_bytes(*word);
            }
        }
        let (words, rest) = rest.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum ^= u64::from_ne_bytes(*word);
        }
        let last = rest.iter().fold(0, |sum, byte| sum ^ byte);
        black_box((sums, last));
    }

    fn said(&mut self, _: &mut [u8]) -> Option<Said> {
        None
    }
}

/// Every byte proven to be UTF-8.
pub(super) struct Validate;

impl Parser for Validate {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        black_box(simdutf8::basic::from_utf8(frame).is_ok());
    }

    fn said(&mut self, _: &mut [u8]) -> Option<Said> {
        None
    }
}
