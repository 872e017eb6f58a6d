//! Events: what happens on a feed's threads, in order, for one consumer.
//!
//! ```text
//! book thread ──┐
//! book thread ──┼─▶ bounded queue ──▶ Events: poll() spins, next() blocks, stream() is async, for_each() calls back
//! reader ───────┘
//! ```
//!
//! Nobody on the producing side ever waits: an event that finds the queue full is counted, and the consumer meets
//! [`Event::Lost`] in its place, before the first event that came after it. So taken + lost = sent, always. Events of
//! one thread keep their order; those of different threads come in the order in which they entered the queue. A
//! consumer that was too slow has still the newest state in the views.
//!
//! A producer pays for a wake-up (a system call) only if the consumer really sleeps.

mod consumer;
mod event;
mod sender;
#[cfg(test)]
mod tests;

pub use consumer::{EventStream, Events, Timeout};
pub use event::{ConnectionEvent, Event, EventKind, Kinds};
pub(crate) use sender::Sender;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};

use crossbeam_queue::ArrayQueue;
use futures_util::task::AtomicWaker;

/// What a consumer wants to hear of, and how far it may fall behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventsConfig {
    /// Events that fit before further ones are lost: 1 to 16,777,216. Default: 65,536, about 8 MB.
    pub capacity: usize,
    /// The kinds that are sent. Default: all.
    pub kinds: Kinds,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self { capacity: 65_536, kinds: Kinds::ALL }
    }
}

/// The most events that can be asked room for.
const CAPACITY_MAX: usize = 1 << 24;

/// Slots that are never used up: a producer turns away while so many are still free (see [`Sender::send`]).
const SPARE: usize = 64;

/// The two ends of a queue. A capacity out of its range becomes the nearest in it.
pub(crate) fn channel(config: &EventsConfig) -> (Sender, Events) {
    let capacity = config.capacity.clamp(1, CAPACITY_MAX);
    let shared = Arc::new(Shared {
        queue: ArrayQueue::new(capacity + SPARE),
        capacity,
        kinds: config.kinds,
        lost: AtomicU64::new(0),
        senders: AtomicUsize::new(1),
        gone: AtomicBool::new(false),
        waiting: AtomicBool::new(false),
        waker: AtomicWaker::new(),
    });
    (Sender::new(Arc::clone(&shared)), Events::new(shared))
}

/// An event on its way.
#[derive(Debug)]
struct Entry {
    event: Event,
    /// How many had been lost when it was sent: the consumer learns of them before it.
    lost_before: u64,
}

/// What the ends share.
///
/// # No wake-up is lost
///
/// The consumer, before it sleeps: registers its waker, sets `waiting`, fence (A), looks at the queue once more. A
/// producer: pushes (or takes itself off `senders`), fence (B), looks at `waiting`. One of the two fences comes first.
/// If it is (A), the producer sees `waiting` and wakes. If it is (B), the consumer's last look sees the event (or the
/// end) and it does not sleep. Either way somebody acts.
///
/// The producer that turns `waiting` off wakes; the others need not, since the consumer, once awake, takes everything
/// before it sets `waiting` again. `waiting` is turned off *before* the wake: the other way round, a consumer that
/// woke at once and set it anew would have it taken away again. A waker that is called once too often costs the
/// consumer one look at an empty queue.
#[derive(Debug)]
struct Shared {
    queue: ArrayQueue<Entry>,
    capacity: usize,
    kinds: Kinds,
    /// Events that did not fit, in all.
    lost: AtomicU64,
    /// Producers left.
    senders: AtomicUsize,
    /// The consumer was dropped.
    gone: AtomicBool,
    /// The consumer sleeps, or is about to.
    waiting: AtomicBool,
    waker: AtomicWaker,
}

impl Shared {
    /// The producer's half: what it did must stand before this call.
    #[inline]
    fn wake_if_waiting(&self) {
        fence(Ordering::SeqCst); // (B) Pairs with (A) in `Events::poll_take`.
        if self.waiting.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    #[inline(never)]
    fn wake(&self) {
        if self.waiting.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}
