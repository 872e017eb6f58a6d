//! One message parsed and walked, every decimal converted, beside simd-json's tape alone, by kind of message.
//!
//! Each row goes round the same real frames. The floor is simd-json's own entry with reused buffers on a copy of the
//! frame made inside the measurement (it unescapes in place, so somebody has to copy); `tape, copied before` leaves
//! that copy out.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use simd_json::{Buffers, Tape};
use touchline_benches::frames;
use touchline_json::{DecimalError, Parser, Value, document};

/// About as many frames of each kind as fit the second-level cache with their copies.
const FRAMES: usize = 256;

/// Scales of price and quantity.
type Scales = (u8, u8);

fn levels(side: Value<'_>, (price_scale, quantity_scale): Scales) -> Result<u64, DecimalError> {
    let mut sum = 0u64;
    for pair in side.pairs().ok_or(DecimalError::WrongType)? {
        let pair = pair.ok_or(DecimalError::WrongType)?;
        let (price, quantity) = document::level(pair, price_scale, quantity_scale)?;
        sum = sum.wrapping_add(price as u64 ^ quantity);
    }
    Ok(sum)
}

/// Every field of the message that a feed handler uses, whatever the kind.
fn walk(root: Value<'_>, scales: Scales) -> u64 {
    let mut sum = 0u64;
    for (key, value) in root.object().into_iter().flatten() {
        let number = match key {
            "data" => walk(value, scales),
            "b" | "a" | "B" | "A" | "p" | "q" => match value.as_str() {
                Some(_) if matches!(key, "B" | "A" | "q") => value.quantity(scales.1).unwrap_or(0),
                Some(_) => value.price(scales.0).map_or(0, |price| price as u64),
                None => levels(value, scales).expect("sound levels"),
            },
            "E" | "T" | "U" | "u" | "pu" | "t" => value.as_u64().unwrap_or(0),
            _ => 0,
        };
        sum = sum.wrapping_add(number);
    }
    sum
}

fn kind(criterion: &mut Criterion, name: &str, frames: &[Vec<u8>], scales: Scales) {
    let frames = &frames[..frames.len().min(FRAMES)];
    let mut group = criterion.benchmark_group(format!("document/{name}"));
    group.throughput(Throughput::Elements(frames.len() as u64));

    group.bench_function("tape", |bencher| {
        let (mut buffers, mut tape, mut scratch) = (Buffers::default(), Tape::null(), Vec::new());
        bencher.iter(|| {
            for frame in frames {
                scratch.clear();
                scratch.extend_from_slice(frame);
                let mut borrowed = std::mem::replace(&mut tape, Tape(Vec::new())).reset();
                simd_json::fill_tape(&mut scratch, &mut buffers, &mut borrowed).expect("a sound frame");
                black_box(borrowed.0.len());
                tape = borrowed.reset();
            }
        });
    });
    group.bench_function("tape, copied before", |bencher| {
        let (mut buffers, mut tape) = (Buffers::default(), Tape::null());
        // These frames hold no escapes, so parsing leaves the copies as they were.
        let mut copies = frames.to_vec();
        bencher.iter(|| {
            for copy in &mut copies {
                let mut borrowed = std::mem::replace(&mut tape, Tape(Vec::new())).reset();
                simd_json::fill_tape(copy, &mut buffers, &mut borrowed).expect("a sound frame");
                black_box(borrowed.0.len());
                tape = borrowed.reset();
            }
        });
    });
    group.bench_function("parse", |bencher| {
        let mut parser = Parser::new();
        bencher.iter(|| {
            for frame in frames {
                let document = parser.parse(frame).expect("a sound frame");
                black_box(document.root().is_null());
            }
        });
    });
    group.bench_function("parse and walk", |bencher| {
        let mut parser = Parser::new();
        bencher.iter(|| {
            for frame in frames {
                let document = parser.parse(frame).expect("a sound frame");
                black_box(walk(document.root(), scales));
            }
        });
    });
    group.finish();
}

fn kinds(criterion: &mut Criterion) {
    let usdm = ("usdm", "binance-usdm-btcusdt-20240808", (2, 3));
    let spot = ("spot", "binance-spot-btcusdt-20240808", (2, 6));
    for (market, recording, scales) in [usdm, spot] {
        let Some(frames) = frames::read(recording) else { continue };
        kind(criterion, &format!("{market}/best"), &frames.best, scales);
        kind(criterion, &format!("{market}/trade"), &frames.trade, scales);
        kind(criterion, &format!("{market}/depth"), &frames.depth, scales);
    }
}

criterion_group!(benches, kinds);
criterion_main!(benches);
