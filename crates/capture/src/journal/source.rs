//! A journal's bytes, and what stands where among them.

use std::io::{self, Read, Seek, SeekFrom};

use memchr::memmem;
use zstd::bulk::Decompressor;

use super::Damage;
use super::block::{BLOCK_HEADER_BYTES, BlockHeader, MARK, TRAILER_BYTES, Trailer, is_begun};

/// File bytes that a scan looks at together.
const SCAN_BYTES: usize = 64 * 1024;

/// File bytes that a scan looks at first.
const SCAN_BYTES_FIRST: usize = 1024;

/// What stands at a place of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// A block of this recording, all of whose bytes are there.
    Block(BlockHeader),
    /// The end mark.
    Trailer(Trailer),
    /// A block or end mark that the file's end cuts off.
    Cut,
    /// Nothing that belongs there.
    Nothing,
    /// The file's end.
    End,
}

/// A journal's bytes. The length is that of the moment when it was opened.
pub(crate) struct Source<R> {
    read: R,
    bytes: u64,
    /// Whose blocks count; any recording's while it is unknown.
    pub(crate) id: Option<[u8; 16]>,
    head: Vec<u8>,
    packed: Vec<u8>,
    decompressor: Decompressor<'static>,
}

impl<R: Read + Seek> Source<R> {
    pub(crate) fn new(mut read: R) -> io::Result<Self> {
        let bytes = read.seek(SeekFrom::End(0))?;
        let decompressor = Decompressor::new()?;
        Ok(Self { read, bytes, id: None, head: Vec::new(), packed: Vec::new(), decompressor })
    }

    /// Length of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What stands at `at`.
    pub(crate) fn find(&mut self, at: u64) -> io::Result<Found> {
        let head = self.head(at, BLOCK_HEADER_BYTES)?;
        if head.is_empty() {
            return Ok(Found::End);
        }
        if let Some(trailer) = Trailer::from_bytes(head) {
            return Ok(Found::Trailer(trailer));
        }
        let Some(header) = BlockHeader::from_bytes(head) else {
            return Ok(if is_begun(head) { Found::Cut } else { Found::Nothing });
        };
        if self.id.is_some_and(|id| id != header.id) {
            return Ok(Found::Nothing);
        }
        let is_whole = at.checked_add(header.bytes()).is_some_and(|end| end <= self.bytes);
        Ok(if is_whole { Found::Block(header) } else { Found::Cut })
    }

    /// The first place from `from` on and before `to` where a block's header or an end mark stands; the file's end
    /// if there is none.
    pub(crate) fn scan(&mut self, mut from: u64, to: u64) -> io::Result<u64> {
        let finder = memmem::Finder::new(&MARK);
        let mut piece = std::mem::take(&mut self.packed);
        // A short look first: what is looked for is often near, and a scan begins anew behind each place found.
        let mut length = SCAN_BYTES_FIRST;
        while from < to.min(self.bytes) {
            read_at(&mut self.read, self.bytes, from, length, &mut piece)?;
            for place in finder.find_iter(&piece) {
                let at = from + place as u64;
                // A beginning cut off by the file's end is not enough: any last byte may look like one.
                let head = self.head(at, BLOCK_HEADER_BYTES)?;
                let is_ours =
                    BlockHeader::from_bytes(head).map(|header| self.id.is_none_or(|id| id == header.id));
                if at < to && (is_ours == Some(true) || Trailer::from_bytes(&self.head).is_some()) {
                    self.packed = piece;
                    return Ok(at);
                }
            }
            if piece.len() < length {
                break;
            }
            from += (length - MARK.len() + 1) as u64;
            length = SCAN_BYTES;
        }
        self.packed = piece;
        Ok(self.bytes)
    }

    /// Where to look on behind the block at `at`. That is its end, unless nothing belongs there and a block stands
    /// inside: then `header` was followed by less than it says.
    pub(crate) fn behind(&mut self, at: u64, header: &BlockHeader) -> io::Result<u64> {
        let end = at + header.bytes();
        match self.find(end)? {
            Found::Nothing => self.scan(at + BLOCK_HEADER_BYTES as u64, self.bytes),
            _ => Ok(end),
        }
    }

    /// Reads and unpacks the payload of the whole block at `at` into `raw`.
    pub(crate) fn load(
        &mut self,
        at: u64,
        header: &BlockHeader,
        raw: &mut Vec<u8>,
    ) -> io::Result<Result<(), Damage>> {
        raw.clear();
        let (from, length) = (at + BLOCK_HEADER_BYTES as u64, header.packed_bytes as usize);
        read_at(&mut self.read, self.bytes, from, length, &mut self.packed)?;
        if crc32c::crc32c(&self.packed) != header.packed_crc {
            return Ok(Err(Damage::Checksum));
        }
        // Bounded by what a block header may say, and asked for only when the checksum has shown a journal's writer.
        raw.reserve(header.raw_bytes as usize);
        let unpacked = self.decompressor.decompress_to_buffer(&self.packed, raw);
        Ok(match unpacked {
            Ok(length) if length == header.raw_bytes as usize => Ok(()),
            _ => Err(Damage::Unpack),
        })
    }

    /// The end mark, if the file ends with one.
    pub(crate) fn trailer(&mut self) -> io::Result<Option<Trailer>> {
        let Some(at) = self.bytes.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
        Ok(Trailer::from_bytes(self.head(at, TRAILER_BYTES)?))
    }

    /// At most `length` bytes at `at`; fewer at the file's end.
    pub(crate) fn head(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        read_at(&mut self.read, self.bytes, at, length, &mut self.head)?;
        Ok(&self.head)
    }
}

/// Replaces the content of `into` by at most `length` bytes at `at`. Memory is taken for what the file holds, not for
/// what is asked.
fn read_at<R: Read + Seek>(
    read: &mut R,
    bytes: u64,
    at: u64,
    length: usize,
    into: &mut Vec<u8>,
) -> io::Result<()> {
    let length = bytes.saturating_sub(at).min(length as u64) as usize;
    into.resize(length, 0);
    if length > 0 {
        read.seek(SeekFrom::Start(at))?;
        read.read_exact(into)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_scan_finds_a_mark_wherever_it_lies_across_the_pieces_it_reads() {
        // An end mark among zeros, moved byte by byte over both ends of a piece, and before, at and behind the
        // place where the scan stops.
        let mark = Trailer { index: 0, end_entry: 7 }.to_bytes();
        let second = SCAN_BYTES_FIRST + SCAN_BYTES - MARK.len() + 1;
        for place in (0..8).chain(SCAN_BYTES_FIRST - 8..SCAN_BYTES_FIRST + 8).chain(second - 8..second + 8) {
            let mut file = vec![0; second + 100];
            file[place..place + mark.len()].copy_from_slice(&mark);
            let (at, bytes) = (place as u64, file.len() as u64);
            let mut source = Source::new(Cursor::new(file)).unwrap();
            assert_eq!(source.scan(0, bytes).unwrap(), at);
            assert_eq!(source.scan(0, at + 1).unwrap(), at);
            assert_eq!(source.scan(0, at).unwrap(), bytes);
            assert_eq!(source.scan(at + 1, bytes).unwrap(), bytes);
        }
    }
}
