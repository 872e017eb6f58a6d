//! A run to which nothing happens.

use touchline::venue::VenueFacts;

use crate::player::Player;
use crate::trace::Trace;

const MESSAGES: usize = 2_000;

/// Messages after which the book has to be whole, and stays so.
const WHOLE_FROM: usize = 10;

/// Every state is the venue's to the last level, and every message finds the book live. Says what came of it; `None` if
/// the venue has no side of the wire of its own.
pub(crate) fn check(facts: &'static VenueFacts) -> Option<String> {
    let trace = Trace::new(facts, 17, MESSAGES)?;
    let what = format!("{} undamaged", facts.name);
    let mut player = Player::new(&trace, 0, &what);
    for step in 1..=MESSAGES {
        let text = player.send(step);
        player.frame(&text);
        if step == 3 {
            player.snapshot(step);
        }
        assert!(step < WHOLE_FROM || player.is_live(), "{what}: {:?} at step {step}", player.state());
    }
    let verdicts = player.finish();
    assert_eq!(verdicts.blind, 0, "{what}: LIVE and wrong where nobody can see it");
    Some(format!("{}: {MESSAGES} messages undamaged, {} states compared", facts.name, verdicts.states))
}
