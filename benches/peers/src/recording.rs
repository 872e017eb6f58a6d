//! A recording in memory: its frames by kind, its snapshot, and the plan of a pipeline for it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use touchline::market::{Level, Nanos, Price, Qty};
use touchline::{Event, Marking, Plan, Replay};
use touchline_benches::frames::captures;
use touchline_capture::{Kind, Reader};

use crate::error::BenchError;

/// The recording that most stages use.
pub const USDM: &str = "binance-usdm-btcusdt-20240808";
/// Prices with eight decimals and best bids and offers without times.
pub const SPOT: &str = "binance-spot-btcusdt-20240808";

/// What a recording holds.
pub struct Recording {
    /// How a pipeline for it is made.
    pub plan: Plan,
    /// The best bid and offer messages.
    pub best: Vec<Vec<u8>>,
    /// The trades.
    pub trade: Vec<Vec<u8>>,
    /// The depth updates from the snapshot on; the first of them are those that it joins.
    pub depth: Vec<Vec<u8>>,
    /// How many of them stand before the snapshot's answer in the recording.
    pub depth_before: usize,
    /// Where the snapshot came from, and its body.
    pub snapshot: (String, Vec<u8>),
    /// Every frame in its order, with the snapshot's place.
    pub all: Vec<Entry>,
}

/// One line of the recording.
pub enum Entry {
    /// A text frame.
    Frame(Vec<u8>),
    /// The snapshot.
    Snapshot,
}

/// A side's levels as mantissas, in the order they came.
pub type Levels = Vec<(i64, u64)>;

/// A depth message, or the snapshot, as numbers: what every book of the bench is fed with in its own form.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Depth {
    /// The venue's `U`, `u` and `pu`; of the snapshot its number three times.
    pub sequence: [u64; 3],
    /// Bids and asks.
    pub sides: [Levels; 2],
}

/// The scales at which the numbers of a recording are held: decimals of a price, of a quantity.
pub const USDM_SCALES: (u8, u8) = (2, 3);

impl Recording {
    /// Reads the recording of this name.
    ///
    /// # Errors
    /// [`BenchError::NoRecording`], [`BenchError::Recording`].
    pub fn read(name: &str) -> Result<Self, BenchError> {
        let path = captures().join(format!("{name}.cap.zst"));
        if !path.is_file() {
            return Err(BenchError::NoRecording(path));
        }
        let refuse = |cause: String| BenchError::Recording { path: path.clone(), cause };
        let replay = Replay::open(&path).map_err(|error| refuse(error.to_string()))?;
        let mut plan = replay.plan().clone();
        plan.marking = Marking::Line;
        let mut recording = Self {
            plan,
            best: Vec::new(),
            trade: Vec::new(),
            depth: Vec::new(),
            depth_before: 0,
            snapshot: (String::new(), Vec::new()),
            all: Vec::new(),
        };
        let mut reader = Reader::open(&path).map_err(|error| refuse(error.to_string()))?;
        while let Some(record) = reader.next().map_err(|error| refuse(error.to_string()))? {
            if let Some((url, body)) = record.rest() {
                recording.depth_before = recording.depth.len();
                recording.snapshot = (url.to_owned(), body.to_vec());
                recording.all.push(Entry::Snapshot);
            } else if record.kind == Kind::Text {
                recording.sort(record.payload);
            }
        }
        recording.join(&path)?;
        Ok(recording)
    }

    fn sort(&mut self, frame: &[u8]) {
        let head = String::from_utf8_lossy(&frame[..frame.len().min(60)]);
        let kind = if head.contains("bookTicker") {
            Some(&mut self.best)
        } else if head.contains("@trade") {
            Some(&mut self.trade)
        } else if head.contains("@depth") {
            Some(&mut self.depth)
        } else {
            None
        };
        kind.into_iter().for_each(|frames| frames.push(frame.to_vec()));
        self.all.push(Entry::Frame(frame.to_vec()));
    }

    /// Leaves out the depth updates that are older than the snapshot.
    fn join(&mut self, path: &Path) -> Result<(), BenchError> {
        let refuse = |cause: &str| BenchError::Recording { path: path.to_owned(), cause: cause.to_owned() };
        let snapshot: Value =
            serde_json::from_slice(&self.snapshot.1).map_err(|_| refuse("it holds no snapshot"))?;
        let last = snapshot["lastUpdateId"].as_u64().ok_or_else(|| refuse("its snapshot has no number"))?;
        let is_newer = |frame: &Vec<u8>| {
            let frame: Value = serde_json::from_slice(frame).unwrap_or_default();
            frame["data"]["u"].as_u64().is_some_and(|sequence| sequence >= last)
        };
        let older =
            self.depth.iter().position(is_newer).ok_or_else(|| refuse("nothing follows its snapshot"))?;
        self.depth.drain(..older);
        self.depth_before = self.depth_before.saturating_sub(older);
        Ok(())
    }

    /// What a pipeline takes before the first depth update that is measured: the snapshot, and what precedes it.
    pub fn opening(&self) -> Vec<(Nanos, Event<'_>)> {
        let (url, body) = &self.snapshot;
        let before = self.depth[..self.depth_before].iter().map(|frame| Event::Frame(frame));
        let inputs = before.chain([Event::Rest { url, body }]);
        (1..).map(Nanos).zip(inputs).collect()
    }

    /// The depth updates that are measured.
    pub fn depth_after(&self) -> &[Vec<u8>] {
        &self.depth[self.depth_before..]
    }

    /// The snapshot as numbers.
    ///
    /// # Errors
    /// [`BenchError::Recording`].
    pub fn snapshot_levels(&self, scales: (u8, u8)) -> Result<Depth, BenchError> {
        snapshot_of(&self.snapshot.1, scales)
    }

    /// The depth updates as numbers, read by a parser that is nobody's contestant.
    ///
    /// # Errors
    /// [`BenchError::Recording`].
    pub fn depths(&self, scales: (u8, u8)) -> Result<Vec<Depth>, BenchError> {
        self.depth.iter().map(|frame| depth_of(frame, scales)).collect()
    }
}

/// A snapshot's body as numbers.
///
/// # Errors
/// [`BenchError::Recording`].
pub fn snapshot_of(body: &[u8], scales: (u8, u8)) -> Result<Depth, BenchError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let last = number(&value, "lastUpdateId");
    Ok(Depth { sequence: [last; 3], sides: ["bids", "asks"].map(|side| levels(&value[side], scales)) })
}

/// A depth update's frame as numbers.
///
/// # Errors
/// [`BenchError::Recording`].
pub fn depth_of(frame: &[u8], scales: (u8, u8)) -> Result<Depth, BenchError> {
    let value: Value = serde_json::from_slice(frame).map_err(|error| unreadable(&error))?;
    let data = &value["data"];
    let sequence = ["U", "u", "pu"].map(|key| number(data, key));
    Ok(Depth { sequence, sides: ["b", "a"].map(|side| levels(&data[side], scales)) })
}

/// The part of a frame that a subscriber of a raw stream would get: the message without the stream's name around it.
pub fn inner(frame: &[u8]) -> &[u8] {
    const KEY: &[u8] = b"\"data\":";
    let start = frame.windows(KEY.len()).position(|window| window == KEY).map_or(0, |at| at + KEY.len());
    let end = frame.len() - usize::from(start > 0);
    &frame[start..end]
}

/// A pair of mantissas as the market's own level.
pub fn level((price, qty): (i64, u64)) -> Level {
    Level { price: Price(price), qty: Qty(qty) }
}

fn unreadable(error: &serde_json::Error) -> BenchError {
    BenchError::Recording { path: PathBuf::from(USDM), cause: error.to_string() }
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_default()
}

fn levels(value: &Value, scales: (u8, u8)) -> Levels {
    let read = |level: &Value| {
        let mantissa = |at: usize, scale: u8| mantissa(level[at].as_str().unwrap_or_default(), scale);
        (mantissa(0, scales.0).cast_signed(), mantissa(1, scales.1))
    };
    value.as_array().into_iter().flatten().map(read).collect()
}

/// Digit by digit: the text of a positive decimal at a scale that holds it.
pub fn mantissa(text: &str, scale: u8) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    assert!(part.len() <= usize::from(scale), "{text} has more than {scale} decimals");
    format!("{whole}{part:0<width$}", width = usize::from(scale)).parse().expect("a plain decimal")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inner message of a combined stream's frame, and a frame that has none around it.
    #[test]
    fn the_inner_message_stands_alone() {
        assert_eq!(inner(br#"{"stream":"a@trade","data":{"p":"1"}}"#), br#"{"p":"1"}"#);
        assert_eq!(inner(br#"{"p":"1"}"#), br#"{"p":"1"}"#);
    }

    /// Mantissas at the scale, zeros beyond it dropped.
    #[test]
    fn mantissas_are_exact() {
        assert_eq!(mantissa("61837.63000000", 2), 6_183_763);
        assert_eq!(mantissa("0.014", 3), 14);
        assert_eq!(mantissa("7", 3), 7_000);
    }
}
