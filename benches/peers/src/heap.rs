//! The system's allocator, which counts while it is told to. Else it costs one load and a branch that is always
//! predicted, so that peers that allocate are not slowed down.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// The process's allocator.
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

/// What some work asked of the heap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Calls: taken, grown, given back.
    pub calls: u64,
    /// Bytes taken, less those given back.
    pub bytes: i64,
}

/// What `work` asks of the heap, and what it returns. One at a time, and nothing else may run meanwhile.
pub fn of<T>(work: impl FnOnce() -> T) -> (Asked, T) {
    let before = (CALLS.load(Relaxed), BYTES.load(Relaxed));
    COUNTS.store(true, Relaxed);
    let result = work();
    COUNTS.store(false, Relaxed);
    let asked = Asked { calls: CALLS.load(Relaxed) - before.0, bytes: BYTES.load(Relaxed) - before.1 };
    (asked, result)
}

#[inline(always)]
fn note(bytes: i64) {
    if COUNTS.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(bytes, Relaxed);
    }
}

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call goes to the system's allocator with the arguments it came with, and its result is handed back.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(-(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    /// Taken, grown and given back are three calls; what is kept is left in the bytes. (The only test of this crate
    /// that counts, since the counters are the process's; others may allocate meanwhile, so the count is a lower bound
    /// and is tried until nobody did.)
    #[test]
    fn calls_and_bytes_are_counted() {
        let counted = || {
            let (asked, kept) = of(|| {
                let mut bytes = black_box(Vec::<u8>::with_capacity(8));
                bytes.reserve_exact(64);
                drop(black_box(bytes));
                black_box(vec![0u8; 1_000])
            });
            assert_eq!(kept.len(), 1_000);
            asked
        };
        let expected = Asked { calls: 4, bytes: 1_000 };
        assert!((0..1_000).any(|_| counted() == expected), "{:?}", counted());
    }
}
