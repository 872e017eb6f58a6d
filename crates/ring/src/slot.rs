//! What the two threads share: the slots, and one line with the consumer's position.

use crate::sync::{AtomicBool, AtomicU64, UnsafeCell};
use core::mem::MaybeUninit;

/// One place in the ring. With a `T` of up to 56 bytes it fills one cache line.
///
/// A slot belongs to the producer from the moment the consumer's position has passed it until its message is
/// published, and to the consumer otherwise; only the owner touches `value`.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot<T> {
    /// See [`word`]. The producer writes it; the consumer polls it.
    pub(crate) word: AtomicU64,
    pub(crate) value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the word is an atomic. The value is written only by the one producer and read only by the one consumer,
// at times that the word (sites A, B) and the consumer's position (sites C, D) keep apart, so sharing a slot
// amounts to sending `T`s from one thread to the other.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }
}

/// What the two ends tell each other beside the messages.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The first position that the consumer has not freed. Written by the consumer, seldom read by the producer.
    pub(crate) freed: Padded<AtomicU64>,
    /// Written once each, when an end is dropped.
    pub(crate) producer_parted: AtomicBool,
    pub(crate) consumer_parted: AtomicBool,
}

impl Ends {
    pub(crate) fn new() -> Self {
        Self {
            freed: Padded(AtomicU64::new(0)),
            producer_parted: AtomicBool::new(false),
            consumer_parted: AtomicBool::new(false),
        }
    }
}

/// A value alone in its cache lines: two, because processors fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// The word of the slot at `position`: the low half of the position above the number of slots of the message that
/// starts there; 0 slots in the second and further slots of a message.
///
/// Two positions of one slot differ by a multiple of the capacity, at most 2^31, so the word of the lap before
/// never has the tag of this lap. It is always of the lap before, or of this one: every lap rewrites every word.
#[inline(always)]
pub(crate) const fn word(position: u64, slots: u32) -> u64 {
    (position << 32) | slots as u64
}

/// The number of slots of the message that starts at `position`, if `word` says there is one.
#[inline(always)]
pub(crate) const fn message_slots(seen: u64, position: u64) -> Option<u32> {
    // With the right tag only the number remains; with a wrong one the upper half is not zero.
    let slots = seen ^ (position << 32);
    if slots.wrapping_sub(1) < u32::MAX as u64 { Some(slots as u32) } else { None }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Slot<[u64; 7]>>() == 64, "56 bytes and their word fill one cache line");
    const _: () = assert!(align_of::<Slot<u8>>() == 64, "no two slots share a line");

    #[test]
    fn word_is_ready_only_at_its_own_position_and_with_a_length() {
        // By a table of positions around the points where tags wrap, all pairs.
        let positions = [0, 1, 2, 7, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, u64::MAX];
        for written in positions {
            for awaited in positions {
                let same_tag = written as u32 == awaited as u32;
                assert_eq!(message_slots(word(written, 3), awaited), same_tag.then_some(3));
                assert_eq!(message_slots(word(written, 1 << 31), awaited), same_tag.then_some(1 << 31));
                assert_eq!(message_slots(word(written, 0), awaited), None);
            }
        }
    }

    #[test]
    fn fresh_slot_holds_no_message() {
        // The initial word of every slot against the positions of the first lap.
        for position in 0..64 {
            assert_eq!(message_slots(0, position), None);
        }
    }
}
