//! Two paths that lose, repeat and delay what they carry: the merged book is the venue's whenever it says LIVE, and says
//! so at least as often as a book of either path alone.

use std::collections::BTreeMap;

use proptest::prelude::*;
use touchline_market::{Continuity, Head, InstrumentId, Nanos, Reason, Side, UpdateKind};

use super::{Paths, PathsConfig};
use crate::testing::{Message, at, beside, by, delta, in_stream};
use crate::{Keeper, KeeperConfig};

const US: u64 = 1_000;

/// A generator that anyone can start again.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

type Levels = [Vec<(i64, u64)>; 2];

/// What the venue sends, a message each millisecond, and its book at each sequence.
struct Venue {
    deltas: Vec<Message>,
    books: BTreeMap<u64, Levels>,
}

impl Venue {
    fn new(family: Continuity, count: u64, random: &mut Random) -> Self {
        let mut sides: [BTreeMap<i64, u64>; 2] = Default::default();
        let (mut deltas, mut books) = (Vec::new(), BTreeMap::new());
        let mut sequence = 1;
        let levels = |sides: &[BTreeMap<i64, u64>; 2]| {
            let [bids, asks] = sides;
            let level = |(&price, &qty): (&i64, &u64)| (price, qty);
            [bids.iter().rev().map(level).collect(), asks.iter().map(level).collect()]
        };
        books.insert(sequence, levels(&sides));
        for n in 0..count {
            let previous = sequence;
            sequence += if family == Continuity::Counter { 1 } else { 1 + random.below(4) };
            let mut changes: [BTreeMap<i64, u64>; 2] = Default::default();
            for _ in 0..1 + random.below(3) {
                let (side, price, qty) = (random.below(2) as usize, random.below(30) as i64, random.below(4));
                let price = if side == 0 { -1 - price } else { price };
                changes[side].insert(price, qty);
                if qty == 0 {
                    sides[side].remove(&price)
                } else {
                    sides[side].insert(price, qty)
                };
            }
            let [bids, asks] = changes.map(|side| side.into_iter().collect::<Vec<_>>());
            deltas.push(at((n + 1) * 1_000 * US, delta(previous, sequence, &bids, &asks)));
            books.insert(sequence, levels(&sides));
        }
        Self { deltas, books }
    }

    /// The book that a path's next delta follows, as a snapshot of that path's stream.
    fn snapshot_before(&self, (head, _): &Message) -> Message {
        let (sequence, [bids, asks]) = (head.previous.0, &self.books[&head.previous.0]);
        by(head.flags.path(), at(head.ts_recv.0, in_stream(sequence, bids, asks)))
    }

    /// The book as the venue has it at a time.
    fn snapshot(&self, now: u64) -> Message {
        let sent = self.deltas.partition_point(|(head, _)| head.ts_recv.0 <= now);
        let (&sequence, [bids, asks]) = self.books.iter().nth(sent).unwrap();
        at(now, beside(sequence, bids, asks))
    }
}

/// What goes wrong on a path.
#[derive(Clone, Copy, Debug)]
struct Faults {
    lost_percent: u64,
    doubled_percent: u64,
    /// Swapped with the one after it, which no connection does.
    swapped_percent: u64,
    /// Most delay, us. A connection delays everything behind a late message too: it keeps the order.
    delay_us: u64,
}

/// What of the venue's stream arrives by one path, and when.
fn carry(venue: &Venue, path: u8, faults: Faults, random: &mut Random) -> Vec<Message> {
    let (mut carried, mut last) = (Vec::new(), 0);
    for (head, body) in &venue.deltas {
        if random.happens(faults.lost_percent) {
            continue;
        }
        last = last.max(head.ts_recv.0 + random.below(faults.delay_us.max(1)) * US);
        for _ in 0..1 + u64::from(random.happens(faults.doubled_percent)) {
            carried.push(by(path, at(last, (*head, body.clone()))));
        }
    }
    for n in 1..carried.len() {
        if random.happens(faults.swapped_percent) {
            let (earlier, later) = (carried[n - 1].0.ts_recv, carried[n].0.ts_recv);
            carried.swap(n - 1, n);
            (carried[n - 1].0.ts_recv, carried[n].0.ts_recv) = (earlier, later);
        }
    }
    carried
}

/// A book under test: of one path, or of several.
trait Book {
    fn take(&mut self, message: &Message);
    fn keeper(&self) -> &Keeper;
    /// Should the path of this message bring a snapshot?
    fn wants(&self, message: &Message) -> bool;
    fn check(&self) {}
}

impl Book for Keeper {
    fn take(&mut self, (head, body): &Message) {
        self.handle(head, body.iter());
    }
    fn keeper(&self) -> &Keeper {
        self
    }
    fn wants(&self, _: &Message) -> bool {
        self.wants_snapshot()
    }
}

impl Book for Paths {
    fn take(&mut self, (head, body): &Message) {
        self.handle(head, body.iter());
    }
    fn keeper(&self) -> &Keeper {
        self.keeper()
    }
    fn wants(&self, (head, _): &Message) -> bool {
        self.wants_snapshot(head.flags.path())
    }
    fn check(&self) {
        assert!(self.held() <= 1_024 && self.counters().balance(self.buffered()), "{:?}", self.counters());
    }
}

/// Where snapshots come from.
#[derive(Clone, Copy, Debug)]
enum Snapshots {
    Beside,
    InStream,
}

/// Runs a stream through a book, which gets a snapshot 20 ms after it wants one, in the stream of the path that was told
/// so, or beside it. Every book that says LIVE is compared
/// with the venue's at its sequence. Tells how many of 10,000 parts of the time the book was live.
fn run(venue: &Venue, stream: &[Message], snapshots: Snapshots, book: &mut impl Book) -> u64 {
    let (mut live, mut before, mut asked) = (0, 0, None);
    let end = stream.last().map_or(1, |(head, _)| head.ts_recv.0);
    for message in stream {
        let now = message.0.ts_recv.0;
        let due = asked.is_some_and(|asked| now >= asked);
        let whole = message.0.kind == UpdateKind::Delta;
        match snapshots {
            Snapshots::Beside if due => book.take(&venue.snapshot(now)),
            Snapshots::InStream if due && whole && book.wants(message) => {
                book.take(&venue.snapshot_before(message));
            }
            _ => {}
        }
        if due && !book.keeper().wants_snapshot() {
            asked = None;
        }
        if book.keeper().state().is_live() {
            live += now - before;
        }
        before = now;
        book.take(message);
        book.check();
        let keeper = book.keeper();
        if keeper.state().is_live() {
            let shown: Levels = [Side::Bid, Side::Ask]
                .map(|side| keeper.book().levels(side).map(|level| (level.price.0, level.qty.0)).collect());
            assert_eq!(shown, venue.books[&keeper.sequence().0]);
        } else if keeper.wants_snapshot() {
            asked.get_or_insert(now + 20_000 * US);
        }
    }
    live * 10_000 / end
}

/// Messages of several paths in the order they arrive.
fn interleave(paths: &[Vec<Message>]) -> Vec<Message> {
    let mut all = paths.concat();
    all.sort_by_key(|(head, _)| head.ts_recv);
    all
}

fn config(family: Continuity) -> PathsConfig {
    let keeper = KeeperConfig { continuity: family, ..KeeperConfig::default() };
    PathsConfig { keeper, ..PathsConfig::default() }
}

/// The shares of the time, in parts of 10,000, that each path's own book and the merged one are live.
fn race(family: Continuity, snapshots: Snapshots, faults: [Faults; 2], seed: u64) -> ([u64; 2], u64, Paths) {
    let mut random = Random(seed);
    let venue = Venue::new(family, 2_000, &mut random);
    let paths = [0, 1].map(|path| carry(&venue, path, faults[usize::from(path)], &mut random));
    let config = config(family);
    let alone =
        [0, 1].map(|path: usize| run(&venue, &paths[path], snapshots, &mut Keeper::new(&config.keeper)));
    let mut merged = Paths::new(&config);
    let together = run(&venue, &interleave(&paths), snapshots, &mut merged);
    (alone, together, merged)
}

const FAMILIES: [Continuity; 3] = [Continuity::Range, Continuity::Predecessor, Continuity::Counter];

/// 2,000 messages by two paths that each lose three of ten, repeat and delay: the merged book is live more often than
/// either alone, and it is never wrong.
#[test]
#[allow(clippy::print_stderr, reason = "the shares are the result")]
fn two_bad_paths_make_a_better_book() {
    let many = Faults { lost_percent: 30, doubled_percent: 10, swapped_percent: 0, delay_us: 5_000 };
    let few = Faults { lost_percent: 1, ..many };
    for (family, snapshots) in
        FAMILIES.into_iter().flat_map(|family| [(family, Snapshots::Beside), (family, Snapshots::InStream)])
    {
        for (seed, faults) in [(7, many), (8, few)] {
            let (alone, together, book) = race(family, snapshots, [faults; 2], seed);
            eprintln!(
                "{family:?}, snapshots {snapshots:?}, {} % lost: live {} and {} of 10,000 alone, {together} merged",
                faults.lost_percent, alone[0], alone[1]
            );
            assert!(together > alone[0].max(alone[1]), "{family:?}");
            assert!(book.figures(0).losses > 5 && book.figures(1).losses > 5);
            if faults.lost_percent == few.lost_percent {
                assert!(together > 9_800 && book.counters().gaps < 3, "{family:?}");
            }
        }
    }
}

/// One of two whole paths is killed in the middle, and comes back later: the book stays live to the end.
#[test]
fn killed_path_costs_nothing() {
    for family in FAMILIES {
        for killed in [0, 1] {
            let mut random = Random(9);
            let venue = Venue::new(family, 600, &mut random);
            let whole = Faults { lost_percent: 0, doubled_percent: 5, swapped_percent: 0, delay_us: 3_000 };
            let mut paths = [0, 1].map(|path| carry(&venue, path, whole, &mut random));
            let stream = &mut paths[usize::from(killed)];
            let (from, to) = (stream.len() / 3, 2 * stream.len() / 3);
            let mut head = Head::broken(InstrumentId(0), None, Reason::Disconnected);
            head.ts_recv = stream[from].0.ts_recv;
            stream.splice(from..to, [by(killed, (head, Vec::new()))]);
            let mut book = Paths::new(&config(family));
            let stream = interleave(&paths);
            let first = stream.len() / 10;
            run(&venue, &stream[..first], Snapshots::Beside, &mut book);
            assert!(book.keeper().state().is_live());
            for message in &stream[first..] {
                book.take(message);
                assert!(book.keeper().state().is_live(), "{family:?} {killed}");
            }
            assert_eq!(book.keeper().sequence(), venue.deltas.last().unwrap().0.sequence);
            assert!(book.is_up(killed) && book.figures(killed).breaks == 1);
        }
    }
}

/// Two equal paths, one always 2 ms behind: the first wins all, by that much.
#[test]
fn faster_path_wins_by_its_lead() {
    let mut random = Random(3);
    let venue = Venue::new(Continuity::Counter, 500, &mut random);
    let slow: Vec<_> = venue
        .deltas
        .iter()
        .map(|(head, body)| by(1, at(head.ts_recv.0 + 2_000 * US, (*head, body.clone()))))
        .collect();
    let mut book = Paths::new(&config(Continuity::Counter));
    run(&venue, &interleave(&[venue.deltas.clone(), slow]), Snapshots::Beside, &mut book);
    let [fast, slow] = [0, 1].map(|path| book.figures(path));
    assert_eq!((fast.wins, fast.stale, slow.wins, slow.stale), (500, 0, 0, 500));
    assert_eq!((fast.leads.count(), slow.leads.count()), (500, 0));
    let two_ms = (2_000_000_u64.next_power_of_two()) - 1;
    assert_eq!((fast.leads.p50(), fast.leads.p99()), (Some(two_ms), Some(two_ms)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever two paths do to a stream, the merged book is right whenever it is live, and every message is counted.
    #[test]
    fn merged_book_is_never_wrong(
        family in prop::sample::select(FAMILIES.to_vec()),
        faults in [
            (0u64..60, 0u64..30, 0u64..20, 0u64..80_000), (0u64..60, 0u64..30, 0u64..20, 0u64..80_000)
        ],
        seed: u64,
        snapshots in prop::sample::select(vec![Snapshots::Beside, Snapshots::InStream]),
        breaks in prop::collection::vec((0u64..300, 0u8..2, any::<bool>()), 0..6),
    ) {
        let faults = faults.map(|(lost_percent, doubled_percent, swapped_percent, delay_us)| {
            Faults { lost_percent, doubled_percent, swapped_percent, delay_us }
        });
        let mut random = Random(seed);
        let venue = Venue::new(family, 300, &mut random);
        let mut paths = [0, 1].map(|path| carry(&venue, path, faults[usize::from(path)], &mut random));
        for (ms, path, ended) in breaks {
            let head = if ended { Head::ended } else { Head::broken };
            let mut head = head(InstrumentId(0), None, Reason::Disconnected);
            head.ts_recv = Nanos(ms * 1_000 * US);
            let stream = &mut paths[usize::from(path)];
            let place = stream.partition_point(|(other, _)| other.ts_recv <= head.ts_recv);
            stream.insert(place, by(path, (head, Vec::new())));
        }
        let mut book = Paths::new(&config(family));
        run(&venue, &interleave(&paths), snapshots, &mut book);
        let brought: u64 = [0, 1].iter().map(|&path| book.figures(path).messages).sum();
        let sent = paths.iter().flatten().filter(|(head, _)| head.levels() > 0).count() as u64;
        prop_assert!(brought >= sent);
    }

    /// Unnumbered paths that break and begin again with a snapshot, each at its own delay: the book that is shown is
    /// right whenever it is live, is live whenever one of them is, and its epoch never falls.
    #[test]
    fn leading_book_is_never_wrong(
        family in prop::sample::select(vec![Continuity::Connection, Continuity::Unchecked]),
        delays_us in [0u64..20_000, 0u64..20_000, 0u64..20_000],
        breaks in prop::collection::vec((0u64..300, 0u8..3, any::<bool>()), 0..12),
        seed: u64,
    ) {
        let mut random = Random(seed);
        let venue = Venue::new(family, 300, &mut random);
        let mut book = Paths::new(&PathsConfig { paths: 3, ..config(family) });
        let paths = [0, 1, 2].map(|path: u8| {
            let faults = Faults {
                lost_percent: 0, doubled_percent: 0, swapped_percent: 0, delay_us: delays_us[usize::from(path)],
            };
            let mut stream = carry(&venue, path, faults, &mut random);
            for &(place, _, ended) in breaks.iter().filter(|&&(_, of, _)| of == path) {
                let place = (place as usize).min(stream.len() - 1);
                let mut head = if ended { Head::ended } else { Head::broken }(InstrumentId(0), None, Reason::Stalled);
                head.ts_recv = stream[place].0.ts_recv;
                stream.insert(place, by(path, (head, Vec::new())));
            }
            stream
        });
        let mut live = [false; 3];
        let mut epoch = 0;
        for message in interleave(&paths) {
            let path = usize::from(message.0.flags.path());
            if message.0.kind == UpdateKind::Break {
                live[path] = false;
            } else if !live[path] {
                // A break that revives, where it was ended, and a snapshot in the place of the delta.
                let revived = Head::broken(InstrumentId(0), None, Reason::Disconnected);
                book.take(&by(path as u8, (revived, Vec::new())));
                book.take(&venue.snapshot_before(&message));
                live[path] = true;
            }
            book.take(&message);
            let keeper = book.keeper();
            prop_assert_eq!(keeper.state().is_live(), live.contains(&true));
            prop_assert!(keeper.epoch() >= epoch && book.counters().balance(book.buffered()));
            epoch = keeper.epoch();
            if keeper.state().is_live() {
                let shown: Levels = [Side::Bid, Side::Ask]
                    .map(|side| keeper.book().levels(side).map(|level| (level.price.0, level.qty.0)).collect());
                prop_assert_eq!(&shown, &venue.books[&keeper.sequence().0]);
            }
        }
    }
}
