//! REST without a network: what `touchline-link`'s REST thread does, on virtual time, with the same queue.

use std::time::Duration;

use touchline_feed::{Moment, Refusal, RestQueue};
use touchline_link::{Answer, Fetch};
use touchline_simulator::Response;

/// How long one request may take, once it is under way.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// The most requests under way.
const UNDER_WAY_MAX: usize = 8;

/// How long a host is left alone that says 429 or 418 without saying for how long.
const HOLD_429: Duration = Duration::from_secs(60);
const HOLD_418: Duration = Duration::from_secs(120);

/// What is to happen to requests.
#[derive(Debug)]
pub(crate) enum Errand {
    /// The queue may have something to send.
    Look,
    /// A request reaches the exchange; it left at that time.
    Ask(usize, Fetch, Duration),
    /// Its answer reaches the client.
    Answer(usize, Answer, Option<Duration>),
}

/// The REST thread.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    queue: RestQueue<(usize, Fetch)>,
    under_way: usize,
}

impl Rest {
    /// A reader asks. `Err` if too much waits already.
    pub(crate) fn push(&mut self, reader: usize, fetch: Fetch, now: Moment) -> Result<(), (usize, Fetch)> {
        let host = host(&fetch.url).to_owned();
        let (weight, limit, priority) = (fetch.weight, fetch.weight_per_minute, fetch.priority);
        self.queue.push(&host, weight, limit, priority, now, (reader, fetch))
    }

    /// The next request that may leave now.
    pub(crate) fn next(&mut self, now: Moment) -> Option<(usize, Fetch)> {
        if self.under_way >= UNDER_WAY_MAX {
            return None;
        }
        let next = self.queue.next(now)?;
        self.under_way += 1;
        Some(next)
    }

    /// When to look again.
    pub(crate) fn wake(&self) -> Moment {
        if self.under_way < UNDER_WAY_MAX { self.queue.wake() } else { Moment::NEVER }
    }

    /// An answer came; the host is left alone if it asked for it.
    pub(crate) fn answered(&mut self, url: &str, hold: Option<Duration>, now: Moment) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(hold) = hold {
            self.queue.hold(host(url), now + hold, now);
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }
}

/// What a response of the exchange means to the client, how long after the request left it is known, and how long the
/// host is to be left alone.
pub(crate) fn meaning(
    fetch: &Fetch,
    response: Response,
    passed: Duration,
) -> (Answer, Duration, Option<Duration>) {
    let took = passed + response.delay;
    let (body, took) = if took > REQUEST_LIMIT {
        (Err(Refusal::Timeout(REQUEST_LIMIT)), REQUEST_LIMIT)
    } else {
        (body(response), took)
    };
    let hold = match &body {
        Err(Refusal::Status { status: 429, retry_after }) => Some(retry_after.unwrap_or(HOLD_429)),
        Err(Refusal::Status { status: 418, retry_after }) => Some(retry_after.unwrap_or(HOLD_418)),
        _ => None,
    };
    (Answer { id: fetch.id, url: fetch.url.clone(), body }, took, hold)
}

fn body(response: Response) -> Result<Vec<u8>, Refusal> {
    match response.status {
        None => Err(Refusal::Connect("reset".to_owned())),
        Some(200..300) => response.body.ok_or_else(|| Refusal::Handshake("cut".to_owned())),
        Some(status) => {
            Err(Refusal::Status { status, retry_after: response.retry_after_s.map(Duration::from_secs) })
        }
    }
}

/// Host and port of a URL: what a budget belongs to.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A late answer is a timeout, a 429 holds the host, eight are under way at most.
    #[test]
    fn answers_mean_what_they_mean_to_the_rest_thread() {
        let fetch = |id| Fetch {
            id,
            url: "http://sim:1/depth".to_owned(),
            weight: 1,
            weight_per_minute: 100,
            priority: 0,
        };
        let response = |status, delay| Response {
            status: Some(status),
            retry_after_s: Some(7),
            body: Some(b"{}".to_vec()),
            delay: Duration::from_secs(delay),
        };
        let secs = Duration::from_secs;
        let (answer, took, hold) = meaning(&fetch(1), response(200, 1), secs(1));
        assert_eq!((answer.body, took, hold), (Ok(b"{}".to_vec()), secs(2), None));
        let (answer, took, _) = meaning(&fetch(1), response(200, 30), secs(1));
        assert_eq!((answer.body, took), (Err(Refusal::Timeout(secs(5))), secs(5)));
        assert_eq!(meaning(&fetch(1), response(429, 0), secs(1)).2, Some(secs(7)));
        let mut rest = Rest::default();
        for id in 0..10 {
            rest.push(0, fetch(id), Moment(0)).unwrap();
        }
        assert_eq!((0..10).filter_map(|_| rest.next(Moment(0))).count(), 8);
        rest.answered("http://sim:1/depth", Some(secs(7)), Moment(0));
        assert_eq!(rest.next(Moment(0)).map(|(_, fetch)| fetch.id), None);
        assert_eq!((rest.wake(), rest.waiting()), (Moment(7_000_000_000), 2));
    }
}
