//! What a running feed shows of itself, to people and to programs: metrics for Prometheus, liveness and readiness over
//! HTTP on this machine, logs.
//!
//! ```no_run
//! let feed = touchline::Feed::builder().book("binance:BTC-USDT").start()?;
//! let server = touchline_observe::serve("127.0.0.1:9464".parse()?, feed.reporter())?;
//! // GET /metrics, /live, /ready
//! server.stop();
//! feed.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything happens on slow threads of its own. A feed is asked at most four times a second, however often somebody
//! looks, by a message to each of its threads that none of them waits for.
//!
//! [`Observer`] is the pure part: reports in, text out; [`serve`] is the server around it; [`logs`] tells of what
//! happens to connections and books.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[cfg(test)]
mod boards;
mod families;
mod family;
#[cfg(test)]
mod hostile;
pub mod logs;
mod observer;
mod readiness;
#[cfg(test)]
mod samples;
mod server;
mod text;

pub use observer::{Observed, Observer};
pub use readiness::{NAMES_MAX, Readiness};
pub use server::{CONNECTIONS_MAX, REPORT_EVERY, ServeError, Server, Source, serve};
pub use text::Format;
