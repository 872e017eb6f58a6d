//! The unit that travels: seven words.

/// Words of a [`Record`]: with the ring's sequence word, one cache line.
pub const RECORD_WORDS: usize = 7;

/// Seven words of an update: its head, or part of its body. What they mean is said by [`Head`](crate::Head),
/// [`Levels`](crate::Levels), [`Bbo`](crate::Bbo), [`Trade`](crate::Trade) and [`Ticker`](crate::Ticker).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Record(pub [u64; RECORD_WORDS]);

const _: () = assert!(size_of::<Record>() == 56, "a record and its sequence word fill one cache line");
