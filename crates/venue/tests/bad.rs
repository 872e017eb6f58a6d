//! Every field of every kind of message removed, sent as something else, or sent twice: a typed error that names the
//! field and, where it can be read, the instrument; nothing in the sink; and the next good message reads as ever.

mod common;

use common::message::Message;
use common::{Session, sample};
use touchline_json::DecimalError;
use touchline_market::{Channel, Instrument, InstrumentId};
use touchline_venue::{Ignored, ParseError, Parsed, Rejected};

/// What a field is to the parser.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    /// The event's name.
    Event,
    Symbol,
    /// A counter: a bare integer.
    Count,
    /// The stamp that is used; when it is missing, another or none is.
    Stamp,
    /// Above zero, as a string or as a number.
    Price,
    /// Zero or more, as a string or as a number.
    Qty,
    /// A ticker's price, which may be zero.
    Statistic,
    /// An array of price and quantity.
    Levels,
    Bool,
    /// Where a print comes from; may be missing.
    Execution,
    /// `st`: which product; may be missing.
    Product,
}

use Class::{Bool, Count, Event, Execution, Levels, Price, Product, Qty, Stamp, Statistic, Symbol};

/// A kind of message: its sample, the channel, and the fields that are read. All others must not matter.
struct Kind {
    venue: &'static str,
    folder: &'static str,
    sample: &'static str,
    /// Of the combined wrapper, where the message needs its stream.
    stream: Option<&'static str>,
    channel: Channel,
    fields: &'static [(&'static str, Class)],
}

const SPOT_DEPTH: &[(&str, Class)] =
    &[("e", Event), ("E", Stamp), ("s", Symbol), ("U", Count), ("u", Count), ("b", Levels), ("a", Levels)];
const SPOT_PARTIAL: &[(&str, Class)] = &[("lastUpdateId", Count), ("bids", Levels), ("asks", Levels)];
const SPOT_BBO: &[(&str, Class)] =
    &[("s", Symbol), ("u", Count), ("b", Price), ("B", Qty), ("a", Price), ("A", Qty)];
const SPOT_TRADE: &[(&str, Class)] =
    &[("e", Event), ("s", Symbol), ("t", Count), ("p", Price), ("q", Qty), ("T", Stamp), ("m", Bool)];
const AGG_TRADE: &[(&str, Class)] =
    &[("e", Event), ("s", Symbol), ("a", Count), ("p", Price), ("q", Qty), ("T", Stamp), ("m", Bool)];
const TICKER: &[(&str, Class)] = &[
    ("e", Event),
    ("E", Stamp),
    ("s", Symbol),
    ("c", Statistic),
    ("Q", Qty),
    ("o", Statistic),
    ("h", Statistic),
    ("l", Statistic),
    ("v", Qty),
];
const FUTURES_DEPTH: &[(&str, Class)] = &[
    ("e", Event),
    ("T", Stamp),
    ("s", Symbol),
    ("U", Count),
    ("u", Count),
    ("pu", Count),
    ("b", Levels),
    ("a", Levels),
    ("st", Product),
];
const FUTURES_PARTIAL: &[(&str, Class)] =
    &[("e", Event), ("T", Stamp), ("s", Symbol), ("u", Count), ("b", Levels), ("a", Levels), ("st", Product)];
const FUTURES_BBO: &[(&str, Class)] = &[
    ("e", Event),
    ("u", Count),
    ("s", Symbol),
    ("b", Price),
    ("B", Qty),
    ("a", Price),
    ("A", Qty),
    ("T", Stamp),
    ("st", Product),
];
const FUTURES_TRADE: &[(&str, Class)] = &[
    ("e", Event),
    ("T", Stamp),
    ("s", Symbol),
    ("t", Count),
    ("p", Price),
    ("q", Qty),
    ("X", Execution),
    ("m", Bool),
    ("st", Product),
];

const KINDS: &[Kind] = &[
    spot("depth_update", None, Channel::Book, SPOT_DEPTH),
    spot("partial_depth_raw", Some("bnbbtc@depth5"), Channel::Depth, SPOT_PARTIAL),
    spot("book_ticker", None, Channel::Bbo, SPOT_BBO),
    spot("trade", None, Channel::Trade, SPOT_TRADE),
    spot("agg_trade", None, Channel::Trade, AGG_TRADE),
    spot("ticker", None, Channel::Ticker, TICKER),
    usdm("depth_update", None, Channel::Book, FUTURES_DEPTH),
    usdm("depth_update", Some("btcusdt@depth5"), Channel::Depth, FUTURES_PARTIAL),
    usdm("book_ticker", None, Channel::Bbo, FUTURES_BBO),
    usdm("trade", None, Channel::Trade, FUTURES_TRADE),
    usdm("agg_trade", None, Channel::Trade, AGG_TRADE),
    usdm("ticker", None, Channel::Ticker, TICKER),
    coinm("depth_update", None, Channel::Book, FUTURES_DEPTH),
    coinm("book_ticker", None, Channel::Bbo, FUTURES_BBO),
    coinm("trade", None, Channel::Trade, FUTURES_TRADE),
];

type Fields = &'static [(&'static str, Class)];

const fn spot(sample: &'static str, stream: Option<&'static str>, channel: Channel, fields: Fields) -> Kind {
    Kind { venue: "binance", folder: "binance", sample, stream, channel, fields }
}

const fn usdm(sample: &'static str, stream: Option<&'static str>, channel: Channel, fields: Fields) -> Kind {
    Kind { venue: "binance-usdm", folder: "binance_usdm", sample, stream, channel, fields }
}

const fn coinm(sample: &'static str, stream: Option<&'static str>, channel: Channel, fields: Fields) -> Kind {
    Kind { venue: "binance-coinm", folder: "binance_coinm", sample, stream, channel, fields }
}

/// What must become of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The same update as without the change.
    Same,
    /// An update, with another stamp.
    Restamped,
    Ignored(Ignored),
    /// Rejected, its instrument known.
    Rejected(ParseError),
    /// Rejected, and nobody can say whose it was.
    Nameless(ParseError),
}

impl Kind {
    fn message(&self) -> Message {
        Message::read(&sample(self.folder, self.sample))
    }

    fn frame(&self, message: &Message) -> String {
        match self.stream {
            Some(stream) => format!(r#"{{"stream":"{stream}","data":{}}}"#, message.text()),
            None => message.text(),
        }
    }

    /// A connection that knows the sample's instrument, listed with the scales that the sample needs and no finer.
    fn session(&self) -> Session {
        let mut learning = Session::learning(self.venue);
        learning.frame(self.frame(&self.message())).expect("the sample is good");
        let (_, instrument) = learning.listing.instruments().next().expect("its instrument");
        Session::listed(self.venue, &[Instrument { provisional: false, ..instrument.clone() }])
    }
}

/// A value sent in the place of another, as JSON.
const VALUES: &[&str] = &[
    "null",
    "true",
    "{}",
    "[]",
    r#"["1","2"]"#,
    r#"[{}]"#,
    r#"[[]]"#,
    r#"[["1"]]"#,
    r#"[[null,"1"]]"#,
    r#"[["1",{}]]"#,
    r#"[["-1","1"]]"#,
    r#"[["0","1"]]"#,
    r#"[["1","-1"]]"#,
    r#"[["1","0x10"]]"#,
    r#"[["","1"]]"#,
    r#"[["1e400","1"]]"#,
    r#"[["1e-30","1"]]"#,
    r#""""#,
    r#""NaN""#,
    r#""Infinity""#,
    r#""1e400""#,
    r#""1e-400""#,
    r#""-1""#,
    r#""0x10""#,
    r#""+1""#,
    r#""01""#,
    r#"".5""#,
    r#""1.""#,
    r#"" 1""#,
    "-1",
    "1.5e-30",
    "99999999999999999999999",
];

/// What must become of `value` in the field `name`. `original` is what stood there.
fn fate(kind: &Kind, name: &'static str, class: Class, value: &str) -> Fate {
    let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let wrong_type = Fate::Rejected(ParseError::WrongType(name));
    match class {
        Event if text.is_some() => Fate::Ignored(Ignored::UnknownEvent),
        Symbol if text.is_some() => Fate::Ignored(Ignored::Unsubscribed),
        Symbol => Fate::Nameless(ParseError::WrongType(name)),
        Execution if text.is_some() => Fate::Ignored(Ignored::OffBook),
        Bool if value == "true" => unreachable!("{} sends it", kind.sample),
        Levels if value == "[]" => unreachable!("no levels are levels"),
        Levels => Fate::Rejected(level_error(name, value)),
        Price | Qty | Statistic => {
            Fate::Rejected(number_error(name, class, text.unwrap_or(value), text.is_some()))
        }
        Event | Count | Stamp | Bool | Execution | Product => wrong_type,
    }
}

fn level_error(name: &'static str, value: &str) -> ParseError {
    let inner = value.strip_prefix("[[").and_then(|inner| inner.strip_suffix("]]"));
    match inner.and_then(|inner| inner.split_once(',')) {
        None => ParseError::WrongType(name),
        Some((r#""1""#, qty)) => number_error(name, Qty, qty.trim_matches('"'), qty.starts_with('"')),
        Some((price, _)) => number_error(name, Price, price.trim_matches('"'), price.starts_with('"')),
    }
}

/// By the grammar of numbers, for the texts in [`VALUES`].
fn number_error(name: &'static str, class: Class, text: &str, quoted: bool) -> ParseError {
    let of = |error| ParseError::Number(name, error);
    match text {
        "-1" if class == Qty => of(DecimalError::Negative),
        "-1" | "0" => ParseError::NotPositive(name),
        "1e400" | "99999999999999999999999" => of(DecimalError::OutOfRange),
        "1e-400" => of(DecimalError::TooPrecise { needed: 255 }),
        "1e-30" => of(DecimalError::TooPrecise { needed: 30 }),
        "1.5e-30" => of(DecimalError::TooPrecise { needed: 31 }),
        _ if quoted => of(DecimalError::Malformed),
        _ => of(DecimalError::WrongType),
    }
}

/// Judges one changed message, then that the good one behind it reads as on a fresh connection.
fn check(kind: &Kind, session: &mut Session, message: &Message, fate: Fate, what: &str) {
    let good = kind.frame(&kind.message());
    let told = kind.session().tell(&good);
    let frame = kind.frame(message);
    let outcome = session.frame(&frame);
    let context = format!("{} {}: {what}: {frame}", kind.venue, kind.sample);
    match fate {
        Fate::Same => {
            assert_eq!(outcome, Ok(Parsed::Updates(1)), "{context}");
            assert_eq!(session.last(), told, "{context}");
        }
        Fate::Restamped => {
            assert_eq!(outcome, Ok(Parsed::Updates(1)), "{context}");
            let unstamped = |text: &str| {
                let (before, after) = text.split_once(" at ").expect("a stamp");
                format!("{before} {}", after.split_once(' ').expect("more").1)
            };
            assert_eq!(unstamped(&session.last()), unstamped(&told), "{context}");
            assert_ne!(session.last(), told, "{context}");
        }
        Fate::Ignored(reason) => assert_eq!(outcome, Ok(Parsed::Ignored(reason)), "{context}"),
        Fate::Rejected(error) => {
            let rejected = outcome.expect_err(&context);
            assert_eq!((rejected.error, rejected.instrument), (error, Some(InstrumentId(0))), "{context}");
            // A message whose kind is in doubt harms the book; any other says whose channel it is.
            let doubtful = |name| matches!(name, "e" | "st");
            let channel = match error {
                ParseError::Missing(name) | ParseError::WrongType(name) | ParseError::Duplicate(name)
                    if doubtful(name) =>
                {
                    None
                }
                ParseError::Missing("u") if kind.sample == "ticker" => Some(Channel::Bbo),
                _ => Some(kind.channel),
            };
            assert_eq!(rejected.channel, channel, "{context}");
        }
        Fate::Nameless(error) => {
            let rejected = outcome.expect_err(&context);
            assert_eq!((rejected.error, rejected.instrument), (error, None), "{context}");
        }
    }
    assert_eq!(session.tell(&good), told, "behind {context}");
}

/// Each field in turn is left out.
#[test]
fn a_missing_field_is_named() {
    for kind in KINDS {
        let (message, mut session) = (kind.message(), kind.session());
        for &(name, class) in kind.fields {
            let missing = ParseError::Missing(name);
            let fate = match class {
                Execution | Product => Fate::Same,
                Stamp => Fate::Restamped,
                Symbol => Fate::Nameless(missing),
                // Without its name it is what spot sends.
                Event if kind.sample == "book_ticker" => Fate::Same,
                // Spot's best bid and offer has no name: a ticker without one looks like that, and lacks its id.
                Event if kind.sample == "ticker" && kind.venue == "binance" => {
                    Fate::Rejected(ParseError::Missing("u"))
                }
                _ => Fate::Rejected(missing),
            };
            check(kind, &mut session, &message.without(name), fate, &format!("without {name}"));
        }
    }
}

/// Each field in turn is sent as every other kind of value.
#[test]
fn a_field_of_another_type_is_named() {
    for kind in KINDS {
        let (message, mut session) = (kind.message(), kind.session());
        for &(name, class) in kind.fields {
            for &value in VALUES {
                let is_its_own = matches!((class, value), (Bool, "true") | (Levels, "[]"));
                if !is_its_own {
                    let fate = fate(kind, name, class, value);
                    let what = format!("{name} is {value}");
                    check(kind, &mut session, &message.with(name, value), fate, &what);
                }
            }
        }
    }
}

/// A decimal may come as a string or as a bare number; what the venue sends as a bare number may not be a string, and
/// the other way round.
#[test]
fn only_decimals_may_change_between_string_and_number() {
    for kind in KINDS {
        let (message, mut session) = (kind.message(), kind.session());
        for &(name, class) in kind.fields {
            let value = message.get(name);
            let (swapped, fate) =
                match (class, value.strip_prefix('"').and_then(|text| text.strip_suffix('"'))) {
                    (Price | Qty | Statistic, Some(text)) => (text.to_owned(), Fate::Same),
                    (Levels, _) => (value.replace('"', ""), Fate::Same),
                    (Count | Stamp | Product, _) => {
                        (format!("\"{value}\""), Fate::Rejected(ParseError::WrongType(name)))
                    }
                    _ => continue,
                };
            check(kind, &mut session, &message.with(name, &swapped), fate, &format!("{name} is {swapped}"));
        }
    }
}

/// Each field in turn is sent twice, even with the same value: nobody can say which one holds.
#[test]
fn a_doubled_field_is_named() {
    for kind in KINDS {
        let (message, mut session) = (kind.message(), kind.session());
        for &(name, class) in kind.fields {
            let error = ParseError::Duplicate(name);
            let fate = if class == Symbol { Fate::Nameless(error) } else { Fate::Rejected(error) };
            check(kind, &mut session, &message.doubled(name), fate, &format!("{name} twice"));
        }
    }
}

/// What the parser does not read may be missing, null, or anything else.
#[test]
fn fields_that_are_not_read_do_not_matter() {
    for kind in KINDS {
        let (message, mut session) = (kind.message(), kind.session());
        for (name, _) in message.0.clone() {
            // `st` is read in every futures message, whether the table lists it or not.
            if name == "st" || kind.fields.iter().any(|(field, _)| *field == name) {
                continue;
            }
            let what = format!("{name} does not matter");
            check(kind, &mut session, &message.without(&name), Fate::Same, &what);
            for value in ["null", "{}", r#""x""#, "[[1]]"] {
                check(kind, &mut session, &message.with(&name, value), Fate::Same, &what);
            }
        }
    }
}

/// The wrapper of combined streams: a name that is no text, either field twice.
#[test]
fn a_broken_wrapper_is_named() {
    let kind = &KINDS[1];
    let data = kind.message().text();
    let mut session = kind.session();
    let stream = r#""stream":"bnbbtc@depth5""#;
    for (frame, error) in [
        (format!(r#"{{"stream":5,"data":{data}}}"#), ParseError::WrongType("stream")),
        (format!(r#"{{{stream},{stream},"data":{data}}}"#), ParseError::Duplicate("stream")),
        (format!(r#"{{{stream},"data":{data},"data":{data}}}"#), ParseError::Duplicate("data")),
        (format!(r#"{{{stream},"data":null}}"#), ParseError::Shape),
        (format!(r#"{{{stream}}}"#), ParseError::Shape),
        (format!(r#"{{"data":{data}}}"#), ParseError::Shape),
        ("{}".to_owned(), ParseError::Shape),
        ("5".to_owned(), ParseError::Shape),
        (r#""text""#.to_owned(), ParseError::Shape),
        ("null".to_owned(), ParseError::Shape),
    ] {
        assert_eq!(session.frame(&frame), Err(Rejected::from(error)), "{frame}");
        assert_eq!(session.frame(kind.frame(&kind.message())), Ok(Parsed::Updates(1)));
    }
}

/// REST snapshots by the same rules: the symbol is the caller's, so the instrument is always named.
#[test]
fn a_bad_snapshot_is_rejected_for_its_instrument() {
    for (venue, folder, symbol) in
        [("binance", "binance", "BNBBTC"), ("binance-usdm", "binance_usdm", "BTCUSDT")]
    {
        let message = Message::read(&sample(folder, "depth_snapshot"));
        let mut session = Session::learning(venue);
        let told = session.tell_snapshot(symbol, message.text());
        assert!(told.starts_with("Snapshot"), "{told}");
        let mut check = |body: String, reason: &str| {
            let rejected = session.snapshot(symbol, &body).expect_err(&body);
            let whose = (rejected.instrument, rejected.channel);
            assert_eq!(whose, (Some(InstrumentId(0)), Some(Channel::Book)), "{body}");
            assert_eq!(rejected.error.reason(), reason, "{body}");
            assert_eq!(session.tell_snapshot(symbol, message.text()), told);
        };
        for name in ["lastUpdateId", "bids", "asks"] {
            check(message.without(name).text(), "missing field");
            check(message.doubled(name).text(), "duplicate field");
            for value in ["null", "{}", "true", r#""1""#, "1.5"] {
                check(message.with(name, value).text(), "wrong type");
            }
        }
        for (level, reason) in [
            (r#"["NaN","1"]"#, "malformed number"),
            (r#"["1","-1"]"#, "number out of range"),
            (r#"["-1","1"]"#, "price not positive"),
            (r#"["0","1"]"#, "price not positive"),
            (r#"["1e400","1"]"#, "number out of range"),
            (r#"["1e-19","1"]"#, "number too precise"),
            (r#"["1"]"#, "wrong type"),
            ("7", "wrong type"),
        ] {
            check(message.with("bids", &format!("[{level}]")).text(), reason);
            check(message.with("asks", &format!(r#"[["2","3"],{level}]"#)).text(), reason);
        }
        for body in ["", "[", "{\"lastUpdateId\":1", "<html>"] {
            check(body.to_owned(), "malformed JSON");
        }
        for body in ["[]", "5", "null"] {
            check(body.to_owned(), "unknown shape");
        }
    }
}
