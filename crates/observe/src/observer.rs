//! Reports in, a page of metrics and a verdict out. It asks nobody and reads no clock.

use std::sync::Arc;
use std::time::SystemTime;

use touchline::FeedReport;

use crate::families::{self, Latencies, Process};
use crate::family::Family;
use crate::readiness::Readiness;
use crate::text::{Format, text};

/// Keeps what must add up over reports: the latencies, of which each report holds but the newest.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    latencies: Latencies,
}

/// A feed as it was at one moment.
#[derive(Clone, Debug)]
pub struct Observed {
    families: Arc<[Family]>,
    readiness: Readiness,
    answered: bool,
}

impl Observer {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a report shows, at the moment `now`.
    pub fn observe(&mut self, report: &FeedReport, now: SystemTime) -> Observed {
        if let Some(latencies) = &report.latencies {
            self.latencies.add(latencies);
        }
        let readiness = Readiness::of(report);
        let ready = readiness.is_ready();
        let families = families::all(Some(report), ready, &self.latencies, &Process::now(), now).into();
        Observed { families, readiness, answered: true }
    }

    /// What is left to show of a feed that does not answer, and why it does not.
    #[must_use]
    pub fn silent(&self, why: &str, now: SystemTime) -> Observed {
        let families = families::all(None, false, &self.latencies, &Process::now(), now).into();
        Observed { families, readiness: Readiness::silent(why), answered: false }
    }
}

impl Observed {
    /// Every metric as text.
    #[must_use]
    pub fn metrics(&self, format: Format) -> String {
        text(&self.families, format)
    }

    /// Whether a strategy may rely on it.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Whether the feed's threads answered.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.answered
    }
}
