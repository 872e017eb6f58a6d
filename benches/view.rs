//! Publishing and copying: our cells, their peers, and a bare copy.
//!
//! Uncontended: writes, then reads, in a loop on one thread; the mean. Contended: the writer on one core writes
//! once per interval, the reader on another reads in a loop, the worst case for both, and each read is timed by
//! the system's clock, less the cost of reading that. (The clock waits for the loads before it; a bare cycle counter is
//! read while they are still on their way.) Rounds of all rows are interleaved and short, and those in which the
//! system took a thread off its core are left out. With one core the figures mean nothing.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

use touchline_benches::cells::{
    Payload, arc_swap, contended, copy_ns, empty_ns, our_block, our_block_head, our_line, seqlock,
    triple_buffer, uncontended,
};
use touchline_benches::cores::{Rounds, Ticks, is_test};
use touchline_view::block::Block;

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
    let (write_ns, read_ns) = uncontended(make(), length.uncontended, clock);
    figures.write_ns.push(write_ns);
    figures.read_ns.push(read_ns);
    figures.contended.resize_with(INTERVALS_NS.len(), Default::default);
    for (interval_ns, (rounds, busy)) in INTERVALS_NS.into_iter().zip(&mut figures.contended) {
        let ran = contended(make(), length.ticks, clock.of_ns(interval_ns), clock);
        let (taken, was_busy) = ran.second;
        *busy += if ran.is_quiet { was_busy } else { 0 };
        rounds.add(taken, ran.is_quiet);
    }
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
