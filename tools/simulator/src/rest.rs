//! The REST interface: snapshots of the true book and the list of instruments, with their limits and faults.

use std::time::{Duration, Instant};

use touchline_venue::exchange::{Book, Resource, RestError, Traded};

use crate::faults::{FaultKind, RestFault};
use crate::floor::Floor;
use crate::http;
use crate::session::Breach;

/// How early a client may be three times before it is banned.
const EARLY_MAX: u32 = 3;

/// What the exchange has told clients to wait for, and the weight they have used.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    begun: Instant,
    minute: u64,
    used: u32,
    rest_until: Option<Instant>,
    connects_until: Option<Instant>,
    early: u32,
}

/// What is answered to a REST request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) delay: Duration,
    /// What becomes of the connection.
    pub(crate) after: After,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum After {
    /// It stays open.
    #[default]
    Keep,
    /// It ends in order.
    Fin,
    /// It is reset.
    Reset,
}

impl Held {
    pub(crate) fn new(now: Instant) -> Self {
        Self { begun: now, minute: 0, used: 0, rest_until: None, connects_until: None, early: 0 }
    }

    /// Seconds left that nobody may connect.
    pub(crate) fn connect(&self, now: Instant) -> Option<u64> {
        left(self.connects_until, now)
    }

    pub(crate) fn hold_connects(&mut self, now: Instant, seconds: Option<u64>) {
        self.connects_until = seconds.map(|seconds| now + Duration::from_secs(seconds));
    }

    /// Books the weight of a request; the weight used in this minute, and the seconds until the next one.
    fn spend(&mut self, weight: u32, now: Instant) -> (u32, u64) {
        let seconds = now.duration_since(self.begun).as_secs();
        if seconds / 60 != self.minute {
            self.minute = seconds / 60;
            self.used = 0;
        }
        self.used += weight;
        (self.used, 60 - seconds % 60)
    }
}

/// Whole seconds until a moment, at least 1; none if it has passed.
fn left(until: Option<Instant>, now: Instant) -> Option<u64> {
    let left = until?.checked_duration_since(now).filter(|left| !left.is_zero())?;
    Some(left.as_secs_f64().ceil() as u64)
}

impl Floor {
    /// Answers `GET target`.
    pub(crate) fn answer(&mut self, target: &str, now: Instant, now_ms: u64) -> Answer {
        self.counts.rest_requests += 1;
        let resource = self.exchange.resource(target);
        let weight = match &resource {
            Resource::Snapshot { weight, .. } | Resource::Instruments { weight } => *weight,
            Resource::Unknown | Resource::Illegal => 1,
        };
        if let Some(seconds) = left(self.held.rest_until, now) {
            self.counts.early_requests += 1;
            self.held.early += 1;
            let code = if self.held.early >= EARLY_MAX { 418 } else { 429 };
            return self.limited(code, Some(seconds));
        }
        let (used, rest_of_minute) = self.held.spend(weight, now);
        self.counts.weight_max = self.counts.weight_max.max(used);
        if used > self.rules.weight_per_minute {
            self.counts.breach(Breach::Weight);
            if self.police {
                self.hold_rest(now, Some(rest_of_minute));
                return self.limited(429, Some(rest_of_minute));
            }
        }
        match resource {
            Resource::Snapshot { symbol, limit, .. } => self.depth(&symbol, limit, used, now, now_ms),
            Resource::Instruments { .. } => {
                if let Some(list) = self.player.as_ref().and_then(|player| player.list()) {
                    return self.json(200, list, used);
                }
                let listed = self.pits.iter().filter(|pit| pit.listed);
                let list: Vec<Traded> = listed.map(|pit| pit.traded.clone()).collect();
                self.json(200, &self.exchange.instruments_body(now_ms, &list), used)
            }
            Resource::Illegal => self.json(400, &self.exchange.error_body(RestError::Illegal), used),
            Resource::Unknown => Answer { bytes: http::page(404, "Not Found"), ..Answer::default() },
        }
    }

    fn depth(&mut self, symbol: &str, limit: usize, used: u32, now: Instant, now_ms: u64) -> Answer {
        let fault = self.next_rest_fault(symbol);
        if let Some(fault) = fault {
            self.counts.fault(FaultKind::Rest(fault), now);
        }
        if let Some(player) = &self.player {
            let body = player.snapshot(symbol);
            self.counts.snapshots += u64::from(body.is_some());
            // None so far on the recording: the client is to try again.
            return body.map_or_else(|| self.limited(503, None), |body| self.json(200, body, used));
        }
        let place = self.places.get(symbol).copied();
        let Some(place) = place.filter(|place| self.pits.get(*place).is_some_and(|pit| pit.listed)) else {
            return self.json(400, &self.exchange.error_body(RestError::UnknownSymbol), used);
        };
        let mut answer = Answer::default();
        let (mut whose, mut back) = (place, None);
        match fault {
            None => {}
            Some(RestFault::Status { code, retry_after_s }) => {
                if matches!(code, 429 | 418) {
                    self.hold_rest(now, retry_after_s);
                }
                return self.limited(code, retry_after_s);
            }
            Some(RestFault::Html(code)) => {
                let page = http::page(code, &self.plants.page("something went wrong"));
                return Answer { bytes: page, ..Answer::default() };
            }
            Some(RestFault::Reset) => return Answer { after: After::Reset, ..Answer::default() },
            Some(RestFault::Cut) => answer.after = After::Fin,
            Some(RestFault::Stale(messages)) => back = Some(messages),
            Some(RestFault::Late(ms)) => answer.delay = Duration::from_millis(ms),
            Some(RestFault::OtherSymbol) => whose = (place + 1) % self.pits.len(),
        }
        let Some(pit) = self.pits.get(whose) else { return answer };
        let (whole, stamp_us) = {
            let state = pit.truth.state();
            match back {
                // Two states a message.
                Some(messages) => {
                    let (sequence, stamp_us) = state.state_back(2 * messages);
                    (state.market.whole_at(sequence), stamp_us)
                }
                None => (state.market.whole(), state.stamp_us()),
            }
        };
        let first = |levels: &'_ [_]| levels.len().min(limit);
        let (bids, asks) = (first(&whole.bids), first(&whole.asks));
        let book = Book {
            event_ms: now_ms,
            stamp_us,
            sequence: whole.sequence,
            bids: whole.bids.get(..bids).unwrap_or_default(),
            asks: whole.asks.get(..asks).unwrap_or_default(),
        };
        let mut body = String::new();
        self.exchange.snapshot_body(&pit.traded, &book, &mut body);
        answer.bytes = self.json(200, &body, used).bytes;
        if answer.after == After::Fin {
            answer.bytes.truncate(answer.bytes.len() * 2 / 3);
        } else {
            self.counts.snapshots += 1;
        }
        answer
    }

    fn hold_rest(&mut self, now: Instant, seconds: Option<u64>) {
        self.held.early = 0;
        self.held.rest_until = seconds.map(|seconds| now + Duration::from_secs(seconds));
    }

    /// What a command wants to happen to this request, or chance.
    fn next_rest_fault(&mut self, symbol: &str) -> Option<RestFault> {
        let meant = |(wanted, _): &(Option<String>, RestFault)| {
            wanted.as_deref().is_none_or(|wanted| wanted == symbol)
        };
        match self.rest_faults.iter().position(meant) {
            Some(place) => self.rest_faults.remove(place).map(|(_, fault)| fault),
            None => self.faults.snapshot(&mut self.random),
        }
    }

    fn json(&self, code: u16, body: &str, used: u32) -> Answer {
        let used = used.to_string();
        let weight = self.rules.weight_header.map(|header| (header, used.as_str()));
        let body = self.plants.json(code, body);
        let bytes = http::response(code, "application/json", weight.as_slice(), &body);
        Answer { bytes, ..Answer::default() }
    }

    /// A refusal: too many requests, banned, or out of order.
    fn limited(&self, code: u16, retry_after_s: Option<u64>) -> Answer {
        let error = match code {
            429 => RestError::TooMany,
            418 => RestError::Banned,
            451 => RestError::Region,
            _ => RestError::Internal,
        };
        let seconds = retry_after_s.map(|seconds| seconds.to_string());
        let headers: Vec<(&str, &str)> =
            seconds.iter().map(|seconds| ("Retry-After", seconds.as_str())).collect();
        let body = self.exchange.error_body(error);
        let body = self.plants.json(code, &body);
        let bytes = http::response(code, "application/json", &headers, &body);
        Answer { bytes, ..Answer::default() }
    }
}
