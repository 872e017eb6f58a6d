//! How long to wait before connecting again.

use std::time::Duration;

use crate::Rules;
use crate::random::Random;

/// Exponential back-off with full jitter: evenly between nothing and a bound that doubles with each failure. The whole
/// range is drawn from, so that a thousand clients that were cut together do not come back together (Brooker,
/// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Debug)]
pub struct Backoff {
    quick: Duration,
    first: Duration,
    max: Duration,
    short_session: Duration,
    stable: Duration,
    random: Random,
    failures: u32,
}

impl Backoff {
    /// Without failures yet.
    #[must_use]
    pub fn new(rules: &Rules, seed: u64) -> Self {
        Self {
            quick: rules.backoff_quick,
            first: rules.backoff_first,
            max: rules.backoff_max,
            short_session: rules.short_session,
            stable: rules.stable,
            random: Random::new(seed),
            failures: 0,
        }
    }

    /// The wait after a connection ended or could not be had.
    ///
    /// * `session`: how long it was open; `None` if it never was.
    /// * `harsh`: the venue asked for distance (close codes 1008 and 1013), so there is no quick retry.
    ///
    /// Only a session of `stable` forgets failures. One that was merely not short does not count as another, so a
    /// connection that is cut every half minute is retried at the same bound each time.
    pub fn next(&mut self, session: Option<Duration>, harsh: bool) -> Duration {
        if session.is_some_and(|session| session >= self.stable) {
            self.failures = 0;
        }
        let quick = self.failures == 0 && session.is_some() && !harsh;
        let most = if quick { self.quick } else { self.bound() };
        if self.failures == 0 || session.is_none_or(|session| session < self.short_session) {
            self.failures = self.failures.saturating_add(1);
        }
        self.random.up_to(most)
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The longest that the next wait after a failure may be.
    #[must_use]
    pub fn bound(&self) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHORT: Option<Duration> = Some(Duration::from_secs(1));
    const STABLE: Option<Duration> = Some(Duration::from_secs(60));

    /// The first cut of a good session is retried within 100 ms, after which the bound doubles up to 30 s.
    #[test]
    fn first_retry_is_quick_then_the_bound_doubles() {
        let mut backoff = Backoff::new(&Rules::default(), 1);
        assert!(backoff.next(STABLE, false) <= Duration::from_millis(100));
        let mut bounds = Vec::new();
        for _ in 0..8 {
            bounds.push(backoff.bound().as_millis());
            backoff.next(SHORT, false);
        }
        assert_eq!(bounds, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    }

    /// A refusal and a venue that asks for distance have no quick retry: over many seeds the first wait passes 100 ms.
    #[test]
    fn refusals_and_harsh_ends_have_no_quick_retry() {
        for (session, harsh) in [(None, false), (STABLE, true)] {
            let longest = (0..100)
                .map(|seed| Backoff::new(&Rules::default(), seed).next(session, harsh))
                .max()
                .unwrap();
            assert!(longest > Duration::from_millis(200) && longest <= Duration::from_millis(250));
        }
    }

    proptest! {
        /// Whatever happens, a wait is within the bound before it, the bound never shrinks but by a stable session, and
        /// a short session raises it until it is at its most.
        #[test]
        fn waits_keep_to_their_bound(seed: u64, lives in prop::collection::vec((prop::option::of(0..120_u64), any::<bool>()), 1..200)) {
            let rules = Rules::default();
            let mut backoff = Backoff::new(&rules, seed);
            for (session, harsh) in lives {
                let session = session.map(Duration::from_secs);
                let before = backoff.bound();
                let wait = backoff.next(session, harsh);
                let stable = session.is_some_and(|session| session >= rules.stable);
                if stable {
                    prop_assert_eq!(backoff.failures(), 1);
                    prop_assert!(wait <= rules.backoff_first);
                } else {
                    prop_assert!(wait <= before);
                    prop_assert!(backoff.bound() >= before);
                    if session.is_none_or(|session| session < rules.short_session) {
                        prop_assert!(backoff.bound() == (before * 2).min(rules.backoff_max));
                    }
                }
            }
        }
    }
}
