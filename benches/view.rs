//! Publishing and copying: our cells, their peers, and a bare copy.
//!
//! Uncontended: writes, then reads, in a loop on one thread; the mean. Contended: the writer on one core writes
//! once per interval, the reader on another reads in a loop, the worst case for both, and each read is timed by
//! the system's clock, less the cost of reading that. (The clock waits for the loads before it; a bare cycle counter is
//! read while they are still on their way.) Rounds of all rows are interleaved and short, and those in which the
//! system took a thread off its core are left out. With one core the figures mean nothing.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use touchline_benches::cores::{Ran, Rounds, Ticks, is_test, on_two_cores};
use touchline_view::block::{self, Block};
use touchline_view::line;

/// What is published; the first word counts the writes.
trait Payload: Copy + Send + Sync + 'static {
    fn new(number: u64) -> Self;
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

/// What the rounds of one row gave.
#[derive(Default)]
struct Figures {
    write_ns: Vec<f64>,
    read_ns: Vec<f64>,
    /// For each interval: the reads, and how many of the quiet rounds' were busy.
    contended: Vec<(Rounds, u64)>,
}

/// How long a run is.
#[derive(Clone, Copy)]
struct Length {
    /// Calls.
    uncontended: u64,
    /// Ticks of a contended run.
    ticks: u64,
}

/// The pauses between two writes, in ns; 0 is flat out.
const INTERVALS_NS: [u64; 4] = [1_000, 250, 20, 0];

/// One round of one row. `make` gives a writer and a reader; the reader says whether it has read.
fn measure<P: Payload, W: FnMut(&P) + Send, R: FnMut(&mut P) -> bool + Send>(
    figures: &mut Figures,
    length: Length,
    clock: &Ticks,
    make: impl Fn() -> (W, R),
) {
    let (mut write, mut read) = make();
    let mut value = P::new(0);
    let start = clock.now();
    for number in 0..length.uncontended {
        value = black_box(P::new(number));
        write(&value);
    }
    let middle = clock.now();
    for _ in 0..length.uncontended {
        black_box(read(black_box(&mut value)));
    }
    let per_call = |ticks| clock.ns(ticks) / length.uncontended as f64;
    figures.write_ns.push(per_call(middle - start));
    figures.read_ns.push(per_call(clock.now() - middle));
    figures.contended.resize_with(INTERVALS_NS.len(), Default::default);
    for (interval_ns, (rounds, busy)) in INTERVALS_NS.into_iter().zip(&mut figures.contended) {
        let ran = contended(make(), length.ticks, clock.of_ns(interval_ns), clock);
        let (taken, was_busy) = ran.second;
        *busy += if ran.is_quiet { was_busy } else { 0 };
        rounds.add(taken, ran.is_quiet);
    }
}

/// Reads in a loop on one core while the other writes every `every` ticks: ticks of each read, and busy reads.
fn contended<P: Payload>(
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

fn our_line() -> (impl FnMut(&[u64; 7]), impl FnMut(&mut [u64; 7]) -> bool) {
    let (mut writer, reader) = line::channel(&[0; 7]);
    let read = move |to: &mut [u64; 7]| reader.read().map(|words| *to = words).is_ok();
    (move |from: &[u64; 7]| writer.write(from), read)
}

fn our_block() -> (impl FnMut(&Block<20>), impl FnMut(&mut Block<20>) -> bool) {
    let (mut writer, reader) = block::channel(&Block::new());
    (move |from: &Block<20>| writer.write(from), move |to: &mut Block<20>| reader.read_into(to).is_ok())
}

fn our_block_head() -> (impl FnMut(&Block<20>), impl FnMut(&mut Block<20>) -> bool) {
    let (mut writer, reader) = block::channel(&Block::new());
    let read = move |to: &mut Block<20>| reader.read_rows(&mut to.head, &mut []).is_ok();
    (move |from: &Block<20>| writer.write(from), read)
}

fn seqlock<P: Payload>() -> (impl FnMut(&P), impl FnMut(&mut P) -> bool) {
    let cell = Arc::new(seqlock::SeqLock::new(P::new(0)));
    let reader = Arc::clone(&cell);
    let read = move |to: &mut P| {
        *to = reader.read();
        true
    };
    (move |from: &P| *cell.lock_write() = *from, read)
}

fn triple_buffer<P: Payload>() -> (impl FnMut(&P), impl FnMut(&mut P) -> bool) {
    let (mut input, mut output) = triple_buffer::triple_buffer(&P::new(0));
    let read = move |to: &mut P| {
        *to = *output.read();
        true
    };
    (move |from: &P| input.write(*from), read)
}

fn arc_swap<P: Payload>() -> (impl FnMut(&P), impl FnMut(&mut P) -> bool) {
    let cell = Arc::new(arc_swap::ArcSwap::from_pointee(P::new(0)));
    let reader = Arc::clone(&cell);
    let read = move |to: &mut P| {
        *to = **reader.load();
        true
    };
    (move |from: &P| cell.store(Arc::new(*from)), read)
}

/// The time of a copy within the first cache, per call.
fn copy_ns<P: Payload>(calls: u64, clock: &Ticks) -> f64 {
    let (from, mut to) = (P::new(1), P::new(0));
    let start = clock.now();
    for _ in 0..calls {
        *black_box(&mut to) = *black_box(&from);
    }
    clock.ns(clock.now() - start) / calls as f64
}

/// The median of two readings of the system's clock with nothing between them.
fn empty_ns() -> u64 {
    let mut empty: Vec<u64> = (0..10_001).map(|_| Instant::now().elapsed().as_nanos() as u64).collect();
    empty.sort_unstable();
    empty.get(5_000).copied().unwrap_or(0)
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints one table.
fn print(title: &str, copy_ns: f64, rows: &[(&str, Figures)]) {
    let empty = empty_ns();
    println!(
        "\n{title}; a copy takes {copy_ns:.1} ns; of the reads p50/p99/p99.9 in ns (quiet rounds, busy reads)"
    );
    print!("{:<24}{:>7}{:>7}", "", "write", "read");
    for interval_ns in INTERVALS_NS {
        let heading =
            if interval_ns > 0 { format!("a write per {interval_ns} ns") } else { "flat out".into() };
        print!("{heading:>33}");
    }
    println!();
    for (name, figures) in rows {
        print!("{name:<24}{:>7.1}{:>7.1}", median(&figures.write_ns), median(&figures.read_ns));
        for (rounds, busy) in &figures.contended {
            let [p50, _, p99, p999] = rounds.percentiles(empty, |ns| ns as f64);
            print!("{:>33}", format!("{p50:.0}/{p99:.0}/{p999:.0} ({}, {busy})", rounds.quiet_share()));
        }
        println!();
    }
}

fn main() {
    let clock = Ticks::new();
    let (rounds, uncontended, run_ns) = if is_test() { (1, 100, 50_000) } else { (100, 10_000, 1_500_000) };
    let length = Length { uncontended, ticks: clock.of_ns(run_ns) };
    let mut lines =
        ["touchline line", "seqlock", "triple_buffer", "arc-swap"].map(|name| (name, Figures::default()));
    let mut blocks = ["touchline block", "touchline block, head", "seqlock", "triple_buffer", "arc-swap"]
        .map(|name| (name, Figures::default()));
    for _ in 0..rounds {
        let [ours, seq, triple, arc] = &mut lines;
        measure(&mut ours.1, length, &clock, our_line);
        measure(&mut seq.1, length, &clock, seqlock::<[u64; 7]>);
        measure(&mut triple.1, length, &clock, triple_buffer::<[u64; 7]>);
        measure(&mut arc.1, length, &clock, arc_swap::<[u64; 7]>);
        let [ours, head, seq, triple, arc] = &mut blocks;
        measure(&mut ours.1, length, &clock, our_block);
        measure(&mut head.1, length, &clock, our_block_head);
        measure(&mut seq.1, length, &clock, seqlock::<Block<20>>);
        measure(&mut triple.1, length, &clock, triple_buffer::<Block<20>>);
        measure(&mut arc.1, length, &clock, arc_swap::<Block<20>>);
    }
    print("view: 56 bytes", copy_ns::<[u64; 7]>(uncontended, &clock), &lines);
    print("view: head and 20 rows, 696 bytes", copy_ns::<Block<20>>(uncontended, &clock), &blocks);
}
