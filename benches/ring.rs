//! A value from one core to another: our ring, its peers, and the bare transfer of one cache line.
//!
//! Latency: one message per microsecond; the producer puts the cycle counter into it just before the push, and the
//! consumer, which polls, reads the counter when it has the value. Flat out: messages as fast as they go.
//! The rounds of all rows are interleaved and short, and those in which the system took a thread off its core are
//! left out, so that the figures are the queues' and not the scheduler's. With one core they mean nothing.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

use touchline_benches::cores::{Rounds, Ticks, is_test};
use touchline_benches::hop::{
    CAPACITY, Receiver, Sender, Taken, Value, array_queue, flat_out, latency, ours, ours_of_8, rtrb,
    rtrb_of_8, word,
};

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
