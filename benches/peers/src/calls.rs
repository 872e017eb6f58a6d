//! Heap calls in steady state: bytes to published views, over a whole recording that was taken once before.

use touchline::market::Nanos;
use touchline::{Event, Inline, Input};

use crate::heap;
use crate::journey;
use crate::recording::{Entry, Recording};
use crate::row::{Bound, ROUNDS_LEAST, Row, Says};

/// The stage.
pub fn run(recording: &Recording) -> Vec<Row> {
    let mut inline = Inline::new(&recording.plan, ());
    play(&mut inline, recording);
    let (asked, ()) = heap::of(|| play(&mut inline, recording));
    let frames = recording.all.len();
    let calls = [asked.calls as f64; ROUNDS_LEAST];
    let mut rows = vec![
        Row::alone("heap", "calls of a whole recording", &calls, Some(Bound::AtMost(0.0)))
            .unit("calls")
            .between(&format!("bytes to views, {frames} frames"), ""),
    ];
    for (peer, calls, frames) in journey::heap_calls(recording) {
        let per_frame = (asked.calls as f64 / recording.all.len() as f64, calls as f64 / frames as f64);
        let row =
            Row::paired("heap", "calls a depth frame", &[per_frame; ROUNDS_LEAST], None, Says::TimesFaster);
        rows.push(row.unit("calls").between("bytes to views", peer));
    }
    rows
}

/// The recording behind a connect, which in a second round breaks the book, so that it is built anew.
fn play(inline: &mut Inline<()>, recording: &Recording) {
    let url = "wss://fstream.binance.com/public/stream";
    inline.take(Input::new(Nanos(1), 0, Event::Connected { url }));
    let (rest, body) = &recording.snapshot;
    for (line, entry) in (1..).zip(&recording.all) {
        let event = match entry {
            Entry::Frame(frame) => Event::Frame(frame),
            Entry::Snapshot => Event::Rest { url: rest, body },
        };
        inline.take(Input::new(Nanos(line), line, event));
    }
}
