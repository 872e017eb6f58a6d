//! Clean copies of damaged files, and files one after another.

use std::time::Duration;

use touchline_capture::journal::{
    EntryKind, Files, Gap, JournalError, Reader, RecoverError, Recovered, Rotation, recover,
};
use touchline_market::Nanos;

use crate::common::{self, HEADER, Owned};

#[test]
fn a_clean_copy_holds_everything_whole_and_a_gap_for_each_hole() {
    // Two blocks of ten damaged and the end cut off: the copy is sound and finished, with two gaps in their places.
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("damaged.tlj"), folder.path().join("clean.tlj"));
    let entries: Vec<Owned> = (0..50).map(|number| common::entry(number, 100)).collect();
    let mut file = common::journal(&entries, 5);
    let blocks = common::index(&file);
    file[blocks[2].offset as usize + 100] ^= 1;
    file[blocks[6].offset as usize + 3] ^= 1;
    file.truncate(blocks[9].offset as usize + 90);
    std::fs::write(&source, &file).unwrap();

    let done = recover(&source, &target).unwrap();
    let expected =
        Recovered { entries: 35, damages: 2, gaps: 2, lost: 10, is_truncated: true, is_finished: false };
    assert_eq!(done, expected);
    let mut reader = Reader::open(&target).unwrap();
    assert!(reader.is_finished());
    assert_eq!(reader.header(), &HEADER);
    let outcome = common::read_on(&mut reader);
    assert!(outcome.errors.is_empty());
    let copy: Vec<Owned> = outcome.entries.into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(copy.len(), 37);
    assert_eq!(copy[..10], entries[..10]);
    assert_eq!(copy[11..26], entries[15..30]);
    assert_eq!(copy[27..], entries[35..45]);
    for (gap, before, behind) in
        [(&copy[10], &entries[9], &entries[15]), (&copy[26], &entries[29], &entries[35])]
    {
        let expected = Gap { entries: 5, bytes: 0, since: before.entry.recv };
        assert_eq!((gap.entry.kind, Gap::from_payload(&gap.payload)), (EntryKind::Gap, Some(expected)));
        assert_eq!((gap.entry.recv, gap.entry.now), (behind.entry.recv, behind.entry.now));
    }
}

#[test]
fn a_sound_file_is_copied_whole_and_no_file_is_overwritten() {
    // A sound file: the copy has the same entries. A second time: the copy is there already, and stays as it is. A
    // foreign file: no copy appears.
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let entries: Vec<Owned> = (0..20).map(|number| common::entry(number, 30)).collect();
    std::fs::write(path("sound.tlj"), common::journal(&entries, 5)).unwrap();
    let done = recover(path("sound.tlj"), path("copy.tlj")).unwrap();
    assert_eq!(done, Recovered { entries: 20, is_finished: true, ..Recovered::default() });
    let copy = std::fs::read(path("copy.tlj")).unwrap();
    assert_eq!(common::read(&copy).entries, common::read(&common::journal(&entries, 5)).entries);

    let again = recover(path("sound.tlj"), path("copy.tlj"));
    assert!(
        matches!(again, Err(RecoverError::Write(error)) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert_eq!(std::fs::read(path("copy.tlj")).unwrap(), copy);

    std::fs::write(path("foreign"), b"neither").unwrap();
    let foreign = recover(path("foreign"), path("none.tlj"));
    assert!(matches!(foreign, Err(RecoverError::Read(JournalError::NotAJournal))));
    assert!(!path("none.tlj").exists());
}

#[test]
fn files_follow_each_other_and_none_is_overwritten() {
    // Two recordings of the same name in the same second, and a clock that goes back: each file has a name of its
    // own, and its number stands in its header.
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation {
        folder: folder.path().to_owned(),
        name: "feed".to_owned(),
        bytes_max: 10_000,
        period: Duration::from_secs(3_600),
    };
    let at = |seconds: u64| Nanos(1_723_111_200_000_000_000 + seconds * 1_000_000_000);
    let mut first = Files::new(rotation.clone(), [1; 16], 1);
    let mut second = Files::new(rotation, [2; 16], 1);
    let names = |files: &Files| files.path().file_name().unwrap().to_str().unwrap().to_owned();

    let mut writer = first.open(0, at(0)).unwrap();
    assert_eq!((names(&first), first.file()), ("feed-20240808T100000Z-000001.tlj".to_owned(), 1));
    writer.push(&common::entry(0, 10).lent()).unwrap();
    let first_of_second = second.open(0, at(0)).unwrap();
    assert_eq!(names(&second), "feed-20240808T100000Z-000002.tlj");
    drop(first_of_second);

    assert!(!first.should_rotate(9_999, at(3_599)));
    assert!(first.should_rotate(10_000, at(0)) && first.should_rotate(0, at(3_600)));
    assert!(first.should_rotate(0, Nanos(at(0).0 - 3_600_000_000_000)));
    let next_entry = writer.next_entry();
    writer.finish().unwrap();
    first.open(next_entry, at(0)).unwrap().finish().unwrap();
    assert_eq!(names(&first), "feed-20240808T100000Z-000003.tlj");
    let reader = Reader::open(first.path()).unwrap();
    let header = *reader.header();
    assert_eq!((header.id, header.file, header.first_entry, header.created), ([1; 16], 3, 1, at(0)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_folder_that_takes_no_file_is_an_error_and_the_number_is_tried_again() {
    // The folder comes into being between two tries.
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    let (bytes_max, period) = (1, Duration::from_secs(1));
    let rotation = Rotation { folder: inner.clone(), name: "feed".to_owned(), bytes_max, period };
    let mut files = Files::new(rotation, [1; 16], 1);
    assert_eq!(files.open(0, Nanos(0)).err().map(|error| error.kind()), Some(std::io::ErrorKind::NotFound));
    std::fs::create_dir(&inner).unwrap();
    files.open(0, Nanos(0)).unwrap();
    assert_eq!(files.path(), inner.join("feed-19700101T000000Z-000001.tlj"));
}
