//! The live path over real sockets on loopback: every fault of a venue, judged against the venue's own book.

mod books;
mod connecting;
mod first;
mod frames;
mod front_door;
mod history;
mod journal;
mod observe;
mod paths;
mod replacing;
mod retrying;
mod rig;
mod rings;
mod secrets;
mod silence;
mod snapshots;
mod streamed;
mod universe;
mod witness;

use touchline::config::TransportKind;

/// What the feeds read their sockets by. Those of the other kind are tested beside this program, in `spin.rs`.
const TRANSPORT: TransportKind = TransportKind::Tokio;
