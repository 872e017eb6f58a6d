//! Seeded random numbers: the same on every machine and in every version, so that a seed names a market for good.

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator with its own sequence for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits more.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to `bound` - 1; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The product's upper half; its bias is far below anything a market shows.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Does something of this probability happen? Draws once, whatever the probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from 0 (included) to 1 (not included).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A small number, each next one half as likely as the one before: how far from the best an order is placed.
    pub(crate) fn geometric(&mut self, mean: u64) -> u64 {
        let mut total = 0;
        while total < 64 * mean && self.below(mean + 1) != 0 {
            total += 1;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published first outputs for seed 0; and bounds hold.
    #[test]
    fn the_sequence_is_the_published_one() {
        let mut random = Random::new(0);
        assert_eq!(random.bits(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.bits(), 0x6E78_9E6A_A1B9_65F4);
        assert!((0..1_000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
        assert!((0..1_000).all(|_| !random.chance(0.0) && random.chance(1.0)));
    }
}
