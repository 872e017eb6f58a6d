//! A value from one core to another: our ring, its peers, and the bare transfer of one cache line.
//!
//! Latency: one message per microsecond; the producer puts the cycle counter into it just before the push, and the
//! consumer, which polls, reads the counter when it has the value. Flat out: messages as fast as they go.
//! The rounds of all rows are interleaved and short, and those in which the system took a thread off its core are
//! left out, so that the figures are the queues' and not the scheduler's. With one core they mean nothing.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use touchline_benches::cores::{Ran, Rounds, Ticks, is_test, on_two_cores};

/// What is passed: 56 bytes. Word 0 is the stamp.
type Value = [u64; 7];

const CAPACITY: usize = 1024;

/// A queue's two ends. `push` takes a message of some slots, all with the same value, or refuses it; `pop` takes one
/// slot.
trait Sender: Send {
    fn push(&mut self, value: Value) -> bool;
}
trait Receiver: Send {
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

struct ChannelSender(crossbeam_channel::Sender<Value>);
struct ChannelReceiver(crossbeam_channel::Receiver<Value>);
impl Sender for ChannelSender {
    fn push(&mut self, value: Value) -> bool {
        self.0.try_send(value).is_ok()
    }
}
impl Receiver for ChannelReceiver {
    fn pop(&mut self) -> Option<Value> {
        self.0.try_recv().ok()
    }
}

/// The floor: one word in one line, written over. It carries the latest stamp and loses the others.
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
type Taken = Ran<(), Vec<u64>>;

/// Sends one message every `every` ticks and gives the ticks that each took to arrive.
fn latency<S: Sender, R: Receiver>(ends: (S, R), messages: u64, every: u64, clock: &Ticks) -> Taken {
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

/// Sends messages without a pause and gives the ns that one took on average.
fn flat_out<S: Sender, R: Receiver>(ends: (S, R), messages: u64, clock: &Ticks) -> (f64, bool) {
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

/// The ns of a message, and whether the run was quiet.
type FlatOut = fn(u64, &Ticks) -> (f64, bool);

/// One line of the table, and what its rounds gave.
struct Row {
    name: &'static str,
    latency: fn(u64, u64, &Ticks) -> Taken,
    flat_out: Option<FlatOut>,
    latencies: Rounds,
    flat: Vec<f64>,
}

macro_rules! row {
    ($name:literal, $make:expr) => {
        Row {
            flat_out: Some(|messages, clock| flat_out($make, messages, clock)),
            ..row!($name, $make, floor)
        }
    };
    ($name:literal, $make:expr, floor) => {
        Row {
            name: $name,
            latency: |messages, every, clock| latency($make, messages, every, clock),
            flat_out: None,
            latencies: Rounds::default(),
            flat: Vec::new(),
        }
    };
}

fn word() -> (WordSender, WordReceiver) {
    let word = Arc::new(CachePadded::new(AtomicU64::new(0)));
    (WordSender(Arc::clone(&word)), WordReceiver(word, 0))
}

fn ours() -> (OurSender, OurReceiver) {
    let (producer, consumer) = touchline_ring::channel(CAPACITY);
    (OurSender(producer), OurReceiver(consumer))
}

fn ours_of_8() -> (OurBatchSender, OurBatchReceiver) {
    let (producer, consumer) = touchline_ring::channel(CAPACITY);
    (OurBatchSender(producer), OurBatchReceiver(consumer))
}

fn rtrb() -> (RtrbSender, RtrbReceiver) {
    let (producer, consumer) = rtrb::RingBuffer::new(CAPACITY);
    (RtrbSender(producer), RtrbReceiver(consumer))
}

fn rtrb_of_8() -> (RtrbChunkSender, RtrbChunkReceiver) {
    let (producer, consumer) = rtrb::RingBuffer::new(CAPACITY);
    (RtrbChunkSender(producer), RtrbChunkReceiver(consumer))
}

fn array_queue() -> (ArraySender, ArrayReceiver) {
    let queue = Arc::new(crossbeam_queue::ArrayQueue::new(CAPACITY));
    (ArraySender(Arc::clone(&queue)), ArrayReceiver(queue))
}

fn channel() -> (ChannelSender, ChannelReceiver) {
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    (ChannelSender(sender), ChannelReceiver(receiver))
}

fn main() {
    let clock = Ticks::new();
    let (rounds, messages, many) = if is_test() { (1, 500, 1_000) } else { (400, 2_000, 20_000) };
    let every = clock.of_ns(1_000);
    let mut rows = [
        row!("rtrb", rtrb()),
        row!("touchline ring", ours()),
        row!("floor: one word in one line", word(), floor),
        row!("crossbeam ArrayQueue", array_queue()),
        row!("crossbeam channel, bounded", channel()),
        row!("rtrb, chunks of 8", rtrb_of_8()),
        row!("touchline ring, batches of 8", ours_of_8()),
    ];
    for _ in 0..rounds {
        for row in &mut rows {
            let taken = (row.latency)(messages, every, &clock);
            row.latencies.add(taken.second, taken.is_quiet);
            if let Some((ns, true)) = row.flat_out.map(|flat_out| flat_out(many, &clock)) {
                row.flat.push(ns);
            }
        }
    }
    print(&mut rows, &clock);
}

/// Prints the table; a row named after rtrb is what those below it are compared with.
fn print(rows: &mut [Row], clock: &Ticks) {
    println!("\nring: 56 bytes, {CAPACITY} slots; ns per message, and ratio to rtrb of the same run");
    println!(
        "{:<30}{:>15}{:>15}{:>15}{:>15}{:>17}{:>14}",
        "", "p50", "p90", "p99", "p99.9", "flat out", "quiet rounds"
    );
    let (mut base, mut base_flat) = ([1.0; 4], 1.0);
    for row in rows {
        let figures = row.latencies.percentiles(clock.empty, |ticks| clock.ns(ticks));
        row.flat.sort_by(f64::total_cmp);
        let flat = row.flat.get(row.flat.len() / 2).copied().unwrap_or(f64::NAN);
        if row.name.starts_with("rtrb") {
            (base, base_flat) = (figures, flat);
        }
        print!("{:<30}", row.name);
        for (figure, base) in figures.iter().zip(base) {
            print!("{figure:>8.0} {:>5.2}x", figure / base);
        }
        match row.flat_out {
            Some(_) => print!("{flat:>10.1} {:>5.2}x", flat / base_flat),
            None => print!("{:>17}", "-"),
        }
        println!("{:>14}", row.latencies.quiet_share());
    }
}
