//! The cost of a stamp: our clock beside the system's, and what recording a latency adds.
//!
//! Each figure is for one stamp and one difference, as the pipeline takes them.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use touchline::clock::Clock;
use touchline::latency::{MessageKind, Recorder, Stage};

fn clock(c: &mut Criterion) {
    let clock = Clock::new();
    let mut group = c.benchmark_group("clock");
    group.bench_function("touchline stamp", |b| b.iter(|| clock.now()));
    group.bench_function("instant stamp", |b| b.iter(Instant::now));
    group.bench_function("touchline stamp and difference", |b| {
        let mut last = clock.now();
        b.iter(|| {
            let now = clock.now();
            let nanos = clock.nanos(last, now);
            last = now;
            nanos
        });
    });
    group.bench_function("instant stamp and difference", |b| {
        let mut last = Instant::now();
        b.iter(|| {
            let now = Instant::now();
            let nanos = now.duration_since(last);
            last = now;
            nanos
        });
    });
    group.bench_function("record", |b| {
        let mut recorder = Recorder::new();
        let mut nanos = 100_u64;
        b.iter(|| {
            // Spreads over one power of two, as the body of a stage's latencies does.
            nanos = 100 + (nanos * 5 + 3) % 128;
            recorder.record(black_box(Stage::Parse), black_box(MessageKind::Bbo), nanos);
        });
        black_box(recorder.stage(Stage::Parse).len());
    });
    group.finish();
}

criterion_group!(benches, clock);
criterion_main!(benches);
