//! Kraken's messages, both protocols: each sample gives exactly the updates that a person reads in it.

mod common;

use std::fmt::Write;

use common::{Session, both, exact, rejection, sample, sample_names, show};
use proptest::collection::vec;
use proptest::prelude::{prop_assert_eq, proptest};
use touchline_market::{
    Channel, Flags, Head, Level, Levels, Order, OrderStep, Record, Side, Trailer, UpdateKind,
};
use touchline_venue::exchange::{Book, Fate, Request, Stream, Traded};
use touchline_venue::{Ask, ParseError, Parsed, Reply, by_host_of, by_name_prefix};

/// The updates of a frame as text, one a line, or what became of it.
fn tell(session: &mut Session, frame: impl AsRef<[u8]>) -> String {
    let before = session.sink.messages.len();
    match session.frame(frame) {
        Ok(Parsed::Updates(_)) => {
            let updates = session.sink.messages[before..].iter();
            updates.map(|(head, body)| with_rest(session, head, body)).collect::<Vec<_>>().join("\n")
        }
        Ok(Parsed::Ignored(reason)) => common::ignored(reason),
        Err(rejected) => rejection(rejected),
    }
}

/// An update as text with what the shared form leaves out.
fn with_rest(session: &Session, head: &Head, body: &[Record]) -> String {
    let (price_scale, qty_scale) = (head.price_scale, head.qty_scale);
    let orders = matches!(head.kind, UpdateKind::OrderSnapshot | UpdateKind::OrderDelta);
    // Orders are no levels: the shared form would read them as such.
    let shown = if orders { Head { bids: 0, asks: 0, ..*head } } else { *head };
    let mut text = show(&session.listing, &shown, body);
    match head.kind {
        UpdateKind::OrderSnapshot | UpdateKind::OrderDelta => {
            for order in body.iter().map(Order::from_record) {
                let side = if order.side == Side::Bid { "bid" } else { "ask" };
                let step = match order.step {
                    OrderStep::Add => "add",
                    OrderStep::Modify => "modify",
                    OrderStep::Delete => "delete",
                };
                let (price, qty) = (order.price.at(price_scale), order.qty.at(qty_scale));
                let _ =
                    write!(text, " {step} {side} {:x}: {price} x {qty} since {}", order.id.0, order.since.0);
            }
        }
        _ => {}
    }
    if head.flags.has(Flags::TRAILER) {
        let Trailer { checksum, price_digits, qty_digits, cut } = Trailer::of(body.last().unwrap());
        let _ = write!(text, " [checksum {checksum:?} of {price_digits} and {qty_digits} digits, cut {cut}]");
    }
    text
}

/// Name of a sample, and what it gives.
type Expected = (&'static str, &'static str);

const SAMPLES: &[Expected] = &[
    (
        "book_documented",
        "Snapshot BTC/USD 0..0 at 0 flags 16: Bid 45283.5 x 0.1 Bid 45283.4 x 1.54582015 Bid 45282.1 x 0.1 \
         Bid 45281 x 0.1 Bid 45280.3 x 1.54592586 Bid 45279 x 0.0799 Bid 45277.6 x 0.03310103 \
         Bid 45277.5 x 0.3 Bid 45277.3 x 1.54602737 Bid 45276.6 x 0.15445238 Ask 45285.2 x 0.001 \
         Ask 45286.4 x 1.54571953 Ask 45286.6 x 1.54571109 Ask 45289.6 x 1.54560911 Ask 45290.2 x 0.1589066 \
         Ask 45291.8 x 1.54553491 Ask 45294.7 x 0.04454749 Ask 45296.1 x 0.3538 Ask 45297.5 x 0.09945542 \
         Ask 45299.5 x 0.18772827 [checksum Some(3310070434) of 1 and 8 digits, cut 10]",
    ),
    (
        "book_several",
        "Delta BTC/USD 0..1759772155440303 at 1759772155440303000 flags 16: Ask 105944.3 x 0.5 \
         [checksum Some(1) of 2 and 8 digits, cut 0]\n\
         Delta ETH/USD 0..1759772155440304 at 1759772155440304000 flags 16: Bid 3000.1 x 1 \
         [checksum Some(2) of 2 and 8 digits, cut 0]",
    ),
    (
        "book_snapshot",
        "Snapshot BTC/USD 0..1759772155440295 at 1759772155440295000 flags 16: \
         Bid 105944.2 x 0.136 Bid 105944.1 x 2 Ask 105944.3 x 0.25 \
         [checksum Some(2439117997) of 2 and 8 digits, cut 10]",
    ),
    (
        "book_update",
        "Delta BTC/USD 0..1759772155440301 at 1759772155440301000 flags 16: \
         Bid 105944.2 x 0.25 Bid 105944.1 x 0 [checksum Some(2114181697) of 2 and 8 digits, cut 0]",
    ),
    (
        "book_update_exponent",
        "Delta BTC/USD 0..1759772155440302 at 1759772155440302000 flags 16: \
         Bid 105944.2 x 0.00000001 [checksum Some(7) of 0 and 0 digits, cut 0]",
    ),
    ("heartbeat", "ignored: heartbeat"),
    // Nobody lists the pairs, and definitions adopt none.
    ("instrument", "ignored: not subscribed"),
    (
        "level3_snapshot",
        "OrderSnapshot BTC/USD 0..0 at 0 flags 0: \
         add bid 27a6f87671fcfc530b882f13: 42000 x 0.5 since 1736942400000001000 \
         add ask 4054: 42001.5 x 1.25 since 1736942401000000000",
    ),
    (
        "level3_update",
        "OrderDelta BTC/USD 0..1736942402000000 at 1736942402000000000 flags 0: \
         delete bid 27a6f87671fcfc530b882f13: 42000 x 0 since 1736942402000000000 \
         modify ask 4054: 42001.5 x 1 since 1736942402000000000 \
         add ask 4055: 42002 x 3 since 1736942402000000000",
    ),
    (
        "ohlc",
        "Candle BTC/USD 0..0 at 1759595160000000000 flags 0: \
         open 106038.2 high 106044.3 low 106038.1 close 106040.1 volume 30.68066226 \
         from 1759595100000000000 for 60 s, 12 trades",
    ),
    ("pong", "ignored: acknowledgement"),
    ("rate_exceeded", "ignored: error reply"),
    ("refused", "ignored: error reply"),
    ("status", "ignored: notice"),
    ("subscribed_book", "ignored: acknowledgement"),
    ("subscribed_ticker_bbo", "ignored: acknowledgement"),
    (
        "ticker",
        "Bbo ALGO/USD 0..0 at 1759772155440295000 flags 0: bid 0.10025 x 740 ask 0.10035 x 741.5\n\
         Ticker ALGO/USD 0..0 at 1759772155440295000 flags 0: \
         last 0.10035 x 0 open 0 high 0.10285 low 0.09979 volume 997038.98383185",
    ),
    ("ticker_never_traded", "Bbo ANETx/USD 0..0 at 0 flags 0: bid 0 x 0 ask 0 x 0"),
    (
        "trade",
        "Trade BTC/USD 0..10218208 at 1759772155440295000 flags 0: bought 0.00027625 for 105944.2 as 10218208\n\
         Trade BTC/USD 0..10218209 at 1759772155440296000 flags 0: sold 1 for 105944.1 as 10218209",
    ),
    ("trade_snapshot", "ignored: not subscribed"),
];

const SAMPLES_V1: &[Expected] = &[
    (
        "book_snapshot",
        "Snapshot XBT/USD 0..1534614248765567 at 1534614248765567000 flags 16: \
         Bid 5541.2 x 1.529 Ask 5541.3 x 2.507 Ask 5541.8 x 0.33 [checksum None of 5 and 8 digits, cut 100]",
    ),
    (
        "book_snapshot_2019",
        "Snapshot ADA/CAD 0..1561939199992830 at 1561939199992830000 flags 16: \
         Bid 0.10281 x 2 Ask 0.102987 x 3 [checksum None of 6 and 8 digits, cut 1000]",
    ),
    (
        "book_update",
        "Delta XBT/USD 0..1534614249456738 at 1534614249456738000 flags 16: \
         Ask 5541.3 x 2.507 Ask 5542.5 x 0.401 [checksum Some(974942666) of 5 and 8 digits, cut 10]",
    ),
    (
        "book_update_2019",
        "Delta XMR/USD 0..1561939258527900 at 1561939258527900000 flags 16: \
         Bid 87.6 x 35.02658459 [checksum None of 8 and 8 digits, cut 1000]",
    ),
    (
        "book_update_parts",
        "Delta SC/EUR 0..1618678145920708 at 1618678145920708000 flags 16: \
         Bid 0.04299 x 0 Ask 0.04299 x 364630.28272081 \
         [checksum Some(4105471083) of 6 and 8 digits, cut 1000]",
    ),
    ("heartbeat", "ignored: heartbeat"),
    (
        "ohlc",
        "Candle XBT/USD 0..0 at 1542057314748456000 flags 0: \
         open 3586.7 high 3586.8 low 3586.5 close 3586.6 volume 0.03373 \
         from 1542057300000000000 for 300 s, 2 trades",
    ),
    ("pong", "ignored: acknowledgement"),
    ("refused", "ignored: error reply"),
    (
        "spread",
        "Bbo XBT/USD 0..0 at 1542057299545897000 flags 0: bid 5698.4 x 1.01234567 ask 5700 x 0.98765432",
    ),
    ("subscribed", "ignored: acknowledgement"),
    ("system_status", "ignored: notice"),
    (
        "ticker",
        "Ticker XBT/USD 0..0 at 0 flags 0: \
         last 5525.1 x 0.00398963 open 5763.4 high 5784 low 5504 volume 3591.17907851",
    ),
    (
        "trade",
        "Trade XBT/EUR 0..0 at 1561939258512503000 flags 0: sold 0.01596347 for 9482.4 as 0\n\
         Trade XBT/EUR 0..0 at 1561939258557040000 flags 0: bought 0.28522465 for 9488.2 as 0",
    ),
];

const VENUES: [(&str, &str, &[Expected]); 2] =
    [("kraken", "kraken", SAMPLES), ("kraken-v1", "kraken_v1", SAMPLES_V1)];

/// Every sample, each on a connection of its own, gives what a person reads in it.
#[test]
fn samples_give_what_they_say() {
    for (venue, folder, samples) in VENUES {
        let names: Vec<_> = samples.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, sample_names(folder), "every sample is expected");
        for (name, expected) in samples {
            let mut session = Session::learning(venue);
            assert_eq!(tell(&mut session, sample(folder, name)), *expected, "{venue}: {name}");
        }
    }
}

/// What an acknowledgement says lasts for the connection: the depth that books are cut to, the trigger that tells the
/// two channels of a ticker apart. A new connection knows neither.
#[test]
fn acknowledgements_tell_depth_and_trigger() {
    let mut session = Session::learning("kraken");
    let deep = sample("kraken", "subscribed_book").replace(r#""depth":10"#, r#""depth":1000"#);
    for name in [deep, sample("kraken", "subscribed_ticker_bbo")] {
        session.frame(name).unwrap();
    }
    let snapshot = tell(&mut session, sample("kraken", "book_snapshot"));
    assert!(snapshot.ends_with("[checksum Some(2439117997) of 2 and 8 digits, cut 1000]"), "{snapshot}");
    let update = tell(&mut session, sample("kraken", "book_update_exponent"));
    assert!(update.ends_with("[checksum Some(7) of 2 and 8 digits, cut 1000]"), "{update}");
    let ticker = tell(&mut session, sample("kraken", "ticker"));
    assert!(ticker.starts_with("Bbo") && ticker.lines().count() == 1, "{ticker}");
    session.dialect.connected("wss://ws.kraken.com/v2");
    let update = tell(&mut session, sample("kraken", "book_update_exponent"));
    assert!(update.ends_with("[checksum Some(7) of 0 and 0 digits, cut 0]"), "{update}");
    let by_trades = sample("kraken", "subscribed_ticker_bbo").replace(r#""bbo""#, r#""trades""#);
    session.frame(by_trades).unwrap();
    let ticker = tell(&mut session, sample("kraken", "ticker"));
    assert!(ticker.starts_with("Ticker") && ticker.lines().count() == 1, "{ticker}");
}

/// Without an acknowledgement a snapshot shows the depth, for the updates behind it too; decimals begin anew with each
/// snapshot and grow with what comes.
#[test]
fn a_snapshot_shows_depth_and_decimals() {
    let mut session = Session::learning("kraken");
    session.frame(sample("kraken", "book_snapshot")).unwrap();
    let update = tell(&mut session, sample("kraken", "book_update"));
    assert!(update.ends_with("of 2 and 8 digits, cut 10]"), "{update}");
    let finer = sample("kraken", "book_update").replace("105944.20", "105944.205");
    let update = tell(&mut session, finer);
    assert!(update.ends_with("of 3 and 8 digits, cut 10]"), "{update}");
    let snapshot = tell(&mut session, sample("kraken", "book_snapshot"));
    assert!(snapshot.ends_with("of 2 and 8 digits, cut 10]"), "{snapshot}");
}

/// Definitions teach listed pairs their scales and say whether they trade; pairs that nobody lists stay unknown.
#[test]
fn definitions_are_of_listed_pairs() {
    let mut session = Session::learning("kraken");
    session.frame(sample("kraken", "book_update")).unwrap();
    assert_eq!(
        tell(&mut session, sample("kraken", "instrument")),
        "Status BTC/USD 0..0 at 0 flags 0: Halted"
    );
    assert_eq!(session.listing.instruments().len(), 1);
    let (_, btc) = session.listing.instruments().next().unwrap();
    assert_eq!((btc.price_scale, btc.qty_scale), (1, 8), "the definition's decimals");
}

/// One item of several that cannot be read: nothing of the frame is taken, and every book of the channel hears of it.
#[test]
fn a_frame_is_taken_whole_or_not_at_all() {
    let mut session = Session::learning("kraken");
    let spoilt = sample("kraken", "book_several").replace(r#""qty":1.00000000"#, r#""qty":-1"#);
    let rejected = session.frame(spoilt).unwrap_err();
    assert_eq!((rejected.instrument, rejected.channel), (None, Some(Channel::Book)));
    assert!(session.sink.messages.is_empty());
    // Of one instrument alone, it is that one's.
    let spoilt = sample("kraken", "trade").replace(r#""sell""#, r#""gift""#);
    let rejected = session.frame(spoilt).unwrap_err();
    assert_eq!(rejected.error, ParseError::WrongType("side"));
    assert!(rejected.instrument.is_some() && session.sink.messages.is_empty());
    // What the first item needs of finer scales is not said twice.
    assert_eq!(session.frame(sample("kraken", "ticker")), Ok(Parsed::Updates(2)));
}

/// The venue's own side and ours, written apart, understand each other: requests are taken, acknowledgements name the
/// streams, and every message that the venue writes of a book gives that book.
#[test]
fn both_sides_of_the_wire_agree() {
    let facts = common::facts("kraken");
    let exchange = (facts.exchange)().unwrap();
    let mut session = Session::learning("kraken");
    let mut opening = exchange.open("/v2", 0).unwrap();
    assert_eq!(tell(&mut session, &opening.hello[0]), "ignored: notice");
    let traded = Traded { symbol: "BTC/USD".to_owned(), price_scale: 2, qty_scale: 8 };
    for (channel, id) in facts.channels.iter().zip(1..) {
        let mut name = String::new();
        (facts.texts.stream)(&traded.symbol, *channel, 25, &mut name);
        let text = (facts.texts.request)(Ask::Subscribe, &[&name], id);
        let Request::Asked(asked) = exchange.read(&mut opening.connection, &text, 0) else {
            panic!("{text}")
        };
        let reply = |fate| {
            let mut answers = Vec::new();
            exchange.answer(&opening.connection, &asked, &[fate], 0, &mut answers);
            assert_eq!(answers.len(), 1);
            (answers[0].clone(), (facts.texts.reply)(answers[0].as_bytes()))
        };
        let (answer, given) = reply(Fate::Taken);
        assert_eq!(tell(&mut session, answer), "ignored: acknowledgement");
        let (answer, refused) = reply(Fate::UnknownSymbol);
        assert_eq!(tell(&mut session, answer), "ignored: error reply");
        if *channel == Channel::Status {
            assert_eq!(given, Reply::Accepted { id });
            continue;
        }
        assert_eq!(given, Reply::Subscribed { streams: vec![name.clone()] });
        let Reply::Refused { id: of, stream, terminal, .. } = refused else { panic!("{refused:?}") };
        assert_eq!((of, stream.as_ref(), terminal), (Some(id), Some(&name), true));
        assert_eq!(asked.streams[0].channel, Some(*channel));
        if *channel == Channel::Book {
            let mut out = String::new();
            let (bids, asks) = ([Level::new(5_000, 50), Level::new(4_995, 10)], [Level::new(5_005, 7)]);
            let (event_ms, stamp_us) = (1_759_772_155_440, 1_759_772_155_440_295);
            let book = Book { event_ms, stamp_us, sequence: 1, bids: &bids, asks: &asks };
            exchange.book_snapshot(&traded, &asked.streams[0], &book, &mut out);
            let told = tell(&mut session, out);
            let levels = "Snapshot BTC/USD 0..1759772155440295 at 1759772155440295000 flags 16: \
                          Bid 50 x 0.0000005 Bid 49.95 x 0.0000001 Ask 50.05 x 0.00000007 [checksum Some(";
            assert!(told.starts_with(levels) && told.ends_with(") of 2 and 8 digits, cut 25]"), "{told}");
        }
    }
    let body = exchange.instruments_body(0, std::slice::from_ref(&traded));
    let list = (facts.instruments)(body.as_bytes()).unwrap();
    assert_eq!((list[0].symbol.as_str(), list[0].price_scale), (traded.symbol.as_str(), 2));
}

proptest! {
    /// Whatever levels the venue's side writes, ours reads them: values, sides, order, and the decimals as sent.
    #[test]
    fn levels_survive_the_wire(
        bids in vec((1_i64..1_000_000_000_000, 0_u64..1_000_000_000_000_000), 0..40),
        asks in vec((1_i64..1_000_000_000_000, 0_u64..1_000_000_000_000_000), 0..40),
        price_scale in 0_u8..=8,
        qty_scale in 0_u8..=8,
    ) {
        let exchange = (common::facts("kraken").exchange)().unwrap();
        let levels = |side: &[(i64, u64)]| side.iter().map(|&(at, qty)| Level::new(at, qty)).collect::<Vec<_>>();
        let (bids, asks) = (levels(&bids), levels(&asks));
        let traded = Traded { symbol: "A/B".to_owned(), price_scale, qty_scale };
        let stream = Stream { name: String::new(), symbol: "A/B".to_owned(), channel: None, levels: 0 };
        let book = Book { event_ms: 0, stamp_us: 5, sequence: 1, bids: &bids, asks: &asks };
        let mut out = String::new();
        exchange.book_snapshot(&traded, &stream, &book, &mut out);
        let mut session = Session::learning("kraken");
        prop_assert_eq!(session.frame(&out), Ok(Parsed::Updates(1)));
        let (head, body) = session.sink.messages.last().unwrap();
        let read = exact(Levels::new(head, body.iter()), (head.price_scale, head.qty_scale));
        prop_assert_eq!(read, exact(both(&bids, &asks), (price_scale, qty_scale)), "{}", out);
        let trailer = Trailer::of(body.last().unwrap());
        let digits = if bids.len() + asks.len() == 0 { (0, 0) } else { (price_scale, qty_scale) };
        prop_assert_eq!((trailer.price_digits, trailer.qty_digits), digits);
    }
}

/// Each protocol passes over the other's frames, and over the venue's futures.
#[test]
fn the_other_protocol_is_another_product() {
    let futures =
        r#"{"feed":"trade","product_id":"PI_XBTUSD","side":"sell","seq":374,"qty":166,"price":9680}"#;
    for (venue, folder, other) in
        [("kraken", "kraken_v1", "book_update"), ("kraken-v1", "kraken", "book_update")]
    {
        let mut session = Session::learning(venue);
        for frame in [sample(folder, other), sample(folder, "heartbeat"), futures.to_owned()] {
            assert_eq!(tell(&mut session, &frame), "ignored: other product", "{venue}: {frame}");
        }
    }
}

/// The host is shared: the path tells the protocols apart, and the name of a recording where there is no such URL.
#[test]
fn the_two_protocols_are_told_apart() {
    for (url, name) in [
        ("wss://ws.kraken.com/v2", Some("kraken")),
        ("wss://ws.kraken.com:443/v2?x=1", Some("kraken")),
        ("wss://ws-l3.kraken.com/v2", Some("kraken")),
        ("wss://ws.kraken.com/v2/", Some("kraken")),
        ("wss://ws.kraken.com/v20", Some("kraken-v1")),
        ("wss://ws.kraken.com", Some("kraken-v1")),
        ("wss://ws.kraken.com/", Some("kraken-v1")),
        ("https://api.kraken.com/0/public/AssetPairs", None),
        ("wss://futures.kraken.com/ws/v1", None),
    ] {
        assert_eq!(by_host_of(url).map(|facts| facts.name.as_str()), name, "{url}");
    }
    for (text, name) in [("kraken-v1-ws50-20210417", "kraken-v1"), ("kraken-v2-checksum-btcusd", "kraken")] {
        assert_eq!(by_name_prefix(text).map(|facts| facts.name.as_str()), Some(name), "{text}");
    }
}
