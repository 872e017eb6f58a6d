//! An exchange on loopback: a true seeded book per symbol, a venue's dialect over WebSocket and REST, with and without
//! TLS, and every fault by probability or by command.
//!
//! It is an instrument: it knows its true book at every sequence ([`Truth`]), so that every published view can be
//! judged; it counts every rule a client breaks ([`Counts::breaches`]); and it knows when each fault began
//! ([`Counts::fault_clock`]). What it sends is written from the protocol facts, never from the parser.
//!
//! ```
//! use touchline_simulator::{Command, Config, End, Simulator, Which};
//!
//! let exchange = Simulator::start(Config { tls: false, ..Config::new("binance-usdm") })?;
//! assert!(exchange.ws_root().starts_with("ws://127.0.0.1:"));
//! let truth = exchange.truth("BTCUSDT").ok_or("not traded")?;
//! let book = truth.newest();
//! assert!(book.bids[0].price < book.asks[0].price);
//! exchange.command(Command::End { which: Which::All, how: End::Reset });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The core ([`Market`], [`Truth`], the sessions, and the floor where they meet) takes time and bytes as arguments; the
//! server is a thin shell of one thread around it.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]
#![forbid(unsafe_code)]

mod command;
mod config;
mod counts;
mod cut;
mod events;
mod faults;
mod floor;
mod frames;
mod garble;
mod http;
mod inside;
mod line;
mod market;
mod pit;
mod plants;
mod playback;
mod random;
mod rest;
mod server;
mod session;
mod simulator;
mod tls;
mod tree;
mod truth;
mod wire;

pub use command::{Command, Which};
pub use config::{Config, Playback, StartError, Symbol};
pub use counts::Counts;
pub use faults::{End, FaultKind, Faults, HandshakeFault, MessageFault, RestFault, Subscribing};
pub use inside::{Attempt, Decoder, Heard, Inside, Leaves, Response, Said, Wrong};
pub use market::{Change, Market, Whole};
pub use plants::Plants;
pub use session::Breach;
pub use simulator::Simulator;
pub use tls::Identity;
pub use truth::{TRUTH_LEVELS, Truth, Verdict};
