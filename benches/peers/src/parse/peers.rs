//! The JSON crates, each by its fastest door for a message whose kind is known.

use std::hint::black_box;
use std::marker::PhantomData;

use simd_json::{Buffers, Tape};

use super::{Kind, Parser};
use crate::messages::{Combined, Message, Said};

/// sonic-rs without a check that the bytes are UTF-8.
pub(super) struct SonicUnchecked<K>(PhantomData<K>);

impl<K: Kind> SonicUnchecked<K> {
    /// A parser of these frames, which are checked here once.
    pub(super) fn new(frames: &[Vec<u8>]) -> Self {
        assert!(frames.iter().all(|frame| simdutf8::basic::from_utf8(frame).is_ok()), "a recording is UTF-8");
        Self(PhantomData)
    }

    #[inline]
    #[allow(unsafe_code, reason = "the peer's fastest door is unsafe")]
    fn parse(frame: &[u8]) -> Combined<K::Message<'_>> {
        // SAFETY: every frame was found to be UTF-8 when this parser was made, and it is given no others.
        let parsed = unsafe { sonic_rs::from_slice_unchecked(frame) };
        parsed.expect("a sound frame")
    }
}

impl<K: Kind> Parser for SonicUnchecked<K> {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        black_box(&Self::parse(frame));
    }

    fn said(&mut self, frame: &mut [u8]) -> Option<Said> {
        Some(Self::parse(frame).data.said())
    }
}

/// sonic-rs.
pub(super) struct Sonic<K>(PhantomData<K>);

impl<K: Kind> Sonic<K> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn parse(frame: &[u8]) -> Combined<K::Message<'_>> {
        sonic_rs::from_slice(frame).expect("a sound frame")
    }
}

impl<K: Kind> Parser for Sonic<K> {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        black_box(&Self::parse(frame));
    }

    fn said(&mut self, frame: &mut [u8]) -> Option<Said> {
        Some(Self::parse(frame).data.said())
    }
}

/// serde_json.
pub(super) struct Serde<K>(PhantomData<K>);

impl<K: Kind> Serde<K> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn parse(frame: &[u8]) -> Combined<K::Message<'_>> {
        serde_json::from_slice(frame).expect("a sound frame")
    }
}

impl<K: Kind> Parser for Serde<K> {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        black_box(&Self::parse(frame));
    }

    fn said(&mut self, frame: &mut [u8]) -> Option<Said> {
        Some(Self::parse(frame).data.said())
    }
}

/// simd-json by way of serde, with buffers that are used again.
pub(super) struct SimdSerde<K> {
    buffers: Buffers,
    kind: PhantomData<K>,
}

impl<K: Kind> SimdSerde<K> {
    pub(super) fn new() -> Self {
        Self { buffers: Buffers::default(), kind: PhantomData }
    }

    #[inline]
    fn parse<'a>(&mut self, frame: &'a mut [u8]) -> Combined<K::Message<'a>> {
        simd_json::serde::from_slice_with_buffers(frame, &mut self.buffers).expect("a sound frame")
    }
}

impl<K: Kind> Parser for SimdSerde<K> {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        black_box(&self.parse(frame));
    }

    fn said(&mut self, frame: &mut [u8]) -> Option<Said> {
        Some(self.parse(frame).data.said())
    }
}

/// simd-json's tape alone, with buffers that are used again: no field is looked at and no number converted, so that it
/// is a floor for whoever builds on it.
pub(super) struct SimdTape {
    buffers: Buffers,
    tape: Tape<'static>,
}

impl SimdTape {
    pub(super) fn new() -> Self {
        Self { buffers: Buffers::default(), tape: Tape::null() }
    }
}

impl Parser for SimdTape {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        simd_json::fill_tape(frame, &mut self.buffers, &mut tape).expect("a sound frame");
        black_box(tape.0.len());
        self.tape = tape.reset();
    }

    fn said(&mut self, _: &mut [u8]) -> Option<Said> {
        None
    }
}
