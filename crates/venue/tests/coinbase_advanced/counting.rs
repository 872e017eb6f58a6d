//! The counter of the connection: what is lost, doubled, swapped or unreadable.

use touchline_venue::{Ignored, ParseError, Parsed, Rejected};

use crate::common::sample;
use crate::{FOLDER, bid, heartbeat, session};

/// Messages of every kind are counted. One that is missing is told once, of the connection as a whole; the frame behind
/// the hole gives nothing, and everything when it is handed in again.
#[test]
fn a_lost_message_is_told_once_and_the_frame_taken_when_handed_in_again() {
    let taken = Ok(Parsed::Updates(1));
    for lost in [heartbeat(8), bid(8), sample(FOLDER, "trade_history").replace(":0,", ":8,")] {
        let mut whole = session();
        assert_eq!(whole.frame(bid(7)), taken);
        assert!(whole.frame(&lost).is_ok());
        assert_eq!(whole.frame(bid(9)), taken);

        let mut session = session();
        assert_eq!(session.frame(bid(7)), taken);
        let expected = Rejected::from(ParseError::Lost { expected: 8, found: 9 });
        assert_eq!(session.frame(bid(9)), Err(expected));
        assert_eq!(session.frame(bid(9)), taken);
        assert_eq!(session.last(), "Delta BTC-USD 0..9 at 1786309548000000000 flags 0: Bid 109 x 1");
        assert_eq!(session.frame(heartbeat(10)), Ok(Parsed::Ignored(Ignored::Heartbeat)));
    }
}

/// A message that comes twice is taken once; of two that changed places the first is behind a hole, the second late.
#[test]
fn doubled_and_swapped_messages_are_taken_once_at_most() {
    let (taken, repeated) = (Ok(Parsed::Updates(1)), Ok(Parsed::Ignored(Ignored::Repeated)));
    let lost = |expected, found| Err(Rejected::from(ParseError::Lost { expected, found }));
    let mut session = session();
    let told = [1, 1, 2, 1, 4, 4, 3, 5].map(|sequence| session.frame(bid(sequence)));
    assert_eq!(told, [taken, repeated, taken, repeated, lost(3, 4), taken, repeated, taken]);
}

/// A new connection counts anew, from whichever number its first message has.
#[test]
fn a_new_connection_counts_anew() {
    let mut session = session();
    for first in [900, 0, 5] {
        session.dialect.connected("wss://advanced-trade-ws.coinbase.com/");
        assert_eq!(session.frame(bid(first)), Ok(Parsed::Updates(1)));
        assert_eq!(session.frame(bid(first + 1)), Ok(Parsed::Updates(1)));
    }
}

/// A frame that was counted and cannot be used does not make the next one a hole; one whose number cannot be read does.
#[test]
fn a_bad_frame_is_counted_if_its_number_can_be_read() {
    let mut session = session();
    assert_eq!(session.frame(bid(1)), Ok(Parsed::Updates(1)));
    let rejected = session.frame(bid(2).replace("102", "-1")).expect_err("a price below zero");
    assert_eq!(rejected.error, ParseError::NotPositive("price_level"));
    assert_eq!(session.frame(bid(3)), Ok(Parsed::Updates(1)));
    let whole = bid(4);
    for end in 0..whole.len() {
        let cut = whole.get(..end).expect("ASCII");
        let rejected = session.frame(cut).expect_err(cut);
        assert!(matches!(rejected.error, ParseError::Json(_)), "{cut}: {rejected}");
    }
    assert_eq!(session.frame(bid(5)), Err(ParseError::Lost { expected: 4, found: 5 }.into()));
    assert_eq!(session.frame(bid(5)), Ok(Parsed::Updates(1)));
}
