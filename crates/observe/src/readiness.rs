//! May a strategy rely on the feed? Every subscription acknowledged, every book LIVE.

use serde_json::json;
use touchline::FeedReport;
use touchline::market::State;

use crate::families::subscribed;

/// How many of what is missing are named.
pub const NAMES_MAX: usize = 20;

/// Whether every subscription is acknowledged and every book LIVE; and what is missing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Readiness {
    /// What is missing, in words; [`NAMES_MAX`] of it at most.
    pub missing: Vec<String>,
    /// How much more is missing.
    pub more: usize,
}

impl Readiness {
    /// Of a feed that says so of itself. A connection that another one stands for is not looked at.
    #[must_use]
    pub fn of(report: &FeedReport) -> Self {
        let mut readiness = Self::default();
        for connection in report.connections.iter().filter(|connection| !connection.standby) {
            let (streams, acknowledged) = (connection.streams, connection.acknowledged);
            if acknowledged < streams {
                readiness.miss(|| {
                    let (venue, number, path) = (connection.venue, connection.number, connection.path);
                    format!("{venue} connection {number} (path {path}): {acknowledged} of {streams} streams are acknowledged")
                });
            }
        }
        for wanted in subscribed(report).iter().filter(|wanted| wanted.has_book()) {
            let state = wanted.report.map_or(State::Init, |book| book.state);
            if !state.is_live() {
                readiness.miss(|| format!("{}:{} is {state}", wanted.instrument.venue, wanted.name));
            }
        }
        if report.subscriptions.is_empty() {
            readiness.miss(|| "nothing is subscribed to".to_owned());
        }
        readiness
    }

    /// Of a feed that does not answer.
    #[must_use]
    pub fn silent(why: &str) -> Self {
        Self { missing: vec![why.to_owned()], more: 0 }
    }

    /// Nothing is missing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.missing.is_empty()
    }

    /// As JSON: `{"ready":false,"missing":["…"],"more":0}`.
    #[must_use]
    pub fn json(&self) -> String {
        json!({"ready": self.is_ready(), "missing": self.missing, "more": self.more}).to_string()
    }

    fn miss(&mut self, what: impl FnOnce() -> String) {
        if self.missing.len() < NAMES_MAX {
            self.missing.push(what());
        } else {
            self.more += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use touchline::market::{Channel, Reason};

    use super::*;
    use crate::samples;

    /// Ready, then with a stale book, an open stream and nothing at all: each is named. A connection that takes over is
    /// not waited for.
    #[test]
    fn what_is_missing_is_named() {
        let mut report = samples::report(2);
        assert_eq!(Readiness::of(&report), Readiness::default());
        report.books[1].state = State::Stale(Reason::Gap);
        report.connections[0].acknowledged = 1;
        let readiness = Readiness::of(&report);
        let missing =
            ["binance connection 1 (path 0): 1 of 2 streams are acknowledged", "binance:I1 is STALE(gap)"];
        assert_eq!((readiness.missing.as_slice(), readiness.more), (&missing.map(str::to_owned)[..], 0));
        assert!(!readiness.is_ready());
        report.books[1].state = State::Live;
        report.connections[0].standby = true;
        assert!(Readiness::of(&report).is_ready());
        report.subscriptions.clear();
        assert!(!Readiness::of(&report).is_ready());
    }

    /// Of 50 books that are missing 20 are named and 30 counted; trades alone need no book.
    #[test]
    fn only_so_many_are_named() {
        let mut report = samples::report(50);
        report.books.iter_mut().for_each(|book| book.state = State::Syncing);
        let readiness = Readiness::of(&report);
        assert_eq!((readiness.missing.len(), readiness.more), (NAMES_MAX, 30));
        let read: serde_json::Value = serde_json::from_str(&readiness.json()).unwrap();
        assert_eq!((&read["ready"], &read["more"]), (&json!(false), &json!(30)));
        assert_eq!(read["missing"][19], "binance:I19 is SYNCING");
        report.subscriptions.iter_mut().for_each(|wanted| wanted.channels = vec![Channel::Trade]);
        assert!(Readiness::of(&report).is_ready());
    }
}
