//! Models of both cells over all interleavings (at most three preemptions, two where marked) and all values that
//! the memory model lets a load return; and the proof that no ordering is stronger than needed. How to run them
//! stands in the crate's documentation.
#![cfg(loom)]

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use touchline_view::ordering::{Site, weaken};
use touchline_view::{Busy, HEAD_WORDS, LINE_WORDS, ROW_WORDS, block, block::Block, line};

/// Something to explore, under a name for the output.
struct Model {
    name: &'static str,
    /// How often threads may be interrupted in one execution. LOOM_MAX_PREEMPTIONS sets another bound.
    preemptions_max: usize,
    run: fn(),
}

const MODELS: [Model; 4] = [
    Model { name: "line, 3 writes, a reader twice", preemptions_max: 3, run: || line_model(3, 1, 2) },
    Model { name: "block, 3 writes, a reader twice", preemptions_max: 3, run: || block_model(3, 1, 2) },
    Model { name: "line, 2 writes, 2 readers", preemptions_max: 2, run: || line_model(2, 2, 1) },
    Model { name: "block, 3 writes, 2 readers", preemptions_max: 3, run: || block_model(3, 2, 1) },
];

/// Explores one model; panics if an execution breaks a law.
fn explore(model: &Model) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(model.preemptions_max));
    builder.check(model.run);
}

/// Which site is weak concerns the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn every_model_holds() {
    // Runs each model with the orderings as they are.
    let _alone = alone();
    for model in &MODELS {
        let start = std::time::Instant::now();
        explore(model);
        eprintln!("holds: {} ({:.1?})", model.name, start.elapsed());
    }
}

#[test]
fn weakening_any_single_ordering_breaks_a_model() {
    // Weakens one site at a time and wants a model to fail; a site that none misses would be too strong.
    let _alone = alone();
    for site in Site::ALL {
        weaken(Some(site));
        let broken = MODELS.iter().find(|model| catch_unwind(AssertUnwindSafe(|| explore(model))).is_err());
        weaken(None);
        let model = broken.unwrap_or_else(|| panic!("no model needs {site:?}"));
        eprintln!("{site:?} weakened breaks: {}", model.name);
    }
}

/// Publishes the numbers 1 to `writes` against readers, and holds each read to the laws: whole (`read` checks it
/// and gives the number), never back, and never behind a write that was over before the read began.
fn race(
    writes: u64,
    readers: usize,
    reads: usize,
    mut write: impl FnMut(u64),
    read: impl Fn() -> Result<u64, Busy> + Clone + Send + 'static,
) {
    let is_alone = readers == 1; // Two readers make the space too large for the third law.
    let written = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..readers)
        .map(|_| {
            let (read, written) = (read.clone(), Arc::clone(&written));
            thread::spawn(move || {
                let mut last = 0;
                for _ in 0..reads {
                    let known = if is_alone { written.load(Ordering::Acquire) } else { 0 };
                    if let Ok(number) = read() {
                        assert!(number >= last, "a reader never goes back");
                        assert!(number >= known, "a write that was over is seen");
                        last = number;
                    }
                }
            })
        })
        .collect();
    for number in 1..=writes {
        write(number);
        if is_alone {
            written.store(number, Ordering::Release);
        }
    }
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(read(), Ok(writes), "at rest a read is never busy and sees the last write");
}

fn line_model(writes: u64, readers: usize, reads: usize) {
    let (mut writer, reader) = line::channel(&[0; LINE_WORDS]);
    race(
        writes,
        readers,
        reads,
        |number| writer.write(&[number; LINE_WORDS]),
        move || {
            let words = reader.read()?;
            assert_eq!(words, [words[0]; LINE_WORDS], "torn");
            Ok(words[0])
        },
    );
}

fn block_model(writes: u64, readers: usize, reads: usize) {
    let value = |number| Block::<1> { head: [number; HEAD_WORDS], rows: [[number; ROW_WORDS]] };
    let (mut writer, reader) = block::channel(&value(0));
    race(
        writes,
        readers,
        reads,
        |number| writer.write(&value(number)),
        move || {
            let found = reader.read()?;
            assert_eq!(found, value(found.head[0]), "torn");
            Ok(found.head[0])
        },
    );
}
