//! Exact decimals and one message of JSON, without an allocation per message.
//!
//! This crate knows bytes and no market. [`decimal`] turns the text of a number into the mantissa of a fixed-point
//! one, exactly or with a typed error. [`document`] parses one frame with simd-json into buffers that are used again
//! for the next, and lets a caller walk it whatever the order of its keys. [`shape`] reads messages that look like the
//! one before, many times faster, and hands everything else back.
//!
//! # The arithmetic
//!
//! A busy futures depth stream sends 10 to 20 messages a second of 1.6 kB and 68 levels; in a burst the whole market
//! arrives at 50,000 messages a second. A level is about 22 bytes and two decimals. The tape costs simd-json some
//! 1 to 1.5 ns per byte, so a level is 24 to 40 ns before anyone has looked at it. Walking, converting and packing a
//! level adds some 7 ns: a venue's parser takes 1.30 to 1.33 times as long as the tape alone (bench `end_to_end`).
//! Each tape node is 24 bytes: a level of three nodes is a
//! little more than one cache line, written and read once, in order.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod decimal;
pub mod document;
pub mod shape;

pub use decimal::{DecimalError, Plain};
pub use document::{Document, Elements, Fields, JsonError, Pairs, Parser, Place, Value};
pub use shape::Shapes;
