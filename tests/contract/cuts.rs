//! Messages cut short: none of them changes a book, and a book whose message was cut says so.

use touchline::venue::VenueFacts;

use crate::player::Player;
use crate::trace::Trace;

/// Each of some messages, cut at each byte: the book is stale at once, and whole again after a snapshot. Says what came
/// of it; `None` if the venue has no side of the wire of its own.
pub(crate) fn check(facts: &'static VenueFacts) -> Option<String> {
    let trace = Trace::new(facts, 13, 60)?;
    let (mut cuts, mut states) = (0, 0);
    for step in [11, 12, 13] {
        let length = trace.steps[step].text.len();
        for cut in (1..length).step_by(1 + length / 400) {
            states += run(&trace, step, cut);
            cuts += 1;
        }
    }
    Some(format!("{}: {cuts} cuts, {states} states compared", facts.name))
}

fn run(trace: &Trace, cut_step: usize, cut: usize) -> u64 {
    let what = format!("{} step {cut_step} cut at {cut}", trace.facts.name);
    let mut player = Player::new(trace, 0, &what);
    for step in 1..cut_step {
        let text = player.send(step);
        player.frame(&text);
        if step == 3 {
            player.snapshot(3);
        }
    }
    assert!(player.is_live(), "{what}: {:?}", player.state());
    let text = player.send(cut_step);
    player.frame(text.get(..text.len() - cut).unwrap_or_default());
    assert!(!player.is_live(), "{what}: a message was lost in it");
    player.snapshot(cut_step);
    for step in cut_step + 1..cut_step + 12 {
        let text = player.send(step);
        player.frame(&text);
        if player.wants_snapshot() {
            player.snapshot(step);
        }
    }
    assert!(player.is_live(), "{what}: whole again, {:?}", player.state());
    player.finish().states
}
