//! The recorder against a disk that fails on command; rounds are driven by hand, with time as an argument.

use std::io::{self, Cursor, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard};

use proptest::prelude::*;

use crate::journal::{Entry, EntryKind, Gap, Header, JournalError, Lost, PushError, Reader, Writer};

use super::disk::Paper;
use super::tap::Drain;
use super::*;

/// Files in memory, and what is wrong with them.
#[derive(Default)]
struct State {
    files: Vec<Vec<u8>>,
    /// What a write says while it fails.
    fails: Option<io::ErrorKind>,
    /// Only this file fails.
    bad_file: Option<usize>,
    /// So many bytes are still taken while it fails.
    room: usize,
    tries: usize,
}

#[derive(Clone, Default)]
struct Memory {
    state: Arc<Mutex<State>>,
    /// Writes wait while this stands.
    stuck: Arc<AtomicBool>,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

struct MemoryFile(Memory, usize);

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while self.0.stuck.load(Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        let mut state = self.0.state();
        let mut taken = bytes.len();
        if let Some(kind) = state.fails
            && state.bad_file.is_none_or(|file| file == self.1)
        {
            state.tries += 1;
            taken = taken.min(state.room);
            state.room -= taken;
            if taken == 0 {
                return Err(kind.into());
            }
        }
        state.files[self.1].extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for Memory {
    type Writer = Writer<MemoryFile>;

    fn open(&mut self, first_entry: u64, now: Nanos) -> io::Result<Self::Writer> {
        let file = self.state().files.len();
        self.state().files.push(Vec::new());
        let header = Header { id: [7; 16], file: file as u32 + 1, first_entry, created: now };
        Writer::new(MemoryFile(self.clone(), file), &header, 1)
    }

    fn should_rotate(&self, bytes: u64, _: Nanos) -> bool {
        bytes > 1_000
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("{}", self.state().files.len()))
    }
}

impl Paper for Writer<MemoryFile> {
    fn push(&mut self, entry: &Entry<'_>) -> Result<(), PushError> {
        self.push(entry)
    }
    fn flush(&mut self) -> Result<(), Lost> {
        self.flush()
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn finish(self) -> io::Result<()> {
        self.finish().map(drop)
    }
    fn next_entry(&self) -> u64 {
        self.next_entry()
    }
    fn open_entries(&self) -> u32 {
        self.open_entries()
    }
    fn bytes(&self) -> u64 {
        self.bytes()
    }
}

fn options(ring_bytes: usize) -> RecorderOptions {
    let rotation = Rotation {
        folder: PathBuf::new(),
        name: "test".to_owned(),
        bytes_max: u64::MAX,
        period: Duration::from_secs(3600),
    };
    let redactor = Redactor::new(["planted-secret".to_owned()]).unwrap();
    RecorderOptions {
        ring_bytes,
        setup: b"{\"setup\":1}".to_vec(),
        ..RecorderOptions::new(rotation, [7; 16], redactor)
    }
}

/// A recorder without a thread, its clock at zero.
struct Bench {
    memory: Memory,
    scribe: Scribe<Memory>,
    taps: Vec<Tap>,
    shared: Arc<Shared>,
    start: Instant,
    ms: u64,
}

impl Bench {
    fn new(ring_bytes: usize, taps: usize) -> Self {
        let memory = Memory::default();
        let (taps, drains): (Vec<Tap>, Vec<Drain>) = (0..taps).map(|_| tap::channel(ring_bytes)).unzip();
        let shared = Arc::new(Shared::new(drains.iter().map(Drain::losses).collect()));
        let start = Instant::now();
        let disk = memory.clone();
        let scribe =
            Scribe::start(disk, options(ring_bytes), drains, Arc::clone(&shared), start, Nanos(0)).unwrap();
        Self { memory, scribe, taps, shared, start, ms: 0 }
    }

    /// So many milliseconds later one round, and more until the rings are empty or the disk fails.
    fn rounds_after(&mut self, ms: u64) {
        self.ms += ms;
        let now = self.start + Duration::from_millis(self.ms);
        while self.scribe.round(now, Nanos(self.ms * 1_000_000)) {}
    }

    fn finish(mut self) -> (Memory, RecorderStatus) {
        let now = self.start + Duration::from_millis(self.ms);
        while self.scribe.drain_at_end(now, Nanos(self.ms)) {}
        self.scribe.finish(now, Nanos(self.ms));
        (self.memory, self.shared.status())
    }
}

/// The entry with this number, its payload made of the number.
fn numbered(reader: u16, number: u64, payload: &[u8]) -> Entry<'_> {
    Entry {
        kind: EntryKind::Binary,
        reader,
        path: 3,
        source: number,
        recv: Nanos(1_000 + number),
        now: number,
        kernel: Nanos(number),
        payload,
    }
}

fn payload(number: u64, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (number as usize * 31 + at) as u8).collect()
}

/// What the files hold: each tap's numbers in order, and the gaps; checks that each tap's entries are whole and in
/// order, and, where one tap is alone, that each gap stands in its place.
fn read(memory: &Memory, taps: usize) -> (Vec<u64>, Gap) {
    let (mut entries, mut gaps) = (vec![0; taps], Gap::default());
    let mut next = vec![0; taps];
    for file in &memory.state().files {
        let mut reader = match Reader::new(Cursor::new(file.clone())) {
            Ok(reader) => reader,
            Err(_) if file.len() < 52 => continue,
            Err(error) => panic!("{error}"),
        };
        loop {
            let entry = match reader.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                // Where a write failed in its middle.
                Err(JournalError::Corrupt { .. } | JournalError::Truncated { .. }) => continue,
                Err(error) => panic!("{error}"),
            };
            match entry.kind {
                EntryKind::Setup => assert_eq!(entry.payload, b"{\"setup\":1}"),
                EntryKind::Gap => {
                    let gap = Gap::from_payload(entry.payload).unwrap();
                    assert!(gap.entries > 0 && gap.since.0 >= 1_000);
                    gaps.entries += gap.entries;
                    gaps.bytes += gap.bytes;
                    if taps == 1 {
                        assert_eq!(gap.since.0, 1_000 + next[0], "a gap begins where entries stop");
                        next[0] += gap.entries;
                    }
                }
                _ => {
                    let tap = usize::from(entry.reader);
                    if taps == 1 {
                        assert_eq!(entry.source, next[0], "what is missing is counted in its place");
                    } else {
                        assert!(entry.source >= next[tap], "a tap's order is kept");
                    }
                    next[tap] = entry.source + 1;
                    let payload = payload(entry.source, entry.payload.len());
                    assert_eq!(entry, numbered(entry.reader, entry.source, &payload));
                    entries[tap] += 1;
                }
            }
        }
    }
    (entries, gaps)
}

#[test]
fn a_full_ring_is_one_exact_gap_in_its_place() {
    // 200 entries into a ring of 4 KiB that nobody empties, then 10 more after it was emptied, then it overflows for
    // good: two gaps, each behind the last entry that had room.
    let mut bench = Bench::new(4096, 1);
    let record = |bench: &mut Bench, numbers: std::ops::Range<u64>| {
        for number in numbers {
            bench.taps[0].record(&numbered(0, number, &payload(number, 60)));
        }
    };
    record(&mut bench, 0..200);
    assert_eq!(bench.shared.status().lost_entries, 160);
    bench.rounds_after(1);
    record(&mut bench, 200..210);
    bench.rounds_after(300);
    assert_eq!(bench.shared.status().entries, 50);
    record(&mut bench, 210..300);
    let (memory, status) = bench.finish();
    let (entries, gaps) = read(&memory, 1);
    assert_eq!((entries[0], gaps.entries, gaps.bytes), (50 + 40, 160 + 50, 210 * 60));
    assert_eq!((status.entries, status.lost_entries, status.lost_bytes), (90, 210, 210 * 60));
    assert_eq!((status.failing_since, status.last_error), (None, None));
}

#[test]
fn a_full_disk_is_told_retried_and_ends_in_a_gap() {
    // A block fails in its middle; the next tries come after 250 ms, 500 ms more and 1 s more; then there is room.
    let mut bench = Bench::new(65_536, 1);
    bench.rounds_after(1);
    bench.memory.state().room = 50;
    bench.memory.state().fails = Some(io::ErrorKind::StorageFull);
    for number in 0..100 {
        bench.taps[0].record(&numbered(0, number, &payload(number, 100)));
    }
    bench.rounds_after(300);
    let status = bench.shared.status();
    assert_eq!((status.entries, status.lost_entries, status.lost_bytes), (0, 100, 10_000));
    assert_eq!(status.failing_since, Some(Nanos(301_000_000)));
    assert!(status.last_error.is_some());
    let mut tries_at = Vec::new();
    for _ in 0..300 {
        let before = bench.memory.state().tries;
        bench.rounds_after(10);
        if bench.memory.state().tries > before {
            tries_at.push(bench.ms - 301);
        }
    }
    assert_eq!(tries_at, [250, 750, 1_750, 2_750]);
    bench.taps[0].record(&numbered(0, 100, &payload(100, 5)));
    bench.memory.state().fails = None;
    bench.rounds_after(1_000);
    assert_eq!(bench.shared.status().failing_since, None);
    let (memory, status) = bench.finish();
    let (entries, gaps) = read(&memory, 1);
    assert_eq!((entries[0], gaps.entries, gaps.bytes), (1, 100, 10_000));
    assert_eq!((status.entries, status.lost_entries), (1, 100));
    assert_eq!(memory.state().files.len(), 1);
}

#[test]
fn a_broken_file_is_left_for_another() {
    // The first file says EIO for good; the second takes the gap and goes on.
    let mut bench = Bench::new(65_536, 1);
    bench.memory.state().bad_file = Some(0);
    bench.memory.state().fails = Some(io::ErrorKind::Other);
    bench.taps[0].record(&numbered(0, 0, b"\0"));
    bench.rounds_after(300);
    bench.taps[0].record(&numbered(0, 1, &payload(1, 9)));
    bench.rounds_after(300);
    assert_eq!(bench.shared.status().path, PathBuf::from("2"));
    let (memory, _) = bench.finish();
    assert_eq!(read(&memory, 1), (vec![1], Gap { entries: 1, bytes: 1, since: Nanos(0) }));
}

#[test]
fn a_disk_that_is_full_at_the_end_leaves_the_count_to_the_status() {
    // Nothing can be written from the second entry on, and the recording is stopped.
    let mut bench = Bench::new(65_536, 1);
    bench.taps[0].record(&numbered(0, 0, b"\0"));
    bench.rounds_after(300);
    bench.memory.state().fails = Some(io::ErrorKind::StorageFull);
    for number in 1..10 {
        bench.taps[0].record(&numbered(0, number, b""));
        bench.rounds_after(100);
    }
    let (memory, status) = bench.finish();
    assert_eq!(read(&memory, 1), (vec![1], Gap::default()));
    assert_eq!((status.entries, status.lost_entries), (1, 9));
    assert!(status.failing_since.is_some());
}

#[test]
fn a_gap_that_never_left_the_ring_counts_in_the_last_one() {
    // A full disk, a ring that overflows and has room again, a stop; only the very last try works. One gap has all:
    // the lost block's entry, the ring's 40, and the one that the ring's own gap stands for.
    let mut bench = Bench::new(4096, 1);
    bench.memory.state().fails = Some(io::ErrorKind::StorageFull);
    bench.taps[0].record(&numbered(0, 0, b"\0"));
    bench.rounds_after(300);
    for number in 1..40 {
        bench.taps[0].record(&numbered(0, number, &payload(number, 60)));
    }
    bench.taps[0].record(&numbered(0, 40, &payload(40, 200)));
    bench.taps[0].record(&numbered(0, 41, b""));
    assert_eq!(bench.shared.status().lost_entries, 2);
    let now = bench.start + Duration::from_millis(bench.ms);
    assert!(!bench.scribe.drain_at_end(now, Nanos(1_000)));
    bench.memory.state().fails = None;
    bench.scribe.finish(now, Nanos(1_000));
    let status = bench.shared.status();
    assert_eq!(
        read(&bench.memory, 1),
        (vec![0], Gap { entries: 42, bytes: 1 + 39 * 60 + 200, since: Nanos(0) })
    );
    assert_eq!((status.entries, status.lost_entries, status.failing_since), (0, 42, None));
}

#[test]
fn a_stuck_disk_holds_the_thread_and_not_the_tap() {
    // The thread waits in a write for as long as the test likes; the tap goes on, and what it loses is told later.
    let memory = Memory::default();
    let (recorder, mut taps) = Recorder::start_on(memory.clone(), options(8192), 1).unwrap();
    memory.stuck.store(true, Release);
    taps[0].record(&numbered(0, 0, b"\0"));
    let until = Instant::now() + Duration::from_secs(5);
    while recorder.status().round_age < Duration::from_millis(100) && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(
        recorder.status().round_age >= Duration::from_millis(100),
        "the status shows that the thread is held up"
    );
    for number in 1..1_000 {
        taps[0].record(&numbered(0, number, &payload(number, 50)));
    }
    let lost = recorder.status().lost_entries;
    assert!(lost > 900, "{lost}");
    memory.stuck.store(false, Release);
    drop(taps);
    let status = recorder.stop();
    let (entries, gaps) = read(&memory, 1);
    assert_eq!((entries[0] + gaps.entries, gaps.entries, status.entries), (1_000, lost, entries[0]));
}

#[test]
fn what_cannot_work_is_said_at_the_start() {
    // Bounds of the options, and a folder that is not there.
    let start = |change: fn(&mut RecorderOptions)| {
        let mut options = options(4096);
        change(&mut options);
        Recorder::start(options, 1).err().map(|error| error.kind())
    };
    assert_eq!(
        start(|options| options.flush_every = Duration::from_millis(1_001)),
        Some(io::ErrorKind::InvalidInput)
    );
    assert_eq!(start(|options| options.ring_bytes = 100), Some(io::ErrorKind::InvalidInput));
    assert_eq!(
        start(|options| options.rotation.folder = "no/such/folder".into()),
        Some(io::ErrorKind::NotFound)
    );
}

/// What happens at random.
#[derive(Clone, Debug)]
enum Step {
    Record { tap: usize, bytes: usize },
    Rounds { ms: u64 },
    Fail { kind: io::ErrorKind, room: usize },
    Work,
}

fn step(taps: usize, bytes_max: usize) -> impl Strategy<Value = Step> {
    let kinds = vec![io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::Other];
    prop_oneof![
        12 => (0..taps, prop_oneof![3 => 0..200usize, 1 => 0..bytes_max])
            .prop_map(|(tap, bytes)| Step::Record { tap, bytes }),
        6 => prop_oneof![Just(0), Just(1), Just(250), Just(1_000)].prop_map(|ms| Step::Rounds { ms }),
        1 => (prop::sample::select(kinds), 0..300usize).prop_map(|(kind, room)| Step::Fail { kind, room }),
        2 => Just(Step::Work),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_that_was_offered_stands_in_files_or_in_gaps(
        (taps, steps) in (1..3usize).prop_flat_map(|taps| (Just(taps), prop::collection::vec(step(taps, 5_000), 0..120))),
    ) {
        // Entries of any size, up to more than a ring's, at random among rounds, failures and repairs; the disk works
        // at the end. The sum is exact, contents and order are right, and a lone tap's gaps stand in their places.
        let mut bench = Bench::new(4096, taps);
        let (mut offered, mut offered_bytes) = (vec![0; taps], 0);
        for step in steps {
            match step {
                Step::Record { tap, bytes } => {
                    let payload = payload(offered[tap], bytes);
                    let entry = numbered(tap as u16, offered[tap], &payload);
                    let (front, back) = payload.split_at(bytes / 3);
                    bench.taps[tap].record_parts(&entry, &[front, back]);
                    offered[tap] += 1;
                    offered_bytes += bytes as u64;
                }
                Step::Rounds { ms } => bench.rounds_after(ms),
                Step::Fail { kind, room } => {
                    let mut state = bench.memory.state();
                    (state.fails, state.room) = (Some(kind), room);
                }
                Step::Work => bench.memory.state().fails = None,
            }
        }
        bench.memory.state().fails = None;
        let (memory, status) = bench.finish();
        let (entries, gaps) = read(&memory, taps);
        let sum: u64 = offered.iter().sum();
        prop_assert_eq!(entries.iter().sum::<u64>() + gaps.entries, sum);
        prop_assert_eq!((status.entries, status.lost_entries), (sum - gaps.entries, gaps.entries));
        prop_assert_eq!(status.lost_bytes, gaps.bytes);
        prop_assert!(gaps.bytes <= offered_bytes);
        prop_assert_eq!(status.failing_since, None);
    }
}
