//! Clock stamps on the way, where latencies are measured.

use touchline_market::{Head, Nanos, Record, Sink, SinkFull, UpdateKind};

use crate::clock::{Clock, Ticks};
use crate::latency::{MessageKind, Recorder, Stage};

/// The kind a latency is recorded under.
pub(crate) fn message_kind(kind: UpdateKind) -> MessageKind {
    match kind {
        UpdateKind::Snapshot => MessageKind::Snapshot,
        UpdateKind::Delta => MessageKind::Delta,
        UpdateKind::Bbo => MessageKind::Bbo,
        UpdateKind::Trade => MessageKind::Trade,
        _ => MessageKind::Other,
    }
}

/// A thread's clock and histograms.
#[derive(Debug)]
pub(crate) struct Timing {
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
}

impl Timing {
    pub(crate) fn new() -> Self {
        Self { clock: Clock::new(), recorder: Recorder::new() }
    }

    #[inline]
    pub(crate) fn now(&self) -> Ticks {
        self.clock.now()
    }

    #[inline]
    pub(crate) fn record(&mut self, stage: Stage, kind: MessageKind, from: Ticks, to: Ticks) {
        let nanos = self.clock.nanos(from, to);
        self.recorder.record(stage, kind, nanos);
    }
}

/// What is stamped on each update of one input.
pub(crate) enum Stamps<'a> {
    /// Measure: when the input was due, and when the parser began.
    Clock {
        timing: &'a mut Timing,
        due: Ticks,
        began: Ticks,
        /// How long the frame had waited in the kernel, ns; none once that is recorded, or where nobody knows.
        waited: Option<u64>,
    },
    /// The input's line.
    Line(u64),
    /// Nothing.
    None,
}

/// Stamps updates on their way into a sink.
pub(crate) struct Stamped<'a, S> {
    pub(crate) sink: S,
    pub(crate) recv: Nanos,
    pub(crate) stamps: Stamps<'a>,
}

impl<S: Sink> Sink for Stamped<'_, S> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.sink.push(record)
    }

    #[inline]
    fn commit(&mut self, mut head: Head) -> Result<(), SinkFull> {
        head.ts_recv = self.recv;
        match &mut self.stamps {
            Stamps::Line(line) => head.mark = *line,
            Stamps::None => {}
            Stamps::Clock { timing, due, began, waited } => {
                let now = timing.now();
                head.mark = due.0;
                if head.kind != UpdateKind::Break {
                    head.commit_ticks = u32::try_from(now.0.saturating_sub(due.0)).unwrap_or(u32::MAX);
                    let kind = message_kind(head.kind);
                    timing.record(Stage::Parse, kind, *began, now);
                    if let Some(waited) = waited.take() {
                        timing.recorder.record(Stage::Receive, kind, waited);
                    }
                }
                // The next update of the same frame begins here.
                *began = now;
            }
        }
        self.sink.commit(head)
    }

    #[inline]
    fn abandon(&mut self) {
        self.sink.abandon();
    }
}
