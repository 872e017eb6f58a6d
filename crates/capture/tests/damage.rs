//! Cut and damaged files: every whole record in front of the damage, then one error.

use std::io::Write;

use touchline_capture::{CaptureError, Kind, Reader, Writer};
use touchline_market::Nanos;

/// What a reader made of a file: the records as text lines, malformed lines, and the final error.
struct Outcome {
    lines: Vec<String>,
    malformed: usize,
    error: Option<CaptureError>,
}

fn read(file: &[u8]) -> Outcome {
    let mut reader = Reader::new(file);
    let mut outcome = Outcome { lines: Vec::new(), malformed: 0, error: None };
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(record)) => {
                let payload = std::str::from_utf8(record.payload).expect("the reader promises UTF-8");
                outcome.lines.push(format!(
                    "{} {} {payload}",
                    record.recv.0,
                    char::from(record.kind.letter())
                ));
            }
            Err(error) if !error.is_final() => outcome.malformed += 1,
            Err(error) => {
                assert!(outcome.error.is_none(), "a second final error: {error}");
                outcome.error = Some(error);
            }
        }
    }
    assert!(matches!(reader.next(), Ok(None)), "the end stays the end");
    outcome
}

fn lines(count: u64) -> Vec<String> {
    (0..count)
        .map(|n| format!("{} R {{\"u\":{n},\"b\":[[\"{}\",\"1\"]]}}", 1_000 * n, n * 7_919 % 1_009))
        .collect()
}

/// A recording whose zstd blocks hold `lines_per_block` lines each, and the file length after each block with the
/// number of whole lines up to there. `offset` bytes of each line are held back for the next block.
fn blocks(lines: &[String], lines_per_block: usize, offset: usize) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    let mut ends = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let line = format!("{line}\n");
        let (now, later) = line.split_at(line.len() - offset);
        encoder.write_all(now.as_bytes()).unwrap();
        if (index + 1) % lines_per_block == 0 {
            encoder.flush().unwrap();
            ends.push((encoder.get_ref().len(), if offset == 0 { index + 1 } else { index }));
        }
        encoder.write_all(later.as_bytes()).unwrap();
    }
    (encoder.finish().unwrap(), ends)
}

#[test]
fn every_cut_gives_every_line_of_the_whole_blocks_and_one_truncation() {
    // Cuts a file of 20 blocks at each byte; how many lines must come is known from where each block ended.
    let lines = lines(60);
    for offset in [0, 5] {
        let (file, ends) = blocks(&lines, 3, offset);
        for length in 0..file.len() {
            let outcome = read(&file[..length]);
            let whole = ends.iter().rev().find(|(end, _)| *end <= length).map_or(0, |(_, lines)| *lines);
            let body_end = file.len() - 4;
            let whole = if length >= body_end { lines.len() } else { whole };
            assert_eq!(outcome.lines, lines[..whole], "cut at {length} of {}", file.len());
            assert_eq!(outcome.malformed, 0);
            let at = match outcome.error {
                Some(CaptureError::Truncated { at, .. }) => at,
                other => panic!("cut at {length}: {other:?}"),
            };
            assert_eq!((at.line, at.file_byte), (whole as u64, length as u64));
            assert_eq!(at.text_byte, lines[..whole].iter().map(|line| line.len() as u64 + 1).sum::<u64>());
        }
        let whole = read(&file);
        assert!(whole.error.is_none() && whole.lines == lines);
    }
}

#[test]
fn every_flipped_bit_keeps_the_blocks_before_it_and_is_an_error() {
    // Flips each bit of a file of 20 blocks. A flip is found by the block's code or by the checksum; the few bits
    // that carry no content (a larger window asked for, padding) may go unseen, and then every record must be right.
    // Records in blocks in front of the flip must be intact in any case.
    let lines = lines(60);
    let (file, ends) = blocks(&lines, 3, 0);
    let mut unseen = 0;
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = read(&flipped);
        if outcome.error.is_none() && outcome.malformed == 0 {
            assert_eq!(outcome.lines, lines, "bit {bit}: wrong records without an error");
            unseen += 1;
        }
        let before = ends.iter().rev().find(|(end, _)| *end <= bit / 8).map_or(0, |(_, lines)| *lines);
        assert!(outcome.lines.len() >= before, "bit {bit}: {} lines of {before}", outcome.lines.len());
        assert_eq!(outcome.lines[..before], lines[..before], "bit {bit}");
    }
    println!("{unseen} of {} flips carried no content and went unseen", file.len() * 8);
    assert!(unseen * 100 < file.len() * 8, "{unseen} flips unseen");
}

#[test]
fn a_zeroed_page_keeps_the_blocks_before_it_and_is_an_error() {
    // Zeroes 64 bytes at each place, as a disk that lost a sector would.
    let lines = lines(60);
    let (file, ends) = blocks(&lines, 3, 0);
    for start in 0..file.len() - 64 {
        let mut zeroed = file.clone();
        zeroed[start..start + 64].fill(0);
        let outcome = read(&zeroed);
        assert!(outcome.error.is_some(), "zeroes from {start}");
        let before = ends.iter().rev().find(|(end, _)| *end <= start).map_or(0, |(_, lines)| *lines);
        assert_eq!(outcome.lines[..before], lines[..before], "zeroes from {start}");
    }
}

#[test]
fn every_cut_of_plain_text_gives_every_whole_line() {
    // The same without compression: the count of newlines in front of the cut is the count of records.
    let text = lines(20).join("\n") + "\n";
    for length in 1..=text.len() {
        let cut = &text.as_bytes()[..length];
        let outcome = read(cut);
        assert_eq!(outcome.lines.len(), cut.iter().filter(|byte| **byte == b'\n').count());
        let at_line_end = cut.ends_with(b"\n");
        assert_eq!(
            matches!(outcome.error, Some(CaptureError::Truncated { .. })),
            !at_line_end,
            "cut at {length}"
        );
    }
}

#[test]
fn frames_one_after_another_read_as_one_recording() {
    // Two recordings in one file, a skippable frame between, then rubbish behind: zstd's own rule for `cat a b`.
    let part = |from: u64| {
        let mut writer = Writer::new(Vec::new(), 3).unwrap();
        for n in from..from + 5 {
            writer.record(Nanos(n), Kind::Note, b"x").unwrap();
        }
        writer.finish().unwrap()
    };
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let mut file = [part(0), skippable.to_vec(), part(5)].concat();
    let outcome = read(&file);
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(outcome.lines.len(), 10);

    file.extend_from_slice(b"rubbish behind the last frame");
    let outcome = read(&file);
    assert_eq!(outcome.lines.len(), 10);
    assert!(
        matches!(outcome.error, Some(CaptureError::Zstd { at, .. }) if at.line == 10),
        "{:?}",
        outcome.error
    );
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    // A frame header that asks for a 2 GiB window (descriptor 21 << 3): an error, not an allocation.
    let outcome = read(&[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0]);
    assert!(outcome.lines.is_empty());
    assert!(matches!(outcome.error, Some(CaptureError::Zstd { .. })), "{:?}", outcome.error);
}
