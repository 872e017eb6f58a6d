//! A message that crosses the book: whatever its numbers and its checksum say, the two sides cannot both be right.

use touchline::market::Crossing;
use touchline::venue::VenueFacts;

use crate::player::Player;
use crate::trace::Trace;

/// The step whose message crosses the book.
const CROSSED: usize = 20;

/// The book is stale at once where the venue's books never cross, and whole again after a snapshot. Says what came of
/// it; `None` if the venue has no side of the wire of its own.
pub(crate) fn check(facts: &'static VenueFacts) -> Option<String> {
    let mut trace = Trace::new(facts, 19, 2 * CROSSED)?;
    trace.cross(CROSSED);
    let what = format!("{} crossed", facts.name);
    let mut player = Player::new(&trace, 0, &what);
    for step in 1..=2 * CROSSED {
        let text = player.send(step);
        player.frame(&text);
        if step == CROSSED {
            let judged = facts.crossing == Crossing::Judged;
            assert_eq!(player.is_live(), !judged, "{what}: a bid above the best ask");
        }
        if step == 3 || step == CROSSED + 1 {
            player.snapshot(step);
        }
    }
    assert!(player.is_live(), "{what}: whole again, {:?}", player.state());
    Some(format!("{}: crossed, {} states compared", facts.name, player.finish().states))
}
