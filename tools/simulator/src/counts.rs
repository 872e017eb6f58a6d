//! What an exchange has seen and done.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

use crate::faults::FaultKind;
use crate::session::Breach;

/// Faults whose moment is remembered.
const LOG_MAX: usize = 8_192;

/// What an exchange has seen and done so far.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Sockets opened.
    pub connections: u64,
    /// Attempts to open one, refused ones included.
    pub attempts: u64,
    /// Sockets open now.
    pub open: u64,
    /// Messages of clients: requests, pings and pongs.
    pub client_messages: u64,
    /// Requests to subscribe or unsubscribe, and other texts.
    pub requests: u64,
    /// Messages sent, one a subscriber.
    pub messages: u64,
    /// Book updates of all markets, whether sent or not.
    pub beats: u64,
    /// Snapshots served whole.
    pub snapshots: u64,
    /// REST requests.
    pub rest_requests: u64,
    /// The most REST weight used in a minute.
    pub weight_max: u32,
    /// Requests and attempts to connect while the exchange had said to wait. Must be 0.
    pub early_requests: u64,
    /// Rules broken by clients. Must be empty.
    pub breaches: BTreeMap<Breach, u64>,
    /// Connections ended because the client did not read.
    pub slow_clients: u64,
    /// Faults dealt.
    pub faults: BTreeMap<FaultKind, u64>,
    /// The newest fault, and when its first byte left (or did not leave).
    pub last_fault: Option<(FaultKind, Instant)>,
    pub(crate) log: VecDeque<(FaultKind, Instant)>,
}

impl Counts {
    /// All breaches together.
    #[must_use]
    pub fn breached(&self) -> u64 {
        self.breaches.values().sum()
    }

    /// All faults together.
    #[must_use]
    pub fn faulted(&self) -> u64 {
        self.faults.values().sum()
    }

    /// When the newest faults began, oldest first; some thousands are remembered.
    pub fn fault_clock(&self) -> impl Iterator<Item = (FaultKind, Instant)> {
        self.log.iter().copied()
    }

    pub(crate) fn breach(&mut self, breach: Breach) {
        *self.breaches.entry(breach).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, kind: FaultKind, at: Instant) {
        *self.faults.entry(kind).or_default() += 1;
        self.last_fault = Some((kind, at));
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        self.log.push_back((kind, at));
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages to {} connections ({} open), {} snapshots, {} faults, {} breaches, {} early requests",
            self.messages,
            self.connections,
            self.open,
            self.snapshots,
            self.faulted(),
            self.breached(),
            self.early_requests
        )
    }
}
