//! Every time and number that decides how a connection behaves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// The rules of a connection's life. The defaults are what the promises about faults are made with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Rules {
    /// How long an attempt to connect may take, handshakes included.
    pub connect_timeout: Duration,
    /// How long a request may stay without an answer.
    pub ack_timeout: Duration,
    /// Silence that is one too long, of a connection or of a stream that can be probed. A ping is sent after half.
    pub idle: Duration,
    /// How long a probe may take.
    pub probe_timeout: Duration,
    /// How long a stream has to catch up once a probe has said that the venue is ahead.
    pub settle: Duration,
    /// Most probes on their way at once.
    pub probes_at_once: usize,
    /// Most probes a minute: each costs of the REST budget that snapshots are made of.
    pub probes_per_minute: u32,
    /// A session shorter than this counts as a failure.
    pub short_session: Duration,
    /// After a session of this length all failures before it are forgotten.
    pub stable: Duration,
    /// The longest wait before the first retry after a good session was cut.
    pub backoff_quick: Duration,
    /// The longest wait after a first failure; it doubles with each further one.
    pub backoff_first: Duration,
    /// The longest wait there is.
    pub backoff_max: Duration,
    /// The wait after a failure that only a change of configuration can mend: a wrong identity, no such path.
    pub identity_retry: Duration,
    /// The wait after the venue refused us as such (region, firewall).
    pub blocked_retry: Duration,
    /// The wait after "too many requests" (429) without a `Retry-After`; it doubles with each further one.
    pub limited_default: Duration,
    /// The wait after a ban (418) without a `Retry-After`.
    pub banned_default: Duration,
    /// Stands in for the venue's own limit to a connection's life.
    pub lifetime: Option<Duration>,
    /// How long before the end of its life a connection is replaced (at most a quarter of the life).
    pub roll_before: Duration,
    /// By how much that moment may be early or late (at most a twelfth of the life), so that connections opened
    /// together are not replaced together.
    pub roll_jitter: Duration,
    /// How often a stream is asked for on one connection.
    pub subscription_tries: u32,
    /// More bad messages a minute than this end the connection.
    pub bad_messages_per_minute: usize,
}

impl Default for Rules {
    fn default() -> Self {
        const fn minutes(count: u64) -> Duration {
            Duration::from_secs(60 * count)
        }
        Self {
            connect_timeout: Duration::from_secs(5),
            ack_timeout: Duration::from_secs(5),
            idle: Duration::from_secs(10),
            probe_timeout: Duration::from_secs(2),
            settle: Duration::from_millis(500),
            probes_at_once: 4,
            probes_per_minute: 120,
            short_session: Duration::from_secs(5),
            stable: minutes(1),
            backoff_quick: Duration::from_millis(100),
            backoff_first: Duration::from_millis(250),
            backoff_max: Duration::from_secs(30),
            identity_retry: minutes(1),
            blocked_retry: minutes(15),
            limited_default: Duration::from_secs(5),
            banned_default: minutes(2),
            lifetime: None,
            roll_before: minutes(30),
            roll_jitter: minutes(10),
            subscription_tries: 5,
            bad_messages_per_minute: 10,
        }
    }
}

impl Rules {
    /// The silence after which a stream is probed: early enough that answer and catching up fit before
    /// [`idle`](Self::idle), but not before half of it.
    #[must_use]
    pub fn probe_after(&self) -> Duration {
        self.idle.saturating_sub(self.probe_timeout).saturating_sub(self.settle).max(self.idle / 2)
    }

    /// The age at which a connection is to be replaced, given the venue's limit to its life.
    pub(crate) fn roll_after(&self, venue: Option<Duration>, random: &mut Random) -> Option<Duration> {
        let life = self.lifetime.or(venue)?;
        let jitter = self.roll_jitter.min(life / 12);
        let earliest = life.saturating_sub(self.roll_before.min(life / 4)).saturating_sub(jitter);
        Some(earliest + random.up_to(jitter * 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replacement of a 24 h connection falls within 23 h 20 min and 23 h 40 min, spread over it; of a short one within
    /// its life; without a limit there is none.
    #[test]
    fn replacement_comes_before_the_end() {
        let mut random = Random::new(1);
        let day = Duration::from_secs(24 * 3_600);
        let mut drawn = Vec::new();
        for _ in 0..1_000 {
            drawn.push(Rules::default().roll_after(Some(day), &mut random).unwrap().as_secs() / 60);
        }
        let (first, last) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!((1_400..1_403).contains(first) && (1_417..=1_420).contains(last), "{first} to {last} min");
        let short = Rules { lifetime: Some(Duration::from_secs(12)), ..Rules::default() };
        for _ in 0..100 {
            let roll = short.roll_after(Some(day), &mut random).unwrap();
            assert!((8_000..=10_000).contains(&roll.as_millis()), "{roll:?}");
        }
        assert_eq!(Rules::default().roll_after(None, &mut random), None);
    }

    /// A probe, its answer and the catching up fit into the bound on silence.
    #[test]
    fn probe_fits_into_the_bound() {
        let rules = Rules::default();
        assert_eq!(rules.probe_after() + rules.probe_timeout + rules.settle, rules.idle);
        let hasty = Rules { idle: Duration::from_secs(2), ..rules };
        assert_eq!(hasty.probe_after(), Duration::from_secs(1));
    }
}
