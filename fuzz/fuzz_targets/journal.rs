//! A journal whose bytes are spoilt anywhere never panics, ends, and gives no entry that was not written: what it gives
//! stands under its number with its payload. One that nobody touched gives all of them.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use touchline_capture::journal::{Entry, EntryKind, Header, Reader, Writer};
use touchline_market::Nanos;

type Written = (u8, u32, Vec<u8>);

fn entry(number: usize, (kind, recv, payload): &Written) -> Entry<'_> {
    Entry {
        kind: EntryKind::ALL[usize::from(*kind) % EntryKind::ALL.len()],
        reader: u16::from(*kind),
        path: kind / 100,
        source: number as u64,
        recv: Nanos(u64::from(*recv)),
        now: number as u64 * 7,
        kernel: if kind % 2 == 0 { Nanos::NONE } else { Nanos(u64::from(*recv / 2)) },
        payload,
    }
}

/// The file of these entries: a block for every third of them.
fn file(entries: &[Written]) -> Vec<u8> {
    let header = Header { id: [7; 16], file: 1, first_entry: 0, created: Nanos(1_000) };
    let mut writer = Writer::new(Vec::new(), &header, 1).expect("memory takes it");
    for (number, written) in entries.iter().enumerate() {
        writer.push(&entry(number, written)).expect("memory takes it");
        if number % 3 == 2 {
            writer.flush().expect("memory takes it");
        }
    }
    writer.finish().expect("memory takes it")
}

/// Reads a file to its end. Returns how many entries it gave.
fn read(bytes: &[u8], check: impl Fn(u64, &Entry<'_>)) -> usize {
    let Ok(mut reader) = Reader::new(Cursor::new(bytes)) else { return 0 };
    let (mut given, mut last) = (0, None);
    loop {
        // `next` borrows the reader until its entry is looked at.
        let outcome = match reader.next() {
            Ok(Some(entry)) => Ok(Some((entry.payload.to_vec(), Entry { payload: &[], ..entry }))),
            Ok(None) => Ok(None),
            Err(error) => Err(error.is_final()),
        };
        match outcome {
            Ok(Some((payload, entry))) => {
                let number = reader.number();
                assert!(last.is_none_or(|last| number > last), "numbers only grow");
                (given, last) = (given + 1, Some(number));
                check(number, &Entry { payload: &payload, ..entry });
            }
            Ok(None) => break,
            Err(true) => break assert!(matches!(reader.next(), Ok(None))),
            Err(false) => {}
        }
    }
    let _ = reader.seek(Nanos(u64::from(u32::MAX / 2))).map(|()| while let Ok(Some(_)) = reader.next() {});
    given
}

fuzz_target!(|input: (Vec<Written>, Vec<(u32, u8)>, Option<u32>)| {
    let (entries, flips, cut) = input;
    let whole = file(&entries);
    let is_written = |number: u64, given: &Entry<'_>| {
        let written = entries.get(number as usize).expect("no number that was not written");
        assert_eq!(*given, entry(number as usize, written));
    };
    assert_eq!(read(&whole, is_written), entries.len());

    let mut spoilt = whole;
    for (place, bits) in flips {
        let place = place as usize % spoilt.len();
        spoilt[place] ^= bits;
    }
    if let Some(cut) = cut {
        spoilt.truncate(cut as usize % (spoilt.len() + 1));
    }
    read(&spoilt, is_written);
});
