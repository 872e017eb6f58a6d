//! The streams of a connection: asked for in batches within the venue's limits.

use std::collections::VecDeque;
use std::time::Duration;

use touchline_venue::{Ask, VenueFacts};

use super::liveness::Watch;
use crate::bucket::Bucket;
use crate::{Action, Moment, Rules, StreamId};

/// Where a stream is on the present socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The place is free.
    Free,
    /// To be asked for, from this moment on.
    Wanted { from: Moment },
    /// Unsubscribed from, and asked for again once the venue has said that it is gone, or at this moment: what comes
    /// until then is of the old subscription.
    Leaving { until: Moment },
    /// Asked for: one of the requests without an answer names it.
    Asked,
    /// The venue sends it.
    Acknowledged,
    /// Refused or unanswered too often: left alone until the next connection.
    Resting,
    /// Refused for good.
    Dead,
}

impl Standing {
    /// From when on it is to be asked for, if that has not happened.
    fn wanted_from(self) -> Option<Moment> {
        match self {
            Self::Wanted { from: moment } | Self::Leaving { until: moment } => Some(moment),
            _ => None,
        }
    }
}

/// One stream.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) probe: bool,
    pub(super) standing: Standing,
    /// Times it was asked for in vain.
    pub(super) tries: u32,
    /// It was resting when the connection was last lost.
    pub(super) rested: bool,
    /// Most streams of a request that asks for it: halved each time such a request is refused.
    pub(super) batch_max: usize,
    pub(super) watch: Watch,
}

/// A request without an answer yet.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) at: Moment,
    /// Whom it asks for and who has no answer yet; none for a request to unsubscribe.
    pub(super) streams: Vec<u32>,
    /// Whom it unsubscribes from.
    pub(super) leavers: Vec<String>,
}

/// May two streams stand in one request?
type Together = fn(&str, &str) -> bool;

/// All of them. When data last came stands apart from the rest: it is what the hot path writes.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) data_at: Vec<Moment>,
    pub(super) any_data_at: Moment,
    /// When a probe last proved a stream to be quiet rather than stalled.
    pub(super) any_proof_at: Moment,
    pub(super) slots: Vec<Slot>,
    pub(super) requests: VecDeque<Request>,
    pub(super) probes: Bucket,
    /// What a new socket says before anything else.
    pub(super) hello: VecDeque<String>,
    leaving: Vec<String>,
    last_request: u64,
    pub(super) batch_max: usize,
}

impl Streams {
    pub(super) fn new(venue: &VenueFacts, rules: &Rules) -> Self {
        Self {
            data_at: Vec::new(),
            any_data_at: Moment(0),
            any_proof_at: Moment(0),
            slots: Vec::new(),
            requests: VecDeque::new(),
            probes: Bucket::new(rules.probes_per_minute, Duration::from_secs(60)),
            hello: VecDeque::new(),
            leaving: Vec::new(),
            last_request: 0,
            batch_max: venue.access.limits.streams_per_request.max(1),
        }
    }

    #[inline]
    pub(super) fn data(&mut self, stream: StreamId, now: Moment) {
        self.any_data_at = now;
        if let Some(at) = self.data_at.get_mut(stream.0 as usize) {
            *at = now;
        }
    }

    pub(super) fn add(&mut self, name: String, probe: bool, now: Moment) -> StreamId {
        let slot = Slot {
            name,
            probe,
            standing: Standing::Wanted { from: now },
            tries: 0,
            rested: false,
            batch_max: self.batch_max,
            watch: Watch::default(),
        };
        let free = self.slots.iter_mut().enumerate().find(|(_, slot)| slot.standing == Standing::Free);
        let place = if let Some((place, free)) = free {
            *free = slot;
            place
        } else {
            self.slots.push(slot);
            self.data_at.push(now);
            self.slots.len() - 1
        };
        // No venue carries 2^32 streams on a connection.
        StreamId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Frees a place. The venue is told if it sends the stream, or may be about to.
    pub(super) fn remove(&mut self, stream: StreamId, open: bool) {
        let Some(slot) = self.slots.get_mut(stream.0 as usize) else { return };
        let sent = matches!(slot.standing, Standing::Asked | Standing::Acknowledged);
        let name = std::mem::take(&mut slot.name);
        slot.standing = Standing::Free;
        if open && sent {
            self.leaving.push(name);
        }
        // A late answer must not speak for whoever gets the place next.
        for request in &mut self.requests {
            request.streams.retain(|&place| place != stream.0);
        }
    }

    /// Subscribes anew to a stream that is acknowledged, as it [stands](Standing) until it is asked for.
    pub(super) fn resubscribe(&mut self, stream: u32, standing: Standing) {
        if let Some(slot) = self.slots.get_mut(stream as usize) {
            self.leaving.push(slot.name.clone());
            slot.standing = standing;
        }
    }

    /// Those of the streams that are left and whose names match are gone, and may be asked for again.
    pub(super) fn gone(&mut self, now: Moment, matches: impl Fn(&str) -> bool) {
        for slot in &mut self.slots {
            if matches!(slot.standing, Standing::Leaving { .. }) && matches(&slot.name) {
                slot.standing = Standing::Wanted { from: now };
            }
        }
    }

    /// Every stream that is left alone is wanted again, as if it never had been asked for.
    pub(super) fn ask_again(&mut self, now: Moment) {
        for slot in self.slots.iter_mut().filter(|slot| slot.standing == Standing::Resting) {
            (slot.standing, slot.tries, slot.rested) = (Standing::Wanted { from: now }, 0, false);
        }
    }

    /// The socket is gone: every stream that is not dead is wanted again.
    pub(super) fn disconnected(&mut self, now: Moment) {
        self.requests.clear();
        self.hello.clear();
        self.leaving.clear();
        for slot in &mut self.slots {
            if matches!(slot.standing, Standing::Free | Standing::Dead) {
                continue;
            }
            slot.rested |= slot.standing == Standing::Resting;
            slot.batch_max = if slot.rested { 1 } else { self.batch_max };
            slot.tries = 0;
            slot.standing = Standing::Wanted { from: now };
            slot.watch = Watch::default();
        }
    }

    /// Sends what the limit lets through: first what a new socket has to say, then who leaves, then who is wanted. When
    /// there may be more to send.
    pub(super) fn send(
        &mut self,
        venue: &VenueFacts,
        (sends, spare): (&mut Bucket, usize),
        now: Moment,
        actions: &mut VecDeque<Action>,
    ) -> Moment {
        let together = venue.texts.together;
        loop {
            let has_leavers = !self.leaving.is_empty();
            let batch = if has_leavers { Vec::new() } else { self.batch(together, now) };
            if self.hello.is_empty() && !has_leavers && batch.is_empty() {
                return self.next_wanted();
            }
            if let Err(free) = sends.may(spare, now) {
                return free;
            }
            sends.count(now);
            if let Some(hello) = self.hello.pop_front() {
                actions.push_back(Action::Send(hello));
                continue;
            }
            self.last_request += 1;
            let id = self.last_request;
            let leavers = self.leavers(together);
            let text = if has_leavers {
                let names: Vec<_> = leavers.iter().map(String::as_str).collect();
                (venue.texts.request)(Ask::Unsubscribe, &names, id)
            } else {
                self.ask(&batch);
                let slots = batch.iter().filter_map(|&place| self.slots.get(place as usize));
                let names: Vec<_> = slots.map(|slot| slot.name.as_str()).collect();
                (venue.texts.request)(Ask::Subscribe, &names, id)
            };
            self.requests.push_back(Request { id, at: now, streams: batch, leavers });
            actions.push_back(Action::Send(text));
        }
    }

    /// Takes the streams of the next request to unsubscribe: the first, and who may stand beside it.
    fn leavers(&mut self, together: Together) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let most = self.batch_max;
        self.leaving.retain_mut(|name| {
            let goes = names.len() < most
                && names.first().is_none_or(|first| together(first.as_str(), name.as_str()));
            if goes {
                names.push(std::mem::take(name));
            }
            !goes
        });
        names
    }

    /// The streams of the next request to subscribe: the first, and who may stand beside it.
    fn batch(&self, together: Together, now: Moment) -> Vec<u32> {
        let mut batch = Vec::new();
        let mut most = self.batch_max;
        let mut first: Option<&str> = None;
        for (place, slot) in (0_u32..).zip(&self.slots) {
            if slot.standing.wanted_from().is_some_and(|from| from <= now)
                && batch.len() < slot.batch_max
                && first.is_none_or(|first| together(first, &slot.name))
            {
                first = first.or(Some(&slot.name));
                most = most.min(slot.batch_max);
                batch.push(place);
                if batch.len() >= most {
                    break;
                }
            }
        }
        batch
    }

    fn ask(&mut self, batch: &[u32]) {
        for &place in batch {
            if let Some(slot) = self.slots.get_mut(place as usize) {
                slot.standing = Standing::Asked;
            }
        }
    }

    fn next_wanted(&self) -> Moment {
        let wanted = self.slots.iter().filter_map(|slot| slot.standing.wanted_from());
        wanted.min().unwrap_or(Moment::NEVER)
    }

    pub(super) fn next_timeout(&self, rules: &Rules) -> Moment {
        self.requests.front().map_or(Moment::NEVER, |request| request.at + rules.ack_timeout)
    }

    /// No stream waits for anything.
    pub(super) fn is_settled(&self) -> bool {
        let waits = |standing: Standing| standing == Standing::Asked || standing.wanted_from().is_some();
        !self.slots.iter().any(|slot| waits(slot.standing))
    }

    pub(super) fn is_left(&self, stream: StreamId) -> bool {
        self.slots
            .get(stream.0 as usize)
            .is_some_and(|slot| matches!(slot.standing, Standing::Leaving { .. }))
    }

    pub(super) fn is_acknowledged(&self, stream: StreamId) -> bool {
        self.slots.get(stream.0 as usize).is_some_and(|slot| slot.standing == Standing::Acknowledged)
    }

    pub(super) fn count_acknowledged(&self) -> usize {
        self.slots.iter().filter(|slot| slot.standing == Standing::Acknowledged).count()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (StreamId, &str, bool)> {
        let taken = (0..).zip(&self.slots).filter(|(_, slot)| slot.standing != Standing::Free);
        taken.map(|(place, slot)| {
            (StreamId(place), slot.name.as_str(), slot.standing == Standing::Acknowledged)
        })
    }
}
