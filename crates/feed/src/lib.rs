//! One connection's life as a state machine without I/O: time and what a socket says are arguments, what to do next
//! is the answer.
//!
//! ```text
//! CLOSED → CONNECTING → SUBSCRIBING → LIVE → (replaced | closed)
//!    ▲         │             │          │
//!    └─ waits ◀┴─────────────┴──────────┘   back-off with full jitter, a venue's Retry-After, a host's limit
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod action;
mod ending;
mod moment;

pub use action::{Action, Report, StreamId};
pub use ending::{Ending, Refusal};
pub use moment::Moment;
