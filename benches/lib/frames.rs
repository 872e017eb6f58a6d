//! The text frames of a recording, by kind: the input of the benches that meet bytes.

use std::path::PathBuf;
use std::time::Instant;

/// Frames of one recording.
pub struct Frames {
    /// Best bid and offer messages.
    pub best: Vec<Vec<u8>>,
    /// Trade messages.
    pub trade: Vec<Vec<u8>>,
    /// Depth updates, from a few levels to hundreds.
    pub depth: Vec<Vec<u8>>,
}

/// The folder of recordings: the environment's `TOUCHLINE_CAPTURES`, or `../shared/captures` beside the workspace.
pub fn captures() -> PathBuf {
    std::env::var_os("TOUCHLINE_CAPTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures"),
        PathBuf::from,
    )
}

/// Reads the recording called `name`, or says in one line that it is not there.
#[allow(clippy::print_stderr, reason = "a bench that measures nothing has to say so")]
pub fn read(name: &str) -> Option<Frames> {
    let path = captures().join(format!("{name}.cap.zst"));
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: no recording at {}", path.display());
        return None;
    };
    let text = zstd::stream::decode_all(bytes.as_slice()).expect("a whole recording");
    let mut frames = Frames { best: Vec::new(), trade: Vec::new(), depth: Vec::new() };
    for line in text.split(|&byte| byte == b'\n') {
        let mut columns = line.splitn(3, |&byte| byte == b' ');
        let (Some(_), Some(b"R"), Some(frame)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let head = String::from_utf8_lossy(&frame[..frame.len().min(60)]);
        if head.contains("bookTicker") {
            frames.best.push(frame.to_vec());
        } else if head.contains("rade\"") {
            frames.trade.push(frame.to_vec());
        } else if head.contains("@depth") {
            frames.depth.push(frame.to_vec());
        }
    }
    Some(frames)
}

/// Nanoseconds a frame, in batches that stay in the cache.
pub fn batches(frames: &[Vec<u8>], mut take: impl FnMut(&[u8])) -> f64 {
    let mut spent = 0;
    for batch in frames.chunks(64) {
        let copies = batch.to_vec();
        let began = Instant::now();
        for copy in &copies {
            take(copy);
        }
        spent += began.elapsed().as_nanos();
    }
    spent as f64 / frames.len() as f64
}
