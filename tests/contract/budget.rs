//! A thousand books that want their snapshots at once, at a venue that weighs requests.

use std::time::Duration;

use touchline::feed::{Moment, RestQueue};
use touchline::venue::{Snapshots, VenueFacts};

/// Books.
const BOOKS: usize = 1_000;

/// Levels a side that each is asked for.
const LEVELS: u32 = 1_000;

/// In no minute is more asked for than the venue allows, and every book gets its turn. Says how long it took; `None` where
/// snapshots come by the stream.
pub(crate) fn check(facts: &'static VenueFacts) -> Option<String> {
    let Snapshots::Rest { request, .. } = facts.texts.snapshots else { return None };
    let (request, limit) = (request("BTCUSDT", LEVELS), facts.access.limits.weight_per_minute);
    let mut queue = RestQueue::new();
    let mut now = Moment(1_000_000_000);
    for book in 0..BOOKS {
        queue.push("host", request.weight, limit, 0, now, book).expect("there is room for a thousand");
    }
    let mut asked: Vec<Moment> = Vec::new();
    while !queue.is_empty() {
        while queue.next(now).is_some() {
            asked.push(now);
        }
        now = now.max(queue.wake());
    }
    for (first, from) in asked.iter().enumerate() {
        let within = asked[first..].iter().take_while(|at| at.since(*from) < Duration::from_secs(60));
        let spent = within.count() as u64 * u64::from(request.weight);
        assert!(spent <= u64::from(limit), "{}: {spent} of {limit} spent in a minute", facts.name);
    }
    let took = asked.last()?.since(*asked.first()?);
    Some(format!("{}: {} snapshots asked for in {} s", facts.name, asked.len(), took.as_secs()))
}
