//! What passes between the exchange and the REST queue of the readers.

use std::time::Duration;

use touchline_feed::{Moment, Refusal};
use touchline_link::Answer;
use touchline_simulator::FaultKind;

use crate::checker::Judged;
use crate::network;
use crate::rest::{self, Errand};
use crate::world::{Happening, World, lock};

/// What clients have been told of when to be silent.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// When they heard of it.
    at: Duration,
    /// Requests that came although the client knew better.
    pub(crate) early: u64,
}

impl Told {
    /// Something left the client at `left`; the exchange says whether it came `early` and whether to be silent from now
    /// on, and the client hears that at `heard`.
    pub(crate) fn heed(&mut self, early: bool, held: bool, left: Duration, heard: Duration) {
        if early {
            // What left before anybody knew is no breach.
            self.early += u64::from(left > self.at);
        } else if held {
            self.at = heard;
        }
    }
}

impl World<'_> {
    pub(crate) fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Look => {}
            Errand::Ask(reader, fetch, left) => {
                let before = (self.exchange.counts().early_requests, self.rest_faults());
                let response = self.exchange.get(network::target(&fetch.url), self.now);
                let early = self.exchange.counts().early_requests > before.0;
                let passed = self.now.saturating_sub(left) + self.plan.latency;
                let (answer, took, hold) = rest::meaning(&fetch, response, passed);
                if self.rest_faults() > before.1 || answer.body.is_err() {
                    self.excuse(&fetch.url, left + took);
                }
                self.told_of_requests.heed(early, hold.is_some(), left, left + took);
                if let Some(hold) = hold {
                    // For so long nobody may ask.
                    self.excuse("", left + took + hold);
                }
                if early {
                    self.checker().note(|| format!("exchange: request {} was early", fetch.id));
                }
                if matches!(answer.body, Err(Refusal::Timeout(_))) {
                    self.mark("request timed out");
                }
                self.agenda.put(left + took, Happening::Errand(Errand::Answer(reader, answer, hold)));
            }
            Errand::Answer(reader, answer, hold) => {
                self.rest.answered(&answer.url, hold, self.moment());
                self.answer(reader, answer);
            }
        }
        self.look();
    }

    /// What the exchange did to snapshots so far.
    pub(crate) fn rest_faults(&self) -> u64 {
        let faults = &self.exchange.counts().faults;
        faults.iter().filter(|(kind, _)| matches!(kind, FaultKind::Rest(_))).map(|(_, count)| count).sum()
    }

    /// Until then nobody could know better of the symbol that is asked for, or of any.
    pub(crate) fn excuse(&mut self, url: &str, until: Duration) {
        let mut checker = lock(&self.checker);
        let named = |book: &&mut Judged| url.is_empty() || url.contains(&book.symbol);
        for book in checker.books.iter_mut().filter(named) {
            book.staleness.excuse(until);
        }
    }

    pub(crate) fn answer(&mut self, reader: usize, answer: Answer) {
        self.checker().note(|| {
            let body = answer.body.as_ref().map(|body| format!("{} bytes", body.len()));
            format!("answer {} {}: {body:?}", answer.id, answer.url)
        });
        let stamp = self.stamp();
        self.feed.answer(reader, answer, stamp);
        self.stir(reader);
    }

    /// Sends what the REST queue lets go.
    pub(crate) fn look(&mut self) {
        let now = self.moment();
        while let Some((reader, fetch)) = self.rest.next(now) {
            let at = self.now + self.plan.latency;
            self.agenda.put(at, Happening::Errand(Errand::Ask(reader, fetch, self.now)));
        }
        let wake = self.rest.wake();
        if wake != Moment::NEVER && wake > now {
            self.agenda.put(Duration::from_nanos(wake.0), Happening::Errand(Errand::Look));
        }
    }
}
