//! A connection that is replaced while its books are quiet, and one that fails before its successor is ready.

use touchline_feed::Rules;
use touchline_link::{Answer, Driver, Fetch, SocketEvent};
use touchline_market::{Head, InstrumentId, Reason, Sequence, UpdateKind};

use super::{Bench, facts, ms};
use crate::live::member::Order;

impl Bench {
    /// Connected, acknowledged, and every book was brought to 100.
    fn running() -> Self {
        let mut bench = Self::new(Rules::default(), facts(|_| ()), 1);
        bench.run(ms(10));
        bench.open(0);
        bench.run(ms(10));
        bench.accept();
        bench.run(ms(10));
        bench.tell(99);
        (0..3).for_each(|id| bench.brings(0, id, 100));
        bench.run(ms(1));
        bench.clear();
        bench
    }

    /// The venue's books are at this sequence, whatever was asked.
    fn tell(&mut self, sequence: u64) {
        for Fetch { id, url, .. } in std::mem::take(&mut self.fetched) {
            let body = format!(r#"{{"lastUpdateId":{sequence},"bids":[["1","1"]],"asks":[["2","1"]]}}"#);
            let stamp = self.stamp();
            self.engine.answer(Answer { id, url, body: Ok(body.into_bytes()) }, stamp);
        }
    }

    /// A message of a book comes on a connection.
    fn brings(&mut self, connection: usize, id: u32, sequence: u64) {
        let mut head = Head::new(UpdateKind::Delta, InstrumentId(id));
        (head.previous, head.sequence) = (Sequence(sequence - 1), Sequence(sequence));
        let stamp = self.stamp();
        self.engine.deliver(connection, Order::Head(head), stamp);
    }

    /// The venue says that it will end a connection.
    fn notice(&mut self, socket: usize) {
        let (socket, stamp) = (self.sockets[socket], self.stamp());
        let notice = br#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#;
        self.engine.socket(socket, SocketEvent::Frame(notice), stamp);
        self.run(ms(10));
    }

    /// The venue says that it will end the first connection, and the next one opens.
    fn replace(&mut self) {
        self.notice(0);
        self.open(1);
        self.run(ms(10));
    }
}

/// Books that were silent for six seconds change hands in silence: they are probed when their silence is as long as it may
/// be, not when the new connection has been silent for as long; and what the new one knows of them is what the old one
/// brought.
#[test]
fn replacement_carries_on_with_the_silence() {
    let mut bench = Bench::running();
    let last = bench.now;
    bench.run(ms(6_000));
    bench.replace();
    bench.accept();
    bench.run(ms(1_300));
    assert_eq!((bench.sockets.len(), bench.fetched.len()), (1, 0), "handed over, and nothing asked");
    let local = |bench: &Bench| bench.engine.member(1).map(|member| member.locals[0].sequence);
    assert_eq!(local(&bench), Some(100));
    while bench.fetched.is_empty() {
        bench.run(ms(10));
    }
    let waited = bench.now.since(last);
    assert!(waited <= Rules::default().probe_after() + ms(20), "{waited:?}");
    assert_eq!(bench.breaks(), []);
}

/// What the new connection brought and held back, because the old one was to bring it first, has not come: its book is as
/// far as the old one brought it.
#[test]
fn message_that_was_held_back_does_not_count() {
    let mut bench = Bench::running();
    bench.replace();
    bench.accept();
    bench.brings(1, 0, 105);
    bench.run(ms(2_500));
    assert_eq!((bench.sockets.len(), bench.heads.len()), (1, 0));
    assert_eq!(bench.engine.member(1).map(|member| member.locals[0].sequence), Some(100));
}

/// The new connection has given a stream up when the old one fails: it is asked for again, and the book comes back.
#[test]
fn stream_given_up_is_asked_for_when_it_is_the_last() {
    let mut bench = Bench::running();
    bench.replace();
    for _ in 0..60 {
        bench.run(ms(1_000));
        (0..3).for_each(|id| bench.brings(0, id, 101));
    }
    assert_eq!(bench.breaks(), [], "the old one still carries them");
    bench.clear();
    bench.run(ms(2_000));
    assert_eq!(bench.texts(), [""; 0]);
    bench.cut(0);
    bench.run(ms(10));
    assert_eq!(bench.texts(), ["Subscribe 6 ausdt@depth@100ms busdt@depth@100ms cusdt@depth@100ms"]);
    bench.accept();
    bench.run(ms(10));
    assert_eq!(bench.fetched.len(), 3);
    assert!(bench.breaks().iter().all(|(_, reason)| *reason == Reason::Disconnected));
}

/// A stream of the new connection stays silent while the old one brings it: the venue has nothing that the book has not, and
/// still the stream is subscribed to anew where it is silent, before the old connection ends.
#[test]
fn stream_that_only_the_old_one_brings_is_begun_anew() {
    let mut bench = Bench::running();
    bench.replace();
    bench.accept();
    for sequence in 101..119 {
        (0..3).for_each(|id| bench.brings(0, id, sequence));
        (1..3).for_each(|id| bench.brings(1, id, sequence));
        bench.run(ms(500));
        bench.tell(sequence);
    }
    assert_eq!(bench.texts(), ["Unsubscribe 2 ausdt@depth@100ms", "Subscribe 3 ausdt@depth@100ms"]);
    assert!(bench.sent.iter().all(|(_, socket, _)| *socket == bench.sockets[1]));
    assert_eq!(bench.breaks(), [], "the old one carries it");
}

/// The new connection will end as well, before it has taken over: it is replaced when it has.
#[test]
fn successor_that_will_end_is_replaced_in_its_turn() {
    let mut bench = Bench::running();
    bench.replace();
    let (old, new) = (bench.sockets[0], bench.sockets[1]);
    bench.notice(1);
    assert_eq!(bench.sockets, [old, new]);
    bench.accept();
    bench.run(ms(1_500));
    assert_eq!(bench.sockets.len(), 2);
    assert!(bench.sockets[0] == new && bench.sockets[1] != old, "it carries on until the third one is there");
    assert_eq!(bench.breaks(), []);
}

/// The venue counts anew, the first message of its new count is lost, and two more come before it falls silent: they are no
/// sign of life, and that the venue has nothing beyond them proves nothing of a book that they did not reach.
#[test]
fn new_count_before_a_silence_is_found_out() {
    let mut bench = Bench::running();
    bench.run(ms(2_000));
    (1..3).for_each(|id| bench.brings(0, id, 101));
    (6..8).for_each(|sequence| bench.brings(0, 0, sequence));
    bench.run(ms(5_600));
    assert_eq!(bench.fetched.len(), 1, "eight seconds after the last new message, less the answer's time");
    bench.tell(7);
    bench.clear();
    bench.run(ms(600));
    assert_eq!(bench.breaks(), [(0, Reason::Stalled)]);
}

/// A message that comes twice before a silence changes nothing: the venue has what the book has.
#[test]
fn repetition_before_a_silence_changes_nothing() {
    let mut bench = Bench::running();
    bench.brings(0, 0, 101);
    (100..102).for_each(|sequence| bench.brings(0, 0, sequence));
    (1..3).for_each(|id| bench.brings(0, id, 101));
    bench.clear();
    bench.run(ms(7_600));
    assert_eq!(bench.fetched.len(), 3);
    bench.tell(101);
    bench.run(ms(600));
    assert_eq!(bench.breaks(), []);
}
