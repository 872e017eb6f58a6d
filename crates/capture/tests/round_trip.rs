//! What the writer wrote, the reader gives back.

use std::io::Read;

use proptest::prelude::*;
use touchline_capture::{Kind, Reader, Writer};
use touchline_market::Nanos;

/// Gives at most `step` bytes a read.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(to.len()).min(self.0.len());
        let (now, later) = self.0.split_at(length);
        to[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

fn event() -> impl Strategy<Value = (u64, Kind, Vec<u8>)> {
    let text = prop_oneof!["[^\n]{0,40}", "[a-z0-9 :\\[\\]]{0,300}"].prop_map(String::into_bytes);
    let binary = prop::collection::vec(any::<u8>(), 0..300);
    (any::<u64>(), prop::sample::select(&Kind::ALL), text, binary)
        .prop_map(|(recv, kind, text, binary)| (recv, kind, if kind == Kind::Binary { binary } else { text }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_come_back_as_written(
        events in prop::collection::vec(event(), 0..200),
        level in 1..=6_i32,
        step in 1..2_000_usize,
        repeat in 1..40_usize,
    ) {
        // Random events, repeated so that some files span several blocks, at any level and read size.
        let mut writer = Writer::new(Vec::new(), level).unwrap();
        for (recv, kind, payload) in std::iter::repeat_n(&events, repeat).flatten() {
            writer.record(Nanos(*recv), *kind, payload).unwrap();
        }
        let file = writer.finish().unwrap();
        let mut reader = Reader::new(Drip(&file, step));
        let mut frame = Vec::new();
        for (line, (recv, kind, payload)) in std::iter::repeat_n(&events, repeat).flatten().enumerate() {
            let record = reader.next().unwrap().expect("as many records as were written");
            prop_assert_eq!((record.line, record.recv, record.kind), (line as u64, Nanos(*recv), *kind));
            if *kind == Kind::Binary {
                record.binary(&mut frame).unwrap();
                prop_assert_eq!(&frame, payload);
            } else {
                prop_assert_eq!(record.payload, payload.as_slice());
            }
        }
        prop_assert!(reader.next().unwrap().is_none());
        prop_assert_eq!(reader.progress().done_bytes, file.len() as u64);
    }
}

#[test]
fn an_opened_file_knows_its_length() {
    // Progress of a file: total from the start, done equal to it at the end.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.cap.zst");
    let mut writer = Writer::new(std::fs::File::create(&path).unwrap(), 3).unwrap();
    writer.record(Nanos(1), Kind::Connected, b"wss://example").unwrap();
    writer.finish().unwrap();

    let mut reader = Reader::open(&path).unwrap();
    let total = std::fs::metadata(&path).unwrap().len();
    assert_eq!((reader.progress().done_bytes, reader.progress().total_bytes), (0, Some(total)));
    while reader.next().unwrap().is_some() {}
    assert_eq!(reader.progress().done_bytes, total);
    assert!(Reader::open(folder.path().join("absent.cap.zst")).is_err());
}
