//! Where atomics come from: `core` normally, loom's instrumented ones under `cfg(loom)`.
//!
//! `Arc` is the standard one in both: it keeps the memory alive and takes no part in the protocols.

#[cfg(not(loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicU64, Ordering, fence},
};
#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicU64, Ordering, fence},
};

use Ordering::Relaxed;

/// Copies `from` into shared words, one by one: order between them comes from the fences around.
#[inline(always)]
pub(crate) fn store_words<const N: usize>(to: &[AtomicU64; N], from: &[u64; N]) {
    for (word, &value) in to.iter().zip(from) {
        word.store(value, Relaxed);
    }
}

/// Copies shared words out, one by one: order between them comes from the fences around.
#[inline(always)]
pub(crate) fn load_words<const N: usize>(from: &[AtomicU64; N], to: &mut [u64; N]) {
    for (value, word) in to.iter_mut().zip(from) {
        *value = word.load(Relaxed);
    }
}

/// Shared words with the given values.
pub(crate) fn new_words<const N: usize>(values: &[u64; N]) -> [AtomicU64; N] {
    values.map(AtomicU64::new)
}
