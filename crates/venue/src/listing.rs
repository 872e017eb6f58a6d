//! The instruments of one venue in a running feed: symbol to number, and each one's scales.

use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use touchline_market::{Channel, Instrument, InstrumentId, rescale_price, rescale_qty};

/// Most instruments a listing adopts from data: a hostile stream of new symbols must not fill the memory.
pub const SYMBOLS_MAX: usize = 10_000;

/// Longest symbol that is looked up, in bytes.
const SYMBOL_LENGTH_MAX: usize = 64;

/// What to do with a symbol that is not listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Adopt {
    /// Its messages are ignored as not subscribed.
    Never,
    /// It becomes a provisional instrument, up to [`SYMBOLS_MAX`].
    Provisional,
}

/// A listed instrument, as a parser needs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    /// Its number.
    pub id: InstrumentId,
    /// Decimals of its prices.
    pub price_scale: u8,
    /// Decimals of its quantities.
    pub qty_scale: u8,
    channels: u8,
}

impl Found {
    /// Does anybody want this channel of the instrument?
    #[inline(always)]
    #[must_use]
    pub fn wants(self, channel: Channel) -> bool {
        self.channels & bit(channel) != 0
    }
}

/// The same text? Symbols of 8 to 16 bytes, most of them, are compared in two words instead of a call.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let ends = |text: &[u8]| {
        Some((u64::from_le_bytes(*text.first_chunk()?), u64::from_le_bytes(*text.last_chunk()?)))
    };
    let short = |text: &[u8]| {
        Some((u32::from_le_bytes(*text.first_chunk()?), u32::from_le_bytes(*text.last_chunk()?)))
    };
    match a.len() {
        8..=16 => ends(a) == ends(b),
        4..=7 => short(a) == short(b),
        _ => a == b,
    }
}

/// The instruments of one venue: found by the venue's symbol, numbered densely from a first number.
#[derive(Clone, Debug)]
pub struct Listing {
    first: u32,
    adopt: Adopt,
    provisional: fn(&str) -> Instrument,
    by_symbol: FxHashMap<Box<str>, u32>,
    entries: Vec<Entry>,
    recent: usize,
    version: u64,
}

/// A number that no state of any listing had before.
fn new_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1 // Only that it is another one matters.
}

#[derive(Clone, Debug)]
struct Entry {
    instrument: Instrument,
    channels: u8,
}

fn bit(channel: Channel) -> u8 {
    1 << channel as u8
}

/// Every channel.
const ALL_CHANNELS: u8 = u8::MAX;

impl Listing {
    /// An empty listing whose instruments are numbered from `first`. `provisional` makes an instrument of a symbol
    /// ([`Venue::provisional`](crate::Venue::provisional)).
    #[must_use]
    pub fn new(first: InstrumentId, adopt: Adopt, provisional: fn(&str) -> Instrument) -> Self {
        Self {
            first: first.0,
            adopt,
            provisional,
            by_symbol: FxHashMap::default(),
            entries: Vec::new(),
            recent: 0,
            version: new_version(),
        }
    }

    /// Adds an instrument with every channel wanted, or replaces the one of its symbol (it keeps its number).
    pub fn insert(&mut self, instrument: Instrument) -> InstrumentId {
        self.version = new_version();
        if let Some(&index) = self.by_symbol.get(instrument.symbol.as_str()) {
            if let Some(entry) = self.entries.get_mut(index as usize) {
                entry.instrument = instrument;
            }
            return InstrumentId(self.first + index);
        }
        let index = self.entries.len() as u32;
        self.by_symbol.insert(instrument.symbol.as_str().into(), index);
        self.entries.push(Entry { instrument, channels: ALL_CHANNELS });
        InstrumentId(self.first + index)
    }

    /// From now on an unknown symbol is treated as `adopt` says.
    pub fn set_adopt(&mut self, adopt: Adopt) {
        self.adopt = adopt;
    }

    /// Wants exactly these channels of an instrument.
    pub fn set_channels(&mut self, id: InstrumentId, channels: &[Channel]) {
        self.version = new_version();
        if let Some(entry) = self.index(id).and_then(|index| self.entries.get_mut(index)) {
            entry.channels = channels.iter().fold(0, |bits, &channel| bits | bit(channel));
        }
    }

    /// The instrument of a symbol, adopted if it is unknown and may be.
    #[inline]
    pub fn find(&mut self, symbol: &str) -> Option<Found> {
        // Messages of one instrument come in runs: the last one found is looked at first.
        let matches = |entry: &Entry| same(entry.instrument.symbol.as_bytes(), symbol.as_bytes());
        if !self.entries.get(self.recent).is_some_and(matches) {
            self.recent = self.look_up(symbol)?;
        }
        self.found(self.recent)
    }

    /// As [`find`](Self::find), and adopts nothing: for messages that name instruments which nobody asked for.
    pub(crate) fn find_listed(&self, symbol: &str) -> Option<Found> {
        self.by_symbol.get(symbol).and_then(|&index| self.found(index as usize))
    }

    /// Which state of which listing this is: while it is the same number, so is everything that was found.
    #[inline(always)]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The instrument of this number, if its symbol is this.
    pub(crate) fn at(&self, id: InstrumentId, symbol: &[u8]) -> Option<Found> {
        let index = self.index(id)?;
        let entry = self.entries.get(index)?;
        if same(entry.instrument.symbol.as_bytes(), symbol) { self.found(index) } else { None }
    }

    /// As [`find`](Self::find), for a symbol in lower case of a venue whose symbols are in upper case.
    #[inline]
    pub fn find_lower(&mut self, symbol: &str) -> Option<Found> {
        let mut upper = [0; SYMBOL_LENGTH_MAX];
        let upper = upper.get_mut(..symbol.len())?;
        upper.copy_from_slice(symbol.as_bytes());
        upper.make_ascii_uppercase();
        std::str::from_utf8(upper).ok().and_then(|symbol| self.find(symbol))
    }

    /// Takes over the scales of a message that needed finer ones; a scale never narrows. Tick and lot keep their value.
    ///
    /// A listed instrument's scales widen too: the venue's tick is what new orders keep to, and old ones may be finer.
    #[cold]
    pub(crate) fn widen(&mut self, found: Found) {
        self.version = new_version();
        let Some(index) = self.index(found.id) else { return };
        let Some(Entry { instrument, .. }) = self.entries.get_mut(index) else { return };
        let price_scale = found.price_scale.max(instrument.price_scale);
        let qty_scale = found.qty_scale.max(instrument.qty_scale);
        let tick = |tick| rescale_price(tick, instrument.price_scale, price_scale).ok();
        let lot = |lot| rescale_qty(lot, instrument.qty_scale, qty_scale).ok();
        (instrument.tick_size, instrument.lot_size) =
            (instrument.tick_size.and_then(tick), instrument.lot_size.and_then(lot));
        (instrument.price_scale, instrument.qty_scale) = (price_scale, qty_scale);
    }

    /// The instruments, in the order of their numbers.
    pub fn instruments(&self) -> impl ExactSizeIterator<Item = (InstrumentId, &Instrument)> {
        let number = |index| InstrumentId(self.first + index as u32);
        self.entries.iter().enumerate().map(move |(index, entry)| (number(index), &entry.instrument))
    }

    /// The instrument of a number.
    #[must_use]
    pub fn get(&self, id: InstrumentId) -> Option<&Instrument> {
        self.entries.get(self.index(id)?).map(|entry| &entry.instrument)
    }

    #[inline(always)]
    fn found(&self, index: usize) -> Option<Found> {
        let Entry { instrument, channels } = self.entries.get(index)?;
        Some(Found {
            id: InstrumentId(self.first + index as u32),
            price_scale: instrument.price_scale,
            qty_scale: instrument.qty_scale,
            channels: *channels,
        })
    }

    fn index(&self, id: InstrumentId) -> Option<usize> {
        id.0.checked_sub(self.first).map(|index| index as usize)
    }

    #[cold]
    fn look_up(&mut self, symbol: &str) -> Option<usize> {
        if let Some(&index) = self.by_symbol.get(symbol) {
            return Some(index as usize);
        }
        let room =
            self.entries.len() < SYMBOLS_MAX && symbol.len() <= SYMBOL_LENGTH_MAX && !symbol.is_empty();
        if self.adopt == Adopt::Never || !room {
            return None;
        }
        let id = self.insert((self.provisional)(symbol));
        self.index(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::{InstrumentKind, Price, Qty, Venue};

    fn spot(symbol: &str) -> Instrument {
        Instrument::provisional(Venue::literal("test"), symbol, symbol, InstrumentKind::Spot)
    }

    /// Symbols are found again under their numbers, in either case; unknown ones only where they may be adopted.
    #[test]
    fn symbols_are_numbered_as_they_come() {
        let mut listing = Listing::new(InstrumentId(5), Adopt::Never, spot);
        assert_eq!(listing.insert(spot("AB")), InstrumentId(5));
        assert_eq!(listing.find("AB").map(|found| found.id), Some(InstrumentId(5)));
        assert_eq!(listing.find_lower("ab").map(|found| found.id), Some(InstrumentId(5)));
        assert_eq!(listing.find("CD"), None);
        listing.set_adopt(Adopt::Provisional);
        assert_eq!(listing.find("CD").map(|found| found.id), Some(InstrumentId(6)));
        assert_eq!(listing.find("AB").map(|found| found.id), Some(InstrumentId(5)));
        let at = |symbol: &str| listing.at(InstrumentId(5), symbol.as_bytes()).map(|found| found.id);
        assert_eq!((at("AB"), at("CD")), (Some(InstrumentId(5)), None));
        assert_eq!(listing.at(InstrumentId(7), b"AB"), None);
        assert_eq!(listing.find(""), None);
        assert_eq!(listing.find(&"X".repeat(65)), None);
        assert_eq!(listing.find_lower(&"x".repeat(65)), None);
    }

    /// A hostile stream of new symbols stops being adopted at the limit.
    #[test]
    fn adoption_is_bounded() {
        let mut listing = Listing::new(InstrumentId(0), Adopt::Provisional, spot);
        let found = (0..SYMBOLS_MAX + 5).filter(|i| listing.find(&i.to_string()).is_some()).count();
        assert_eq!(found, SYMBOLS_MAX);
    }

    /// Scales widen and never narrow; tick and lot keep their value.
    #[test]
    fn scales_widen_without_changing_a_value() {
        let mut listing = Listing::new(InstrumentId(0), Adopt::Never, spot);
        let (tick_size, lot_size) = (Some(Price(5)), Some(Qty(1)));
        let listed = Instrument { provisional: false, price_scale: 1, tick_size, lot_size, ..spot("CD") };
        let id = listing.insert(listed);
        let found = listing.find("CD").unwrap();
        listing.widen(Found { price_scale: 3, qty_scale: 2, ..found });
        listing.widen(Found { price_scale: 2, qty_scale: 0, ..found });
        assert_eq!(listing.find("CD"), Some(Found { price_scale: 3, qty_scale: 2, ..found }));
        let widened = listing.get(id).unwrap();
        assert_eq!((widened.tick_size, widened.lot_size), (Some(Price(500)), Some(Qty(100))));
    }

    /// A channel nobody wants is not wanted; the others are.
    #[test]
    fn channels_are_wanted_one_by_one() {
        let mut listing = Listing::new(InstrumentId(0), Adopt::Never, spot);
        let id = listing.insert(spot("AB"));
        assert!(listing.find("AB").unwrap().wants(Channel::Trade));
        listing.set_channels(id, &[Channel::Book]);
        let found = listing.find("AB").unwrap();
        assert!(found.wants(Channel::Book) && !found.wants(Channel::Trade));
    }

    /// The comparison by words is the comparison of texts: over every length, with a difference at every place.
    #[test]
    fn symbols_are_compared_as_texts() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).map(|i| b'A' + i as u8 % 26).collect();
            assert!(same(&text, &text.clone()));
            assert!(!same(&text, &[text.as_slice(), b"A"].concat()));
            for place in 0..length {
                let mut other = text.clone();
                other[place] ^= 1;
                assert!(!same(&text, &other), "length {length}, place {place}");
            }
        }
    }
}
