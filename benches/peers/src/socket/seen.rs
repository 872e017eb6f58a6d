//! What a client has seen, and when.

use nix::time::{ClockId, clock_gettime};
use touchline_benches::cores::Ticks;

use super::server::{Load, STAMP};

/// Frames taken so far.
pub(super) struct Seen {
    ticks: Ticks,
    load: Load,
    payload: usize,
    count: u64,
    began: [u64; 2],
    ended: [u64; 2],
    /// Of paced frames: ticks from the server's stamp to here.
    pub(super) times: Vec<u64>,
}

impl Seen {
    pub(super) fn new(load: Load, payload: usize, ticks: Ticks) -> Self {
        let times = Vec::with_capacity(load.frames as usize);
        Self { ticks, load, payload, count: 0, began: [0; 2], ended: [0; 2], times }
    }

    /// A frame of the stream.
    #[inline]
    pub(super) fn frame(&mut self, payload: &[u8]) {
        let now = self.ticks.now();
        if self.count == 0 {
            self.began = [now, thread_ns()];
        }
        self.count += 1;
        if self.load.is_paced() {
            let stamp =
                payload.get(..STAMP).and_then(|hex| u64::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
            self.times.extend(stamp.map(|stamp| now.saturating_sub(stamp)));
        }
        if self.is_over() {
            self.ended = [now, thread_ns()];
        }
    }

    /// Whether all are there.
    pub(super) fn is_over(&self) -> bool {
        self.count >= self.load.frames
    }

    /// The bytes of all frames together, their heads included, and of one.
    pub(super) fn bytes(&self) -> (u64, usize) {
        let each = self.payload + super::server::head(self.payload).len();
        (self.load.frames * each as u64, each)
    }

    /// Of the frames after the first: the thread's processor time and the time that passed, each in ns.
    pub(super) fn each_ns(&self) -> [f64; 2] {
        let frames = (self.count.max(2) - 1) as f64;
        let cpu = self.ended[1].saturating_sub(self.began[1]) as f64;
        [cpu / frames, self.ticks.ns(self.ended[0].saturating_sub(self.began[0])) / frames]
    }
}

/// The processor time of this thread.
fn thread_ns() -> u64 {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    spent.map_or(0, |spent| spent.tv_sec() as u64 * 1_000_000_000 + spent.tv_nsec() as u64)
}
