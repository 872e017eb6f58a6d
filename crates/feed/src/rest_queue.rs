//! REST requests in the order of their worth, within each host's budget.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use touchline_market::{Bug, planted};

use crate::Moment;

/// Requests that may wait at most.
const LENGTH_MAX: usize = 20_000;

/// Hosts remembered at most.
const HOSTS_MAX: usize = 256;

/// The window of a host's budget.
const WINDOW: Duration = Duration::from_secs(60);

/// How much of a budget is used, in hundredths. The rest is for others who share our address; with less than this a
/// large resync would take more than 1.1 times what the whole budget allows.
const SHARE: u64 = 92;

/// A queue of requests to any number of hosts, each with a budget of weight a minute that all callers share.
#[derive(Debug)]
pub struct RestQueue<T> {
    hosts: Vec<Host<T>>,
    pushed: u64,
    length: usize,
}

#[derive(Debug)]
struct Host<T> {
    name: String,
    budget: u64,
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    /// What was spent in the last window, oldest first.
    spent: VecDeque<(Moment, u64)>,
    spent_sum: u64,
    held_until: Moment,
}

#[derive(Debug)]
struct Waiting<T> {
    priority: u8,
    number: u64,
    weight: u64,
    payload: T,
}

/// What a host was asked for, and what it may be asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Budget {
    /// The host, with its port.
    pub host: String,
    /// Weight spent in the last minute.
    pub used: u64,
    /// Weight that we spend a minute at most.
    pub limit: u64,
    /// Requests that wait.
    pub waiting: usize,
    /// How long the host is still to be left alone, as it asked for.
    pub held_for: Duration,
}

impl<T> RestQueue<T> {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self { hosts: Vec::new(), pushed: 0, length: 0 }
    }

    /// Adds a request of a weight to a host with a budget. Priority 0 goes before 1; of the same, the older goes first.
    ///
    /// # Errors
    /// The payload, if 20,000 requests wait already or too many hosts have something to remember.
    pub fn push(
        &mut self,
        host: &str,
        weight: u32,
        weight_per_minute: u32,
        priority: u8,
        now: Moment,
        payload: T,
    ) -> Result<(), T> {
        if self.length >= LENGTH_MAX {
            return Err(payload);
        }
        let number = self.pushed;
        let Some(host) = self.host(host, now) else { return Err(payload) };
        host.budget = (u64::from(weight_per_minute) * SHARE / 100).max(1);
        host.waiting.push(Reverse(Waiting { priority, number, weight: u64::from(weight), payload }));
        self.pushed += 1;
        self.length += 1;
        Ok(())
    }

    /// The request to make now, if any host has one and may be asked: its weight is spent. A request that must wait
    /// for its host's budget is not overtaken by a cheaper one of the same host, else it might wait for ever.
    pub fn next(&mut self, now: Moment) -> Option<T> {
        for host in &mut self.hosts {
            host.forget(now);
        }
        let ready = self.hosts.iter_mut().filter(|host| host.ready_at().is_some_and(|at| at <= now));
        let host = ready.min_by(|one, other| other.waiting.peek().cmp(&one.waiting.peek()))?;
        let Reverse(request) = host.waiting.pop()?;
        let weight = if planted(Bug::WeightUncounted) { 0 } else { request.weight };
        host.spent.push_back((now, weight));
        host.spent_sum += weight;
        self.length -= 1;
        Some(request.payload)
    }

    /// The host asked for silence: nothing is asked of it before `until`. The longest hold counts.
    pub fn hold(&mut self, host: &str, until: Moment, now: Moment) {
        if let Some(host) = self.host(host, now) {
            host.held_until = host.held_until.max(until);
        }
    }

    /// When [`next`](Self::next) has something, if nothing is pushed before.
    #[must_use]
    pub fn wake(&self) -> Moment {
        self.hosts.iter().filter_map(Host::ready_at).min().unwrap_or(Moment::NEVER)
    }

    /// How every host stands that something was asked of.
    pub fn budgets(&mut self, now: Moment) -> Vec<Budget> {
        let budget = |host: &mut Host<T>| {
            host.forget(now);
            Budget {
                host: host.name.clone(),
                used: host.spent_sum,
                limit: host.budget,
                waiting: host.waiting.len(),
                held_for: host.held_until.since(now),
            }
        };
        self.hosts.iter_mut().map(budget).collect()
    }

    /// Requests that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The host's entry, made if there is room for it.
    fn host(&mut self, name: &str, now: Moment) -> Option<&mut Host<T>> {
        let known = self.hosts.iter().position(|host| host.name == name);
        if known.is_none() {
            if self.hosts.len() >= HOSTS_MAX {
                self.hosts.retain_mut(|host| {
                    host.forget(now);
                    !host.waiting.is_empty() || !host.spent.is_empty() || host.held_until > now
                });
                if self.hosts.len() >= HOSTS_MAX {
                    return None;
                }
            }
            self.hosts.push(Host::new(name));
        }
        let place = known.unwrap_or(self.hosts.len().saturating_sub(1));
        self.hosts.get_mut(place)
    }
}

impl<T> Default for RestQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Host<T> {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            budget: 1,
            waiting: BinaryHeap::new(),
            spent: VecDeque::new(),
            spent_sum: 0,
            held_until: Moment(0),
        }
    }

    /// Drops what has left the window.
    fn forget(&mut self, now: Moment) {
        while let Some(&(at, weight)) = self.spent.front() {
            if at + WINDOW > now {
                return;
            }
            self.spent.pop_front();
            self.spent_sum -= weight;
        }
    }

    /// When its first request may be made. One heavier than the whole budget is made when nothing else is spent.
    fn ready_at(&self) -> Option<Moment> {
        let Reverse(first) = self.waiting.peek()?;
        let most = self.budget.saturating_sub(first.weight);
        let (mut left, mut free) = (self.spent_sum, Moment(0));
        for &(at, weight) in &self.spent {
            if left <= most {
                break;
            }
            left -= weight;
            free = at + WINDOW;
        }
        Some(free.max(self.held_until))
    }
}

impl<T> Waiting<T> {
    fn rank(&self) -> (u8, u64) {
        (self.priority, self.number)
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<T> Eq for Waiting<T> {}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Moment {
        Moment(secs * 1_000_000_000)
    }

    /// Highest priority first, of the same the oldest, over all hosts.
    #[test]
    fn order_is_priority_then_age() {
        let mut queue = RestQueue::new();
        for (host, priority, payload) in [("a", 1, 'w'), ("b", 0, 'x'), ("a", 0, 'y'), ("b", 1, 'z')] {
            queue.push(host, 1, 100, priority, secs(0), payload).unwrap();
        }
        assert_eq!(queue.len(), 4);
        let order: String = std::iter::from_fn(|| queue.next(secs(0))).collect();
        assert_eq!(order, "xywz");
        assert!(queue.is_empty());
    }

    /// Ten thousand requests take at most 1.1 times what the whole budget allows, no minute spends more than the
    /// budget, and `wake` is exact: something comes then, and nothing a nanosecond before.
    #[test]
    fn mass_resync_keeps_within_the_budget() {
        for (weight, limit) in [(5, 6_000), (50, 6_000), (20, 2_400)] {
            let mut queue = RestQueue::new();
            for request in 0..10_000_u32 {
                queue.push("a", weight, limit, 0, secs(0), request).unwrap();
            }
            let (mut now, mut made) = (secs(0), Vec::new());
            while !queue.is_empty() {
                while queue.next(now).is_some() {
                    made.push(now);
                }
                if queue.is_empty() {
                    break;
                }
                assert!(queue.wake() > now);
                now = queue.wake();
                assert_eq!(queue.next(Moment(now.0 - 1)), None);
            }
            let least = 10_000.0 * f64::from(weight) / f64::from(limit) * 60.0;
            assert!(now.since(secs(0)).as_secs_f64() <= 1.1 * least, "{now:?} of {least} s");
            assert_eq!(made.len(), 10_000);
            for &first in &made {
                let within =
                    made.partition_point(|&at| at < first + WINDOW) - made.partition_point(|&at| at < first);
                assert!(u32::try_from(within).unwrap() * weight <= limit);
            }
        }
    }

    /// A held host waits to the nanosecond, another does not; a request heavier than the budget goes alone.
    #[test]
    fn held_hosts_wait() {
        let mut queue = RestQueue::new();
        queue.hold("a", secs(30), secs(0));
        queue.push("a", 1, 100, 0, secs(0), 1).unwrap();
        queue.push("b", 1_000, 100, 9, secs(0), 2).unwrap();
        queue.push("b", 1, 100, 9, secs(0), 3).unwrap();
        assert_eq!((queue.next(secs(1)), queue.next(secs(1))), (Some(2), None));
        assert_eq!(queue.wake(), secs(30));
        assert_eq!(queue.next(Moment(secs(30).0 - 1)), None);
        assert_eq!((queue.next(secs(30)), queue.next(secs(30))), (Some(1), None));
        assert_eq!(queue.wake(), secs(61));
        assert_eq!(queue.next(secs(61)), Some(3));
    }

    /// What is told of a host: what was spent in the last minute and no longer, what waits, how long it is left alone.
    #[test]
    fn budgets_say_how_hosts_stand() {
        let mut queue = RestQueue::new();
        for payload in 0..3 {
            queue.push("a", 40, 100, 0, secs(0), payload).unwrap();
        }
        queue.hold("b", secs(5), secs(0));
        while queue.next(secs(0)).is_some() {}
        let budget = |host: &str, used, limit, waiting, held| Budget {
            host: host.to_owned(),
            used,
            limit,
            waiting,
            held_for: Duration::from_secs(held),
        };
        assert_eq!(queue.budgets(secs(1)), [budget("a", 80, 92, 1, 0), budget("b", 0, 1, 0, 4)]);
        assert_eq!(queue.budgets(secs(60)), [budget("a", 0, 92, 1, 0), budget("b", 0, 1, 0, 0)]);
    }

    /// A full queue hands the payload back.
    #[test]
    fn full_queue_hands_back() {
        let mut queue = RestQueue::new();
        for request in 0..LENGTH_MAX {
            queue.push("a", 1, 100, 0, secs(0), request).unwrap();
        }
        assert_eq!(queue.push("a", 1, 100, 0, secs(0), 7), Err(7));
        assert!(queue.next(secs(0)).is_some());
        assert_eq!(queue.push("a", 1, 100, 0, secs(0), 7), Ok(()));
    }
}
