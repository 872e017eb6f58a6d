//! A snapshot answered at each of 200 positions of a run, in five ages, with and without another try.

use touchline::venue::{Snapshots, VenueFacts};

use crate::player::{Player, Verdicts};
use crate::trace::Trace;

/// The stream is subscribed to here: there is a past for snapshots that are older than it. The message of this step is
/// one number long: a snapshot before it misses the stream by one.
const BEGIN: usize = 102;

const POSITIONS: usize = 200;

/// How many messages old the answer is.
const AGES: [usize; 5] = [0, 1, 5, 20, 90];

/// Messages after the snapshot.
const AFTER: usize = 40;

/// Wherever the snapshot falls, however old it is: no view is wrong; with another try the book is whole in the end.
/// Says what came of it; `None` if the venue has no side of the wire of its own.
pub(crate) fn check(facts: &'static VenueFacts) -> Option<String> {
    let trace = Trace::new(facts, 11, BEGIN + POSITIONS + AFTER + 40)?;
    // A snapshot of the stream has its place there: it has no age.
    let beside = matches!(facts.texts.snapshots, Snapshots::Rest { .. });
    let ages = if beside { &AGES[..] } else { &AGES[..1] };
    let (mut verdicts, mut runs, mut live_at_once) = (Verdicts::default(), 0, 0);
    for position in 0..POSITIONS {
        for &age in ages {
            for again in [false, true] {
                let (found, live) = run(&trace, position, age, again);
                verdicts.add(found);
                runs += 1;
                live_at_once += u64::from(live && !again);
            }
        }
    }
    assert!(verdicts.states > 0 && live_at_once > 0, "{}", facts.name);
    Some(format!(
        "{}: {runs} snapshots at {POSITIONS} positions in {} ages, {live_at_once} joined by themselves; \
         {} states compared",
        facts.name,
        ages.len(),
        verdicts.states
    ))
}

fn run(trace: &Trace, position: usize, age: usize, again: bool) -> (Verdicts, bool) {
    let what = format!("{}: snapshot at {position}, {age} old, again {again}", trace.facts.name);
    let mut player = Player::new(trace, BEGIN, &what);
    let hear = |player: &mut Player<'_>, step: usize| {
        let text = player.send(step);
        player.frame(&text);
    };
    for step in BEGIN + 1..=BEGIN + position {
        hear(&mut player, step);
        assert!(!player.is_live(), "{what}: live without a snapshot");
    }
    player.snapshot(BEGIN + position - age.min(BEGIN + position));
    if position == 0 && matches!(trace.facts.texts.snapshots, Snapshots::Rest { .. }) {
        assert!(!player.is_live(), "{what}: nothing of the stream has come yet");
    }
    let end = BEGIN + position + AFTER;
    let mut step = BEGIN + position;
    while step < end {
        step += 1;
        hear(&mut player, step);
        // The other tries come as the book wants them, a few messages later, and fresh.
        if again && step.is_multiple_of(4) && player.wants_snapshot() {
            player.snapshot(step);
        }
    }
    let live = player.is_live();
    if again || age == 0 && position > 0 {
        assert!(live, "{what}: never whole, {:?}", player.state());
    }
    (player.finish(), live)
}
