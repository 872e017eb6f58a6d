//! How often something may be done in a stretch of time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Moment;

/// A sliding window over the last times: at most `limit` of them fall into any stretch of `window`, however the stretch
/// is laid. (A token bucket that refills steadily lets nearly twice its capacity through in its first window.)
#[derive(Clone, Debug)]
pub struct Bucket {
    times: VecDeque<Moment>,
    limit: usize,
    window: Duration,
}

impl Bucket {
    /// At most `limit` (at least 1) in any `window`.
    #[must_use]
    pub fn new(limit: u32, window: Duration) -> Self {
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        Self { times: VecDeque::with_capacity(limit.min(1_024)), limit, window }
    }

    /// May it be done now, with room for `spare` more in the same window? With a limit of 1 there is no room to spare.
    ///
    /// # Errors
    /// The moment from which on it may.
    pub fn may(&self, spare: usize, now: Moment) -> Result<(), Moment> {
        let limit = self.limit.saturating_sub(spare).max(1);
        let Some(earlier) = self.times.len().checked_sub(limit) else { return Ok(()) };
        let free = self.times.get(earlier).map_or(now, |&time| time + self.window);
        if free <= now { Ok(()) } else { Err(free) }
    }

    /// How often it was done in the window that ends now; no more than the limit is known.
    pub(crate) fn used(&self, now: Moment) -> usize {
        self.times.iter().filter(|&&time| time + self.window > now).count()
    }

    /// It is done, allowed or not.
    pub fn count(&mut self, now: Moment) {
        if self.times.len() == self.limit {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }

    /// Forgets all: a new connection.
    pub fn clear(&mut self) {
        self.times.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The sixth of five a second waits for the first to leave the window, and one spared is spared.
    #[test]
    fn sends_wait_for_room() {
        let mut bucket = Bucket::new(5, SECOND);
        for _ in 0..4 {
            assert_eq!(bucket.may(1, Moment(7)), Ok(()));
            bucket.count(Moment(7));
        }
        assert_eq!(bucket.may(1, Moment(8)), Err(Moment(7) + SECOND));
        assert_eq!(bucket.may(0, Moment(8)), Ok(()));
        bucket.count(Moment(8));
        assert_eq!(bucket.may(0, Moment(9)), Err(Moment(7) + SECOND));
        assert_eq!(bucket.may(0, Moment(7) + SECOND), Ok(()));
        let mut one = Bucket::new(0, SECOND);
        assert_eq!(one.may(1, Moment(0)), Ok(()));
        one.count(Moment(0));
        assert_eq!(one.may(1, Moment(1)), Err(Moment(0) + SECOND));
    }

    proptest! {
        /// Whoever asks before each send never has more than the limit in any window.
        #[test]
        fn no_window_holds_more_than_the_limit(limit in 1..12_u32, steps in prop::collection::vec(0..400_000_000_u64, 1..300)) {
            let mut bucket = Bucket::new(limit, SECOND);
            let (mut now, mut sent) = (Moment(0), Vec::new());
            for step in steps {
                now = now + Duration::from_nanos(step);
                if bucket.may(0, now).is_ok() {
                    bucket.count(now);
                    sent.push(now);
                }
            }
            for (index, &first) in sent.iter().enumerate() {
                let within = sent[index..].iter().filter(|&&time| time < first + SECOND).count();
                prop_assert!(within <= limit as usize);
            }
        }
    }
}
