//! Messages that look almost like the one whose shape was learned: every way of reading by shape reads what the general
//! parser reads, or nothing, and all ways the same.
//!
//! The first byte chooses a message that is learned. What follows changes it, three bytes a change: where, how, and with
//! which byte. Each change is tried on top of the ones before.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use touchline_json::Parser;
use touchline_json::shape::{Names, Part, Reading, Scales, Shapes, Simd, Unit, simple};

/// A best bid and offer, a trade, an aggregate, changes of a book.
const BEST: &[(&str, Part)] = &[
    ("u", Part::Count(0)),
    ("b", Part::Number(0, Unit::Price)),
    ("B", Part::Number(1, Unit::Qty)),
    ("a", Part::Number(2, Unit::Price)),
    ("A", Part::Number(3, Unit::Qty)),
];
const STAMPED: &[(&str, Part)] = &[
    ("u", Part::Count(0)),
    ("b", Part::Number(0, Unit::Price)),
    ("B", Part::Number(1, Unit::Qty)),
    ("a", Part::Number(2, Unit::Price)),
    ("A", Part::Number(3, Unit::Qty)),
    ("T", Part::Count(1)),
    ("E", Part::Digits),
];
const TRADE: &[(&str, Part)] = &[
    ("E", Part::Digits),
    ("T", Part::Count(1)),
    ("t", Part::Count(0)),
    ("p", Part::Number(0, Unit::Price)),
    ("q", Part::Number(1, Unit::Qty)),
    ("m", Part::Flag),
];
const AGGREGATE: &[(&str, Part)] = &[
    ("E", Part::Digits),
    ("T", Part::Count(1)),
    ("a", Part::Count(0)),
    ("p", Part::Number(0, Unit::Price)),
    ("q", Part::Number(1, Unit::Qty)),
    ("f", Part::Digits),
    ("l", Part::Digits),
    ("m", Part::Flag),
];
const DEPTH: &[(&str, Part)] = &[
    ("E", Part::Count(2)),
    ("U", Part::Count(1)),
    ("u", Part::Count(0)),
    ("b", Part::Levels(0)),
    ("a", Part::Levels(1)),
];
const FUTURES_DEPTH: &[(&str, Part)] = &[
    ("E", Part::Digits),
    ("T", Part::Count(2)),
    ("U", Part::Digits),
    ("u", Part::Count(0)),
    ("pu", Part::Count(1)),
    ("b", Part::Levels(0)),
    ("a", Part::Levels(1)),
];

/// A message, its fields that change, and the scales it is read at.
type Message = (&'static str, &'static [(&'static str, Part)], Scales);

const fn at(price: u8, qty: u8) -> Scales {
    Scales { price, qty }
}

/// Messages of every kind, some read at finer or coarser scales than they are written with.
#[rustfmt::skip]
const MESSAGES: [Message; 12] = [
    (r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#, BEST, at(2, 5)),
    (r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#, TRADE, at(2, 8)),
    (r#"{"stream":"ethusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"ETHUSDT","a":15683430,"p":"0.35280000","q":"58.00000000","f":19862790,"l":19862790,"T":1633998523963,"m":false,"M":true}}"#, AGGREGATE, at(8, 8)),
    (r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[["61737.63000000","0.00000000"],["61730.17000000","0.00000000"],["6854.58000000","10.00000000"],["0.10000000","1.00000000"],["61730.17000000","0.50000000"]],"a":[["61837.64000000","1.54698000"],["61839.85000000","0.00000000"]]}}"#, DEPTH, at(2, 5)),
    (r#"{"stream":"ethusdt@depth","data":{"e":"depthUpdate","E":1723161255208,"s":"ETHUSDT","U":50093239189,"u":50093239202,"b":[],"a":[["837.64","1.5"],["839.85","0.0"],["9.10","12.5"]]}}"#, DEPTH, at(2, 1)),
    (r#"{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}"#, TRADE, at(3, 0)),
    (r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}}"#, STAMPED, at(2, 3)),
    (r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256322,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}"#, TRADE, at(1, 3)),
    (r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123107832006,"u":5123107837557,"pu":5123107831937,"b":[["58710.20","0.014"],["61496.50","0.010"],["61510.90","0.000"],["61641.50","1.211"],["61652.80","0.195"]],"a":[["61800.30","2.510"],["7.60","1.000"],["661800.30","12.510"]]}}"#, FUTURES_DEPTH, at(2, 3)),
    (r#"{"stream":"btcusd_perp@depth@0ms","data":{"e":"depthUpdate","E":1723161257440,"T":1723161257432,"s":"BTCUSD_PERP","ps":"BTCUSD","U":1007198631260,"u":1007198631565,"pu":1007198631198,"b":[["61773.6","1001"],["61776.4","412"],["61777.7","1"],["61778.7","0"]],"a":[]}}"#, FUTURES_DEPTH, at(1, 0)),
    (r#"{"stream":"btcusd_perp@bookTicker","data":{"u":1007198632021,"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"35","a":"61804.8","A":"1645","T":1723161257465,"E":1723161257476}}"#, STAMPED, at(1, 0)),
    (r#"{"stream":"btcusd_perp@trade","data":{"e":"trade","E":1723161257687,"T":1723161257679,"s":"BTCUSD_PERP","t":849714402,"p":"61804.8","q":"4","X":"MARKET","m":false}}"#, TRADE, at(4, 2)),
];

/// Bytes that messages are made of: a change that leaves a message one takes its byte from here.
const COMMON: &[u8; 32] = b"0123456789..,,\"\"[]{}::-+eE tfubs";

/// What has learned one message.
struct Known {
    message: Message,
    ways: Vec<Shapes<()>>,
    parser: Parser,
}

impl Known {
    fn new(message: Message) -> Self {
        let (text, fields, scales) = message;
        let ways = Simd::ALL.into_iter().filter(|&simd| simd != Simd::General && simd.is_available());
        let learned = |simd| {
            let mut shapes = Shapes::with(simd);
            shapes.learn(text.as_bytes(), names(text, fields), scales, 0, ());
            assert_eq!(shapes.counts().learned, 1, "{text}");
            shapes
        };
        let mut known = Self { message, ways: ways.map(learned).collect(), parser: Parser::new() };
        assert!(known.compare(text.as_bytes()), "a message that is learned is read: {text}");
        known
    }

    /// Says whether the message is of the shape.
    fn compare(&mut self, message: &[u8]) -> bool {
        let (text, fields, scales) = self.message;
        let mut readings = self.ways.iter_mut().map(|shapes| {
            let candidate = shapes.candidate(message)?;
            shapes.read(candidate, message).map(Reading::to_simple)
        });
        let first = readings.next().flatten();
        readings.for_each(|other| assert_eq!(other, first));
        if first.is_some() {
            assert_eq!(first, simple::read(&mut self.parser, message, names(text, fields), scales));
        }
        first.is_some()
    }
}

fn names(text: &str, fields: &'static [(&'static str, Part)]) -> Names<'static> {
    Names { inside: text.contains("data").then_some("data"), fields }
}

fn change(message: &mut Vec<u8>, [place, how, byte]: [u8; 3]) {
    // Two messages' worth of places: long ones are changed all over.
    let at = usize::from(place) * 2 + usize::from(how >> 7);
    let at = at % message.len().max(1);
    let byte = if how & 0x40 == 0 { COMMON[usize::from(byte) % COMMON.len()] } else { byte };
    match how % 5 {
        0 | 1 => message[at] = byte,
        2 => message.insert(at, byte),
        3 if message.len() > 1 => drop(message.remove(at)),
        _ => {
            let to = (at + usize::from(byte) % 48).min(message.len());
            let piece = message[at..to].to_vec();
            message.splice(at..at, piece);
        }
    }
}

thread_local! {
    static KNOWN: RefCell<Vec<Known>> = RefCell::new(MESSAGES.into_iter().map(Known::new).collect());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, changes)) = bytes.split_first() else { return };
    KNOWN.with_borrow_mut(|known| {
        let choice = usize::from(choice) % known.len();
        let known = &mut known[choice];
        let mut changed = known.message.0.as_bytes().to_vec();
        for change_by in changes.as_chunks().0.iter().take(16) {
            change(&mut changed, *change_by);
            known.compare(&changed);
        }
    });
});
