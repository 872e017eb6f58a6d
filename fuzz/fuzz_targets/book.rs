//! The array book equals a `BTreeMap` book: best, length and every level, whatever keys and quantities come.
#![no_main]

use std::collections::BTreeMap;
use touchline_book::sides::{Key, Ladder, Window};
use touchline_market::Qty;

libfuzzer_sys::fuzz_target!(|updates: Vec<(u64, i16, u8, u8)>| {
    let (mut window, mut tree, mut at) = (Window::new(256, None, 0), BTreeMap::new(), 1u64 << 63);
    for (anywhere, near, step, qty) in updates {
        // Mostly near the last key, on a step that the input chooses; sometimes anywhere.
        at = if step == 0 { anywhere } else { at.wrapping_add_signed(i64::from(near) * i64::from(step)) };
        let (key, qty) = (Key(at), Qty(u64::from(qty / 2)));
        let known = if qty.0 == 0 { tree.remove(&key) } else { tree.insert(key, qty) };
        assert_eq!(window.set(key, qty), known.is_some());
        assert_eq!(window.best(), tree.last_key_value().map(|(&key, &qty)| (key, qty)));
    }
    assert!(window.iter().eq(tree.iter().rev().map(|(&key, &qty)| (key, qty))));
});
