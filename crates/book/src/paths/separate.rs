//! Unnumbered streams: a book for each path, of which one is shown.

use touchline_market::{Flags, Head, Record, Sequence, UpdateKind};

use super::figures::Figures;
use crate::{Counters, Keeper, KeeperConfig, Outcome};

/// A book for each path.
#[derive(Clone, Debug)]
pub(super) struct Separate {
    first: Keeper,
    others: Vec<Keeper>,
    leader: u8,
}

impl Separate {
    pub(super) fn new(config: &KeeperConfig, paths: usize) -> Self {
        let others = (1..paths).map(|_| Keeper::new(config)).collect();
        Self { first: Keeper::new(config), others, leader: 0 }
    }

    #[inline]
    pub(super) fn handle<'a, I>(&mut self, figures: &mut Figures, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let path = figures.path(head);
        let outcome = self.of_mut(path).handle(head, body);
        match head.kind {
            UpdateKind::Break => figures.break_off(path, head.flags.has(Flags::FINAL)),
            _ if head.flags.has(Flags::BESIDE_STREAM) => {}
            _ => {
                figures.count(path);
                if head.kind == UpdateKind::Delta && head.sequence != Sequence(0) {
                    let first = figures.arrive(path, head);
                    if first { figures.win(path) } else { figures.lose(path) }
                }
                if !matches!(outcome, Outcome::Rejected(_)) {
                    figures.set_up(path);
                }
            }
        }
        self.elect(figures);
        outcome
    }

    /// A break of every path. The outcome is that of the book that is shown.
    pub(super) fn break_all(&mut self, figures: &mut Figures, head: &Head) -> Outcome {
        let mut shown = Outcome::Ignored;
        for path in 0..figures.paths() {
            if self.of(path).outlasts(head) {
                continue;
            }
            figures.break_off(path, head.flags.has(Flags::FINAL));
            let outcome = self.of_mut(path).handle(head, std::iter::empty());
            if path == self.leader {
                shown = outcome;
            }
        }
        shown
    }

    /// The book that is shown.
    #[inline]
    pub(super) fn keeper(&self) -> &Keeper {
        self.of(self.leader)
    }

    pub(super) fn keeper_mut(&mut self) -> &mut Keeper {
        self.of_mut(self.leader)
    }

    pub(super) fn leader(&self) -> u8 {
        self.leader
    }

    /// A path's book.
    #[inline]
    pub(super) fn of(&self, path: u8) -> &Keeper {
        let other = usize::from(path).checked_sub(1).and_then(|other| self.others.get(other));
        other.unwrap_or(&self.first)
    }

    pub(super) fn counters(&self) -> Counters {
        self.others.iter().fold(*self.first.counters(), |sum, other| sum.and(other.counters()))
    }

    pub(super) fn buffered(&self) -> usize {
        self.first.buffered() + self.others.iter().map(Keeper::buffered).sum::<usize>()
    }

    #[inline]
    fn of_mut(&mut self, path: u8) -> &mut Keeper {
        let other = usize::from(path).checked_sub(1).and_then(|other| self.others.get_mut(other));
        other.unwrap_or(&mut self.first)
    }

    /// Shows another book if the one that is shown is not live and another is, or is dead and another is not.
    #[inline]
    fn elect(&mut self, figures: &Figures) {
        if !self.keeper().state().is_live() {
            self.elect_another(figures.paths());
        }
    }

    #[cold]
    fn elect_another(&mut self, paths: u8) {
        let after = (1..paths).map(|step| (self.leader + step) % paths);
        let live = after.clone().find(|&path| self.of(path).state().is_live());
        let alive = after.clone().find(|&path| self.keeper().is_dead() && !self.of(path).is_dead());
        if let Some(next) = live.or(alive) {
            let former = (self.keeper().epoch(), self.keeper().state());
            self.leader = next;
            self.keeper_mut().take_the_place_of(former);
        }
    }
}
