//! Array order books: continuity, levels, sync state, publication. The one place where the truth of a book is decided.
//!
//! ```text
//! records ──▶ Keeper ──────────────────────────────▶ Publisher ──▶ BookReader (any thread)
//!             continuity   next, stale or gap?        touch: 1 line     Touch
//!             Book         set the levels             block: 11 lines   BookView
//!             checksum     the venue's, where it sends one?
//!             crossing     possible?
//!             state        LIVE, STALE(reason), ...
//! ```
//!
//! A stream that several connections carry at once goes through [`Paths`], which makes one book of it.
//!
//! The crate knows no bytes, threads, clocks or venue names: messages come as [`Head`](touchline_market::Head) and
//! records, the venue's rules as parameters ([`KeeperConfig`]), the time as an argument.
//!
//! # Arithmetic
//!
//! A busy perpetual sends 20 depth messages of 68 levels a second in the mean, 180 frames within a millisecond at
//! worst. One level costs 9 ns from record to book, everything included ([`sides::Window`] has the figures of the
//! layouts), a message of 68 levels 610 ns; publishing the touch and twenty levels of both sides 80 ns (measured on
//! an AMD EPYC guest by the bench `book`; the ratios in its table are what to rely on).
//!
//! An idle book takes 67 KB: two sides of 4,096 quantities (65,536 bytes), occupancy bits (1,040 bytes), and the structs.
//! Its views take 5.8 KB more. Levels outside the window take 16 to 32 bytes each. Memory grows to a high-water mark,
//! bounded by [`BookConfig::levels_max`] and the buffer's limits; [`BookConfig::reserve`] takes it at the start, after
//! which a running book allocates nothing.
//!
//! # Invariants
//!
//! - A book that says LIVE holds exactly the venue's levels at its sequence, as far as the venue's numbering and its
//!   checksums can show.
//! - A message is checked whole before the first level changes; a rejected one leaves no trace but its counter.
//! - Every message is counted once: `received = applied + ignored + rejected + dropped` and what waits
//!   ([`Counters::balance`]).
//! - Levels and verdict are published together.
//!
//! # Example
//!
//! ```
//! use touchline_book::{Keeper, KeeperConfig, Outcome, Publisher};
//! use touchline_market::{Head, InstrumentId, Nanos, Record, Sequence, UpdateKind};
//!
//! let mut keeper = Keeper::new(&KeeperConfig::default());
//! let (mut publisher, reader) = Publisher::<20>::new();
//!
//! // A snapshot that came in the stream: bid 100 x 2, ask 101 x 3.
//! let mut head = Head::new(UpdateKind::Snapshot, InstrumentId(0));
//! (head.sequence, head.bids, head.asks) = (Sequence(7), 1, 1);
//! let body = [Record([100, 2, 101, 3, 0, 0, 0])];
//! assert_eq!(keeper.handle(&head, body.iter()), Outcome::Applied);
//! publisher.publish(&keeper, Nanos(1));
//!
//! let (bid, ask) = reader.touch().get().expect("live, both sides");
//! assert_eq!((bid.price.0, ask.price.0), (100, 101));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod book;
mod checksum;
pub mod continuity;
mod error;
mod keeper;
mod paths;
mod scale;
pub mod sides;
mod snapshot;
#[cfg(test)]
mod testing;
mod views;

pub use book::{Book, BookConfig};
pub use error::BookError;
pub use keeper::{Checked, Counters, Keeper, KeeperConfig, Outcome, Start};
pub use paths::{Leads, PathFigures, Paths, PathsConfig};
pub use views::{BboView, BookReader, BookView, Publisher, Touch, TradeView};
