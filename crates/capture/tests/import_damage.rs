//! Cut and damaged files of other programs: every whole line in front of the damage, then one error.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use touchline_capture::import::{self, Form, ImportError, Options};

/// The payloads that came, how many lines were malformed, and the final error.
struct Outcome {
    payloads: Vec<Vec<u8>>,
    malformed: u64,
    error: Option<ImportError>,
}

fn read(path: &Path, file: &[u8]) -> Outcome {
    // Overwritten in place: a file system may wait for the disk when a file is cut to nothing and written anew.
    let mut place = OpenOptions::new().create(true).write(true).truncate(false).open(path).unwrap();
    place.write_all(file).unwrap();
    place.set_len(file.len() as u64).unwrap();
    let mut outcome = Outcome { payloads: Vec::new(), malformed: 0, error: None };
    // The form is named, for the first line may be among the damaged.
    let options = Options { form: Some(Form::HftBacktest), ..Options::default() };
    let mut recording = match import::open(path, &options) {
        Ok(recording) => recording,
        Err(error) => {
            outcome.error = Some(error);
            return outcome;
        }
    };
    loop {
        match recording.next() {
            Ok(Some(entry)) => outcome.payloads.push(entry.payload.to_vec()),
            Ok(None) => break,
            Err(error) if !error.is_final() => outcome.malformed += 1,
            Err(error) => {
                assert!(outcome.error.is_none(), "a second final error: {error}");
                outcome.error = Some(error);
            }
        }
    }
    outcome
}

fn payloads(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| format!("{{\"u\":{n},\"b\":[[\"{}\",\"1\"]]}}", n * 7_919 % 1_009).into_bytes())
        .collect()
}

/// A file being packed, so that what is in it can be read from the bytes that are there after each flush.
trait Packer: Write {
    fn bytes(&self) -> usize;
    fn end(self) -> Vec<u8>;
}

impl Packer for GzEncoder<Vec<u8>> {
    fn bytes(&self) -> usize {
        self.get_ref().len()
    }

    fn end(self) -> Vec<u8> {
        self.finish().unwrap()
    }
}

impl Packer for zstd::Encoder<'static, Vec<u8>> {
    fn bytes(&self) -> usize {
        self.get_ref().len()
    }

    fn end(self) -> Vec<u8> {
        self.finish().unwrap()
    }
}

/// A collector file, and its length each time three more lines can be read from it.
fn pack(payloads: &[Vec<u8>], mut packer: impl Packer) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut ends = Vec::new();
    for (n, payload) in payloads.iter().enumerate() {
        writeln!(packer, "{} {}", 1_723_161_255_030_314_667 + n, String::from_utf8_lossy(payload)).unwrap();
        if (n + 1) % 3 == 0 {
            packer.flush().unwrap();
            ends.push((packer.bytes(), n + 1));
        }
    }
    (packer.end(), ends)
}

fn gzip() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::default())
}

/// Whole lines that a file cut at, or damaged from, this byte must still give.
fn whole(ends: &[(usize, usize)], byte: usize) -> usize {
    ends.iter().rev().find(|(end, _)| *end <= byte).map_or(0, |(_, lines)| *lines)
}

#[test]
fn every_cut_gives_every_line_that_is_there_and_one_truncation() {
    // A gzip and a zstd file of 20 flushed stretches, cut at each byte.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    let payloads = payloads(60);
    let zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    for (file, ends) in [pack(&payloads, gzip()), pack(&payloads, zstd)] {
        for length in 0..file.len() {
            let outcome = read(&path, &file[..length]);
            let count = outcome.payloads.len();
            assert!(count >= whole(&ends, length), "cut at {length}: {count} lines");
            assert_eq!(outcome.payloads, payloads[..count], "cut at {length}");
            assert_eq!(outcome.malformed, 0, "cut at {length}");
            assert!(
                matches!(outcome.error, Some(ImportError::Truncated { at, .. })
                    if at.line == count as u64 && at.file_byte == length as u64),
                "cut at {length}: {:?}",
                outcome.error
            );
        }
        let outcome = read(&path, &file);
        assert!(outcome.error.is_none() && outcome.payloads == payloads);
    }
}

#[test]
fn every_flipped_bit_keeps_the_lines_before_it_and_is_an_error() {
    // Each bit of the same file by itself. A few bits carry no content; with those every line must be right: 49 of the
    // head (time, system, one flag) and up to 7 that fill a byte at each flush. A flip that leaves lines wrong is
    // always an error, by the checksum at the latest.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flip.gz");
    let payloads = payloads(60);
    let (file, ends) = pack(&payloads, gzip());
    let mut unseen = 0;
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = read(&path, &flipped);
        if outcome.error.is_none() && outcome.malformed == 0 {
            assert_eq!(outcome.payloads, payloads, "bit {bit}: wrong lines without an error");
            unseen += 1;
        }
        // A magic number that is none makes text of the file: no line of it is one.
        let before = if bit < 8 { 0 } else { whole(&ends, bit / 8) };
        assert!(outcome.payloads.len() >= before, "bit {bit}: {} of {before}", outcome.payloads.len());
        assert_eq!(outcome.payloads[..before], payloads[..before], "bit {bit}");
    }
    println!("{unseen} of {} flips carried no content and went unseen", file.len() * 8);
    assert!(unseen <= 49 + 7 * ends.len(), "{unseen} flips unseen");
}
