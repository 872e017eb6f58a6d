//! What a ring promises, tried on one thread, where every step is known.
#![cfg(not(loom))]

use proptest::prelude::*;
use std::collections::VecDeque;
use touchline_ring::{CAPACITY_MAX, Consumer, Full, Producer, channel};

/// A value as large as a slot holds in one cache line.
type Value = [u64; 7];

fn value(number: u64) -> Value {
    [number; 7]
}

/// Pushes a message with the given numbers: by `push` if it is one, by a batch if there are more.
fn push_all(producer: &mut Producer<Value>, numbers: &[u64]) -> Result<(), Full<Value>> {
    let (&first, rest) = numbers.split_first().expect("a message has at least one slot");
    if rest.is_empty() {
        return producer.push(value(first));
    }
    let mut batch = producer.batch();
    for &number in rest {
        batch.push(value(number))?;
    }
    assert_eq!(batch.commit(value(first))?, numbers.len());
    Ok(())
}

/// Takes the next message as its numbers.
fn take(consumer: &mut Consumer<Value>) -> Option<Vec<u64>> {
    let message = consumer.next()?;
    let numbers: Vec<u64> = std::iter::once(message.first()).chain(message.rest()).map(|v| v[0]).collect();
    assert_eq!(numbers.len(), message.len());
    assert_eq!(message.rest().len(), message.len() - 1);
    Some(numbers)
}

#[test]
fn capacity_is_raised_to_a_power_of_two_and_at_least_one() {
    // By a table; the largest is not allocated but stated.
    for (asked, given) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (1000, 1024)] {
        let (mut producer, consumer) = channel::<u8>(asked);
        assert_eq!((producer.capacity(), consumer.capacity(), producer.free()), (given, given, given));
    }
    assert!(CAPACITY_MAX.is_power_of_two());
}

#[test]
fn messages_of_every_length_arrive_whole_and_in_order_at_every_offset() {
    // For each capacity, length and starting offset: move the ring to the offset, then pass more than two laps.
    for capacity in [1, 2, 4, 8] {
        for length in 1..=capacity as u64 {
            for offset in 0..capacity as u64 {
                let (mut producer, mut consumer) = channel::<Value>(capacity);
                for number in 0..offset {
                    push_all(&mut producer, &[number]).unwrap();
                    assert_eq!(take(&mut consumer), Some(vec![number]));
                }
                assert_eq!(take(&mut consumer), None);
                for start in 0..3 * capacity as u64 {
                    let sent: Vec<u64> = (start..start + length).collect();
                    push_all(&mut producer, &sent).unwrap();
                    assert_eq!(take(&mut consumer), Some(sent));
                    assert_eq!(take(&mut consumer), None);
                }
            }
        }
    }
}

#[test]
fn full_ring_hands_the_value_back_and_loses_nothing() {
    // Fill it, be refused, drain it: what was accepted is all there, and what was refused is not.
    for capacity in [1, 2, 4] {
        let (mut producer, mut consumer) = channel::<Value>(capacity);
        for number in 0..capacity as u64 {
            producer.push(value(number)).unwrap();
        }
        assert_eq!(producer.free(), 0);
        assert_eq!(producer.push(value(99)), Err(Full(value(99))));
        assert_eq!(producer.batch().push(value(98)), Err(Full(value(98))));
        assert_eq!(producer.batch().commit(value(97)), Err(Full(value(97))));
        for number in 0..capacity as u64 {
            assert_eq!(take(&mut consumer), Some(vec![number]));
        }
        assert_eq!(take(&mut consumer), None);
        assert_eq!(producer.free(), capacity);
    }
}

#[test]
fn abandoned_batch_publishes_nothing_even_a_lap_later() {
    // Drop a batch with all its slots written, then fill the same slots by messages of one: only these arrive.
    let (mut producer, mut consumer) = channel::<Value>(4);
    for lap in 0..3 {
        {
            let mut batch = producer.batch();
            for number in 90..93 {
                batch.push(value(number)).unwrap();
            }
        }
        assert_eq!(take(&mut consumer), None);
        for number in 0..4 {
            producer.push(value(lap * 10 + number)).unwrap();
            assert_eq!(take(&mut consumer), Some(vec![lap * 10 + number]));
            assert_eq!(take(&mut consumer), None);
        }
    }
}

#[test]
fn message_is_invisible_until_its_commit() {
    // Polls the consumer after every single step of a batch.
    let (mut producer, mut consumer) = channel::<Value>(4);
    for lap in 0..9 {
        let mut batch = producer.batch();
        for number in 1..3 {
            batch.push(value(lap + number)).unwrap();
            assert!(consumer.next().is_none());
        }
        assert_eq!(batch.commit(value(lap)), Ok(3));
        assert_eq!(take(&mut consumer), Some(vec![lap, lap + 1, lap + 2]));
        assert!(consumer.next().is_none());
    }
}

#[test]
fn message_larger_than_the_ring_is_refused_without_harm() {
    // One slot too many: refused at the last push; the ring then works as if nothing had been.
    for capacity in [1, 2, 4] {
        let (mut producer, mut consumer) = channel::<Value>(capacity);
        let numbers: Vec<u64> = (0..=capacity as u64).collect();
        assert_eq!(push_all(&mut producer, &numbers), Err(Full(value(capacity as u64))));
        assert_eq!(take(&mut consumer), None);
        assert_eq!(producer.free(), capacity);
        push_all(&mut producer, &numbers[..capacity]).unwrap();
        assert_eq!(take(&mut consumer), Some(numbers[..capacity].to_vec()));
    }
}

#[test]
fn refused_batch_may_go_on_when_the_consumer_has_made_room() {
    // The batch is kept across the refusal and committed whole.
    let (mut producer, mut consumer) = channel::<Value>(2);
    producer.push(value(1)).unwrap();
    let mut batch = producer.batch();
    assert_eq!(batch.push(value(3)), Err(Full(value(3))));
    assert_eq!(take(&mut consumer), Some(vec![1]));
    assert_eq!(take(&mut consumer), None);
    batch.push(value(3)).unwrap();
    assert_eq!(batch.commit(value(2)), Ok(2));
    assert_eq!(take(&mut consumer), Some(vec![2, 3]));
}

#[test]
fn leaked_message_is_handed_out_again() {
    // `mem::forget` keeps the slots from being freed: the message must stay, and stay intact.
    let (mut producer, mut consumer) = channel::<Value>(1);
    producer.push(value(7)).unwrap();
    std::mem::forget(consumer.next());
    assert_eq!(producer.push(value(8)), Err(Full(value(8))));
    assert_eq!(take(&mut consumer), Some(vec![7]));
}

#[test]
fn each_end_sees_the_other_part_and_the_rest_can_be_drained() {
    // Drop the ends in both orders.
    let (mut producer, mut consumer) = channel::<Value>(4);
    assert!(!producer.is_abandoned() && !consumer.is_abandoned());
    push_all(&mut producer, &[1, 2]).unwrap();
    drop(producer);
    assert!(consumer.is_abandoned());
    assert_eq!(take(&mut consumer), Some(vec![1, 2]));
    assert_eq!(take(&mut consumer), None);

    let (mut producer, consumer) = channel::<Value>(1);
    drop(consumer);
    assert!(producer.is_abandoned());
    producer.push(value(1)).unwrap();
    assert_eq!(producer.push(value(2)), Err(Full(value(2))));
}

#[test]
fn ends_lie_in_cache_lines_of_their_own() {
    // By alignment, which size follows.
    assert_eq!((align_of::<Producer<u8>>(), align_of::<Consumer<u8>>()), (128, 128));
}

proptest! {
    #[test]
    fn ring_equals_a_queue_of_messages(
        capacity in 1_usize..9,
        steps in prop::collection::vec((prop::bool::ANY, 1_usize..11, prop::bool::ANY), 1..200),
    ) {
        // Random pushes and takes against a VecDeque. The ring may refuse a push for want of the consumer's latest
        // position, but never after the consumer has run dry, and never accepts more than fits.
        let (mut producer, mut consumer) = channel::<Value>(capacity);
        let capacity = producer.capacity();
        let mut model: VecDeque<Vec<u64>> = VecDeque::new();
        let mut dry = true;
        let mut next = 0;
        for (is_push, length, commit) in steps {
            let held: usize = model.iter().map(Vec::len).sum();
            if !is_push {
                let taken = take(&mut consumer);
                dry = taken.is_none();
                prop_assert_eq!(taken, model.pop_front());
                continue;
            }
            let free = producer.free();
            prop_assert!(free <= capacity - held);
            prop_assert!(!dry || free == capacity - held);
            prop_assert!(capacity - held - free < (capacity / 4).max(1));
            if !commit {
                let mut batch = producer.batch();
                let _ = batch.push(value(u64::MAX));
                continue;
            }
            let message: Vec<u64> = (next..next + length as u64).collect();
            let accepted = push_all(&mut producer, &message).is_ok();
            prop_assert_eq!(accepted, length <= free);
            if accepted {
                next += length as u64;
                model.push_back(message);
            }
        }
        for message in model {
            prop_assert_eq!(take(&mut consumer), Some(message));
        }
        prop_assert_eq!(take(&mut consumer), None);
    }
}
