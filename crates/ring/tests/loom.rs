//! Models of every pair of operations, over all interleavings (at most four preemptions) and all values that
//! the memory model lets a load return; and the proof that no ordering of the ring is stronger than needed.
//! How to run them stands in the crate's documentation.
#![cfg(loom)]

use loom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use touchline_ring::ordering::{Site, weaken};
use touchline_ring::{Consumer, Full, Producer, channel};

/// A model, and the capacities it runs at.
struct Model {
    name: &'static str,
    capacities: &'static [usize],
    run: fn(usize),
}

const MODELS: [Model; 6] = [
    Model { name: "push against next", capacities: &[1, 2], run: push_against_next },
    Model { name: "batch against next", capacities: &[2, 4], run: batch_against_next },
    Model { name: "mixed lengths against next", capacities: &[2], run: mixed_lengths_against_next },
    Model { name: "full and free against next", capacities: &[1, 2, 4], run: full_and_free_against_next },
    Model { name: "producer's drop against next", capacities: &[2], run: producer_drop_against_next },
    Model { name: "consumer's drop against push", capacities: &[1, 2], run: consumer_drop_against_push },
];

/// How often a thread may be interrupted in one execution. LOOM_MAX_PREEMPTIONS sets another bound.
const PREEMPTIONS_MAX: usize = 4;

/// Explores one model at one capacity; panics if an execution breaks a law.
fn explore(model: &Model, capacity: usize) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS_MAX));
    let run = model.run;
    builder.check(move || run(capacity));
}

/// Which site is weak concerns the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn every_model_holds() {
    // Runs each model at each of its capacities, with the orderings as they are.
    let _alone = alone();
    for model in &MODELS {
        for &capacity in model.capacities {
            explore(model, capacity);
            eprintln!("holds: {} at capacity {capacity}", model.name);
        }
    }
}

#[test]
fn weakening_any_single_ordering_breaks_a_model() {
    // Makes one site relaxed at a time and wants a model to fail; a site that none misses would be too strong.
    let _alone = alone();
    for site in Site::ALL {
        weaken(Some(site));
        let broken = MODELS
            .iter()
            .flat_map(|model| model.capacities.iter().map(move |&capacity| (model, capacity)))
            .find(|&(model, capacity)| catch_unwind(AssertUnwindSafe(|| explore(model, capacity))).is_err());
        weaken(None);
        let (model, capacity) = broken.unwrap_or_else(|| panic!("no model needs {site:?}"));
        eprintln!("{site:?} relaxed breaks: {} at capacity {capacity}", model.name);
    }
}

/// Calls until the ring has room.
fn insist<R>(mut attempt: impl FnMut() -> Result<R, Full<u64>>) -> R {
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(_) => thread::yield_now(),
        }
    }
}

/// Publishes a message of the numbers from `start` on.
fn send(producer: &mut Producer<u64>, start: u64, slots: u64) {
    if slots == 1 {
        return insist(|| producer.push(start));
    }
    let mut batch = producer.batch();
    for number in start + 1..start + slots {
        insist(|| batch.push(number));
    }
    assert_eq!(batch.commit(start), Ok(slots as usize));
}

/// Takes the next message if there is one: it must hold the numbers from `start` on. Returns how many.
fn take(consumer: &mut Consumer<u64>, start: u64) -> u64 {
    let Some(message) = consumer.next() else { return 0 };
    let found: Vec<u64> = std::iter::once(message.first()).chain(message.rest()).copied().collect();
    let expected: Vec<u64> = (start..start + message.len() as u64).collect();
    assert_eq!(found, expected, "whole, in order, nothing lost");
    message.len() as u64
}

/// Takes until `total` numbers have arrived.
fn take_all(consumer: &mut Consumer<u64>, total: u64) {
    let mut number = 0;
    while number < total {
        match take(consumer, number) {
            0 => thread::yield_now(),
            slots => number += slots,
        }
    }
    assert!(consumer.next().is_none(), "nothing arrives twice");
}

fn pass(capacity: usize, lengths: &'static [u64]) {
    let (mut producer, mut consumer) = channel(capacity);
    let sender = thread::spawn(move || {
        let mut number = 0;
        for &slots in lengths {
            send(&mut producer, number, slots);
            number += slots;
        }
    });
    take_all(&mut consumer, lengths.iter().sum());
    sender.join().unwrap();
}

fn push_against_next(capacity: usize) {
    pass(capacity, &[1, 1, 1, 1]);
}

fn batch_against_next(capacity: usize) {
    if capacity == 2 { pass(capacity, &[2, 2]) } else { pass(capacity, &[3, 2, 4]) }
}

fn mixed_lengths_against_next(capacity: usize) {
    pass(capacity, &[2, 1, 2]);
}

fn full_and_free_against_next(capacity: usize) {
    // The producer never insists: what `free` promises is accepted, what is accepted arrives, and no more.
    let (mut producer, mut consumer) = channel(capacity);
    let sender = thread::spawn(move || {
        let mut accepted = 0;
        for _ in 0..capacity as u64 + 2 {
            let is_promised = accepted % 2 == 1 && producer.free() > 0;
            let pushed = producer.push(accepted);
            assert!(pushed.is_ok() || !is_promised, "a free slot stays free");
            accepted += u64::from(pushed.is_ok());
        }
        (producer, accepted)
    });
    let mut number = 0;
    for _ in 0..2 {
        number += take(&mut consumer, number);
    }
    let (mut producer, accepted) = sender.join().unwrap();
    while number < accepted {
        let slots = take(&mut consumer, number);
        assert_ne!(slots, 0, "what was accepted before is visible now");
        number += slots;
    }
    assert!(consumer.next().is_none());
    assert_eq!(producer.free(), capacity);
}

fn producer_drop_against_next(capacity: usize) {
    // Once the producer is known to be gone, the first `None` is the end.
    let (mut producer, mut consumer) = channel(capacity);
    let sender = thread::spawn(move || {
        producer.push(0).unwrap();
        producer.push(1).unwrap();
    });
    let mut number = 0;
    loop {
        let is_abandoned = consumer.is_abandoned();
        match take(&mut consumer, number) {
            0 if is_abandoned => break,
            0 => thread::yield_now(),
            slots => number += slots,
        }
    }
    assert_eq!(number, 2);
    sender.join().unwrap();
}

fn consumer_drop_against_push(capacity: usize) {
    // The producer may go on after the consumer has gone; it is refused when the ring is full, and can tell why.
    let (mut producer, mut consumer) = channel(capacity);
    let receiver = thread::spawn(move || {
        take(&mut consumer, 0);
    });
    let mut accepted = 0;
    while !producer.is_abandoned() {
        match producer.push(accepted) {
            Ok(()) => accepted += 1,
            Err(_) => thread::yield_now(),
        }
    }
    assert!(accepted <= capacity as u64 + 1);
    receiver.join().unwrap();
}
