//! What came of a world.

use crate::checker::Judged;
use crate::coverage;
use crate::world::{FEW, Outcome, World, lock};

impl World<'_> {
    /// The end: every book is live again, all is accounted for, and no rule of the venue was broken.
    pub(crate) fn conclude(mut self) -> Outcome {
        if self.checker().failure.is_none() {
            let mut checker = lock(&self.checker);
            let missing = |book: &&Judged| !book.is_back();
            let missing = checker.books.iter().find(missing);
            if let Some((symbol, state)) = missing.map(|book| (book.symbol.clone(), book.state)) {
                checker.fail(|| format!("{symbol}: {state} a minute after the last fault"));
            }
        }
        let counts = self.exchange.counts().clone();
        let early = self.told_of_requests.early + self.told_of_connects.early;
        if counts.breached() + early > 0 {
            self.checker().fail(|| format!("rules broken: {:?}, {early} early requests", counts.breaches));
        }
        let stamp = self.stamp();
        for (kind, count) in &counts.faults {
            *self.marks.entry(coverage::name(*kind)).or_default() += count;
        }
        let (calm, edges) = {
            let mut checker = lock(&self.checker);
            checker.trace_ends();
            (std::mem::take(&mut checker.calm), checker.edges.clone())
        };
        let report = self.feed.finish(stamp);
        let mut checker = lock(&self.checker);
        checker.calm = calm;
        if !report.balances() {
            checker.fail(|| format!("not all is accounted for: {report:?}"));
        }
        if report.intake.dropped > 0 {
            *self.marks.entry("ring overrun").or_default() += report.intake.dropped;
        }
        let filled: u64 = report.books.iter().flat_map(|book| &book.paths).map(|path| path.losses).sum();
        if filled > 0 {
            *self.marks.entry("hole filled by a path").or_default() += filled;
        }
        if self.reset.len() > FEW {
            *self.marks.entry("many symbols").or_default() += 1;
        }
        Outcome {
            seed: self.plan.seed,
            failure: checker.failure.take(),
            hash: checker.hash,
            counted: checker.counted,
            messages: counts.messages,
            lasted: self.now,
            marks: self.marks,
            edges: edges.iter().map(|(edge, count)| (edge_name(*edge), *count)).collect(),
            trace: std::mem::take(&mut checker.trace).into(),
        }
    }
}

/// The name of a change of state.
fn edge_name(edge: (&'static str, &'static str)) -> &'static str {
    match edge {
        ("INIT", "SYNCING") => "INIT to SYNCING",
        ("INIT", "STALE") => "INIT to STALE",
        ("INIT", "LIVE") => "INIT to LIVE",
        ("INIT", "DEAD") => "INIT to DEAD",
        ("SYNCING", "LIVE") => "SYNCING to LIVE",
        ("SYNCING", "STALE") => "SYNCING to STALE",
        ("SYNCING", "DEAD") => "SYNCING to DEAD",
        ("LIVE", "STALE") => "LIVE to STALE",
        ("LIVE", "DEAD") => "LIVE to DEAD",
        ("STALE", "STALE") => "STALE to STALE",
        ("STALE", "LIVE") => "STALE to LIVE",
        ("STALE", "DEAD") => "STALE to DEAD",
        ("DEAD", "STALE") => "DEAD to STALE",
        _ => "another",
    }
}
