//! Decimal text to mantissa, over every price and quantity of real depth messages in the order they were sent: our
//! fast path beside its one-digit-at-a-time twin and beside `str::parse::<f64>`, which rounds.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use touchline_benches::frames;
use touchline_json::decimal::{self, simple};

/// Enough to be real, few enough to stay in the second-level cache beside their spans.
const DECIMALS: usize = 20_000;

/// One text with the spans of its decimals: prices at even places, quantities at odd ones.
struct Decimals {
    text: Vec<u8>,
    spans: Vec<(usize, usize)>,
}

fn decimals(depth: &[Vec<u8>]) -> Decimals {
    let mut all = Decimals { text: Vec::new(), spans: Vec::new() };
    for frame in depth {
        let Some(start) = frame.windows(3).position(|three| three == b"[[\"") else { continue };
        for part in frame[start..].split(|&byte| byte == b'"') {
            if part.first().is_some_and(u8::is_ascii_digit) {
                all.spans.push((all.text.len(), part.len()));
                all.text.extend_from_slice(part);
            }
        }
        if all.spans.len() >= DECIMALS {
            break;
        }
    }
    all
}

fn recording(criterion: &mut Criterion, name: &str, price_scale: u8, quantity_scale: u8) {
    let Some(frames) = frames::read(name) else { return };
    let all = decimals(&frames.depth);
    let pairs = || {
        all.spans.chunks_exact(2).map(|pair| {
            let text = |(start, length): (usize, usize)| &all.text[start..start + length];
            (text(pair[0]), text(pair[1]))
        })
    };

    let mut group = criterion.benchmark_group(format!("decimal/{name}"));
    group.throughput(Throughput::Elements(all.spans.len() as u64));
    group.bench_function("fast", |bencher| {
        bencher.iter(|| {
            for (price, quantity) in pairs() {
                let _ = black_box(decimal::price(price, price_scale));
                let _ = black_box(decimal::quantity(quantity, quantity_scale));
            }
        });
    });
    group.bench_function("fast, a level at once", |bencher| {
        bencher.iter(|| {
            for (price, quantity) in pairs() {
                let _ = black_box(decimal::level(price, price_scale, quantity, quantity_scale));
            }
        });
    });
    group.bench_function("simple", |bencher| {
        bencher.iter(|| {
            for (price, quantity) in pairs() {
                let _ = black_box(simple::price(price, price_scale));
                let _ = black_box(simple::quantity(quantity, quantity_scale));
            }
        });
    });
    group.bench_function("f64", |bencher| {
        bencher.iter(|| {
            for (price, quantity) in pairs() {
                let parse = |text| str::from_utf8(text).map(|text| text.parse::<f64>());
                let _ = black_box(parse(price));
                let _ = black_box(parse(quantity));
            }
        });
    });
    group.finish();
}

fn decimal(criterion: &mut Criterion) {
    recording(criterion, "binance-usdm-btcusdt-20240808", 2, 3);
    recording(criterion, "binance-spot-btcusdt-20240808", 2, 6);
}

criterion_group!(benches, decimal);
criterion_main!(benches);
