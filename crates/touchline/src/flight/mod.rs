//! The flight recorder: why a book stopped being LIVE, with the messages before it.
//!
//! ```text
//! each book message ──▶ Flight: a ring of the last 32 heads and what became of them (one cache line written)
//!                          │ LIVE ▶ STALE or DEAD
//!                          ▼
//!                       Incident ──▶ the state's event; the book's last eight; a file, where that is wanted
//! ```
//!
//! A running book pays one store of 64 bytes and one look at its state a message, some 2 ns, and no allocation.
//! Everything else happens on the rare day, after the readers have seen the new state. An [`Incident`] is plain values;
//! its sentence is made when somebody reads it.

mod collect;
mod explain;
mod incident;
mod log;
mod report;
mod ring;
#[cfg(test)]
mod tests;

pub use collect::Collector;
pub use incident::{INCIDENT_LEVELS, Incident};
pub(crate) use log::{IncidentLog, IncidentSender};
pub use report::{IncidentReport, LevelReport, MessageReport};
pub(crate) use ring::{Circumstances, Flight};
pub use ring::{Effect, FLIGHT_MESSAGES, Passed};
