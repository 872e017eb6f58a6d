//! What the venue answers to requests, and what follows from no answer.

use std::collections::VecDeque;
use std::time::Duration;

use touchline_market::Reason;
use touchline_venue::Reply;

use super::liveness::Watch;
use super::streams::{Request, Standing, Streams};
use super::text::clean;
use super::{Connection, Socket};
use crate::{Action, Moment, Report, Rules, StreamId};

/// The wait before a stream is asked for a second time; it doubles with each further one.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Why a stream was not given.
struct Cause<'a> {
    code: i64,
    text: &'a str,
    terminal: bool,
}

impl Connection {
    /// The venue said something that is no data.
    pub fn reply(&mut self, reply: Reply, now: Moment) {
        self.heard_at = now;
        if !matches!(self.socket, Socket::Open { .. }) {
            return;
        }
        match reply {
            Reply::Accepted { id } => self.streams.accepted(id, now, &mut self.actions),
            Reply::Subscribed { streams } => self.streams.given(&streams, now, &mut self.actions),
            Reply::Subscriptions { streams } => {
                self.streams.given(&streams, now, &mut self.actions);
                self.streams.gone(now, |name| !streams.iter().any(|given| given == name));
            }
            Reply::Unsubscribed { streams } => {
                self.streams.gone(now, |name| streams.iter().any(|gone| gone == name));
            }
            Reply::Refused { id, stream, code, text, terminal } => {
                let cause = Cause { code, text: &clean(&text), terminal };
                match stream {
                    Some(name) => {
                        self.streams.not_given(&name, &cause, &self.rules, now, &mut self.actions);
                    }
                    None => self.streams.refused(id, &cause, &self.rules, now, &mut self.actions),
                }
            }
            Reply::Closing => self.leave(),
            Reply::Nothing => return,
        }
        self.wake = self.wake.min(now);
    }
}

impl Streams {
    fn accepted(&mut self, id: u64, now: Moment, actions: &mut VecDeque<Action>) {
        let Some(request) = self.take(Some(id)) else { return };
        for place in request.streams {
            self.acknowledge(place, now, actions);
        }
        self.gone(now, |name| request.leavers.iter().any(|gone| gone == name));
    }

    /// Streams were acknowledged by their names, whichever request they were asked for with.
    fn given(&mut self, names: &[String], now: Moment, actions: &mut VecDeque<Action>) {
        for place in self.asked(|name| names.iter().any(|given| given == name)) {
            self.withdraw(place);
            self.acknowledge(place, now, actions);
        }
    }

    /// A stream was refused by its name: that says nothing about others of its request.
    fn not_given(
        &mut self,
        refused: &str,
        cause: &Cause<'_>,
        rules: &Rules,
        now: Moment,
        actions: &mut VecDeque<Action>,
    ) {
        for place in self.asked(|name| name == refused) {
            self.withdraw(place);
            self.failed(place, cause, rules, now, actions);
        }
    }

    fn acknowledge(&mut self, place: u32, now: Moment, actions: &mut VecDeque<Action>) {
        if let Some(slot) = self.slots.get_mut(place as usize) {
            slot.standing = Standing::Acknowledged;
            slot.tries = 0;
            slot.rested = false;
            slot.batch_max = self.batch_max;
            slot.watch = Watch::from(now, slot.watch.is_renewed());
            actions.push_back(Action::Subscribed(StreamId(place)));
        }
    }

    /// The streams that wait for an answer and whose names match.
    fn asked(&self, matches: impl Fn(&str) -> bool) -> Vec<u32> {
        let waiting = (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.standing == Standing::Asked);
        waiting.filter(|(_, slot)| matches(&slot.name)).map(|(place, _)| place).collect()
    }

    /// A stream waits no longer for the answer to its request; a request that nobody waits for is over.
    fn withdraw(&mut self, place: u32) {
        let Some(at) = self.requests.iter().position(|request| request.streams.contains(&place)) else {
            return;
        };
        if let Some(request) = self.requests.get_mut(at) {
            request.streams.retain(|&other| other != place);
            if request.streams.is_empty() {
                self.requests.remove(at);
            }
        }
    }

    /// A refused request for several streams says nothing about any one of them: they are asked for again in two
    /// halves, until a bad one stands alone.
    fn refused(
        &mut self,
        id: Option<u64>,
        cause: &Cause<'_>,
        rules: &Rules,
        now: Moment,
        actions: &mut VecDeque<Action>,
    ) {
        let Some(request) = self.take(id) else { return };
        match request.streams.as_slice() {
            &[place] => self.failed(place, cause, rules, now, actions),
            several => {
                let half = several.len().div_ceil(2);
                let from = if cause.terminal { now } else { now + ASK_AGAIN };
                for &place in several {
                    if let Some(slot) = self.slots.get_mut(place as usize) {
                        slot.batch_max = half;
                        slot.standing = Standing::Wanted { from };
                    }
                }
            }
        }
    }

    /// Requests that were not answered in time. Data says as much as an answer: a stream that speaks was given.
    pub(super) fn time_out(&mut self, rules: &Rules, now: Moment, actions: &mut VecDeque<Action>) {
        while let Some(request) = self.requests.pop_front_if(|request| request.at + rules.ack_timeout <= now)
        {
            let cause = Cause { code: 0, text: "no answer", terminal: false };
            for place in request.streams {
                match self.data_at.get(place as usize).copied() {
                    Some(heard) if heard > request.at => {
                        self.acknowledge(place, now, actions);
                        if let Some(slot) = self.slots.get_mut(place as usize) {
                            slot.watch = Watch::from(heard, slot.watch.is_renewed());
                        }
                    }
                    _ => self.failed(place, &cause, rules, now, actions),
                }
            }
        }
    }

    /// One stream was asked for in vain.
    fn failed(
        &mut self,
        place: u32,
        cause: &Cause<'_>,
        rules: &Rules,
        now: Moment,
        actions: &mut VecDeque<Action>,
    ) {
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        slot.tries += 1;
        let last = slot.rested || slot.tries >= rules.subscription_tries;
        slot.standing = match (cause.terminal, last) {
            (true, _) => Standing::Dead,
            (false, true) => Standing::Resting,
            (false, false) => {
                let wait = ASK_AGAIN.saturating_mul(2_u32.saturating_pow(slot.tries - 1));
                Standing::Wanted { from: now + wait.min(rules.backoff_max) }
            }
        };
        let stream = StreamId(place);
        if cause.terminal || last {
            let reason = Reason::SubscriptionRejected;
            actions.push_back(Action::Break { stream: Some(stream), reason, dead: cause.terminal });
        }
        let (code, text, terminal) = (cause.code, cause.text.to_owned(), cause.terminal);
        actions.push_back(Action::Report(Report::Rejected { stream, code, text, terminal }));
    }

    /// The request that an answer belongs to. One without an id belongs to the only request there is, if it is alone.
    fn take(&mut self, id: Option<u64>) -> Option<Request> {
        let place = match id {
            Some(id) => self.requests.iter().position(|request| request.id == id)?,
            None if self.requests.len() == 1 => 0,
            None => return None,
        };
        self.requests.remove(place)
    }
}
