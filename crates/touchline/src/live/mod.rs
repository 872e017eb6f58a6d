//! A live feed: readers with their connections, book threads, and the front door to both.
//!
//! ```text
//!  reader thread (link)                         book thread              caller
//!  socket → Engine → Member → LiveSink → lane → Books → Shard → views → View
//!             ▲  feed: one connection's life      │   Watch → events  → Events
//!             └──────── Control ◀─────────────────┘ "this book needs a snapshot"
//! ```
//!
//! [`Engine`](engine::Engine) does no I/O and reads no clock: crate `link` tells it what came and when, and does what
//! it says. A simulation can drive it as well.

mod books;
mod builder;
mod control;
mod directory;
mod drive;
mod engine;
mod feed;
mod heal;
pub(crate) mod journal;
mod member;
#[cfg(feature = "simulation")]
pub mod offline;
mod outlet;
mod path;
mod replace;
mod report;
mod reporter;
mod seats;
mod settings;
mod sink;
mod snapshots;
mod start;
#[cfg(test)]
mod tests;
mod watch;

pub use builder::Builder;
pub use directory::instruments;
pub use feed::Feed;
pub(crate) use journal::FeedStory;
pub use journal::{Mismatch, Rerun, RerunReport};
pub(crate) use path::PATHS_MAX;
pub use report::{ConnectionReport, FeedReport, PathReport, RingReport, SubscriptionReport};
pub use reporter::Reporter;
