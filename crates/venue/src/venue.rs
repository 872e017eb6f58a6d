//! What a venue is: the two traits that a new exchange implements.

use touchline_json::shape::{ShapeCounts, Simd};
use touchline_market::{Channel, Checksum, Continuity, Crossing, Instrument, Sink};

use crate::{Access, Ignored, Listing, Parsed, Rejected, Texts};

/// What a venue is: facts, texts, its list of instruments.
pub trait Venue {
    /// What reads its frames.
    type Parser: Parse;

    /// The name users write before the colon.
    const NAME: touchline_market::Venue;
    /// The name people say.
    const TITLE: &'static str;
    /// The venue's own documentation.
    const DOCS: &'static str;
    /// Hosts of its sockets and REST interface: a recording is recognised by them. Where venues share a host, `host/path`
    /// is the one's whose paths begin so; a host that says nothing is left out.
    const HOSTS: &'static [&'static str];
    /// What can be subscribed to.
    const CHANNELS: &'static [Channel];
    /// How its book messages follow one another.
    const CONTINUITY: Continuity;
    /// Whether its books may cross.
    const CROSSING: Crossing = Crossing::Judged;
    /// How it computes the checksum of its books, if it sends one.
    const CHECKSUM: Checksum = Checksum::None;
    /// Where it is, and its limits.
    const ACCESS: Access;
    /// What is said to it beside the data.
    const TEXTS: Texts;

    /// A parser for one connection.
    fn parser() -> Self::Parser;

    /// What a REST response from `url` holds.
    fn rest_kind(url: &str) -> Rest<'_>;

    /// Reads the venue's list of instruments.
    ///
    /// # Errors
    /// [`InstrumentsError`]: the body is no such list. A single entry that cannot be used is left out.
    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError>;

    /// An instrument of which only the symbol is known.
    fn provisional(symbol: &str) -> Instrument;

    /// The venue's own side of the wire, for the simulator; `None` where it is not written.
    #[cfg(feature = "simulator")]
    #[must_use]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        None
    }
}

/// Reads what a venue sends. One value serves one connection and may keep state of it.
pub trait Parse {
    /// A connection was opened to `url`: everything known of an earlier one is forgotten.
    fn connected(&mut self, url: &str) {
        let _ = url;
    }

    /// Parses one frame: its updates go into `sink`, whole or not at all.
    ///
    /// # Errors
    /// [`Rejected`], with the instrument where it could be read. Nothing of the rejected message is in the sink;
    /// messages of the same frame before it are. A venue that counts its messages per connection says
    /// [`ParseError::Lost`](crate::ParseError::Lost) of the first frame after a hole: nothing of it was taken, and
    /// handed in again at once it is taken like any other.
    fn frame<S: Sink>(
        &mut self,
        frame: &[u8],
        listing: &mut Listing,
        sink: &mut S,
    ) -> Result<Parsed, Rejected>;

    /// From now on frames are read by their shape in this way, and no more by those learned before. Where a dialect learns
    /// none, nothing changes.
    fn read_by(&mut self, simd: Simd) {
        let _ = simd;
    }

    /// What became of frames that a learned shape was looked for: nothing where a dialect learns none.
    fn shapes(&self) -> ShapeCounts {
        ShapeCounts::default()
    }

    /// Parses a REST book snapshot of `symbol`. Where snapshots come in the stream there is none.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    fn snapshot<S: Sink>(
        &mut self,
        symbol: &str,
        body: &[u8],
        listing: &mut Listing,
        sink: &mut S,
    ) -> Result<Parsed, Rejected> {
        let _ = (symbol, body, listing, sink);
        Ok(Parsed::Ignored(Ignored::UnknownEvent))
    }
}

/// What a REST response holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rest<'a> {
    /// A book snapshot of this symbol.
    Snapshot {
        /// The venue's symbol, as in the URL.
        symbol: &'a str,
    },
    /// The list of instruments.
    Instruments,
    /// Something else.
    Other,
}

/// A list of instruments could not be read. Ask again, or go on with provisional instruments.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list of instruments could not be read: {0}")]
pub struct InstrumentsError(pub String);

/// The value of `key` in a URL's query.
pub(crate) fn query<'a>(url: &'a str, key: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))
        .map(|(_, value)| value)
}

/// The path of a URL: between host and query.
pub(crate) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("");
    path.split(['?', '#']).next().unwrap_or("")
}

/// The host of a URL, without its port.
pub(crate) fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#', ':']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a URL, by a table.
    #[test]
    fn urls_come_apart() {
        let url = "wss://stream.example.com:9443/stream?streams=a/b&x=1";
        assert_eq!(host(url), Some("stream.example.com"));
        assert_eq!(path(url), "/stream");
        assert_eq!(query(url, "streams"), Some("a/b"));
        assert_eq!(query(url, "x"), Some("1"));
        assert_eq!(query(url, "y"), None);
        assert_eq!(host("nonsense"), None);
        assert_eq!(path("nonsense"), "");
    }
}
