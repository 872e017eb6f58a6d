//! What a test tells the exchange to do.

use std::time::Instant;

use touchline_venue::exchange::Key;

use super::Floor;
use crate::command::{Command, Which};
use crate::faults::{FaultKind, Faults, MessageFault, Subscribing};
use crate::line::Line;
use crate::pit::Pit;
use crate::rest::Held;

impl Floor {
    /// A test's word.
    pub(crate) fn command(&mut self, command: Command, now: Instant, now_ms: u64) {
        match command {
            Command::End { which, how } => self.each(&which, |line, _| line.end(how, "")),
            Command::Stall { which, on } => {
                self.each(&which, |line, _| line.stall(on));
                if on {
                    self.counts.fault(FaultKind::Message(MessageFault::Stall), now);
                }
            }
            Command::Frame { which, fault } => self.each(&which, |line, faults| {
                line.mark(fault);
                line.broken_frame(fault, faults);
            }),
            Command::Text { which, text } => self.each(&which, |line, _| line.text(&text)),
            Command::Bytes { which, bytes } => self.each(&which, |line, _| line.bytes(&bytes)),
            Command::Shutdown { which } => {
                let mut said = false;
                let exchange = std::sync::Arc::clone(&self.exchange);
                self.each(&which, |line, _| {
                    let mut notice = String::new();
                    exchange.shutdown(&line.session.connection, now_ms, &mut notice);
                    said |= !notice.is_empty();
                    if !notice.is_empty() {
                        line.say(&*exchange, &notice, now);
                    }
                });
                if said {
                    self.counts.fault(FaultKind::Shutdown, now);
                }
            }
            Command::Message { symbol, fault, count } => self.at(&symbol, |pit| {
                pit.forced.extend(std::iter::repeat_n(fault, count));
            }),
            Command::Lock { symbol } => self.lock(&symbol, now, now_ms),
            Command::ResetSequence { symbol } if self.rules.key == Key::Sequence => {
                self.at(&symbol, Pit::reset_sequence);
                self.counts.fault(FaultKind::ResetSequence, now);
            }
            Command::ResetSequence { .. } => {}
            Command::Pause { symbol } => {
                self.settle(symbol.as_deref(), now, now_ms);
                self.pause(symbol.as_deref(), true);
            }
            Command::Resume { symbol } => self.pause(symbol.as_deref(), false),
            Command::Delist { symbol } => self.at(&symbol, |pit| pit.listed = false),
            Command::Subscribing { symbol: Some(symbol), how } => {
                self.at(&symbol, |pit| pit.subscribing = how);
            }
            Command::Subscribing { symbol: None, how } => self.subscribing = how,
            Command::Rest { symbol, fault, count } => {
                self.rest_faults.extend(std::iter::repeat_n((symbol, fault), count));
            }
            Command::Handshake { fault, count } => {
                self.handshakes.extend(std::iter::repeat_n(fault, count));
            }
            Command::Refuse(on) => self.refusing = on,
            Command::SetFaults(faults) => self.faults = faults,
            Command::SetRate(rate) => self.rate = rate,
            Command::Heal => self.heal(now),
        }
        self.wake();
    }

    fn heal(&mut self, now: Instant) {
        self.faults = Faults::default();
        self.rest_faults.clear();
        self.handshakes.clear();
        self.held = Held::new(now);
        self.subscribing = Subscribing::Normal;
        self.refusing = false;
        for pit in &mut self.pits {
            pit.forced.clear();
            pit.paused = false;
            pit.subscribing = Subscribing::Normal;
        }
        self.lines.values_mut().for_each(|line| line.stall(false));
    }

    fn lock(&mut self, symbol: &str, now: Instant, now_ms: u64) {
        let Some(&place) = self.places.get(symbol) else { return };
        self.counts.fault(FaultKind::Lock, now);
        let mut events = std::mem::take(&mut self.events);
        if let Some(pit) = self.pits.get_mut(place) {
            pit.lock(&*self.exchange, now_ms, &mut events);
        }
        self.send(place, &mut events, now);
        self.events = events;
    }

    /// Before a market is quiet, what has happened in it is sent: else it would be ahead of its messages for good.
    fn settle(&mut self, symbol: Option<&str>, now: Instant, now_ms: u64) {
        let mut events = std::mem::take(&mut self.events);
        for place in 0..self.pits.len() {
            let meant = |pit: &&mut Pit| symbol.is_none_or(|one| one == pit.traded.symbol);
            if let Some(pit) = self.pits.get_mut(place).filter(meant) {
                pit.settle(&*self.exchange, now_ms, &mut events);
                self.send(place, &mut events, now);
            }
        }
        self.events = events;
    }

    fn pause(&mut self, symbol: Option<&str>, on: bool) {
        match symbol {
            Some(symbol) => self.at(symbol, |pit| pit.paused = on),
            None => self.pits.iter_mut().for_each(|pit| pit.paused = on),
        }
    }

    fn at(&mut self, symbol: &str, change: impl FnOnce(&mut Pit)) {
        if let Some(pit) = self.places.get(symbol).and_then(|place| self.pits.get_mut(*place)) {
            change(pit);
        }
    }

    /// Does something to connections.
    fn each(&mut self, which: &Which, mut act: impl FnMut(&mut Line, &Faults)) {
        for (id, line) in &mut self.lines {
            let meant = match which {
                Which::All => true,
                Which::Connection(number) => id == number,
                Which::Symbol(symbol) => line.session.streams().any(|stream| stream.symbol == *symbol),
            };
            if meant && !line.ended {
                act(line, &self.faults);
            }
        }
    }
}
