//! The list of venues, and one type for whichever of them a connection speaks.

use touchline_market::{Channel, Checksum, Continuity, Crossing, Instrument, InstrumentId};

use crate::venue::{host, path};
use crate::{Access, Adopt, Dialect, InstrumentsError, Listing, Texts, Venue};

/// What there is to know of a venue without a connection.
#[derive(Clone, Copy, Debug)]
pub struct VenueFacts {
    /// The name users write before the colon.
    pub name: touchline_market::Venue,
    /// The name people say.
    pub title: &'static str,
    /// The venue's own documentation.
    pub docs: &'static str,
    /// Hosts of its sockets and REST interface, as [`Venue::HOSTS`].
    pub hosts: &'static [&'static str],
    /// What can be subscribed to.
    pub channels: &'static [Channel],
    /// How its book messages follow one another.
    pub continuity: Continuity,
    /// Whether its books may cross.
    pub crossing: Crossing,
    /// How it computes the checksum of its books.
    pub checksum: Checksum,
    /// Where it is, and its limits.
    pub access: Access,
    /// What is said to it beside the data.
    pub texts: Texts,
    /// Reads its list of instruments, as [`Venue::instruments`].
    pub instruments: fn(&[u8]) -> Result<Vec<Instrument>, InstrumentsError>,
    /// An instrument of which only the symbol is known, as [`Venue::provisional`].
    pub provisional: fn(&str) -> Instrument,
    /// The venue's own side of the wire, as [`Venue::exchange`].
    #[cfg(feature = "simulator")]
    pub exchange: fn() -> Option<Box<dyn crate::exchange::Exchange>>,
    make: fn() -> Dialect,
}

/// Which lost, doubled or swapped book messages a venue gives no means to notice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blind {
    /// None: what is missing shows.
    Nothing,
    /// Those that change only levels below the best so many: a checksum covers the others.
    Below(usize),
    /// All: nothing counts them, nothing sums them up.
    Everything,
}

impl VenueFacts {
    pub(crate) const fn of<V: Venue>(make: fn() -> Dialect) -> Self {
        Self {
            name: V::NAME,
            title: V::TITLE,
            docs: V::DOCS,
            hosts: V::HOSTS,
            channels: V::CHANNELS,
            continuity: V::CONTINUITY,
            crossing: V::CROSSING,
            checksum: V::CHECKSUM,
            access: V::ACCESS,
            texts: V::TEXTS,
            instruments: V::instruments,
            make,
            provisional: V::provisional,
            #[cfg(feature = "simulator")]
            exchange: V::exchange,
        }
    }

    /// A parser for one connection.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        (self.make)()
    }

    /// What may go wrong with a book message of this venue that nobody can see from here, given what it sends.
    #[must_use]
    pub fn blind(&self) -> Blind {
        match (self.continuity, self.checksum) {
            (Continuity::Unchecked, Checksum::None) => Blind::Everything,
            (Continuity::Unchecked, Checksum::DigitsOfTen) => Blind::Below(10),
            _ => Blind::Nothing,
        }
    }

    /// An empty listing of this venue.
    #[must_use]
    pub fn listing(&self, first: InstrumentId, adopt: Adopt) -> Listing {
        Listing::new(first, adopt, self.provisional)
    }
}

/// Every venue, in the order of the registry.
#[must_use]
pub fn all() -> &'static [VenueFacts] {
    crate::VENUES
}

/// The venue of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static VenueFacts> {
    all().iter().find(|facts| facts.name.as_str() == name)
}

/// The venue that owns the host of a URL, or the beginning of its path there where several share the host: of those
/// that match the longest.
#[must_use]
pub fn by_host_of(url: &str) -> Option<&'static VenueFacts> {
    let (host, path) = (host(url)?, path(url));
    let owns = |entry: &&&str| {
        let (owned, under) = entry.split_once('/').unwrap_or((entry, ""));
        let rest = path.trim_start_matches('/').strip_prefix(under);
        owned == host && rest.is_some_and(|rest| under.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    let longest = |facts: &VenueFacts| facts.hosts.iter().filter(owns).map(|entry| entry.len()).max();
    all()
        .iter()
        .filter_map(|facts| Some((longest(facts)?, facts)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, facts)| facts)
}

/// The venue with the longest name that `text` begins with, as a whole word: `binance-usdm-btcusdt-2024` is
/// `binance-usdm`'s.
#[must_use]
pub fn by_name_prefix(text: &str) -> Option<&'static VenueFacts> {
    let begins = |name: &str| {
        text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']))
    };
    all().iter().filter(|facts| begins(facts.name.as_str())).max_by_key(|facts| facts.name.as_str().len())
}

/// Makes [`Dialect`] and the registry: one line a venue.
macro_rules! venues {
    ($($variant:ident: $folder:ident),+ $(,)?) => {
        /// A connection's parser: whichever venue it speaks to. One branch a frame chooses; behind it everything is
        /// known when compiled.
        #[allow(clippy::large_enum_variant, reason = "one value per connection, made once")]
        pub enum Dialect {
            $(
                #[doc = concat!("The dialect in `", stringify!($folder), "`.")]
                $variant(<$folder::$variant as Venue>::Parser),
            )+
        }

        impl std::fmt::Debug for Dialect {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant(_) => stringify!($variant),)+ })
            }
        }

        pub(crate) static VENUES: &[VenueFacts] = &[
            $(VenueFacts::of::<$folder::$variant>(|| Dialect::$variant($folder::$variant::parser())),)+
        ];

        impl Dialect {
            /// As [`Parse::connected`].
            pub fn connected(&mut self, url: &str) {
                match self { $(Self::$variant(parser) => parser.connected(url),)+ }
            }

            /// As [`Parse::frame`].
            ///
            /// # Errors
            /// As [`Parse::frame`].
            #[inline]
            pub fn frame<S: touchline_market::Sink>(
                &mut self,
                frame: &[u8],
                listing: &mut Listing,
                sink: &mut S,
            ) -> Result<Parsed, Rejected> {
                match self { $(Self::$variant(parser) => parser.frame(frame, listing, sink),)+ }
            }

            /// As [`Parse::read_by`].
            pub fn read_by(&mut self, simd: touchline_json::shape::Simd) {
                match self { $(Self::$variant(parser) => parser.read_by(simd),)+ }
            }

            /// As [`Parse::shapes`].
            #[must_use]
            pub fn shapes(&self) -> touchline_json::shape::ShapeCounts {
                match self { $(Self::$variant(parser) => parser.shapes(),)+ }
            }

            /// As [`Venue::rest_kind`].
            #[must_use]
            pub fn rest_kind<'a>(&self, url: &'a str) -> Rest<'a> {
                match self { $(Self::$variant(_) => $folder::$variant::rest_kind(url),)+ }
            }

            /// As [`Parse::snapshot`].
            ///
            /// # Errors
            /// As [`Parse::snapshot`].
            pub fn snapshot<S: touchline_market::Sink>(
                &mut self,
                symbol: &str,
                body: &[u8],
                listing: &mut Listing,
                sink: &mut S,
            ) -> Result<Parsed, Rejected> {
                match self {
                    $(Self::$variant(parser) => parser.snapshot(symbol, body, listing, sink),)+
                }
            }

            /// As [`Venue::instruments`].
            ///
            /// # Errors
            /// As [`Venue::instruments`].
            pub fn instruments(
                &self,
                body: &[u8],
            ) -> Result<Vec<touchline_market::Instrument>, InstrumentsError> {
                match self { $(Self::$variant(_) => $folder::$variant::instruments(body),)+ }
            }
        }
    };
}
pub(crate) use venues;
