//! The pushing end.

use crate::ordering::Site;
use crate::slot::{Ends, Slot, word};
use crate::sync::Ordering::Relaxed;
use core::mem::MaybeUninit;
use std::sync::Arc;

/// The end that pushes. There is one per ring, and every change goes through `&mut self`: that is what makes a
/// single producer single.
///
/// It lives in cache lines of its own, so it may lie beside the consumer before the two part for their threads.
#[derive(Debug)]
#[repr(align(128))]
pub struct Producer<T: Copy + Send> {
    slots: Arc<[Slot<T>]>,
    ends: Arc<Ends>,
    /// The position of the next message's first slot. Positions count slots from the start and never wrap in use.
    tail: u64,
    /// A copy of the consumer's position. It may be old, and then says less is free than is.
    freed: u64,
}

/// The ring has no room: the value comes back. Drop it and count it, or try again when the consumer has moved on.
///
/// A batch with more slots than the ring's capacity is refused with this too, and never fits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the ring is full")]
pub struct Full<T>(pub T);

impl<T: Copy + Send> Producer<T> {
    pub(crate) fn new(slots: Arc<[Slot<T>]>, ends: Arc<Ends>) -> Self {
        Self { slots, ends, tail: 0, freed: 0 }
    }

    /// Publishes a message of one slot.
    ///
    /// # Errors
    ///
    /// [`Full`] with the value when no slot is known to be free. Nothing is overwritten and nothing waits.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        self.write(self.tail, 1, value)?;
        self.tail = self.tail.wrapping_add(1);
        Ok(())
    }

    /// Begins a message of several slots. The consumer sees nothing of it until [`Batch::commit`].
    #[inline]
    pub fn batch(&mut self) -> Batch<'_, T> {
        Batch { producer: self, slots: 1 }
    }

    /// The number of slots that are free for certain. Only this end can fill them, so the number holds until the
    /// next push, and the consumer can only raise it.
    ///
    /// A ring that has been used shows up to a quarter of its capacity less than is free until the consumer
    /// has run dry, because the consumer publishes its position in strides.
    #[inline]
    pub fn free(&mut self) -> usize {
        self.refresh();
        self.slots.len().saturating_sub(self.tail.wrapping_sub(self.freed) as usize)
    }

    /// The number of slots of the ring.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Whether the consumer has been dropped: what is pushed from now on nobody will see.
    #[inline]
    pub fn is_abandoned(&self) -> bool {
        self.ends.consumer_parted.load(Relaxed) // Nothing is read on the strength of it.
    }

    /// Writes the slot at `position`, and its word with `slots`; a word other than 0 publishes.
    #[inline(always)]
    fn write(&mut self, position: u64, slots: u32, value: T) -> Result<(), Full<T>> {
        if !self.owns(position) && !self.looks_again_and_owns(position) {
            return Err(Full(value));
        }
        // The mask keeps the index in bounds, so `get` never misses.
        let Some(slot) = self.slots.get(position as usize & self.slots.len().wrapping_sub(1)) else {
            return Err(Full(value));
        };
        // SAFETY: the slot is this thread's alone: `owns` showed that the consumer freed it (sites C, D), `tail` is
        // not published beyond it, and `&mut self` excludes a second producer.
        slot.value.with_mut(|target| unsafe { target.write(MaybeUninit::new(value)) });
        let order = if slots == 0 { Relaxed } else { Site::Publish.order() }; // (A) Pairs with (B) in `next`.
        slot.word.store(word(position, slots), order);
        Ok(())
    }

    /// Whether the consumer is known to have freed the slot at `position`, which is `tail` or later.
    #[inline(always)]
    fn owns(&self, position: u64) -> bool {
        position.wrapping_sub(self.freed) < self.slots.len() as u64
    }

    #[cold]
    #[inline(never)]
    fn looks_again_and_owns(&mut self, position: u64) -> bool {
        self.refresh();
        self.owns(position)
    }

    #[inline]
    fn refresh(&mut self) {
        self.freed = self.ends.freed.0.load(Site::SeeFree.order()); // (D) Pairs with (C) in `publish`.
    }
}

impl<T: Copy + Send> Drop for Producer<T> {
    fn drop(&mut self) {
        self.ends.producer_parted.store(true, Site::Part.order()); // (E) Pairs with (F) in `is_abandoned`.
    }
}

/// A message of several slots while it is being written. Dropped without [`commit`](Self::commit), it leaves no
/// trace.
///
/// The first slot comes last: it is the one the consumer polls, and its word publishes the rest.
#[derive(Debug)]
#[must_use = "nothing is published without `commit`"]
pub struct Batch<'a, T: Copy + Send> {
    producer: &'a mut Producer<T>,
    /// The slots of the message so far, the first one included, although it is written last.
    slots: u32,
}

impl<T: Copy + Send> Batch<'_, T> {
    /// Writes the message's next slot, counting from the second.
    ///
    /// # Errors
    ///
    /// [`Full`] with the value when the slot is not known to be free. What was written before stays in the batch,
    /// which may still be committed, dropped, or tried again.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        self.producer.write(self.producer.tail.wrapping_add(u64::from(self.slots)), 0, value)?;
        self.slots += 1; // At most the capacity, which is at most 2^31.
        Ok(())
    }

    /// Writes the first slot and publishes the whole message, by one store. Returns its number of slots. The next
    /// push begins the next message.
    ///
    /// # Errors
    ///
    /// [`Full`] with the value when the first slot is not known to be free, which can only be when no other was
    /// pushed. Nothing is published then.
    #[inline]
    pub fn commit(&mut self, first: T) -> Result<usize, Full<T>> {
        let slots = self.slots;
        self.producer.write(self.producer.tail, slots, first)?;
        self.producer.tail = self.producer.tail.wrapping_add(u64::from(slots));
        self.slots = 1;
        Ok(slots as usize)
    }

    /// Forgets what was pushed since the last commit: nothing of it was ever visible.
    #[inline]
    pub fn abandon(&mut self) {
        self.slots = 1;
    }
}
