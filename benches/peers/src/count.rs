//! Instructions a frame, counted by callgrind: they do not move with the machine's mood, so that a change of a few per
//! cent is seen. A process of its own works through some frames, and another through twice as many: the difference is
//! the work alone. (Valgrind knows no AVX-512: where the library would take such a path, the next one is counted.)

use std::fs;
use std::path::Path;
use std::process::Command;

use touchline::venue;

use crate::book::{self, Input};
use crate::error::BenchError;
use crate::parse;
use crate::recording::{Recording, USDM_SCALES, depth_of, snapshot_of};
use crate::row::{ROUNDS_LEAST, Row};

/// Frames of the shorter of the two runs.
const FRAMES: usize = 1_000;

/// What is counted, and what its frames are called.
const STAGES: [(&str, &str); 4] = [
    ("parse-best", "parse bookTicker"),
    ("parse-trade", "parse trade"),
    ("parse-depth", "parse depth"),
    ("book", "book"),
];

/// The rows, or one that says why there are none.
///
/// # Errors
/// The frames cannot be written to a temporary file.
pub fn run(recording: &Recording) -> Result<Vec<Row>, BenchError> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        let why = "valgrind is not installed";
        return Ok(vec![Row::unmeasured("instructions", "instructions a frame", why).unit("instructions")]);
    }
    let folder =
        tempfile::tempdir().map_err(|cause| BenchError::File { path: std::env::temp_dir(), cause })?;
    let mut rows = Vec::new();
    for (stage, name) in STAGES {
        let frames = match stage {
            "parse-best" => &recording.best,
            "parse-trade" => &recording.trade,
            _ => &recording.depth,
        };
        let input = folder.path().join(stage);
        write(&input, &recording.snapshot.1, &frames[..frames.len().min(FRAMES)])?;
        let counted = counted(stage, &input, FRAMES).zip(counted(stage, &input, 2 * FRAMES));
        rows.push(match counted {
            Some((once, twice)) => {
                let each = twice.saturating_sub(once) as f64 / FRAMES as f64;
                Row::alone(name, "instructions a frame", &[each; ROUNDS_LEAST], None)
            }
            None => Row::unmeasured(name, "instructions a frame", "callgrind gave no count"),
        });
    }
    Ok(rows.into_iter().map(|row| row.unit("instructions").between("callgrind", "")).collect())
}

/// The snapshot, then the frames, a line each.
fn write(path: &Path, snapshot: &[u8], frames: &[Vec<u8>]) -> Result<(), BenchError> {
    let lines: Vec<&[u8]> = [snapshot].into_iter().chain(frames.iter().map(Vec::as_slice)).collect();
    fs::write(path, lines.join(&b'\n')).map_err(|cause| BenchError::File { path: path.to_owned(), cause })
}

/// The instructions of a process that works through so many frames.
fn counted(stage: &str, input: &Path, frames: usize) -> Option<u64> {
    let out = input.with_extension(frames.to_string());
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().ok()?)
        .args(["count", stage])
        .arg(input)
        .arg(frames.to_string())
        .status()
        .ok()?;
    status.success().then_some(())?;
    total(&fs::read_to_string(out).ok()?)
}

/// The sum at the end of callgrind's file.
fn total(text: &str) -> Option<u64> {
    let line =
        text.lines().rev().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What a counted process does.
///
/// # Errors
/// The file is not what [`run`] has written.
pub fn child(stage: &str, path: &Path, count: usize) -> Result<(), BenchError> {
    let bytes = fs::read(path).map_err(|cause| BenchError::File { path: path.to_owned(), cause })?;
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let snapshot = lines.next().unwrap_or_default();
    let mut frames: Vec<_> = lines.map(<[u8]>::to_vec).collect();
    if stage == "book" {
        let messages =
            frames.iter().map(|frame| depth_of(frame, USDM_SCALES)).collect::<Result<Vec<_>, _>>()?;
        let snapshot = snapshot_of(snapshot, USDM_SCALES)?;
        book::repeat(&Input { snapshot, messages, updates: 0 }, count);
    } else if let Some(venue) = venue::find("binance-usdm") {
        parse::repeat(venue, &mut frames, count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last sum counts; a file without one gives none.
    #[test]
    fn the_total_is_found_in_callgrinds_file() {
        assert_eq!(total("events: Ir\nsummary: 12\nfn=(1)\n1 5\ntotals: 123456\n"), Some(123_456));
        assert_eq!(total("events: Ir\n"), None);
    }
}
