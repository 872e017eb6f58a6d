//! A journal file's first bytes.

use std::io;

use bytes::{Buf as _, BufMut as _};
use touchline_market::Nanos;

/// The first bytes of every journal. The high bit, both line ends and the end-of-text byte show a file that went
/// through a transfer which changes text.
pub(crate) const MAGIC: [u8; 8] = *b"\x89TLJ\r\n\x1a\n";

/// The version that this library writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// Length of the file header.
pub(crate) const HEADER_BYTES: usize = 52;

/// What a journal file says of itself in its first bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Header {
    /// Which recording: the same in all files of one rotation, and in each of their blocks.
    pub id: [u8; 16],
    /// Number of this file in the rotation, from 1; 0 where a damaged header leaves it unknown.
    pub file: u32,
    /// Number of the file's first entry, counted over the whole recording from 0.
    pub first_entry: u64,
    /// When the file was made, by the wall clock; [`Nanos::NONE`] where a damaged header leaves it unknown.
    pub created: Nanos,
}

impl Header {
    /// An id that no other recording has, from the system's random numbers.
    ///
    /// # Errors
    /// What the system says if it has none.
    pub fn random_id() -> io::Result<[u8; 16]> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(id)
    }

    /// As in the file.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.put_slice(&MAGIC);
        bytes.put_u32_le(VERSION);
        bytes.put_u32_le(self.file);
        bytes.put_slice(&self.id);
        bytes.put_u64_le(self.created.0);
        bytes.put_u64_le(self.first_entry);
        bytes.put_u32_le(crc32c::crc32c(&bytes));
        bytes
    }

    /// Version and header out of a file's first bytes; `None` if they are damaged or not a journal's.
    pub(crate) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Option<(u32, Self)> {
        let (sealed, mut crc) =
            bytes.split_last_chunk::<4>().map(|(sealed, crc)| (sealed, crc.as_slice()))?;
        if crc.try_get_u32_le().ok()? != crc32c::crc32c(sealed) {
            return None;
        }
        let mut rest = sealed.strip_prefix(&MAGIC)?;
        let version = rest.try_get_u32_le().ok()?;
        let file = rest.try_get_u32_le().ok()?;
        let (id, mut rest) = rest.split_first_chunk::<16>()?;
        let created = Nanos(rest.try_get_u64_le().ok()?);
        let first_entry = rest.try_get_u64_le().ok()?;
        Some((version, Self { id: *id, file, first_entry, created }))
    }
}

/// Whether a file that begins with these bytes is a journal, sound or damaged elsewhere. It takes the first 8.
#[must_use]
pub fn is_journal(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(&MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_any_flipped_bit_shows() {
        // One header there and back; then each of its bits flipped by itself.
        let header = Header { id: [7; 16], file: 3, first_entry: u64::MAX, created: Nanos(9) };
        let bytes: [u8; HEADER_BYTES] = header.to_bytes().try_into().unwrap();
        assert!(is_journal(&bytes));
        assert_eq!(Header::from_bytes(&bytes), Some((VERSION, header)));
        for bit in 0..HEADER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::from_bytes(&damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        // The check value that every catalogue of checksums gives for CRC-32C.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn random_ids_differ() {
        // Two draws of 128 bits.
        assert_ne!(Header::random_id().unwrap(), Header::random_id().unwrap());
    }
}
