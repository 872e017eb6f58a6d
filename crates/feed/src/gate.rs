//! When a host may be connected to: one gate stands before all connections of a process.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use touchline_venue::{CONNECT_WINDOW, Limits};

use crate::Moment;

/// Hosts remembered at most. They come from the configuration, so more than a handful is already a surprise.
const HOSTS_MAX: usize = 256;

/// How soon to ask again while another connection tries the host, or no host more can be remembered.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A try after a hold that nobody reported about is over by now.
const TRY_MAX: Duration = Duration::from_secs(15);

/// Counts the attempts to connect of each host. They stay within half of what the venue allows, because others may
/// share our address; and after a venue asked for silence, nobody connects before its time, and then one alone tries.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    hosts: HashMap<String, Host>,
}

#[derive(Clone, Debug, Default)]
struct Host {
    /// Attempts of the last window, oldest first.
    attempts: VecDeque<Moment>,
    /// No attempt before this.
    held_until: Moment,
    /// The hold is over but nobody has got through since: one at a time.
    suspect: bool,
    /// The attempt under way while `suspect`.
    trying: Option<Moment>,
}

impl Gate {
    /// With no host held.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// May the host be connected to now? If so the attempt is counted: it has to be made. `limits` are what the venue
    /// allows.
    ///
    /// # Errors
    /// The moment to ask again, later than `now`.
    pub fn may(&mut self, host: &str, limits: &Limits, now: Moment) -> Result<(), Moment> {
        if !self.make_room(host, now) {
            return Err(now + ASK_AGAIN);
        }
        let host = self.hosts.entry(host.to_owned()).or_default();
        host.forget(now);
        if host.held_until > now {
            return Err(host.held_until);
        }
        if host.suspect && host.trying.is_some_and(|since| now.since(since) < TRY_MAX) {
            return Err(now + ASK_AGAIN);
        }
        if let Some(until) = host.spent_until(limits, now) {
            return Err(until);
        }
        host.attempts.push_back(now);
        host.trying = host.suspect.then_some(now);
        Ok(())
    }

    /// The venue asked for silence: nobody connects to the host before `until`. The longest hold counts.
    pub fn hold(&mut self, host: &str, until: Moment, now: Moment) {
        // A hold must not be lost: it has its place even when all are taken.
        self.make_room(host, now);
        let host = self.hosts.entry(host.to_owned()).or_default();
        host.held_until = host.held_until.max(until);
        host.suspect = true;
        host.trying = None;
    }

    /// How the attempt ended that [`may`](Self::may) allowed: after success all may come again.
    pub fn done(&mut self, host: &str, success: bool) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.suspect &= !success;
            host.trying = None;
        }
    }

    /// Makes room for a host, if need be at the cost of one about which there is nothing to remember.
    fn make_room(&mut self, host: &str, now: Moment) -> bool {
        if self.hosts.len() < HOSTS_MAX || self.hosts.contains_key(host) {
            return true;
        }
        self.hosts.retain(|_, host| {
            host.forget(now);
            host.suspect || host.held_until > now || !host.attempts.is_empty()
        });
        self.hosts.len() < HOSTS_MAX
    }
}

impl Host {
    /// When the next attempt may be made, if half of what the venue allows is spent: of five minutes, or of a second.
    fn spent_until(&self, limits: &Limits, now: Moment) -> Option<Moment> {
        let spent = |limit: u32, window: Duration| {
            let earlier = self.attempts.len().checked_sub((limit as usize / 2).max(1))?;
            self.attempts.get(earlier).map(|&first| first + window).filter(|&until| until > now)
        };
        let second = limits.connects_per_second.and_then(|limit| spent(limit, Duration::from_secs(1)));
        spent(limits.connects_per_window, CONNECT_WINDOW).max(second)
    }

    /// Drops the attempts that have left the window.
    fn forget(&mut self, now: Moment) {
        while self.attempts.front().is_some_and(|&first| first + CONNECT_WINDOW <= now) {
            self.attempts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Moment {
        Moment(secs * 1_000_000_000)
    }

    const LIMITS: Limits = Limits {
        streams_per_connection: 1,
        streams_per_request: 1,
        sends_per_second: 1,
        connects_per_window: 300,
        connects_per_second: None,
        lifetime: None,
        weight_per_minute: 1,
    };

    /// Half of the venue's 300 in five minutes pass; the next waits until the first has left the window; another host
    /// does not wait.
    #[test]
    fn half_of_the_limit_passes() {
        let mut gate = Gate::new();
        for second in 0..150 {
            assert_eq!(gate.may("a", &LIMITS, at(second)), Ok(()));
        }
        assert_eq!(gate.may("a", &LIMITS, at(200)), Err(at(300)));
        assert_eq!(gate.may("b", &LIMITS, at(200)), Ok(()));
        assert_eq!(gate.may("a", &LIMITS, at(300)), Ok(()));
        assert_eq!(gate.may("a", &LIMITS, at(300)), Err(at(301)));
    }

    /// Half of what a second allows passes in a second, and half of what five minutes allow in five minutes.
    #[test]
    fn half_of_a_second_passes() {
        let limits = Limits { connects_per_window: 12, connects_per_second: Some(8), ..LIMITS };
        let (mut gate, late) = (Gate::new(), Moment(600_000_000));
        let at_once: Vec<_> = (0..5).map(|_| gate.may("a", &limits, at(0))).collect();
        assert_eq!(at_once, [Ok(()), Ok(()), Ok(()), Ok(()), Err(at(1))]);
        assert_eq!(gate.may("a", &limits, late), Err(at(1)));
        assert_eq!([gate.may("a", &limits, at(1)), gate.may("a", &limits, at(1))], [Ok(()); 2]);
        assert_eq!(gate.may("a", &limits, at(2)), Err(at(300)));
    }

    /// Nobody passes before a hold is over; then one alone does until it got through, or failed, or was forgotten.
    #[test]
    fn one_alone_tries_after_a_hold() {
        let mut gate = Gate::new();
        gate.hold("a", at(100), at(0));
        gate.hold("a", at(50), at(0));
        assert_eq!(gate.may("a", &LIMITS, at(99)), Err(at(100)));
        assert_eq!(gate.may("a", &LIMITS, at(100)), Ok(()));
        assert_eq!(gate.may("a", &LIMITS, at(101)), Err(at(102)), "another is trying");
        gate.done("a", false);
        assert_eq!(gate.may("a", &LIMITS, at(102)), Ok(()));
        assert_eq!(gate.may("a", &LIMITS, at(103)), Err(at(104)));
        assert_eq!(gate.may("a", &LIMITS, at(117)), Ok(()), "the one before said nothing");
        gate.done("a", true);
        assert_eq!((gate.may("a", &LIMITS, at(118)), gate.may("a", &LIMITS, at(118))), (Ok(()), Ok(())));
    }

    /// A full gate takes no further host but keeps every hold, and has room again when the window has passed.
    #[test]
    fn hosts_are_bounded() {
        let mut gate = Gate::new();
        for host in 0..HOSTS_MAX {
            assert_eq!(gate.may(&host.to_string(), &LIMITS, at(0)), Ok(()));
        }
        assert_eq!(gate.may("more", &LIMITS, at(1)), Err(at(2)));
        gate.hold("held", at(900), at(1));
        assert_eq!(gate.may("more", &LIMITS, at(301)), Ok(()));
        assert_eq!(gate.hosts.len(), 2, "the held one and the new one");
        assert_eq!(gate.may("held", &LIMITS, at(301)), Err(at(900)));
    }
}
