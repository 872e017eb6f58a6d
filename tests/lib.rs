//! What the tests share: where recordings are, how small ones are made, and secrets to plant.

pub mod secrets;

use std::path::{Path, PathBuf};

use touchline_capture::{Kind, Writer};
use touchline_market::{Level, Nanos};
use touchline_venue::binance::exchange::{DepthUpdate, Exchange};

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The optional folder of real recordings: `TOUCHLINE_CAPTURES`, or `../shared/captures` beside the workspace. Says in
/// one line if it is not there; on a machine that sets `CI=true` that is a failure.
///
/// # Panics
/// Without the folder under `CI=true`.
#[must_use]
pub fn captures() -> Option<PathBuf> {
    let folder = std::env::var_os("TOUCHLINE_CAPTURES")
        .map_or_else(|| root().join("../shared/captures"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!("skipped: no recordings at {} (set TOUCHLINE_CAPTURES)", folder.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    tell(&missing);
    None
}

/// The recordings whose names begin with `prefix` and that have a reference result, by name.
#[must_use]
pub fn captures_with_golden(prefix: &str) -> Vec<(String, PathBuf, PathBuf)> {
    let Some(folder) = captures() else { return Vec::new() };
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".cap.zst")?.to_owned();
            let golden = path.with_file_name(format!("{name}.golden.json"));
            (name.starts_with(prefix) && golden.is_file()).then_some((name, path, golden))
        })
        .collect();
    found.sort();
    found
}

/// A line for whoever watches the tests run.
#[allow(clippy::print_stderr, reason = "tests tell what they compared or skipped")]
pub fn tell(line: &str) {
    eprintln!("{line}");
}

/// A small USD-M recording made by the venue's own side of the wire: a snapshot, then `deltas` of which each follows
/// the one before. Returns the file's bytes.
///
/// # Panics
/// If memory cannot be written, which does not happen.
#[must_use]
pub fn small_recording(deltas: u64) -> Vec<u8> {
    recording_from(100, deltas)
}

/// As [`small_recording`], with a snapshot at this sequence: a long one is as long in every message.
///
/// # Panics
/// As [`small_recording`].
#[must_use]
pub fn recording_from(sequence: u64, deltas: u64) -> Vec<u8> {
    let exchange = Exchange::usdm("BTCUSDT", 1, 3);
    let mut writer = Writer::new(Vec::new(), 3).expect("zstd starts");
    let mut put = |at: u64, kind: Kind, text: &str| {
        writer.record(Nanos(1_000_000 * (at + 1)), kind, text.as_bytes()).expect("memory takes it");
    };
    put(0, Kind::Connected, "wss://fstream.binance.com/public/stream?streams=btcusdt@depth@0ms");
    let levels = |from: i64, step: i64| {
        (0..50).map(|i| Level::new(from + step * i, 1_000 + i.unsigned_abs())).collect::<Vec<_>>()
    };
    let mut text = format!("{} ", exchange.snapshot_url());
    exchange.snapshot(&mut text, sequence, 1, &levels(600_000, -1), &levels(600_001, 1));
    put(1, Kind::Rest, &text);
    for i in 0..deltas {
        let mut text = String::new();
        let (bids, asks) = (
            [Level::new(600_000 - (i % 40) as i64, 500 + i)],
            [Level::new(600_002 + (i % 30) as i64, i % 3)],
        );
        let update = DepthUpdate {
            event_ms: 1_000 + i,
            first: sequence + 1 + 2 * i,
            last: sequence + 2 + 2 * i,
            previous: sequence + 2 * i,
            bids: &bids,
            asks: &asks,
        };
        exchange.depth_update(&mut text, &update);
        put(2 + i, Kind::Text, &text);
    }
    writer.finish().expect("memory takes it")
}
