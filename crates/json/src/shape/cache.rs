//! The shapes of a connection's messages, found by the bytes a message begins with.

use std::collections::HashMap;

use super::layout::{COUNTS, NUMBERS, Shape};
use super::learn::learn;
use super::machine::{Scratch, Simd};
use super::portable::Portable;
use super::read::{Read, read};
use super::simple::Simple;
use super::template::BLOCK;
use super::{Names, Scales};

/// Most shapes that one connection learns: three kinds of messages of as many instruments as a connection carries.
const SHAPES_MAX: usize = 4_096;

/// The longest message that is read by its shape, in bytes: its places are remembered in 32 bits, and a buffer of four bytes
/// for each of its bytes is kept. Longer ones are snapshots, which are rare.
const MESSAGE_MAX: usize = 256 << 10;

/// The bytes that tell messages apart, in words: behind the first eight, which say `{"stream` or `{"e":"..`.
const KEY_AT: usize = 8;
const KEY_WORDS: usize = 4;

/// Shapes tried for one message, if many begin alike.
const TRIES_MAX: usize = 8;

/// Messages of a kind that go to the general parser before its shape is learned again: doubled each time, up to the most.
const PATIENCE: u32 = 1;
const PATIENCE_MAX: u32 = 1_024;

/// Shapes of messages, each with what the caller wants to know of it.
#[derive(Debug)]
pub struct Shapes<T> {
    simd: Simd,
    shapes: Vec<Known<T>>,
    /// The place of a shape in `shapes`, by key; [`FREE`] where there is none. A power of two, at least twice as many.
    table: Vec<u32>,
    /// Which bits of the key are the same in every message of a kind.
    steady: [u64; KEY_WORDS],
    /// Every kind that was tried, whether it has a shape or not.
    kinds: HashMap<u64, Kind>,
    /// The key of the last message that was read, and its shape.
    recent: (u64, u32),
    scratch: Scratch,
    read: Read,
    counts: ShapeCounts,
}

const FREE: u32 = u32::MAX;

#[derive(Debug)]
struct Known<T> {
    key: u64,
    tag: T,
    /// The message it was learned from, as far as its key goes.
    words: [u64; KEY_WORDS],
    shape: Box<Shape>,
}

#[derive(Debug)]
struct Kind {
    place: Option<u32>,
    /// Messages since it was learned that went to the general parser.
    missed: u32,
    patience: u32,
}

/// What became of messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ShapeCounts {
    /// Read by their shape.
    pub read: u64,
    /// Had a shape and were not of it: handed to the general parser.
    pub declined: u64,
    /// Shapes learned, again or for the first time.
    pub learned: u64,
}

/// A shape that a message may have.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    key: u64,
    slot: usize,
    place: u32,
    tries: usize,
}

/// A message that was read by its shape.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'s> {
    read: &'s Read,
    levels: &'s [[u64; 2]],
}

impl Reading<'_> {
    /// As the general parser's twin says it.
    #[doc(hidden)]
    #[must_use]
    pub fn to_simple(self) -> Simple {
        let levels = self.levels.to_vec();
        Simple {
            counts: self.counts(),
            numbers: self.numbers(),
            flag: self.flag(),
            levels,
            first: self.first(),
        }
    }

    /// Whole numbers by their place.
    #[inline(always)]
    #[must_use]
    pub fn counts(&self) -> [u64; COUNTS] {
        let [_, a, _, b, _, c, _, d] = self.read.words;
        [a, b, c, d]
    }

    /// Mantissas of decimals by their place, at the scales the shape was learned for; sixteen digits at most.
    #[inline(always)]
    #[must_use]
    pub fn numbers(&self) -> [u64; NUMBERS] {
        let [a, _, b, _, c, _, d, _] = self.read.words;
        [a, b, c, d]
    }

    /// What the flag says.
    #[inline(always)]
    #[must_use]
    pub fn flag(&self) -> bool {
        self.read.flag
    }

    /// Price and quantity of each level, as [`numbers`](Self::numbers); no price is zero.
    #[inline(always)]
    #[must_use]
    pub fn levels(&self) -> &[[u64; 2]] {
        self.levels
    }

    /// How many of them are the first array's.
    #[inline(always)]
    #[must_use]
    pub fn first(&self) -> usize {
        self.read.levels.first
    }
}

impl<T> Shapes<T> {
    /// No shape yet; read the fastest way of this processor.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Simd::best())
    }

    /// No shape yet; read this way, or the portable one if the processor cannot.
    #[must_use]
    pub fn with(simd: Simd) -> Self {
        let simd = if simd.is_available() { simd } else { Simd::Portable };
        Self {
            simd,
            shapes: Vec::new(),
            table: Vec::new(),
            steady: [u64::MAX; KEY_WORDS],
            kinds: HashMap::new(),
            recent: (0, FREE),
            scratch: Scratch::default(),
            read: Read::default(),
            counts: ShapeCounts::default(),
        }
    }

    /// Forgets every shape.
    pub fn clear(&mut self) {
        self.shapes.clear();
        self.table.clear();
        self.steady = [u64::MAX; KEY_WORDS];
        self.kinds.clear();
        self.recent = (0, FREE);
    }

    /// What became of messages since the start.
    #[must_use]
    pub fn counts(&self) -> ShapeCounts {
        self.counts
    }

    /// The shape that a message most likely has.
    #[inline(always)]
    #[must_use]
    pub fn candidate(&self, message: &[u8]) -> Option<Candidate> {
        let key = self.key(message)?;
        let (recent, place) = self.recent;
        if key == recent && place != FREE {
            return Some(Candidate { key, slot: usize::MAX, place, tries: 0 });
        }
        self.seek(key, key as usize, 0)
    }

    /// Another one that it may have.
    #[must_use]
    pub fn next(&self, candidate: Candidate) -> Option<Candidate> {
        let Candidate { key, slot, tries, .. } = candidate;
        match slot {
            usize::MAX => self.seek(key, key as usize, tries),
            _ => self.seek(key, slot + 1, tries),
        }
    }

    /// What the caller wanted to know of the shape.
    #[inline(always)]
    #[must_use]
    pub fn tag(&self, candidate: Candidate) -> Option<&T> {
        self.shapes.get(candidate.place as usize).map(|known| &known.tag)
    }

    /// As [`tag`](Self::tag), to change it.
    #[must_use]
    pub fn tag_mut(&mut self, candidate: Candidate) -> Option<&mut T> {
        self.shapes.get_mut(candidate.place as usize).map(|known| &mut known.tag)
    }

    /// Reads a message by a shape; `None` if it is not of that shape.
    #[inline(always)]
    pub fn read(&mut self, candidate: Candidate, message: &[u8]) -> Option<Reading<'_>> {
        let Self { simd, shapes, scratch, counts, recent, read, .. } = self;
        let shape = &shapes.get(candidate.place as usize)?.shape;
        if !read_by(*simd, shape, message, scratch, read) {
            counts.declined += 1;
            return None;
        }
        counts.read += 1;
        *recent = (candidate.key, candidate.place);
        Some(Reading { read, levels: scratch.levels.get(..read.levels.all)? })
    }

    /// The general parser has read a message of this kind, which no shape has: is its shape to be learned now? Kinds are
    /// the caller's numbers.
    ///
    /// Learning costs some microseconds. A kind whose messages have no lasting shape is tried less and less often.
    #[inline]
    pub fn is_due(&mut self, kind: u64) -> bool {
        if self.simd == Simd::General {
            return false;
        }
        match self.kinds.get_mut(&kind) {
            Some(kind) => {
                kind.missed += 1;
                kind.missed >= kind.patience
            }
            None => self.shapes.len() < SHAPES_MAX && self.kinds.len() < SHAPES_MAX,
        }
    }

    /// Learns the shape of a message of this kind that the general parser has read: these fields of it change, and are read
    /// at these scales from now on. The shape that the kind had before is forgotten. `tag` is what the caller wants to know
    /// of the shape.
    pub fn learn(&mut self, message: &[u8], names: Names<'_>, scales: Scales, kind: u64, tag: T) {
        let shape = if message.len() <= MESSAGE_MAX { learn(message, names, scales) } else { None };
        let words = words(message);
        let kind = self.kinds.entry(kind).or_insert(Kind { place: None, missed: 0, patience: PATIENCE });
        kind.missed = 0;
        kind.patience = (kind.patience * 2).min(PATIENCE_MAX);
        let (Some(shape), Some(words)) = (shape, words) else { return };
        self.counts.learned += 1;
        let before = self.steady;
        for (word, steady) in self.steady.iter_mut().enumerate() {
            for byte in 0..8 {
                if !shape.beginning.constant(KEY_AT + 8 * word + byte) {
                    *steady &= !(0xff << (8 * byte));
                }
            }
        }
        let known = Known { key: hash(words, self.steady), tag, words, shape: Box::new(shape) };
        let replaced = kind.place.and_then(|place| self.shapes.get_mut(place as usize));
        let is_new = replaced.is_none();
        match replaced {
            Some(before) => *before = known,
            None => {
                kind.place = Some(self.shapes.len() as u32);
                self.shapes.push(known);
            }
        }
        if is_new && before == self.steady && self.table.len() >= 2 * self.shapes.len() {
            self.put(self.shapes.len() - 1);
        } else {
            self.arrange();
        }
    }

    /// Puts every shape where its key says.
    fn arrange(&mut self) {
        self.table.clear();
        self.table.resize((4 * self.shapes.len()).next_power_of_two(), FREE);
        self.recent = (0, FREE);
        for place in 0..self.shapes.len() {
            if let Some(known) = self.shapes.get_mut(place) {
                known.key = hash(known.words, self.steady);
            }
            self.put(place);
        }
    }

    /// Puts one shape where its key says: the table has room.
    fn put(&mut self, place: usize) {
        let Some(known) = self.shapes.get(place) else { return };
        let mut slot = known.key as usize;
        let room = self.table.len();
        while let Some(taken) = self.table.get_mut(slot & room.wrapping_sub(1)) {
            if *taken == FREE {
                *taken = place as u32;
                return;
            }
            slot = slot.wrapping_add(1);
        }
    }

    #[inline(always)]
    fn key(&self, message: &[u8]) -> Option<u64> {
        words(message).map(|words| hash(words, self.steady))
    }

    #[inline]
    fn seek(&self, key: u64, from: usize, tries: usize) -> Option<Candidate> {
        let mask = self.table.len().checked_sub(1)?;
        let mut slot = from & mask;
        if tries == TRIES_MAX {
            return None;
        }
        // Half of the table is free.
        loop {
            let place = *self.table.get(slot)?;
            if place == FREE {
                return None;
            }
            if self.shapes.get(place as usize)?.key == key {
                return Some(Candidate { key, slot, place, tries: tries + 1 });
            }
            slot = (slot + 1) & mask;
        }
    }
}

impl<T> Default for Shapes<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes that tell a message from others; `None` of a message shorter than every shape or longer than any.
#[inline(always)]
fn words(message: &[u8]) -> Option<[u64; KEY_WORDS]> {
    let bytes: &[u8; KEY_WORDS * 8] = message.get(KEY_AT..)?.first_chunk()?;
    if message.len() < BLOCK || message.len() > MESSAGE_MAX {
        return None;
    }
    let mut words = [0; KEY_WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Some(words)
}

/// Spread over all bits: its low ones choose a place in the table.
#[inline(always)]
fn hash(words: [u64; KEY_WORDS], steady: [u64; KEY_WORDS]) -> u64 {
    // Odd numbers without a pattern (digits of the golden ratio and its powers).
    const FACTORS: [u64; KEY_WORDS] =
        [0x9e37_79b9_7f4a_7c15, 0xf39c_c060_5ced_c835, 0x1082_2276_f5f1_e9ab, 0x6a09_e667_f3bc_c909];
    let mixed = words
        .into_iter()
        .zip(steady)
        .zip(FACTORS)
        .fold(0u64, |mixed, ((word, steady), factor)| mixed ^ (word & steady).wrapping_mul(factor));
    mixed ^ mixed >> 32
}

/// Reads a message in one of the ways.
#[inline(always)]
fn read_by(simd: Simd, shape: &Shape, message: &[u8], scratch: &mut Scratch, into: &mut Read) -> bool {
    match simd {
        // SAFETY: `Shapes::with` has asked the processor, and nothing changes the way afterwards.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => unsafe { avx512(shape, message, scratch, into) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => unsafe { avx2(shape, message, scratch, into) },
        Simd::General => false,
        _ => portable(shape, message, scratch, into),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,bmi1,bmi2,popcnt,lzcnt")]
fn avx512(shape: &Shape, message: &[u8], scratch: &mut Scratch, into: &mut Read) -> bool {
    // SAFETY: this function is compiled for just what this way needs.
    unsafe { read::<super::avx512::Avx512>(shape, message, scratch, into) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn avx2(shape: &Shape, message: &[u8], scratch: &mut Scratch, into: &mut Read) -> bool {
    // SAFETY: as above.
    unsafe { read::<super::avx2::Avx2>(shape, message, scratch, into) }
}

fn portable(shape: &Shape, message: &[u8], scratch: &mut Scratch, into: &mut Read) -> bool {
    // SAFETY: the portable way asks nothing of the processor.
    unsafe { read::<Portable>(shape, message, scratch, into) }
}
