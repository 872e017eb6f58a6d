//! Two threads at full speed with values that check themselves. Small under Miri; fit for ThreadSanitizer.
#![cfg(not(loom))]

use std::hint::spin_loop;
use std::thread;
use touchline_ring::{Full, channel};

const MESSAGES: u64 = if cfg!(miri) { 200 } else { 300_000 };

/// Seven words that belong together, so that a value read too early or too late cannot pass for a good one.
fn value(number: u64) -> [u64; 7] {
    std::array::from_fn(|word| number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(word as u32 * 9))
}

/// Calls until the ring has room.
fn insist<R>(mut attempt: impl FnMut() -> Result<R, Full<[u64; 7]>>) -> R {
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(_) => relax(),
        }
    }
}

/// With more threads than cores, the other side needs this one's core.
fn relax() {
    spin_loop();
    thread::yield_now();
}

/// The number of slots of each message: all from 1 to `longest`, in turn.
fn length(message: u64, longest: u64) -> u64 {
    message % longest + 1
}

fn run(capacity: usize, longest: u64) {
    let (mut producer, mut consumer) = channel(capacity);
    let sender = thread::spawn(move || {
        let mut number = 0;
        for message in 0..MESSAGES {
            let slots = length(message, longest);
            if slots == 1 {
                insist(|| producer.push(value(number)));
            } else {
                let mut batch = producer.batch();
                for slot in 1..slots {
                    insist(|| batch.push(value(number + slot)));
                }
                assert_eq!(batch.commit(value(number)), Ok(slots as usize));
            }
            number += slots;
        }
    });
    let (mut number, mut messages) = (0, 0);
    loop {
        let is_abandoned = consumer.is_abandoned();
        let Some(message) = consumer.next() else {
            if is_abandoned {
                break;
            }
            relax();
            continue;
        };
        assert_eq!(message.len() as u64, length(messages, longest));
        for found in std::iter::once(message.first()).chain(message.rest()) {
            assert_eq!(found, &value(number));
            number += 1;
        }
        messages += 1;
    }
    assert_eq!(messages, MESSAGES, "every message arrived before the end was seen");
    sender.join().unwrap();
}

#[test]
fn one_slot_ring_passes_every_value_intact() {
    // Capacity 1: the two threads take turns on a single line.
    run(1, 1);
}

#[test]
fn small_ring_passes_messages_of_its_own_length() {
    // Capacity 4, messages of 1 to 4 slots: every wrap and every full ring happens all the time.
    run(4, 4);
}

#[test]
fn large_ring_passes_long_messages_intact() {
    // Capacity 256, messages of 1 to 40 slots: the consumer's position is published in strides.
    run(256, 40);
}
