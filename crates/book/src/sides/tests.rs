//! Every layout does what a `BTreeMap` does.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use touchline_market::{Level, Price, Qty, Side};

use super::{Chunked, Key, Ladder, Sorted, Window};

/// The oracle: the standard library's ordered map.
#[derive(Clone, Default)]
struct Oracle(BTreeMap<u64, u64>);

impl Oracle {
    fn set(&mut self, key: u64, qty: u64) -> bool {
        if qty == 0 { self.0.remove(&key).is_some() } else { self.0.insert(key, qty).is_some() }
    }

    fn levels(&self) -> Vec<(Key, Qty)> {
        self.0.iter().rev().map(|(&key, &qty)| (Key(key), Qty(qty))).collect()
    }
}

/// Compares whatever can be asked.
fn compare(ladder: &impl Ladder, oracle: &Oracle) {
    assert_eq!(ladder.len(), oracle.0.len());
    assert_eq!(ladder.is_empty(), oracle.0.is_empty());
    assert_eq!(ladder.best(), oracle.levels().first().copied());
    assert_eq!(ladder.iter().collect::<Vec<_>>(), oracle.levels());
    for (key, qty) in oracle.levels() {
        assert_eq!(ladder.get(key), Some(qty));
        let absent = key.0.wrapping_add(1);
        assert_eq!(ladder.get(Key(absent)).map(|qty| qty.0), oracle.0.get(&absent).copied());
    }
}

/// Copies of the best levels, of every length, are the first levels of the walk.
fn compare_tops(window: &Window) {
    for side in [Side::Bid, Side::Ask] {
        let all: Vec<_> = window.levels().map(|(key, qty)| Level { price: key.price(side), qty }).collect();
        for room in [0, 1, 2, 10, 63, 64, 65, all.len(), all.len() + 3] {
            let mut levels = vec![Level::default(); room];
            let count = window.top(side, &mut levels);
            assert_eq!(levels[..count], all[..room.min(all.len())]);
        }
    }
}

/// What a stream may do to a side.
#[derive(Clone, Debug)]
enum Step {
    Set(u64, u64),
    /// Removes the best `n` levels, one by one.
    Sweep(usize),
    /// Takes a snapshot of what there is, less every `n`th level.
    Load(usize),
    Clear,
}

fn run<L: Ladder>(mut ladder: L, steps: &[Step]) -> L {
    let mut oracle = Oracle::default();
    for step in steps {
        match *step {
            Step::Set(key, qty) => assert_eq!(ladder.set(Key(key), Qty(qty)), oracle.set(key, qty)),
            Step::Sweep(count) => {
                for (key, _) in oracle.levels().into_iter().take(count) {
                    assert!(ladder.set(key, Qty(0)));
                    oracle.set(key.0, 0);
                    assert_eq!(ladder.best(), oracle.levels().first().copied());
                }
            }
            Step::Load(every) => {
                let levels = oracle.levels();
                let kept = levels.iter().enumerate().filter(|(n, _)| n % every != 0).map(|(_, &level)| level);
                ladder.load(kept.clone());
                oracle.0 = kept.map(|(key, qty)| (key.0, qty.0)).collect();
            }
            Step::Clear => {
                ladder.clear();
                oracle.0.clear();
            }
        }
        assert_eq!(ladder.best(), oracle.levels().first().copied());
        assert_eq!(ladder.len(), oracle.0.len());
    }
    compare(&ladder, &oracle);
    ladder
}

/// Keys near one another on a lattice, at the edges of a window, off the lattice, far away, at the ends of the range.
fn key(base: u64, step: u64) -> impl Strategy<Value = u64> {
    let near = (-200i64..200).prop_map(move |n| base.wrapping_add_signed(n * step as i64));
    let edges = (-4i64..4, -3i64..3)
        .prop_map(move |(windows, n)| base.wrapping_add_signed((windows * 256 + n) * step as i64));
    let off = (-2000i64..2000).prop_map(move |n| base.wrapping_add_signed(n));
    let wide = (-100_000i64..100_000).prop_map(move |n| base.wrapping_add_signed(n * step as i64));
    let ends = prop_oneof![0u64..300, (u64::MAX - 300)..=u64::MAX, any::<u64>()];
    prop_oneof![20 => near, 8 => edges, 1 => off, 4 => wide, 1 => ends]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let base = prop_oneof![Just(1u64 << 63), Just(0u64), Just(u64::MAX), Just(1 << 20), any::<u64>()];
    let size = prop_oneof![Just(1u64), Just(10), Just(96), Just(1_000_003)];
    (base, size).prop_flat_map(|(base, size)| {
        let qty = prop_oneof![2 => Just(0u64), 3 => 1u64..=u64::MAX];
        let step = prop_oneof![
            60 => (key(base, size), qty).prop_map(|(key, qty)| Step::Set(key, qty)),
            2 => (1usize..60).prop_map(Step::Sweep),
            1 => (1usize..9).prop_map(Step::Load),
            1 => Just(Step::Clear),
        ];
        vec(step, 0..400)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The window with a learned step, whatever the keys do.
    #[test]
    fn a_window_that_learns_its_step_equals_an_ordered_map(steps in steps()) {
        compare_tops(&run(Window::new(256, None, 0), &steps));
    }

    /// The window with a tick it was told, right, too large or too small.
    #[test]
    fn a_window_with_a_given_tick_equals_an_ordered_map(steps in steps(), tick in 1i64..2000, shift in 0u32..43) {
        compare_tops(&run(Window::new(1024, Some(Price(tick << shift)), 100), &steps));
    }

    /// Sorted pieces.
    #[test]
    fn sorted_pieces_equal_an_ordered_map(steps in steps()) {
        run(Chunked::default(), &steps);
    }

    /// Sorted arrays.
    #[test]
    fn sorted_arrays_equal_an_ordered_map(steps in steps()) {
        run(Sorted::default(), &steps);
    }

    /// Hundreds of levels come and go at random places: pieces split and merge, and never thin out.
    #[test]
    fn pieces_stay_filled(adds in vec(0u64..5_000, 1_000..3_000), removes in vec(0u64..5_000, 0..6_000)) {
        let (mut pieces, mut oracle) = (Chunked::with_capacity(500), Oracle::default());
        for (n, key) in adds.iter().chain(&adds).enumerate() {
            assert_eq!(pieces.set(Key(*key), Qty(n as u64 + 1)), oracle.set(*key, n as u64 + 1));
        }
        for key in removes {
            assert_eq!(pieces.set(Key(key), Qty(0)), oracle.set(key, 0));
            assert!(pieces.pieces_used() <= pieces.len() / 8 + 1, "{} of {}", pieces.pieces_used(), pieces.len());
        }
        compare(&pieces, &oracle);
    }

    /// The count of levels at or above a bound is right after any updates, with the bound anywhere.
    #[test]
    fn proven_levels_are_counted(
        start in vec((0u64..3_000, 1u64..9), 1..60),
        bound in 0u64..3_000,
        updates in vec((0u64..3_000, 0u64..3), 0..300),
    ) {
        let mut window = Window::new(256, None, 0);
        let mut oracle = Oracle::default();
        for (key, qty) in start {
            oracle.set(key * 7, qty);
        }
        window.load(oracle.levels().into_iter());
        window.prove_to(Key(bound * 7));
        for (key, qty) in updates {
            window.set(Key(key * 7), Qty(qty));
            oracle.set(key * 7, qty);
            prop_assert_eq!(window.proven(), oracle.0.range(bound * 7..).count());
        }
    }

    /// A side that is cut after every few updates keeps exactly the best ones and counts them as proven, wherever its
    /// levels lie: in the window, on both sides of its edge, far away.
    #[test]
    fn a_cut_side_keeps_its_best(
        steps in steps(),
        cuts in vec((1usize..30, 0usize..20), 1..20),
        pieces in prop::bool::ANY,
    ) {
        let (mut window, mut oracle) = (Window::new(256, None, 0), Oracle::default());
        let keys = steps.iter().filter_map(|step| match *step {
            Step::Set(key, qty) => Some((if pieces { key.wrapping_mul(1_009) } else { key }, qty)),
            _ => None,
        });
        let mut cuts = cuts.iter().cycle();
        let mut every = 1;
        for (n, (key, qty)) in keys.enumerate() {
            prop_assert_eq!(window.set(Key(key), Qty(qty)), oracle.set(key, qty));
            if n % every == 0 {
                let kept;
                (every, kept) = *cuts.next().unwrap();
                window.cut(kept);
                while oracle.0.len() > kept {
                    oracle.0.pop_first();
                }
                compare(&window, &oracle);
            }
            prop_assert_eq!((window.proven(), window.len()), (oracle.0.len(), oracle.0.len()));
        }
        compare(&window, &oracle);
        compare_tops(&window);
    }

    /// A price has one key on each side, keys order prices as the side does, and the way back is exact.
    #[test]
    fn keys_order_prices_as_their_side_does(a: i64, b: i64) {
        let key = |side, price| Key::new(side, Price(price));
        prop_assert_eq!(key(Side::Bid, a).cmp(&key(Side::Bid, b)), a.cmp(&b));
        prop_assert_eq!(key(Side::Ask, a).cmp(&key(Side::Ask, b)), b.cmp(&a));
        prop_assert_eq!(key(Side::Bid, a).price(Side::Bid), Price(a));
        prop_assert_eq!(key(Side::Ask, a).price(Side::Ask), Price(a));
    }
}

/// A walk of the best over many windows, up and down, with levels left behind on the way: slides move levels to the
/// far part and back, and none is lost.
#[test]
fn a_walking_best_loses_no_level() {
    let (mut window, mut oracle) = (Window::new(256, Some(Price(5)), 0), Oracle::default());
    let mut at = 1u64 << 40;
    let mut most_far = 0;
    for n in 0..20_000u64 {
        let up = (n / 2_000).is_multiple_of(2);
        at = if up { at + 5 * (n % 7) } else { at - 5 * (n % 7) };
        for (key, _) in oracle.levels().into_iter().take_while(|(key, _)| key.0 > at) {
            assert!(window.set(key, Qty(0)));
            oracle.set(key.0, 0);
        }
        assert_eq!(window.set(Key(at), Qty(n + 1)), oracle.set(at, n + 1));
        assert_eq!(window.best(), Some((Key(at), Qty(n + 1))));
        most_far = most_far.max(window.far());
        if n % 1_000 == 0 {
            compare(&window, &oracle);
        }
    }
    compare(&window, &oracle);
    assert!(most_far > 300, "the walk has to leave levels behind: {most_far}");
}

/// Updates that keep missing a small window make it grow, twice and no further, with no level lost on the way and the
/// proven count right; a window nobody misses, or whose misses are too far away to gain by growing, stays as it is.
#[test]
fn a_window_grows_where_updates_miss_it() {
    let run = |spread: u64| {
        let mut window = Window::new(256, Some(Price(5)), 0).growing_to(4_096);
        let mut oracle = Oracle::default();
        let best = 1u64 << 40;
        window.prove_to(Key(best - 5 * 300));
        let mut random = 7u64;
        for n in 0..40_000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = best - 5 * ((random >> 33) % spread);
            let qty = (random >> 20) % 3;
            assert_eq!(window.set(Key(key), Qty(qty)), oracle.set(key, qty));
            assert_eq!(window.proven(), oracle.0.range(best - 5 * 300..).count());
            if n % 4_000 == 0 {
                compare(&window, &oracle);
            }
        }
        compare(&window, &oracle);
        compare_tops(&window);
        (window.ticks(), window.far())
    };
    assert_eq!(run(100).0, 256);
    let (ticks, far) = run(3_000);
    assert_eq!((ticks, far), (4_096, 0), "wide enough for all levels");
    assert_eq!(run(1 << 30).0, 256);
}

/// An idle pair of windows of the default size stays under 72,000 bytes.
#[test]
fn an_idle_window_takes_little_memory() {
    let side = Window::new(4_096, None, 0);
    assert_eq!(side.heap_bytes(), 64 * 512 + 64 * 8 + 8);
    assert!(2 * (side.heap_bytes() + size_of::<Window>()) <= 72_000);
}
