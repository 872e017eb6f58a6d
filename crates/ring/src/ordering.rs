//! Every memory ordering of the ring, by name. A load or store that is not named here is relaxed.
//!
//! In normal builds a site is a constant. Under `cfg(loom)` one site at a time can be weakened to relaxed, and
//! the models show that each of them is needed.

use crate::sync::Ordering::{self, Acquire, Release};

/// A place in the protocol where one thread orders its memory accesses for the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub enum Site {
    /// (A) The producer's store of a message's first word; pairs with (B). Whoever sees the word sees the value of
    /// its slot, and every other slot of the message.
    Publish = 1,
    /// (B) The consumer's load of the word it waits for; pairs with (A).
    Poll,
    /// (C) The consumer's store of its position; pairs with (D). Whoever sees the position knows that the slots
    /// before it have been read for the last time.
    Free,
    /// (D) The producer's load of the consumer's position; pairs with (C).
    SeeFree,
    /// (E) The producer's parting flag; pairs with (F). Whoever sees it sees every message there will ever be.
    Part,
    /// (F) The consumer's load of the parting flag; pairs with (E).
    SeeParted,
}

impl Site {
    /// All sites.
    #[cfg(loom)]
    pub const ALL: [Self; 6] =
        [Self::Publish, Self::Poll, Self::Free, Self::SeeFree, Self::Part, Self::SeeParted];

    /// The ordering the protocol needs at this site.
    const fn needed(self) -> Ordering {
        match self {
            Self::Publish | Self::Free | Self::Part => Release,
            Self::Poll | Self::SeeFree | Self::SeeParted => Acquire,
        }
    }

    /// The ordering in force at this site.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) const fn order(self) -> Ordering {
        self.needed()
    }

    /// The ordering in force at this site: the needed one, unless [`weaken`] has named it.
    #[cfg(loom)]
    pub(crate) fn order(self) -> Ordering {
        let weak = WEAKENED.load(Ordering::SeqCst) == self as usize;
        if weak { Ordering::Relaxed } else { self.needed() }
    }
}

/// The site that is weakened at present, as its number; 0 for none.
#[cfg(loom)]
static WEAKENED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Makes one site relaxed, for the whole process, or none.
#[cfg(loom)]
pub fn weaken(site: Option<Site>) {
    WEAKENED.store(site.map_or(0, |site| site as usize), Ordering::SeqCst);
}
