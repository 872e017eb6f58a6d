//! Random messages: however one is written it means the same, and what an exchange writes is what the parser reads.

mod common;

use common::wire::{Dice, Number, Value, plainly, somehow};
use common::{Session, VENUES};
use proptest::collection::vec;
use proptest::prelude::*;
use touchline_market::{
    Bbo, Flags, Head, Instrument, InstrumentId, Level, Levels, Nanos, Sequence, Side, Trade, UpdateKind,
};
use touchline_venue::Parsed;
use touchline_venue::binance::exchange::{DepthUpdate, Exchange};

fn number(from: u64) -> impl Strategy<Value = Number> {
    (from..1_000_000_000, 0u8..=8).prop_map(|(mantissa, scale)| Number { mantissa, scale })
}

fn levels() -> impl Strategy<Value = Value> {
    vec((number(1), number(0)), 0..12).prop_map(Value::Levels)
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// An event of the product at this place in [`VENUES`], combined or raw.
fn event(product: usize) -> impl Strategy<Value = Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let symbol = "[A-Z0-9]{2,10}(_PERP)?";
    let count = || (0..1u64 << 53).prop_map(Value::Count);
    let head = (symbol.prop_map(Value::Text), count(), count(), count(), 0..1_800_000_000_000u64);
    let depth = (head.clone(), levels(), levels()).prop_map(move |((s, first, u, pu, at), b, a)| {
        let mut fields = vec![("e", text("depthUpdate")), ("E", Value::Count(at)), ("s", s)];
        fields.extend([("U", first), ("u", u), ("b", b), ("a", a)]);
        if product > 0 {
            fields.extend([("pu", pu), ("T", Value::Count(at + 3))]);
        }
        fields
    });
    let sides = (number(1), number(0), number(1), number(0));
    let bbo = (head.clone(), sides).prop_map(move |((s, u, _, _, at), (b, b_qty, a, a_qty))| {
        let mut fields = vec![("u", u), ("s", s)];
        let named = [("b", b), ("B", b_qty), ("a", a), ("A", a_qty)];
        fields.extend(named.map(|(key, number)| (key, Value::Decimal(number))));
        if product > 0 {
            fields.extend([("e", text("bookTicker")), ("T", Value::Count(at)), ("E", Value::Count(at + 1))]);
        }
        fields
    });
    let print = (head, number(1), number(0), any::<bool>(), any::<bool>());
    let trade = print.prop_map(move |((s, id, _, _, at), price, qty, maker, aggregated)| {
        let (name, key) = if aggregated { ("aggTrade", "a") } else { ("trade", "t") };
        let mut fields = vec![("e", text(name)), ("E", Value::Count(at + 2)), ("T", Value::Count(at))];
        fields.extend([("s", s), (key, id), ("m", Value::Bool(maker))]);
        fields.extend([("p", Value::Decimal(price)), ("q", Value::Decimal(qty))]);
        if product > 0 && !aggregated {
            fields.push(("X", text("MARKET")));
        }
        fields
    });
    (prop_oneof![depth, bbo, trade], any::<bool>(), any::<bool>()).prop_map(
        move |(mut fields, combined, merged)| {
            if product > 0 && merged {
                fields.push(("st", Value::Count(product as u64)));
            }
            let event = object(fields);
            if combined { object(vec![("stream", text("x@y")), ("data", event)]) } else { event }
        },
    )
}

fn level() -> impl Strategy<Value = Level> {
    (1i64..1_000_000_000_000, 0u64..1_000_000_000_000).prop_map(|(price, qty)| Level::new(price, qty))
}

/// An exchange, and a connection to it that has its instrument listed at these scales.
fn both_ends(product: usize, (price_scale, qty_scale): (u8, u8)) -> (Exchange, Session, &'static str) {
    let (venue, _) = VENUES[product];
    let make = [Exchange::spot, Exchange::usdm, Exchange::coinm][product];
    let symbol = ["BNBBTC", "BTCUSDT", "BTCUSD_PERP"][product];
    let mut adopting = Session::learning(venue).listing;
    let id = adopting.find(symbol).expect("adopted").id;
    let instrument = adopting.get(id).expect("adopted").clone();
    let listed = Instrument { price_scale, qty_scale, provisional: false, ..instrument };
    (make(symbol, price_scale, qty_scale), Session::listed(venue, &[listed]), symbol)
}

fn sides(bids: &[Level], asks: &[Level]) -> Vec<(Side, Level)> {
    let of = |side, levels: &[Level]| levels.iter().map(move |&level| (side, level)).collect::<Vec<_>>();
    [of(Side::Bid, bids), of(Side::Ask, asks)].concat()
}

fn last_book(session: &Session) -> (Head, Vec<(Side, Level)>) {
    let (head, body) = session.sink.messages.last().expect("an update");
    (*head, Levels::new(head, body.iter()).collect())
}

proptest! {
    /// Order of keys, white space, unknown fields, escapes and forms of numbers change nothing: same head, same body.
    #[test]
    fn a_message_means_the_same_however_it_is_written(
        (product, event) in (0..VENUES.len()).prop_flat_map(|product| (Just(product), event(product))),
        seed: u64,
    ) {
        let (venue, _) = VENUES[product];
        let mut dice = Dice(seed);
        let mut plain = Session::learning(venue);
        prop_assert_eq!(plain.frame(plainly(&event)), Ok(Parsed::Updates(1)), "{}", plainly(&event));
        for _ in 0..4 {
            let text = somehow(&event, &mut dice);
            let mut session = Session::learning(venue);
            prop_assert_eq!(session.frame(&text), Ok(Parsed::Updates(1)), "{}", text);
            prop_assert_eq!(&session.sink.messages, &plain.sink.messages, "{}", text);
        }
    }

    /// The exchange's side of the wire, written without looking at the parser: every number comes back as it was.
    #[test]
    fn what_the_exchange_writes_is_what_the_parser_reads(
        product in 0..VENUES.len(),
        scales in (0u8..=8, 0u8..=8),
        bids in vec(level(), 0..9),
        asks in vec(level(), 0..9),
        (bid, ask) in (level(), level()),
        (at, first, last, previous) in (1..1_800_000_000_000u64, 1..1u64 << 50, 1..1u64 << 50, 1..1u64 << 50),
        sold: bool,
    ) {
        let (exchange, mut session, symbol) = both_ends(product, scales);
        let spot = product == 0;
        let stamp = Nanos::from_millis(at);
        let unstamped = if spot { Nanos::NONE } else { stamp };
        let mut single = Head::new(UpdateKind::Trade, InstrumentId(0));
        (single.price_scale, single.qty_scale) = scales;
        (single.ts_event, single.sequence) = (stamp, Sequence(last));
        let mut book = Head { kind: UpdateKind::Delta, ..single };
        (book.bids, book.asks) = (bids.len() as u16, asks.len() as u16);
        let mut text = String::new();

        let update = DepthUpdate { event_ms: at, first, last, previous, bids: &bids, asks: &asks };
        exchange.depth_update(&mut text, &update);
        prop_assert_eq!(session.frame(&text), Ok(Parsed::Updates(1)), "{}", text);
        let followed = Sequence(if spot { first - 1 } else { previous });
        prop_assert_eq!(last_book(&session), (Head { previous: followed, ..book }, sides(&bids, &asks)));

        text.clear();
        exchange.snapshot(&mut text, last, at, &bids, &asks);
        prop_assert_eq!(session.snapshot(symbol, &text), Ok(Parsed::Updates(1)), "{}", text);
        let (kind, flags) = (UpdateKind::Snapshot, Flags::BESIDE_STREAM);
        let snapshot = Head { kind, flags, ts_event: unstamped, ..book };
        prop_assert_eq!(last_book(&session), (snapshot, sides(&bids, &asks)));

        text.clear();
        let bbo = Bbo { bid, ask };
        exchange.book_ticker(&mut text, at, last, &bbo);
        prop_assert_eq!(session.frame(&text), Ok(Parsed::Updates(1)), "{}", text);
        let head = Head { kind: UpdateKind::Bbo, ts_event: unstamped, ..single };
        prop_assert_eq!(session.sink.messages.last(), Some(&(head, vec![bbo.to_record()])));

        text.clear();
        let aggressor = if sold { Side::Ask } else { Side::Bid };
        let trade = Trade { price: bid.price, qty: ask.qty, id: last, aggressor };
        exchange.trade(&mut text, at, &trade);
        prop_assert_eq!(session.frame(&text), Ok(Parsed::Updates(1)), "{}", text);
        prop_assert_eq!(session.sink.messages.last(), Some(&(single, vec![trade.to_record()])));
    }
}
