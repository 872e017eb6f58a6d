//! Random numbers for jitter.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): eight bytes of state, any
/// seed will do, and the same seed gives the same life again.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Evenly from nothing up to `most`, both included.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        // The high half of the product: even to within one part in 2^64 / nanos, and always at most `nanos`.
        let product = u128::from(self.next()) * (u128::from(nanos) + 1);
        Duration::from_nanos(u64::try_from(product >> 64).unwrap_or(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of seed 0 are those of the published reference.
    #[test]
    fn numbers_are_the_published_ones() {
        let mut random = Random::new(0);
        assert_eq!([random.next(), random.next()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }

    /// Jitter stays within its bound, reaches both halves of it, and a bound of nothing gives nothing.
    #[test]
    fn jitter_stays_within_its_bound() {
        let mut random = Random::new(7);
        let most = Duration::from_millis(100);
        let drawn: Vec<_> = (0..1_000).map(|_| random.up_to(most)).collect();
        assert!(drawn.iter().all(|&jitter| jitter <= most));
        let low = drawn.iter().filter(|&&jitter| jitter < most / 2).count();
        assert!((400..600).contains(&low), "{low}");
        assert_eq!(random.up_to(Duration::ZERO), Duration::ZERO);
    }
}
