//! A recording's updates one after the other, as its venue's dialect makes them: what an export reads.

use std::ops::Range;

use touchline_book::{Keeper, Outcome};
use touchline_capture::import::ImportError;
use touchline_market::{Channel, Head, Instrument, Record, Sink, SinkFull, UpdateKind};

use crate::counters::IntakeCounters;
use crate::pipeline::{Borrowed, Connections, Stamped, Stamps, keeper_config};
use crate::recording::Recording;
use crate::source::Source;
use crate::{Error, Replay};

/// Reads a recording update by update, on the caller's thread, and keeps the book of every instrument beside them.
///
/// ```no_run
/// let mut updates = touchline::Updates::of(&touchline::Replay::open("btcusdt.cap.zst")?)?;
/// while let Ok(Some(update)) = updates.next() {
///     println!("{} {:?} {}", update.instrument.symbol, update.head.kind, update.head.sequence.0);
/// }
/// # Ok::<(), touchline::Error>(())
/// ```
pub struct Updates {
    source: Recording,
    connections: Connections,
    books: Vec<(Instrument, Keeper)>,
    batch: Batch,
}

/// One update of a recording.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Whose it is.
    pub instrument: &'a Instrument,
    /// What it is. Its `mark` is the number of the recording's line or entry.
    pub head: &'a Head,
    /// Its body's records.
    pub body: &'a [Record],
    /// What the instrument's book made of it; `None` of what is not for the book.
    pub outcome: Option<Outcome>,
    /// The instrument's book after it.
    pub keeper: &'a Keeper,
}

impl Updates {
    /// The updates of what `replay` is set up for: its recording, its venue, the instruments subscribed to.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn of(replay: &Replay) -> Result<Self, Error> {
        let plan = replay.plan();
        let book = |(instrument, start): &(Instrument, _)| {
            (instrument.clone(), Keeper::new(&keeper_config(plan.venue, instrument, *start)))
        };
        Ok(Self {
            source: replay.recording()?,
            connections: Connections::new(plan),
            books: plan.instruments.iter().map(book).collect(),
            batch: Batch::default(),
        })
    }

    /// The next update, or `None` at the recording's end and after a final error.
    ///
    /// # Errors
    /// [`ImportError`]: after one that [is not final](ImportError::is_final) the next call goes on behind it.
    #[expect(
        clippy::should_implement_trait,
        reason = "an update borrows from the reader, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, ImportError> {
        while self.batch.is_empty() {
            let Some(input) = self.source.next()? else { return Ok(None) };
            let (recv, stamps) = (input.recv, Stamps::Line(input.line));
            let mut sink = Stamped { sink: Borrowed(&mut self.batch), recv, stamps };
            // What is wrong with a frame is counted there.
            let _ = self.connections.take(input.connection, input.event, &mut sink);
        }
        let Some((head, body)) = self.batch.take() else { return Ok(None) };
        let Some((instrument, keeper)) = self.books.get_mut(head.instrument.0 as usize) else {
            return Ok(None);
        };
        let is_for_book = match head.kind {
            UpdateKind::Snapshot | UpdateKind::Delta => true,
            UpdateKind::Break => head.breaks(Channel::Book),
            _ => false,
        };
        let outcome = is_for_book.then(|| keeper.handle(head, body.iter()));
        Ok(Some(Update { instrument, head, body, outcome, keeper }))
    }

    /// What became of the frames and REST responses so far.
    #[must_use]
    pub fn counters(&self) -> IntakeCounters {
        self.connections.counters()
    }

    /// How much of the recording has been used: bytes done, and of how many where that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.source.progress()
    }
}

/// The updates of one input.
#[derive(Default)]
struct Batch {
    heads: Vec<(Head, Range<usize>)>,
    records: Vec<Record>,
    /// Where the records of the update begin that is not committed yet.
    open: usize,
    taken: usize,
}

impl Batch {
    fn is_empty(&mut self) -> bool {
        let is_empty = self.taken == self.heads.len();
        if is_empty {
            self.heads.clear();
            self.records.clear();
            (self.open, self.taken) = (0, 0);
        }
        is_empty
    }

    fn take(&mut self) -> Option<(&Head, &[Record])> {
        let (head, body) = self.heads.get(self.taken)?;
        self.taken += 1;
        Some((head, self.records.get(body.clone())?))
    }
}

impl Sink for Batch {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.records.push(record);
        Ok(())
    }

    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        // A break has no body: what is open belongs to the update behind it.
        let end = if head.kind == UpdateKind::Break { self.open } else { self.records.len() };
        self.heads.push((head, self.open..end));
        self.open = end;
        Ok(())
    }

    fn abandon(&mut self) {
        self.records.truncate(self.open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_capture::{Kind, Writer};
    use touchline_market::Nanos;

    /// A delta of BTCUSDT.
    fn delta(previous: u64, last: u64) -> String {
        format!(
            r#"{{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":5,"T":4,"s":"BTCUSDT","U":{},"u":{last},
            "pu":{previous},"b":[["100.5","2"]],"a":[]}}}}"#,
            previous + 1
        )
        .replace(['\n', ' '], "")
    }

    /// Updates come in their order with stamps, lines and what the book made of them; a frame that cannot be read breaks
    /// the book and is counted; the body of each is its own.
    #[test]
    fn updates_come_in_order_with_their_book() {
        let lines = [
            (Kind::Connected, "wss://fstream.binance.com/stream?streams=btcusdt@depth@0ms".to_owned()),
            (Kind::Text, delta(9, 10)),
            (
                Kind::Rest,
                "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000 \
                 {\"lastUpdateId\":10,\"E\":3,\"T\":2,\"bids\":[[\"100.0\",\"1\"]],\"asks\":[[\"101.0\",\"1\"]]}"
                    .to_owned(),
            ),
            (Kind::Text, delta(10, 12)),
            (Kind::Text, "{\"stream\":\"btcusdt@depth@0ms\",\"data\":{".to_owned()),
            (Kind::Text, delta(12, 13)),
        ];
        let mut writer = Writer::new(Vec::new(), 3).unwrap();
        for (at, (kind, text)) in lines.iter().enumerate() {
            writer.record(Nanos(1_000 + at as u64), *kind, text.as_bytes()).unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), writer.finish().unwrap()).unwrap();

        let mut updates = Updates::of(&Replay::open_as(file.path(), "binance-usdm").unwrap()).unwrap();
        let mut seen = Vec::new();
        while let Some(update) = updates.next().unwrap() {
            let head = update.head;
            assert_eq!(
                (update.instrument.symbol.as_str(), update.body.len()),
                ("BTCUSDT", head.body_records())
            );
            seen.push((head.kind, head.mark, head.ts_recv.0, head.sequence.0, update.outcome));
        }
        use UpdateKind::{Break, Delta, Snapshot};
        let expected = [
            (Delta, 1, 1_001, 10, Some(Outcome::Buffered)),
            (Snapshot, 2, 1_002, 10, Some(Outcome::Applied)),
            (Delta, 3, 1_003, 12, Some(Outcome::Applied)),
            (Break, 4, 1_004, 0, Some(Outcome::Broken)),
            (Delta, 5, 1_005, 13, Some(Outcome::Buffered)),
        ];
        assert_eq!(seen, expected);
        assert_eq!((updates.counters().updates, updates.counters().rejected_total()), (4, 1));
        assert!(updates.counters().balances());
    }
}
