//! In steady state the pipeline makes no heap call: bytes in, view out, over a whole recording.

use std::alloc::System;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use touchline::market::Nanos;
use touchline::{Event, Inline, Input, Placement, Replay, Source, pipeline};
use touchline_capture::import::ImportError;
use touchline_capture::{Kind, Reader};
use touchline_tests::{captures, recording_from, tell};
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Counts every heap call of the process; a reallocation is two, the new memory and the old.
struct Counting;

impl AllocationTracker for Counting {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        CALLS.fetch_add(1, Relaxed);
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {
        CALLS.fetch_add(1, Relaxed);
    }
}

/// Counts from here on, and shows it: what another thread takes, grows and gives back is seen.
fn count() {
    AllocationRegistry::set_global_tracker(Counting).unwrap();
    AllocationRegistry::enable_tracking();
    let counted = || {
        let before = CALLS.load(Relaxed);
        let mut bytes = black_box(Vec::<u8>::with_capacity(8));
        bytes.reserve_exact(64);
        drop(black_box(bytes));
        CALLS.load(Relaxed) - before
    };
    assert_eq!(std::thread::spawn(counted).join().unwrap(), 4);
}

/// A recording's inputs in memory, played several times over; notes the count of heap calls when each round begins.
struct Rounds {
    inputs: Vec<(Nanos, Kind, Vec<u8>)>,
    next: usize,
    rounds: usize,
    calls: Arc<[AtomicU64; 5]>,
}

impl Source for Rounds {
    fn next(&mut self) -> Result<Option<Input<'_>>, ImportError> {
        let (round, at) = (self.next / self.inputs.len(), self.next % self.inputs.len());
        if at == 0 && round < self.calls.len() {
            self.calls[round].store(CALLS.load(Relaxed), Relaxed);
        }
        if round == self.rounds {
            return Ok(None);
        }
        self.next += 1;
        let (recv, kind, payload) = &self.inputs[at];
        let event = event(*kind, payload);
        Ok(Some(Input::new(*recv, at as u64, event)))
    }
}

fn event(kind: Kind, payload: &[u8]) -> Event<'_> {
    match kind {
        Kind::Text => Event::Frame(payload),
        Kind::Rest => {
            let at = payload.iter().position(|&byte| byte == b' ').unwrap_or(payload.len());
            let url = std::str::from_utf8(&payload[..at]).unwrap_or_default();
            Event::Rest { url, body: payload.get(at + 1..).unwrap_or_default() }
        }
        Kind::Connected => Event::Connected { url: std::str::from_utf8(payload).unwrap_or_default() },
        _ => Event::Nothing,
    }
}

/// The recording's inputs behind a connect: in a second round that breaks the book, so that it is built anew.
fn inputs(path: &std::path::Path) -> Vec<(Nanos, Kind, Vec<u8>)> {
    let mut reader = Reader::open(path).unwrap();
    let mut inputs = vec![(Nanos(1), Kind::Connected, b"wss://fstream.binance.com/public/stream".to_vec())];
    while let Some(record) = reader.next().unwrap() {
        inputs.push((record.recv, record.kind, record.payload.to_vec()));
    }
    inputs
}

/// Plays the recording twice in one thread and four times over the ring: the first round warms the buffers up to the
/// largest message and book; afterwards no heap call is made on either thread.
#[test]
fn steady_state_makes_no_heap_call() {
    count();
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("binance-usdm-made.cap.zst");
    // Of a number of another length another shape is learned, which takes memory once.
    std::fs::write(&made, recording_from(5_000_000_000, 2_000)).unwrap();
    let mut paths = vec![made];
    paths.extend(captures().map(|folder| folder.join("binance-usdm-btcusdt-20240808.cap.zst")));
    for path in paths {
        let replay = Replay::open(&path).unwrap();
        let mut plan = replay.plan().clone();
        let inputs = inputs(&path);
        let play = |pipeline: &mut Inline<()>| {
            for (line, (recv, kind, payload)) in inputs.iter().enumerate() {
                pipeline.take(Input::new(*recv, line as u64, event(*kind, payload)));
            }
        };
        let mut inline = Inline::new(&plan, ());
        let updates =
            |inline: &Inline<()>| inline.report().iter().map(|book| book.counters.updates).sum::<u64>();
        play(&mut inline);
        let first = updates(&inline);
        let before = CALLS.load(Relaxed);
        play(&mut inline);
        let alone = CALLS.load(Relaxed) - before;
        assert_eq!(updates(&inline), 2 * first, "the second round builds the book anew");
        assert!(first > 0);

        plan.placement = Placement::BookThread;
        plan.ring_records = 1_024;
        let calls = Arc::new([const { AtomicU64::new(0) }; 5]);
        let frames = inputs.len();
        let source = Rounds { inputs, next: 0, rounds: 4, calls: Arc::clone(&calls) };
        let finished = pipeline::start(plan, source, ()).unwrap().join().unwrap();
        assert!(finished.balances());
        // When the third round begins the book thread is at most a ring behind: far into the second, where all is warm.
        let over_ring = calls[3].load(Relaxed) - calls[2].load(Relaxed);
        tell(&format!(
            "{}: {frames} inputs a round, heap calls: {alone} in one thread, {over_ring} over the ring",
            path.display()
        ));
        assert_eq!((alone, over_ring), (0, 0));
    }
}
