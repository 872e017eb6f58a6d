//! `touchline verify --audit`: recordings whose last line is the venue's own book.

use std::collections::BTreeMap;
use std::path::PathBuf;

use touchline::market::Nanos;
use touchline_capture::{Kind, Reader, Writer};

use super::{Recordings, text, touchline};

/// Deltas of the recording, and the one that is taken out.
const DELTAS: u64 = 60;
const LOST: u64 = 48;

/// The true book of `small_recording` after its deltas: mantissas of price (one decimal) and quantity (three).
fn truth() -> [BTreeMap<u64, u64>; 2] {
    let mut bids: BTreeMap<_, _> = (0..50).map(|i| (600_000 - i, 1_000 + i)).collect();
    let mut asks: BTreeMap<_, _> = (0..50).map(|i| (600_001 + i, 1_000 + i)).collect();
    for i in 0..DELTAS {
        bids.insert(600_000 - i % 40, 500 + i);
        match i % 3 {
            0 => asks.remove(&(600_002 + i % 30)),
            qty => asks.insert(600_002 + i % 30, qty),
        };
    }
    [bids, asks]
}

/// The recording with the true book behind it; with `lost`, a delta is missing and the numbers are closed up behind it.
fn recording(recordings: &Recordings, name: &str, lost: bool) -> PathBuf {
    let whole = touchline_tests::small_recording(DELTAS);
    let mut reader = Reader::new(whole.as_slice());
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    let (mut url, mut at) = (String::new(), Nanos(0));
    let (gone, next) = (LOST + 2, LOST + 3);
    while let Some(record) = reader.next().unwrap() {
        let mut payload = String::from_utf8(record.payload.to_vec()).unwrap();
        if record.kind == Kind::Rest {
            url = payload.split(' ').next().unwrap().to_owned();
        }
        if lost && record.line == next {
            let (before, after) = (100 + 2 * (LOST + 1), 100 + 2 * LOST);
            let renumbered = payload.replace(&format!("\"pu\":{before}"), &format!("\"pu\":{after}"));
            assert_ne!(payload, renumbered);
            payload = renumbered;
        }
        if !(lost && record.line == gone) {
            writer.record(record.recv, record.kind, payload.as_bytes()).unwrap();
        }
        at = Nanos(record.recv.0 + 1);
    }
    let level = |(price, qty): (&u64, &u64)| {
        format!("[\"{}.{}\",\"{}.{:03}\"]", price / 10, price % 10, qty / 1_000, qty % 1_000)
    };
    let [bids, asks] = truth().map(|side| side.iter().map(level).collect::<Vec<_>>().join(","));
    let last = 100 + 2 * DELTAS;
    let body = format!("{{\"lastUpdateId\":{last},\"E\":1,\"T\":1,\"bids\":[{bids}],\"asks\":[{asks}]}}");
    writer.record(at, Kind::Rest, format!("{url} {body}").as_bytes()).unwrap();
    recordings.file(name, &writer.finish().unwrap())
}

/// An honest recording is equal to its second snapshot: 0.
#[test]
fn an_honest_recording_passes_its_audit() {
    let recordings = Recordings::new();
    let path = recording(&recordings, "honest.cap.zst", false);
    let ran = touchline(["verify", text(&path), "--audit"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let row = ran.out.lines().skip_while(|line| !line.starts_with("Audit")).last().unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells, ["BTCUSDT", "1", "1", "1", "0", "0"], "{ran:?}");
}

/// A delta is gone and no number tells: verification alone finds the book sound, the audit finds the level. 1.
#[test]
fn only_the_audit_finds_a_delta_that_was_taken_out() {
    let recordings = Recordings::new();
    let path = recording(&recordings, "lost.cap.zst", true);
    assert_eq!(touchline(["why", text(&path)]).code, Some(0));
    let ran = touchline(["verify", text(&path), "--audit"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.out.contains("sound"), "{ran:?}");
    assert!(ran.out.contains("\n  bid 59999.2: ours 0.508, the venue's 0.548"), "{ran:?}");
    let json = touchline(["verify", text(&path), "--audit", "--json"]).json();
    let audit = &json["audit"]["BTCUSDT"];
    assert_eq!((&audit["different"], &audit["equal"]), (&1.into(), &0.into()), "{audit}");
    let level = serde_json::json!({"side": "bid", "price": "59999.2", "ours": "0.508", "theirs": "0.548"});
    assert_eq!(audit["differences"][0]["levels"], serde_json::json!([level]), "{audit}");
    assert_eq!(audit["differences"][0]["sequence"], 100 + 2 * DELTAS);
}

/// With one snapshot there is nothing to compare, which one line says; without `--audit` nothing is said.
#[test]
fn one_snapshot_is_nothing_to_audit() {
    let recordings = Recordings::new();
    let path = recordings.sound(20);
    let ran = touchline(["verify", text(&path), "--audit"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out.lines().filter(|line| line.contains("nothing to compare")).count(), 1, "{ran:?}");
    let plain = touchline(["verify", text(&path), "--json"]);
    assert!(plain.json().get("audit").is_none() && !plain.out.contains("Audit"), "{plain:?}");
}
