//! What is sent arrives in order or is counted, and whoever sleeps is woken.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_core::Stream;
use touchline_book::TradeView;
use touchline_feed::Report;
use touchline_market::{Head, InstrumentId, Nanos, Price, Qty, Side, State, Trade, UpdateKind, Venue};

use super::*;

/// Longer than any wait that succeeds.
const LONG: Duration = Duration::from_secs(20);

/// An event of a producer with its number.
fn event(producer: u32, number: u64) -> Event {
    let instrument = InstrumentId(producer);
    let trade = Trade { price: Price(1), qty: Qty(1), id: number, aggressor: Side::Bid };
    Event::Trade { instrument, trade: TradeView::new(&Head::new(UpdateKind::Trade, instrument), trade) }
}

/// Producer and number of such an event.
fn number(event: &Event) -> (u32, u64) {
    let Event::Trade { instrument, trade } = event else { panic!("no such event: {event:?}") };
    (instrument.0, trade.trade.id)
}

fn queue(capacity: usize) -> (Sender, Events) {
    channel(&EventsConfig { capacity, ..EventsConfig::default() })
}

/// Losses stand where they happened: after what was in the queue, before what came later; those at the end are told
/// without waiting for a later event.
#[test]
fn losses_are_shown_in_their_place() {
    let (sender, mut events) = queue(4);
    (0..10).for_each(|i| sender.send(event(0, i)));
    assert_eq!(events.lost(), 6);
    assert_eq!(events.by_ref().take(2).map(|event| number(&event).1).collect::<Vec<_>>(), [0, 1]);
    (10..14).for_each(|i| sender.send(event(0, i)));
    let expected = [event(0, 2), event(0, 3), Event::Lost(6), event(0, 10), event(0, 11), Event::Lost(2)];
    assert_eq!(std::iter::from_fn(|| events.poll()).collect::<Vec<_>>(), expected);
    assert!(!events.is_over());
    drop(sender);
    assert!(events.is_over());
    assert_eq!((events.next(), events.lost()), (None, 8));
}

/// What was sent before the last sender went is still taken, its losses included; only then comes the end.
#[test]
fn the_end_comes_after_everything() {
    let (sender, mut events) = queue(1);
    let other = sender.clone();
    sender.send(event(0, 0));
    drop(sender);
    other.send(event(1, 0));
    drop(other);
    assert!(!events.is_over());
    assert_eq!(events.next(), Some(event(0, 0)));
    assert_eq!(events.next_timeout(LONG), Ok(Some(Event::Lost(1))));
    assert_eq!(events.next_timeout(LONG), Ok(None));
}

/// Kinds that nobody asked for do not take room and are no losses; without a consumer nothing is kept.
#[test]
fn only_wanted_kinds_are_sent() {
    let kinds = Kinds::of(&[EventKind::State, EventKind::Connection]);
    let (sender, mut events) = channel(&EventsConfig { capacity: 2, kinds });
    assert!(sender.wants(EventKind::State) && !sender.wants(EventKind::Trade));
    (0..10).for_each(|i| sender.send(event(0, i)));
    let (from, to) = (State::Init, State::Live);
    let state =
        Event::State { instrument: InstrumentId(0), from, to, epoch: 1, at: Nanos(2), incident: None };
    sender.send(state.clone());
    let venue = Venue::literal("somewhere");
    let report = ConnectionEvent { connection: 3, venue, at: Nanos(4), report: Report::Open };
    let connection = Event::Connection(Arc::new(report));
    sender.send(connection.clone());
    assert_eq!((events.poll(), events.poll(), events.poll()), (Some(state), Some(connection), None));
    assert_eq!(events.lost(), 0);
    assert!(!sender.is_gone());
    drop(events);
    assert!(sender.is_gone());
    sender.send(event(0, 0));
    assert!(sender.shared.queue.is_empty());
}

/// A wait for nothing ends in time, and leaves no claim to be woken.
#[test]
fn a_wait_has_an_end() {
    let (sender, mut events) = queue(4);
    assert_eq!(events.next_timeout(Duration::from_millis(5)), Err(Timeout));
    assert!(!sender.shared.waiting.load(Ordering::SeqCst));
    sender.send(event(0, 7));
    assert_eq!(events.next_timeout(Duration::ZERO), Ok(Some(event(0, 7))));
}

/// A wait with an end far away is woken by the event, not by the end.
#[test]
fn a_bounded_wait_is_woken_too() {
    let (sender, mut events) = queue(4);
    let shared = Arc::clone(&sender.shared);
    thread::spawn(move || {
        while !shared.waiting.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        sender.send(event(0, 0));
    });
    assert_eq!(in_time(move || events.next_timeout(LONG * 10)), Ok(Some(event(0, 0))));
}

/// Counts what a consumer meets and judges it: each producer's numbers rise, and no number is missing that was not
/// told to be lost before.
#[derive(Default)]
struct Judge {
    next: [u64; 3],
    taken: u64,
    told: u64,
    missing: u64,
}

impl Judge {
    fn take(&mut self, event: &Event) {
        if let Event::Lost(count) = event {
            assert!(*count > 0);
            self.told += count;
            return;
        }
        let (producer, number) = number(event);
        let next = &mut self.next[producer as usize];
        assert!(number >= *next, "producer {producer}: {number} after {next}");
        self.missing += number - *next;
        *next = number + 1;
        self.taken += 1;
        assert!(self.missing <= self.told, "a hole that was not shown before producer {producer}'s {number}");
    }

    fn end(self, sent: u64, lost: u64) {
        assert_eq!(self.told, lost);
        assert_eq!(self.taken + lost, sent);
    }
}

/// Three producers that send in bursts with pauses between, so that the consumer sleeps often and is overrun often.
fn producers(sender: Sender, each: u64, burst: u64) {
    for producer in 0..3 {
        let sender = sender.clone();
        thread::spawn(move || {
            for i in 0..each {
                sender.send(event(producer, i));
                if i % burst == burst - 1 {
                    thread::sleep(Duration::from_micros(20));
                }
            }
        });
    }
}

/// Runs what may sleep, on a thread of its own: a lost wake-up fails the test instead of hanging it. The sleep itself
/// has no bound, so nothing but a wake-up can end it.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    result.recv_timeout(LONG).expect("a wake-up was lost")
}

/// Millions of events of three producers through a small queue to a consumer that sleeps: taken and lost are what
/// was sent, in order, and the consumer comes to the end (a lost wake-up would leave it asleep).
#[test]
fn three_producers_and_a_sleeping_consumer_agree() {
    const EACH: u64 = 1_000_000;
    let (sender, mut events) = queue(256);
    producers(sender, EACH, 2_000);
    let (judge, lost) = in_time(move || {
        let mut judge = Judge::default();
        events.by_ref().for_each(|event| judge.take(&event));
        (judge, events.lost())
    });
    assert!(lost > 0, "the queue was never full: this test shows nothing");
    judge.end(3 * EACH, lost);
}

/// One event at a time, each sent only after the one before was taken: every one must wake the sleeper.
#[test]
fn every_event_wakes_a_sleeper() {
    const ROUNDS: u64 = 20_000;
    let (sender, mut events) = queue(16);
    let seen = Arc::new(AtomicU64::new(0));
    let taken = Arc::clone(&seen);
    let producer = thread::spawn(move || {
        for i in 0..ROUNDS {
            while taken.load(Ordering::Acquire) < i {
                thread::yield_now();
            }
            sender.send(event(0, i));
        }
    });
    in_time(move || {
        for i in 0..ROUNDS {
            assert_eq!(events.next(), Some(event(0, i)));
            seen.store(i + 1, Ordering::Release);
        }
        assert_eq!(events.next(), None);
    });
    producer.join().unwrap();
}

/// An executor of one task that counts how often it is woken; it sleeps on a channel, so that nothing but the waker
/// can wake it.
struct Bell(mpsc::SyncSender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // A bell that rings already needs no second ring.
        let _ = self.0.try_send(());
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let (ring, bell) = mpsc::sync_channel(1);
    let waker = Waker::from(Arc::new(Bell(ring)));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => bell.recv_timeout(LONG).expect("a wake-up was lost"),
        }
    }
}

/// The asynchronous form gives the same, woken only by its waker.
#[test]
fn a_stream_gives_the_same() {
    const EACH: u64 = 200_000;
    let (sender, events) = queue(256);
    producers(sender, EACH, 500);
    let mut stream = events.stream();
    let mut judge = Judge::default();
    while let Some(event) = run(poll_fn(|context| Pin::new(&mut stream).poll_next(context))) {
        judge.take(&event);
    }
    judge.end(3 * EACH, stream.lost());
}

/// The callback form sees every event on a thread of its own, which ends with the feed.
#[test]
fn a_callback_sees_everything() {
    let (sender, events) = queue(1_000);
    let (out, seen) = mpsc::channel();
    let thread =
        events.for_each(move |event| out.send((number(&event).1, thread::current().id())).unwrap()).unwrap();
    (0..1_000).for_each(|i| sender.send(event(0, i)));
    drop(sender);
    in_time(move || thread.join().unwrap());
    let (numbers, threads): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    assert!(numbers.into_iter().eq(0..1_000));
    assert!(threads.iter().all(|id| *id != thread::current().id()));
}
