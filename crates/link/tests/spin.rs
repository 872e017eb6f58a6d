//! Everything that a socket owes, once more with sockets that spin.
#![allow(clippy::duplicate_mod, reason = "each of the files has the support that all of them share")]

#[path = "certificates.rs"]
mod certificates;
#[path = "faults.rs"]
mod faults;
#[path = "handshakes.rs"]
mod handshakes;
#[path = "sockets.rs"]
mod sockets;
mod support;

/// What the other files ask for: else all of this would be their tests a second time.
#[test]
fn these_sockets_spin() {
    assert_eq!(support::kind(), touchline_link::TransportKind::Spin);
}
