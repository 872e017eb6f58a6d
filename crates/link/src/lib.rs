//! The pinned reader thread, and everything else that talks to the network or the clock: WebSocket over TLS, receive
//! stamps, REST.
//!
//! A [`Driver`] says what to do and is told what came; this crate does it. Nothing here knows a venue or a market.
//!
//! ```text
//!  READER THREAD (pinned, one runtime)                       REST THREAD (slow, one for all readers)
//!  kernel ─ recvmsg, stamp ─ TLS ─ WebSocket ─▶ driver       requests within each host's budget
//!           one task a socket, no queue between              names of hosts
//!  commands ◀───────────────────────────────── driver        answers ─▶ the reader's driver
//! ```
//!
//! From the socket's bytes to [`Driver::socket`] is one call chain on one thread. A task takes every message that is
//! there without waiting, up to 64, then asks [`Driver::turn`] once and does what it says; then the other sockets have
//! their turn. What other threads say ([`Handle`]) and REST answers come by a queue that wakes the thread.
//!
//! That is the transport that shares a machine. For a core of its own there is a second one,
//! [`TransportKind::Spin`], with the same driver, the same limits and the same ends: sockets are read in turn without
//! waiting, and a message in one frame is handed on where it was read. `spin/mod.rs` is its story.
//!
//! # Limits
//!
//! | what | limit | beyond it |
//! | --- | --- | --- |
//! | name, TCP connection to one address | 2 s each, the next address after 250 ms | `Resolve`, `Connect`, `Timeout` |
//! | TLS, WebSocket handshake | 3 s each | `Timeout` |
//! | answer to the handshake | 16 KiB, 64 headers | `Handshake` |
//! | frame, message | 4 MiB, 16 MiB, 1,024 fragments | `Broken(1009)`; a frame's size is judged by its head |
//! | packed message | 16 MiB, 1,000 times its size past 64 KiB | `BrokenFrame`, then `Broken(1009)` |
//! | a message, first byte to last | 5 s, of a TLS record too | `Slow` |
//! | pings | 1,000 a second; two pongs a second, for the newest | `Flooded` |
//! | bytes that wait to be sent | 1 MiB | `Cut` |
//! | goodbye | 100 ms a socket, 500 ms for all at the end | the connection is dropped |
//! | REST request, body | 5 s, 16 MiB unpacked | `Timeout`, `Handshake` |
//!
//! Identity is proved by TLS alone: [`Roots`] can add authorities and cannot remove the check. Plain text goes to this
//! machine only. Redirects are not followed and proxies not asked.
//!
//! # Costs
//!
//! A message makes no heap call, neither ours nor the decoder's nor the runtime's; through TLS each record makes one,
//! for the memory in which rustls hands its plaintext over (`tests/heap.rs` counts both). The decoder clears its read
//! buffer before each read, 16 KiB here. A socket that spins has a buffer of 256 KiB, 320 through TLS, from its opening
//! on, and clears nothing.
//!
//! The decoder (tungstenite) answers every ping by itself. A layer under it holds its pongs back, so that a flood of
//! pings cannot make us send more than a venue allows; see `outbox.rs`.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod address;
pub mod clock;
mod dial;
mod driver;
mod ear;
mod frames;
mod hub;
mod names;
mod notes;
mod open;
mod outbox;
mod reader;
mod receive;
mod refuse;
mod resolve;
mod rest;
mod socket;
mod source;
mod spin;
mod timekeeper;
mod transport;

pub use driver::{Answer, Command, Driver, Fetch, SocketEvent, SocketId, Stamp, Turn};
pub use reader::{Handle, Panicked, Reader, ReaderOptions, Wait, spawn};
pub use rest::Rest;
#[cfg(feature = "fuzzing")]
pub use spin::agree;
pub use transport::{Roots, Transport, TransportKind};
