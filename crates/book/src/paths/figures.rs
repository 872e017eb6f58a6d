//! What each path has brought, and how much earlier than the others.

use touchline_market::{Continuity, Head, Nanos, Sequence, UpdateKind};

use crate::continuity::{Step, judge};

/// Classes of a lead: below 1 ns, then by powers of two, the last from 2^38 ns (some 275 s) up.
const CLASSES: usize = 40;

/// Arrivals that are remembered.
const REMEMBERED: usize = 256;

/// A sequence is not looked for beyond so many lower ones: what is held comes out of order, but not by much.
const LOWER_MAX: usize = 16;

/// How much earlier a path was than the one that brought the same message next, by powers of two.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leads {
    counts: [u64; CLASSES],
}

impl Default for Leads {
    fn default() -> Self {
        Self { counts: [0; CLASSES] }
    }
}

impl Leads {
    fn record(&mut self, lead_ns: u64) {
        let class = (u64::BITS - lead_ns.leading_zeros()) as usize;
        if let Some(count) = self.counts.get_mut(class.min(CLASSES - 1)) {
            *count += 1;
        }
    }

    /// How many leads were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Leads by class: number `n` counts those below `2^n` ns that are not in an earlier one; the last has no bound.
    #[must_use]
    pub fn classes(&self) -> &[u64; CLASSES] {
        &self.counts
    }

    /// The lead, ns, that half of them do not exceed, rounded up to a power of two less one; `None` without a lead.
    #[must_use]
    pub fn p50(&self) -> Option<u64> {
        self.at(50)
    }

    /// The lead, ns, that 99 of 100 do not exceed, rounded up to a power of two less one; `None` without a lead.
    #[must_use]
    pub fn p99(&self) -> Option<u64> {
        self.at(99)
    }

    fn at(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let class = self.counts.iter().position(|&count| {
            seen += count;
            seen >= wanted
        })?;
        Some((1 << class) - 1)
    }
}

/// What one path has brought.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PathFigures {
    /// Messages of its stream that concern the book, breaks not among them.
    pub messages: u64,
    /// Deltas that it was the first to bring.
    pub wins: u64,
    /// Deltas that were known already: another path had brought them, or it did itself.
    pub stale: u64,
    /// Holes in what it brought that another path had filled.
    pub losses: u64,
    /// Breaks of it.
    pub breaks: u64,
    /// How much earlier its wins came than the next path's copy.
    pub leads: Leads,
}

/// One path.
#[derive(Clone, Debug, Default)]
struct Path {
    figures: PathFigures,
    /// A message of it was of use since its last break.
    up: bool,
    /// Nothing will mend it without a person.
    ended: bool,
    /// The newest sequence that it brought since its last break; 0 for none.
    newest: Sequence,
}

/// Who brought a sequence, and when the first did.
#[derive(Clone, Copy, Debug, Default)]
struct Arrival {
    sequence: Sequence,
    ts_recv: Nanos,
    first: u8,
    /// A bit for each path that brought it.
    paths: u8,
}

/// Every path.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    paths: Vec<Path>,
    /// A ring of the latest.
    arrivals: Box<[Arrival; REMEMBERED]>,
    /// Where the next one goes.
    next: u8,
}

impl Figures {
    pub(super) fn new(paths: usize) -> Self {
        let arrivals = Box::new([Arrival::default(); REMEMBERED]);
        Self { paths: vec![Path::default(); paths], arrivals, next: 0 }
    }

    /// The path that a head names, which is one there is.
    #[inline]
    pub(super) fn path(&self, head: &Head) -> u8 {
        head.flags.path().min(self.paths().wrapping_sub(1))
    }

    pub(super) fn paths(&self) -> u8 {
        self.paths.len() as u8
    }

    pub(super) fn of(&self, path: u8) -> &PathFigures {
        self.paths.get(usize::from(path)).map_or(&NOTHING, |path| &path.figures)
    }

    pub(super) fn is_up(&self, path: u8) -> bool {
        self.paths.get(usize::from(path)).is_some_and(|path| path.up)
    }

    pub(super) fn any_up(&self) -> bool {
        self.paths.iter().any(|path| path.up)
    }

    /// Is a path up besides this one?
    pub(super) fn other_up(&self, but: u8) -> bool {
        self.paths.iter().enumerate().any(|(n, path)| path.up && n != usize::from(but))
    }

    /// The first path that is up, or the first of all.
    pub(super) fn first_up(&self) -> u8 {
        self.paths.iter().position(|path| path.up).unwrap_or_default() as u8
    }

    pub(super) fn all_ended(&self) -> bool {
        self.paths.iter().all(|path| path.ended)
    }

    /// Is there a path that is up and has not passed this place, so that it will bring what follows it?
    pub(super) fn can_follow(&self, frontier: Sequence) -> bool {
        self.paths.iter().any(|path| path.up && path.newest <= frontier)
    }

    /// A message of this path, wherever it will go. Tells whether this path left something out before it.
    #[inline]
    pub(super) fn take(&mut self, path: u8, family: Continuity, head: &Head) -> bool {
        let Some(path) = self.paths.get_mut(usize::from(path)) else { return false };
        path.figures.messages += 1;
        let before = path.newest;
        path.newest = before.max(head.sequence);
        head.kind == UpdateKind::Delta
            && before != Sequence(0)
            && judge(family, before, head.previous, head.sequence) == Step::Gap
    }

    /// Does the path go back behind what it brought itself?
    pub(super) fn goes_back(&self, path: u8, head: &Head) -> bool {
        self.paths.get(usize::from(path)).is_some_and(|path| head.sequence < path.newest)
    }

    /// Remembers who brought this sequence first.
    #[inline]
    pub(super) fn first(&mut self, path: u8, head: &Head) {
        if let Some(arrival) = self.arrivals.get_mut(usize::from(self.next)) {
            let (sequence, ts_recv) = (head.sequence, head.ts_recv);
            *arrival = Arrival { sequence, ts_recv, first: path, paths: bit(path) };
            self.next = self.next.wrapping_add(1);
        }
    }

    /// Remembers who brought this sequence. Tells whether this path is the first, as far as is remembered.
    pub(super) fn arrive(&mut self, path: u8, head: &Head) -> bool {
        let Some(arrival) = self.place(head.sequence).and_then(|place| self.arrivals.get_mut(place)) else {
            self.first(path, head);
            return true;
        };
        let second = arrival.paths.is_power_of_two() && arrival.paths != bit(path);
        let (first, then) = (arrival.first, arrival.ts_recv);
        arrival.paths |= bit(path);
        if let (true, Some(then), Some(now)) = (second, then.get(), head.ts_recv.get()) {
            self.change(first, |winner| winner.figures.leads.record(now.saturating_sub(then)));
        }
        false
    }

    /// Has another path brought this sequence of late, and this one not yet?
    pub(super) fn is_copy(&self, path: u8, head: &Head) -> bool {
        let arrival = self.place(head.sequence).and_then(|place| self.arrivals.get(place));
        arrival.is_some_and(|arrival| arrival.paths & bit(path) == 0)
    }

    /// Where a sequence is among the arrivals.
    fn place(&self, sequence: Sequence) -> Option<usize> {
        let mut lower = 0;
        for back in 1..=REMEMBERED {
            let place = usize::from(self.next).wrapping_sub(back) % REMEMBERED;
            let arrival = self.arrivals.get(place).filter(|arrival| arrival.paths != 0)?;
            if arrival.sequence == sequence {
                return Some(place);
            }
            lower += usize::from(arrival.sequence < sequence);
            if lower == LOWER_MAX {
                return None;
            }
        }
        None
    }

    /// A message of this path, where no number tells more.
    #[inline]
    pub(super) fn count(&mut self, path: u8) {
        self.change(path, |path| path.figures.messages += 1);
    }

    #[inline]
    pub(super) fn win(&mut self, path: u8) {
        self.change(path, |path| path.figures.wins += 1);
    }

    #[inline]
    pub(super) fn lose(&mut self, path: u8) {
        self.change(path, |path| path.figures.stale += 1);
    }

    /// Another path had what this one left out.
    pub(super) fn count_loss(&mut self, path: u8) {
        self.change(path, |path| path.figures.losses += 1);
    }

    /// A message of this path was of use.
    #[inline]
    pub(super) fn set_up(&mut self, path: u8) {
        self.change(path, |path| path.up = true);
    }

    /// What the path brings from now on is not known to follow what it brought.
    pub(super) fn set_down(&mut self, path: u8) {
        self.change(path, |path| (path.up, path.newest) = (false, Sequence(0)));
    }

    pub(super) fn has_ended(&self, path: u8) -> bool {
        self.paths.get(usize::from(path)).is_some_and(|path| path.ended)
    }

    pub(super) fn break_off(&mut self, path: u8, ended: bool) {
        self.set_down(path);
        self.change(path, |path| {
            path.figures.breaks += 1;
            path.ended = ended;
        });
    }

    /// The venue began to count anew with this message: nothing that was brought before has a place among the new
    /// numbers.
    pub(super) fn begin_count(&mut self, path: u8, head: &Head) {
        self.arrivals.fill(Arrival::default());
        self.paths.iter_mut().for_each(|path| path.newest = Sequence(0));
        self.change(path, |path| path.newest = head.sequence);
    }

    #[inline]
    fn change(&mut self, path: u8, change: impl FnOnce(&mut Path)) {
        if let Some(path) = self.paths.get_mut(usize::from(path)) {
            change(path);
        }
    }
}

/// What a path has brought that there is not.
const NOTHING: PathFigures = PathFigures {
    messages: 0,
    wins: 0,
    stale: 0,
    losses: 0,
    breaks: 0,
    leads: Leads { counts: [0; CLASSES] },
};

/// A path's bit.
const fn bit(path: u8) -> u8 {
    1 << (path & 7)
}

const _: () = assert!(REMEMBERED == 1 << u8::BITS, "a byte counts round the ring");

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::InstrumentId;

    /// A quantile is the upper end of the class in which it lies, to within a factor of two, at both ends of the range.
    #[test]
    fn leads_are_counted_by_powers_of_two() {
        let mut leads = Leads::default();
        assert_eq!((leads.p50(), leads.p99(), leads.count()), (None, None, 0));
        for _ in 0..98 {
            leads.record(1_000);
        }
        leads.record(0);
        leads.record(1_000_000);
        assert_eq!((leads.p50(), leads.p99(), leads.count()), (Some(1_023), Some(1_023), 100));
        leads.record(1_000_000);
        assert_eq!(leads.p99(), Some((1 << 20) - 1));
        leads.record(u64::MAX);
        assert_eq!((leads.classes()[0], leads.classes()[CLASSES - 1]), (1, 1));
    }

    /// The last 256 sequences are remembered, in whatever steps they come, and those that came a little out of order.
    #[test]
    fn sequences_of_late_are_remembered() {
        let head = |n: u64| {
            let mut head = Head::new(UpdateKind::Delta, InstrumentId(0));
            (head.sequence, head.ts_recv) = (Sequence(77_000 + n), Nanos(1 + n));
            head
        };
        for step in [1, 2, 10, 1_000] {
            let mut figures = Figures::new(2);
            for n in (0..1_000).map(|n| n ^ 7) {
                assert!(figures.arrive(0, &head(n * step)));
            }
            let copies = (0..1_000).filter(|&n| figures.is_copy(1, &head(n * step)));
            assert!(copies.eq(744..1_000), "in steps of {step}");
            figures.begin_count(0, &head(0));
            assert!(!figures.is_copy(1, &head(999 * step)));
        }
    }

    /// Only the next path's copy measures the lead, and a path's own repetition does not.
    #[test]
    fn lead_is_that_over_the_next_path() {
        let mut figures = Figures::new(3);
        let mut head = Head::new(UpdateKind::Delta, InstrumentId(0));
        head.sequence = Sequence(5);
        for (path, at, first, copy) in [
            (1, 100, true, false),
            (1, 150, false, false),
            (0, 164, false, true),
            (0, 170, false, false),
            (2, 900, false, true),
        ] {
            head.ts_recv = Nanos(at);
            assert_eq!((figures.is_copy(path, &head), figures.arrive(path, &head)), (copy, first), "at {at}");
        }
        assert_eq!((figures.of(1).leads.count(), figures.of(1).leads.p50()), (1, Some(127)));
        assert_eq!((figures.of(0).leads.count(), figures.of(9)), (0, &NOTHING));
    }
}
