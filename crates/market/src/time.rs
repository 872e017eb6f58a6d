//! Time as nanoseconds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01 UTC. `0` means "no stamp": a venue that sends none, or a stamp not yet taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Nanos(pub u64);

impl Nanos {
    /// No stamp.
    pub const NONE: Self = Self(0);

    /// From a venue's milliseconds; saturates far beyond any real stamp (year 2554).
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From a venue's microseconds; saturates as [`from_millis`](Self::from_millis).
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// The stamp, or `None` where there is none.
    #[must_use]
    pub const fn get(self) -> Option<u64> {
        if self.0 == 0 { None } else { Some(self.0) }
    }
}

impl fmt::Display for Nanos {
    /// `HH:MM:SS.mmm` of the UTC day, or `-` without a stamp.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ns) = self.get() else { return f.write_str("-") };
        let millis = ns / 1_000_000 % 86_400_000;
        let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stamp shows its time of day; no stamp shows a dash.
    #[test]
    fn stamp_shows_the_time_of_day() {
        assert_eq!(Nanos(1_723_161_255_030_314_667).to_string(), "23:54:15.030");
        assert_eq!(Nanos::NONE.to_string(), "-");
        assert_eq!(Nanos::from_millis(1_500).0, 1_500_000_000);
    }
}
