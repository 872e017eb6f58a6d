//! Deterministic simulation: the whole feed against a simulated exchange on virtual time, everything from one seed, in one
//! thread.
//!
//! ```text
//!  Plan (seed) ─▶ World: one agenda, one clock
//!                  exchange ── bytes, late, broken ──▶ sockets ──▶ engine ─▶ ring ─▶ books ─▶ views
//!                     ▲                                              │                          │
//!                     └─────────── texts, pings, requests ───────────┘        Checker at every publication
//! ```
//!
//! The exchange is `touchline-simulator` without its sockets, the feed is `touchline` without its threads; between them
//! stands what `touchline-link` does, on virtual time. First a phase with faults, in which no book may be wrong or stale
//! without saying so; then a minute without, after which every book must be live again.
//!
//! In a quarter of the worlds two to four connections bring each book, each with faults of its own; where nothing else is
//! wrong, the loss of one of them must go unnoticed. In a few there are so many quiet symbols that the REST budget is
//! short.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![forbid(unsafe_code)]

mod agenda;
mod checker;
pub mod coverage;
mod errands;
mod faults;
mod many;
mod network;
mod paths;
mod plan;
mod random;
mod rest;
mod shrink;
mod staleness;
mod verdict;
mod wires;
mod world;

pub use checker::Counted;
pub use many::{Summary, many};
pub use plan::{Plan, Switch};
pub use shrink::{Shrunk, shrink};
pub use world::{Outcome, run};
