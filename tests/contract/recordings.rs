//! The recordings of every registered venue, with messages lost, doubled and swapped in them: no view that says LIVE
//! differs from the one that the undamaged recording gives at the same place.

use std::collections::HashMap;
use std::path::Path;

use touchline::market::{Level, Nanos};
use touchline::venue::{Blind, by_name_prefix};
use touchline::{BookView, Event, Inline, Input, Marking, Plan, Start, Survey, VIEW_DEPTH};
use touchline_capture::{Kind as Line, Reader};

use crate::single::Kind;

/// Lines of a recording that are looked at.
const LINES: usize = 2_000;

/// Places in it at which something is done, for each kind.
const PLACES: usize = 40;

/// Lines that are heard after it.
const AFTER: usize = 60;

type Inputs = Vec<(Nanos, Line, Vec<u8>)>;

/// What a view shows, with its place in its stream.
type Shown = ((u64, u64), Vec<Level>, Vec<Level>);

/// Bids and asks.
type Both = (Vec<Level>, Vec<Level>);

/// What came of a recording.
pub(crate) struct Outcome {
    pub(crate) states: u64,
    /// Wrong ones that the venue gives no means to see.
    pub(crate) blind: u64,
    pub(crate) faults: usize,
}

/// Does it to a recording; `None` if its venue is not registered.
pub(crate) fn check(name: &str, path: &Path) -> Option<Outcome> {
    let venue = by_name_prefix(name)?;
    let survey = Survey::of(path, Some(venue)).expect("the recording is read");
    let inputs = inputs(path);
    let mut plan = Plan::new(venue);
    plan.marking = Marking::Line;
    let start = if survey.has_snapshot { Start::Snapshot } else { Start::Empty };
    plan.instruments = survey.instruments.iter().map(|listed| (listed.instrument.clone(), start)).collect();
    let mut truth: HashMap<(usize, (u64, u64)), Vec<Both>> = HashMap::new();
    // Where each book was first whole: what a damaged recording shows before that was never published in this one.
    let mut begins = HashMap::new();
    run(&plan, inputs.iter(), |book, (place, bids, asks)| {
        begins.entry(book).or_insert(place);
        let states = truth.entry((book, place)).or_default();
        if states.last() != Some(&(bids.clone(), asks.clone())) {
            states.push((bids, asks));
        }
    });
    let frames: Vec<usize> =
        (0..inputs.len()).filter(|at| matches!(inputs[*at].1, Line::Text | Line::Binary)).collect();
    let covered = match venue.blind() {
        Blind::Nothing => VIEW_DEPTH,
        Blind::Below(levels) => levels,
        Blind::Everything => 0,
    };
    let mut outcome = Outcome { states: 0, blind: 0, faults: 0 };
    // Without numbers a repeated message counts as the newest there is, at a place that the recording never had: runs with
    // a true book judge that.
    let kinds = Kind::ALL.into_iter();
    for kind in kinds.filter(|kind| *kind != Kind::Repeated || venue.blind() == Blind::Nothing) {
        for at in frames.iter().copied().step_by((frames.len() / PLACES).max(1)) {
            let damaged = damaged(&inputs, at, kind);
            outcome.faults += 1;
            run(&plan, damaged.into_iter(), |book, (place, bids, asks)| {
                if begins.get(&book).is_some_and(|begin| place < *begin) {
                    return;
                }
                outcome.states += 1;
                let known = truth.get(&(book, place));
                let same = |levels: usize| {
                    known.is_some_and(|states| {
                        states.iter().any(|(true_bids, true_asks)| {
                            bids.iter().take(levels).eq(true_bids.iter().take(levels))
                                && asks.iter().take(levels).eq(true_asks.iter().take(levels))
                        })
                    })
                };
                if !same(VIEW_DEPTH) {
                    assert!(
                        covered < VIEW_DEPTH && (covered == 0 || same(covered)),
                        "{name}: {kind:?} at line {at}: LIVE and wrong at {place:?}: {bids:?} {asks:?}, {known:?}"
                    );
                    outcome.blind += 1;
                }
            });
        }
    }
    Some(outcome)
}

fn inputs(path: &Path) -> Inputs {
    let mut reader = Reader::open(path).expect("the recording opens");
    let mut inputs = Vec::new();
    while inputs.len() < LINES
        && let Some(record) = reader.next().expect("the recording is sound")
    {
        inputs.push((record.recv, record.kind, record.payload.to_vec()));
    }
    inputs
}

fn damaged(inputs: &Inputs, at: usize, kind: Kind) -> Vec<&(Nanos, Line, Vec<u8>)> {
    let mut heard: Vec<_> = inputs.iter().take(at + AFTER).collect();
    match kind {
        Kind::Lost => _ = heard.remove(at),
        Kind::Doubled => heard.insert(at, &inputs[at]),
        Kind::Repeated => heard.insert((at + 3).min(heard.len()), &inputs[at]),
        Kind::Swapped if at + 1 < heard.len() => heard.swap(at, at + 1),
        Kind::Swapped => {}
    }
    heard
}

/// Plays inputs and hands on every view that says LIVE.
fn run<'a>(
    plan: &Plan,
    inputs: impl Iterator<Item = &'a (Nanos, Line, Vec<u8>)>,
    mut live: impl FnMut(usize, Shown),
) {
    let mut inline = Inline::new(plan, ());
    let mut heard = vec![0; plan.instruments.len()];
    for (line, (recv, kind, payload)) in inputs.enumerate() {
        let Some(event) = event(*kind, payload) else { continue };
        inline.take(Input::new(*recv, line as u64, event));
        for (book, view) in inline.views().iter().enumerate() {
            let [messages, _] = view.messages();
            if std::mem::replace(&mut heard[book], messages) == messages {
                continue;
            }
            let view: BookView<VIEW_DEPTH> = view.read();
            if view.state.is_live() {
                let place = (view.sequence.0, view.ts_event.0);
                live(book, (place, view.bids().to_vec(), view.asks().to_vec()));
            }
        }
    }
}

fn event(kind: Line, payload: &[u8]) -> Option<Event<'_>> {
    Some(match kind {
        Line::Text | Line::Binary => Event::Frame(payload),
        Line::Rest => {
            let at = payload.iter().position(|byte| *byte == b' ')?;
            let url = std::str::from_utf8(payload.get(..at)?).ok()?;
            Event::Rest { url, body: payload.get(at + 1..)? }
        }
        Line::Connected => Event::Connected { url: std::str::from_utf8(payload).ok()? },
        _ => return None,
    })
}
