//! Touchline: bytes of crypto exchanges in, verified order books out.
//!
//! The front door of the library. [`Feed`] connects to exchanges: socket → parse → ring between two pinned threads →
//! array book → continuity check → seqlock view. [`Feed::view`] hands out [`View`]s: wait-free copies of a book with
//! the verdict on it, for any thread; [`Feed::events`] queues of what happens. [`Replay`] runs a recording through the
//! same pipeline.
//!
//! [`config`] is everything that may be said of a feed, in code or in TOML; [`events`] what it tells; [`feed`] how a
//! connection lives. [`pipeline`] is the journey for any [`Source`] of inputs; [`verify`] writes a recording's books
//! down exactly; [`latency`] holds what the stages took.
#![forbid(unsafe_code)]

pub mod config;
pub mod events;
pub mod flight;
pub mod latency;
pub mod pipeline;
pub mod verify;

mod counters;
mod error;
mod live;
mod part;
mod recording;
mod replay;
mod source;
mod survey;
mod updates;
mod view;

pub use counters::{ConnectionCounters, IntakeCounters};
pub use error::Error;
#[cfg(feature = "simulation")]
pub use live::offline;
pub use live::{
    Builder, ConnectionReport, Feed, FeedReport, Mismatch, PathReport, Reporter, Rerun, RerunReport,
    RingReport, SubscriptionReport, instruments,
};
pub use part::{Part, Point};
pub use pipeline::{
    BookReport, Finished, Inline, Marking, Observer, Overflow, Pace, Placement, Plan, RING_RECORDS, Running,
};
pub use recording::Window;
pub use replay::Replay;
pub use source::{Event, Input, Source};
pub use survey::{Survey, Surveyed};
pub use updates::{Update, Updates};
pub use view::{VIEW_DEPTH, View};

pub use touchline_book::{
    BboView, BookView, Counters, Keeper, Leads, Outcome, PathFigures, Start, Touch, TradeView,
};
pub use touchline_capture::recorder;
pub use touchline_feed as feed;
pub use touchline_link::clock;
pub use touchline_market as market;
pub use touchline_venue as venue;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
