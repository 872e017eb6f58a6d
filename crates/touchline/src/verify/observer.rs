//! Writes states down while the books change.

use touchline_book::{BboView, Keeper, Outcome};
use touchline_market::{Bbo, Flags, Head, InstrumentId, Record, Side, UpdateKind, rescale_price};

use super::audit::Auditor;
use super::best_price::{BestAt, BestPriceCheck};
use super::state::{BookState, EndState, StateAt};
use super::{BookAudit, VerifiedBook};
use crate::pipeline::{BookReport, Observer};

/// Observes every book of a replay.
#[derive(Debug)]
pub struct Verifier {
    every: u64,
    trails: Vec<Trail>,
    auditor: Option<Auditor>,
}

impl Verifier {
    pub(super) fn new(books: usize, every: u64, auditor: Option<Auditor>) -> Self {
        Self { every, trails: (0..books).map(|_| Trail::default()).collect(), auditor }
    }

    /// What an audit found, book by book.
    pub(super) fn audit(&self) -> Option<impl Iterator<Item = &BookAudit>> {
        self.auditor.as_ref().map(Auditor::reports)
    }

    pub(super) fn trails(&self) -> &[Trail] {
        &self.trails
    }
}

impl Observer for Verifier {
    const LOOKS_AHEAD: bool = true;

    fn before<'a>(
        &mut self,
        head: &Head,
        body: impl Iterator<Item = &'a Record> + Clone,
        keeper: &Keeper,
    ) -> bool {
        self.auditor.as_mut().is_some_and(|auditor| auditor.before(head, body, keeper))
    }

    fn book(&mut self, head: &Head, keeper: &Keeper, _: Outcome) {
        if let Some(auditor) = &mut self.auditor {
            auditor.after(head, keeper);
        }
        let every = self.every;
        if let Some(trail) = self.trails.get_mut(head.instrument.0 as usize) {
            trail.book(head, keeper, every);
        }
    }

    fn bbo(&mut self, head: &Head, bbo: &BboView) {
        let trail = self.trails.get_mut(head.instrument.0 as usize);
        if let Some(trail) = trail.filter(|_| head.kind == UpdateKind::Bbo) {
            trail.bbo(head, &bbo.bbo);
        }
    }

    fn end(&mut self, instrument: InstrumentId, keeper: &Keeper) {
        if let Some(trail) = self.trails.get_mut(instrument.0 as usize) {
            trail.last = Some(BookState::of(keeper));
        }
        if let Some(auditor) = &mut self.auditor {
            auditor.end(instrument);
        }
    }
}

/// What one book has been through.
#[derive(Debug, Default)]
pub(super) struct Trail {
    msgs: u64,
    start: Option<&'static str>,
    last_change_line: u64,
    checkpoints: Vec<StateAt>,
    last: Option<BookState>,
    check: BestPriceCheck,
    price_scale: u8,
}

impl Trail {
    fn book(&mut self, head: &Head, keeper: &Keeper, every: u64) {
        let msgs = keeper.counters().msgs();
        if msgs == self.msgs {
            return;
        }
        let line = head.mark;
        self.start.get_or_insert(start_of(head));
        self.last_change_line = line;
        self.price_scale = keeper.book().price_scale();
        if msgs / every > self.msgs / every {
            self.checkpoints.push(StateAt { line, state: BookState::of(keeper) });
        }
        self.msgs = msgs;
        if head.kind == UpdateKind::Delta {
            let best = |side| keeper.book().best(side).map(|level| level.price);
            let sequence = keeper.sequence().0;
            self.check.book(BestAt { sequence, bid: best(Side::Bid), ask: best(Side::Ask) });
        }
    }

    fn bbo(&mut self, head: &Head, bbo: &Bbo) {
        let price = |level: touchline_market::Level| {
            let there = level.qty.0 > 0;
            let at_scale =
                rescale_price(level.price, head.price_scale, head.price_scale.max(self.price_scale));
            at_scale.ok().filter(|_| there)
        };
        let (bid, ask) = (price(bbo.bid), price(bbo.ask));
        self.check.venue(BestAt { sequence: head.sequence.0, bid, ask });
    }

    /// The book as the reference format shows it; `None` if no book message came.
    pub(super) fn verified(&self, report: &BookReport, last_line: u64) -> Option<VerifiedBook> {
        let counters = report.counters;
        if counters.received == 0 {
            return None;
        }
        Some(VerifiedBook {
            start: self.start,
            msgs: counters.msgs(),
            snapshots: counters.snapshots,
            updates: counters.updates,
            buffered_or_dropped_before_start: counters.before_start,
            stale: counters.stale,
            gaps: counters.gaps,
            unknown_level: counters.unknown_level,
            crossed: counters.crossed,
            checksum_pass: counters.checksum_pass,
            checksum_fail: counters.checksum_fail,
            bbo_pass: self.check.passed,
            bbo_fail: self.check.failed,
            checkpoints: self.checkpoints.clone(),
            end: self.last.clone().map(|state| EndState {
                line: last_line,
                last_change_line: self.last_change_line,
                state,
            }),
            report: report.clone(),
        })
    }
}

/// How a book began, by the first message that took effect.
fn start_of(head: &Head) -> &'static str {
    match head.kind {
        UpdateKind::Snapshot if head.flags.has(Flags::BESIDE_STREAM) => "rest-snapshot",
        UpdateKind::Snapshot => "stream-snapshot",
        _ => "empty",
    }
}
