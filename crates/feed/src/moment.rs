//! Time as the state machines know it.

use std::ops::Add;
use std::time::Duration;

/// Nanoseconds on a clock that never goes back, since a moment that only its owner knows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than anything.
    pub const NEVER: Self = Self(u64::MAX);

    /// How long after `earlier`; nothing if it is not after it.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Saturates at [`NEVER`](Self::NEVER).
    fn add(self, after: Duration) -> Self {
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}
