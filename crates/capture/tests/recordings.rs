//! Every real recording, where the folder of recordings is there: the line and frame counts of its reference, the
//! same bytes as zstd's own stream, and cuts.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use touchline_capture::{CaptureError, Encoding, Inflater, Kind, Reader};

/// The recordings, sorted; none if there is no such folder. `TOUCHLINE_CAPTURES` names it, else
/// `../shared/captures` beside the workspace. Under `CI=true` an absent folder fails the test.
#[expect(clippy::print_stdout, reason = "a test that compares nothing says so")]
fn recordings() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".cap.zst"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        println!("no recordings in {}: nothing compared", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    paths
}

/// Line and frame counts of the reference beside a recording, if it has one.
fn reference(recording: &Path) -> Option<(u64, u64)> {
    let golden = recording.to_string_lossy().replace(".cap.zst", ".golden.json");
    let golden: serde_json::Value =
        serde_json::from_slice(&fs::read(golden).ok()?).expect("a reference is JSON");
    Some((golden["lines"].as_u64()?, golden["frames"].as_u64()?))
}

#[test]
fn every_recording_has_the_lines_and_frames_of_its_reference() {
    // Rebuilds each line from its record and compares it with the line zstd's own reader gives.
    let (mut compared, mut total_lines) = (0, 0);
    for path in recordings() {
        let mut reader = Reader::open(&path).unwrap();
        let mut plain = BufReader::new(zstd::Decoder::new(fs::File::open(&path).unwrap()).unwrap());
        let (mut lines, mut frames) = (0, 0);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        while let Some(record) = reader.next().unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            assert_eq!(record.line, lines);
            lines += 1;
            frames += u64::from(record.kind.is_frame());
            ours.clear();
            ours.extend_from_slice(
                format!("{} {} ", record.recv.0, char::from(record.kind.letter())).as_bytes(),
            );
            ours.extend_from_slice(record.payload);
            ours.push(b'\n');
            theirs.clear();
            plain.read_until(b'\n', &mut theirs).unwrap();
            assert!(ours == theirs, "{} line {}", path.display(), record.line);
        }
        assert!(plain.fill_buf().unwrap().is_empty(), "{}: text behind the last record", path.display());
        if let Some(expected) = reference(&path) {
            assert_eq!((lines, frames), expected, "{}", path.display());
            compared += 1;
        }
        total_lines += lines;
    }
    println!("{total_lines} lines read, {compared} recordings compared with their references");
}

#[test]
fn every_binary_frame_unpacks_to_text() {
    // gzip by its magic number, JSON by its brace, else bare deflate; all recorded payloads are JSON text.
    let (mut inflater, mut frame, mut text) = (Inflater::new(), Vec::new(), Vec::new());
    let mut frames = 0;
    for path in recordings() {
        let mut reader = Reader::open(&path).unwrap();
        while let Some(record) = reader.next().unwrap() {
            if record.kind != Kind::Binary {
                continue;
            }
            record.binary(&mut frame).unwrap();
            let encoding = match frame.as_slice() {
                [0x1f, 0x8b, ..] => Encoding::Gzip,
                [b'{' | b'[', ..] => Encoding::Plain,
                _ => Encoding::Deflate,
            };
            let outcome = inflater.unpack(encoding, &frame, &mut text);
            assert!(outcome.is_ok(), "{} line {}: {outcome:?}", path.display(), record.line);
            let json = serde_json::from_slice::<serde_json::Value>(&text);
            assert!(json.is_ok(), "{} line {}: {json:?}", path.display(), record.line);
            frames += 1;
        }
    }
    println!("{frames} binary frames unpacked");
}

#[test]
fn a_cut_recording_gives_every_line_that_zstd_can_still_decode() {
    // Cuts each small recording at 12 places and compares the record count with the newlines in what zstd's own
    // stream gives of the same prefix before it stops.
    for path in recordings() {
        let file = fs::read(&path).unwrap();
        if file.len() > 200_000 {
            continue;
        }
        for part in 1..=12 {
            let cut = &file[..file.len() * part / 13];
            let mut prefix = Vec::new();
            // The error is the point of the cut; what came before it is compared.
            let _ = zstd::Decoder::new(cut).unwrap().read_to_end(&mut prefix);
            let whole = prefix.iter().filter(|byte| **byte == b'\n').count() as u64;
            let mut reader = Reader::new(cut);
            let error = loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{}: a cut at {} went unseen", path.display(), cut.len()),
                    Err(error) => break error,
                }
            };
            assert!(
                matches!(error, CaptureError::Truncated { at, .. } if at.line == whole),
                "{} cut at {}: {error}, {whole} lines expected",
                path.display(),
                cut.len()
            );
        }
    }
}
