//! What a processor has to offer for reading by shape, and the choice of it.

use std::sync::OnceLock;

use super::layout::{COUNTS, Levels, NUMBERS, Numbers};
use super::template::Block;

/// The environment's word for a way of reading: it holds for every reader made afterwards.
const VARIABLE: &str = "TOUCHLINE_SIMD";

/// A way of reading messages by their shape.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Simd {
    /// 64 bytes at a time, with the byte compression of VBMI2: Intel since Ice Lake, AMD since Zen 4.
    Avx512,
    /// 32 bytes at a time: nearly every x86-64 processor.
    Avx2,
    /// Eight bytes at a time, on any processor.
    Portable,
    /// Not at all: every message goes to the general parser.
    General,
}

impl Simd {
    /// Every way, the fastest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Portable, Self::General];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
            Self::General => "general",
        }
    }

    /// Can this processor do it?
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vbmi2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("popcnt")
                    && is_x86_feature_detected!("lzcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("popcnt")
                    && is_x86_feature_detected!("lzcnt")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Portable | Self::General => true,
        }
    }

    /// The fastest way of this processor; or the one that `TOUCHLINE_SIMD` names, if the processor has it. Looked up once.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Simd> = OnceLock::new();
        *BEST.get_or_init(|| {
            let named = std::env::var(VARIABLE).ok();
            Self::named(named.as_deref()).filter(|simd| simd.is_available()).unwrap_or_else(Self::fastest)
        })
    }

    fn named(name: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|simd| Some(simd.name()) == name)
    }

    fn fastest() -> Self {
        Self::ALL.into_iter().find(|simd| simd.is_available()).unwrap_or(Self::General)
    }
}

/// Buffers that one message after another is read with.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Where each number begins and ends, counted from the message's beginning.
    pub(super) places: Vec<u32>,
    /// All bytes that belong to no number, in their order.
    pub(super) others: Vec<u8>,
    /// Price and quantity of each level.
    pub(super) levels: Vec<[u64; 2]>,
}

/// Room behind what is used of a buffer: whole blocks are written.
pub(super) const SLACK: usize = 128;

impl Scratch {
    /// Makes room for what a text of this many bytes can hold.
    #[inline(always)]
    pub(super) fn reserve(&mut self, bytes: usize) {
        if self.others.len() < bytes + SLACK {
            self.grow(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let room = (bytes + SLACK).next_power_of_two();
        self.others.resize(room, 0);
        self.places.resize(room, 0);
        // No level has fewer than four bytes.
        self.levels.resize(room / 4 + SLACK, [0; 2]);
    }
}

/// How many levels the arrays of a message have: of the first, and of both.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counted {
    pub(super) first: usize,
    pub(super) all: usize,
}

/// The steps of reading that depend on the processor.
///
/// # Safety
///
/// Every method may only be called on a processor that has what the implementation is written for
/// ([`Simd::is_available`]), and with places inside the message as each of them says.
pub(super) trait Machine {
    /// Is every byte of the 64 from `at` on within its bounds? They must be inside the message.
    unsafe fn fits(block: &Block, message: &[u8], at: usize) -> bool;

    /// A bit for each of the 64 bytes from `at` on that belongs to no number. They must be inside the message.
    ///
    /// # Safety
    ///
    /// As the trait's.
    unsafe fn others(message: &[u8], at: usize) -> u64;

    /// The place of the bit that has `n` bits below it; 64 if there is none.
    ///
    /// # Safety
    ///
    /// As the trait's.
    unsafe fn nth(mask: u64, n: u32) -> u32;

    /// Reads four decimals that end at `ends` and have so many characters, and four whole numbers that end at `counts` and
    /// have the digits that `bytes` says: a decimal and a whole number in turns. Every end must be 16 to the message's
    /// length, every length 16 at most. False if a decimal is written in another way.
    ///
    /// # Safety
    ///
    /// As the trait's.
    unsafe fn numbers(
        message: &[u8],
        decimals: Option<(&Numbers, [usize; NUMBERS], [u32; NUMBERS])>,
        counts: [usize; COUNTS],
        bytes: u64,
        words: &mut [u64; NUMBERS + COUNTS],
    ) -> bool;

    /// Reads the levels between `begin`, which is 16 at least, and `end`. `None` if they are written in another way.
    ///
    /// # Safety
    ///
    /// As the trait's.
    unsafe fn levels(
        levels: &Levels,
        message: &[u8],
        begin: usize,
        end: usize,
        scratch: &mut Scratch,
    ) -> Option<Counted>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The portable way is always there; a word names its way, another word none.
    #[test]
    fn ways_have_names() {
        assert!(Simd::Portable.is_available() && Simd::best().is_available());
        for simd in Simd::ALL {
            assert_eq!(Simd::named(Some(simd.name())), Some(simd));
        }
        assert_eq!(Simd::named(Some("sse9")), None);
        assert_eq!(Simd::named(None), None);
    }
}
