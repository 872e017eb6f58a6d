//! Why a book fell, in one plain sentence.

use touchline_book::Outcome;
use touchline_market::{Continuity, Reason, UpdateKind};

use super::Incident;

/// The sentence: no capital at its beginning, no stop at its end.
pub(super) fn explain(incident: &Incident) -> String {
    let Some(reason) = incident.reason() else { return "nothing is wrong with the book".to_owned() };
    let by_message = incident.head.kind != UpdateKind::Break;
    match reason {
        Reason::Gap if by_message => gap(incident),
        Reason::Gap => "the connection's own counter jumped: some of its messages never came".to_owned(),
        Reason::Crossed => crossed(incident),
        Reason::Checksum => checksum(incident),
        Reason::BadMessage => match incident.outcome {
            Outcome::Rejected(error) => format!("a message was not valid: {error}"),
            _ => "a message could not be read".to_owned(),
        },
        Reason::Reset => format!(
            "the venue began to count anew: this update is {}, the book is at {}",
            incident.head.sequence.0, incident.sequence.0
        ),
        Reason::Disconnected => "the connection ended".to_owned(),
        Reason::Stalled => "the stream was silent for too long".to_owned(),
        Reason::Overrun => {
            "the ring was full: our own threads were too slow, and messages were dropped".to_owned()
        }
        Reason::SnapshotLate => "no usable snapshot came in time".to_owned(),
        Reason::SubscriptionRejected => "the venue refused the subscription".to_owned(),
        Reason::RateLimited => "the venue's limits make us wait".to_owned(),
        Reason::Blocked => "the venue refuses us".to_owned(),
        Reason::WriterDead => "the thread that receives for this book is gone".to_owned(),
        Reason::Panic => "a thread of ours panicked".to_owned(),
        Reason::Config => "nobody subscribes to the book any more".to_owned(),
        Reason::Busy => "the view changed faster than it could be read".to_owned(),
    }
}

/// Which numbers are missing, where the venue's counting tells.
fn gap(incident: &Incident) -> String {
    let (last, previous, sequence) =
        (incident.sequence.0, incident.head.previous.0, incident.head.sequence.0);
    if sequence <= last {
        // No update at all: the wait for the other paths is over.
        return format!("what follows {last} came by no path in time");
    }
    // The first number that is missing, and the last one.
    let hole = match incident.continuity {
        Continuity::Range => Some((last.saturating_add(1), previous)),
        Continuity::Counter => Some((last.saturating_add(1), sequence.saturating_sub(1))),
        Continuity::Predecessor | Continuity::Connection | Continuity::Unchecked => None,
    };
    let missing = match hole {
        Some((first, end)) if first == end => format!("{first} never came"),
        Some((first, end)) if first < end => format!("{first} to {end} never came"),
        _ if previous > last => "what lies between never came".to_owned(),
        _ => "the two do not fit together".to_owned(),
    };
    if incident.continuity == Continuity::Counter {
        return format!("this update is number {sequence} but the book is at {last}: {missing}");
    }
    format!("this update follows {previous} but the book is at {last}: {missing}")
}

fn crossed(incident: &Incident) -> String {
    let [bids, asks] = &incident.best;
    let [scale, _] = incident.scales;
    match (bids.first(), asks.first()) {
        (Some(bid), Some(ask)) => {
            format!("best bid {} is above best ask {}", bid.price.at(scale), ask.price.at(scale))
        }
        _ => "best bid is above best ask".to_owned(),
    }
}

fn checksum(incident: &Incident) -> String {
    let over = incident.best.iter().map(Vec::len).max().unwrap_or_default();
    if let Outcome::Rejected(error) = incident.outcome {
        return format!("our best levels are not the venue's: {error}");
    }
    match (incident.checksum, incident.own_checksum) {
        (Some(theirs), Some(ours)) if ours != theirs => {
            format!("the venue's checksum is {theirs}, ours over our best {over} levels a side is {ours}")
        }
        (Some(theirs), None) => {
            format!(
                "the venue's checksum is {theirs}, and our best {over} levels a side do not fit its digits"
            )
        }
        // It was an earlier one, of a message that was kept for a snapshot.
        _ => "the venue's checksum is not ours".to_owned(),
    }
}
