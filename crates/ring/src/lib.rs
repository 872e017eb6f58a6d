//! A queue between two threads: one pushes, one takes, nobody waits.
//!
//! # What it costs
//!
//! A slot is a 64-bit word beside a value of the caller's type. With a value of 56 bytes a slot is exactly one
//! cache line of 64 bytes, and handing over a one-slot message moves exactly that line from core to core: the
//! consumer polls the word in the line that holds the data, so there is no index to fetch first. A ring of 4,096
//! such slots is 256 KiB. One line crosses between cores in 50 to 150 ns; the instructions around it are about 2 ns.
//!
//! Measured beside the queues people use, in one run of the bench `ring` (2026-11-21, two cores of an AMD EPYC guest,
//! family 26; a message of 56 bytes every microsecond, quiet rounds only):
//!
//! | | p50, ns | p90 | p99 | flat out, ns a message |
//! | --- | --- | --- | --- | --- |
//! | this ring | 45 | 65 | 260 | 8.4 |
//! | `rtrb` | 70 | 86 | 235 | 18.4 |
//! | `crossbeam` `ArrayQueue` | 80 | 115 | 430 | 49 |
//! | `crossbeam` channel, bounded | 85 | 116 | 400 | 58 |
//! | one word in one line, nothing else | 70 | 94 | 220 | - |
//!
//! # How it works
//!
//! In pseudo-code, the simple version is:
//!
//! ```text
//! push:  if tail - head == capacity: full         next:  if head == tail: nothing yet
//!        slots[tail] = value; tail += 1                   take slots[head]; head += 1
//! ```
//!
//! where each side reads the other's counter every time, and so moves three lines per message. This ring differs:
//!
//! 1. *No shared tail.* Each slot's word carries the position it was written for, and the number of slots of the
//!    message that starts there. The consumer knows the position it waits for, so the word alone says "ready".
//! 2. *One store publishes a message.* [`Batch`] writes slots two and up first, and the first slot last: a message
//!    of any number of slots becomes visible by one release-store, whole or not at all.
//! 3. *A rarely shared head.* The consumer publishes its position once per quarter of the ring (and when it runs
//!    dry); the producer keeps a copy and looks again only when the copy says the ring is full.
//!
//! Every slot's word is written anew in each lap, in slots two and up with length 0, so that a word left from an
//! earlier lap can never be taken for a fresh one.
//!
//! # Example
//!
//! ```
//! let (mut producer, mut consumer) = touchline_ring::channel::<u32>(8);
//! producer.push(1)?;
//! let mut batch = producer.batch();
//! batch.push(20)?;
//! batch.push(30)?;
//! batch.commit(10)?;
//!
//! assert_eq!(consumer.next().map(|message| *message.first()), Some(1));
//! let message = consumer.next().expect("the batch was committed");
//! assert_eq!(message.first(), &10);
//! assert!(message.rest().eq(&[20, 30]));
//! # Ok::<(), touchline_ring::Full<u32>>(())
//! ```
//!
//! # Proof
//!
//! Every ordering stands under a name in `ordering.rs` with its partner. The loom models try all interleavings and
//! all values that the memory model lets a load return, within four preemptions, and show for each name that
//! weakening it alone makes a model fail. It takes some seconds; without a bound, which `LOOM_MAX_PREEMPTIONS`
//! raises, about two minutes.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p touchline-ring --release --test loom
//! ```

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod consumer;
#[cfg(not(loom))]
#[allow(unreachable_pub, reason = "public only for the models")]
mod ordering;
#[cfg(loom)]
pub mod ordering;
mod producer;
mod slot;
mod sync;

pub use consumer::{Consumer, Message, Rest};
pub use producer::{Batch, Full, Producer};

use slot::{Ends, Slot};
use std::sync::Arc;

/// The largest number of slots a ring can have: positions are told apart by their low 32 bits.
pub const CAPACITY_MAX: usize = 1 << 31;

/// Makes a ring and gives out its two ends.
///
/// `capacity` is in slots; it is raised to the next power of two, at least 1 and at most [`CAPACITY_MAX`]. All
/// memory the ring will ever use is taken here: one slot is 8 bytes more than a `T`, rounded up to whole cache
/// lines of 64 bytes.
pub fn channel<T: Copy + Send>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let capacity = capacity.clamp(1, CAPACITY_MAX).next_power_of_two();
    let slots: Arc<[Slot<T>]> = (0..capacity).map(|_| Slot::new()).collect();
    let ends = Arc::new(Ends::new());
    (Producer::new(Arc::clone(&slots), Arc::clone(&ends)), Consumer::new(slots, ends))
}
