//! A venue keeps a few levels a side and says the checksum of each state: whatever happens to its messages on the way,
//! the book is live only with the venue's best levels, and knows no more than it may.

mod common;

use common::{Oracle, message};
use proptest::collection::vec;
use proptest::prelude::*;
use touchline_book::{Checked, Keeper, KeeperConfig};
use touchline_market::{
    Checksum, Continuity, Flags, Head, Level, Reason, Record, Side, State, Trailer, UpdateKind,
};

const SIDES: [Side; 2] = [Side::Bid, Side::Ask];

/// What is wrong with a message on its way to us.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Lost,
    /// One of its levels has another quantity.
    Level,
    /// Its checksum has another bit.
    Sum(u8),
    /// It has no checksum.
    NoSum,
    /// Its trailer is noise: a checksum over digits that no number has.
    Noise(u64),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        20 => Just(Fault::None),
        1 => Just(Fault::Lost),
        1 => Just(Fault::Level),
        1 => (0u8..32).prop_map(Fault::Sum),
        2 => Just(Fault::NoSum),
        1 => any::<u64>().prop_map(|word| Fault::Noise(word & !(0xffff << 32))),
    ]
}

/// Changed levels of a side: price and quantity, zero removes. Bids are below asks, so that no book crosses.
fn changes(side: Side) -> impl Strategy<Value = Vec<Level>> {
    let first = if side == Side::Bid { 0i64 } else { 60 };
    let qty = prop_oneof![1 => Just(0u64), 2 => 1u64..99];
    vec((first..first + 60, qty).prop_map(|(price, qty)| Level::new(price, qty)), 0..12)
}

/// The venue: all its levels, the best of them that it shows, how many those are, and how many decimals more than its
/// digits stand on the wire.
struct Venue {
    all: Oracle,
    book: Oracle,
    depth: usize,
    finer: u8,
    sent: u64,
}

impl Venue {
    /// Changes the book. Returns what the venue says of that: levels that are new among the best ones or changed, and
    /// those that were among them and are gone; not those that were pushed out.
    fn change(&mut self, changes: [&[Level]; 2]) -> [Vec<Level>; 2] {
        for (side, levels) in SIDES.into_iter().zip(changes) {
            levels.iter().for_each(|level| self.all.set(side, level.price.0, level.qty.0));
        }
        let before = std::mem::replace(&mut self.book, self.all.clone());
        self.book.cut(self.depth);
        SIDES.map(|side| {
            let (before, after, all) = (before.levels(side), self.book.levels(side), self.all.levels(side));
            let gone = before.iter().filter(|old| all.iter().all(|level| level.price != old.price));
            let mut said: Vec<_> = gone.map(|level| Level::new(level.price.0, 0)).collect();
            said.extend(after.into_iter().filter(|level| !before.contains(level)));
            said
        })
    }

    /// The venue's checksum, written down independently: ten best asks, then bids, digits as sent.
    fn sum(&self) -> u32 {
        let text = |level: &Level| {
            let (price, qty) = (level.price.0.to_string(), level.qty.0.to_string());
            price.trim_start_matches('0').to_owned() + qty.trim_start_matches('0')
        };
        let levels = [self.book.top(Side::Ask, 10), self.book.top(Side::Bid, 10)].concat();
        crc32fast::hash(levels.iter().map(text).collect::<String>().as_bytes())
    }

    /// A message of these levels as it leaves the venue, with what may go wrong but its loss.
    fn send(
        &mut self,
        kind: UpdateKind,
        [bids, asks]: &[Vec<Level>; 2],
        fault: Fault,
    ) -> (Head, Vec<Record>) {
        self.sent += 1;
        let factor = 10i64.pow(u32::from(self.finer));
        let wire = |levels: &[Level]| -> Vec<Level> {
            levels.iter().map(|level| Level::new(level.price.0 * factor, level.qty.0)).collect()
        };
        let (mut head, mut body) = message(kind, (0, self.sent), &wire(bids), &wire(asks));
        (head.price_scale, head.qty_scale) = (2 + self.finer, 3);
        head.flags = head.flags.with(Flags::TRAILER);
        let checksum = match fault {
            Fault::Sum(bit) => Some(self.sum() ^ 1 << bit),
            Fault::NoSum => None,
            _ => Some(self.sum()),
        };
        let trailer = Trailer { checksum, price_digits: 2, qty_digits: 3, cut: self.depth as u16 };
        let word = match fault {
            Fault::Noise(word) => word | (self.depth as u64) << 32,
            _ => trailer.to_word(),
        };
        if body.is_empty() {
            body.push(Record([0; 7]));
        }
        if fault == Fault::Level && head.levels() > 0 {
            body[0].0[1] += 7;
        }
        body.last_mut().unwrap().0[6] = word;
        (head, body)
    }

    /// Are the ten best levels of a book the venue's?
    fn has(&self, keeper: &Keeper) -> bool {
        let factor = 10i64.pow(u32::from(self.finer));
        SIDES.into_iter().all(|side| {
            let levels = keeper.book().levels(side).take(10);
            levels.map(|level| Level::new(level.price.0 / factor, level.qty.0)).eq(self.book.top(side, 10))
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Messages are lost, changed, and robbed of their checksums: after every message with one the book is live only
    /// with the venue's ten best levels, a stale one waits for a snapshot and is right with it, and as long as nothing
    /// went wrong it is right. The scales on the wire may be finer than the venue's digits.
    #[test]
    fn cut_and_checked_book_is_the_venues(
        depth in prop_oneof![Just(1usize), Just(3), Just(10), Just(25)],
        finer in 0u8..3,
        messages in vec((changes(Side::Bid), changes(Side::Ask), fault()), 1..40),
    ) {
        let (checksum, continuity) = (Checksum::DigitsOfTen, Continuity::Unchecked);
        let mut keeper = Keeper::new(&KeeperConfig { checksum, continuity, ..KeeperConfig::default() });
        let mut venue = Venue { all: Oracle::default(), book: Oracle::default(), depth, finer, sent: 0 };
        let mut whole = false;
        for (bids, asks, fault) in messages {
            let before = venue.book.clone();
            let mut levels = venue.change([&bids, &asks]);
            let snapshot = keeper.wants_snapshot();
            let mut kind = UpdateKind::Delta;
            if snapshot {
                // More than the venue shows: it is cut too.
                (kind, levels) = (UpdateKind::Snapshot, SIDES.map(|side| venue.all.levels(side)));
            }
            if fault == Fault::Lost {
                whole &= before == venue.book;
                continue;
            }
            let (head, body) = venue.send(kind, &levels, fault);
            keeper.handle(&head, body.iter());
            whole = (whole || snapshot) && matches!(fault, Fault::None | Fault::NoSum);
            judge(&venue, &keeper, fault, whole)?;
        }
    }
}

/// What must hold after a message with this fault; `whole`: nothing has gone wrong since the last snapshot.
fn judge(venue: &Venue, keeper: &Keeper, fault: Fault, whole: bool) -> Result<(), TestCaseError> {
    let (same, live) = (venue.has(keeper), keeper.state().is_live());
    match (keeper.checked(), fault) {
        // Noise may be the checksum by chance, and may name digits with which the levels have none.
        (Checked::Passed, Fault::Noise(_)) => {}
        (Checked::Passed, _) => prop_assert!(same && live),
        (Checked::Failed, _) => {
            prop_assert_eq!(keeper.state(), State::Stale(Reason::Checksum));
            prop_assert!(keeper.wants_snapshot() && !whole);
        }
        (Checked::None, fault) => {
            let empty = venue.sum() == 0;
            prop_assert!(live && (matches!(fault, Fault::NoSum | Fault::Noise(_)) || empty));
        }
    }
    prop_assert!(!whole || (same && live));
    for side in SIDES {
        let (len, proven) = (keeper.book().len(side), keeper.book().proven(side));
        prop_assert!(len <= venue.depth && proven == len);
    }
    Ok(())
}
