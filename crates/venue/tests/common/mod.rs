//! What the tests of this folder share: a connection with a sink that checks the sink's own law, updates as text, and
//! the sample messages.
#![allow(dead_code, reason = "each test uses its own part")]
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

pub(crate) mod message;
pub(crate) mod recordings;
pub(crate) mod wire;

use std::fmt::Write;
use std::path::PathBuf;

use touchline_market::{
    Bbo, Candle, Channel, Decimal, Head, Instrument, InstrumentId, InstrumentStatus, Level, Levels, Record,
    Side, Sink, SinkFull, Ticker, Trade, UpdateKind,
};
use touchline_venue::{Adopt, Dialect, Ignored, Listing, Parsed, Rejected, VenueFacts, find};

/// The folders of samples with the name of their venue.
pub(crate) const VENUES: [(&str, &str); 3] =
    [("binance", "binance"), ("binance-usdm", "binance_usdm"), ("binance-coinm", "binance_coinm")];

/// A sink that keeps each committed message, and takes at most so many records.
#[derive(Debug)]
pub(crate) struct Collect {
    pub(crate) messages: Vec<(Head, Vec<Record>)>,
    pending: Vec<Record>,
    room: usize,
}

impl Default for Collect {
    fn default() -> Self {
        Self::with_room(usize::MAX)
    }
}

impl Collect {
    pub(crate) fn with_room(records: usize) -> Self {
        Self { messages: Vec::new(), pending: Vec::new(), room: records }
    }
}

impl Sink for Collect {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        if self.pending.len() >= self.room {
            return Err(SinkFull);
        }
        self.pending.push(record);
        Ok(())
    }

    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        if self.pending.len() >= self.room {
            return Err(SinkFull);
        }
        let body = std::mem::take(&mut self.pending);
        assert_eq!(head.body_records(), body.len(), "the head announces its body: {head:?}");
        self.messages.push((head, body));
        Ok(())
    }

    fn abandon(&mut self) {
        self.pending.clear();
    }
}

/// One connection with its instruments and its sink. Every call checks that the sink gained exactly what was reported,
/// and that nothing is left half written.
pub(crate) struct Session {
    pub(crate) dialect: Dialect,
    pub(crate) listing: Listing,
    pub(crate) sink: Collect,
}

pub(crate) fn facts(venue: &str) -> &'static VenueFacts {
    find(venue).unwrap_or_else(|| panic!("no venue {venue}"))
}

impl Session {
    /// Takes every symbol it meets as a provisional instrument.
    pub(crate) fn learning(venue: &str) -> Self {
        Self::new(venue, Adopt::Provisional)
    }

    /// Knows these instruments and no other.
    pub(crate) fn listed(venue: &str, instruments: &[Instrument]) -> Self {
        let mut session = Self::new(venue, Adopt::Never);
        for instrument in instruments {
            session.listing.insert(instrument.clone());
        }
        session
    }

    fn new(venue: &str, adopt: Adopt) -> Self {
        let facts = facts(venue);
        let listing = facts.listing(InstrumentId(0), adopt);
        Self { dialect: facts.dialect(), listing, sink: Collect::default() }
    }

    pub(crate) fn frame(&mut self, frame: impl AsRef<[u8]>) -> Result<Parsed, Rejected> {
        let before = self.sink.messages.len();
        let outcome = self.dialect.frame(frame.as_ref(), &mut self.listing, &mut self.sink);
        self.settled(before, outcome)
    }

    pub(crate) fn snapshot(&mut self, symbol: &str, body: impl AsRef<[u8]>) -> Result<Parsed, Rejected> {
        let before = self.sink.messages.len();
        let outcome = self.dialect.snapshot(symbol, body.as_ref(), &mut self.listing, &mut self.sink);
        self.settled(before, outcome)
    }

    fn settled(&self, before: usize, outcome: Result<Parsed, Rejected>) -> Result<Parsed, Rejected> {
        let gained = self.sink.messages.len() - before;
        let reported = match outcome {
            Ok(Parsed::Updates(updates)) => updates as usize,
            Ok(Parsed::Ignored(_)) | Err(_) => 0,
        };
        assert_eq!(gained, reported, "{outcome:?} reports what the sink gained");
        assert!(self.sink.pending.is_empty(), "{outcome:?} leaves nothing half written");
        outcome
    }

    /// The last committed update as text.
    pub(crate) fn last(&self) -> String {
        let (head, body) = self.sink.messages.last().expect("an update");
        show(&self.listing, head, body)
    }

    /// The update of a frame as text, or what became of it.
    pub(crate) fn tell(&mut self, frame: impl AsRef<[u8]>) -> String {
        let outcome = self.frame(frame);
        self.told(outcome)
    }

    /// As [`tell`](Self::tell), for a REST snapshot.
    pub(crate) fn tell_snapshot(&mut self, symbol: &str, body: impl AsRef<[u8]>) -> String {
        let outcome = self.snapshot(symbol, body);
        self.told(outcome)
    }

    fn told(&self, outcome: Result<Parsed, Rejected>) -> String {
        match outcome {
            Ok(Parsed::Updates(1)) => self.last(),
            Ok(Parsed::Updates(count)) => format!("{count} updates"),
            Ok(Parsed::Ignored(reason)) => ignored(reason),
            Err(rejected) => rejection(rejected),
        }
    }
}

pub(crate) fn ignored(reason: Ignored) -> String {
    format!("ignored: {}", reason.name())
}

pub(crate) fn rejection(rejected: Rejected) -> String {
    let channel = rejected.channel.map_or("any", Channel::name);
    let instrument = rejected.instrument.map_or("-".to_owned(), |id| id.0.to_string());
    format!("rejected: {rejected} (instrument {instrument}, channel {channel})")
}

/// An update's values in exact decimals, so that the scales they came in do not matter.
pub(crate) fn show(listing: &Listing, head: &Head, body: &[Record]) -> String {
    let symbol = listing.get(head.instrument).map_or("?", |instrument| instrument.symbol.as_str());
    let mut text = format!(
        "{:?} {symbol} {}..{} at {} flags {}:",
        head.kind, head.previous.0, head.sequence.0, head.ts_event.0, head.flags.0
    );
    let (price_scale, qty_scale) = (head.price_scale, head.qty_scale);
    let level = |level: Level| format!("{} x {}", level.price.at(price_scale), level.qty.at(qty_scale));
    match (head.kind, body) {
        (UpdateKind::Bbo, [record]) => {
            let bbo = Bbo::from_record(record);
            let _ = write!(text, " bid {} ask {}", level(bbo.bid), level(bbo.ask));
        }
        (UpdateKind::Trade, [record]) => {
            let trade = Trade::from_record(record);
            let sold = if trade.aggressor == Side::Ask { "sold" } else { "bought" };
            let (price, qty) = (trade.price.at(price_scale), trade.qty.at(qty_scale));
            let _ = write!(text, " {sold} {qty} for {price} as {}", trade.id);
        }
        (UpdateKind::Ticker, [record]) => {
            let ticker = Ticker::from_record(record);
            let [last, open, high, low] =
                [ticker.last, ticker.open, ticker.high, ticker.low].map(|price| price.at(price_scale));
            let [last_qty, volume] = [ticker.last_qty, ticker.volume].map(|qty| qty.at(qty_scale));
            let _ =
                write!(text, " last {last} x {last_qty} open {open} high {high} low {low} volume {volume}");
        }
        (UpdateKind::Candle, [record]) => {
            let candle = Candle::from_record(record);
            let [open, high, low, close] =
                [candle.open, candle.high, candle.low, candle.close].map(|price| price.at(price_scale));
            let (volume, start) = (candle.volume.at(qty_scale), candle.start.0);
            let _ = write!(text, " open {open} high {high} low {low} close {close} volume {volume}");
            let _ = write!(text, " from {start} for {} s, {} trades", candle.seconds, candle.trades);
        }
        (UpdateKind::Status, [record]) => {
            let _ = write!(text, " {:?}", InstrumentStatus::from_record(record));
        }
        (_, body) => {
            for (side, at) in Levels::new(head, body.iter()) {
                let _ = write!(text, " {side:?} {}", level(at));
            }
        }
    }
    text
}

/// Levels as text, which does not depend on their scale.
pub(crate) fn exact(
    levels: impl Iterator<Item = (Side, Level)>,
    scales: (u8, u8),
) -> Vec<(Side, String, String)> {
    let text = |decimal: Decimal| decimal.to_string();
    levels.map(|(side, level)| (side, text(level.price.at(scales.0)), text(level.qty.at(scales.1)))).collect()
}

/// Bids and asks one after the other, as they stand in a message.
pub(crate) fn both<'a>(bids: &'a [Level], asks: &'a [Level]) -> impl Iterator<Item = (Side, Level)> + 'a {
    let bids = bids.iter().map(|level| (Side::Bid, *level));
    bids.chain(asks.iter().map(|level| (Side::Ask, *level)))
}

fn folder(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("samples")
}

/// The names of a folder's samples, sorted.
pub(crate) fn sample_names(of: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder(of)).expect("a folder of samples");
    let name = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<_> = entries.filter_map(|entry| name(entry.expect("an entry").path())).collect();
    names.sort();
    names
}

/// One sample, without the newline that ends its file.
pub(crate) fn sample(of: &str, name: &str) -> String {
    let path = folder(of).join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim_end().to_owned()
}

/// The name of a file is what it is: REST bodies are these.
pub(crate) fn is_rest(sample: &str) -> bool {
    matches!(sample, "depth_snapshot" | "depth_error" | "exchange_info")
}
