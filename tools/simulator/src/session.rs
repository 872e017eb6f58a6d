//! One client's connection as the venue sees it, without I/O: what it asked for, and whether it keeps to the rules.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use touchline_venue::Ask;
use touchline_venue::exchange::{Asked, Connection, Exchange, Fate, Request, Rules, Stream};

use crate::faults::Subscribing;

/// A rule that a client broke.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Breach {
    /// More messages in a second than the venue takes.
    Sends,
    /// More streams than a connection carries.
    Streams,
    /// More attempts to connect than the venue takes in its window.
    Connects,
    /// More REST weight in a minute than the venue takes.
    Weight,
    /// A pong that did not come.
    Pong,
    /// A request larger than the venue takes.
    Size,
}

/// What a text of the client leads to.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// What is answered.
    pub replies: Vec<String>,
    /// Streams that now begin, and how.
    pub added: Vec<(Stream, Subscribing)>,
    /// Streams that now end.
    pub removed: Vec<Stream>,
    /// The rule that was broken: the venue then ends the connection.
    pub breach: Option<Breach>,
}

/// What becomes of a stream that somebody subscribes to: no such symbol, or what a command or chance wants.
pub(crate) type Policy = Result<Subscribing, Fate>;

/// One client's connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    /// It has asked for something.
    pub(crate) asked: bool,
    rules: Rules,
    /// When the client's last messages came.
    sends: VecDeque<Instant>,
}

impl Session {
    /// A connection that was opened.
    pub(crate) fn new(rules: Rules, connection: Connection) -> Self {
        Self { connection, asked: false, rules, sends: VecDeque::new() }
    }

    /// Any frame of the client counts: requests, pings, pongs.
    pub(crate) fn counted(&mut self, now: Instant) -> Option<Breach> {
        while self.sends.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            self.sends.pop_front();
        }
        self.sends.push_back(now);
        (self.sends.len() > self.rules.sends_per_second as usize).then_some(Breach::Sends)
    }

    /// A text of the client. `policies` says what becomes of a subscription to some streams, one for each.
    pub(crate) fn text(
        &mut self,
        exchange: &dyn Exchange,
        text: &str,
        now_ms: u64,
        policies: impl FnOnce(&[Stream]) -> Vec<Policy>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if text.len() > self.rules.request_bytes {
            outcome.breach = Some(Breach::Size);
            return outcome;
        }
        let asked = match exchange.read(&mut self.connection, text, now_ms) {
            Request::Asked(asked) => asked,
            Request::Answered(answer) => {
                outcome.replies.push(answer);
                return outcome;
            }
            Request::Ignored => return outcome,
        };
        let answered = match asked.ask {
            Ask::Subscribe => {
                self.asked = true;
                let policies = policies(&asked.streams);
                self.subscribe(asked, &policies, &mut outcome)
            }
            Ask::Unsubscribe => self.unsubscribe(asked, &mut outcome),
        };
        if let Some((asked, fates)) = answered {
            exchange.answer(&self.connection, &asked, &fates, now_ms, &mut outcome.replies);
        }
        outcome
    }

    /// The streams of the request that are answered, with their fates; `None` if there is no answer at all.
    fn subscribe(
        &mut self,
        mut asked: Asked,
        policies: &[Policy],
        outcome: &mut Outcome,
    ) -> Option<(Asked, Vec<Fate>)> {
        let none = asked.streams.is_empty();
        let (mut streams, mut fates) = (Vec::new(), Vec::new());
        for (stream, policy) in std::mem::take(&mut asked.streams).into_iter().zip(policies) {
            let (fate, how) = match *policy {
                Ok(Subscribing::Unanswered) => continue,
                Ok(Subscribing::Refused) => (Fate::UnknownSymbol, None),
                Ok(Subscribing::Invalid) => (Fate::Invalid, None),
                Ok(how) => (Fate::Taken, Some(how)),
                Err(fate) => (fate, None),
            };
            let Some(how) = how else {
                streams.push(stream);
                fates.push(fate);
                continue;
            };
            let before = self.connection.streams.insert(stream.name.clone(), stream.clone());
            if before.is_none() && how != Subscribing::Silent {
                outcome.added.push((stream.clone(), how));
            }
            if how != Subscribing::AckLost {
                streams.push(stream);
                fates.push(if before.is_some() { Fate::Already } else { fate });
            }
        }
        let over = self.connection.streams.len() > self.rules.streams;
        outcome.breach = over.then_some(Breach::Streams);
        asked.streams = streams;
        (none || !fates.is_empty()).then_some((asked, fates))
    }

    fn unsubscribe(&mut self, asked: Asked, outcome: &mut Outcome) -> Option<(Asked, Vec<Fate>)> {
        let fates = asked.streams.iter().map(|stream| match self.connection.streams.remove(&stream.name) {
            Some(stream) => {
                outcome.removed.push(stream);
                Fate::Taken
            }
            None => Fate::Already,
        });
        let fates = fates.collect();
        Some((asked, fates))
    }

    /// The streams asked for.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.connection.streams.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(venue: &str, target: &str) -> (Box<dyn Exchange>, Session) {
        let exchange = (touchline_venue::find(venue).unwrap().exchange)().unwrap();
        let session = Session::new(exchange.rules(), exchange.open(target, 0).unwrap().connection);
        (exchange, session)
    }

    fn ask(session: &mut (Box<dyn Exchange>, Session), text: &str, policy: Subscribing) -> Outcome {
        session.1.text(&*session.0, text, 0, |streams| vec![Ok(policy); streams.len()])
    }

    fn names(outcome: &Outcome) -> Vec<&str> {
        outcome.added.iter().map(|(stream, _)| stream.name.as_str()).collect()
    }

    /// Requests are answered, as the policy says; a stream that is known already does not begin again.
    #[test]
    fn requests_are_answered() {
        let mut session = session("binance-usdm", "/public/stream");
        let text = r#"{"method":"SUBSCRIBE","params":["a@depth@0ms","nothing"],"id":1}"#;
        let outcome = ask(&mut session, text, Subscribing::Normal);
        assert_eq!(outcome.replies, [r#"{"result":null,"id":1}"#]);
        assert_eq!(names(&outcome), ["a@depth@0ms", "nothing"]);
        let again = ask(&mut session, text, Subscribing::Normal);
        assert_eq!((again.replies, again.added), (outcome.replies, vec![]));
        let text = r#"{"method":"UNSUBSCRIBE","params":["a@depth@0ms"],"id":2}"#;
        assert_eq!(ask(&mut session, text, Subscribing::Normal).removed[0].name, "a@depth@0ms");
        let text = r#"{"method":"SUBSCRIBE","params":["b@trade"],"id":3}"#;
        let outcome = ask(&mut session, text, Subscribing::Silent);
        assert!(!outcome.replies.is_empty() && outcome.added.is_empty());
        let text = r#"{"method":"SUBSCRIBE","params":["c@trade"],"id":3}"#;
        assert_eq!(ask(&mut session, text, Subscribing::Unanswered), Outcome::default());
        let lost = ask(&mut session, text, Subscribing::AckLost);
        assert!(lost.replies.is_empty() && names(&lost) == ["c@trade"]);
        let text = r#"{"method":"SUBSCRIBE","params":["e@trade"],"id":5}"#;
        let refused = ask(&mut session, text, Subscribing::Refused);
        assert!(refused.replies[0].contains("-1121") && refused.added.is_empty());
        assert!(!session.1.connection.streams.contains_key("e@trade"));
    }

    /// The limits are reached without a breach, and exceeded by one with it.
    #[test]
    fn limits_are_the_venues() {
        let mut session = session("binance", "/stream");
        let start = Instant::now();
        assert!((0..5).all(|_| session.1.counted(start).is_none()));
        assert_eq!(session.1.counted(start + Duration::from_millis(999)), Some(Breach::Sends));
        assert_eq!(session.1.counted(start + Duration::from_secs(3)), None);
        let text = |from: usize, to: usize| {
            let names = (from..to).map(|i| format!("\"s{i}@trade\"")).collect::<Vec<_>>().join(",");
            format!(r#"{{"method":"SUBSCRIBE","params":[{names}],"id":1}}"#)
        };
        assert_eq!(ask(&mut session, &text(0, 1_024), Subscribing::Normal).breach, None);
        let over = ask(&mut session, &text(1_024, 1_025), Subscribing::Normal);
        assert_eq!(over.breach, Some(Breach::Streams));
        session.1.rules.request_bytes = 20;
        let over = ask(&mut session, &text(0, 1), Subscribing::Normal);
        assert_eq!((over.breach, over.replies.len()), (Some(Breach::Size), 0));
    }
}
