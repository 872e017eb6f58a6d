//! The price step of a window: from a distance in keys to a number of ticks, by one multiplication.
//!
//! Division by a step known in advance: write `step = odd × 2^shift`. An odd number has an inverse modulo 2^64, so
//! `distance × inverse`, rotated right by `shift`, is the quotient if the division is exact. That map of `u64` onto
//! itself is one to one, and it sends `0, step, 2·step, ...` to `0, 1, 2, ...`; so a result below the window's
//! width is at once the proof that the distance is not negative, inside the window, and a multiple of the step.

/// A price step, in units of the price's last digit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    size: u64,
    inverse: u64,
    shift: u32,
}

/// The largest step: with a window of at most 2^20 ticks, a window's span stays below 2^61.
pub(super) const STEP_MAX: u64 = 1 << 40;

impl Step {
    /// The step of this size, or a divisor of it if it is larger than [`STEP_MAX`]; a size of 0 counts as 1.
    pub(super) fn new(size: u64) -> Self {
        let size = if size > STEP_MAX { gcd(size, STEP_MAX) } else { size.max(1) };
        let shift = size.trailing_zeros();
        let odd = size >> shift;
        // Newton's iteration doubles the right bits each time: x·odd = 1 holds for 3 bits at first, then 6 .. 96.
        let inverse = (0..5).fold(odd, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))));
        debug_assert_eq!(odd.wrapping_mul(inverse), 1);
        Self { size, inverse, shift }
    }

    /// `distance / step`; a huge number unless the distance is a small multiple of the step.
    #[inline]
    pub(super) fn ticks(self, distance: u64) -> u64 {
        distance.wrapping_mul(self.inverse).rotate_right(self.shift)
    }

    /// Units in a step.
    #[inline]
    pub(super) fn size(self) -> u64 {
        self.size
    }

    /// The largest step that divides both this one and `distance`.
    pub(super) fn with(self, distance: u64) -> Self {
        Self::new(gcd(self.size, distance))
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// For small quotients the multiplication is the division; whatever is not one is far outside any window.
        #[test]
        fn ticks_are_the_exact_quotient_or_huge(size in 1..=STEP_MAX, distance: u64, quotient in 0u64..1 << 20) {
            let step = Step::new(size);
            prop_assert_eq!(step.ticks(quotient * size), quotient);
            let exact = distance.is_multiple_of(size) && distance / size < 1 << 20;
            prop_assert_eq!(step.ticks(distance) < 1 << 20, exact);
        }

        /// A step too large for a window gives way to a divisor of it.
        #[test]
        fn a_step_too_large_is_divided(size in STEP_MAX..) {
            let step = Step::new(size);
            prop_assert!(step.size() <= STEP_MAX);
            prop_assert!(size.is_multiple_of(step.size()));
        }
    }

    /// The common step of two, by examples; nothing divides by zero.
    #[test]
    fn the_common_step_divides_both() {
        assert_eq!(Step::new(100).with(250).size(), 50);
        assert_eq!(Step::new(100).with(0).size(), 100);
        assert_eq!(Step::new(0).size(), 1);
        assert_eq!(gcd(0, 0), 0);
    }
}
