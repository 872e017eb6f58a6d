//! Frames as a socket leaves them: some in a row in one buffer, copied there before the clock starts.

use std::ops::Range;
use std::time::Instant;

use crate::cycles::Cycles;

/// Frames of one read.
const BATCH: usize = 64;

/// Bytes behind the last frame that a parser may look at, as any receive buffer has them.
const SLACK: usize = 64;

/// A receive buffer.
#[derive(Default)]
struct Receive {
    bytes: Vec<u8>,
    frames: Vec<Range<usize>>,
}

impl Receive {
    fn fill(&mut self, batch: &[Vec<u8>]) {
        self.bytes.clear();
        self.frames.clear();
        for frame in batch {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(frame);
            self.frames.push(start..self.bytes.len());
        }
        self.bytes.resize(self.bytes.len() + SLACK, 0);
    }
}

/// The mean of all frames in ns, timed batch by batch.
pub fn mean(frames: &[Vec<u8>], mut take: impl FnMut(&mut [u8])) -> f64 {
    let mut receive = Receive::default();
    let mut spent = 0;
    for batch in frames.chunks(BATCH) {
        receive.fill(batch);
        let began = Instant::now();
        for frame in &receive.frames {
            take(&mut receive.bytes[frame.clone()]);
        }
        spent += began.elapsed().as_nanos();
    }
    spent as f64 / frames.len() as f64
}

/// p50 and p99 in ns of single frames between fenced readings of the counter.
pub fn fenced(frames: &[Vec<u8>], cycles: &Cycles, mut take: impl FnMut(&mut [u8])) -> [f64; 2] {
    let mut receive = Receive::default();
    let mut times = Vec::with_capacity(frames.len());
    for batch in frames.chunks(BATCH) {
        receive.fill(batch);
        for frame in &receive.frames {
            let bytes = &mut receive.bytes[frame.clone()];
            times.push(cycles.of(|| take(bytes)));
        }
    }
    cycles.percentiles(&mut times, [0.5, 0.99])
}
