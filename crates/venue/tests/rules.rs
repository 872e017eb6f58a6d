//! The venue's rules that no field of a message says: which stream it came on, whose it is, who wants it.

mod common;

use common::message::Message;
use common::{Session, VENUES, facts, sample};
use touchline_market::{Channel, InstrumentId, UpdateError};
use touchline_venue::{Ignored, ParseError, Parsed, by_host_of, by_name_prefix};

/// `{"stream":…,"data":…}` around an event.
fn combined(stream: &str, data: &str) -> String {
    format!(r#"{{"stream":"{stream}","data":{data}}}"#)
}

/// Spot's partial depth names no symbol: with the combined wrapper or on a raw connection it is the stream's.
#[test]
fn partial_depth_is_known_by_its_stream() {
    let told = "Depth BNBBTC 0..160 at 0 flags 0: Bid 0.0024 x 10 Bid 0.0023 x 4 Ask 0.0026 x 100";
    let raw = sample("binance", "partial_depth_raw");
    let nameless = "rejected: field `stream` is missing (instrument -, channel any)";

    let mut session = Session::learning("binance");
    assert_eq!(session.tell(combined("bnbbtc@depth5", &raw)), told);
    assert_eq!(session.tell(&raw), nameless);

    session.dialect.connected("wss://stream.binance.com:9443/ws/bnbbtc@depth20@100ms?timeUnit=MICROSECOND");
    assert_eq!(session.tell(&raw), told);
    session.dialect.connected("wss://stream.binance.com:9443/stream?streams=bnbbtc@depth5/ethbtc@depth5");
    assert_eq!(session.tell(&raw), nameless, "a new connection forgets the old one's stream");
    session.dialect.connected("wss://stream.binance.com:9443/ws");
    assert_eq!(session.tell(&raw), nameless);
}

/// The futures send partial depth with the fields of a diff: the stream's name alone decides, combined and raw.
#[test]
fn futures_partial_depth_is_told_from_a_diff_by_its_stream() {
    for ((venue, folder), host) in VENUES.into_iter().zip(["", "fstream", "dstream"]).skip(1) {
        let event = sample(folder, "depth_update");
        let mut session = Session::learning(venue);
        let kinds = |session: &mut Session, frame: &str| {
            session.frame(frame).unwrap();
            session.last().split(' ').next().unwrap_or_default().to_owned()
        };
        assert_eq!(kinds(&mut session, &event), "Delta", "without a name it is a diff");
        for (stream, kind) in [
            ("x@depth", "Delta"),
            ("x@depth@0ms", "Delta"),
            ("x@depth@500ms", "Delta"),
            ("x@depth5", "Depth"),
            ("x@depth20@100ms", "Depth"),
        ] {
            assert_eq!(kinds(&mut session, &combined(stream, &event)), kind, "{venue} {stream}");
            session.dialect.connected(&format!("wss://{host}.binance.com/public/ws/{stream}"));
            assert_eq!(kinds(&mut session, &event), kind, "{venue} raw {stream}");
            session.dialect.connected("wss://elsewhere/stream");
        }
        let partial = combined("x@depth5", &event);
        session.frame(&partial).unwrap();
        assert!(
            session.last().contains(" 0..687687946 "),
            "partial depth follows no message: {}",
            session.last()
        );
    }
}

/// The book with retail price improvement orders is another book under the same event name: never applied to ours.
#[test]
fn the_retail_book_is_left_alone() {
    for (venue, folder) in VENUES {
        let event = sample(folder, "depth_update");
        let mut session = Session::learning(venue);
        assert_eq!(session.tell(combined("x@rpiDepth@500ms", &event)), "ignored: unknown event");
        session.dialect.connected("wss://fstream.binance.com/public/ws/x@rpiDepth@500ms");
        assert_eq!(session.tell(&event), "ignored: unknown event");
    }
}

/// Since the futures merged, a connection may carry the other product's messages: `st` says whose they are.
#[test]
fn messages_of_the_other_product_are_ignored() {
    for name in
        ["depth_update", "depth_update_combined", "book_ticker", "trade", "agg_trade", "ticker", "kline"]
    {
        let (usdm, coinm) = (sample("binance_usdm", name), sample("binance_coinm", name));
        assert_eq!(Session::learning("binance-usdm").tell(&coinm), "ignored: other product", "{name}");
        assert_eq!(Session::learning("binance-coinm").tell(&usdm), "ignored: other product", "{name}");
        // Before the merge nothing said so, and spot never does.
        let before = Message::read(&sample("binance_usdm", "trade")).without("st");
        assert_eq!(Session::learning("binance-usdm").frame(before.text()), Ok(Parsed::Updates(1)));
    }
    let spot = Message::read(&sample("binance", "trade")).with("st", "2");
    assert_eq!(Session::learning("binance").frame(spot.text()), Ok(Parsed::Updates(1)));
}

/// `X` says whether a futures print is from the book; older streams and spot leave it out.
#[test]
fn prints_outside_the_book_are_ignored() {
    let trade = Message::read(&sample("binance_usdm", "trade"));
    let mut session = Session::learning("binance-usdm");
    for execution in ["INSURANCE_FUND", "ADL", "NA", ""] {
        let print = trade.with("X", &format!("{execution:?}"));
        assert_eq!(session.tell(print.text()), "ignored: off-book print");
    }
    assert_eq!(session.frame(trade.text()), Ok(Parsed::Updates(1)));
    assert_eq!(session.frame(trade.without("X").text()), Ok(Parsed::Updates(1)));
}

/// Stamps are milliseconds, or microseconds on a connection that asked for them; both become nanoseconds.
#[test]
fn stamps_are_nanoseconds_whatever_their_unit() {
    let trade = Message::read(&sample("binance", "trade"));
    for (sent, stamp) in [
        ("1700000000301", 1_700_000_000_301_000_000),
        ("1700000000301456", 1_700_000_000_301_456_000),
        ("99999999999999", 99_999_999_999_999_000_000_u128 as u64),
        ("100000000000000", 100_000_000_000_000_000),
        ("0", 0),
    ] {
        let mut session = Session::learning("binance");
        session.frame(trade.with("T", sent).text()).unwrap();
        let expected = if sent == "99999999999999" { u64::MAX } else { stamp };
        assert_eq!(session.sink.messages[0].0.ts_event.0, expected, "{sent}");
    }
    // The engine's stamp is missing: the gateway's. Both are: none.
    let mut session = Session::learning("binance");
    session.frame(trade.without("T").text()).unwrap();
    assert_eq!(session.sink.messages[0].0.ts_event.0, 1_700_000_000_302_000_000);
    session.frame(trade.without("T").without("E").text()).unwrap();
    assert_eq!(session.sink.messages[1].0.ts_event.get(), None);
}

/// A symbol nobody listed is ignored in every kind of message, and takes no place in the listing.
#[test]
fn symbols_not_subscribed_are_ignored() {
    for (venue, folder) in VENUES {
        let mut session = Session::listed(venue, &[]);
        let names =
            ["depth_update", "depth_update_combined", "partial_depth", "book_ticker", "trade", "agg_trade"];
        for name in names.into_iter().chain(["ticker"]) {
            assert_eq!(session.tell(sample(folder, name)), "ignored: not subscribed", "{venue} {name}");
        }
        assert_eq!(session.listing.instruments().len(), 0);
    }
}

/// Of a listed instrument only the wanted channels come through.
#[test]
fn channels_not_wanted_are_ignored() {
    let of = [
        (Channel::Book, "depth_update"),
        (Channel::Depth, "partial_depth"),
        (Channel::Bbo, "book_ticker"),
        (Channel::Trade, "trade"),
        (Channel::Trade, "agg_trade"),
        (Channel::Ticker, "ticker"),
    ];
    for (venue, folder) in VENUES {
        let mut session = Session::learning(venue);
        session.frame(sample(folder, "trade")).unwrap();
        for wanted in [Channel::Book, Channel::Depth, Channel::Bbo, Channel::Trade, Channel::Ticker] {
            session.listing.set_channels(InstrumentId(0), &[wanted]);
            for (channel, name) in of {
                let expected = match channel == wanted {
                    true => Parsed::Updates(1),
                    false => Parsed::Ignored(Ignored::Unsubscribed),
                };
                assert_eq!(session.frame(sample(folder, name)), Ok(expected), "{venue} {name} of {wanted:?}");
            }
            let symbol = session.listing.get(InstrumentId(0)).unwrap().symbol.clone();
            let snapshot = session.snapshot(&symbol, sample(folder, "depth_snapshot"));
            assert_eq!(snapshot == Ok(Parsed::Updates(1)), wanted == Channel::Book, "{venue} snapshot");
        }
    }
}

/// Empty sides are a book's right; what a venue may one day send behind price and quantity is passed over.
#[test]
fn levels_may_be_none_and_may_grow() {
    let update = Message::read(&sample("binance", "depth_update"));
    let mut session = Session::learning("binance");
    let empty = update.with("b", "[]").with("a", "[]");
    assert_eq!(session.tell(empty.text()), "Delta BNBBTC 156..160 at 1700000000101000000 flags 0:");
    let longer = update.with("b", r#"[["0.5","2",[]],["0.4","3","x",{}]]"#).with("a", "[]");
    let told = "Delta BNBBTC 156..160 at 1700000000101000000 flags 0: Bid 0.5 x 2 Bid 0.4 x 3";
    assert_eq!(session.tell(longer.text()), told);
}

/// The limit of levels is reached without harm and exceeded by one with a typed error.
#[test]
fn a_side_has_a_limit_of_levels() {
    let update = Message::read(&sample("binance", "depth_update"));
    let most = touchline_market::LEVELS_MAX;
    let side = |levels: usize| format!("[{}]", vec![r#"["1","2"]"#; levels].join(","));
    for field in ["b", "a"] {
        let mut session = Session::learning("binance");
        assert_eq!(session.frame(update.with(field, &side(most)).text()), Ok(Parsed::Updates(1)));
        let rejected = session.frame(update.with(field, &side(most + 1)).text()).unwrap_err();
        assert_eq!(rejected.error, ParseError::Update(UpdateError::TooManyLevels));
        assert_eq!((rejected.instrument, rejected.channel), (Some(InstrumentId(0)), Some(Channel::Book)));
    }
}

/// A sink without room rejects the message whole; a smaller one fits behind it.
#[test]
fn a_full_sink_rejects_the_message_whole() {
    let mut session = Session::learning("binance");
    session.sink = common::Collect::with_room(2);
    let rejected = session.frame(sample("binance", "depth_update")).unwrap_err();
    assert_eq!(rejected.error, ParseError::Update(UpdateError::SinkFull));
    assert_eq!(session.frame(sample("binance", "depth_update_combined")), Ok(Parsed::Updates(1)));
    session.sink = common::Collect::with_room(0);
    for name in ["trade", "book_ticker", "ticker", "partial_depth"] {
        let rejected = session.frame(sample("binance", name)).unwrap_err();
        assert_eq!(rejected.error, ParseError::Update(UpdateError::SinkFull), "{name}");
    }
}

/// A recording is recognised by its hosts and by its name.
#[test]
fn venues_are_found_by_host_and_by_name() {
    for (url, name) in [
        ("wss://stream.binance.com:9443/ws", "binance"),
        ("wss://stream.binance.us:9443/stream?streams=a", "binance"),
        ("wss://fstream.binance.com/public/ws", "binance-usdm"),
        ("https://dapi.binance.com/dapi/v1/depth?symbol=BTCUSD_PERP", "binance-coinm"),
    ] {
        assert_eq!(by_host_of(url).map(|facts| facts.name.as_str()), Some(name), "{url}");
    }
    assert!(by_host_of("wss://example.com/ws").is_none());
    for (text, name) in [
        ("binance-spot-btcusdt-20240808", Some("binance")),
        ("binance-usdm-btcusdt-20240808", Some("binance-usdm")),
        ("binance-coinm.cap.zst", Some("binance-coinm")),
        ("binanceus-gct-frames", None),
    ] {
        assert_eq!(by_name_prefix(text).map(|facts| facts.name.as_str()), name, "{text}");
    }
    for (venue, _) in VENUES {
        assert_eq!(facts(venue).name.as_str(), venue);
    }
}
