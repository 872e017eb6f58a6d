//! What clients say, and what begins and ends by it.

use std::time::{Duration, Instant};

use touchline_market::Channel;
use touchline_venue::exchange::{Fate, Stream};

use super::Floor;
use crate::faults::{End, FaultKind, Subscribing};
use crate::frames::{self, ClientFrame};
use crate::line::Message;
use crate::session::Policy;

/// A snapshot in the stream that comes late.
#[derive(Debug)]
pub(super) struct Late {
    at: Instant,
    line: u64,
    stream: String,
    place: usize,
}

impl Floor {
    /// A client says something.
    pub(crate) fn heard(&mut self, id: u64, frame: ClientFrame, now: Instant) {
        let now_ms = self.now_ms(now);
        let Some(line) = self.lines.get_mut(&id).filter(|line| !line.ended) else { return };
        self.counts.client_messages += 1;
        // A close frame ends what could be limited.
        let mut breach = match frame {
            ClientFrame::Close(_) => None,
            _ => line.session.counted(now),
        };
        match frame {
            ClientFrame::Ping(payload) => {
                let mut pong = Vec::new();
                frames::pong(&mut pong, &payload);
                line.bytes(&pong);
            }
            ClientFrame::Pong => line.pinged = None,
            ClientFrame::Close(code) => {
                let mut close = Vec::new();
                let code = if code == 1_005 { 1_000 } else { code };
                frames::close(&mut close, code, &self.plants.close);
                line.bytes(&close);
                line.leave(End::Fin);
            }
            ClientFrame::Other => line.leave(End::Close(1_002)),
            ClientFrame::Text(text) => breach = self.read(id, &text, now, now_ms).or(breach),
        }
        let Some(line) = self.lines.get_mut(&id) else { return };
        if let Some(breach) = breach {
            self.counts.breach(breach);
            if self.police {
                let mut close = Vec::new();
                frames::close(&mut close, 1_008, &self.plants.close);
                line.bytes(&close);
                line.leave(End::Fin);
            }
        }
        line.wake.more.notify_one();
    }

    /// A text of a client: what is asked for is answered, begins and ends.
    fn read(&mut self, id: u64, text: &str, now: Instant, now_ms: u64) -> Option<crate::session::Breach> {
        self.counts.requests += 1;
        let chance = self.faults.subscribing(&self.rules, &mut self.random);
        let (places, pits, commanded) = (&self.places, &self.pits, self.subscribing);
        let (rules, counts) = (&self.rules, &mut self.counts);
        let line = self.lines.get_mut(&id)?;
        let outcome = line.session.text(&*self.exchange, text, now_ms, |streams| {
            let mut policies: Vec<Policy> = streams
                .iter()
                .map(|stream| {
                    let pit = places.get(&stream.symbol).and_then(|place| pits.get(*place));
                    let known = pit.is_some_and(|pit| pit.listed) || stream.symbol.is_empty();
                    if rules.refuses_unknown && !known {
                        return Err(Fate::UnknownSymbol);
                    }
                    let own = pit.map_or(Subscribing::Normal, |pit| pit.subscribing).max(commanded);
                    Ok(if own == Subscribing::Normal { chance.unwrap_or_default() } else { own })
                })
                .collect();
            if rules.whole_requests {
                let unknown = policies.iter().find(|policy| policy.is_err()).copied();
                let worst = policies.iter().filter_map(|policy| policy.ok()).max().unwrap_or_default();
                policies.fill(unknown.unwrap_or(Ok(worst)));
            }
            let faults = policies.iter().filter_map(|policy| policy.ok());
            let faults = faults.filter(|how| *how != Subscribing::Normal);
            faults.take(if rules.whole_requests { 1 } else { usize::MAX }).for_each(|how| {
                counts.fault(FaultKind::Subscribing(how), now);
            });
            policies
        });
        let answer = |floor: &mut Self| {
            if let Some(line) = floor.lines.get_mut(&id) {
                for reply in &outcome.replies {
                    line.say(&*floor.exchange, &floor.plants.said(reply), now);
                }
            }
        };
        // Without a promise either comes first, by chance.
        let late = !self.rules.acknowledges_first && self.random.below(2) == 1;
        if !late {
            answer(self);
        }
        outcome.removed.iter().for_each(|stream| self.unsubscribe(id, stream));
        for (stream, how) in outcome.added {
            self.subscribe(id, stream, how, now, now_ms);
        }
        if late {
            answer(self);
        }
        outcome.breach
    }

    /// A stream begins on a connection, with its snapshot where it has one.
    pub(super) fn subscribe(&mut self, id: u64, stream: Stream, how: Subscribing, now: Instant, now_ms: u64) {
        let Some(&place) = self.places.get(&stream.symbol) else { return };
        let Some(channel) = stream.channel else { return };
        let snapshot = channel == Channel::Book && self.rules.snapshots_in_stream;
        if snapshot {
            self.settle_one(place, now, now_ms);
        }
        let name = stream.name.clone();
        let Some(pit) = self.pits.get_mut(place) else { return };
        pit.subscribe(id, stream);
        match how {
            Subscribing::SnapshotLost if snapshot => {}
            Subscribing::SnapshotLate(ms) if snapshot => {
                let at = now + Duration::from_millis(ms);
                self.late.push(Late { at, line: id, stream: name, place });
            }
            _ if snapshot || channel != Channel::Book => self.begin(id, place, &name, now, now_ms),
            _ => {}
        }
    }

    /// Sends what a stream begins with; a recording has its own beginnings.
    fn begin(&mut self, id: u64, place: usize, name: &str, now: Instant, now_ms: u64) {
        let Some(pit) = self.pits.get(place).filter(|_| self.player.is_none()) else { return };
        let subscribed = |feed: &crate::pit::Feed| feed.stream.name == name && feed.subscribers.contains(&id);
        let Some(feed) = pit.feeds.iter().position(subscribed) else { return };
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        pit.begin(&*self.exchange, feed, now_ms, &mut text);
        if let Some(line) = self.lines.get_mut(&id).filter(|_| !text.is_empty()) {
            let message = Message { stream: Some(name), text: &text, crossed: "", forced: None };
            let sending = super::sending(&*self.exchange, &self.rules, &self.faults, now);
            line.deliver(message, &sending, &mut self.counts);
        }
        self.text = text;
    }

    /// The snapshots that come late and are due.
    pub(super) fn begin_late(&mut self, now: Instant, now_ms: u64) {
        while let Some(next) = self.late.iter().position(|late| late.at <= now) {
            let late = self.late.swap_remove(next);
            self.settle_one(late.place, now, now_ms);
            self.begin(late.line, late.place, &late.stream, now, now_ms);
        }
    }

    fn unsubscribe(&mut self, id: u64, stream: &Stream) {
        let place = self.places.get(&stream.symbol);
        if let Some(pit) = place.and_then(|place| self.pits.get_mut(*place)) {
            pit.unsubscribe(id, Some(&stream.name));
        }
    }

    /// What is pending of a market is sent.
    pub(super) fn settle_one(&mut self, place: usize, now: Instant, now_ms: u64) {
        let mut events = std::mem::take(&mut self.events);
        if let Some(pit) = self.pits.get_mut(place) {
            pit.settle(&*self.exchange, now_ms, &mut events);
            self.send(place, &mut events, now);
        }
        self.events = events;
    }
}
