//! Everything that a socket owes, once more with sockets that spin.

#[path = "certificates.rs"]
mod certificates;
#[path = "faults.rs"]
mod faults;
#[path = "handshakes.rs"]
mod handshakes;
#[path = "sockets.rs"]
mod sockets;
