//! Bytes to published view in one thread, beside simd-json's tape parse alone, by kind of message.
//!
//! Three columns over the same real frames, taken in turns so that a slow minute of the machine hits all alike:
//!
//! * `tape`: simd-json fills its tape from a copy of the frame made before the clock starts: the floor of any parser
//!   built on it, without looking at a single field.
//! * `parse`: the venue's general parser, from bytes to the committed update in a sink that keeps nothing.
//! * `journey`: parse, continuity check, book, both views published.
//!
//! Figures are the best of several rounds, in nanoseconds a frame; the last rows are the whole recording in its
//! order, where caches see what they would see live. Run it alone on the machine.
#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its table")]

use std::hint::black_box;
use std::time::Instant;

use simd_json::{Buffers, Tape};
use touchline::market::{InstrumentId, Nanos};
use touchline::venue::Adopt;
use touchline::{Event, Inline, Input, Marking, Plan, Replay};
use touchline_benches::cores::is_test;
use touchline_benches::forgetful::Forgetful;
use touchline_benches::frames::{Frames, batches, captures, read};

const RECORDINGS: [&str; 2] = ["binance-usdm-btcusdt-20240808", "binance-spot-btcusdt-20240808"];

/// Nanoseconds a frame of simd-json alone.
fn tape(frames: &[Vec<u8>]) -> f64 {
    let (mut buffers, mut tape) = (Buffers::default(), Tape::null());
    let mut spent = 0;
    // Copied in batches that stay in the cache, as a socket's buffer would.
    for batch in frames.chunks(64) {
        let mut copies = batch.to_vec();
        let began = Instant::now();
        for copy in &mut copies {
            let mut borrowed = std::mem::replace(&mut tape, Tape(Vec::new())).reset();
            simd_json::fill_tape(copy, &mut buffers, &mut borrowed).expect("a sound frame");
            black_box(borrowed.0.len());
            tape = borrowed.reset();
        }
        spent += began.elapsed().as_nanos();
    }
    spent as f64 / frames.len() as f64
}

fn parse(plan: &Plan, frames: &[Vec<u8>]) -> f64 {
    let mut dialect = plan.venue.dialect();
    let mut listing = plan.venue.listing(InstrumentId(0), Adopt::Never);
    for (instrument, _) in &plan.instruments {
        listing.insert(instrument.clone());
    }
    let mut sink = Forgetful(Vec::with_capacity(4_096));
    batches(frames, |frame| {
        let parsed = dialect.frame(frame, &mut listing, &mut sink);
        assert!(parsed.is_ok(), "a sound frame");
    })
}

fn journey(plan: &Plan, before: &[(Nanos, Held)], frames: &[Vec<u8>]) -> f64 {
    let mut pipeline = Inline::new(plan, ());
    for (recv, held) in before {
        pipeline.take(Input::new(*recv, 0, held.event()));
    }
    let applied =
        |pipeline: &Inline<()>| pipeline.report().iter().map(|book| book.counters.updates).sum::<u64>();
    let (took, mut line) = (applied(&pipeline), 0);
    let time = batches(frames, |frame| {
        line += 1;
        pipeline.take(Input::new(Nanos(line), line, Event::Frame(frame)));
    });
    black_box((pipeline.views()[0].touch(), applied(&pipeline) - took));
    time
}

/// An input kept in memory.
enum Held {
    Frame(Vec<u8>),
    Rest(String, Vec<u8>),
}

impl Held {
    fn event(&self) -> Event<'_> {
        match self {
            Self::Frame(frame) => Event::Frame(frame),
            Self::Rest(url, body) => Event::Rest { url, body },
        }
    }
}

/// The recording up to its snapshot, and every frame after it in order.
fn ordered(name: &str) -> (Vec<(Nanos, Held)>, Vec<Vec<u8>>) {
    let path = captures().join(format!("{name}.cap.zst"));
    let mut reader = touchline_capture::Reader::open(path).expect("read before");
    let (mut before, mut after, mut joined) = (Vec::new(), Vec::new(), false);
    while let Some(record) = reader.next().expect("a whole recording") {
        if let Some((url, body)) = record.rest() {
            before.push((record.recv, Held::Rest(url.to_owned(), body.to_vec())));
            joined = true;
        } else if joined {
            after.push(record.payload.to_vec());
        } else {
            before.push((record.recv, Held::Frame(record.payload.to_vec())));
        }
    }
    (before, after)
}

fn row(name: &str, plan: &Plan, before: &[(Nanos, Held)], frames: &[Vec<u8>], rounds: usize) {
    let mut best = [f64::INFINITY; 3];
    for _ in 0..rounds {
        let times = [tape(frames), parse(plan, frames), journey(plan, before, frames)];
        best = [0, 1, 2].map(|i: usize| best[i].min(times[i]));
    }
    let [tape, parse, journey] = best;
    println!(
        "{name:<14} {:>8} {tape:>10.1} {parse:>10.1} {journey:>10.1} {:>12.2} {:>14.2}",
        frames.len(),
        parse / tape,
        journey / tape
    );
}

fn main() {
    let rounds = if is_test() { 1 } else { 31 };
    for name in RECORDINGS {
        let Some(Frames { best, trade, .. }) = read(name) else { continue };
        let replay = Replay::open(captures().join(format!("{name}.cap.zst"))).expect("read before");
        let mut plan = replay.plan().clone();
        plan.marking = Marking::Line;
        let (before, after) = ordered(name);
        let is_depth =
            |frame: &&Vec<u8>| String::from_utf8_lossy(&frame[..frame.len().min(60)]).contains("@depth");
        let depth: Vec<_> = after.iter().filter(is_depth).cloned().collect();
        println!("{name}, ns a frame, best of {rounds} rounds");
        println!(
            "{:<14} {:>8} {:>10} {:>10} {:>10} {:>12} {:>14}",
            "kind", "frames", "tape", "parse", "journey", "parse/tape", "journey/tape"
        );
        row("bookTicker", &plan, &before, &best, rounds);
        row("trade", &plan, &before, &trade, rounds);
        row("depth", &plan, &before, &depth, rounds);
        row("all, in order", &plan, &before, &after, rounds);
        println!();
    }
}
