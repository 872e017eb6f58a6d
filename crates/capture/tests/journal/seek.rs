//! Finding a time.

use touchline_market::Nanos;

use crate::common::{self, Owned};

#[test]
fn seeking_gives_what_reading_from_the_start_would_at_every_position() {
    // Stamps that go back and forth within blocks and between them; each stamp of the file, one less and one more is
    // sought with the index and without. The first entry at or after it, and all behind, must come.
    let mut entries: Vec<Owned> = (0..90).map(|number| common::entry(number, 20)).collect();
    let mut noise = common::Noise(1);
    for (number, entry) in entries.iter_mut().enumerate() {
        entry.entry.recv = Nanos(1_000 + 10 * number as u64 - noise.next() % 60);
    }
    entries[45].entry.recv = Nanos(u64::MAX);
    entries[46].entry.recv = Nanos(0);
    let file = common::journal(&entries, 5);
    let unfinished = &file[..file.len() - 1];

    let stamps = entries.iter().map(|entry| entry.entry.recv.0);
    let mut sought: Vec<u64> =
        stamps.flat_map(|recv| [recv.saturating_sub(1), recv, recv.saturating_add(1)]).collect();
    sought.extend([0, u64::MAX]);
    for file in [&file, unfinished] {
        let mut reader = common::reader(file);
        for &recv in &sought {
            let first = entries.iter().position(|entry| entry.entry.recv.0 >= recv).unwrap();
            reader.seek(Nanos(recv)).unwrap();
            for (number, entry) in entries.iter().enumerate().skip(first) {
                assert_eq!(reader.next().unwrap(), Some(entry.lent()), "sought {recv}");
                assert_eq!(reader.number(), common::HEADER.first_entry + number as u64);
            }
            let _ = reader.next();
        }
    }
}

#[test]
fn seeking_behind_the_last_entry_gives_the_end_and_seeking_back_all_of_it() {
    // To the end, back to the start, and away from the middle of a block.
    let entries: Vec<Owned> = (0..20).map(|number| common::entry(number, 20)).collect();
    let file = common::journal(&entries, 4);
    let mut reader = common::reader(&file);
    reader.seek(Nanos(u64::MAX)).unwrap();
    assert_eq!(reader.next().unwrap(), None);
    reader.seek(Nanos(0)).unwrap();
    assert_eq!(reader.next().unwrap(), Some(entries[0].lent()));
    reader.seek(Nanos(0)).unwrap();
    assert_eq!(common::read_on(&mut reader).entries.len(), 20);
    let progress = reader.progress();
    assert_eq!((progress.done_bytes, progress.total_bytes), (file.len() as u64, Some(file.len() as u64)));
}

#[test]
fn seeking_into_a_damaged_block_reports_it_and_goes_on_behind() {
    // A time that only the damaged block held: what comes next is the first entry behind it.
    let entries: Vec<Owned> = (0..20).map(|number| common::entry(number, 20)).collect();
    let mut file = common::journal(&entries, 4);
    let block = common::index(&file)[2];
    file[(block.offset + block.bytes) as usize - 1] ^= 1;
    let mut reader = common::reader(&file);
    reader.seek(entries[9].entry.recv).unwrap();
    let outcome = common::read_on(&mut reader);
    assert_eq!((outcome.errors.len(), outcome.errors[0].0), (1, 0));
    assert_eq!(outcome.entries[0], (common::HEADER.first_entry + 12, entries[12].clone()));
    assert_eq!(outcome.entries.len(), 8);
}
