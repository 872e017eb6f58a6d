//! The fields of one event, picked out in a single pass whatever their order.
//!
//! Nearly every key is one letter, so a table gives each key its slot without a branch, and a slot keeps four bytes:
//! where on the tape the value stands. All slots together are two cache lines, cleared and filled in place.

use touchline_json::{Document, Place, Value};
use touchline_market::Nanos;

use crate::ParseError;

/// Slots of a message's fields; a power of two above the number of keys.
const SLOTS: usize = 32;

/// The slot of every key nobody reads.
const UNREAD: u8 = 0;

macro_rules! fields {
    ($($slot:literal $name:ident = $key:literal),+ $(,)?) => {
        /// The key of each slot.
        const KEYS: [&str; SLOTS] = {
            let mut keys = [""; SLOTS];
            $(keys[$slot] = $key;)+
            keys
        };

        /// A name here is the venue's key spelled out.
        impl<'d> Fields<'d> {
            $(
                #[inline(always)]
                pub(super) fn $name(&self) -> Field<'d> {
                    const { assert!($slot > UNREAD as usize && $slot < SLOTS) };
                    Field { name: $key, document: self.document, place: self.places[$slot] }
                }
            )+
        }

        /// The slot of a key of several letters: one in a depth message, none in most others.
        #[inline(never)]
        fn word(key: &str) -> u8 {
            match key {
                $($key => $slot,)+
                _ => UNREAD,
            }
        }
    };
}

fields! {
    1 event = "e",
    2 event_time = "E",
    3 match_time = "T",
    4 symbol = "s",
    5 first_id = "U",
    6 last_id = "u",
    7 bid = "b",
    8 bid_qty = "B",
    9 ask = "a",
    10 ask_qty = "A",
    11 price = "p",
    12 qty = "q",
    13 trade_id = "t",
    14 maker_buys = "m",
    15 execution = "X",
    16 last_price = "c",
    17 last_qty = "Q",
    18 open = "o",
    19 high = "h",
    20 low = "l",
    21 volume = "v",
    22 previous_id = "pu",
    23 product = "st",
    24 snapshot_id = "lastUpdateId",
    25 bids = "bids",
    26 asks = "asks",
    27 result = "result",
    28 id = "id",
    29 code = "code",
    30 error = "error",
}

/// The slot of each key of one letter.
#[allow(clippy::indexing_slicing, reason = "made when compiled, where a wrong index is an error")]
const LETTERS: [u8; 256] = {
    let mut slots = [UNREAD; 256];
    let mut slot = 1;
    while slot < SLOTS {
        if let [letter] = KEYS[slot].as_bytes() {
            slots[*letter as usize] = slot as u8;
        }
        slot += 1;
    }
    slots
};

/// A field of the message, there or not, with the venue's key for it.
#[derive(Clone, Copy)]
pub(super) struct Field<'d> {
    pub(super) name: &'static str,
    document: &'d Document<'d>,
    place: Option<Place>,
}

impl<'d> Field<'d> {
    /// Was it sent?
    #[inline(always)]
    pub(super) fn is_some(self) -> bool {
        self.place.is_some()
    }

    /// Its value, whatever that is.
    #[inline(always)]
    pub(super) fn value(self) -> Option<Value<'d>> {
        self.place.map(|place| self.document.at(place))
    }

    /// Its value; it must be there.
    #[inline(always)]
    pub(super) fn need(self) -> Result<Value<'d>, ParseError> {
        self.value().ok_or(ParseError::Missing(self.name))
    }

    /// As a field of any other venue: where speed does not matter.
    pub(super) fn plain(self) -> crate::fields::Field<'d> {
        crate::fields::Field { name: self.name, value: self.value() }
    }

    /// Its text, if it is a string.
    #[inline(always)]
    pub(super) fn text(self) -> Option<&'d str> {
        self.document.str_at(self.place?)
    }

    /// Its text; it must be there.
    #[inline(always)]
    pub(super) fn need_text(self) -> Result<&'d str, ParseError> {
        self.text().ok_or_else(|| self.lacking())
    }

    /// Its number; it must be there.
    #[inline(always)]
    pub(super) fn need_count(self) -> Result<u64, ParseError> {
        let count = self.place.and_then(|place| self.document.u64_at(place));
        count.ok_or_else(|| self.lacking())
    }

    /// Why a field cannot be used.
    #[cold]
    fn lacking(self) -> ParseError {
        if self.is_some() { ParseError::WrongType(self.name) } else { ParseError::Missing(self.name) }
    }
}

/// Where a message holds what.
pub(super) struct Fields<'d> {
    document: &'d Document<'d>,
    places: [Option<Place>; SLOTS],
    /// Slots of keys that stand there twice, a bit each. Which of two holds nobody can say: the last is kept.
    duplicates: u32,
}

impl<'d> Fields<'d> {
    /// No field yet.
    #[inline(always)]
    pub(super) fn none(document: &'d Document<'d>) -> Self {
        Self { document, places: [None; SLOTS], duplicates: 0 }
    }

    /// Takes in the fields of an object of the document; unknown ones are passed over.
    #[inline(always)]
    pub(super) fn fill(&mut self, object: Value<'d>) -> Result<(), ParseError> {
        let fields = object.object().ok_or(ParseError::Shape)?;
        // As many slots are seen as keys were read, or some key stands there twice.
        let (mut seen, mut read) = (0u32, 0);
        for (key, value) in fields.clone() {
            let slot = slot(key);
            if let Some(place) = self.places.get_mut(slot) {
                *place = value.place();
            }
            seen |= 1 << (slot % SLOTS);
            read += u32::from(slot != UNREAD as usize);
        }
        if (seen & !(1 << UNREAD)).count_ones() != read {
            self.find_duplicates(fields);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn find_duplicates(&mut self, fields: touchline_json::Fields<'d>) {
        let mut seen = 0;
        for (key, _) in fields {
            let bit = 1 << (slot(key) % SLOTS);
            self.duplicates |= seen & bit & !(1 << UNREAD);
            seen |= bit;
        }
    }

    /// A key that is read and stands there twice.
    #[inline(always)]
    pub(super) fn duplicate(&self) -> Option<&'static str> {
        if self.duplicates == 0 { None } else { KEYS.get(self.duplicates.trailing_zeros() as usize).copied() }
    }

    /// Does one of these keys stand there twice?
    #[inline(always)]
    pub(super) fn is_duplicate(&self, key: &str) -> bool {
        let twice = |slot: usize| self.duplicates >> slot & 1 == 1;
        self.duplicates != 0 && KEYS.iter().enumerate().any(|(slot, name)| *name == key && twice(slot))
    }

    /// When it happened: at the engine where the venue says so, else at the gateway.
    #[inline]
    pub(super) fn stamp(&self) -> Result<Nanos, ParseError> {
        let field = if self.match_time().is_some() { self.match_time() } else { self.event_time() };
        if !field.is_some() {
            return Ok(Nanos::NONE);
        }
        field.need_count().map(|number| Nanos(number.saturating_mul(stamp_unit(number))))
    }

    /// The number that [`stamp`](Self::stamp) is made of, 0 where there is none.
    pub(super) fn stamp_number(&self) -> Option<u64> {
        let field = if self.match_time().is_some() { self.match_time() } else { self.event_time() };
        if field.is_some() { field.need_count().ok() } else { Some(0) }
    }
}

/// The slot of a key.
#[inline(always)]
fn slot(key: &str) -> usize {
    usize::from(match key.as_bytes() {
        [letter] => LETTERS.get(usize::from(*letter)).copied().unwrap_or(UNREAD),
        _ => word(key),
    })
}

/// What a stamp counts, in nanoseconds: milliseconds, or microseconds on connections that ask for them. Told apart by
/// size, since 10^14 milliseconds are the year 5138 and 10^14 microseconds the year 1973.
#[inline]
pub(super) fn stamp_unit(number: u64) -> u64 {
    if number < 100_000_000_000_000 { 1_000_000 } else { 1_000 }
}
