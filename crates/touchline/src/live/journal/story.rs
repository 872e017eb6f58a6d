//! What a feed's journal says of its connections, for one who reads it like any other recording.

use rustc_hash::{FxHashMap, FxHashSet};
use touchline_capture::journal::{Entry, EntryKind};
use touchline_market::{Channel, Instrument, Venue};

use super::words::{ControlWord, SetupWord, SubscribeWord};
use crate::source::Event;

/// A feed numbers its sockets from here on, and so are the connections that other recordings keep apart; below are those
/// of which only one is open at a time.
const FIRST_SOCKET: u64 = 1 << 32;

/// The number of a connection that is another venue's.
const NOT_OURS: u32 = u32::MAX;

/// A connection, by its reader and its number there.
type Key = (u16, u64);

/// Which connections are open, whose they are, and which answers are no snapshots.
#[derive(Debug, Default)]
pub(crate) struct FeedStory {
    /// Only what this venue sent; none where there is one alone.
    only: Option<Venue>,
    /// Where the feed reached its venues: sockets, REST.
    reached: Vec<(String, String, Venue)>,
    instruments: Vec<Instrument>,
    /// The venue and symbol of each subscription, by its number.
    symbols: FxHashMap<u32, (Venue, String)>,
    /// Open connections by the numbers they get here.
    open: FxHashMap<Key, u32>,
    numbers: u32,
    /// Those that are over: what still came from them is nobody's.
    over: FxHashSet<Key>,
    /// Requests that ask only how far the venue is, and are not answered yet.
    probes: FxHashSet<Key>,
    /// Readers that were told to stop: what ends behind that did not break.
    stopped: FxHashSet<u16>,
}

impl FeedStory {
    /// A story of which nothing is known. `only` counts where the journal turns out to be of several venues.
    pub(crate) fn of(only: Option<Venue>) -> Self {
        Self { only, ..Self::default() }
    }

    /// The venues that the feed spoke to, as far as it was told.
    pub(crate) fn venues(&self) -> Vec<Venue> {
        let mut venues: Vec<Venue> = Vec::new();
        for (_, _, venue) in &self.reached {
            if !venues.contains(venue) {
                venues.push(*venue);
            }
        }
        venues
    }

    /// The instruments that it subscribed to, as it knew them.
    pub(crate) fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// What an entry is to one who reads what came, and which connection brought it: 0 for the only one.
    #[inline]
    pub(crate) fn event<'a>(&'a mut self, entry: &Entry<'a>) -> (u32, Event<'a>) {
        let Entry { kind, payload, .. } = *entry;
        match kind {
            EntryKind::Text | EntryKind::Binary => self.of_connection(entry, Event::Frame(payload)),
            EntryKind::Unreadable => self.of_connection(entry, Event::BrokenFrame),
            EntryKind::Rest => (0, self.rest(entry)),
            EntryKind::Opened => self.opened(entry),
            EntryKind::Ended | EntryKind::Closed => self.ended(entry),
            EntryKind::Gap => (0, Event::Lost),
            EntryKind::Asked | EntryKind::RestFailed | EntryKind::Setup | EntryKind::Control => {
                (0, self.hear(entry))
            }
            _ => (0, Event::Nothing),
        }
    }

    #[inline]
    fn of_connection<'a>(&mut self, entry: &Entry<'_>, event: Event<'a>) -> (u32, Event<'a>) {
        if entry.source < FIRST_SOCKET {
            return (0, event);
        }
        let key = (entry.reader, entry.source);
        match self.open.get(&key) {
            Some(&NOT_OURS) => (0, Event::Nothing),
            Some(&number) => (number, event),
            None if self.over.contains(&key) => (0, Event::Nothing),
            // Its opening is not in what is read.
            None => match self.open(key, None) {
                NOT_OURS => (0, Event::Nothing),
                number => (number, event),
            },
        }
    }

    #[cold]
    fn opened<'a>(&mut self, entry: &Entry<'a>) -> (u32, Event<'a>) {
        let Ok(url) = std::str::from_utf8(entry.payload) else { return (0, Event::Nothing) };
        if entry.source < FIRST_SOCKET {
            return (0, Event::Connected { url });
        }
        match self.open((entry.reader, entry.source), Some(url)) {
            NOT_OURS => (0, Event::Nothing),
            number => (number, Event::Connected { url }),
        }
    }

    #[cold]
    fn ended<'a>(&mut self, entry: &Entry<'_>) -> (u32, Event<'a>) {
        if self.stopped.contains(&entry.reader) {
            return (0, Event::Nothing);
        }
        if entry.source < FIRST_SOCKET {
            return (0, Event::Closed);
        }
        let key = (entry.reader, entry.source);
        self.over.insert(key);
        match self.open.remove(&key) {
            None | Some(NOT_OURS) => (0, Event::Nothing),
            Some(number) => (number, Event::Closed),
        }
    }

    #[cold]
    fn rest<'a>(&mut self, entry: &Entry<'a>) -> Event<'a> {
        let mut parts = entry.payload.splitn(2, |byte| *byte == b' ');
        let url = parts.next().and_then(|url| std::str::from_utf8(url).ok());
        let (Some(url), Some(body)) = (url, parts.next()) else { return Event::Nothing };
        let asked = self.probes.remove(&(entry.reader, entry.source));
        if asked || !self.is_ours(url, |(_, rest, _)| rest) {
            return Event::Nothing;
        }
        Event::Rest { url, body }
    }

    /// What says what is to come, or that nothing is.
    #[cold]
    fn hear(&mut self, entry: &Entry<'_>) -> Event<'_> {
        let Entry { kind, reader, source, payload, .. } = *entry;
        match kind {
            EntryKind::Asked if payload.starts_with(b"probe ") => _ = self.probes.insert((reader, source)),
            EntryKind::RestFailed => _ = self.probes.remove(&(reader, source)),
            EntryKind::Setup => {
                let setup = serde_json::from_slice::<SetupWord>(payload).ok();
                let words = setup.into_iter().flat_map(|setup| setup.readers).flat_map(|word| word.first);
                words.for_each(|word| self.subscribed(word));
            }
            EntryKind::Control => match serde_json::from_slice(payload) {
                Ok(ControlWord::Subscribe(word)) => self.subscribed(*word),
                Ok(ControlWord::Stop) => _ = self.stopped.insert(reader),
                Ok(ControlWord::Unsubscribe { id, channels }) if channels.contains(&Channel::Book) => {
                    let found = self.symbols.get(&id);
                    let ours = found.filter(|(venue, _)| self.is_alone() || self.only == Some(*venue));
                    return ours.map_or(Event::Nothing, |(_, symbol)| Event::Unsubscribed { symbol });
                }
                _ => {}
            },
            _ => {}
        }
        Event::Nothing
    }

    fn subscribed(&mut self, word: SubscribeWord) {
        self.symbols.insert(word.id, (word.venue, word.instrument.symbol.clone()));
        let reached = (word.ws, word.rest, word.venue);
        if !self.reached.contains(&reached) {
            self.reached.push(reached);
        }
        let known = |known: &Instrument| {
            (known.venue, &known.symbol) == (word.instrument.venue, &word.instrument.symbol)
        };
        if !self.instruments.iter().any(known) {
            self.instruments.push(word.instrument);
        }
    }

    /// A number for a connection that was seen first now. One that is open already is opened anew: its books hear of it.
    #[cold]
    fn open(&mut self, key: Key, url: Option<&str>) -> u32 {
        if let Some(again) = self.open.get(&key) {
            return *again;
        }
        let ours = match url {
            Some(url) => self.is_ours(url, |(ws, _, _)| ws),
            None => self.is_alone(),
        };
        self.numbers += u32::from(ours);
        let number = if ours { self.numbers } else { NOT_OURS };
        self.open.insert(key, number);
        number
    }

    /// Is there no other venue than the one whose frames are wanted?
    fn is_alone(&self) -> bool {
        self.only.is_none() || self.venues().len() <= 1
    }

    /// Is it the wanted venue that was reached there?
    fn is_ours(&self, url: &str, root: impl Fn(&(String, String, Venue)) -> &String) -> bool {
        if self.is_alone() {
            return true;
        }
        let reached = self.reached.iter().filter(|reached| url.starts_with(root(reached).as_str()));
        let venue = reached.max_by_key(|reached| root(reached).len()).map(|(_, _, venue)| *venue);
        venue.or(touchline_venue::by_host_of(url).map(|facts| facts.name)) == self.only
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::Nanos;

    /// A subscription as a setup says it.
    fn word(id: u32, venue: &str, ws: &str, rest: &str, symbol: &str) -> SubscribeWord {
        let facts = touchline_venue::find(venue).unwrap();
        SubscribeWord {
            id,
            desk: 0,
            outlet: 0,
            instrument: (facts.provisional)(symbol),
            channels: Vec::new(),
            venue: facts.name,
            ws: ws.to_owned(),
            rest: rest.to_owned(),
        }
    }

    /// What becomes of an entry of a reader and a source, in a few words.
    fn told(story: &mut FeedStory, kind: EntryKind, reader: u16, source: u64, payload: &[u8]) -> String {
        let (recv, kernel) = (Nanos(1), Nanos::NONE);
        let entry = Entry { kind, reader, path: 0, source, recv, now: 0, kernel, payload };
        let (connection, event) = story.event(&entry);
        let event = match event {
            Event::Connected { .. } => "connected",
            Event::Frame(_) => "frame",
            Event::BrokenFrame => "broken",
            Event::Rest { .. } => "rest",
            Event::Closed => "closed",
            Event::Unsubscribed { symbol } => return format!("{connection} unsubscribed {symbol}"),
            Event::Lost => "lost",
            Event::Nothing => "nothing",
        };
        format!("{connection} {event}")
    }

    /// Connections of two readers get numbers of their own, keep them when they are opened anew, and give them back when they
    /// end; what comes from one that is
    /// over is nobody's, and so is what ends after a stop. Converted recordings have one connection, whatever its number.
    #[test]
    fn connections_are_kept_apart() {
        use EntryKind::{Closed, Control, Ended, Gap, Opened, Text, Unreadable};
        let mut story = FeedStory::of(None);
        let (first, second) = (FIRST_SOCKET, 2 * FIRST_SOCKET);
        let stop = serde_json::to_vec(&ControlWord::Stop).unwrap();
        let entries: [(_, _, _, &[u8], _); 15] = [
            (Opened, 0, first, b"wss://x", "1 connected"),
            (Text, 0, first, b"{}", "1 frame"),
            (Text, 1, first, b"{}", "2 frame"),
            (Opened, 0, second, b"wss://x", "3 connected"),
            (Closed, 0, first, b"1000", "1 closed"),
            (Text, 0, first, b"{}", "0 nothing"),
            (Ended, 0, first, b"{}", "0 nothing"),
            (Unreadable, 0, second, b"{}", "3 broken"),
            (Opened, 0, second, b"wss://x", "3 connected"),
            (Gap, 0, 0, b"", "0 lost"),
            (Control, 0, 0, &stop, "0 nothing"),
            (Closed, 0, second, b"1000", "0 nothing"),
            (Opened, 0, 5, b"wss://x", "0 connected"),
            (Text, 0, 6, b"{}", "0 frame"),
            (Ended, 1, 6, b"", "0 closed"),
        ];
        for (kind, reader, source, payload, expected) in entries {
            assert_eq!(told(&mut story, kind, reader, source, payload), expected, "{kind:?} {source}");
        }
    }

    /// Of two venues reached through one machine, what one sent: sockets and answers by their addresses. An answer to a
    /// probe is no snapshot, whichever way it ended; without a wish there is one stream of all.
    #[test]
    fn one_venue_of_several_is_heard() {
        use EntryKind::{Asked, Control, Opened, Rest, RestFailed, Text};
        let words = [
            word(0, "binance", "wss://host:1", "https://host:1", "BTCUSDT"),
            word(1, "kraken", "wss://host:2", "https://host:2", "BTC/USD"),
        ];
        let mut story = FeedStory::of(touchline_venue::find("binance").map(|facts| facts.name));
        for word in words {
            let control = serde_json::to_vec(&ControlWord::Subscribe(Box::new(word))).unwrap();
            assert_eq!(told(&mut story, Control, 0, 0, &control), "0 nothing");
        }
        assert_eq!(story.venues().iter().map(Venue::as_str).collect::<Vec<_>>(), ["binance", "kraken"]);
        assert_eq!(story.instruments().len(), 2);
        for (id, channels, expected) in [
            (0, vec![Channel::Trade, Channel::Book], "0 unsubscribed BTCUSDT"),
            (0, vec![Channel::Trade], "0 nothing"),
            (1, vec![Channel::Book], "0 nothing"),
            (7, vec![Channel::Book], "0 nothing"),
        ] {
            let control = serde_json::to_vec(&ControlWord::Unsubscribe { id, channels }).unwrap();
            assert_eq!(told(&mut story, Control, 0, 0, &control), expected, "{id}");
        }
        let (ours, theirs, unknown) = (FIRST_SOCKET, FIRST_SOCKET + 1, FIRST_SOCKET + 2);
        let entries: [(_, _, &[u8], _); 11] = [
            (Opened, ours, b"wss://host:1/stream", "1 connected"),
            (Opened, theirs, b"wss://host:2/v2", "0 nothing"),
            (Text, theirs, b"{}", "0 nothing"),
            (Text, ours, b"{}", "1 frame"),
            (Text, unknown, b"{}", "0 nothing"),
            (Rest, 1, b"https://host:1/depth {}", "0 rest"),
            (Rest, 2, b"https://host:2/depth {}", "0 nothing"),
            (Asked, 3, b"probe https://host:1/depth", "0 nothing"),
            (Rest, 3, b"https://host:1/depth {}", "0 nothing"),
            (RestFailed, 4, b"https://host:1/depth {}", "0 nothing"),
            (Rest, 3, b"https://host:1/depth {}", "0 rest"),
        ];
        for (kind, source, payload, expected) in entries {
            assert_eq!(told(&mut story, kind, 0, source, payload), expected, "{kind:?} {source}");
        }
    }
}
