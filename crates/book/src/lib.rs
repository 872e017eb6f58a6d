//! Array order books.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod book;
pub mod continuity;
mod error;
mod keeper;
mod scale;
pub mod sides;
mod snapshot;
#[cfg(test)]
mod testing;
mod views;

pub use book::{Book, BookConfig};
pub use error::BookError;
pub use keeper::{Counters, Keeper, KeeperConfig, Outcome, Start};
pub use views::{BboView, BookReader, BookView, Publisher, Touch, TradeView};
