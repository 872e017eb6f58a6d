//! Frames parsed by their learned shape, each way beside the general parser and beside a plain read of the bytes.
//!
//! Columns are nanoseconds a frame, the best of several rounds, taken in turns so that a slow minute of the machine hits
//! all alike; then how many times the general parser's time and the read's that is. `read` loads every 64 bytes of a frame
//! and adds them up: less than any parser can do. Frames are copied in batches before the clock starts, as a socket's
//! buffer would hold them. Run it alone on the machine.
#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its table")]

use std::hint::black_box;

use touchline::market::InstrumentId;
use touchline::venue::{Adopt, Dialect, Listing, find};
use touchline_benches::cores::is_test;
use touchline_benches::forgetful::Forgetful;
use touchline_benches::frames::{Frames, batches, read};
use touchline_json::shape::Simd;

const RECORDINGS: [(&str, &str); 2] =
    [("binance-usdm", "binance-usdm-btcusdt-20240808"), ("binance", "binance-spot-btcusdt-20240808")];

/// One way of parsing.
struct Way {
    simd: Simd,
    dialect: Dialect,
    listing: Listing,
    sink: Forgetful,
    best: f64,
}

impl Way {
    fn new(venue: &str, simd: Simd) -> Self {
        let facts = find(venue).expect("a registered venue");
        let mut dialect = facts.dialect();
        dialect.read_by(simd);
        let listing = facts.listing(InstrumentId(0), Adopt::Provisional);
        Self { simd, dialect, listing, sink: Forgetful(Vec::with_capacity(4_096)), best: f64::INFINITY }
    }

    fn round(&mut self, frames: &[Vec<u8>]) {
        let time = batches(frames, |frame| {
            let parsed = self.dialect.frame(frame, &mut self.listing, &mut self.sink);
            assert!(parsed.is_ok(), "a sound frame");
        });
        self.best = self.best.min(time);
    }
}

/// Every 64 bytes of a frame.
fn plain(frame: &[u8]) {
    let mut sum = [0u64; 8];
    for block in frame.as_chunks::<64>().0 {
        for (sum, word) in sum.iter_mut().zip(block.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*word));
        }
    }
    black_box(sum);
}

fn rows(venue: &str, kind: &str, frames: &[Vec<u8>], rounds: usize) {
    let ways = Simd::ALL.into_iter().filter(|simd| simd.is_available());
    let mut ways: Vec<_> = ways.map(|simd| Way::new(venue, simd)).collect();
    let mut floor = f64::INFINITY;
    for _ in 0..rounds {
        floor = floor.min(batches(frames, plain));
        ways.iter_mut().for_each(|way| way.round(frames));
    }
    let general = ways.last().map_or(f64::NAN, |way| way.best);
    for way in &ways {
        let (name, best) = (way.simd.name(), way.best);
        println!(
            "{kind:<12} {name:<10} {:>8} {best:>10.1} {:>10.1} {:>10.1}",
            frames.len(),
            general / best,
            best / floor
        );
    }
    println!("{kind:<12} {:<10} {:>8} {floor:>10.1}", "read", frames.len());
}

fn main() {
    let rounds = if is_test() { 1 } else { 31 };
    for (venue, name) in RECORDINGS {
        let Some(Frames { best, trade, depth }) = read(name) else { continue };
        println!("{name}, ns a frame, best of {rounds} rounds");
        println!(
            "{:<12} {:<10} {:>8} {:>10} {:>10} {:>10}",
            "kind", "way", "frames", "ns", "general/", "/read"
        );
        for (kind, frames) in [("bookTicker", &best), ("trade", &trade), ("depth", &depth)] {
            rows(venue, kind, frames, rounds);
        }
        println!();
    }
}
