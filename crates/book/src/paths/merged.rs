//! Numbered streams: one book, to which the first path with a sequence brings it.

use touchline_market::{Continuity, Flags, Head, Nanos, Reason, Record, UpdateKind};

use super::PathsConfig;
use super::figures::Figures;
use super::hold::{Hold, Push};
use crate::book::check_body;
use crate::continuity::Step;
use crate::{Keeper, Outcome};

/// One book of several paths.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    keeper: Keeper,
    family: Continuity,
    hold: Hold,
}

impl Merged {
    pub(super) fn new(config: &PathsConfig) -> Self {
        Self {
            keeper: Keeper::new(&config.keeper),
            family: config.keeper.continuity,
            hold: Hold::new(config),
        }
    }

    #[inline]
    pub(super) fn handle<'a, I>(&mut self, figures: &mut Figures, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let path = figures.path(head);
        let outcome = match head.kind {
            UpdateKind::Delta => self.delta(figures, path, head, body),
            UpdateKind::Break => self.hear_break(figures, path, head),
            _ => self.whole(figures, path, head, body),
        };
        if self.hold.is_over(head.ts_recv) {
            self.advance(figures, head.ts_recv);
        }
        outcome
    }

    /// A break of every path.
    pub(super) fn break_all(&mut self, figures: &mut Figures, head: &Head) -> Outcome {
        if self.keeper.outlasts(head) {
            return Outcome::Ignored;
        }
        let lost = head.reason() == Some(Reason::Overrun);
        for path in 0..figures.paths() {
            // What was lost does not bring a path back.
            let ended = head.flags.has(Flags::FINAL) || lost && figures.has_ended(path);
            figures.break_off(path, ended);
        }
        self.drop_held();
        self.keeper.handle(head, std::iter::empty())
    }

    /// Gives up the hold if its time is over.
    pub(super) fn tick(&mut self, figures: &mut Figures, now: Nanos) -> bool {
        self.hold.is_over(now) && self.advance(figures, now).is_some()
    }

    pub(super) fn deadline(&self) -> Option<Nanos> {
        self.hold.deadline()
    }

    #[inline]
    pub(super) fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    pub(super) fn keeper_mut(&mut self) -> &mut Keeper {
        &mut self.keeper
    }

    pub(super) fn held(&self) -> usize {
        self.hold.len()
    }

    #[inline]
    fn delta<'a, I>(&mut self, figures: &mut Figures, path: u8, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if body.size_hint().0 < head.body_records()
            && let Some(rejected) = self.reject_short(figures, path, head, &body)
        {
            return rejected;
        }
        let went_back = head.previous.0 == 0 && figures.goes_back(path, head);
        let after_hole = figures.take(path, self.family, head);
        match self.keeper.step(head) {
            Step::Next => {
                if head.sequence < self.keeper.frontier() {
                    // The venue counts anew and says so.
                    figures.begin_count(path, head);
                }
                figures.first(path, head);
                figures.win(path);
                if after_hole {
                    figures.count_loss(path);
                }
                let outcome = self.keeper.handle(head, body);
                self.mark(figures, path, outcome);
                self.advance(figures, head.ts_recv);
                outcome
            }
            Step::Stale => {
                if after_hole {
                    figures.count_loss(path);
                }
                self.old(figures, path, went_back, head, body)
            }
            Step::Gap => self.beyond(figures, (path, after_hole), head, body),
        }
    }

    /// A delta that is known already, unless the venue counts anew.
    fn old<'a, I>(&mut self, figures: &mut Figures, path: u8, back: bool, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let copy = figures.is_copy(path, head);
        figures.arrive(path, head);
        figures.lose(path);
        if back && copy {
            // Another path has told of the new count: what this one brought of the old one has no place any more.
            let dropped = self.hold.drop_path(path);
            self.keeper.count_dropped(dropped);
        }
        if copy {
            self.keeper.count_stale();
            figures.set_up(path);
            return Outcome::Stale;
        }
        let resets = self.keeper.counters().resets;
        let outcome = self.keeper.hear_old_of_paths(head, body);
        if self.keeper.counters().resets != resets {
            self.drop_held();
            figures.begin_count(path, head);
            figures.first(path, head);
        }
        self.mark(figures, path, outcome);
        outcome
    }

    /// A delta that leaves something out: held, as long as a path may bring that.
    #[cold]
    fn beyond<'a, I>(&mut self, figures: &mut Figures, from: (u8, bool), head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let path = from.0;
        figures.arrive(path, head);
        match self.hold.push(from, head, body.clone()) {
            Push::Held => {
                figures.win(path);
                let outcome = self.advance(figures, head.ts_recv);
                outcome.filter(|_| self.hold.is_empty()).unwrap_or(Outcome::Buffered)
            }
            Push::Copy => {
                figures.lose(path);
                self.keeper.count_stale();
                // It may have been the last path that could fill the hole.
                self.advance(figures, head.ts_recv);
                Outcome::Stale
            }
            Push::Full => {
                figures.win(path);
                while !self.hold.is_empty() {
                    self.hand_on(figures);
                }
                let outcome = self.keeper.handle(head, body);
                self.mark(figures, path, outcome);
                outcome
            }
        }
    }

    /// A snapshot, or a message that is nothing for a book.
    fn whole<'a, I>(&mut self, figures: &mut Figures, path: u8, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if head.kind == UpdateKind::Snapshot && !head.flags.has(Flags::BESIDE_STREAM) {
            let new_count = figures.goes_back(path, head) && !figures.is_copy(path, head);
            figures.take(path, self.family, head);
            figures.arrive(path, head);
            if new_count {
                self.drop_held();
                figures.begin_count(path, head);
                figures.first(path, head);
            } else if self.keeper.state().is_live() && figures.other_up(path) {
                self.keeper.count_ignored_snapshot();
                figures.set_up(path);
                return Outcome::Ignored;
            }
        }
        let outcome = self.keeper.handle(head, body);
        if !head.flags.has(Flags::BESIDE_STREAM) {
            self.mark(figures, path, outcome);
        }
        self.advance(figures, head.ts_recv);
        outcome
    }

    /// A break of one path: the book's, if no other path is up.
    #[cold]
    fn hear_break(&mut self, figures: &mut Figures, path: u8, head: &Head) -> Outcome {
        let ended = head.flags.has(Flags::FINAL);
        if !ended && matches!(head.reason(), Some(Reason::SnapshotLate | Reason::RateLimited)) {
            return self.keeper.handle(head, std::iter::empty());
        }
        figures.break_off(path, ended);
        self.hold.outlive(path);
        if figures.any_up() {
            self.advance(figures, head.ts_recv);
            // A snapshot that was of no use may have said that the other paths are further than the book.
            let behind = self.keeper.state().is_live() && !figures.can_follow(self.keeper.frontier());
            if !behind {
                return Outcome::Ignored;
            }
        }
        let dropped = self.hold.drop_path(path);
        self.keeper.count_dropped(dropped);
        let mut head = *head;
        if ended && !figures.all_ended() {
            head.flags = Flags(head.flags.0 & !Flags::FINAL.0);
        }
        let outcome = self.keeper.handle(&head, std::iter::empty());
        self.advance(figures, head.ts_recv);
        outcome
    }

    /// A message cut short on its way: another path, if there is one, brings it whole.
    #[cold]
    fn reject_short<'a>(
        &mut self,
        figures: &mut Figures,
        path: u8,
        head: &Head,
        body: &(impl Iterator<Item = &'a Record> + Clone),
    ) -> Option<Outcome> {
        let error = check_body(head, body).err().filter(|_| figures.other_up(path))?;
        figures.take(path, self.family, head);
        figures.set_down(path);
        self.hold.outlive(path);
        self.keeper.count_rejected();
        Some(Outcome::Rejected(error))
    }

    /// Hands on the held messages that follow now, and those for which nobody will bring what is missing, or not in
    /// time: of that the book says that it is a gap. Tells what became of the last one.
    #[inline]
    fn advance(&mut self, figures: &mut Figures, now: Nanos) -> Option<Outcome> {
        if self.hold.is_empty() { None } else { self.advance_held(figures, now) }
    }

    #[cold]
    fn advance_held(&mut self, figures: &mut Figures, now: Nanos) -> Option<Outcome> {
        let mut last = None;
        while let Some((held, _)) = self.hold.front() {
            match self.keeper.step(&held.head) {
                Step::Gap if self.is_worth_waiting(figures, now) => break,
                Step::Gap | Step::Next => last = self.hand_on(figures),
                Step::Stale => {
                    self.keeper.count_stale();
                    self.hold.pop();
                    last = Some(Outcome::Stale);
                }
            }
        }
        last
    }

    /// Is there a path that may bring what is missing before those that are held, and time left for it?
    fn is_worth_waiting(&mut self, figures: &Figures, now: Nanos) -> bool {
        self.hold.settle();
        figures.can_follow(self.keeper.frontier()) && !self.hold.is_over(now)
    }

    /// Hands on the first of the held messages.
    fn hand_on(&mut self, figures: &mut Figures) -> Option<Outcome> {
        let (held, body) = self.hold.front()?;
        let filled = held.after_hole && self.keeper.step(&held.head) == Step::Next;
        let outcome = self.keeper.handle(&held.head, body.iter());
        self.hold.pop();
        if filled {
            figures.count_loss(held.path);
        }
        if !held.outlived {
            self.mark(figures, held.path, outcome);
        }
        Some(outcome)
    }

    fn drop_held(&mut self) {
        let dropped = self.hold.clear();
        self.keeper.count_dropped(dropped);
    }

    /// A path is up when the book could use what it brought.
    #[inline]
    fn mark(&self, figures: &mut Figures, path: u8, outcome: Outcome) {
        if !self.keeper.is_dead() && !matches!(outcome, Outcome::Rejected(_)) {
            figures.set_up(path);
        }
    }
}
