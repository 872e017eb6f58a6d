//! Normalised updates as tables: CSV and Parquet for analysis, and the event layout that hftbacktest replays.
//!
//! [`Csv`] and [`Parquet`] hold the same rows: what the venue said, in the order it was received, exact. [`Npz`] holds
//! what one instrument's book made of it: a reader that applies its events one by one has the book of the recording.
//!
//! # Rows of CSV and Parquet
//!
//! A row for each level of a message; a message without a level (a break, a delta that only moves the sequence) has one
//! row without side, price and quantity. Rows of one message stand together and share everything but these three.
//!
//! | column | in Parquet | what it is |
//! | --- | --- | --- |
//! | `update` | uint64 | number of the message in the file, from 0 |
//! | `line` | uint64 | number of the recording's line or entry that it came in, from 0 |
//! | `ts_recv` | timestamp[ns, UTC] | when it was received; empty where nobody knows. CSV: ns since 1970 UTC |
//! | `ts_event` | timestamp[ns, UTC] | the venue's own stamp; empty where it sends none. CSV: ns since 1970 UTC |
//! | `venue` | string | the venue's name: `kraken` |
//! | `symbol` | string | the venue's text for the instrument |
//! | `kind` | string | `snapshot`, `delta`, `depth`, `bbo`, `trade` or `break` |
//! | `beside_stream` | bool | a snapshot that was asked for beside the stream |
//! | `previous` | uint64 | the sequence that the message follows; 0 where the venue has none |
//! | `sequence` | uint64 | the sequence that it leads to; a trade's own; 0 where the venue has none |
//! | `side` | string | `bid` or `ask`; of a trade, who came to the resting order: `buy` or `sell` |
//! | `price` | decimal(38, 18) | exact. CSV: with the instrument's digits |
//! | `qty` | decimal(38, 18) | exact, in the venue's unit; 0 removes the level, and in a `bbo` says that the side is empty |
//! | `trade_id` | uint64 | the venue's number of a trade |
//! | `cut` | uint32 | after this message the venue keeps so many levels a side; the others leave without a word |
//! | `checksum` | uint32 | the venue's checksum of its book after this message |
//! | `reason` | string | why the stream broke |
//! | `last` | bool | the last row of its message |
//!
//! A decimal of 38 digits, 18 of them behind the point, holds every price and quantity that a venue's message can bring
//! here, so that all files have one schema and files of several venues can be read as one data set.
//!
//! # Rebuilding a book
//!
//! Per symbol: a `snapshot` replaces the levels, a `delta` sets those it names. Where `beside_stream` is true the
//! snapshot joins the stream by its sequence: deltas whose `sequence` is not above it are in it already, also those that
//! stand after it, and those received before it whose `sequence` is above it are applied behind it. `cut` is obeyed when
//! the whole message is applied. After a `break` the book is of no use until the next snapshot. In a recording without
//! any snapshot the books begin empty. `depth` replaces a book of its own.
//!
//! Tickers, candles, single orders and an instrument's status have no rows: [`Csv::update`] and the others say so by
//! `false`.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod csv;
mod npz;
mod parquet;
mod row;
#[cfg(test)]
mod samples;

pub use csv::Csv;
pub use npz::{Npz, Told};
pub use parquet::{GROUP_ROWS, Parquet};
pub use row::COLUMNS;
