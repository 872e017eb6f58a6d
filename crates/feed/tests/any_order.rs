//! Whatever is said to a connection, in whatever order: laws that always hold.

use std::time::Duration;

use proptest::prelude::*;
use touchline_feed::{Action, Connection, Ending, Gate, Moment, Phase, Refusal, Rules, StreamId};
use touchline_venue::Reply;

#[derive(Clone, Debug)]
enum Said {
    Open,
    Close,
    Opened,
    Refused(u16),
    Ended(u16),
    Data(u32),
    Pinged,
    Accepted(u64),
    Given(bool),
    NotGiven(bool),
    Resubscribe(u32),
    Rejected(Option<u64>, bool),
    Closing,
    BadMessage,
    Probed(u32, Option<bool>),
    Subscribe(bool),
    Unsubscribe(u32),
    Wait(u64),
    UntilWake,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        2 => Just(Said::Open),
        1 => Just(Said::Close),
        8 => Just(Said::Opened),
        2 => prop::sample::select(vec![301_u16, 403, 404, 418, 429, 500]).prop_map(Said::Refused),
        3 => (1_000..1_014_u16).prop_map(Said::Ended),
        6 => (0..6_u32).prop_map(Said::Data),
        1 => Just(Said::Pinged),
        8 => (1..40_u64).prop_map(Said::Accepted),
        3 => (prop::option::of(1..40_u64), any::<bool>()).prop_map(|(id, terminal)| Said::Rejected(id, terminal)),
        4 => any::<bool>().prop_map(Said::Given),
        2 => any::<bool>().prop_map(Said::NotGiven),
        2 => (0..6_u32).prop_map(Said::Resubscribe),
        1 => Just(Said::Closing),
        1 => Just(Said::BadMessage),
        4 => (0..6_u32, any::<Option<bool>>()).prop_map(|(stream, ahead)| Said::Probed(stream, ahead)),
        4 => any::<bool>().prop_map(Said::Subscribe),
        2 => (0..6_u32).prop_map(Said::Unsubscribe),
        6 => (0..3_000_u64).prop_map(Said::Wait),
        20 => Just(Said::UntilWake),
    ]
}

fn say(connection: &mut Connection, said: Said, now: &mut Moment, gate: &mut Gate) {
    match said {
        Said::Open => connection.open(*now),
        Said::Close => connection.close(*now),
        Said::Opened => connection.opened(*now),
        Said::Refused(status) => {
            connection.refused(Refusal::Status { status, retry_after: None }, *now, gate);
        }
        Said::Ended(code) => connection.ended(Ending::Closed(code), *now),
        Said::Data(stream) => connection.data(StreamId(stream), *now),
        Said::Pinged => connection.pinged(*now),
        Said::Accepted(id) => connection.reply(Reply::Accepted { id }, *now),
        Said::Rejected(id, terminal) => {
            connection
                .reply(Reply::Refused { id, stream: None, code: 1, text: String::new(), terminal }, *now);
        }
        Said::Given(known) => {
            let name = if known { "name" } else { "other" };
            connection.reply(Reply::Subscribed { streams: vec![name.to_owned()] }, *now);
        }
        Said::NotGiven(terminal) => {
            let (stream, text) = (Some("name".to_owned()), String::new());
            connection.reply(Reply::Refused { id: None, stream, code: 1, text, terminal }, *now);
        }
        Said::Resubscribe(stream) => connection.resubscribe(StreamId(stream), *now),
        Said::Closing => connection.reply(Reply::Closing, *now),
        Said::BadMessage => connection.bad_message(*now),
        Said::Probed(stream, ahead) => _ = connection.probed(StreamId(stream), ahead, *now),
        Said::Subscribe(probe) if connection.streams().count() < 6 => {
            connection.subscribe("name".to_owned(), probe, *now);
        }
        Said::Subscribe(_) => {}
        Said::Unsubscribe(stream) => connection.unsubscribe(StreamId(stream), *now),
        Said::Wait(millis) => *now = *now + Duration::from_millis(millis),
        // A day is further than any timer but the replacement's.
        Said::UntilWake => *now = (*now).max(connection.wake().min(*now + Duration::from_secs(86_400))),
    }
}

proptest! {
    /// A closed connection asks for nothing and wakes never; a socket is opened only when there is none, and texts and
    /// pings are sent only on an open one, never more than 5 a second; time always moves on.
    #[test]
    fn laws_hold_in_any_order(all in prop::collection::vec(said(), 1..300), seed: u64) {
        let facts = touchline_venue::find("binance").unwrap();
        let mut connection = Connection::new(facts, "host".to_owned(), Rules::default(), seed);
        let (mut gate, mut now) = (Gate::new(), Moment(1));
        let mut socket = false;
        let mut sends: Vec<Moment> = Vec::new();
        for said in all {
            // The last word of a socket; what is said about none, or in the wrong phase, changes nothing.
            socket &= !matches!(
                (&said, connection.phase()),
                (Said::Refused(_) | Said::Ended(_), Phase::Connecting)
                    | (Said::Ended(_), Phase::Subscribing | Phase::Live)
            );
            if matches!(said, Said::Pinged) {
                sends.clear(); // A pong is not ours to hold back.
            }
            if matches!(said, Said::Opened) && connection.phase() == Phase::Connecting {
                sends.clear();
            }
            say(&mut connection, said, &mut now, &mut gate);
            let mut turns = 0;
            loop {
                while let Some(action) = connection.next_action() {
                    match action {
                        Action::Connect => {
                            prop_assert!(!socket);
                            socket = true;
                        }
                        Action::Close(_) => {
                            prop_assert!(socket);
                            socket = false;
                        }
                        Action::Send(_) | Action::Ping => {
                            prop_assert!(socket);
                            sends.push(now);
                            if let Some(sixth) = sends.len().checked_sub(6) {
                                prop_assert!(now.since(sends[sixth]) >= Duration::from_secs(1));
                            }
                        }
                        _ => {}
                    }
                }
                if connection.wake() > now {
                    break;
                }
                connection.tick(now, &mut gate);
                turns += 1;
                prop_assert!(turns < 50, "does not move on");
            }
            let phase = connection.phase();
            prop_assert_eq!(socket, matches!(phase, Phase::Connecting | Phase::Subscribing | Phase::Live));
            prop_assert!(phase != Phase::Closed || connection.wake() == Moment::NEVER);
        }
    }
}
