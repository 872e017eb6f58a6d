//! The array book equals the oracle on random messages of changing scales, and a rejected one leaves no trace.

mod common;

use common::{Oracle, assert_books_equal, assert_tops_equal, message};
use proptest::collection::vec;
use proptest::prelude::*;
use touchline_book::{Book, BookConfig};
use touchline_market::{Level, Price, Side, UpdateKind};

#[derive(Clone, Debug)]
struct Message {
    snapshot: bool,
    scales: (u8, u8),
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// Prices on a tick, below zero too; sometimes between two ticks, or anywhere an `i64` can be.
fn price(tick: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => (-400i64..400).prop_map(move |n| n * tick),
        5 => (-400i64..400).prop_map(move |n| (n * 97) * tick),
        1 => -3_000i64..3_000,
        1 => (0i64..3, any::<bool>()).prop_map(|(n, low)| if low { i64::MIN + n } else { i64::MAX - n }),
    ]
}

fn levels(tick: i64, count: usize) -> impl Strategy<Value = Vec<Level>> {
    let qty = prop_oneof![3 => Just(0u64), 6 => 1u64..1_000, 1 => any::<u64>()];
    vec((price(tick), qty).prop_map(|(price, qty)| Level::new(price, qty)), 0..count)
}

fn messages() -> impl Strategy<Value = (i64, Vec<Message>)> {
    (1i64..40).prop_flat_map(|tick| {
        let scale = prop_oneof![12 => Just(2u8), 2 => Just(1), 2 => Just(0), 1 => Just(4), 1 => 0u8..25];
        let message = (prop::bool::weighted(0.1), (scale.clone(), scale), levels(tick, 40), levels(tick, 40))
            .prop_map(|(snapshot, scales, bids, asks)| Message { snapshot, scales, bids, asks });
        (Just(tick), vec(message, 1..30))
    })
}

/// The oracle's verdict: the books after the message at the finer scales, or `None` if a number does not fit them, a
/// scale is no scale, or a snapshot has a price twice.
fn expected(oracle: &Oracle, scales: (u8, u8), message: &Message) -> Option<(Oracle, (u8, u8))> {
    let empty = message.bids.is_empty() && message.asks.is_empty();
    if message.scales.0.max(message.scales.1) > 18 {
        // A delta without levels that the book's limits do not notice either changes nothing.
        return None;
    }
    let to = match empty && !message.snapshot {
        true => scales,
        false => (scales.0.max(message.scales.0), scales.1.max(message.scales.1)),
    };
    let scaled = |levels: &[Level], from: (u8, u8)| -> Option<Vec<Level>> {
        let factor = |from: u8, to: u8| 10i128.pow(u32::from(to - from));
        let level = |level: &Level| {
            let price = i128::from(level.price.0) * factor(from.0, to.0);
            let qty = i128::from(level.qty.0) * factor(from.1, to.1);
            Some(Level::new(i64::try_from(price).ok()?, u64::try_from(qty).ok()?))
        };
        levels.iter().map(level).collect()
    };
    let mut next = Oracle::default();
    for (side, sent) in [(Side::Bid, &message.bids), (Side::Ask, &message.asks)] {
        let mut sent = sent.clone();
        if message.snapshot {
            sent.retain(|level| level.qty.0 != 0);
            let mut prices: Vec<_> = sent.iter().map(|level| level.price.0).collect();
            prices.sort_unstable();
            prices.dedup();
            if prices.len() < sent.len() {
                return None;
            }
        } else {
            for level in scaled(&oracle.levels(side), scales)? {
                next.set(side, level.price.0, level.qty.0);
            }
        }
        if empty {
            continue;
        }
        for level in scaled(&sent, message.scales)? {
            next.set(side, level.price.0, level.qty.0);
        }
    }
    Some((next, to))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Deltas and snapshots in any order, with finer and coarser scales, prices anywhere: the books are equal after
    /// each message, and after a rejected one the book is what it was.
    #[test]
    fn array_book_equals_the_oracle((tick, messages) in messages(), told: bool) {
        let tick = told.then_some(Price(tick));
        let config = BookConfig { window_ticks: 256, tick, price_scale: 2, ..BookConfig::default() };
        let (mut book, mut oracle, mut scales) = (Book::new(&config), Oracle::default(), (2, 0));
        for sent in &messages {
            let kind = if sent.snapshot { UpdateKind::Snapshot } else { UpdateKind::Delta };
            let (mut head, body) = message(kind, (0, 0), &sent.bids, &sent.asks);
            (head.price_scale, head.qty_scale) = sent.scales;
            let result = match sent.snapshot {
                true => book.load_snapshot(&head, body.iter()),
                false => book.apply_delta(&head, body.iter()).map(|_| ()),
            };
            match expected(&oracle, scales, sent) {
                Some((next, to)) => {
                    prop_assert_eq!(result, Ok(()));
                    (oracle, scales) = (next, to);
                }
                None => prop_assert!(result.is_err()),
            }
            prop_assert_eq!((book.price_scale(), book.qty_scale()), scales);
            assert_tops_equal(&book, &oracle);
            assert_books_equal(&book, &oracle);
            let best = |side| oracle.top(side, 1).first().map(|level| level.price);
            if let (Some(bid), Some(ask)) = (best(Side::Bid), best(Side::Ask)) {
                prop_assert_eq!((book.is_crossed(), book.is_locked()), (bid > ask, bid == ask));
            }
        }
    }

    /// The proven depth is the number of levels at or inside the last snapshot's worst price, through scale changes.
    #[test]
    fn proven_depth_follows_the_snapshot(
        start in vec((1i64..500, 1u64..9), 1..50),
        updates in vec((vec((1i64..700, 0u64..3), 0..8), 0u8..3), 0..30),
    ) {
        let mut book = Book::new(&BookConfig { window_ticks: 256, ..BookConfig::default() });
        let mut oracle = Oracle::default();
        start.iter().for_each(|&(price, qty)| oracle.set(Side::Ask, price, qty));
        let (head, body) = message(UpdateKind::Snapshot, (0, 0), &[], &oracle.levels(Side::Ask));
        book.load_snapshot(&head, body.iter()).unwrap();
        let (mut worst, mut scale) = (*oracle.asks.keys().last().unwrap(), 0);
        for (changes, finer) in updates {
            let new = if changes.is_empty() { scale } else { scale.max(finer) };
            let factor = 10i64.pow(u32::from(new - scale));
            (worst, scale) = (worst * factor, new);
            oracle.asks = oracle.asks.iter().map(|(price, &qty)| (price * factor, qty)).collect();
            let levels: Vec<_> = changes.iter().map(|&(price, qty)| Level::new(price, qty)).collect();
            let (mut head, body) = message(UpdateKind::Delta, (0, 0), &[], &levels);
            head.price_scale = finer;
            book.apply_delta(&head, body.iter()).unwrap();
            let shift = 10i64.pow(u32::from(scale.saturating_sub(finer)));
            changes.iter().for_each(|&(price, qty)| oracle.set(Side::Ask, price * shift, qty));
            prop_assert_eq!(book.proven(Side::Ask), oracle.asks.range(..=worst).count());
            prop_assert_eq!(book.proven(Side::Bid), 0);
        }
    }
}

/// A snapshot may stand in any order; best first is only faster.
#[test]
fn snapshot_in_any_order_gives_the_same_book() {
    let mut levels: Vec<_> = (1..200).map(|n| Level::new(n * 7 % 199, n as u64)).collect();
    let mut books = Vec::new();
    for _ in 0..3 {
        let mut book = Book::new(&BookConfig::default());
        let (head, body) = message(UpdateKind::Snapshot, (0, 0), &levels, &levels);
        book.load_snapshot(&head, body.iter()).unwrap();
        books.push([Side::Bid, Side::Ask].map(|side| book.levels(side).collect::<Vec<_>>()));
        levels.sort_by_key(|level| if books.len() == 1 { level.price.0 } else { -level.price.0 });
    }
    assert_eq!(books[0], books[1]);
    assert_eq!(books[1], books[2]);
}

/// The memory of an idle book, and that of one with 5,000 levels a side outside its window.
#[test]
fn memory_is_what_the_arithmetic_says() {
    let mut book = Book::new(&BookConfig::default());
    let idle = book.heap_bytes() + size_of::<Book>();
    assert!(idle <= 72_000, "{idle} bytes");
    let levels: Vec<_> = (1..=5_000).map(|n| Level::new(-n * 1_000, 1)).collect();
    let (mut head, body) = message(UpdateKind::Snapshot, (0, 0), &levels, &[]);
    head.price_scale = 3;
    book = Book::new(&BookConfig { tick: Some(Price(1)), ..BookConfig::default() });
    book.load_snapshot(&head, body.iter()).unwrap();
    let deep = book.heap_bytes() + size_of::<Book>();
    assert!(deep <= idle + 200_000, "{deep} bytes");
}
