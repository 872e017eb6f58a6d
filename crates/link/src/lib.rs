//! The pinned reader thread, and everything else that talks to the network or the clock: WebSocket over TLS, receive
//! stamps, REST.
//!
//! A [`Driver`] says what to do and is told what came; this crate does it. Nothing here knows a venue or a market.
#![forbid(unsafe_code)]

pub mod clock;
mod driver;

pub use driver::{Answer, Command, Driver, Fetch, SocketEvent, SocketId, Stamp, Turn};
