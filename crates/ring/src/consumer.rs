//! The taking end.

use crate::ordering::Site;
use crate::slot::{Ends, Slot, message_slots};
use core::iter::FusedIterator;
use core::marker::PhantomData;
use std::sync::Arc;

/// The end that takes. There is one per ring, and it lives in cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub struct Consumer<T: Copy + Send> {
    slots: Arc<[Slot<T>]>,
    ends: Arc<Ends>,
    cursor: Cursor,
}

/// How far the consumer has come, and how far the producer knows.
#[derive(Debug)]
struct Cursor {
    /// The position of the next message's first slot.
    head: u64,
    /// What the producer can know: the last `head` that was published.
    published: u64,
    /// Publish when `head` is this far ahead: a quarter of the ring, at least one slot.
    stride: u64,
}

impl<T: Copy + Send> Consumer<T> {
    pub(crate) fn new(slots: Arc<[Slot<T>]>, ends: Arc<Ends>) -> Self {
        let stride = (slots.len() as u64 / 4).max(1);
        Self { slots, ends, cursor: Cursor { head: 0, published: 0, stride } }
    }

    /// The next message, if one has been published. Its slots are freed when it is dropped.
    ///
    /// A message that is leaked instead of dropped is handed out again.
    #[allow(
        clippy::should_implement_trait,
        reason = "a message borrows the consumer; an Iterator's item cannot"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<Message<'_, T>> {
        let position = self.cursor.head;
        let slot = slot_at(&self.slots, position)?;
        let seen = slot.word.load(Site::Poll.order()); // (B) Pairs with (A) in `write`.
        let Some(slots) = message_slots(seen, position) else {
            self.cursor.publish_if_behind(&self.ends, 1);
            return None;
        };
        let (ring, ends, cursor) = (&*self.slots, &*self.ends, &mut self.cursor);
        Some(Message { slot, slots, ring, ends, cursor, value: PhantomData })
    }

    /// The number of slots of the ring.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Whether the producer has been dropped. What it published before can still be taken: once this has said
    /// `true`, the first `None` of [`next`](Self::next) after it is the end.
    #[inline]
    pub fn is_abandoned(&self) -> bool {
        self.ends.producer_parted.load(Site::SeeParted.order()) // (F) Pairs with (E) in the producer's drop.
    }
}

impl<T: Copy + Send> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.ends.consumer_parted.store(true, core::sync::atomic::Ordering::Relaxed); // Nothing hangs on it.
    }
}

impl Cursor {
    /// Tells the producer how far the consumer has come, if that is at least `slots` more than it knows.
    #[inline(always)]
    fn publish_if_behind(&mut self, ends: &Ends, slots: u64) {
        if self.head.wrapping_sub(self.published) >= slots {
            ends.freed.0.store(self.head, Site::Free.order()); // (C) Pairs with (D) in `refresh`.
            self.published = self.head;
        }
    }
}

/// A published message, read where it lies. Dropping it frees its slots.
#[derive(Debug)]
pub struct Message<'a, T: Copy + Send> {
    /// The first slot. Not a `&T`: as a function's argument that would promise that the value stays unwritten until
    /// the function returns, and the message may be dropped, and its slots be written again, before that.
    slot: &'a Slot<T>,
    slots: u32,
    ring: &'a [Slot<T>],
    ends: &'a Ends,
    cursor: &'a mut Cursor,
    /// The ring's slots may go to any thread, a `&T` only where `T` allows it.
    value: PhantomData<&'a T>,
}

impl<T: Copy + Send> Message<'_, T> {
    /// The value of the first slot.
    #[inline(always)]
    pub fn first(&self) -> &T {
        // SAFETY: `next` saw the word of this message, and dropping the message, which ends the borrow, frees it.
        unsafe { published(self.slot) }
    }

    /// The number of slots, the first included: 1 or more.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty, reason = "a message has at least one slot")]
    pub fn len(&self) -> usize {
        self.slots as usize
    }

    /// The values of the second and further slots, in the order they were pushed.
    #[inline(always)]
    pub fn rest(&self) -> Rest<'_, T> {
        let start = self.cursor.head;
        Rest {
            ring: self.ring,
            position: start.wrapping_add(1),
            end: start.wrapping_add(u64::from(self.slots)),
            value: PhantomData,
        }
    }
}

impl<T: Copy + Send> Drop for Message<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.cursor.head = self.cursor.head.wrapping_add(u64::from(self.slots));
        self.cursor.publish_if_behind(self.ends, self.cursor.stride);
    }
}

/// The second and further values of a [`Message`].
#[derive(Clone, Debug)]
pub struct Rest<'a, T: Copy + Send> {
    ring: &'a [Slot<T>],
    position: u64,
    end: u64,
    /// As in [`Message`].
    value: PhantomData<&'a T>,
}

impl<'a, T: Copy + Send> Iterator for Rest<'a, T> {
    type Item = &'a T;

    #[inline(always)]
    fn next(&mut self) -> Option<&'a T> {
        if self.position == self.end {
            return None;
        }
        let slot = slot_at(self.ring, self.position)?;
        self.position = self.position.wrapping_add(1);
        // SAFETY: the slot is one of a message whose word `Consumer::next` saw, and the message is borrowed for as
        // long as the reference lives.
        Some(unsafe { published(slot) })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.wrapping_sub(self.position) as usize;
        (left, Some(left))
    }
}

impl<T: Copy + Send> ExactSizeIterator for Rest<'_, T> {}
impl<T: Copy + Send> FusedIterator for Rest<'_, T> {}

/// The slot of a position: its low bits, because the number of slots is a power of two. Never `None`.
#[inline(always)]
fn slot_at<T>(ring: &[Slot<T>], position: u64) -> Option<&Slot<T>> {
    ring.get(position as usize & ring.len().wrapping_sub(1))
}

/// The value of a published slot.
///
/// # Safety
///
/// - The slot's message has been published, and the consumer has seen its word with [`Site::Poll`].
/// - The consumer does not free the slot while the reference lives.
#[inline(always)]
unsafe fn published<T>(slot: &Slot<T>) -> &T {
    // SAFETY: the producer wrote the value before it published the message, so it is initialised, and will not
    // write again before the slot is freed, which the caller keeps from happening.
    slot.value.with(|value| unsafe { (*value).assume_init_ref() })
}
