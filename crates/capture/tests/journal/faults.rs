//! Disks that fail.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use touchline_capture::journal::{FileWriter, JournalError, Lost, PushError, Reader, Writer};

use crate::common::{self, HEADER, Owned};

/// Set for the child process whose files may not grow as they like: the folder to write in.
const LIMITED: &str = "TOUCHLINE_JOURNAL_LIMITED";

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    room: usize,
}

/// Takes as many bytes as there is room for, and then refuses.
#[derive(Clone, Default)]
struct Disk(Rc<RefCell<Content>>);

impl Disk {
    fn make_room(&self, room: usize) {
        self.0.borrow_mut().room = room;
    }
}

impl Write for Disk {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let mut content = self.0.borrow_mut();
        let length = from.len().min(content.room);
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        content.bytes.extend_from_slice(&from[..length]);
        content.room -= length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn entries() -> Vec<Owned> {
    (0..12).map(|number| common::entry(number, 60)).collect()
}

#[test]
fn a_write_that_stops_at_any_byte_loses_its_block_and_nothing_else() {
    // Four blocks, of which the second and third stop after each possible number of bytes. The loss is told with its
    // counts, the blocks around are read, and the index lists what stands in the file.
    let entries = entries();
    let blocks = common::index(&common::journal(&entries, 3));
    for room in 0..blocks[1].bytes.min(blocks[2].bytes) as usize {
        let disk = Disk::default();
        disk.make_room(usize::MAX);
        let mut writer = Writer::new(disk.clone(), &HEADER, 1).unwrap();
        for (number, block) in entries.chunks(3).enumerate() {
            for entry in block {
                writer.push(&entry.lent()).unwrap();
            }
            let fails = (1..3).contains(&number);
            disk.make_room(if fails { room } else { usize::MAX });
            match writer.flush() {
                Ok(()) => assert!(!fails),
                Err(Lost { gap, source }) => {
                    let bytes: usize = block.iter().map(|entry| entry.payload.len()).sum();
                    assert!(fails && source.kind() == io::ErrorKind::StorageFull);
                    assert_eq!((gap.entries, gap.bytes, gap.since), (3, bytes as u64, block[0].entry.recv));
                }
            }
        }
        assert_eq!((writer.entries(), writer.open_entries()), (6, 0));
        writer.finish().unwrap();

        let file = disk.0.take().bytes;
        let outcome = common::read(&file);
        let given: Vec<Owned> = outcome.entries.into_iter().map(|(_, entry)| entry).collect();
        assert_eq!(given, [&entries[..3], &entries[9..]].concat(), "room {room}");
        assert_eq!(outcome.errors.len(), usize::from(room > 0), "room {room}: {:?}", outcome.errors);
        for (after, error) in outcome.errors {
            assert!(matches!(error, JournalError::Corrupt { entries: Some(0), .. }), "room {room}: {error}");
            assert_eq!(after, 3);
        }
        let index = common::index(&file);
        assert_eq!(index.iter().map(|block| block.first_entry).collect::<Vec<_>>(), [40, 43]);
        let mut reader = common::reader(&file);
        reader.seek(entries[9].entry.recv).unwrap();
        assert_eq!(reader.next().unwrap(), Some(entries[9].lent()));
    }
}

#[test]
fn a_block_left_unfinished_at_the_end_is_cut_off() {
    // The write that stops is the last one: whole blocks, one truncation, at each number of bytes.
    let entries = entries();
    let second = common::index(&common::journal(&entries, 3))[1];
    for room in 1..second.bytes as usize {
        let disk = Disk::default();
        disk.make_room(second.offset as usize + room);
        let mut writer = Writer::new(disk.clone(), &HEADER, 1).unwrap();
        for block in entries[..6].chunks(3) {
            for entry in block {
                writer.push(&entry.lent()).unwrap();
            }
            let _ = writer.flush();
        }
        assert!(writer.finish().is_err());
        let outcome = common::read(&disk.0.take().bytes);
        assert_eq!((outcome.entries.len(), outcome.errors.len()), (3, 1));
        assert!(matches!(outcome.errors[0].1, JournalError::Truncated { from_entry: 43, .. }), "room {room}");
    }
}

#[test]
fn a_short_block_behind_a_torn_long_one_is_found_though_the_file_is_not_finished() {
    // The torn block claims more bytes than the file has; it stops after each possible number of them.
    let entries: Vec<Owned> = (0..7).map(|number| common::entry(number, 300)).collect();
    let long = common::index(&common::journal(&entries[..6], 6))[0];
    for room in 1..long.bytes as usize {
        let disk = Disk::default();
        disk.make_room(usize::MAX);
        let mut writer = Writer::new(disk.clone(), &HEADER, 1).unwrap();
        for entry in &entries[..6] {
            writer.push(&entry.lent()).unwrap();
        }
        disk.make_room(room);
        assert_eq!(writer.flush().unwrap_err().gap.entries, 6);
        disk.make_room(usize::MAX);
        writer.push(&entries[6].lent()).unwrap();
        writer.flush().unwrap();
        let file = disk.0.take().bytes;
        let outcome = common::read(&file);
        assert_eq!(outcome.entries, [(40, entries[6].clone())], "room {room}");
        assert!(matches!(outcome.errors[..], [(0, JournalError::Corrupt { entries: Some(0), .. })]));
        assert_eq!(common::index(&file).last().map(|block| block.first_entry), Some(40), "room {room}");
    }
}

#[test]
fn a_push_that_fills_its_block_tells_the_loss_with_itself_included() {
    // Pushes to a disk without room until the writer tries it; all that was pushed is lost, and told.
    let disk = Disk::default();
    disk.make_room(usize::MAX);
    let mut writer = Writer::new(disk.clone(), &HEADER, 1).unwrap();
    disk.make_room(0);
    let mut pushed = 0;
    let lost = loop {
        pushed += 1;
        match writer.push(&common::entry(8 * pushed, 4_096).lent()) {
            Ok(()) => assert!(pushed < 100),
            Err(PushError::Lost(lost)) => break lost,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!((lost.gap.entries, lost.gap.bytes), (pushed, 4_096 * pushed));
    assert_eq!((writer.open_entries(), writer.entries(), writer.next_entry()), (0, 0, 40));
}

#[test]
fn a_device_that_is_always_full_refuses_the_header() {
    // Linux has such a device; it takes no byte at all.
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let refused = FileWriter::new(full, &HEADER, 1).err().map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::StorageFull));
}

/// Bytes between two limits that are tried.
const LIMIT_STEP: u64 = 7;

fn limited_entries() -> Vec<Owned> {
    (0..16).map(|number| common::entry(number, 100)).collect()
}

#[test]
fn a_file_that_cannot_grow_keeps_whole_blocks_only_and_goes_on_when_it_can() {
    // This test again in a process of its own, where the signal that comes with the limit is ignored.
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact faults::under_a_limit --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(LIMITED, folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The child says in a file how many limits it ran into, so that a child that ran nothing is known.
    let third = common::index(&common::journal(&limited_entries(), 4))[2];
    let done = std::fs::read_to_string(folder.path().join("done")).unwrap();
    assert_eq!(done, third.bytes.div_ceil(LIMIT_STEP).to_string());
}

#[test]
fn under_a_limit() {
    // Only in the child: the system itself stops the third block after every seventh number of bytes. The file then
    // ends with its last whole block at once, and takes the fourth once the limit is gone.
    let Some(folder) = std::env::var_os(LIMITED) else { return };
    let entries = limited_entries();
    let third = common::index(&common::journal(&entries, 4))[2];
    let mut count = 0;
    assert_no_file_without_header(&Path::new(&folder).join("none.tlj"));
    for room in (0..third.bytes).step_by(LIMIT_STEP as usize) {
        let path = Path::new(&folder).join(format!("{room}.tlj"));
        assert_eq!(under_one_limit(&path, &entries, third.offset + room), third.offset);
        let mut reader = Reader::open(&path).unwrap();
        let outcome = common::read_on(&mut reader);
        assert!(outcome.errors.is_empty() && reader.is_finished(), "room {room}: {:?}", outcome.errors);
        let given: Vec<Owned> = outcome.entries.into_iter().map(|(_, entry)| entry).collect();
        assert_eq!(given, [&entries[..8], &entries[12..]].concat());
        count += 1;
    }
    std::fs::write(Path::new(&folder).join("done"), count.to_string()).unwrap();
}

/// A file whose header finds no room does not stay.
fn assert_no_file_without_header(path: &Path) {
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    for limit in [0, 1, 51] {
        setrlimit(Resource::RLIMIT_FSIZE, limit, hard).unwrap();
        let refused = FileWriter::create(path, &HEADER, 1).err().map(|error| error.kind());
        setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
        assert_eq!(refused, Some(io::ErrorKind::FileTooLarge));
        assert!(!path.exists());
    }
}

/// Writes four blocks, the third under a limit on the file's length. Returns the file's length after the failure.
fn under_one_limit(path: &Path, entries: &[Owned], limit: u64) -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    let mut writer = FileWriter::create(path, &HEADER, 1).unwrap();
    let mut length = 0;
    for (number, block) in entries.chunks(4).enumerate() {
        for entry in block {
            writer.push(&entry.lent()).unwrap();
        }
        if number == 2 {
            setrlimit(Resource::RLIMIT_FSIZE, limit, hard).unwrap();
        }
        let flushed = writer.flush();
        setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
        assert_eq!(flushed.err().map_or(0, |lost| lost.gap.entries), if number == 2 { 4 } else { 0 });
        if number == 2 {
            length = std::fs::metadata(path).unwrap().len();
            assert_eq!(length, writer.bytes());
        }
    }
    writer.finish().unwrap();
    length
}
