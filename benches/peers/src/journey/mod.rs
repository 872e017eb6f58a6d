//! Bytes of a frame to what a strategy can read, on one thread: ours to the published views, the peers to the state that
//! their own connectors and books have. Peers get the inner message only, since they subscribe to raw streams.

#[cfg(feature = "barter")]
mod barter;
#[cfg(feature = "hftbacktest")]
mod hftbacktest;

use std::hint::black_box;

use touchline::market::Nanos;
use touchline::{Event, Inline, Input};

use crate::cycles::Cycles;
use crate::error::BenchError;
use crate::race::{Lap, Race};
use crate::receive;
use crate::recording::{Recording, inner};
use crate::row::{Bound, Row};

/// The measures of the stage.
const MEASURES: &[&str] = &["mean", "p50", "p99"];

/// Most frames of a kind in one lap.
const FRAMES: usize = 20_000;

/// Somebody who takes frames of one kind.
pub trait Taker {
    /// Takes one all the way.
    fn take(&mut self, frame: &mut [u8]);

    /// The best bid and ask that it has now, as mantissas at two decimals, where it has a book.
    fn best(&self) -> [Option<i64>; 2];
}

/// The stage.
pub fn run(recording: &Recording, cycles: &Cycles, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let mut rows = depth(recording, cycles, rounds)?;
    let raw = |frames: &[Vec<u8>]| -> Vec<Vec<u8>> {
        frames.iter().take(FRAMES).map(|frame| inner(frame).to_vec()).collect()
    };
    for (stage, frames) in [("journey bookTicker", &recording.best), ("journey trade", &recording.trade)] {
        let raw = raw(frames);
        let frames = &frames[..raw.len()];
        let is_trade = stage.ends_with("trade");
        let mut race = Race::new(stage, MEASURES);
        race.ours("to the views", ours(recording, frames, cycles));
        short_peers(&mut race, &raw, is_trade, &shorts(recording, frames, is_trade), cycles)?;
        race.goal("mean", "barter decode alone", Bound::Faster(8.0));
        rows.extend(race.run(rounds));
    }
    Ok(rows)
}

/// A taker that begins anew, so that every lap takes the frames from the snapshot on.
fn lap<'a, T: Taker>(
    fresh: impl Fn() -> T + 'a,
    frames: &'a [Vec<u8>],
    cycles: &'a Cycles,
) -> impl FnMut() -> Lap + 'a {
    move || {
        let mut taker = fresh();
        let mean = receive::mean(frames, |frame| taker.take(frame));
        let mut taker = fresh();
        let [p50, p99] = receive::fenced(frames, cycles, |frame| taker.take(frame));
        black_box(taker.best());
        Lap::new([mean, p50, p99])
    }
}

fn depth(recording: &Recording, cycles: &Cycles, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let frames = recording.depth_after();
    let raw: Vec<_> = frames.iter().map(|frame| inner(frame).to_vec()).collect();
    let mut race = Race::new("journey depth", MEASURES);
    let expected = bests(&mut Pipeline::new(recording), frames);
    race.ours("to the views", ours(recording, frames, cycles));
    depth_peers(&mut race, recording, raw, &expected, cycles)?;
    race.goal("mean", "hftbacktest shape + ROIVector", Bound::Faster(35.0));
    race.goal("mean", "barter", Bound::Faster(100.0));
    Ok(race.run(rounds))
}

fn ours<'a>(recording: &'a Recording, frames: &'a [Vec<u8>], cycles: &'a Cycles) -> impl FnMut() -> Lap + 'a {
    lap(|| Pipeline::new(recording), frames, cycles)
}

/// Our whole pipeline on the caller's thread, opened with the snapshot.
pub struct Pipeline {
    inline: Inline<()>,
    line: u64,
}

impl Pipeline {
    /// A pipeline whose book is about to take the first measured update.
    pub fn new(recording: &Recording) -> Self {
        let mut inline = Inline::new(&recording.plan, ());
        for (line, (recv, event)) in (1..).zip(recording.opening()) {
            inline.take(Input::new(recv, line, event));
        }
        Self { inline, line: 1 << 32 }
    }
}

impl Taker for Pipeline {
    #[inline]
    fn take(&mut self, frame: &mut [u8]) {
        self.line += 1;
        self.inline.take(Input::new(Nanos(self.line), self.line, Event::Frame(frame)));
    }

    fn best(&self) -> [Option<i64>; 2] {
        let view = self.inline.views()[0].read();
        let scale = 10_i64.pow(2 - u32::from(view.price_scale.min(2)));
        let touch = view.touch();
        [touch.map(|(bid, _)| bid.price.0 * scale), touch.map(|(_, ask)| ask.price.0 * scale)]
    }
}

/// The best bid and ask after a frame.
type Bests = [Option<i64>; 2];

fn bests(taker: &mut impl Taker, frames: &[Vec<u8>]) -> Vec<Bests> {
    let take = |frame: &Vec<u8>| {
        taker.take(&mut frame.clone());
        taker.best()
    };
    frames.iter().map(take).collect()
}

#[cfg_attr(
    not(all(feature = "barter", feature = "hftbacktest")),
    allow(dead_code, reason = "no peer to hold it against")
)]
fn agree(stage: &'static str, who: &str, expected: &[Bests], theirs: &[Bests]) -> Result<(), BenchError> {
    match expected.iter().zip(theirs).position(|(ours, theirs)| ours[0].is_none() || ours != theirs) {
        None => Ok(()),
        Some(frame) => Err(BenchError::Differs {
            stage: stage.to_owned(),
            who: who.to_owned(),
            frame,
            detail: format!("prices {:?}, ours {:?}", theirs[frame], expected[frame]),
        }),
    }
}

#[allow(unused_variables, reason = "without peers")]
fn depth_peers<'a>(
    race: &mut Race<'a>,
    recording: &'a Recording,
    raw: Vec<Vec<u8>>,
    expected: &[Bests],
    cycles: &'a Cycles,
) -> Result<(), BenchError> {
    // One copy for all laps, for as long as the program runs.
    let raw: &'static [Vec<u8>] = raw.leak();
    #[cfg(feature = "hftbacktest")]
    {
        let opening = hftbacktest::Opening::of(recording)?;
        agree("journey depth", "hftbacktest ROIVector", expected, &bests(&mut opening.vector(), raw))?;
        agree("journey depth", "hftbacktest HashMap", expected, &bests(&mut opening.hash_map(), raw))?;
        let other = opening.clone();
        race.peer("hftbacktest shape + ROIVector", lap(move || opening.vector(), raw, cycles));
        race.peer("hftbacktest shape + HashMap", lap(move || other.hash_map(), raw, cycles));
    }
    #[cfg(not(feature = "hftbacktest"))]
    race.missing("hftbacktest shape + ROIVector", "built without hftbacktest");
    #[cfg(feature = "barter")]
    {
        let opening = barter::Opening::of(recording)?;
        agree("journey depth", "barter", expected, &bests(&mut opening.book(), raw))?;
        race.peer("barter", lap(move || opening.book(), raw, cycles));
    }
    #[cfg(not(feature = "barter"))]
    race.missing("barter", "built without barter");
    Ok(())
}

/// The prices that we publish of each best bid and offer, or of each trade.
fn shorts(recording: &Recording, frames: &[Vec<u8>], is_trade: bool) -> Vec<Bests> {
    let mut pipeline = Pipeline::new(recording);
    let mut prices = |frame: &Vec<u8>| {
        pipeline.take(&mut frame.clone());
        let view = &pipeline.inline.views()[0];
        let (bbo, trade) = (view.bbo(), view.last_trade());
        let cents = |price: i64, scale: u8| Some(price * 10_i64.pow(2 - u32::from(scale.min(2))));
        if is_trade {
            [cents(trade.trade.price.0, trade.price_scale), None]
        } else {
            [bbo.bbo.bid, bbo.bbo.ask].map(|level| cents(level.price.0, bbo.price_scale))
        }
    };
    frames.iter().map(&mut prices).collect()
}

#[allow(unused_variables, reason = "without peers")]
fn short_peers<'a>(
    race: &mut Race<'a>,
    raw: &[Vec<u8>],
    is_trade: bool,
    expected: &[Bests],
    cycles: &'a Cycles,
) -> Result<(), BenchError> {
    // One copy for all laps, for as long as the program runs.
    let raw: &'static [Vec<u8>] = raw.to_vec().leak();
    #[cfg(feature = "hftbacktest")]
    {
        let prices: Vec<_> = raw.iter().map(|frame| hftbacktest::prices(frame)).collect();
        agree("journey bookTicker and trade", "hftbacktest shape", expected, &prices)?;
        race.peer("hftbacktest shape", lap(|| hftbacktest::Shape, raw, cycles));
    }
    #[cfg(feature = "barter")]
    {
        let prices: Vec<_> = raw.iter().map(|frame| barter::prices(frame, is_trade)).collect();
        agree("journey bookTicker and trade", "barter decode", expected, &prices)?;
        race.peer("barter decode alone", lap(move || barter::Decode { is_trade }, raw, cycles));
    }
    #[cfg(not(feature = "barter"))]
    race.missing("barter decode alone", "built without barter");
    Ok(())
}

/// Heap calls of one pass over the depth frames after a first pass that warms the buffers up, by who makes them.
pub fn heap_calls(recording: &Recording) -> Vec<(&'static str, u64, usize)> {
    let frames = recording.depth_after();
    let count = |taker: &mut dyn FnMut(&mut [u8]), frames: &[Vec<u8>]| {
        let mut copies = frames.to_vec();
        let (asked, ()) = crate::heap::of(|| copies.iter_mut().for_each(|frame| taker(frame)));
        asked.calls
    };
    let mut rows = Vec::new();
    #[cfg(feature = "hftbacktest")]
    if let Ok(opening) = hftbacktest::Opening::of(recording) {
        let raw: Vec<_> = frames.iter().map(|frame| inner(frame).to_vec()).collect();
        let mut taker = opening.vector();
        rows.push(("hftbacktest shape + ROIVector", count(&mut |frame| taker.take(frame), &raw), raw.len()));
    }
    #[cfg(feature = "barter")]
    if let Ok(opening) = barter::Opening::of(recording) {
        let raw: Vec<_> = frames.iter().map(|frame| inner(frame).to_vec()).collect();
        let mut taker = opening.book();
        rows.push(("barter", count(&mut |frame| taker.take(frame), &raw), raw.len()));
    }
    let _ = (&mut rows, count, frames);
    rows
}
