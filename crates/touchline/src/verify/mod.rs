//! Verification: a recording's books, rebuilt through the pipeline and written down exactly.
//!
//! The result is the reference format of the recordings: per symbol the counts of its messages, the state of the book
//! each time `msgs` passes a multiple of `every`, and its state at the end, with a SHA-256 over all levels. Any tool
//! that rebuilds the same books can be compared with it, number by number.

mod audit;
mod best_price;
mod observer;
mod state;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::pipeline::{BookReport, Finished, Marking, Running, keeper_config};
use crate::survey::Survey;
use crate::{Error, Replay};

use audit::Auditor;
pub use audit::{BookAudit, Difference, LevelDifference};
pub use observer::Verifier;
pub use state::{EndState, StateAt};

/// What a recording's books are, in the reference format.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Version of the format.
    pub format: u32,
    /// The recording's name.
    pub capture: String,
    /// Lines of the recording.
    pub lines: u64,
    /// Received frames.
    pub frames: u64,
    /// Frames that are no JSON.
    pub bad_json: u64,
    /// A state is kept each time a book's `msgs` passes a multiple of this.
    pub every: u64,
    /// Breaks of a counter that a whole connection shares.
    pub connection_gaps: u64,
    /// How books follow from frames at this venue.
    pub rules: String,
    /// Every symbol with a book message, by the venue's name.
    pub symbols: BTreeMap<String, VerifiedBook>,
    /// What an audit found, by symbol; not part of the reference format. Books without a second snapshot are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<BTreeMap<String, BookAudit>>,
}

/// One symbol's book.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedBook {
    /// How the book began: `rest-snapshot`, `stream-snapshot`, `empty`, or nothing if it never did.
    pub start: Option<&'static str>,
    /// Book messages that took effect.
    pub msgs: u64,
    /// Snapshots among them.
    pub snapshots: u64,
    /// Deltas among them.
    pub updates: u64,
    /// Deltas that came before the book existed.
    pub buffered_or_dropped_before_start: u64,
    /// Deltas dropped as not newer.
    pub stale: u64,
    /// Breaks of the venue's sequence rule.
    pub gaps: u64,
    /// Removals of levels that were not there.
    pub unknown_level: u64,
    /// Messages after which the book was crossed.
    pub crossed: u64,
    /// Checksums that agreed.
    pub checksum_pass: u64,
    /// Checksums that did not.
    pub checksum_fail: u64,
    /// Book states whose best prices are those of the venue's own best bid and offer at that sequence.
    pub bbo_pass: u64,
    /// Book states whose best prices are not.
    pub bbo_fail: u64,
    /// States on the way.
    pub checkpoints: Vec<StateAt>,
    /// The state after the last line.
    pub end: Option<EndState>,
    /// What the book was worth at the end; not part of the reference format.
    #[serde(skip)]
    pub report: BookReport,
}

impl VerifiedBook {
    /// Why this book cannot be trusted, if it cannot.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let counters = &self.report.counters;
        if self.start == Some("empty") {
            return Some("no snapshot in the recording: levels that never change are missing".to_owned());
        }
        if !self.report.state.is_live() {
            return Some(format!("ended {}", self.report.state));
        }
        let doubts = [
            (counters.gaps, "gaps"),
            (counters.checksum_fail, "wrong checksums"),
            (counters.crossed, "crossed states"),
            (counters.rejected, "rejected messages"),
            (counters.breaks, "breaks"),
        ];
        let doubts: Vec<_> =
            doubts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        (!doubts.is_empty()).then(|| doubts.join(", "))
    }
}

/// A verification under way.
pub struct Verification {
    survey: Survey,
    name: String,
    every: u64,
    running: Running<Verifier>,
}

/// The states are this many messages apart unless said otherwise: 25 in a small recording, 1,000 in a large one.
#[must_use]
pub fn every_for(book_messages: u64) -> u64 {
    match book_messages {
        0..500 => 25,
        500..5_000 => 100,
        _ => 1_000,
    }
}

impl Verification {
    /// Starts verifying what `replay` is set up for. States are kept `every` messages, or as [`every_for`] says.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Thread`].
    pub fn start(replay: Replay, every: Option<u64>) -> Result<Self, Error> {
        Self::begin(replay, every, None)
    }

    /// As [`start`](Self::start), and compares every LIVE book with the REST snapshots that come after its first.
    /// These snapshots are kept from the books, so that counts may differ from those of a verification without audit.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_audited(replay: Replay, every: Option<u64>) -> Result<Self, Error> {
        let plan = replay.plan();
        let rules = |(instrument, start): &(_, _)| keeper_config(plan.venue, instrument, *start);
        let auditor = Auditor::new(plan.instruments.iter().map(rules));
        Self::begin(replay, every, Some(auditor))
    }

    fn begin(replay: Replay, every: Option<u64>, auditor: Option<Auditor>) -> Result<Self, Error> {
        let survey = replay.survey().clone();
        let total = survey.instruments.iter().map(crate::survey::Surveyed::book_updates).sum();
        let every = every.unwrap_or_else(|| every_for(total)).max(1);
        let name = capture_name(replay.path());
        let books = replay.plan().instruments.len();
        let running = replay.start_observed(Verifier::new(books, every, auditor), Marking::Line)?;
        Ok(Self { survey, name, every, running })
    }

    /// The pipeline.
    #[must_use]
    pub fn running(&self) -> &Running<Verifier> {
        &self.running
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`Error::Panicked`].
    pub fn join(self) -> Result<(Verified, Finished<Verifier>), Error> {
        let finished = self.running.join()?;
        let lines = self.survey.lines;
        let mut symbols = BTreeMap::new();
        for (trail, report) in finished.observer.trails().iter().zip(&finished.books) {
            if let Some(book) = trail.verified(report, lines.saturating_sub(1)) {
                symbols.insert(report.instrument.symbol.clone(), book);
            }
        }
        let audit = finished.observer.audit().map(|reports| {
            let symbols = finished.books.iter().map(|report| report.instrument.symbol.clone());
            symbols.zip(reports.cloned()).filter(|(_, audit)| audit.snapshots > 0).collect()
        });
        let verified = Verified {
            format: 1,
            capture: self.name,
            lines,
            frames: self.survey.frames,
            bad_json: finished.intake.rejected.first().copied().unwrap_or_default(),
            every: self.every,
            connection_gaps: 0,
            rules: format!("{:?}, as {} says", self.survey.venue.continuity, self.survey.venue.docs),
            symbols,
            audit,
        };
        Ok((verified, finished))
    }
}

/// A recording's name: its file name without the endings.
#[must_use]
pub fn capture_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let endings = [".cap.zst", ".cap", ".tlj", ".hft.gz", ".tardis.gz", ".gz"];
    let ending = endings.into_iter().find(|ending| name.ends_with(ending) && name.len() > ending.len());
    name.strip_suffix(ending.unwrap_or_default()).unwrap_or(&name).to_owned()
}
