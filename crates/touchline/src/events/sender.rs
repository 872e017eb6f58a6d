//! A producer's end of the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Entry, Event, EventKind, Shared};

/// A producer's end; each thread has a clone. When the last one is dropped, the consumer comes to its end.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(super) shared: Arc<Shared>,
}

impl Sender {
    /// The first of them: already counted.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends an event, or counts it as lost if the queue is full. Kinds that nobody asked for are passed over.
    ///
    /// The length is looked at first, and the queue has [`SPARE`](super::SPARE) slots more than it lets in: a slot
    /// that the consumer is just emptying, or another producer just filling, is so never the next one, not even if
    /// that thread lost its core halfway and dozens of producers pass the check at once. That is what makes a push
    /// free of waiting; on its own, the queue would spin for such a slot.
    #[inline]
    pub(crate) fn send(&self, event: Event) {
        let shared = &*self.shared;
        if !event.kind().is_some_and(|kind| self.wants(kind)) || self.is_gone() {
            return;
        }
        // Acquire: with the number come the losses that this event follows.
        let lost_before = shared.lost.load(Ordering::Acquire);
        if shared.queue.len() >= shared.capacity || shared.queue.push(Entry { event, lost_before }).is_err() {
            shared.lost.fetch_add(1, Ordering::Release);
        }
        shared.wake_if_waiting();
    }

    /// Whether somebody asked for this kind: if not, there is no need to make such an event.
    #[inline]
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.shared.kinds.contains(kind)
    }

    /// Whether the consumer was dropped.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.shared.gone.load(Ordering::Relaxed)
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        self.shared.senders.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Release: who sees that nobody is left sees everything that was sent.
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.wake_if_waiting();
        }
    }
}
