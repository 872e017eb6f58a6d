//! The faults of connections over real sockets once more, with sockets that spin.
#![allow(dead_code, reason = "the tests of the other program use the rest of what they share")]

mod connecting;
mod frames;
mod history;
mod replacing;
mod rig;
mod secrets;
mod silence;
mod witness;

use touchline::config::TransportKind;

/// What the feeds read their sockets by.
const TRANSPORT: TransportKind = TransportKind::Spin;
