//! One reader thread's way to the recorder: a ring of bytes, and both its ends.
//!
//! An entry stands in the ring as [`HEAD_BYTES`] of fixed fields, then its payload. Head and payload become visible
//! one after the other; the thread takes an entry once all its bytes are there.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use rtrb::{Consumer, Producer, RingBuffer};
use touchline_market::Nanos;

use crate::journal::{Entry, EntryKind, Gap};

/// What an entry takes in the ring beside its payload.
pub const HEAD_BYTES: usize = 40;

const GAP_BYTES: usize = HEAD_BYTES + 24;

/// What a tap has lost since it was made. Written by the tap alone.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub(super) entries: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// When the first entry of the loss under way, or of the last one, came.
    since: AtomicU64,
    reader: AtomicU64,
}

/// Where a reader thread leaves its entries.
///
/// # Cost
/// Two copies into memory that is there already and two stores that the recorder's thread sees. A frame of 280 bytes
/// takes 22 ns one after another, and 50 to 150 ns at 20,000 a second, where the ring's lines have left the cache. No
/// allocation, no lock, no system call, and no waiting whatever the disk does.
#[derive(Debug)]
pub struct Tap {
    ring: Producer<u8>,
    /// Lost and not yet told of.
    lost: Gap,
    losses: Arc<Losses>,
}

impl Tap {
    /// Records an entry, or counts it as lost if the ring has no room.
    ///
    /// The kind [`Gap`](EntryKind::Gap) is the recorder's own and not to be offered.
    pub fn record(&mut self, entry: &Entry<'_>) {
        self.record_parts(entry, &[entry.payload]);
    }

    /// Records an entry whose payload is these parts, one behind the other; `head.payload` is not looked at.
    pub fn record_parts(&mut self, head: &Entry<'_>, parts: &[&[u8]]) {
        debug_assert_ne!(head.kind, EntryKind::Gap, "gaps are the recorder's own");
        let bytes = parts.iter().map(|part| part.len()).sum::<usize>();
        let gap_bytes = if self.lost.entries == 0 { 0 } else { GAP_BYTES };
        let Some(room) = bytes.checked_add(HEAD_BYTES + gap_bytes) else { return self.lose(head, bytes) };
        let Ok(length) = u32::try_from(bytes) else { return self.lose(head, bytes) };
        if self.ring.cached_slots() < room && self.ring.slots() < room {
            return self.lose(head, bytes);
        }
        if gap_bytes > 0 {
            self.tell(head);
        }
        self.push(&head_bytes(head, length));
        for part in parts {
            self.push(part);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        // The room has been looked at: only the thread at the other end changes it, and to more.
        let pushed = self.ring.push_entire_slice(bytes);
        debug_assert!(pushed.is_ok(), "there was room");
    }

    #[cold]
    #[inline(never)]
    fn lose(&mut self, head: &Entry<'_>, bytes: usize) {
        if self.lost.entries == 0 {
            self.lost.since = head.recv;
            self.losses.since.store(head.recv.0, Relaxed);
            self.losses.reader.store(u64::from(head.reader), Relaxed);
        }
        self.lost.entries += 1;
        self.lost.bytes += bytes as u64;
        self.losses.entries.fetch_add(1, Relaxed);
        self.losses.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Puts a gap in front of the entry that ends it.
    #[cold]
    #[inline(never)]
    fn tell(&mut self, head: &Entry<'_>) {
        let payload = self.lost.to_payload();
        let gap = Entry { kind: EntryKind::Gap, path: 0, source: 0, kernel: Nanos::NONE, ..*head };
        self.push(&head_bytes(&gap, payload.len() as u32));
        self.push(&payload);
        self.lost = Gap::default();
    }
}

/// The recorder thread's end of a tap.
pub(super) struct Drain {
    ring: Consumer<u8>,
    /// An entry that goes over the ring's end is joined here.
    joined: Vec<u8>,
    /// What the gaps that came through the ring count.
    told: Gap,
    losses: Arc<Losses>,
}

impl Drain {
    /// Hands up to `most` entries to `take` for as long as it says to go on, and says how many.
    pub(super) fn each(&mut self, most: usize, mut take: impl FnMut(&Entry<'_>) -> bool) -> usize {
        let mut taken = 0;
        while taken < most {
            let Some((mut entry, bytes)) = self.head() else { break };
            let Ok(chunk) = self.ring.read_chunk(HEAD_BYTES + bytes) else { break };
            let (first, second) = chunk.as_slices();
            entry.payload = match first.get(HEAD_BYTES..) {
                Some(whole) if second.is_empty() => whole,
                _ => {
                    self.joined.clear();
                    self.joined.extend_from_slice(first);
                    self.joined.extend_from_slice(second);
                    self.joined.get(HEAD_BYTES..).unwrap_or_default()
                }
            };
            if entry.kind == EntryKind::Gap {
                let gap = Gap::from_payload(entry.payload).unwrap_or_default();
                self.told.entries += gap.entries;
                self.told.bytes += gap.bytes;
            }
            let goes_on = take(&entry);
            chunk.commit_all();
            taken += 1;
            if !goes_on {
                break;
            }
        }
        taken
    }

    /// No ring of this size holds more entries.
    pub(super) fn entries_max(&self) -> usize {
        self.ring.buffer().capacity() / HEAD_BYTES
    }

    /// What the tap lost behind its last entry, and whose it is; asked for when nothing comes any more.
    pub(super) fn untold(&mut self) -> (Gap, u16) {
        let gap = Gap {
            entries: self.losses.entries.load(Relaxed).saturating_sub(self.told.entries),
            bytes: self.losses.bytes.load(Relaxed).saturating_sub(self.told.bytes),
            since: Nanos(self.losses.since.load(Relaxed)),
        };
        self.told.entries += gap.entries;
        self.told.bytes += gap.bytes;
        // The number came from 16 bits.
        (gap, self.losses.reader.load(Relaxed) as u16)
    }

    pub(super) fn losses(&self) -> Arc<Losses> {
        Arc::clone(&self.losses)
    }

    /// The fields of the entry at the ring's head, and its payload's length.
    fn head(&mut self) -> Option<(Entry<'static>, usize)> {
        let chunk = self.ring.read_chunk(HEAD_BYTES).ok()?;
        let (first, second) = chunk.as_slices();
        let mut bytes = [0; HEAD_BYTES];
        for (place, byte) in bytes.iter_mut().zip(first.iter().chain(second)) {
            *place = *byte;
        }
        // Not committed: the bytes stay until the whole entry is there and taken.
        entry_of(&bytes)
    }
}

/// A tap and its other end, over a ring of so many bytes whose memory is there from the start.
pub(super) fn channel(ring_bytes: usize) -> (Tap, Drain) {
    let (mut tap, mut drain) = RingBuffer::new(ring_bytes);
    // Every page is written once, so that the system has given it before the first entry comes.
    let zeros = [0; 4096];
    while !tap.push_partial_slice(&zeros).0.is_empty() {}
    if let Ok(all) = drain.read_chunk(drain.slots()) {
        all.commit_all();
    }
    let losses = Arc::<Losses>::default();
    (
        Tap { ring: tap, lost: Gap::default(), losses: Arc::clone(&losses) },
        Drain { ring: drain, joined: Vec::new(), told: Gap::default(), losses },
    )
}

fn head_bytes(entry: &Entry<'_>, length: u32) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    let reader = u64::from(entry.reader) << 48;
    let first = reader | u64::from(entry.path) << 40 | u64::from(entry.kind as u8) << 32 | u64::from(length);
    let words = [first, entry.source, entry.recv.0, entry.now, entry.kernel.0];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn entry_of(bytes: &[u8; HEAD_BYTES]) -> Option<(Entry<'static>, usize)> {
    let [first, source, recv, now, kernel] = bytes.as_chunks::<8>().0 else { return None };
    let [l0, l1, l2, l3, kind, path, r0, r1] = *first;
    let entry = Entry {
        kind: EntryKind::from_number(kind)?,
        reader: u16::from_le_bytes([r0, r1]),
        path,
        source: u64::from_le_bytes(*source),
        recv: Nanos(u64::from_le_bytes(*recv)),
        now: u64::from_le_bytes(*now),
        kernel: Nanos(u64::from_le_bytes(*kernel)),
        payload: &[],
    };
    Some((entry, u32::from_le_bytes([l0, l1, l2, l3]) as usize))
}
