//! No heap call per message once the buffers have seen the longest: counted by the allocator.

use std::alloc::System;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Once;

use touchline_json::{Parser, Value};
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the calls of each thread; a reallocation is two, the new memory and the old.
struct Counting;

impl AllocationTracker for Counting {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        CALLS.set(CALLS.get() + 1);
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {
        CALLS.set(CALLS.get() + 1);
    }
}

/// Counts from here on, and shows it: taking memory, growing it and giving it back are seen.
fn count() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        AllocationRegistry::set_global_tracker(Counting).unwrap();
        AllocationRegistry::enable_tracking();
    });
    let before = CALLS.get();
    let mut bytes = black_box(Vec::<u8>::with_capacity(8));
    assert_eq!(CALLS.get() - before, 1);
    bytes.reserve_exact(64);
    assert_eq!(CALLS.get() - before, 3);
    drop(black_box(bytes));
    assert_eq!(CALLS.get() - before, 4);
}

/// Looks at every value, by every road.
fn visit(value: Value<'_>) -> u64 {
    let mut sum = value.price(2).map_or(1, |price| price as u64);
    sum += value.text().map_or(0, |text| text.len() as u64);
    for pair in value.pairs().into_iter().flatten() {
        sum += u64::from(pair.is_some());
    }
    for element in value.array().into_iter().flatten() {
        sum = sum.wrapping_add(visit(element));
    }
    for (key, value) in value.object().into_iter().flatten() {
        sum = sum.wrapping_add(key.len() as u64).wrapping_add(visit(value));
    }
    sum
}

/// Messages of every kind and size, sound and broken.
fn frames() -> Vec<Vec<u8>> {
    let strings: Vec<String> = (0..500).map(|level| format!("[\"{level}.10\",\"0.0{level}\"]")).collect();
    let numbers: Vec<String> = (0..500).map(|level| format!("[{level}.10,1e{}]", level % 20)).collect();
    [
        r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}"#.into(),
        format!(r#"{{"e":"depthUpdate","b":[{0}],"a":[{0}]}}"#, strings.join(",")),
        format!(r#"{{"data":[{}],"note":"a \"quoted\" \u00e9 word"}}"#, numbers.join(" , ")),
        r#"{"e":"depthUpdate","b":[["1"#.into(),
        format!("{}1", "[".repeat(100)),
        "[\"\\ud800\"]".into(),
        "".into(),
        "{} {}".into(),
    ]
    .map(|frame: String| frame.into_bytes())
    .into()
}

#[test]
fn second_and_later_passes_make_no_heap_call() {
    // The same frames eleven times; the first pass grows the buffers, the others must find them large enough.
    count();
    let frames = frames();
    let mut parser = Parser::new();
    let mut pass = || {
        let before = CALLS.get();
        let mut sum = 0u64;
        for frame in &frames {
            sum = sum.wrapping_add(parser.parse(frame).map_or(1, |document| visit(document.root())));
        }
        (CALLS.get() - before, sum)
    };
    let (calls, first) = pass();
    assert!(calls > 0, "the counter counts: the first pass has to grow the buffers");
    for _ in 0..10 {
        assert_eq!(pass(), (0, first));
    }
}

#[test]
fn a_parser_with_capacity_makes_no_heap_call_at_all() {
    // Frames of up to 32 KiB by a parser made for them.
    count();
    let frames = frames();
    assert!(frames.iter().all(|frame| frame.len() < 32 << 10));
    let mut parser = Parser::with_capacity(32 << 10);
    let before = CALLS.get();
    let sound = frames
        .iter()
        .filter(|frame| parser.parse(frame).is_ok_and(|document| visit(document.root()) > 0))
        .count();
    assert_eq!((CALLS.get() - before, sound), (0, 3));
}
