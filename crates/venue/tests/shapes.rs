//! Every way of reading by learned shapes against the general parser, over the samples and every recording that a
//! registered venue understands: the same updates and the same verdicts, frame by frame.
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

mod common;

use std::path::Path;

use common::Session;
use common::recordings::recordings;
use touchline_capture::{Kind, Reader};
use touchline_json::shape::{ShapeCounts, Simd};
use touchline_venue::{Rest, all, by_name_prefix};

/// The ways of this processor, the general parser last.
fn ways() -> Vec<Simd> {
    let (ways, missing): (Vec<_>, Vec<_>) = Simd::ALL.into_iter().partition(|simd| simd.is_available());
    missing.iter().for_each(|simd| println!("skipped: this processor does not read by {}", simd.name()));
    ways
}

fn sessions(venue: &str) -> Vec<(Simd, Session)> {
    let session = |simd| {
        let mut session = Session::learning(venue);
        session.dialect.read_by(simd);
        (simd, session)
    };
    ways().into_iter().map(session).collect()
}

/// Hands a frame to every session and compares what they make of it with what the general parser makes of it.
fn compare(sessions: &mut [(Simd, Session)], frame: &[u8], whence: &str) {
    let outcomes: Vec<_> = sessions.iter_mut().map(|(_, session)| session.frame(frame)).collect();
    let (Some((_, general)), Some(expected)) = (sessions.last(), outcomes.last()) else { return };
    for ((simd, session), outcome) in sessions.iter().zip(&outcomes) {
        let name = simd.name();
        assert_eq!(outcome, expected, "{whence} by {name}: {}", String::from_utf8_lossy(frame));
        assert_eq!(session.sink.messages, general.sink.messages, "{whence} by {name}");
    }
    sessions.iter_mut().for_each(|(_, session)| session.sink.messages.clear());
}

/// Replays a recording through all sessions; how many frames, and what came of shapes the fastest way.
fn replay(path: &Path, venue: &str) -> (u64, ShapeCounts) {
    let mut sessions = sessions(venue);
    let mut reader = Reader::open(path).expect("a recording");
    let mut frames = 0;
    while let Some(record) = reader.next().expect("a sound recording") {
        match record.kind {
            Kind::Connected => {
                let url = std::str::from_utf8(record.payload).expect("a URL");
                sessions.iter_mut().for_each(|(_, session)| session.dialect.connected(url));
            }
            Kind::Text => {
                frames += 1;
                compare(&mut sessions, record.payload, &format!("{} line {}", path.display(), record.line));
            }
            Kind::Rest => {
                let (url, body) = record.rest().expect("a response");
                for (_, session) in &mut sessions {
                    if let Rest::Snapshot { symbol } = session.dialect.rest_kind(url) {
                        let _ = session.snapshot(symbol, body);
                        session.sink.messages.clear();
                    }
                }
            }
            _ => {}
        }
    }
    (frames, sessions.first().map(|(_, session)| session.dialect.shapes()).unwrap_or_default())
}

/// Every received text frame of every recording of a registered venue; and of the mixed collections in every dialect.
#[test]
fn every_way_reads_every_recording_alike() {
    let (mut frames, mut read) = (0, 0);
    for (name, path) in recordings(|_| true) {
        let venues: Vec<_> = match by_name_prefix(&name) {
            Some(venue) if !name.ends_with("-frames") => vec![venue],
            _ if name.ends_with("-frames") => all().iter().collect(),
            _ => continue,
        };
        for venue in venues {
            let (compared, counts) = replay(&path, venue.name.as_str());
            if !name.ends_with("-frames") {
                println!("{name}: {compared} frames, {counts:?}");
            }
            frames += compared;
            read += counts.read;
        }
    }
    println!("{frames} frames compared, {read} of them read by their shape the fastest way");
}

/// Where recordings are the ones that shapes were made for, nearly every message is read by its shape.
#[test]
fn nearly_every_message_has_a_shape() {
    for (name, path) in recordings(|name| name.starts_with("binance-") && name.ends_with("-20240808")) {
        let venue = by_name_prefix(&name).expect("a venue").name;
        let (frames, counts) = replay(&path, venue.as_str());
        println!("{name}: {frames} frames, {counts:?}");
        assert!(counts.read * 1_000 > frames * 995, "{name}: {counts:?} of {frames}");
        assert!(counts.learned < 40, "{name}: {counts:?}");
    }
}
