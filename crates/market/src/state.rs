//! What a book is worth.

use std::fmt;

/// Why a book cannot be trusted. The numbers are stable: they are part of views and of foreign interfaces.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Reason {
    /// The connection is down.
    Disconnected = 1,
    /// The stream is silent beyond its bound.
    Stalled = 2,
    /// Updates were lost.
    Gap = 3,
    /// Our levels do not have the venue's checksum.
    Checksum = 4,
    /// Best bid above best ask.
    Crossed = 5,
    /// A message of this book could not be read.
    BadMessage = 6,
    /// Our own ring or buffer was full.
    Overrun = 7,
    /// The venue began its sequence anew.
    Reset = 8,
    /// No usable snapshot yet.
    SnapshotLate = 9,
    /// The venue refused the subscription.
    SubscriptionRejected = 10,
    /// The venue's limits make us wait.
    RateLimited = 11,
    /// The venue refuses us.
    Blocked = 12,
    /// The thread that writes the view is gone.
    WriterDead = 13,
    /// A thread of ours panicked.
    Panic = 14,
    /// The configuration names something impossible.
    Config = 15,
    /// The view changed faster than it could be read: only a read says so, never a book.
    Busy = 16,
}

impl Reason {
    /// Every reason, in the order of its number.
    pub const ALL: [Self; 16] = [
        Self::Disconnected,
        Self::Stalled,
        Self::Gap,
        Self::Checksum,
        Self::Crossed,
        Self::BadMessage,
        Self::Overrun,
        Self::Reset,
        Self::SnapshotLate,
        Self::SubscriptionRejected,
        Self::RateLimited,
        Self::Blocked,
        Self::WriterDead,
        Self::Panic,
        Self::Config,
        Self::Busy,
    ];

    /// The reason of a stable number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The reason in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Stalled => "stalled",
            Self::Gap => "gap",
            Self::Checksum => "checksum",
            Self::Crossed => "crossed",
            Self::BadMessage => "bad message",
            Self::Overrun => "overrun",
            Self::Reset => "reset",
            Self::SnapshotLate => "snapshot late",
            Self::SubscriptionRejected => "subscription rejected",
            Self::RateLimited => "rate limited",
            Self::Blocked => "blocked",
            Self::WriterDead => "writer dead",
            Self::Panic => "panic",
            Self::Config => "config",
            Self::Busy => "busy",
        }
    }
}

/// A book's state. Only `Live` may be traded on.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum State {
    /// Nothing has come yet.
    #[default]
    Init,
    /// The first snapshot is on its way.
    Syncing,
    /// Every update since the snapshot was seen in order, and nothing speaks against the book.
    Live,
    /// The levels are old or doubtful; a resync is under way.
    Stale(Reason),
    /// The levels are of no use and nothing will mend them without a person.
    Dead(Reason),
}

impl State {
    /// The state as two bytes: the state's number and the reason's (0: none).
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 2] {
        match self {
            Self::Init => [0, 0],
            Self::Syncing => [1, 0],
            Self::Live => [2, 0],
            Self::Stale(reason) => [3, reason as u8],
            Self::Dead(reason) => [4, reason as u8],
        }
    }

    /// The state of two bytes; `None` for any other pair.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 2]) -> Option<Self> {
        match bytes {
            [0, 0] => Some(Self::Init),
            [1, 0] => Some(Self::Syncing),
            [2, 0] => Some(Self::Live),
            [3, reason] => Reason::from_number(reason).map(Self::Stale),
            [4, reason] => Reason::from_number(reason).map(Self::Dead),
            _ => None,
        }
    }

    /// May this book be traded on?
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init => f.write_str("INIT"),
            Self::Syncing => f.write_str("SYNCING"),
            Self::Live => f.write_str("LIVE"),
            Self::Stale(reason) => write!(f, "STALE({})", reason.name()),
            Self::Dead(reason) => write!(f, "DEAD({})", reason.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state survives the way through its two bytes, and no other pair is a state.
    #[test]
    fn states_survive_their_bytes() {
        let mut states = vec![State::Init, State::Syncing, State::Live];
        for reason in Reason::ALL {
            states.extend([State::Stale(reason), State::Dead(reason)]);
        }
        for &state in &states {
            assert_eq!(State::from_bytes(state.to_bytes()), Some(state));
        }
        let all = (0..=u8::MAX).flat_map(|a| (0..=u8::MAX).map(move |b| [a, b]));
        assert_eq!(all.filter(|&bytes| State::from_bytes(bytes).is_some()).count(), states.len());
    }
}
