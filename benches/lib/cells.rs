//! Publishing and copying between two cores: cells behind a writing and a reading closure, and what they take.
//!
//! Contended, the writer on one core writes once per interval and the reader on the other reads in a loop, the worst
//! case for both; each read is timed by the system's clock, less the cost of reading that. (The clock waits for the
//! loads before it; a bare cycle counter is read while they are still on their way.)

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use touchline_view::block::{self, Block};
use touchline_view::line;

use crate::cores::{Ran, Ticks, on_two_cores};

/// What is published; the first word counts the writes.
pub trait Payload: Copy + Send + Sync + 'static {
    /// The write of this number.
    fn new(number: u64) -> Self;
    /// Which write it is.
    fn number(&self) -> u64;
}

impl Payload for [u64; 7] {
    fn new(number: u64) -> Self {
        [number; 7]
    }

    fn number(&self) -> u64 {
        let [number, ..] = self;
        *number
    }
}

impl Payload for Block<20> {
    fn new(number: u64) -> Self {
        Self { head: [number; 7], rows: [[number; 4]; 20] }
    }

    fn number(&self) -> u64 {
        self.head.number()
    }
}

/// Writes, then reads, so many times on one thread: the mean of each in ns.
pub fn uncontended<P: Payload>(
    (mut write, mut read): (impl FnMut(&P), impl FnMut(&mut P) -> bool),
    calls: u64,
    clock: &Ticks,
) -> (f64, f64) {
    let mut value = P::new(0);
    let start = clock.now();
    for number in 0..calls {
        value = black_box(P::new(number));
        write(&value);
    }
    let middle = clock.now();
    for _ in 0..calls {
        black_box(read(black_box(&mut value)));
    }
    let per_call = |ticks| clock.ns(ticks) / calls as f64;
    (per_call(middle - start), per_call(clock.now() - middle))
}

/// Reads for so many ticks in a loop on one core while the other writes every `every` ticks, 0 for without a pause: the
/// ns of each read, and how many reads gave up.
///
/// # Panics
/// If a read is older than the one before it.
pub fn contended<P: Payload>(
    (mut write, mut read): (impl FnMut(&P) + Send, impl FnMut(&mut P) -> bool + Send),
    ticks: u64,
    every: u64,
    clock: &Ticks,
) -> Ran<(), (Vec<u64>, u64)> {
    let is_over = AtomicBool::new(false);
    let writing = || {
        let (mut number, mut due) = (1, clock.now());
        while !is_over.load(Ordering::Relaxed) {
            write(&P::new(number));
            number += 1;
            due += every;
            while every > 0 && clock.now() < due {
                spin_loop();
            }
        }
    };
    let reading = || {
        let mut value = P::new(0);
        let (mut taken, mut busy, mut last) = (Vec::with_capacity(1 << 18), 0, 0);
        while last == 0 {
            last = if read(&mut value) { value.number() } else { 0 }; // The writer has begun.
        }
        let end = clock.now() + ticks;
        while clock.now() < end && taken.len() < taken.capacity() {
            let start = Instant::now();
            let has_read = read(black_box(&mut value));
            taken.push(start.elapsed().as_nanos() as u64);
            busy += u64::from(!has_read);
            assert!(!has_read || value.number() >= last, "the reader went back");
            last = if has_read { value.number() } else { last };
        }
        is_over.store(true, Ordering::Relaxed);
        (taken, busy)
    };
    on_two_cores(writing, reading)
}

/// Our cell of one cache line.
pub fn our_line() -> (impl FnMut(&[u64; 7]), impl FnMut(&mut [u64; 7]) -> bool) {
    let (mut writer, reader) = line::channel(&[0; 7]);
    let read = move |to: &mut [u64; 7]| reader.read().map(|words| *to = words).is_ok();
    (move |from: &[u64; 7]| writer.write(from), read)
}

/// Our ring of slots, all of it read.
pub fn our_block() -> (impl FnMut(&Block<20>), impl FnMut(&mut Block<20>) -> bool) {
    let (mut writer, reader) = block::channel(&Block::new());
    (move |from: &Block<20>| writer.write(from), move |to: &mut Block<20>| reader.read_into(to).is_ok())
}

/// Our ring of slots, the head alone read.
pub fn our_block_head() -> (impl FnMut(&Block<20>), impl FnMut(&mut Block<20>) -> bool) {
    let (mut writer, reader) = block::channel(&Block::new());
    let read = move |to: &mut Block<20>| reader.read_rows(&mut to.head, &mut []).is_ok();
    (move |from: &Block<20>| writer.write(from), read)
}

/// The crate `seqlock`.
pub fn seqlock<P: Payload>() -> (impl FnMut(&P), impl FnMut(&mut P) -> bool) {
    let cell = Arc::new(seqlock::SeqLock::new(P::new(0)));
    let reader = Arc::clone(&cell);
    let read = move |to: &mut P| {
        *to = reader.read();
        true
    };
    (move |from: &P| *cell.lock_write() = *from, read)
}

/// The crate `triple_buffer`.
pub fn triple_buffer<P: Payload>() -> (impl FnMut(&P), impl FnMut(&mut P) -> bool) {
    let (mut input, mut output) = triple_buffer::triple_buffer(&P::new(0));
    let read = move |to: &mut P| {
        *to = *output.read();
        true
    };
    (move |from: &P| input.write(*from), read)
}

/// The crate `arc-swap`.
pub fn arc_swap<P: Payload>() -> (impl FnMut(&P), impl FnMut(&mut P) -> bool) {
    let cell = Arc::new(arc_swap::ArcSwap::from_pointee(P::new(0)));
    let reader = Arc::clone(&cell);
    let read = move |to: &mut P| {
        *to = **reader.load();
        true
    };
    (move |from: &P| cell.store(Arc::new(*from)), read)
}

/// The time of a copy within the first cache, per call.
pub fn copy_ns<P: Payload>(calls: u64, clock: &Ticks) -> f64 {
    let (from, mut to) = (P::new(1), P::new(0));
    let start = clock.now();
    for _ in 0..calls {
        *black_box(&mut to) = *black_box(&from);
    }
    clock.ns(clock.now() - start) / calls as f64
}

/// The median of two readings of the system's clock with nothing between them.
pub fn empty_ns() -> u64 {
    let mut empty: Vec<u64> = (0..10_001).map(|_| Instant::now().elapsed().as_nanos() as u64).collect();
    empty.sort_unstable();
    empty.get(5_000).copied().unwrap_or(0)
}
