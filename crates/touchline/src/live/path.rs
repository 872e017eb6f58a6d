//! Several connections that bring the same book, and what a book that they bring is called.

use touchline_market::{Continuity, Flags};
use touchline_venue::VenueFacts;

/// Most paths to one book.
pub(crate) const PATHS_MAX: usize = 4;

const _: () = assert!(PATHS_MAX <= Flags::PATHS_MAX as usize, "every path has a number in a message's flags");

/// One of the connections that bring the same books, from 0; the first also brings all that is not a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Path {
    number: u8,
    of: u8,
}

/// Is what several paths bring of this venue one book? Only where the venue's numbers say which message is which;
/// otherwise each path has a book of its own.
pub(crate) fn is_merged(venue: &VenueFacts) -> bool {
    match venue.continuity {
        Continuity::Range | Continuity::Predecessor | Continuity::Counter => true,
        Continuity::Connection | Continuity::Unchecked => false,
    }
}

impl Path {
    /// All of so many, at least one.
    pub(crate) fn all(of: u8) -> impl Iterator<Item = Self> {
        (0..of.max(1)).map(move |number| Self { number, of: of.max(1) })
    }

    /// Its place among them.
    #[inline]
    pub(crate) fn number(self) -> u8 {
        self.number
    }

    /// Is it the one that brings all that is not a book?
    pub(crate) fn is_first(self) -> bool {
        self.number == 0
    }

    /// What the book that this path brings of an instrument is called where it needs a snapshot: a number of its own
    /// where each path has a book of its own, that of the first path where they have one together.
    pub(crate) fn key(self, id: u32, venue: &VenueFacts) -> u32 {
        let number = if is_merged(venue) { 0 } else { self.number };
        id * u32::from(self.of) + u32::from(number)
    }

    /// The instrument and the path of a key, where there are so many paths.
    pub(crate) fn of_key(key: u32, of: u8) -> (u32, Self) {
        let paths = u32::from(of.max(1));
        (key / paths, Self { number: (key % paths) as u8, of: of.max(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where paths have books of their own every one has a key of its own, dense, and the way back from it; where they have
    /// one together it has the first path's.
    #[test]
    fn keys_are_dense_and_lead_back() {
        let mut venue = *touchline_venue::find("binance").unwrap();
        for of in 1..=4 {
            let all: Vec<_> = (0..5).flat_map(|id| Path::all(of).map(move |path| (id, path))).collect();
            venue.continuity = Continuity::Unchecked;
            let keys: Vec<_> = all.iter().map(|(id, path)| path.key(*id, &venue)).collect();
            assert_eq!(keys, (0..5 * u32::from(of)).collect::<Vec<_>>());
            assert!(all.iter().all(|&(id, path)| Path::of_key(path.key(id, &venue), of) == (id, path)));
            venue.continuity = Continuity::Range;
            let keys: Vec<_> = all.iter().map(|(id, path)| path.key(*id, &venue)).collect();
            assert!(keys.iter().zip(&all).all(|(key, (id, _))| *key == id * u32::from(of)));
        }
        assert_eq!(Path::all(0).count(), 1);
    }
}
