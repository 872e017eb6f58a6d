//! What passes between the exchange and the REST queue of the readers.

use std::time::Duration;

use touchline_feed::{Moment, Refusal};
use touchline_link::Answer;
use touchline_market::Continuity;
use touchline_simulator::{Command as Order, FaultKind, Faults, Response, RestFault};

use crate::checker::Judged;
use crate::network;
use crate::rest::{self, Errand};
use crate::world::{FEW, Happening, World, lock};

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
                let response = self.ask(network::target(&fetch.url));
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

    /// Asks the exchange, which does not lie twice about a book before it has told the truth.
    ///
    /// A snapshot and a probe that agree are all there is to know of a market whose stream is silent. If both are the same
    /// other symbol's, or, where nothing numbers what follows, both the same old book, everything that the venue says fits
    /// the wrong book: an answer says neither whose it is nor when it was made, and nobody can know better.
    fn ask(&mut self, target: &str) -> Response {
        let book = |book: &&mut Judged| target.contains(&book.symbol);
        let misled = lock(&self.checker).books.iter_mut().find(book).is_some_and(|book| book.misled);
        let faults = self.faults.clone();
        let before = (self.lies(), self.rest_faults());
        let response = if misled && !self.healing {
            let unnumbered = self.plan.venue.continuity == Continuity::Unchecked;
            let snapshot_stale = if unnumbered { 0.0 } else { faults.snapshot_stale };
            let honest = Faults { snapshot_other: 0.0, snapshot_stale, ..faults.clone() };
            self.exchange.command(Order::SetFaults(honest), self.now);
            let response = self.exchange.get(target, self.now);
            self.exchange.command(Order::SetFaults(faults), self.now);
            response
        } else {
            self.exchange.get(target, self.now)
        };
        let misled = self.lies() > before.0;
        let truth = response.status == Some(200) && self.rest_faults() == before.1;
        if let Some(book) = lock(&self.checker).books.iter_mut().find(book).filter(|_| misled || truth) {
            book.misled = misled;
        }
        response
    }

    /// How often the exchange answered with another symbol's book, or an old one, so far.
    fn lies(&self) -> u64 {
        let faults = self.exchange.counts().faults.iter();
        let lies = faults.filter(|(kind, _)| {
            matches!(kind, FaultKind::Rest(RestFault::OtherSymbol | RestFault::Stale(_)))
        });
        lies.map(|(_, count)| count).sum()
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
        if self.reset.len() > FEW && self.rest.waiting() > 0 {
            // The budget is used up: who is to be asked about silence is not asked.
            self.excuse("", self.now);
        }
        let wake = self.rest.wake();
        if wake != Moment::NEVER && wake > now {
            self.agenda.put(Duration::from_nanos(wake.0), Happening::Errand(Errand::Look));
        }
    }
}
