//! How a venue's book messages follow one another: the parameter that a venue hands to the book.

/// The five families of sequence rules. A parser has already normalised each message to two numbers: the sequence it
/// follows ([`Head::previous`](crate::Head::previous)) and the sequence it brings the book to
/// ([`Head::sequence`](crate::Head::sequence)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Continuity {
    /// Each message covers a range of sequences; `previous` is the first of the range less one. A range may overlap
    /// what is known (quantities are absolute), but may leave nothing out.
    Range,
    /// Each message names the message it follows; numbers may jump in between.
    Predecessor,
    /// One counter, plus one with each message of the instrument.
    Counter,
    /// One counter for all messages of a connection: judged there, and a break reaches the book as an update.
    Connection,
    /// Nothing to check.
    Unchecked,
}

/// How a venue computes the checksum that it sends beside its book: the recipe that it hands to the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checksum {
    /// It sends none.
    None,
    /// CRC-32 (IEEE) over the ten best asks, then the ten best bids, best first: of each the digits of the price, then
    /// of the quantity, as sent, without point and leading zeros.
    DigitsOfTen,
}

/// Whether a venue's own rules let a book cross.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Crossing {
    /// Best bid above best ask means that the book is wrong.
    Judged,
    /// Crossed books are the venue's protocol: flagged, not judged.
    Allowed,
}
