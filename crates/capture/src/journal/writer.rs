//! Writes a journal, block by block.

use std::io::{self, Write};

use touchline_market::Nanos;
use zstd::bulk::Compressor;

use super::block::{BLOCK_HEADER_BYTES, ENTRIES, INDEX, ROW_BYTES, Trailer};
use super::block::{Block, BlockHeader};
use super::codec::Encoder;
use super::{BLOCK_BYTES_MAX, BLOCK_BYTES_USUAL, Entry, Gap, Header, Lost, PAYLOAD_BYTES_MAX, PushError};

/// Blocks that one index block has room for. A file of more has no index, and its readers scan it for one.
const INDEX_ROWS_MAX: usize = BLOCK_BYTES_MAX / ROW_BYTES;

/// The block under way: entries taken and not yet written.
#[derive(Default)]
struct Open {
    raw: Vec<u8>,
    encoder: Encoder,
    entries: u32,
    payload_bytes: u64,
    since: u64,
    recv_min: u64,
    recv_max: u64,
}

impl Open {
    fn push(&mut self, entry: &Entry<'_>) {
        let recv = entry.recv.0;
        if self.entries == 0 {
            (self.since, self.recv_min, self.recv_max) = (recv, recv, recv);
        }
        self.recv_min = self.recv_min.min(recv);
        self.recv_max = self.recv_max.max(recv);
        self.encoder.encode(entry, &mut self.raw);
        self.payload_bytes += entry.payload.len() as u64;
        // Never over: some 37,000 of the shortest entries fill a block.
        self.entries += 1;
    }

    /// Empties the block and keeps its memory.
    fn clear(&mut self) {
        self.raw.clear();
        *self = Self { raw: std::mem::take(&mut self.raw), ..Self::default() };
    }

    fn gap(&self) -> Gap {
        Gap { entries: u64::from(self.entries), bytes: self.payload_bytes, since: Nanos(self.since) }
    }
}

/// Writes a journal to anything that writes. For a file use [`FileWriter`](super::FileWriter), which also removes
/// what a failed write left behind.
///
/// # Example
/// ```
/// use std::io::Cursor;
/// use touchline_capture::journal::{Entry, EntryKind, Header, Reader, Writer};
/// use touchline_market::Nanos;
///
/// let header = Header { id: Header::random_id()?, file: 1, first_entry: 0, created: Nanos(1_000) };
/// let mut writer = Writer::new(Vec::new(), &header, 3)?;
/// let frame = Entry {
///     kind: EntryKind::Text,
///     reader: 0,
///     path: 0,
///     source: 1,
///     recv: Nanos(2_000),
///     now: 500,
///     kernel: Nanos::NONE,
///     payload: b"{\"u\":1}",
/// };
/// writer.push(&frame)?;
/// let mut reader = Reader::new(Cursor::new(writer.finish()?))?;
/// assert_eq!(reader.next()?, Some(frame));
/// assert_eq!(reader.next()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<W> {
    write: W,
    id: [u8; 16],
    open: Open,
    compressor: Compressor<'static>,
    /// A block as it is handed on: header and payload.
    packed: Vec<u8>,
    /// Number of the first entry not handed on.
    next_entry: u64,
    first_entry: u64,
    /// Where the last whole block ends.
    bytes: u64,
    /// Where the next byte goes: behind `bytes` after a failed write.
    tail: u64,
    index: Vec<Block>,
    index_is_full: bool,
}

impl<W: Write> Writer<W> {
    /// Starts a journal and writes its header. `level` is zstd's, 1 (fast) to 22 (small); 3 is its own default.
    ///
    /// # Errors
    /// What the underlying writer says, or zstd if it cannot start.
    pub fn new(mut write: W, header: &Header, level: i32) -> io::Result<Self> {
        let compressor = Compressor::new(level)?;
        let bytes = header.to_bytes();
        write.write_all(&bytes)?;
        write.flush()?;
        let bytes = bytes.len() as u64;
        Ok(Self {
            write,
            id: header.id,
            open: Open::default(),
            compressor,
            packed: Vec::new(),
            next_entry: header.first_entry,
            first_entry: header.first_entry,
            bytes,
            tail: bytes,
            index: Vec::new(),
            index_is_full: false,
        })
    }

    /// Takes one entry. Once the block under way has its usual size it is written.
    ///
    /// # Errors
    /// [`PushError::TooLong`], and the entry is not taken; [`PushError::Lost`] if the block with this entry at its
    /// end could not be written. The writer can be used on after both.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), PushError> {
        self.take(entry)?;
        if self.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the block under way, if it holds anything, with one call to the underlying writer.
    ///
    /// # Errors
    /// [`Lost`]: the entries of that block are gone, and their numbers are given to those that come next. Behind a
    /// part of a block that reached the underlying writer goes the next block; a reader steps over such a part.
    pub fn flush(&mut self) -> Result<(), Lost> {
        if self.open.entries == 0 {
            return Ok(());
        }
        let written = self.write_open();
        let gap = self.open.gap();
        self.open.clear();
        written.map_err(|source| Lost { gap, source })
    }

    /// Writes the block under way, the index and the end mark, and gives the underlying writer back. A journal
    /// without this call reads as one whose writer was killed.
    ///
    /// # Errors
    /// What the underlying writer says. The blocks written before are readable all the same; call
    /// [`flush`](Self::flush) before to learn what a failure loses.
    pub fn finish(mut self) -> io::Result<W> {
        self.end()?;
        Ok(self.write)
    }

    /// Entries written, without those of the block under way.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.next_entry - self.first_entry
    }

    /// Number of the next entry to be pushed, counted over the whole recording: what the next file of a rotation
    /// begins with once this one is flushed.
    #[must_use]
    pub fn next_entry(&self) -> u64 {
        self.next_entry + u64::from(self.open.entries)
    }

    /// Bytes up to the end of the last whole block.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Entries of the block under way: what a kill would lose now.
    #[must_use]
    pub fn open_entries(&self) -> u32 {
        self.open.entries
    }

    /// Gives the underlying writer back as it stands.
    pub(crate) fn into_inner(self) -> W {
        self.write
    }

    /// The underlying writer.
    pub(crate) fn get_ref(&self) -> &W {
        &self.write
    }

    /// Takes one entry without writing anything.
    pub(crate) fn take(&mut self, entry: &Entry<'_>) -> Result<(), PushError> {
        let bytes = entry.payload.len();
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(PushError::TooLong { bytes });
        }
        self.open.push(entry);
        Ok(())
    }

    /// Whether the block under way has its usual size.
    pub(crate) fn is_full(&self) -> bool {
        self.open.raw.len() >= BLOCK_BYTES_USUAL
    }

    /// Drops the block under way, because there is no place to write it to.
    pub(crate) fn lose(&mut self, source: io::Error) -> Lost {
        let gap = self.open.gap();
        self.open.clear();
        Lost { gap, source }
    }

    /// Whether a failed write left part of a block behind the last whole one.
    pub(crate) fn is_torn(&self) -> bool {
        self.tail != self.bytes
    }

    /// Says that the underlying writer stands at the end of the last whole block again, with nothing behind.
    pub(crate) fn mended(&mut self) {
        self.tail = self.bytes;
    }

    /// As [`finish`](Self::finish), and the underlying writer stays.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        let mut trailer = Trailer { index: 0, end_entry: self.next_entry };
        let mut rows = Vec::new();
        if !self.index_is_full {
            trailer.index = self.tail;
            self.index.iter().for_each(|block| block.put(&mut rows));
            let header = BlockHeader {
                id: self.id,
                kind: INDEX,
                packed_bytes: 0,
                raw_bytes: rows.len() as u32,
                count: self.index.len() as u32,
                packed_crc: 0,
                first_entry: self.next_entry,
                recv_min: 0,
                recv_max: 0,
            };
            pack(&mut self.compressor, header, &rows, &mut self.packed)?;
        } else {
            self.packed.clear();
        }
        self.packed.extend_from_slice(&trailer.to_bytes());
        self.write_packed()
    }

    fn write_open(&mut self) -> io::Result<()> {
        let header = BlockHeader {
            id: self.id,
            kind: ENTRIES,
            packed_bytes: 0,
            raw_bytes: self.open.raw.len() as u32,
            count: self.open.entries,
            packed_crc: 0,
            first_entry: self.next_entry,
            recv_min: self.open.recv_min,
            recv_max: self.open.recv_max,
        };
        let header = pack(&mut self.compressor, header, &self.open.raw, &mut self.packed)?;
        let offset = self.tail;
        self.write_packed()?;
        self.next_entry += u64::from(self.open.entries);
        if self.index.len() < INDEX_ROWS_MAX {
            self.index.push(Block::new(offset, &header));
        } else {
            self.index_is_full = true;
        }
        Ok(())
    }

    /// Hands the packed bytes on. Counts those that were taken, so that what comes later knows where it stands.
    fn write_packed(&mut self) -> io::Result<()> {
        let mut rest = self.packed.as_slice();
        while !rest.is_empty() {
            match self.write.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.tail += length as u64;
                    rest = rest.get(length..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.write.flush()?;
        self.bytes = self.tail;
        Ok(())
    }
}

/// Compresses `raw` behind its header into `packed`; the header's length and checksum of the payload are set here.
fn pack(
    compressor: &mut Compressor<'_>,
    mut header: BlockHeader,
    raw: &[u8],
    packed: &mut Vec<u8>,
) -> io::Result<BlockHeader> {
    packed.clear();
    packed.resize(BLOCK_HEADER_BYTES + zstd::zstd_safe::compress_bound(raw.len()), 0);
    let room = packed.get_mut(BLOCK_HEADER_BYTES..).unwrap_or_default();
    let length = compressor.compress_to_buffer(raw, room)?;
    packed.truncate(BLOCK_HEADER_BYTES + length);
    header.packed_bytes = length as u32;
    header.packed_crc = crc32c::crc32c(packed.get(BLOCK_HEADER_BYTES..).unwrap_or_default());
    let bytes = header.to_bytes();
    packed.splice(..BLOCK_HEADER_BYTES, bytes);
    Ok(header)
}
