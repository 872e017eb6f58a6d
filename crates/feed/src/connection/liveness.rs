//! Is a silent stream quiet, or stalled? Only a stream that can be probed can be asked.
//!
//! ```text
//! listening ──silent for probe_after──▶ probing ──quiet──▶ listening
//!                                          ├──ahead──▶ settling ──data──▶ listening
//!                                          │              └──none──▶ STALLED: subscribe anew, probe again soon,
//!                                          │                         then give the connection up
//!                                          └──no answer──▶ doubt: stalled only if all of the connection is as silent
//! ```
//!
//! A connection looks after its streams seldom: the next look is due when the longest silent stream could have become
//! silent for too long, so that among busy streams it is a pass over the table every few seconds.

use std::collections::VecDeque;

use touchline_market::{Bug, Reason, planted};

use super::Connection;
use super::streams::{Standing, Streams};
use crate::{Action, Moment, Report, Rules, StreamId};

/// What is known of one stream's silence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// Silence before this does not count: the stream was acknowledged then, or proved to be quiet.
    proven: Moment,
    step: Step,
    /// It was subscribed to anew because it had stalled, and has not spoken since.
    renewed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Listening { not_before: Moment },
    Probing { since: Moment },
    Settling { since: Moment, until: Moment },
    Doubt { until: Moment },
}

impl Default for Step {
    fn default() -> Self {
        Self::Listening { not_before: Moment(0) }
    }
}

/// Silence that subscribing anew does not mend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stall {
    /// The venue is ahead, and no stream of the connection says anything.
    Whole,
    /// This stream did not come back after it was subscribed to anew.
    Alone(u32),
}

impl Stall {
    pub(super) fn stream(self) -> Option<StreamId> {
        match self {
            Self::Whole => None,
            Self::Alone(place) => Some(StreamId(place)),
        }
    }
}

impl Watch {
    pub(super) fn from(now: Moment, renewed: bool) -> Self {
        Self { proven: now, step: Step::default(), renewed }
    }

    pub(super) fn is_renewed(self) -> bool {
        self.renewed
    }
}

impl Connection {
    /// What a probe found: `Some(true)`, the venue is ahead of what we heard; `Some(false)`, the market is quiet;
    /// `None`, no answer. Returns when the venue was asked, if the answer still counts.
    pub fn probed(&mut self, stream: StreamId, ahead: Option<bool>, now: Moment) -> Option<Moment> {
        self.wake = self.wake.min(now);
        self.streams.probed(stream, ahead, &self.rules, now)
    }

    /// Since when a stream has been silent without a proof that the market is quiet.
    #[must_use]
    pub fn silent_since(&self, stream: StreamId) -> Option<Moment> {
        let (_, heard, watch) = self.streams.watched().find(|(place, _, _)| *place == stream.0)?;
        Some(heard.max(watch.proven))
    }

    /// When a stream was acknowledged, or last proved to have nothing new.
    #[must_use]
    pub fn acknowledged_at(&self, stream: StreamId) -> Option<Moment> {
        self.streams.acknowledged_at(stream)
    }

    /// When data of a stream last came.
    #[must_use]
    pub fn spoke_at(&self, stream: StreamId) -> Option<Moment> {
        self.streams.data_at.get(stream.0 as usize).copied()
    }

    /// Asks the venue about a stream now, if it is not asked already and may be.
    pub fn probe_now(&mut self, stream: StreamId, now: Moment) {
        self.streams.probe_now(stream, now, &mut self.actions);
        self.wake = self.wake.min(now);
    }

    /// This connection carries on where another one left off, and has brought nothing yet: the silence began there.
    pub fn carry_on_silence(&mut self, stream: StreamId, since: Moment, now: Moment) {
        self.streams.carry_on_silence(stream, since);
        self.wake = self.wake.min(now);
    }
}

impl Streams {
    fn probed(
        &mut self,
        stream: StreamId,
        ahead: Option<bool>,
        rules: &Rules,
        now: Moment,
    ) -> Option<Moment> {
        let others = self.any_data_at.max(self.any_proof_at);
        let slot = self.slots.get_mut(stream.0 as usize)?;
        let Step::Probing { since } = slot.watch.step else { return None };
        match ahead {
            Some(true) => slot.watch.step = Step::Settling { since, until: now + rules.settle },
            Some(false) => {
                // The answer tells of the time when it was asked for, no later.
                slot.watch = Watch::from(since, false);
                self.any_proof_at = since;
            }
            None if now.since(others) < rules.probe_after() => {
                slot.watch.step = Step::Listening { not_before: now + rules.probe_timeout };
            }
            None => {
                let heard = self.data_at.get(stream.0 as usize).copied().unwrap_or_default();
                let until = heard.max(slot.watch.proven).max(others) + rules.idle;
                slot.watch.step = Step::Doubt { until };
            }
        }
        Some(since)
    }

    fn probe_now(&mut self, stream: StreamId, now: Moment, actions: &mut VecDeque<Action>) {
        let listens = |watch: Watch| matches!(watch.step, Step::Listening { .. });
        let may = self.watched().any(|(place, _, watch)| place == stream.0 && listens(watch));
        if may && self.probes.may(0, now).is_ok() {
            self.begin_probe(stream.0, now, actions);
        }
    }

    fn begin_probe(&mut self, place: u32, now: Moment, actions: &mut VecDeque<Action>) {
        self.probes.count(now);
        if let Some(slot) = self.slots.get_mut(place as usize) {
            slot.watch.step = Step::Probing { since: now };
        }
        actions.push_back(Action::Probe(StreamId(place)));
    }

    fn carry_on_silence(&mut self, stream: StreamId, since: Moment) {
        let place = stream.0 as usize;
        if let (Some(heard), Some(slot)) = (self.data_at.get_mut(place), self.slots.get_mut(place)) {
            (*heard, slot.watch.proven) = (since, since);
        }
    }

    /// Looks after every stream: starts probes and judges their outcome. When to look again.
    pub(super) fn watch(
        &mut self,
        rules: &Rules,
        now: Moment,
        actions: &mut VecDeque<Action>,
    ) -> Result<Moment, Stall> {
        if planted(Bug::SilenceUnseen) {
            return Ok(Moment::NEVER);
        }
        let mut stalled = Vec::new();
        for place in 0..self.slots.len() {
            let Ok(place) = u32::try_from(place) else { break };
            if self.has_stalled(place, rules, now) {
                stalled.push(place);
            }
        }
        for place in stalled {
            self.judge(place, rules, now, actions)?;
        }
        self.probe(rules, now, actions);
        Ok(self.next_look(rules, now))
    }

    /// Takes one stream a step further.
    fn has_stalled(&mut self, place: u32, rules: &Rules, now: Moment) -> bool {
        let heard = self.data_at.get(place as usize).copied().unwrap_or_default();
        let others = self.any_data_at.max(self.any_proof_at);
        let Some(slot) = self.slots.get_mut(place as usize) else { return false };
        if slot.standing != Standing::Acknowledged || !slot.probe {
            return false;
        }
        let watch = &mut slot.watch;
        watch.renewed &= heard <= watch.proven;
        match watch.step {
            Step::Settling { since, .. } if heard > since => watch.step = Step::default(),
            Step::Settling { until, .. } => return now >= until,
            Step::Doubt { until } if heard.max(others) + rules.idle > until => watch.step = Step::default(),
            Step::Doubt { until } => return now >= until,
            Step::Probing { since } if now >= since + rules.probe_timeout => {
                self.probed(StreamId(place), None, rules, now);
            }
            Step::Probing { .. } | Step::Listening { .. } => {}
        }
        false
    }

    /// A stream has stalled: subscribe to it anew, if that is not already known to be in vain.
    fn judge(
        &mut self,
        place: u32,
        rules: &Rules,
        now: Moment,
        actions: &mut VecDeque<Action>,
    ) -> Result<(), Stall> {
        let others = self.any_data_at.max(self.any_proof_at);
        if now.since(others) >= rules.probe_after() && self.count_acknowledged() > 1 {
            return Err(Stall::Whole);
        }
        if self.slots.get(place as usize).is_some_and(|slot| slot.watch.renewed) {
            return Err(Stall::Alone(place));
        }
        self.renew(place, true, now, actions);
        Ok(())
    }

    /// Flags a stream and subscribes to it anew; `soon` says whether to look soon if that helped.
    pub(super) fn renew(&mut self, place: u32, soon: bool, now: Moment, actions: &mut VecDeque<Action>) {
        let stream = Some(StreamId(place));
        actions.push_back(Action::Break { stream, reason: Reason::Stalled, dead: false });
        actions.push_back(Action::Report(Report::Stalled { stream }));
        if let Some(slot) = self.slots.get_mut(place as usize) {
            slot.watch = Watch::from(now, soon);
        }
        self.resubscribe(place, Standing::Wanted { from: now });
    }

    /// Starts the probes that are due, the longest silence first, as many as may be under way.
    fn probe(&mut self, rules: &Rules, now: Moment, actions: &mut VecDeque<Action>) {
        let under_way =
            self.watched().filter(|(_, _, watch)| matches!(watch.step, Step::Probing { .. })).count();
        for _ in under_way..rules.probes_at_once {
            let due = self.watched().filter_map(|(place, heard, watch)| {
                watch.probe_at(heard, rules).filter(|&at| at <= now).map(|at| (at, place))
            });
            let Some((_, place)) = due.min() else { return };
            if self.probes.may(0, now).is_err() {
                return;
            }
            self.begin_probe(place, now, actions);
        }
    }

    /// The next moment at which [`watch`](Self::watch) could find something.
    fn next_look(&self, rules: &Rules, now: Moment) -> Moment {
        let under_way =
            self.watched().filter(|(_, _, watch)| matches!(watch.step, Step::Probing { .. })).count();
        // With every probe under way, the next one starts when one of them comes back or times out.
        let may_probe = if under_way < rules.probes_at_once {
            self.probes.may(0, now).err().unwrap_or(now)
        } else {
            Moment::NEVER
        };
        let looks = self.watched().map(|(_, heard, watch)| match watch.step {
            Step::Listening { .. } => {
                watch.probe_at(heard, rules).map_or(Moment::NEVER, |at| at.max(may_probe))
            }
            Step::Probing { since } => since + rules.probe_timeout,
            Step::Settling { until, .. } | Step::Doubt { until } => until,
        });
        looks.min().unwrap_or(Moment::NEVER)
    }

    /// The acknowledged streams that can be probed: place, when data last came, what is known of its silence.
    fn acknowledged_at(&self, stream: StreamId) -> Option<Moment> {
        let slot = self.slots.get(stream.0 as usize)?;
        (slot.standing == Standing::Acknowledged).then_some(slot.watch.proven)
    }

    fn watched(&self) -> impl Iterator<Item = (u32, Moment, Watch)> {
        let all = (0_u32..).zip(self.slots.iter().zip(&self.data_at));
        let watched = all.filter(|(_, (slot, _))| slot.probe && slot.standing == Standing::Acknowledged);
        watched.map(|(place, (slot, &heard))| (place, heard, slot.watch))
    }
}

impl Watch {
    /// When a listening stream is to be probed if it stays silent.
    fn probe_at(self, heard: Moment, rules: &Rules) -> Option<Moment> {
        let Step::Listening { not_before } = self.step else { return None };
        let silence = if self.renewed { rules.probe_timeout } else { rules.probe_after() };
        Some((heard.max(self.proven) + silence).max(not_before))
    }
}
