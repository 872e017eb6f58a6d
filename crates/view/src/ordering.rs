//! Every memory ordering of the cells, by name. A load or store that is not named here is relaxed.
//!
//! In normal builds a site is a constant. Under `cfg(loom)` one site at a time can be weakened (a load or store to
//! relaxed, a fence to none), and the models show that each of them is needed.

use crate::sync::{
    Ordering::{self, Acquire, Release},
    fence,
};

/// A place in a protocol where one thread orders its memory accesses for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub enum Site {
    /// (A) of a line: the writer's fence between the odd version and the words; pairs with (B).
    LineBegin = 1,
    /// (B) of a line: the reader's fence between the words and the second look at the version; pairs with (A).
    LineCheck,
    /// (C) of a line: the writer's store of the even version after the words; pairs with (D).
    LinePublish,
    /// (D) of a line: the reader's first look at the version; pairs with (C).
    LineLook,
    /// (A) of a block: the writer's fence between a slot's new sequence and its words; pairs with (B).
    BlockBegin,
    /// (B) of a block: the reader's fence between the words and the slot's sequence; pairs with (A).
    BlockCheck,
    /// (C) of a block: the writer's store of the latest sequence after the words; pairs with (D).
    BlockPublish,
    /// (D) of a block: the reader's load of the latest sequence; pairs with (C).
    BlockLook,
}

impl Site {
    /// All sites.
    #[cfg(loom)]
    pub const ALL: [Self; 8] = [
        Self::LineBegin,
        Self::LineCheck,
        Self::LinePublish,
        Self::LineLook,
        Self::BlockBegin,
        Self::BlockCheck,
        Self::BlockPublish,
        Self::BlockLook,
    ];

    /// The ordering the protocol needs at this site.
    const fn needed(self) -> Ordering {
        match self {
            Self::LineBegin | Self::LinePublish | Self::BlockBegin | Self::BlockPublish => Release,
            Self::LineCheck | Self::LineLook | Self::BlockCheck | Self::BlockLook => Acquire,
        }
    }

    /// The ordering in force for the load or store at this site.
    #[inline(always)]
    pub(crate) fn order(self) -> Ordering {
        if self.is_weak() { Ordering::Relaxed } else { self.needed() }
    }

    /// The fence at this site.
    #[inline(always)]
    pub(crate) fn fence(self) {
        if !self.is_weak() {
            fence(self.needed());
        }
    }

    #[cfg(not(loom))]
    #[inline(always)]
    const fn is_weak(self) -> bool {
        false
    }

    #[cfg(loom)]
    fn is_weak(self) -> bool {
        WEAKENED.load(Ordering::SeqCst) == self as usize
    }
}

/// The site that is weakened at present, as its number; 0 for none.
#[cfg(loom)]
static WEAKENED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Weakens one site, for the whole process, or none.
#[cfg(loom)]
pub fn weaken(site: Option<Site>) {
    WEAKENED.store(site.map_or(0, |site| site as usize), Ordering::SeqCst);
}
