//! Recordings of exchange traffic, read as a stream in bounded memory.
//!
//! A recording (`NAME.cap.zst`) is zstd-compressed UTF-8 text with one event on each line:
//!
//! ```text
//! <recv_ns> <kind> <payload>\n
//! ```
//!
//! [`Reader`] hands out one borrowed [`Record`] a line, [`Writer`] makes such files, and [`Inflater`] unpacks the
//! binary frames that some venues compress a second time.
//!
//! What Touchline itself records goes to a [`journal`]: binary, in blocks that are compressed and checked one by one,
//! so that a killed writer, a full disk or a flipped bit costs one block at most and any time is found by an index.
//! It holds what the text form has no room for: which reader saw an entry, the kernel's stamp, the clock that drove
//! timers. The text form is what people exchange and read with `zstdcat`.
//!
//! # What a damaged file gives
//!
//! Every whole record in front of the damage, then one typed [`CaptureError`] with its [`Position`], then the end.
//! zstd packs text into blocks of at most 128 KiB, and a block is whole or worthless: a file cut anywhere gives every
//! line that ends inside the last whole block. A cut is found by the frame's end that is missing, a flipped bit by a
//! block that no longer decodes or, at the latest, by the checksum that closes the frame. So a recording is proven
//! sound only when the reader has come to its end without an error; records read before may precede the proof.
//!
//! # Arithmetic
//!
//! A reader holds 128 KiB of file, 128 KiB of text, the zstd window (8 MiB in usual files, at most 128 MiB: what
//! `zstd -d` accepts unasked) and, for a line that spans two pieces of text, a copy of that line (at most
//! [`LINE_BYTES_MAX`], and a little over 5 MB in the longest line met so far). A text piece holds some 450 frames of
//! 280 bytes, so one line in 450 is copied; all others are lent out where zstd wrote them. After the longest line
//! has been seen nothing allocates any more.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]
#![forbid(unsafe_code)]

mod error;
pub mod import;
mod inflate;
pub mod journal;
mod reader;
mod record;
pub mod recorder;
pub mod redact;
mod unpack;
mod writer;

pub use error::{CaptureError, LineError, PayloadError, Position};
pub use inflate::{Encoding, InflateError, Inflater, OUTPUT_BYTES_MAX, RATIO_FREE_BYTES, RATIO_MAX};
pub use reader::{LINE_BYTES_MAX, Progress, Reader};
pub use record::{Kind, Record};
pub use writer::Writer;
