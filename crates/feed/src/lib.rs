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
mod backoff;
mod bucket;
mod connection;
mod ending;
mod gate;
mod handover;
mod moment;
mod random;
mod rest_queue;
mod resync;
mod rules;

pub use action::{Action, Report, StreamId};
pub use backoff::Backoff;
pub use bucket::Bucket;
pub use connection::{Connection, Phase};
pub use ending::{Ending, Refusal};
pub use gate::Gate;
pub use handover::Handover;
pub use moment::Moment;
pub use rest_queue::{Budget, RestQueue};
pub use resync::Resyncs;
pub use rules::Rules;
