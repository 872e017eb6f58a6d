//! What stands in front of each block, and what stands at the file's end.

use bytes::{Buf as _, BufMut as _};

use super::codec::ENTRY_BYTES_MIN;
use super::{BLOCK_BYTES_MAX, PACKED_BYTES_MAX};

/// What block headers and the trailer begin with; a scan looks for this.
pub(crate) const MARK: [u8; 4] = *b"\xf2TLJ";

/// A block header's first bytes.
const BLOCK_MAGIC: [u8; 8] = *b"\xf2TLJblk\n";

/// The trailer's first bytes.
const TRAILER_MAGIC: [u8; 8] = *b"\xf2TLJend\n";

/// Length of a block header.
pub(crate) const BLOCK_HEADER_BYTES: usize = 72;

/// Length of the trailer.
pub(crate) const TRAILER_BYTES: usize = 28;

/// A block of entries.
pub(crate) const ENTRIES: u32 = 1;

/// The block that lists the others.
pub(crate) const INDEX: u32 = 2;

/// What stands in front of each block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BlockHeader {
    pub(crate) id: [u8; 16],
    /// [`ENTRIES`] or [`INDEX`]; readers step over others.
    pub(crate) kind: u32,
    pub(crate) packed_bytes: u32,
    pub(crate) raw_bytes: u32,
    /// Entries, or rows of the index.
    pub(crate) count: u32,
    pub(crate) packed_crc: u32,
    pub(crate) first_entry: u64,
    pub(crate) recv_min: u64,
    pub(crate) recv_max: u64,
}

impl BlockHeader {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BLOCK_HEADER_BYTES);
        bytes.put_slice(&BLOCK_MAGIC);
        bytes.put_slice(&self.id);
        for number in [self.kind, self.packed_bytes, self.raw_bytes, self.count, self.packed_crc] {
            bytes.put_u32_le(number);
        }
        for number in [self.first_entry, self.recv_min, self.recv_max] {
            bytes.put_u64_le(number);
        }
        bytes.put_u32_le(crc32c::crc32c(&bytes));
        bytes
    }

    /// `None` unless the checksum holds and every number is within its bound.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = sealed(bytes, &BLOCK_MAGIC, BLOCK_HEADER_BYTES)?.get(BLOCK_MAGIC.len()..)?;
        let (id, after) = rest.split_first_chunk::<16>()?;
        rest = after;
        let mut number = || rest.try_get_u32_le().ok();
        let [kind, packed_bytes, raw_bytes, count, packed_crc] =
            [number()?, number()?, number()?, number()?, number()?];
        let mut number = || rest.try_get_u64_le().ok();
        let [first_entry, recv_min, recv_max] = [number()?, number()?, number()?];
        let header = Self {
            id: *id,
            kind,
            packed_bytes,
            raw_bytes,
            count,
            packed_crc,
            first_entry,
            recv_min,
            recv_max,
        };
        header.is_bounded().then_some(header)
    }

    /// Length of the block in the file, this header included.
    pub(crate) fn bytes(&self) -> u64 {
        BLOCK_HEADER_BYTES as u64 + u64::from(self.packed_bytes)
    }

    fn is_bounded(&self) -> bool {
        let fits =
            self.packed_bytes as usize <= PACKED_BYTES_MAX && self.raw_bytes as usize <= BLOCK_BYTES_MAX;
        let counts = match self.kind {
            ENTRIES => {
                self.count > 0
                    && self.count as usize <= self.raw_bytes as usize / ENTRY_BYTES_MIN
                    && self.first_entry.checked_add(u64::from(self.count)).is_some()
                    && self.recv_min <= self.recv_max
            }
            INDEX => self.count as usize == self.raw_bytes as usize / ROW_BYTES,
            _ => true,
        };
        fits && counts
    }
}

/// A block as the index lists it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Block {
    /// Where in the file it begins.
    pub offset: u64,
    /// Its length in the file, header included.
    pub bytes: u64,
    /// Number of its first entry, counted over the whole recording.
    pub first_entry: u64,
    /// How many entries it holds.
    pub entries: u32,
    /// The earliest receive stamp in it, nanoseconds.
    pub recv_min: u64,
    /// The latest receive stamp in it, nanoseconds.
    pub recv_max: u64,
}

/// Length of a row of the index.
pub(crate) const ROW_BYTES: usize = 40;

impl Block {
    pub(crate) fn new(offset: u64, header: &BlockHeader) -> Self {
        Self {
            offset,
            bytes: header.bytes(),
            first_entry: header.first_entry,
            entries: header.count,
            recv_min: header.recv_min,
            recv_max: header.recv_max,
        }
    }

    pub(crate) fn put(&self, rows: &mut Vec<u8>) {
        rows.put_u64_le(self.offset);
        // A block's length is that of a 32-bit number of bytes and a header; the header's is left out here.
        rows.put_u32_le(self.bytes.saturating_sub(BLOCK_HEADER_BYTES as u64) as u32);
        rows.put_u32_le(self.entries);
        for number in [self.first_entry, self.recv_min, self.recv_max] {
            rows.put_u64_le(number);
        }
    }

    /// A row off the front of `rows`.
    pub(crate) fn take(rows: &mut &[u8]) -> Option<Self> {
        Some(Self {
            offset: rows.try_get_u64_le().ok()?,
            bytes: BLOCK_HEADER_BYTES as u64 + u64::from(rows.try_get_u32_le().ok()?),
            entries: rows.try_get_u32_le().ok()?,
            first_entry: rows.try_get_u64_le().ok()?,
            recv_min: rows.try_get_u64_le().ok()?,
            recv_max: rows.try_get_u64_le().ok()?,
        })
    }
}

/// What stands at the end of a finished file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trailer {
    /// Where the index block begins; 0 if there were more blocks than one index holds.
    pub(crate) index: u64,
    /// Number behind the file's last entry.
    pub(crate) end_entry: u64,
}

impl Trailer {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TRAILER_BYTES);
        bytes.put_slice(&TRAILER_MAGIC);
        bytes.put_u64_le(self.index);
        bytes.put_u64_le(self.end_entry);
        bytes.put_u32_le(crc32c::crc32c(&bytes));
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = sealed(bytes, &TRAILER_MAGIC, TRAILER_BYTES)?.get(TRAILER_MAGIC.len()..)?;
        Some(Self { index: rest.try_get_u64_le().ok()?, end_entry: rest.try_get_u64_le().ok()? })
    }
}

/// Whether these last bytes of a file are the beginning of a block header or of a trailer.
pub(crate) fn is_begun(bytes: &[u8]) -> bool {
    let begins = |magic: &[u8; 8], length: usize| {
        bytes.len() < length && bytes.iter().zip(magic).all(|(byte, expected)| byte == expected)
    };
    begins(&BLOCK_MAGIC, BLOCK_HEADER_BYTES) || begins(&TRAILER_MAGIC, TRAILER_BYTES)
}

/// The first `length` bytes without the checksum that closes them, if it holds and they begin with `magic`.
fn sealed<'a>(bytes: &'a [u8], magic: &[u8; 8], length: usize) -> Option<&'a [u8]> {
    let (sealed, crc) = bytes.get(..length)?.split_last_chunk::<4>()?;
    (sealed.starts_with(magic) && u32::from_le_bytes(*crc) == crc32c::crc32c(sealed)).then_some(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: BlockHeader = BlockHeader {
        id: [9; 16],
        kind: ENTRIES,
        packed_bytes: 70,
        raw_bytes: 700,
        count: 100,
        packed_crc: 0xdead_beef,
        first_entry: 1 << 40,
        recv_min: 5,
        recv_max: 6,
    };

    #[test]
    fn block_headers_trailers_and_rows_come_back_and_any_flipped_bit_shows() {
        // One of each there and back, at its stated length; then each bit of the two with a checksum flipped.
        let bytes = HEADER.to_bytes();
        assert_eq!((bytes.len(), BlockHeader::from_bytes(&bytes)), (BLOCK_HEADER_BYTES, Some(HEADER)));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(BlockHeader::from_bytes(&damaged), None, "bit {bit}");
        }
        let trailer = Trailer { index: 1 << 33, end_entry: 77 };
        let bytes = trailer.to_bytes();
        assert_eq!((bytes.len(), Trailer::from_bytes(&bytes)), (TRAILER_BYTES, Some(trailer)));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::from_bytes(&damaged), None, "bit {bit}");
        }
        let (block, mut rows) = (Block::new(52, &HEADER), Vec::new());
        block.put(&mut rows);
        assert_eq!((rows.len(), Block::take(&mut rows.as_slice())), (ROW_BYTES, Some(block)));
    }

    #[test]
    fn numbers_beyond_their_bounds_are_no_block_whatever_the_checksum_says() {
        // Each bounded number just inside and just outside.
        let accepted = |header: BlockHeader| BlockHeader::from_bytes(&header.to_bytes()).is_some();
        let with_raw = |raw_bytes: usize| BlockHeader { raw_bytes: raw_bytes as u32, ..HEADER };
        let with_packed = |packed_bytes: usize| BlockHeader { packed_bytes: packed_bytes as u32, ..HEADER };
        assert!(accepted(with_raw(BLOCK_BYTES_MAX)) && !accepted(with_raw(BLOCK_BYTES_MAX + 1)));
        assert!(accepted(with_packed(PACKED_BYTES_MAX)) && !accepted(with_packed(PACKED_BYTES_MAX + 1)));
        assert!(accepted(with_raw(700)) && !accepted(with_raw(699)));
        assert!(!accepted(BlockHeader { count: 0, ..HEADER }));
        assert!(accepted(BlockHeader { first_entry: u64::MAX - 100, ..HEADER }));
        assert!(!accepted(BlockHeader { first_entry: u64::MAX - 99, ..HEADER }));
        assert!(!accepted(BlockHeader { recv_min: 7, ..HEADER }));
        let index = BlockHeader { kind: INDEX, raw_bytes: 80, count: 2, ..HEADER };
        assert!(accepted(index) && !accepted(BlockHeader { count: 3, ..index }));
    }

    #[test]
    fn the_beginnings_of_blocks_and_trailers_are_told_from_other_bytes() {
        // Every proper beginning of either is begun; a whole one, and one with a wrong byte, is not.
        let (block, trailer) = (HEADER.to_bytes(), Trailer { index: 0, end_entry: 0 }.to_bytes());
        assert!((1..BLOCK_HEADER_BYTES).all(|length| is_begun(&block[..length])));
        assert!((1..TRAILER_BYTES).all(|length| is_begun(&trailer[..length])));
        assert!(!is_begun(&block) && !is_begun(&trailer) && !is_begun(b"\xf2TLK"));
    }
}
