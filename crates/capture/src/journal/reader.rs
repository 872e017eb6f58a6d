//! Reads a journal: entry by entry, around damage, or from a time on.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use touchline_market::Nanos;

use super::block::{BLOCK_HEADER_BYTES, BlockHeader, ENTRIES, INDEX, TRAILER_BYTES, Trailer};
use super::codec::Decoder;
use super::header::{HEADER_BYTES, MAGIC};
use super::source::{Found, Source};
use super::{Block, Damage, Entry, Header, JournalError, VERSION, is_journal};
use crate::Progress;

/// How far into a file that does not begin as a journal a block is looked for.
const SALVAGE_BYTES: u64 = 1024 * 1024;

/// A damaged part of the file whose end has not been found yet.
struct Stretch {
    damage: Damage,
    start: u64,
    /// Number behind its last entry, if a block's own header tells.
    end_entry: Option<u64>,
}

/// Reads a journal from anything that reads and seeks.
///
/// A file that its writer never finished, because it was killed or still writes, reads like any other: up to the
/// last block that is whole, and then [`JournalError::Truncated`] if there is a part of one more.
/// [`is_finished`](Self::is_finished) tells the two apart where nothing follows the last whole block.
///
/// See [`Writer`](super::Writer) for an example.
pub struct Reader<R> {
    source: Source<R>,
    header: Header,
    trailer: Option<Trailer>,
    index: Option<Vec<Block>>,
    /// Where the next block is looked for.
    at: u64,
    /// Damage met before the reader came to `at`.
    stretch: Option<Stretch>,
    /// Damaged payloads may be read again for blocks inside them until they add up to the file's length, so that
    /// blocks which claim each other's bytes cost no more than a second reading.
    rescue_bytes: u64,
    /// The block whose entries are being given: where it is, its bytes, and how many entries are left.
    block: u64,
    raw: Vec<u8>,
    decoder: Decoder,
    left: u32,
    /// Number of the next entry.
    next_entry: u64,
    number: u64,
    /// Entries before this time are passed over until one is not.
    from: Option<Nanos>,
    ended: bool,
}

impl Reader<File> {
    /// Opens a journal by its path.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|source| JournalError::Io { at: 0, source })?;
        Self::new(file)
    }

    /// The file that this one, at `path`, goes on with in the same recording, and where it is: beside it, whatever its
    /// name. `None` if it is the last, or the next is not there.
    #[must_use]
    pub fn next_file(&self, path: &Path) -> Option<(Self, PathBuf)> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
        let paths = entries.flatten().map(|entry| entry.path());
        let mut same = paths.filter(|other| other.extension() == path.extension());
        let (id, file) = (self.header.id, self.header.file.checked_add(1)?);
        same.find_map(|other| {
            let reader = Self::open(&other).ok()?;
            (reader.header.id == id && reader.header.file == file).then_some((reader, other))
        })
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads from `read`, which needs no buffer of its own. Its length is asked once: what is written later is not
    /// seen.
    ///
    /// # Errors
    /// [`JournalError::NotAJournal`], [`JournalError::Newer`], [`JournalError::Io`], and
    /// [`JournalError::Truncated`] if the file ends inside its header.
    pub fn new(read: R) -> Result<Self, JournalError> {
        let fault = |source| JournalError::Io { at: 0, source };
        let source = Source::new(read).map_err(fault)?;
        let mut reader = Self {
            rescue_bytes: source.bytes(),
            source,
            header: Header::default(),
            trailer: None,
            index: None,
            at: HEADER_BYTES as u64,
            stretch: None,
            block: 0,
            raw: Vec::new(),
            decoder: Decoder::default(),
            left: 0,
            next_entry: 0,
            number: 0,
            from: None,
            ended: false,
        };
        reader.read_header()?;
        reader.next_entry = reader.header.first_entry;
        reader.trailer = reader.source.trailer().map_err(fault)?;
        Ok(reader)
    }

    /// The next entry, borrowed from the block it lies in, or `None` at the end.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] once for each damaged stretch, after which the next call goes on behind it; any
    /// other error once, after which every call gives `Ok(None)`.
    #[expect(
        clippy::should_implement_trait,
        reason = "an entry borrows from the reader, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, JournalError> {
        Ok(self.next_numbered()?.map(|(_, entry)| entry))
    }

    /// As [`next`](Self::next), with the entry's [number](Self::number).
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_numbered(&mut self) -> Result<Option<(u64, Entry<'_>)>, JournalError> {
        let decoded = loop {
            if self.left == 0 {
                if self.ended || !self.advance().inspect_err(|error| self.ended = error.is_final())? {
                    self.ended = true;
                    return Ok(None);
                }
                continue;
            }
            let decoded = match self.decoder.decode(&self.raw) {
                Ok(decoded) if self.left > 1 || self.decoder.used() == self.raw.len() => decoded,
                // Bytes that the sound checksum covers, and still no entry, or one that leaves bytes behind the last.
                _ => return Err(self.malformed()),
            };
            self.left -= 1;
            self.number = self.next_entry;
            self.next_entry += 1;
            if self.from.is_none_or(|from| decoded.entry.recv >= from) {
                self.from = None;
                break decoded;
            }
        };
        let payload = self.raw.get(decoded.payload).unwrap_or_default();
        Ok(Some((self.number, Entry { payload, ..decoded.entry })))
    }

    /// Goes to the first entry that came at or after `recv`, in the order of the file; to the end if there is none.
    /// Damage in front of that entry's block is not reported.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn seek(&mut self, recv: Nanos) -> Result<(), JournalError> {
        let block = self.index()?.iter().find(|block| block.recv_max >= recv.0).copied();
        (self.left, self.stretch, self.from, self.ended) = (0, None, Some(recv), block.is_none());
        (self.at, self.next_entry) =
            block.map_or((self.source.bytes(), self.next_entry), |block| (block.offset, block.first_entry));
        Ok(())
    }

    /// The blocks, in the order of the file: from its index, or from a scan of the blocks' headers where the index is
    /// missing or damaged.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn index(&mut self) -> Result<&[Block], JournalError> {
        let index = match self.index.take() {
            Some(index) => index,
            None => self.read_index().map_err(|source| JournalError::Io { at: self.at, source })?,
        };
        Ok(self.index.insert(index))
    }

    /// What the file says of itself. With a damaged header, what its first block tells.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Number of the entry given last, counted over the whole recording from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether the file ends as its writer meant it to. False for one whose writer was killed or still writes, and
    /// for a damaged end mark.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.trailer.is_some()
    }

    /// How much of the file has been used. Runs ahead of the entries by one block at most.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { done_bytes: self.at, total_bytes: Some(self.source.bytes()) }
    }

    /// Reads the file header; where it is damaged, goes by the first block.
    fn read_header(&mut self) -> Result<(), JournalError> {
        let fault = |source| JournalError::Io { at: 0, source };
        let bytes = self.source.bytes();
        let first = self.source.head(0, HEADER_BYTES).map_err(fault)?;
        let (begins, has_magic) = (MAGIC.starts_with(first) || is_journal(first), is_journal(first));
        if bytes < HEADER_BYTES as u64 && begins {
            return Err(JournalError::Truncated { at: 0, from_entry: 0, partial_bytes: bytes });
        }
        match first.as_array().and_then(Header::from_bytes) {
            Some((version, _)) if version > VERSION => return Err(JournalError::Newer { version }),
            Some((_, header)) => {
                (self.header, self.source.id) = (header, Some(header.id));
                return Ok(());
            }
            None => {}
        }
        self.at = self.source.scan(0, if has_magic { bytes } else { SALVAGE_BYTES }).map_err(fault)?;
        match self.source.find(self.at).map_err(fault)? {
            Found::Block(BlockHeader { id, first_entry, .. }) => {
                self.header = Header { id, first_entry, ..Header::default() };
                self.source.id = Some(id);
            }
            _ if !has_magic => return Err(JournalError::NotAJournal),
            _ => {}
        }
        self.stretch = Some(Stretch { damage: Damage::FileHeader, start: 0, end_entry: None });
        Ok(())
    }

    /// Loads the next sound block of entries; false at the end.
    fn advance(&mut self) -> Result<bool, JournalError> {
        self.step().map_err(|source| JournalError::Io { at: self.at, source })?
    }

    fn step(&mut self) -> io::Result<Result<bool, JournalError>> {
        loop {
            let at = self.at;
            match self.source.find(at)? {
                Found::Block(header) => {
                    if let Err(damage) = self.check(at, &header)? {
                        self.damaged(damage, at, header.first_entry.checked_add(u64::from(header.count)));
                        self.at = self.behind(at, &header)?;
                        continue;
                    }
                    let is_counted = matches!(header.kind, ENTRIES | INDEX);
                    if is_counted && let Some(error) = self.whole_again(at, header.first_entry) {
                        return Ok(Err(error));
                    }
                    self.at = at + header.bytes();
                    if header.kind == ENTRIES {
                        (self.block, self.decoder, self.left) = (at, Decoder::default(), header.count);
                        return Ok(Ok(true));
                    }
                }
                Found::Trailer(trailer) => {
                    if let Some(error) = self.whole_again(at, trailer.end_entry) {
                        return Ok(Err(error));
                    }
                    self.at = at + TRAILER_BYTES as u64;
                }
                Found::Cut => {
                    let next = self.source.scan(at + 1, self.source.bytes())?;
                    if next < self.source.bytes() {
                        self.damaged(Damage::Torn, at, None);
                        self.at = next;
                        continue;
                    }
                    return Ok(Err(self.corrupt(at, None).unwrap_or(JournalError::Truncated {
                        at,
                        from_entry: self.next_entry,
                        partial_bytes: self.source.bytes() - at,
                    })));
                }
                Found::Nothing => {
                    self.damaged(Damage::NoBlock, at, None);
                    self.at = self.source.scan(at + 1, self.source.bytes())?;
                }
                Found::End => {
                    let end_entry = self.stretch.as_ref().and_then(|stretch| stretch.end_entry);
                    return Ok(self.corrupt(at, end_entry).map_or(Ok(false), Err));
                }
            }
        }
    }

    /// Loads the block at `at` if it is sound and comes after what was given.
    fn check(&mut self, at: u64, header: &BlockHeader) -> io::Result<Result<(), Damage>> {
        if header.kind == ENTRIES && header.first_entry < self.next_entry {
            return Ok(Err(Damage::Order));
        }
        self.source.load(at, header, &mut self.raw)
    }

    /// Where to look on behind a damaged block: at a block inside it, which shows that it was never completed, or
    /// else at its end.
    fn behind(&mut self, at: u64, header: &BlockHeader) -> io::Result<u64> {
        let end = at + header.bytes();
        let Some(left) = self.rescue_bytes.checked_sub(header.bytes()) else { return Ok(end) };
        self.rescue_bytes = left;
        Ok(self.source.scan(at + BLOCK_HEADER_BYTES as u64, end)?.min(end))
    }

    /// Notes damage at `at`, and what is known of the entries in it.
    fn damaged(&mut self, damage: Damage, at: u64, end_entry: Option<u64>) {
        let stretch = self.stretch.get_or_insert(Stretch { damage, start: at, end_entry });
        stretch.end_entry = end_entry;
    }

    /// At a sound place: what to report of the stretch in front of it, or of entries missing in front of it.
    fn whole_again(&mut self, at: u64, first_entry: u64) -> Option<JournalError> {
        if first_entry > self.next_entry && self.stretch.is_none() {
            self.damaged(Damage::Missing, at, None);
        }
        self.corrupt(at, Some(first_entry))
    }

    /// Ends the damaged stretch, if there is one, at `end`, where the entry numbers go on with `end_entry`.
    fn corrupt(&mut self, end: u64, end_entry: Option<u64>) -> Option<JournalError> {
        let Stretch { damage, start, .. } = self.stretch.take()?;
        let from_entry = self.next_entry;
        let known = match damage {
            // The numbers are those of the first block found: what came before it is unknown.
            Damage::FileHeader => None,
            _ => end_entry.map(|end_entry| end_entry.saturating_sub(from_entry)),
        };
        // What is shorter than a block's header holds no entry.
        let entries = known.or((end - start < BLOCK_HEADER_BYTES as u64).then_some(0));
        self.next_entry = end_entry.unwrap_or(from_entry).max(from_entry);
        Some(JournalError::Corrupt { damage, from_entry, entries, bytes: start..end })
    }

    /// Gives the rest of a block up whose entries make no sense.
    #[cold]
    #[inline(never)]
    fn malformed(&mut self) -> JournalError {
        let (from_entry, left) = (self.next_entry, u64::from(self.left));
        self.left = 0;
        self.next_entry += left;
        JournalError::Corrupt {
            damage: Damage::Entry,
            from_entry,
            entries: Some(left),
            bytes: self.block..self.at,
        }
    }

    fn read_index(&mut self) -> io::Result<Vec<Block>> {
        match self.stored_index()? {
            Some(index) => Ok(index),
            None => self.scanned_index(),
        }
    }

    /// The index that the file holds; `None` if there is none, or none that fits the file.
    fn stored_index(&mut self) -> io::Result<Option<Vec<Block>>> {
        let Some(Trailer { index: at @ 1.., .. }) = self.trailer else { return Ok(None) };
        let Found::Block(header) = self.source.find(at)? else { return Ok(None) };
        let blocks_max = self.source.bytes() / BLOCK_HEADER_BYTES as u64;
        if header.kind != INDEX || u64::from(header.count) > blocks_max {
            return Ok(None);
        }
        let mut raw = Vec::new();
        if self.source.load(at, &header, &mut raw)?.is_err() {
            return Ok(None);
        }
        let (mut rows, mut end, mut index) = (raw.as_slice(), 0, Vec::new());
        while let Some(block) = Block::take(&mut rows) {
            if block.offset < end || block.offset >= at {
                return Ok(None);
            }
            end = block.offset.saturating_add(block.bytes);
            index.push(block);
        }
        Ok(Some(index))
    }

    fn scanned_index(&mut self) -> io::Result<Vec<Block>> {
        let (mut at, mut index) = (HEADER_BYTES as u64, Vec::new());
        loop {
            at = match self.source.find(at)? {
                Found::Block(header) => {
                    if header.kind == ENTRIES {
                        index.push(Block::new(at, &header));
                    }
                    self.source.behind(at, &header)?
                }
                Found::Trailer(_) => at + TRAILER_BYTES as u64,
                Found::Cut | Found::Nothing => self.source.scan(at + 1, self.source.bytes())?,
                Found::End => return Ok(index),
            };
        }
    }
}
