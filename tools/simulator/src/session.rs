//! One client's connection as the venue sees it, without I/O: what it asked for, and whether it keeps to the rules.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use touchline_venue::binance::exchange::{
    Dialect, Request, Stream, accepted, listed, refused, refused_newer,
};

use crate::faults::Subscribing;

/// A rule that a client broke.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Breach {
    /// More messages in a second than the venue takes.
    Sends,
    /// More streams than a connection carries.
    Streams,
    /// More attempts to connect than the venue takes in five minutes.
    Connects,
    /// More REST weight in a minute than the venue takes.
    Weight,
    /// A pong that did not come.
    Pong,
}

/// What a text of the client leads to.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// What is answered.
    pub reply: Option<String>,
    /// Streams that now begin.
    pub added: Vec<String>,
    /// Streams that now end.
    pub removed: Vec<String>,
    /// The rule that was broken: the venue then ends the connection.
    pub breach: Option<Breach>,
}

/// One client's connection.
#[derive(Debug)]
pub(crate) struct Session {
    dialect: Dialect,
    path: String,
    combined: bool,
    streams: BTreeSet<String>,
    /// When the client's last messages came.
    sends: VecDeque<Instant>,
}

impl Session {
    /// A connection to a target (`/stream?streams=a/b`, `/ws/a`, `/public/stream`), with the streams it names; `None`
    /// where the venue has nothing.
    #[must_use]
    pub(crate) fn open(dialect: Dialect, target: &str) -> Option<(Self, Vec<String>)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let inner = ["/public", "/market"].into_iter().find_map(|tier| path.strip_prefix(tier));
        let inner = inner.unwrap_or(path);
        let named = |list: &str| -> Vec<String> {
            list.split('/').filter(|name| !name.is_empty()).map(|name| name.replace("%40", "@")).collect()
        };
        let (combined, streams) = match inner {
            "/stream" => {
                let list = query.split('&').find_map(|pair| pair.strip_prefix("streams="));
                (true, named(list.unwrap_or_default()))
            }
            "/ws" | "/ws/" => (false, Vec::new()),
            _ => (false, named(inner.strip_prefix("/ws/")?)),
        };
        let session = Self {
            dialect,
            path: path.to_owned(),
            combined,
            streams: streams.iter().cloned().collect(),
            sends: VecDeque::new(),
        };
        let carried = streams.into_iter().filter(|name| session.carries(name)).collect();
        Some((session, carried))
    }

    /// Any frame of the client counts: requests, pings, pongs.
    pub(crate) fn counted(&mut self, now: Instant) -> Option<Breach> {
        while self.sends.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            self.sends.pop_front();
        }
        self.sends.push_back(now);
        let limit = self.dialect.rules().sends_per_second as usize;
        (self.sends.len() > limit).then_some(Breach::Sends)
    }

    /// A text of the client. `policy` says what becomes of a subscription to some streams.
    pub(crate) fn text(&mut self, text: &str, policy: impl FnOnce(&[String]) -> Subscribing) -> Outcome {
        let mut outcome = Outcome::default();
        match Request::read(text) {
            Request::Subscribe { id, streams } => match policy(&streams) {
                Subscribing::Refused => {
                    outcome.reply = Some(refused_newer(Some(id), -1_121, "Invalid symbol."));
                }
                Subscribing::Invalid => {
                    outcome.reply = Some(refused(Some(id), 2, "Invalid request: invalid stream name"));
                }
                Subscribing::Unanswered => {}
                silent => {
                    outcome.reply = Some(accepted(id));
                    for name in streams {
                        let begins = self.streams.insert(name.clone()) && silent == Subscribing::Normal;
                        if begins && self.carries(&name) {
                            outcome.added.push(name);
                        }
                    }
                    let over = self.streams.len() > self.dialect.rules().streams;
                    outcome.breach = over.then_some(Breach::Streams);
                }
            },
            Request::Unsubscribe { id, streams } => {
                outcome.reply = Some(accepted(id));
                outcome.removed = streams.into_iter().filter(|name| self.streams.remove(name)).collect();
            }
            Request::List { id } => {
                outcome.reply = Some(listed(id, self.streams.iter().map(String::as_str)));
            }
            Request::Combined { id, on } => {
                self.combined = on;
                outcome.reply = Some(accepted(id));
            }
            Request::Invalid { id, text } => outcome.reply = Some(refused(id, 2, &text)),
        }
        outcome
    }

    /// Are events wrapped in their stream's name?
    #[must_use]
    pub(crate) fn combined(&self) -> bool {
        self.combined
    }

    /// The streams asked for.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &str> {
        self.streams.iter().map(String::as_str)
    }

    fn carries(&self, name: &str) -> bool {
        Stream::read(name).is_some_and(|stream| self.dialect.carries(&self.path, stream.channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(venue: &str, target: &str) -> (Session, Vec<String>) {
        Session::open(Dialect::of(venue).unwrap(), target).unwrap()
    }

    /// Paths decide what begins at once and whether events are wrapped.
    #[test]
    fn paths_are_the_venues() {
        let (combined, named) = session("binance", "/stream?streams=a@trade/b@depth@100ms");
        assert!(combined.combined());
        assert_eq!(named, ["a@trade", "b@depth@100ms"]);
        let (raw, named) = session("binance", "/ws/a@trade");
        assert!(!raw.combined());
        assert_eq!(named, ["a@trade"]);
        assert!(session("binance-usdm", "/public/stream").0.combined());
        assert!(Session::open(Dialect::of("binance").unwrap(), "/elsewhere").is_none());
    }

    /// Requests are answered; a stream in the wrong place or of an unknown kind is acknowledged and silent.
    #[test]
    fn requests_are_answered() {
        let (mut session, _) = session("binance-usdm", "/public/stream");
        let ask = r#"{"method":"SUBSCRIBE","params":["a@depth@0ms","a@ticker","nothing"],"id":1}"#;
        let outcome = session.text(ask, |_| Subscribing::Normal);
        assert_eq!(outcome.reply.as_deref(), Some(r#"{"result":null,"id":1}"#));
        assert_eq!(outcome.added, ["a@depth@0ms"]);
        let gone = session
            .text(r#"{"method":"UNSUBSCRIBE","params":["a@depth@0ms"],"id":2}"#, |_| Subscribing::Normal);
        assert_eq!(gone.removed, ["a@depth@0ms"]);
        let silent = r#"{"method":"SUBSCRIBE","params":["b@trade"],"id":3}"#;
        let outcome = session.text(silent, |_| Subscribing::Silent);
        assert!(outcome.reply.is_some() && outcome.added.is_empty());
        let never = r#"{"method":"SUBSCRIBE","params":["c@trade"],"id":3}"#;
        assert_eq!(session.text(never, |_| Subscribing::Unanswered), Outcome::default());
    }

    /// The limits are reached without a breach, and exceeded by one with it.
    #[test]
    fn limits_are_the_venues() {
        let (mut session, _) = session("binance", "/stream");
        let start = Instant::now();
        assert!((0..5).all(|_| session.counted(start).is_none()));
        assert_eq!(session.counted(start + Duration::from_millis(999)), Some(Breach::Sends));
        assert_eq!(session.counted(start + Duration::from_secs(3)), None);
        let ask = |from: usize, to: usize| {
            let names = (from..to).map(|i| format!("\"s{i}@trade\"")).collect::<Vec<_>>().join(",");
            format!(r#"{{"method":"SUBSCRIBE","params":[{names}],"id":1}}"#)
        };
        assert_eq!(session.text(&ask(0, 1_024), |_| Subscribing::Normal).breach, None);
        let over = session.text(&ask(1_024, 1_025), |_| Subscribing::Normal);
        assert_eq!(over.breach, Some(Breach::Streams));
    }
}
