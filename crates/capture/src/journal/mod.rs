//! Touchline's own recordings: everything that a feed saw, said and did, safe against crashes.
//!
//! A journal (`NAME.tlj`) is a sequence of blocks, each compressed and checked by itself. [`Writer`] makes one on
//! anything that writes, [`FileWriter`] in a file, [`Files`] one file after another; [`Reader`] reads one, whatever
//! happened to it, and [`recover`] makes a clean copy of it.
//!
//! # The format, version 1
//!
//! Numbers are little-endian and unsigned, lengths in bytes. Stamps are nanoseconds since 1970 UTC. A *CRC* is
//! CRC-32C (Castagnoli), a *varint* LEB128 of at most 64 bits, a *zigzag* a signed number as a varint
//! (`0, -1, 1, -2, …` as `0, 1, 2, 3, …`).
//!
//! ```text
//! file    = header *block [index trailer]
//!
//! header  (52)   0  8  89 54 4c 4a 0d 0a 1a 0a
//!                8  4  version, 1
//!               12  4  number of this file in the recording's rotation, from 1
//!               16 16  id of the recording
//!               32  8  when the file was made
//!               40  8  number of the file's first entry
//!               48  4  CRC of bytes 0..48; it stands here in every version
//!
//! block   (72)   0  8  f2 54 4c 4a 62 6c 6b 0a
//!                8 16  id of the recording
//!               24  4  kind: 1 entries, 2 index; others are stepped over
//!               28  4  P, length of the payload as it stands here: one zstd frame
//!               32  4  length of the payload unpacked, at most 16 MiB + 64 MiB + 64
//!               36  4  entries in the payload, at least 1
//!               40  4  CRC of the payload as it stands here
//!               44  8  number of the first entry
//!               52  8  earliest receive stamp of the entries
//!               60  8  latest receive stamp of the entries
//!               68  4  CRC of bytes 0..68
//!               72  P  payload
//!
//! index          a block of kind 2: bytes 36..40 count its rows, 44..52 hold the number behind the last entry,
//!                both stamps are 0
//!
//! trailer (28)   0  8  f2 54 4c 4a 65 6e 64 0a
//!                8  8  where the index begins; 0 if there is none
//!               16  8  number behind the last entry
//!               24  4  CRC of bytes 0..24
//!
//! row     (40)   0  8  where the block begins
//!                8  4  P
//!               12  4  entries
//!               16  8  number of the first entry
//!               24  8  earliest receive stamp
//!               32  8  latest receive stamp
//!
//! entry          1     kind, see EntryKind; 80 added if there is a kernel stamp
//!                1     path
//!                varint   reader, below 2^16
//!                varint   source
//!                zigzag   recv less the recv of the entry before in this block, less 0 for the first, modulo 2^64
//!                zigzag   now less the now of the entry before, likewise
//!                zigzag   kernel less recv, modulo 2^64; only if there is a kernel stamp
//!                varint   L, at most 64 MiB
//!                L     payload
//! ```
//!
//! An unpacked payload is nothing but its entries, or its rows. Entries are numbered from 0 over the whole recording,
//! through all files of its rotation, so that a block taken out shows. What never reached a block has no number: an
//! entry of kind [`EntryKind::Gap`] tells of it. A new kind of entry makes a new version.
//!
//! # What a damaged file gives
//!
//! Every entry of every block that is whole. A damaged stretch is reported once, as
//! [`Corrupt`](JournalError::Corrupt), where it lies between the entries; reading goes on with the next bytes that
//! are a block of this recording. A flipped bit is always found: each byte of a file stands under one of the CRCs,
//! and no entry is given before its block's is proven.
//!
//! A file without a trailer was not finished: its writer was killed, or still writes. Where it ends with a whole
//! block, it reads to a clean end and [`Reader::is_finished`] is false; where it ends inside one, that is
//! [`Truncated`](JournalError::Truncated). A missing or damaged index is made anew from the blocks' headers.
//!
//! A file that does not begin as a journal is taken for a damaged one if a block stands in its first MiB.
//!
//! # Arithmetic
//!
//! 20,000 messages a second of 300 bytes are 6 MB/s: a block of 256 KiB fills in 43 ms, and compresses to some 50 KB
//! of which its header is 0.15 %. An entry's fields but its payload take some 14 bytes, mostly the same ones, so they
//! nearly vanish in compression. Writer and reader hold one block unpacked and one packed, the zstd tables (1 MB at
//! level 3), and 48 bytes for each block of the file: 1 MB for an hour at 6 blocks a second. A block larger than
//! usual comes of one larger entry, at most 64 MiB; its memory is kept.

mod block;
mod codec;
mod entry;
mod error;
mod file;
mod files;
mod header;
mod reader;
mod recover;
mod source;
mod writer;

pub use block::Block;
pub use entry::{Entry, EntryKind, Gap};
pub use error::{Damage, JournalError, Lost, PushError, RecoverError};
pub use file::FileWriter;
pub use files::{EXTENSION, Files, Rotation};
pub use header::{Header, VERSION, is_journal};
pub use reader::Reader;
pub use recover::{Recovered, recover};
pub use writer::Writer;

use crate::LINE_BYTES_MAX;

/// The longest payload of an entry, in bytes: as long as a line of the text format.
pub const PAYLOAD_BYTES_MAX: usize = LINE_BYTES_MAX;

/// A block is written once its entries take so many bytes before compression.
pub const BLOCK_BYTES_USUAL: usize = 256 * 1024;

/// The most that a block's entries take before compression: 16 MiB, and one entry more, whose fields but the payload
/// take less than 64 bytes.
pub(crate) const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024 + PAYLOAD_BYTES_MAX + 64;

/// The most that a block takes after compression: what zstd needs for bytes that it cannot compress.
pub(crate) const PACKED_BYTES_MAX: usize = BLOCK_BYTES_MAX + BLOCK_BYTES_MAX / 256 + 1024;
