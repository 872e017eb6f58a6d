//! Two threads: frame in the reader's hands on one core to view published on the other, one frame every 2 us, beside the
//! bare transfer of one cache line at the same pace.

use std::time::Duration;

use touchline::latency::{MessageKind, Stage};
use touchline::market::Nanos;
use touchline::{Event, Input, Marking, Placement, Plan, Source, pipeline};
use touchline_benches::hop::{latency, word};
use touchline_capture::import::ImportError;

use crate::cycles::Cycles;
use crate::error::BenchError;
use crate::race::{Lap, Race};
use crate::recording::{Entry, Recording};
use crate::row::{Bound, Row};

/// The pause between two frames.
const EVERY_NS: u64 = 2_000;

/// Frames of one lap.
const FRAMES: usize = 5_000;

/// The stage.
pub fn run(recording: &Recording, cycles: &Cycles, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let kinds = [
        ("across bookTicker", MessageKind::Bbo, Some(Bound::Within(1.4))),
        ("across trade", MessageKind::Trade, None),
        ("across depth", MessageKind::Delta, None),
    ];
    let frames = frames(recording);
    let frames: &'static [Held] = frames.leak();
    let mut rows = Vec::new();
    for (stage, kind, bound) in kinds {
        let mut race = Race::new(stage, &["p50", "p99"]);
        let plan = &recording.plan;
        race.ours("frame to view", move || lap(plan, frames, kind, cycles));
        race.floor("one line", || line(cycles));
        if let Some(bound) = bound {
            race.goal("p50", "one line", bound);
        }
        rows.extend(race.run(rounds));
    }
    Ok(rows)
}

fn line(cycles: &Cycles) -> Lap {
    let ticks = cycles.ticks();
    let mut taken = latency(word(), FRAMES as u64, ticks.of_ns(EVERY_NS), ticks);
    let [p50, p99] = cycles.percentiles(&mut taken.second, [0.5, 0.99]);
    Lap { figures: vec![p50, p99], is_quiet: taken.is_quiet }
}

/// One run of the pipeline on both cores. Whether the system took a thread off its core is not known of it: a pipeline
/// pins its threads itself.
fn lap(plan: &Plan, frames: &'static [Held], kind: MessageKind, cycles: &Cycles) -> Lap {
    let cores = core_numbers();
    let plan = Plan { marking: Marking::Clock, placement: Placement::BookThread, cores, ..plan.clone() };
    let ticks = cycles.ticks().clone();
    let every = ticks.of_ns(EVERY_NS);
    let source = Paced { frames: frames.iter(), due: 0, every, ticks, line: 0 };
    let finished = pipeline::start(plan, source, ()).and_then(|running| running.join());
    let recorder = finished.ok().and_then(|finished| finished.latencies);
    let figures = recorder.map(|recorder| {
        let histogram = recorder.histogram(Stage::EndToEnd, kind);
        [0.5, 0.99].map(|share| histogram.value_at_quantile(share) as f64)
    });
    Lap::new(figures.unwrap_or([f64::NAN; 2]))
}

/// The first and the last core.
fn core_numbers() -> [Option<usize>; 2] {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores > 1 { [Some(0), Some(cores - 1)] } else { [None, None] }
}

/// An input in memory.
enum Held {
    Frame(Vec<u8>),
    Rest(String, Vec<u8>),
}

/// The snapshot with what leads to it, and frames of all kinds behind it, as they came.
fn frames(recording: &Recording) -> Vec<Held> {
    let mut held = Vec::new();
    let mut behind = None;
    for entry in &recording.all {
        held.push(match entry {
            Entry::Frame(frame) => Held::Frame(frame.clone()),
            Entry::Snapshot => {
                behind.get_or_insert(held.len());
                Held::Rest(recording.snapshot.0.clone(), recording.snapshot.1.clone())
            }
        });
        if behind.is_some_and(|at| held.len() > at + FRAMES) {
            break;
        }
    }
    held
}

/// One frame every so many ticks.
struct Paced {
    frames: std::slice::Iter<'static, Held>,
    due: u64,
    every: u64,
    ticks: touchline_benches::cores::Ticks,
    line: u64,
}

impl Source for Paced {
    fn next(&mut self) -> Result<Option<Input<'_>>, ImportError> {
        let Some(held) = self.frames.next() else { return Ok(None) };
        if self.due == 0 {
            // The book thread has to be there before the first frame counts.
            std::thread::sleep(Duration::from_millis(2));
            self.due = self.ticks.now();
        }
        self.due += self.every;
        while self.ticks.now() < self.due {
            std::hint::spin_loop();
        }
        self.line += 1;
        let event = match held {
            Held::Frame(frame) => Event::Frame(frame),
            Held::Rest(url, body) => Event::Rest { url, body },
        };
        Ok(Some(Input::new(Nanos(self.line), self.line, event)))
    }
}
