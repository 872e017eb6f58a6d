//! What every registered venue owes, shown for each of them the same way: a run of its own messages, made from a true
//! book by its own side of the wire, with every single thing that can go wrong going wrong in turn; and its recordings,
//! damaged. A venue is found by the registry; nothing here knows a name.

mod budget;
mod crossed;
mod cuts;
mod market;
mod player;
mod race;
mod recordings;
mod single;
mod trace;
mod whole;

use single::Kind;
use touchline::venue::all;
use touchline_tests::{captures_with_golden, tell};

/// A run to which nothing happens is whole from its snapshot on, to the last level of the last message.
#[test]
fn an_undamaged_run_is_whole() {
    all().iter().filter_map(whole::check).for_each(|line| tell(&line));
}

/// A message that crosses the book makes it stale, where the venue's books never cross.
#[test]
fn a_crossed_book_is_not_live() {
    all().iter().filter_map(crossed::check).for_each(|line| tell(&line));
}

/// However many books want a snapshot, the venue's limit of weight holds.
#[test]
fn a_thousand_snapshots_stay_within_the_limit() {
    all().iter().filter_map(budget::check).for_each(|line| tell(&line));
}

/// No view that says LIVE is ever wrong, the book comes back each time, and where the venue gives a means to see a loss
/// each is declared. What a venue gives no means to see is counted and told.
#[test]
fn each_single_message_lost_doubled_repeated_and_swapped() {
    for facts in all() {
        let Some(trace) = single::trace(facts) else { continue };
        for kind in Kind::ALL {
            tell(&single::line(facts, kind, single::check(facts, &trace, kind)));
        }
    }
}

/// Wherever the snapshot falls, however old it is: no view is wrong; with another try the book is whole in the end.
#[test]
fn a_snapshot_at_each_position_in_five_ages() {
    all().iter().filter_map(race::check).for_each(|line| tell(&line));
}

/// Each of some messages, cut at each byte: the book is stale at once, and whole again after a snapshot.
#[test]
fn messages_cut_at_every_byte() {
    all().iter().filter_map(cuts::check).for_each(|line| tell(&line));
}

/// Messages of recordings lost, doubled and swapped: every view that says LIVE is one that the undamaged recording
/// gives.
#[test]
fn recordings_with_damage_never_lie() {
    let recordings = captures_with_golden("");
    let (none, mut all_states) = (recordings.is_empty(), 0);
    for (name, path, _) in recordings {
        if let Some(outcome) = recordings::check(&name, &path) {
            let (faults, states, blind) = (outcome.faults, outcome.states, outcome.blind);
            tell(&format!(
                "{name}: {faults} faults, {states} states compared, {blind} wrong where nobody can see it"
            ));
            all_states += states;
        }
    }
    assert!(none || all_states > 0, "nothing was compared");
}
