//! Bytes of a frame to its numbers: the venue's own parser beside the JSON crates, and beside the floors of any parser.
//!
//! The figures: the mean of all frames, batches of 64 copied into a receive-like buffer before the clock starts; p50
//! and p99 of single frames between fenced readings of the cycle counter, less the cost of the readings.

mod floors;
mod ours;
mod peers;

use touchline::venue::VenueFacts;

use crate::cycles::Cycles;
use crate::error::BenchError;
use crate::messages::{Best, Depth, Message, Said, Trade};
use crate::race::{Lap, Race};
use crate::receive;
use crate::recording::Recording;
use crate::row::{Bound, Row};

pub use ours::Ours;
use serde::Deserialize;

/// The measures of the stage.
const MEASURES: &[&str] = &["mean", "p50", "p99"];

/// Most frames of a kind in one lap: enough to be real, few enough for many laps.
const FRAMES: usize = 20_000;

/// The peer that the goals name.
pub const UNCHECKED: &str = "sonic-rs unchecked";
/// A floor that the goals name.
const READ: &str = "read every 64 B";
/// Another.
const VALIDATE: &str = "simdutf8";

/// Somebody who reads frames.
trait Parser {
    /// Reads one and hands the result to the optimiser as something that is needed.
    fn take(&mut self, frame: &mut [u8]);

    /// What it read, where it converts numbers at all.
    fn said(&mut self, frame: &mut [u8]) -> Option<Said>;
}

/// A kind of message, whatever it borrows.
trait Kind {
    /// It.
    type Message<'a>: Deserialize<'a> + Message;
}

struct BestKind<const P: u8, const Q: u8>;
struct TradeKind<const P: u8, const Q: u8>;
struct DepthKind<const P: u8, const Q: u8>;

impl<const P: u8, const Q: u8> Kind for BestKind<P, Q> {
    type Message<'a> = Best<'a, P, Q>;
}
impl<const P: u8, const Q: u8> Kind for TradeKind<P, Q> {
    type Message<'a> = Trade<'a, P, Q>;
}
impl<const P: u8, const Q: u8> Kind for DepthKind<P, Q> {
    type Message<'a> = Depth<'a, P, Q>;
}

/// What is asked of each kind.
struct Goals {
    /// Times faster than sonic-rs without checks, in the mean.
    mean: f64,
    /// The same of single frames, and at which percentile.
    single: (&'static str, f64),
    /// Times the time of a plain read, and of a validation.
    floors: [f64; 2],
}

const SHORT: Goals = Goals { mean: 15.0, single: ("p50", 8.0), floors: [6.0, 1.5] };
const LONG: Goals = Goals { mean: 15.0, single: ("p99", 15.0), floors: [7.0, 4.5] };

/// The stage, on both recordings; goals are asked on the first.
pub fn run(
    usdm: &Recording,
    spot: &Recording,
    cycles: &Cycles,
    rounds: usize,
) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    rows.extend(kind::<BestKind<2, 3>>("parse bookTicker", usdm, &usdm.best, Some(&SHORT), cycles, rounds)?);
    rows.extend(kind::<TradeKind<2, 3>>("parse trade", usdm, &usdm.trade, Some(&SHORT), cycles, rounds)?);
    rows.extend(kind::<DepthKind<2, 3>>("parse depth", usdm, &usdm.depth, Some(&LONG), cycles, rounds)?);
    rows.extend(kind::<BestKind<2, 6>>("parse spot bookTicker", spot, &spot.best, None, cycles, rounds)?);
    rows.extend(kind::<TradeKind<2, 6>>("parse spot trade", spot, &spot.trade, None, cycles, rounds)?);
    rows.extend(kind::<DepthKind<2, 6>>("parse spot depth", spot, &spot.depth, None, cycles, rounds)?);
    Ok(rows)
}

fn kind<K: Kind + 'static>(
    stage: &str,
    recording: &Recording,
    frames: &[Vec<u8>],
    goals: Option<&Goals>,
    cycles: &Cycles,
    rounds: usize,
) -> Result<Vec<Row>, BenchError> {
    let frames = &frames[..frames.len().min(FRAMES)];
    let mut race = Race::new(stage, MEASURES);
    let mut ours = Ours::new(&recording.plan);
    let expected = said(&mut ours, frames);
    race.ours("venue dialect", lap(ours, frames, cycles));
    macro_rules! enter {
        ($role:ident, $name:expr, $parser:expr) => {{
            let mut parser = $parser;
            agree(stage, $name, &expected, &said(&mut parser, frames))?;
            race.$role($name, lap(parser, frames, cycles));
        }};
    }
    enter!(peer, UNCHECKED, peers::SonicUnchecked::<K>::new(frames));
    enter!(peer, "sonic-rs", peers::Sonic::<K>::new());
    enter!(peer, "simd-json serde", peers::SimdSerde::<K>::new());
    enter!(floor, "simd-json tape, no numbers", peers::SimdTape::new());
    enter!(peer, "serde_json", peers::Serde::<K>::new());
    enter!(floor, READ, floors::Read);
    enter!(floor, VALIDATE, floors::Validate);
    if let Some(goals) = goals {
        race.goal("mean", UNCHECKED, Bound::Faster(goals.mean));
        race.goal(goals.single.0, UNCHECKED, Bound::Faster(goals.single.1));
        race.goal("mean", READ, Bound::Within(goals.floors[0]));
        race.goal("mean", VALIDATE, Bound::Within(goals.floors[1]));
    }
    Ok(race.run(rounds))
}

/// Ours and the fastest JSON crate alone: what a process with a forced path measures.
pub fn against_fastest(usdm: &Recording, path: &str, least: f64, cycles: &Cycles, rounds: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(duel::<BestKind<2, 3>>("bookTicker", usdm, &usdm.best, path, least, cycles, rounds));
    rows.extend(duel::<TradeKind<2, 3>>("trade", usdm, &usdm.trade, path, least, cycles, rounds));
    rows.extend(duel::<DepthKind<2, 3>>("depth", usdm, &usdm.depth, path, least, cycles, rounds));
    rows
}

fn duel<K: Kind + 'static>(
    kind: &str,
    recording: &Recording,
    frames: &[Vec<u8>],
    path: &str,
    least: f64,
    cycles: &Cycles,
    rounds: usize,
) -> Vec<Row> {
    let frames = &frames[..frames.len().min(FRAMES)];
    let mut race = Race::new(format!("parse {kind}, {path}"), &MEASURES[..1]);
    race.ours("venue dialect", lap(Ours::new(&recording.plan), frames, cycles));
    race.peer(UNCHECKED, lap(peers::SonicUnchecked::<K>::new(frames), frames, cycles));
    if least > 0.0 {
        race.goal("mean", UNCHECKED, Bound::Faster(least));
    }
    race.run(rounds)
}

/// Reads frames in turn, so many in all, with nothing timed: what an instruction counter is put on.
pub fn repeat(venue: &'static VenueFacts, frames: &mut [Vec<u8>], count: usize) {
    let mut ours = Ours::adopting(venue);
    for nth in 0..count {
        let at = nth % frames.len();
        ours.take(&mut frames[at]);
    }
}

fn lap<'a>(
    mut parser: impl Parser + 'a,
    frames: &'a [Vec<u8>],
    cycles: &'a Cycles,
) -> impl FnMut() -> Lap + 'a {
    move || {
        let mean = receive::mean(frames, |frame| parser.take(frame));
        let [p50, p99] = receive::fenced(frames, cycles, |frame| parser.take(frame));
        Lap::new([mean, p50, p99])
    }
}

fn said(parser: &mut impl Parser, frames: &[Vec<u8>]) -> Vec<Option<Said>> {
    frames.iter().map(|frame| parser.said(&mut frame.clone())).collect()
}

/// The two read the same numbers from every frame, where the other reads numbers.
fn agree(stage: &str, who: &str, ours: &[Option<Said>], theirs: &[Option<Said>]) -> Result<(), BenchError> {
    let differs =
        |pair: &(&Option<Said>, &Option<Said>)| pair.0.is_none() || (pair.1.is_some() && pair.0 != pair.1);
    match ours.iter().zip(theirs).position(|pair| differs(&pair)) {
        None => Ok(()),
        Some(frame) => Err(BenchError::Differs {
            stage: stage.to_owned(),
            who: who.to_owned(),
            frame,
            detail: format!("ours {:?}, theirs {:?}", ours[frame], theirs[frame]),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(sequence: u64) -> Option<Said> {
        Some(Said { sequence, levels: vec![(1, 2)] })
    }

    /// A frame that a peer reads differently, and one that we could not read, end the run with the frame's number; a
    /// floor, which reads no numbers, is never held against ours.
    #[test]
    fn a_difference_is_named_by_its_frame() {
        let frame_of = |error: BenchError| match error {
            BenchError::Differs { frame, .. } => frame,
            other => panic!("{other}"),
        };
        assert!(agree("parse", "peer", &[one(1), one(2)], &[one(1), one(2)]).is_ok());
        assert!(agree("parse", "floor", &[one(1), one(2)], &[None, None]).is_ok());
        assert_eq!(frame_of(agree("parse", "peer", &[one(1), one(2)], &[one(1), one(3)]).unwrap_err()), 1);
        assert_eq!(frame_of(agree("parse", "peer", &[None], &[one(1)]).unwrap_err()), 0);
    }
}
