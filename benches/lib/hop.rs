//! One value from one core to another: queues behind one pair of traits, and what a message takes.
//!
//! Latency: one message every so many ticks; the producer puts the cycle counter into it just before the push, and
//! the consumer, which polls, reads the counter when it has the value. Flat out: messages as fast as they go.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::cores::{Ran, Ticks, on_two_cores};

/// What is passed: 56 bytes. Word 0 is the stamp.
pub type Value = [u64; 7];

/// Slots of each queue.
pub const CAPACITY: usize = 1024;

/// The end of a queue that gives.
pub trait Sender: Send {
    /// Takes a message of some slots, all with the same value, or refuses it.
    fn push(&mut self, value: Value) -> bool;
}

/// The end of a queue that takes.
pub trait Receiver: Send {
    /// Takes one message and gives one of its slots.
    fn pop(&mut self) -> Option<Value>;
}

struct OurSender(touchline_ring::Producer<Value>);
struct OurReceiver(touchline_ring::Consumer<Value>);
impl Sender for OurSender {
    fn push(&mut self, value: Value) -> bool {
        self.0.push(value).is_ok()
    }
}
impl Receiver for OurReceiver {
    fn pop(&mut self) -> Option<Value> {
        self.0.next().map(|message| *message.first())
    }
}

/// Messages of eight slots; `pop` gives the last one, when all are read.
struct OurBatchSender(touchline_ring::Producer<Value>);
struct OurBatchReceiver(touchline_ring::Consumer<Value>);
impl Sender for OurBatchSender {
    fn push(&mut self, value: Value) -> bool {
        let mut batch = self.0.batch();
        (1..8).all(|_| batch.push(value).is_ok()) && batch.commit(value).is_ok()
    }
}
impl Receiver for OurBatchReceiver {
    fn pop(&mut self) -> Option<Value> {
        let message = self.0.next()?;
        black_box(message.first());
        message.rest().inspect(|value| _ = black_box(*value)).last().copied()
    }
}

struct RtrbSender(rtrb::Producer<Value>);
struct RtrbReceiver(rtrb::Consumer<Value>);
impl Sender for RtrbSender {
    fn push(&mut self, value: Value) -> bool {
        self.0.push(value).is_ok()
    }
}
impl Receiver for RtrbReceiver {
    fn pop(&mut self) -> Option<Value> {
        self.0.pop().ok()
    }
}

struct RtrbChunkSender(rtrb::Producer<Value>);
struct RtrbChunkReceiver(rtrb::Consumer<Value>);
impl Sender for RtrbChunkSender {
    fn push(&mut self, value: Value) -> bool {
        self.0.write_chunk_uninit(8).is_ok_and(|chunk| chunk.fill_from_iter([value; 8]) == 8)
    }
}
impl Receiver for RtrbChunkReceiver {
    fn pop(&mut self) -> Option<Value> {
        let chunk = self.0.read_chunk(8).ok()?;
        chunk.into_iter().inspect(|value| _ = black_box(value)).last()
    }
}

struct ArraySender(Arc<crossbeam_queue::ArrayQueue<Value>>);
struct ArrayReceiver(Arc<crossbeam_queue::ArrayQueue<Value>>);
impl Sender for ArraySender {
    fn push(&mut self, value: Value) -> bool {
        self.0.push(value).is_ok()
    }
}
impl Receiver for ArrayReceiver {
    fn pop(&mut self) -> Option<Value> {
        self.0.pop()
    }
}

struct WordSender(Arc<CachePadded<AtomicU64>>);
struct WordReceiver(Arc<CachePadded<AtomicU64>>, u64);
impl Sender for WordSender {
    fn push(&mut self, value: Value) -> bool {
        let [stamp, ..] = value;
        self.0.store(stamp, Ordering::Release);
        true
    }
}
impl Receiver for WordReceiver {
    fn pop(&mut self) -> Option<Value> {
        let stamp = self.0.load(Ordering::Acquire);
        (stamp != self.1).then(|| {
            self.1 = stamp;
            [stamp; 7]
        })
    }
}

/// A value that no message has: it ends a run.
const END: u64 = u64::MAX;

/// The ticks of each message.
pub type Taken = Ran<(), Vec<u64>>;

/// Sends one message every `every` ticks and gives the ticks that each took to arrive.
pub fn latency<S: Sender, R: Receiver>(ends: (S, R), messages: u64, every: u64, clock: &Ticks) -> Taken {
    let (mut sender, mut receiver) = ends;
    let wait_for = |due| {
        while clock.now() < due {
            spin_loop();
        }
    };
    let send = || {
        let mut due = clock.now();
        for _ in 0..messages {
            due += every;
            wait_for(due);
            while !sender.push([clock.now(); 7]) {}
        }
        wait_for(due + 100 * every); // The floor is written over: the last stamp must be read before the end.
        while !sender.push([END; 7]) {}
    };
    let receive = || {
        let mut taken = Vec::with_capacity(messages as usize);
        loop {
            if let Some([stamp, ..]) = receiver.pop() {
                let now = clock.now();
                if stamp == END {
                    return taken;
                }
                taken.push(now.saturating_sub(stamp));
            }
        }
    };
    on_two_cores(send, receive)
}

/// Sends messages without a pause and gives the ns that one took on average, and whether the run was quiet.
///
/// # Panics
/// If a value is lost or damaged.
pub fn flat_out<S: Sender, R: Receiver>(ends: (S, R), messages: u64, clock: &Ticks) -> (f64, bool) {
    let (mut sender, mut receiver) = ends;
    let send = || {
        let start = clock.now();
        for number in (0..messages).chain([END]) {
            while !sender.push([number; 7]) {
                spin_loop();
            }
        }
        start
    };
    let receive = || {
        let mut expected = 0;
        loop {
            match receiver.pop() {
                Some([END, ..]) => return (clock.now(), expected),
                Some(value) => {
                    assert!(value == [expected; 7], "a value was lost or damaged");
                    expected += 1;
                }
                None => spin_loop(),
            }
        }
    };
    let Ran { first: start, second: (stop, received), is_quiet } = on_two_cores(send, receive);
    assert!(received == messages, "a value was lost");
    (clock.ns(stop - start) / messages as f64, is_quiet)
}

/// The floor: one word in one line, written over. It carries the latest stamp and loses the others.
#[must_use]
pub fn word() -> (impl Sender, impl Receiver) {
    let word = Arc::new(CachePadded::new(AtomicU64::new(0)));
    (WordSender(Arc::clone(&word)), WordReceiver(word, 0))
}

/// Our ring, a slot a message.
#[must_use]
pub fn ours() -> (impl Sender, impl Receiver) {
    let (producer, consumer) = touchline_ring::channel(CAPACITY);
    (OurSender(producer), OurReceiver(consumer))
}

/// Our ring, eight slots a message.
#[must_use]
pub fn ours_of_8() -> (impl Sender, impl Receiver) {
    let (producer, consumer) = touchline_ring::channel(CAPACITY);
    (OurBatchSender(producer), OurBatchReceiver(consumer))
}

/// `rtrb`, a slot a message.
#[must_use]
pub fn rtrb() -> (impl Sender, impl Receiver) {
    let (producer, consumer) = rtrb::RingBuffer::new(CAPACITY);
    (RtrbSender(producer), RtrbReceiver(consumer))
}

/// `rtrb`, eight slots a message, as chunks.
#[must_use]
pub fn rtrb_of_8() -> (impl Sender, impl Receiver) {
    let (producer, consumer) = rtrb::RingBuffer::new(CAPACITY);
    (RtrbChunkSender(producer), RtrbChunkReceiver(consumer))
}

/// `crossbeam`'s `ArrayQueue`.
#[must_use]
pub fn array_queue() -> (impl Sender, impl Receiver) {
    let queue = Arc::new(crossbeam_queue::ArrayQueue::new(CAPACITY));
    (ArraySender(Arc::clone(&queue)), ArrayReceiver(queue))
}
