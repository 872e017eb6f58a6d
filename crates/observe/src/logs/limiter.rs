//! So many lines a second of each kind, and of the others how many they were.

use std::collections::HashMap;
use std::time::Duration;

/// Lines of a kind that are said in a second.
pub const LINES_PER_SECOND: u32 = 10;

const SECOND: Duration = Duration::from_secs(1);

/// Which line: what it tells of, and the reason it names. Both are texts of the program, so there are only so many.
pub(super) type Kind = (&'static str, &'static str);

/// Says which lines may be said. Time is what the caller says it is, from a beginning of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Limiter {
    seconds: HashMap<Kind, Second>,
}

#[derive(Clone, Copy, Debug)]
struct Second {
    began: Duration,
    said: u32,
    kept_back: u64,
}

impl Limiter {
    /// May one more line of this kind be said? If not, it is counted. The lines whose second is over by now are told
    /// by [`over`](Self::over), which is to be asked first.
    pub(super) fn may(&mut self, kind: Kind, now: Duration) -> bool {
        let second = self.seconds.entry(kind).or_insert(Second { began: now, said: 0, kept_back: 0 });
        let may = second.said < LINES_PER_SECOND;
        if may {
            second.said += 1;
        } else {
            second.kept_back += 1;
        }
        may
    }

    /// Of every kind whose second is over: how many lines were kept back in it, if any were.
    pub(super) fn over(&mut self, now: Duration) -> Vec<(Kind, u64)> {
        self.take(|second| now.saturating_sub(second.began) >= SECOND)
    }

    /// The same of all kinds: the end.
    pub(super) fn finish(&mut self) -> Vec<(Kind, u64)> {
        self.take(|_| true)
    }

    fn take(&mut self, is_over: impl Fn(&Second) -> bool) -> Vec<(Kind, u64)> {
        let mut over = Vec::new();
        self.seconds.retain(|kind, second| {
            let over_now = is_over(second);
            if over_now && second.kept_back > 0 {
                over.push((*kind, second.kept_back));
            }
            !over_now
        });
        over.sort_unstable();
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A thousand lines within a second: ten are said, the others counted once the second is over and not before; another
    /// kind has its own ten; the next second begins with the next line.
    #[test]
    fn ten_lines_a_second_of_each_kind() {
        let mut limiter = Limiter::default();
        let (gap, cut) = (("book", "gap"), ("connection", "down"));
        let mut said = 0;
        for millis in 0..1_000 {
            assert_eq!(limiter.over(at(5_000 + millis)), []);
            said += u32::from(limiter.may(gap, at(5_000 + millis)));
        }
        assert_eq!(said, LINES_PER_SECOND);
        assert!(limiter.may(cut, at(5_999)));
        assert_eq!(limiter.over(at(6_000)), [(gap, 990)]);
        assert_eq!(limiter.over(at(6_000)), []);
        assert!((0..10).all(|_| limiter.may(gap, at(6_100))) && !limiter.may(gap, at(7_099)));
        // Nothing was kept back of the other: it has nothing to say.
        assert_eq!(limiter.over(at(7_099)), []);
        assert_eq!(limiter.over(at(7_100)), [(gap, 1)]);
    }

    /// Every line is said or counted, whatever the time does, and the end tells of what is left.
    #[test]
    fn no_line_is_forgotten() {
        let mut limiter = Limiter::default();
        let (mut said, mut told, mut state) = (0, 0, 7_u64);
        for n in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let now = at((state >> 33) % 50 + n / 20);
            told += limiter.over(now).iter().map(|(_, count)| count).sum::<u64>();
            let kind = (["a", "b", "c"][(state >> 61) as usize % 3], "x");
            said += u64::from(limiter.may(kind, now));
        }
        told += limiter.finish().iter().map(|(_, count)| count).sum::<u64>();
        assert_eq!(said + told, 20_000);
        assert!(told > 0 && limiter.finish().is_empty());
    }
}
