//! Several connections that bring the same books.

use touchline_feed::Rules;
use touchline_link::{Answer, Driver, SocketEvent};
use touchline_market::{Channel, Continuity, Flags, Reason, UpdateKind};
use touchline_venue::{Snapshots, VenueFacts};

use super::{Bench, facts, ms};
use crate::live::control::Control;

/// Numbers say which message is which: the paths bring one book.
fn numbered() -> &'static VenueFacts {
    facts(|_| {})
}

/// A stream that begins with its snapshot, without numbers: each path brings a book of its own.
fn unnumbered() -> &'static VenueFacts {
    facts(|facts| {
        facts.texts.snapshots = Snapshots::Stream;
        facts.continuity = Continuity::Unchecked;
    })
}

impl Bench {
    /// Two paths, connected and acknowledged.
    fn paired(venue: &'static VenueFacts) -> Self {
        let mut bench = Self::new(Rules::default(), venue, 2);
        bench.run(ms(10));
        assert_eq!(bench.sockets.len(), 2);
        bench.open(0);
        bench.open(1);
        bench.run(ms(10));
        assert_eq!(bench.sent.len(), 2);
        bench.accept();
        bench.run(ms(10));
        bench
    }

    /// A delta of a book comes by the stream of a socket.
    fn delta(&mut self, socket: usize, sequence: u64) {
        let text = format!(
            r#"{{"stream":"ausdt@depth@100ms","data":{{"e":"depthUpdate","E":1,"s":"AUSDT","U":{sequence},"u":{sequence},"b":[["1.0","1.0"]],"a":[]}}}}"#
        );
        let (socket, stamp) = (self.sockets[socket], self.stamp());
        self.engine.socket(socket, SocketEvent::Frame(text.as_bytes()), stamp);
    }

    /// Every request for a snapshot is answered.
    fn answer(&mut self) {
        for fetch in std::mem::take(&mut self.fetched) {
            let body = br#"{"lastUpdateId":100,"bids":[["1.0","1.0"]],"asks":[]}"#.to_vec();
            let answer = Answer { id: fetch.id, url: fetch.url, body: Ok(body) };
            let stamp = self.stamp();
            self.engine.answer(answer, stamp);
        }
    }
}

/// Both connections ask for all books, on sockets of their own; their messages carry their number; and a book whose
/// numbers merge asks for one snapshot, not two.
#[test]
fn paths_share_what_a_numbered_book_needs() {
    let mut bench = Bench::paired(numbered());
    assert_ne!(bench.sockets[0], bench.sockets[1]);
    assert_eq!(bench.fetched.len(), 3, "a snapshot for each book");
    bench.delta(0, 101);
    bench.delta(1, 101);
    bench.answer();
    bench.run(ms(10));
    let came: Vec<_> = bench.heads.iter().filter(|head| head.instrument.0 == 0).collect();
    let kinds: Vec<_> = came.iter().map(|head| (head.kind, head.flags.path())).collect();
    assert_eq!(kinds[..2], [(UpdateKind::Delta, 0), (UpdateKind::Delta, 1)]);
    assert!(came[2].kind == UpdateKind::Snapshot && came[2].flags.has(Flags::BESIDE_STREAM));
    bench.run(ms(5_000));
    assert_eq!(bench.fetched, []);
}

/// One of two connections is cut: its break carries its number, and when it is back nothing is asked for, because the other
/// one carries the books; a snapshot that the book itself wants meanwhile is asked for, and goes by the one that is there.
#[test]
fn cut_path_needs_nothing_of_a_numbered_book() {
    for cut in [0, 1_u8] {
        let mut bench = Bench::paired(numbered());
        bench.answer();
        bench.run(ms(10));
        bench.clear();
        bench.cut(usize::from(cut));
        bench.run(ms(10));
        let breaks: Vec<_> = bench.heads.iter().map(|head| (head.reason(), head.flags.path())).collect();
        assert_eq!(breaks, [(Some(Reason::Disconnected), cut); 3]);
        bench.clear();
        bench.want(0, false);
        bench.run(ms(300));
        assert_eq!(bench.fetched.len(), 1);
        bench.answer();
        bench.run(ms(10));
        let came: Vec<_> = bench.heads.iter().map(|head| (head.kind, head.flags.path())).collect();
        assert_eq!(came, [(UpdateKind::Snapshot, 1 - cut)]);
        bench.run(ms(2_000));
        bench.clear();
        bench.open(1);
        bench.run(ms(10));
        bench.sent.retain(|(_, _, text)| text.starts_with("Sub"));
        assert_eq!(bench.sent.len(), 1);
        bench.accept();
        bench.run(ms(5_000));
        assert_eq!(bench.fetched, []);
    }
}

/// Both connections are cut: the book's need waits for the first of them that is back.
#[test]
fn need_waits_for_the_first_path() {
    let mut bench = Bench::paired(numbered());
    bench.answer();
    bench.cut(0);
    bench.cut(0);
    bench.run(ms(1));
    bench.clear();
    // By the first path's key: two paths, so that the second book's is 2.
    bench.want(2, false);
    bench.run(ms(2_000));
    assert_eq!((bench.fetched.len(), bench.sockets.len()), (0, 2));
    bench.open(1);
    bench.run(ms(10));
    bench.accept();
    bench.run(ms(10));
    assert_eq!(bench.fetched.len(), 3, "every book's, by its first path");
    bench.answer();
    bench.open(0);
    bench.run(ms(10));
    bench.accept();
    bench.run(ms(1_000));
    assert_eq!(bench.fetched, []);
}

/// Where each path has a book of its own, the stream of the path whose book is bad is subscribed to anew, no other.
#[test]
fn bad_book_of_a_path_is_begun_anew_on_that_path() {
    let mut bench = Bench::paired(unnumbered());
    for path in 0..2 {
        (0..3).for_each(|id| bench.snapshot(path, id));
    }
    bench.run(ms(15_000));
    assert_eq!(bench.texts(), [""; 0]);
    for (id, path) in [(0, 0), (0, 1), (2, 1)] {
        bench.clear();
        bench.want(id * 2 + path, false);
        bench.run(ms(3_000));
        let symbol = ["ausdt", "busdt", "cusdt"][id as usize];
        for what in ["Unsubscribe", "Subscribe"] {
            let [(_, socket, text)] = &bench.sent[..] else { panic!("{:?}", bench.sent) };
            assert!(text.starts_with(what) && text.contains(symbol), "{text}");
            assert_eq!(*socket, bench.sockets[path as usize]);
            bench.accept();
            bench.run(ms(10));
        }
        bench.snapshot(path as usize, id);
        bench.run(ms(15_000));
        assert_eq!((bench.texts(), bench.breaks()), (vec![], vec![(id, Reason::Gap)]));
    }
}

/// Only books come by every path: trades and the rest come by the first.
#[test]
fn only_books_come_twice() {
    let mut bench = Bench::new(Rules::default(), numbered(), 2);
    let mut trades = bench.subscriptions.remove(0);
    trades.channels = vec![Channel::Trade];
    let stamp = bench.stamp();
    bench.engine.control(Control::Subscribe(trades), stamp);
    bench.run(ms(10));
    bench.open(0);
    bench.open(1);
    bench.run(ms(10));
    let texts = bench.texts();
    assert_eq!(texts.iter().filter(|text| text.contains("ausdt@trade")).count(), 1);
    assert_eq!(texts.iter().filter(|text| text.contains("ausdt@depth")).count(), 2);
}
