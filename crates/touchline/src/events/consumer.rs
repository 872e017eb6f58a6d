//! The consumer's end of the queue.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread, ThreadId};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::{Entry, Event, Shared};
use crate::Error;

/// How often [`Events::next`] looks before it sleeps: a few microseconds, about what a wake-up costs.
const SPINS: u32 = 100;

/// The events of a feed, for one consumer.
///
/// As an iterator it blocks until the next event, and ends when the feed is over and everything was taken.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    /// Losses that the consumer was told of.
    told: u64,
    /// An event whose losses were just told.
    held: Option<Event>,
    /// Wakes the thread that last blocked here.
    sleeper: Option<(ThreadId, Waker)>,
}

/// No event came in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no event came in time")]
pub struct Timeout;

/// What is there to take.
enum Taken {
    Event(Event),
    Empty,
    /// Nothing, and nothing will come.
    Over,
}

impl Events {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, told: 0, held: None, sleeper: None }
    }

    /// The next event, if one is there. Never sleeps.
    #[inline]
    pub fn poll(&mut self) -> Option<Event> {
        match self.take() {
            Taken::Event(event) => Some(event),
            Taken::Empty | Taken::Over => None,
        }
    }

    /// Waits for the next event, but not longer than this. `None` when the feed is over and everything was taken.
    ///
    /// # Errors
    /// [`Timeout`]: nothing came. Ask again.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Event>, Timeout> {
        self.wait(Instant::now().checked_add(timeout))
    }

    /// The events as an asynchronous stream, for any executor.
    #[must_use]
    pub fn stream(self) -> EventStream {
        EventStream(self)
    }

    /// Calls `handle` with every event, on a thread of its own that ends with the feed.
    ///
    /// # Errors
    /// [`Error::Thread`]: the system gives no thread.
    pub fn for_each(self, handle: impl FnMut(Event) + Send + 'static) -> Result<JoinHandle<()>, Error> {
        thread::Builder::new()
            .name("touchline-events".to_owned())
            .spawn(move || Iterator::for_each(self, handle))
            .map_err(|source| Error::Thread { stage: "events", source })
    }

    /// How many events were lost, in all: also those that [`Event::Lost`] has yet to tell of.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Acquire)
    }

    /// Whether the feed is over and everything was taken. For those who [`poll`](Self::poll).
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.senders.load(Ordering::Acquire) == 0
            && self.held.is_none()
            && self.shared.queue.is_empty()
            && self.lost() == self.told
    }

    /// Takes what is next. An event that was sent after losses is preceded by their number; losses at the end of the
    /// queue are told when everything before them was taken.
    #[inline]
    fn take(&mut self) -> Taken {
        if let Some(event) = self.held.take() {
            return Taken::Event(event);
        }
        // Both are read before the queue is found empty: what was sent before the end, or by the same thread before
        // the loss, has then been taken.
        let over = self.shared.senders.load(Ordering::Acquire) == 0;
        let lost = self.shared.lost.load(Ordering::Acquire);
        match self.shared.queue.pop() {
            Some(Entry { event, lost_before }) if lost_before <= self.told => Taken::Event(event),
            Some(Entry { event, lost_before }) => {
                self.held = Some(event);
                self.tell(lost_before)
            }
            None if lost > self.told => self.tell(lost),
            None if over => Taken::Over,
            None => Taken::Empty,
        }
    }

    #[cold]
    #[inline(never)]
    fn tell(&mut self, lost: u64) -> Taken {
        let news = lost - self.told;
        self.told = lost;
        Taken::Event(Event::Lost(news))
    }

    /// Takes what is next, or leaves the waker for when something comes.
    fn poll_take(&mut self, context: &Context<'_>) -> Poll<Option<Event>> {
        match self.take() {
            Taken::Event(event) => return Poll::Ready(Some(event)),
            Taken::Over => return Poll::Ready(None),
            Taken::Empty => {}
        }
        self.shared.waker.register(context.waker());
        self.shared.waiting.store(true, Ordering::Release);
        fence(Ordering::SeqCst); // (A) Pairs with (B) in `Shared::wake_if_waiting`.
        let taken = self.take();
        if !matches!(taken, Taken::Empty) {
            self.shared.waiting.store(false, Ordering::Relaxed);
        }
        match taken {
            Taken::Event(event) => Poll::Ready(Some(event)),
            Taken::Over => Poll::Ready(None),
            Taken::Empty => Poll::Pending,
        }
    }

    /// Spins briefly, then sleeps until something comes or the time has come.
    fn wait(&mut self, until: Option<Instant>) -> Result<Option<Event>, Timeout> {
        for _ in 0..SPINS {
            match self.take() {
                Taken::Event(event) => return Ok(Some(event)),
                Taken::Over => return Ok(None),
                Taken::Empty => std::hint::spin_loop(),
            }
        }
        let waker = self.sleeper();
        loop {
            // A wake-up between this look and the sleep makes the sleep return at once.
            if let Poll::Ready(event) = self.poll_take(&Context::from_waker(&waker)) {
                return Ok(event);
            }
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => {
                    self.shared.waiting.store(false, Ordering::Relaxed);
                    return Err(Timeout);
                }
                Some(left) => thread::park_timeout(left),
            }
        }
    }

    /// A waker for the current thread, made once.
    fn sleeper(&mut self) -> Waker {
        let current = thread::current();
        match &self.sleeper {
            Some((id, waker)) if *id == current.id() => waker.clone(),
            _ => {
                let id = current.id();
                let waker = Waker::from(Arc::new(Unpark(current)));
                self.sleeper = Some((id, waker.clone()));
                waker
            }
        }
    }
}

impl Iterator for Events {
    type Item = Event;

    /// Blocks until an event comes: spins briefly, then sleeps. `None` when the feed is over and everything was taken.
    fn next(&mut self) -> Option<Event> {
        self.wait(None).unwrap_or(None)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Relaxed);
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// The events of a feed as an asynchronous stream. A type of its own, so that `next` on it is always the asynchronous
/// one.
#[derive(Debug)]
pub struct EventStream(Events);

impl EventStream {
    /// How many events were lost, as [`Events::lost`].
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().0.poll_take(context)
    }
}
