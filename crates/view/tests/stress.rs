//! A writer and readers at full speed with values that check themselves. Small under Miri; fit for ThreadSanitizer.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use touchline_view::{Busy, block, block::Block, line};

const WRITES: u64 = if cfg!(miri) { 100 } else { 1_000_000 };

/// Word `index` of value `number`: no two values share a word, so a mixture is always seen.
fn word(number: u64, index: usize) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(index as u32) ^ index as u64
}

/// Runs a writer of the numbers 1 to `WRITES` against two readers until these have seen the last one. `read` gives
/// back the number of a whole value.
fn race(mut write: impl FnMut(u64) + Send, read: impl Fn() -> Result<u64, Busy> + Sync) {
    let written = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while last < WRITES {
                    let known = written.load(Ordering::Acquire);
                    match read() {
                        Ok(number) => {
                            assert!(number >= last, "a reader never goes back");
                            assert!(number >= known, "a write that was over is seen");
                            last = number;
                        }
                        Err(Busy { .. }) => thread::yield_now(),
                    }
                }
            });
        }
        for number in 1..=WRITES {
            write(number);
            written.store(number, Ordering::Release);
        }
    });
}

#[test]
fn line_is_never_torn_nor_stale() {
    // Word 0 is the number itself; the other words follow from it.
    let value = |number| std::array::from_fn(|i| if i == 0 { number } else { word(number, i) });
    let (mut writer, reader) = line::channel(&value(0));
    race(
        |number| writer.write(&value(number)),
        || {
            let found = reader.read()?;
            assert_eq!(found, value(found[0]), "torn");
            Ok(found[0])
        },
    );
}

#[test]
fn block_is_never_torn_nor_stale() {
    // As for the line, over eleven lines; the readers take turns at asking for all rows and for few.
    let value = |number| Block::<20> {
        head: std::array::from_fn(|i| if i == 0 { number } else { word(number, i) }),
        rows: std::array::from_fn(|row| std::array::from_fn(|i| word(number, row * 4 + i))),
    };
    let (mut writer, reader) = block::channel(&value(0));
    let turn = AtomicU64::new(0);
    race(
        |number| writer.write(&value(number)),
        || {
            let rows = if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { 20 } else { 3 };
            let mut found = Block::<20>::new();
            reader.read_rows(&mut found.head, &mut found.rows[..rows])?;
            let expected = value(found.head[0]);
            assert_eq!((found.head, &found.rows[..rows]), (expected.head, &expected.rows[..rows]), "torn");
            Ok(found.head[0])
        },
    );
}
