//! A venue's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest venue name in bytes.
const LENGTH_MAX: usize = 23;

/// A venue: one per protocol and product line, named in lower case: `binance`, `binance-usdm`, `kraken`.
///
/// The name is held inline, so that a venue is a plain value; the list of venues that Touchline speaks is in crate
/// `venue`.
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Venue {
    bytes: [u8; LENGTH_MAX],
    length: u8,
}

/// A text is no venue name: write 1 to 23 characters of `a-z`, `0-9` and `-`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a venue name has 1 to 23 characters out of a-z, 0-9 and '-'")]
pub struct VenueError;

impl Venue {
    /// A name known to be good when the program is written; a bad one does not compile when used in a constant.
    ///
    /// # Panics
    /// If `name` is no venue name.
    #[must_use]
    #[allow(clippy::panic, reason = "meant for constants, where the panic is a compile error")]
    pub const fn literal(name: &str) -> Self {
        match Self::from_bytes(name.as_bytes()) {
            Some(venue) => venue,
            None => panic!("a venue name has 1 to 23 characters out of a-z, 0-9 and '-'"),
        }
    }

    #[allow(clippy::indexing_slicing, reason = "bounded by the loop; `const fn` has no iterators")]
    const fn from_bytes(name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > LENGTH_MAX {
            return None;
        }
        let mut bytes = [0; LENGTH_MAX];
        let mut i = 0;
        while i < name.len() {
            if !matches!(name[i], b'a'..=b'z' | b'0'..=b'9' | b'-') {
                return None;
            }
            bytes[i] = name[i];
            i += 1;
        }
        Some(Self { bytes, length: name.len() as u8 })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.length))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl FromStr for Venue {
    type Err = VenueError;

    fn from_str(name: &str) -> Result<Self, VenueError> {
        Self::from_bytes(name.as_bytes()).ok_or(VenueError)
    }
}

impl TryFrom<String> for Venue {
    type Error = VenueError;

    fn try_from(name: String) -> Result<Self, VenueError> {
        name.parse()
    }
}

impl From<Venue> for String {
    fn from(venue: Venue) -> Self {
        venue.as_str().to_owned()
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good names come back as they were; bad ones are refused.
    #[test]
    fn names_are_checked() {
        assert_eq!("binance-usdm".parse::<Venue>().unwrap().as_str(), "binance-usdm");
        for bad in ["", "Binance", "a b", "x_y", "abcdefghijklmnopqrstuvwxyz"] {
            assert_eq!(bad.parse::<Venue>(), Err(VenueError), "{bad}");
        }
    }
}
