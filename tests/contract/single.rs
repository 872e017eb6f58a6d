//! Each single message of a run is lost, doubled, repeated two messages later, and swapped with its neighbour, in turn.

use touchline::venue::{Blind, VenueFacts};

use crate::player::{Player, Verdicts};
use crate::trace::Trace;

/// Messages to which it is done.
const MESSAGES: usize = 2_000;

/// Messages before the first of them, in which the book becomes whole, and after the last, in which it does again.
const AROUND: usize = 20;

/// One pass through the run does it to every so many-th message, so that the book is whole again before the next; as
/// many passes do it to each.
const STRIDE: usize = 40;

/// Messages until a snapshot that the book wants is there.
const ANSWER_AFTER: usize = 3;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Lost,
    Doubled,
    Repeated,
    Swapped,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Lost, Self::Doubled, Self::Repeated, Self::Swapped];
}

/// Does it to each message of a run, and says what came of it.
pub(crate) fn check(facts: &'static VenueFacts, trace: &Trace, kind: Kind) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for offset in 0..STRIDE {
        verdicts.add(pass(trace, kind, offset));
    }
    assert_eq!(verdicts.faults, MESSAGES as u64, "{}: every message", facts.name);
    if facts.blind() == Blind::Nothing && kind == Kind::Lost {
        assert_eq!(verdicts.declared, verdicts.faults, "{}: every loss is declared", facts.name);
    }
    verdicts
}

/// The run that this is done to; `None` if the venue has no side of the wire of its own.
pub(crate) fn trace(facts: &'static VenueFacts) -> Option<Trace> {
    Trace::new(facts, 7, MESSAGES + 2 * AROUND)
}

/// What came of it, in a line.
pub(crate) fn line(facts: &VenueFacts, kind: Kind, verdicts: Verdicts) -> String {
    let unseen = match facts.blind() {
        Blind::Nothing => String::new(),
        Blind::Below(levels) => format!(
            "; {} wrong below the best {levels} levels, which no checksum of this venue covers",
            verdicts.blind
        ),
        Blind::Everything => {
            format!("; {} wrong, and this venue gives no means to see it", verdicts.blind)
        }
    };
    format!(
        "{}: {} messages {}, {} of them declared; {} states compared{unseen}",
        facts.name,
        verdicts.faults,
        format!("{kind:?}").to_lowercase(),
        verdicts.declared,
        verdicts.states
    )
}

/// One pass through the run with a fault at `offset` and every [`STRIDE`] messages from there.
fn pass(trace: &Trace, kind: Kind, offset: usize) -> Verdicts {
    let what = format!("{} {kind:?} from {offset}", trace.facts.name);
    let mut player = Player::new(trace, 0, &what);
    let (mut answer_at, mut answered) = (Some(ANSWER_AFTER), 0);
    let mut held = None;
    let (mut watching, mut faults, mut declared) = (false, 0, 0);
    let first = AROUND + 1 + offset;
    for step in 1..=MESSAGES + 2 * AROUND {
        let text = player.send(step);
        let hit = step >= first && (step - first).is_multiple_of(STRIDE) && step <= MESSAGES + AROUND;
        if hit {
            // Where a loss shows late or never, the book may be waiting just now: for the answer, or for what follows it.
            let waits = answer_at.is_some() || answered + 1 == step;
            let waits = waits && trace.facts.blind() != Blind::Nothing;
            assert!(player.is_live() || waits, "{what}: back before step {step}: {:?}", player.state());
            (faults, watching) = (faults + 1, true);
        }
        match kind {
            _ if !hit => player.frame(&text),
            Kind::Lost => {}
            Kind::Doubled => {
                player.frame(&text);
                player.frame(&text);
            }
            Kind::Repeated => {
                player.frame(&text);
                held = Some((step + 2, text));
            }
            Kind::Swapped => held = Some((step + 1, text)),
        }
        if let Some((_, text)) = held.take_if(|(after, _)| *after == step) {
            player.frame(&text);
        }
        if watching && !player.is_live() {
            (watching, declared) = (false, declared + 1);
        }
        if answer_at.is_none() && player.wants_snapshot() {
            answer_at = Some(step + ANSWER_AFTER);
        }
        if answer_at.take_if(|at| *at <= step).is_some() {
            player.snapshot(step);
            answered = step;
        }
    }
    player.verdicts.faults = faults;
    player.verdicts.declared = declared;
    player.finish()
}
