//! Seeded random numbers, so that a seed names a world for good.

use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    #[cfg(test)]
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator for one purpose: what is drawn for another changes nothing here.
    pub(crate) fn of(seed: u64, purpose: &str) -> Self {
        let mut hash = 0xCBF2_9CE4_8422_2325;
        for byte in purpose.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        let mut random = Self(seed ^ hash);
        Self(random.bits())
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// From 0 to `bound` - 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// From 0 (included) to 1 (not included).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Between two numbers, each order of magnitude as likely as another.
    pub(crate) fn magnitude(&mut self, least: f64, most: f64) -> f64 {
        least * (most / least).powf(self.unit())
    }

    /// Between two durations, all as likely.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least + (most.saturating_sub(least)).mul_f64(self.unit())
    }

    /// Until the next of things that happen every `mean` in the mean.
    pub(crate) fn until_next(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.unit()).ln())
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T], otherwise: T) -> T {
        all.get(self.below(all.len() as u64) as usize).copied().unwrap_or(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Purposes do not share numbers, bounds hold, and means are those asked for.
    #[test]
    fn draws_are_as_asked() {
        assert_ne!(Random::of(1, "a").bits(), Random::of(1, "b").bits());
        let mut random = Random::new(1);
        for _ in 0..1_000 {
            assert!((2.0..400.0).contains(&random.magnitude(2.0, 400.0)));
            assert!((1..4).contains(&random.one_of(&[1, 2, 3], 9)));
        }
        let sum: Duration = (0..10_000).map(|_| random.until_next(Duration::from_secs(5))).sum();
        assert!((48_000..52_000).contains(&sum.as_secs()), "{sum:?}");
    }
}
