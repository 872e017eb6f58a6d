//! Every way of reading against every other and against the general parser: messages as they come, and damaged ones.

use proptest::prelude::*;

use super::simple::Simple;
use super::*;
use crate::Parser;

/// A message with four decimals, and one with a flag and numbers behind it.
const BEST: &[(&str, Part)] = &[
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
    ("t", Part::Count(0)),
    ("p", Part::Number(0, Unit::Price)),
    ("q", Part::Number(1, Unit::Qty)),
    ("T", Part::Count(1)),
    ("m", Part::Flag),
    ("n", Part::Count(2)),
];
const DEPTH: &[(&str, Part)] =
    &[("E", Part::Count(0)), ("u", Part::Count(1)), ("b", Part::Levels(0)), ("a", Part::Levels(1))];

fn inside_data<'a>(fields: &'a [(&'a str, Part)]) -> Names<'a> {
    Names { inside: Some("data"), fields }
}

const SCALES: Scales = Scales { price: 2, qty: 3 };

fn ways() -> Vec<Simd> {
    let ways = [Simd::Avx512, Simd::Avx2, Simd::Portable];
    ways.into_iter().filter(|way| way.is_available()).collect()
}

fn best(spaces: &str, u: u64, numbers: [&str; 4], t: u64) -> String {
    let [b, bq, a, aq] = numbers;
    format!(
        r#"{{"stream":"btcusdt@bookTicker",{spaces}"data":{{"e":"bookTicker","u":{u},"s":"BTCUSDT","b":"{b}","B":"{bq}","a":"{a}","A":"{aq}","T":{t},"E":{t}}}}}"#
    )
}

fn trade(spaces: &str, t: u64, numbers: [&str; 2], is_maker: bool) -> String {
    let [p, q] = numbers;
    format!(
        r#"{{"stream":"btcusdt@trade",{spaces}"data":{{"e":"trade","E":{t},"s":"BTCUSDT","t":{t},"p":"{p}","q":"{q}","X":"MARKET","T":{t},"m":{is_maker},"M":true,"n":{t}}}}}"#
    )
}

fn depth(spaces: &str, u: u64, sides: [&[(String, String)]; 2], quote: &str) -> String {
    let side = |levels: &[(String, String)]| {
        let level = |(p, q): &(String, String)| format!("[{quote}{p}{quote},{spaces}{quote}{q}{quote}]");
        levels.iter().map(level).collect::<Vec<_>>().join(&format!(",{spaces}"))
    };
    let [bids, asks] = sides.map(side);
    format!(
        r#"{{"stream":"btcusdt@depth@0ms",{spaces}"data":{{"e":"depthUpdate","E":{u},"s":"BTCUSDT","u":{u},"b":[{bids}],"a":[{asks}]}}}}"#
    )
}

/// What one way reads of a message when it has learned another one.
fn read(way: Simd, learned: &str, fields: &[(&str, Part)], message: &[u8]) -> Option<Simple> {
    let mut shapes = Shapes::<u8>::with(way);
    shapes.learn(learned.as_bytes(), inside_data(fields), SCALES, 1, 7);
    let mut candidate = shapes.candidate(message)?;
    loop {
        assert_eq!(shapes.tag(candidate), Some(&7));
        let reading = shapes.read(candidate, message).map(Reading::to_simple);
        match reading {
            Some(reading) => return Some(reading),
            None => candidate = shapes.next(candidate)?,
        }
    }
}

/// All ways read alike: what the general parser reads, or nothing. Says whether it was read.
fn agree(learned: &str, fields: &[(&str, Part)], message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let readings: Vec<_> = ways().into_iter().map(|way| read(way, learned, fields, message)).collect();
    for (way, reading) in ways().into_iter().zip(&readings) {
        assert_eq!(reading, &readings[0], "{way:?} and {:?}: {text}", ways()[0]);
    }
    match &readings[0] {
        Some(reading) => {
            let general = simple::read(&mut Parser::new(), message, inside_data(fields), SCALES);
            assert_eq!(Some(reading), general.as_ref(), "{text}");
            true
        }
        None => false,
    }
}

/// Messages as a venue sends them are read, and read right, whatever their numbers are.
#[test]
fn messages_of_a_shape_are_read() {
    let learned = best("", 5_123_107_839_020, ["61800.20", "2.507", "61800.30", "2.510"], 1_723_161_256_313);
    for numbers in [
        ["61800.20", "2.507", "61800.30", "2.510"],
        ["0.01", "0.000", "1.00", "123456.000"],
        ["0.00", "0.000", "0.00", "0.000"],
        ["999999.99", "99999.999", "1000000.00", "1.000"],
    ] {
        let message = best("", 9_123_107_839_021, numbers, 1_999_161_256_313);
        assert!(agree(&learned, BEST, message.as_bytes()), "{message}");
    }
    let learned = trade("", 1_723_161_256_322, ["61800.30", "0.006"], false);
    for is_maker in [false, true] {
        let message = trade("", 1_723_161_256_999, ["1.05", "12.000"], is_maker);
        assert!(agree(&learned, TRADE, message.as_bytes()), "{message}");
    }
}

/// What the general parser would judge otherwise is handed back: leading zeros, another number of digits or decimals,
/// a minus, another text, another length.
#[test]
fn other_messages_are_handed_back() {
    let numbers = ["61800.20", "2.507", "61800.30", "2.510"];
    let learned = best("", 5_123_107_839_020, numbers, 1_723_161_256_313);
    for (other, what) in [
        (learned.replace("61800.20", "061800.20"), "leading zero"),
        (learned.replace("61800.20", "61800.2"), "fewer decimals"),
        (learned.replace("61800.20", "-1800.20"), "minus"),
        (learned.replace("2.507", "2..07"), "two points"),
        (learned.replace("2.507", ""), "nothing"),
        (learned.replace("2.507", "12345678901234.507"), "too long"),
        (learned.replace("BTCUSDT", "ETHUSDT"), "another symbol"),
        (learned.replace("5123107839020", "0123107839020"), "leading zero of a whole number"),
        (learned.replace("5123107839020", "512310783902"), "fewer digits"),
        (learned.replace(r#""B":"#, r#""C":"#), "another key"),
        (learned.replace(r#""B":"#, r#""B1":"#), "a digit in a key"),
        (format!("{learned} "), "longer"),
        (learned[..learned.len() - 1].to_owned(), "shorter"),
    ] {
        assert!(!agree(&learned, BEST, other.as_bytes()), "{what}: {other}");
    }
}

/// A shape is not learned from what cannot be read by one.
#[test]
fn some_messages_have_no_shape() {
    let good = best("", 5_123_107_839_020, ["61800.20", "2.507", "61800.30", "2.510"], 1_723_161_256_313);
    for (message, fields) in [
        (good.replace("2.507", "2.5e3"), BEST),
        (good.replace("bookTicker\",\"u", "book\\u0054icker\",\"u"), BEST),
        (good.replace("\"u\"", "\"w\""), BEST),
        (depth("", 12_345, [&[], &[]], "\""), DEPTH),
    ] {
        let mut shapes = Shapes::<u8>::with(Simd::Portable);
        shapes.learn(message.as_bytes(), inside_data(fields), SCALES, 1, 7);
        assert!(shapes.candidate(message.as_bytes()).is_none(), "{message}");
        assert_eq!(shapes.counts(), ShapeCounts::default());
    }
}

/// A kind whose messages keep changing is learned less and less often; one that is read is not learned again.
#[test]
fn learning_is_rationed() {
    let mut shapes = Shapes::<u8>::with(Simd::Portable);
    let names = inside_data(BEST);
    let mut learned = 0;
    for message in 0..10_000u64 {
        let text = best("", 10u64.pow(message as u32 % 12), ["1.00", "2.000", "3.00", "4.000"], message + 1);
        let found = shapes.candidate(text.as_bytes());
        if found.is_none_or(|found| shapes.read(found, text.as_bytes()).is_none()) && shapes.is_due(1) {
            shapes.learn(text.as_bytes(), names, SCALES, 1, 1);
            learned += 1;
        }
    }
    assert!((2..40).contains(&learned), "{learned}");
}

/// Shapes of many instruments are found, each by its own messages, also where they differ in digits alone; a raw stream's
/// stamps do not hide them.
#[test]
fn many_shapes_are_told_apart() {
    let numbers = ["61800.20", "2.507", "61800.30", "2.510"];
    let mut shapes = Shapes::<String>::with(Simd::Portable);
    let message = |symbol: &str, t: u64| best("", t, numbers, t).replace("btcusdt", symbol);
    let symbols: Vec<String> = (0..500).map(|i| format!("coin{i}usdt")).collect();
    for (kind, symbol) in symbols.iter().enumerate() {
        let names = inside_data(BEST);
        shapes.learn(
            message(symbol, 1_723_161_256_313).as_bytes(),
            names,
            SCALES,
            kind as u64,
            symbol.clone(),
        );
    }
    for symbol in &symbols {
        let text = message(symbol, 1_823_161_256_314);
        let candidate = shapes.candidate(text.as_bytes()).expect("learned");
        assert_eq!(shapes.tag(candidate), Some(symbol));
        assert!(shapes.read(candidate, text.as_bytes()).is_some());
    }
}

fn number(decimals: usize) -> impl Strategy<Value = String> {
    (0u64..10_000_000, 0u64..100_000_000).prop_map(move |(whole, fraction)| {
        format!("{whole}.{:0decimals$}", fraction % 10u64.pow(decimals as u32))
    })
}

fn levels(decimals: [usize; 2]) -> impl Strategy<Value = Vec<(String, String)>> {
    let [price, qty] = decimals;
    proptest::collection::vec((number(price), number(qty)), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Arrays of levels of any length, with any white space, quoted or not.
    #[test]
    fn levels_are_read_alike(
        bids in levels([2, 3]), asks in levels([2, 3]), learned in levels([2, 3]), spaces in "[ ]{0,2}", quoted: bool,
        u in 1_000_000_000_000u64..9_999_999_999_999,
    ) {
        let quote = if quoted { "\"" } else { "" };
        let learned = depth(&spaces, 1_723_161_256_313, [&learned, &asks], quote);
        let message = depth(&spaces, u, [&bids, &asks], quote);
        let was_read = agree(&learned, DEPTH, message.as_bytes());
        let sound = bids.iter().chain(&asks).all(|(price, _)| price.bytes().any(|b| (b'1'..=b'9').contains(&b)));
        // What stands between levels shows where there are two.
        let shown = spaces.is_empty() && learned.contains("[[") || learned.matches("],").count() > 3;
        prop_assert!(was_read || !sound || !shown, "{}", message);
    }

    /// Damage anywhere: every way reads what the general parser reads, or nothing.
    #[test]
    fn damaged_messages_are_read_alike(
        bids in levels([2, 3]), asks in levels([2, 3]), kind in 0..3, cut: bool,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4), 1..4),
    ) {
        let numbers = ["61800.20", "2.507", "61800.30", "2.510"];
        let (learned, fields) = match kind {
            0 => (best("", 5_123_107_839_020, numbers, 1_723_161_256_313), BEST),
            1 => (trade("", 1_723_161_256_322, ["61800.30", "0.006"], cut), TRADE),
            _ => (depth("", 1_723_161_256_322, [&bids, &asks], "\""), DEPTH),
        };
        let mut message = learned.clone().into_bytes();
        for (place, byte, how) in damage {
            let at = place.index(message.len());
            let byte = if byte < 128 { b"0123456789.,\"[]{}:"[usize::from(byte) % 18] } else { byte };
            match how {
                0 => message[at] = byte,
                1 => message.insert(at, byte),
                2 => drop(message.remove(at)),
                _ => {
                    let piece = message[at..(at + usize::from(byte) % 40).min(message.len())].to_vec();
                    message.splice(at..at, piece);
                }
            }
        }
        agree(&learned, fields, &message);
    }
}
