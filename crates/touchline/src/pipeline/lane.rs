//! The way from one reader to one book thread: a ring, and beside it recycled buffers for what is too large for it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};

use crossbeam_queue::ArrayQueue;
use touchline_market::{Head, Record, Sink, SinkFull};
use touchline_ring::{Batch, Consumer, Message, Producer};

/// Buffers for large messages: the streams of several connections begin with their snapshots in one burst, before a book
/// thread that slept has looked.
const LARGE_BUFFERS: usize = 16;

/// Room of a large buffer at the start: two sides of 5,000 levels. It grows to the largest message seen.
const LARGE_RECORDS: usize = 4_096;

/// Least bytes of a frame per record of its updates: three levels of `[1,1],` are 18, and a message's head and
/// single-record body come with no fewer.
const BYTES_PER_RECORD: usize = 18;

/// Records that a frame of few bytes may need: head and body of one small message, and then some.
const RECORDS_LEAST: usize = 4;

/// The first word of the record that stands in the ring for a large message: no head begins with it.
const LARGE_MARKER: u64 = u64::MAX;

/// What both ends share beside the ring.
#[derive(Debug)]
struct Beside {
    full: ArrayQueue<Vec<Record>>,
    spare: ArrayQueue<Vec<Record>>,
    /// A frame was dropped, and no break for it stands in the ring yet: the ring is full, so that the news has to
    /// come by another way.
    overrun: AtomicBool,
}

/// The reader's end.
#[derive(Debug)]
pub(crate) struct LaneSender {
    ring: Producer<Record>,
    beside: Arc<Beside>,
}

/// The book thread's end.
#[derive(Debug)]
pub(crate) struct LaneReceiver {
    ring: Consumer<Record>,
    beside: Arc<Beside>,
}

/// A lane over a ring of `records`.
pub(crate) fn lane(records: usize) -> (LaneSender, LaneReceiver) {
    let (producer, consumer) = touchline_ring::channel(records);
    let beside = Arc::new(Beside {
        full: ArrayQueue::new(LARGE_BUFFERS),
        spare: ArrayQueue::new(LARGE_BUFFERS),
        overrun: AtomicBool::new(false),
    });
    for _ in 0..LARGE_BUFFERS {
        // The queue has room for exactly these.
        let _ = beside.spare.push(Vec::with_capacity(LARGE_RECORDS));
    }
    (LaneSender { ring: producer, beside: Arc::clone(&beside) }, LaneReceiver { ring: consumer, beside })
}

/// Where a frame's updates can go now.
pub(crate) enum Room<'a> {
    /// Into ring slots.
    Ring(RingSink<'a>),
    /// Into a large buffer.
    Large(LargeSink<'a>),
    /// Nowhere: the book thread is behind.
    Full,
}

impl LaneSender {
    /// Room for the updates of a frame of `bytes`, and for `more` records beside them.
    #[inline]
    pub(crate) fn room(&mut self, bytes: usize, more: usize) -> Room<'_> {
        let records = bytes / BYTES_PER_RECORD + RECORDS_LEAST + more;
        if records > self.ring.capacity() / 2 {
            return self.large_room();
        }
        if self.ring.free() < records {
            return Room::Full;
        }
        Room::Ring(RingSink { batch: self.ring.batch() })
    }

    #[cold]
    fn large_room(&mut self) -> Room<'_> {
        if self.ring.free() == 0 {
            return Room::Full;
        }
        match self.beside.spare.pop() {
            Some(buffer) => Room::Large(LargeSink { lane: self, buffer, start: 0 }),
            None => Room::Full,
        }
    }

    /// Says whether a frame was dropped for which no break stands in the ring yet.
    #[cold]
    pub(crate) fn set_overrun(&self, overrun: bool) {
        // Release: whoever sees the flag fall sees the break that was committed before.
        self.beside.overrun.store(overrun, Release);
    }

    /// Records that the ring has room for, and how many of them are not known to be free.
    pub(crate) fn fill(&mut self) -> (usize, usize) {
        let capacity = self.ring.capacity();
        (capacity, capacity.saturating_sub(self.ring.free()))
    }

    /// Is nobody there to take anything any more?
    pub(crate) fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

/// Writes records straight into ring slots.
pub(crate) struct RingSink<'a> {
    batch: Batch<'a, Record>,
}

impl Sink for RingSink<'_> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.batch.push(record).map_err(|_| SinkFull)
    }

    #[inline]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        self.batch.commit(head.to_record()).map(|_| ()).map_err(|_| SinkFull)
    }

    #[inline]
    fn abandon(&mut self) {
        self.batch.abandon();
    }
}

/// Gathers a large frame's messages in a buffer, each behind its head; handed over when dropped.
pub(crate) struct LargeSink<'a> {
    lane: &'a mut LaneSender,
    buffer: Vec<Record>,
    /// Where the message under way begins.
    start: usize,
}

impl Sink for LargeSink<'_> {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        if self.buffer.len() == self.start {
            self.buffer.push(Record::default()); // The head's place.
        }
        self.buffer.push(record);
        Ok(())
    }

    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        match self.buffer.get_mut(self.start) {
            Some(place) => *place = head.to_record(),
            None => self.buffer.push(head.to_record()),
        }
        self.start = self.buffer.len();
        Ok(())
    }

    fn abandon(&mut self) {
        self.buffer.truncate(self.start);
    }
}

impl Drop for LargeSink<'_> {
    fn drop(&mut self) {
        self.abandon();
        let mut buffer = std::mem::take(&mut self.buffer);
        if self.start == 0 {
            buffer.clear();
            let _ = self.lane.beside.spare.push(buffer);
            return;
        }
        // There are no more buffers than places, and the ring was seen to have room for the marker.
        let _ = self.lane.beside.full.push(buffer);
        let _ = self.lane.ring.push(Record([LARGE_MARKER; touchline_market::RECORD_WORDS]));
    }
}

impl LaneReceiver {
    /// Hands every update of the next message to `handle`: its head, and its body records. False if there is none.
    #[inline]
    pub(crate) fn next(&mut self, handle: impl FnOnce(Received<'_>)) -> bool {
        let Some(message) = self.ring.next() else { return false };
        if message.first().0.first() == Some(&LARGE_MARKER) {
            drop(message);
            if let Some(mut buffer) = self.beside.full.pop() {
                handle(Received::Large(&buffer));
                buffer.clear();
                let _ = self.beside.spare.push(buffer);
            }
        } else {
            handle(Received::Ring(&message));
        }
        true
    }

    /// Was a frame dropped for which no break has been committed yet? While that is so, no book is up to date.
    #[inline]
    pub(crate) fn is_overrun(&self) -> bool {
        self.beside.overrun.load(Acquire)
    }

    /// Is the reader gone? The first miss of [`next`](Self::next) after this is the end.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

/// What came through the lane.
pub(crate) enum Received<'a> {
    /// One update.
    Ring(&'a Message<'a, Record>),
    /// Any number of updates, each behind its head.
    Large(&'a [Record]),
}

/// Splits the next update off a run of records: its head and its body.
pub(crate) fn split_update(records: &[Record]) -> Option<(Head, &[Record], &[Record])> {
    let (head, rest) = records.split_first()?;
    let head = Head::from_record(head)?;
    let (body, rest) = rest.split_at_checked(head.body_records())?;
    Some((head, body, rest))
}
