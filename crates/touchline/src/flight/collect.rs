//! Gathers the incidents of a replay.

use std::sync::Arc;

use touchline_market::{Head, Nanos};

use super::Incident;
use crate::pipeline::Observer;

/// An observer that keeps the first incidents and counts all of them.
#[derive(Debug)]
pub struct Collector {
    kept: Vec<Arc<Incident>>,
    most: usize,
    count: u64,
    since: Nanos,
}

impl Collector {
    /// Keeps so many at most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most, count: 0, since: Nanos(0) }
    }

    /// Passes over what happened before that time.
    #[must_use]
    pub fn since(self, since: Nanos) -> Self {
        Self { since, ..self }
    }

    /// Those that were kept, in the order they happened.
    #[must_use]
    pub fn kept(&self) -> &[Arc<Incident>] {
        &self.kept
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl Observer for Collector {
    const INCIDENTS: bool = true;

    fn incident(&mut self, _: &Head, incident: &Arc<Incident>) {
        if incident.at() < self.since {
            return;
        }
        self.count += 1;
        if self.kept.len() < self.most {
            self.kept.push(Arc::clone(incident));
        }
    }
}
