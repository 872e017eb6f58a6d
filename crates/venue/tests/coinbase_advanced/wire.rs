//! What the venue's own side of the wire writes, the parser reads: each written from the protocol facts alone.

use touchline_market::{Bbo, Candle, Channel, InstrumentId, Level, Nanos, Price, Qty, Side, Trade};
use touchline_venue::exchange::{
    Asked, Book, Connection, Exchange, Fate, Moment, Request, Resource, Statistics, Stream, Traded, Update,
};
use touchline_venue::{Ask, Ignored, ParseError, Parsed, Reply};

use crate::common::{Session, facts};
use crate::{VENUE, session, updates};

/// 2026-08-09T21:05:48.228568Z.
const STAMP_US: u64 = 1_786_309_548_228_568;

fn exchange() -> Box<dyn Exchange> {
    (facts(VENUE).exchange)().expect("it is written")
}

fn traded() -> Traded {
    Traded { symbol: "BTC-USD".to_owned(), price_scale: 2, qty_scale: 8 }
}

/// One connection of the exchange, and what a client that reads it makes of its texts.
struct Wire {
    exchange: Box<dyn Exchange>,
    connection: Connection,
    session: Session,
}

impl Wire {
    fn new() -> Self {
        let exchange = exchange();
        let connection = exchange.open("/", 0).expect("the venue is there").connection;
        Self { exchange, connection, session: session() }
    }

    /// As the connection sends it.
    fn seal(&mut self, text: &str) -> String {
        let mut out = String::new();
        self.exchange.seal(&mut self.connection, None, text, &mut out);
        out
    }

    fn send(&mut self, text: &str) -> Result<Parsed, ParseError> {
        let frame = self.seal(text);
        self.session.sink.messages.clear();
        self.session.frame(frame).map_err(|rejected| rejected.error)
    }

    /// The streams that a text of ours asks for, as the exchange reads it.
    fn asked(&mut self, text: &str) -> Asked {
        match self.exchange.read(&mut self.connection, text, 0) {
            Request::Asked(asked) => asked,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Takes the request and answers it; the answer as our side reads it.
    fn subscribe(&mut self, text: &str) -> Reply {
        let asked = self.asked(text);
        for stream in &asked.streams {
            match asked.ask {
                Ask::Subscribe => {
                    self.connection.streams.insert(stream.name.clone(), stream.clone());
                }
                Ask::Unsubscribe => {
                    self.connection.streams.remove(&stream.name);
                }
            }
        }
        let (mut answers, fates) = (Vec::new(), vec![Fate::Taken; asked.streams.len()]);
        self.exchange.answer(&self.connection, &asked, &fates, 1_000, &mut answers);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        let frame = self.seal(answer);
        assert_eq!(self.session.frame(&frame), Ok(Parsed::Ignored(Ignored::Ack)));
        (facts(VENUE).texts.reply)(frame.as_bytes())
    }

    fn stream(&mut self, channel: Channel) -> Stream {
        let mut name = String::new();
        (facts(VENUE).texts.stream)("BTC-USD", channel, 1_000, &mut name);
        let text = (facts(VENUE).texts.request)(Ask::Subscribe, &[&name], 1);
        let stream = self.asked(&text).streams.remove(0);
        assert_eq!((stream.name.as_str(), stream.channel), (name.as_str(), Some(channel)));
        stream
    }
}

fn moment() -> Moment {
    Moment {
        event_ms: STAMP_US / 1_000,
        stamp_us: STAMP_US,
        sequence: 9,
        best: Bbo { bid: Level::new(6_508_366, 5), ask: Level::new(6_508_367, 6) },
        statistics: Statistics {
            open: Price(1),
            high: Price(6_600_000),
            low: Price(6_400_050),
            last: Level::new(6_508_366, 100_000_000),
            volume: Qty(250_000_000),
            trades: 3,
        },
    }
}

/// Our requests are understood, and the lists that answer them name our streams; after unsubscribing they no longer do.
#[test]
fn requests_and_acknowledgements_understand_each_other() {
    let mut wire = Wire::new();
    let texts = facts(VENUE).texts;
    let hello = (texts.hello)();
    let mut known = vec!["heartbeats:heartbeats".to_owned()];
    assert_eq!(wire.subscribe(&hello[0]), Reply::Subscriptions { streams: known.clone() });
    let books = ["level2:BTC-USD", "level2:ETH-USD"];
    known.extend(books.map(str::to_owned));
    let told = wire.subscribe(&(texts.request)(Ask::Subscribe, &books, 1));
    assert_eq!(told, Reply::Subscriptions { streams: known.clone() });
    let told = wire.subscribe(&(texts.request)(Ask::Unsubscribe, &books[..1], 2));
    known.remove(1);
    assert_eq!(told, Reply::Subscriptions { streams: known });

    let asked = wire.asked(&(texts.request)(Ask::Subscribe, &["ticker:NO-NO"], 3));
    let mut answers = Vec::new();
    wire.exchange.answer(&wire.connection, &asked, &[Fate::UnknownSymbol], 1_000, &mut answers);
    let refusal = wire.seal(&answers[0]);
    assert!(matches!((texts.reply)(refusal.as_bytes()), Reply::Refused { id: None, stream: None, .. }));
    assert_eq!(wire.session.frame(&refusal), Ok(Parsed::Ignored(Ignored::ErrorReply)));
}

/// Books: the snapshot, a change with a removal, and the stamp to the microsecond by which the state is known.
#[test]
fn books_come_through() {
    let mut wire = Wire::new();
    let stream = wire.stream(Channel::Book);
    let (bids, asks) =
        ([Level::new(6_508_366, 20_371_215), Level::new(6_508_300, 1)], [Level::new(6_508_367, 5)]);
    let book = Book { event_ms: 1, stamp_us: STAMP_US, sequence: 70, bids: &bids, asks: &asks };
    let mut text = String::new();
    wire.exchange.book_snapshot(&traded(), &stream, &book, &mut text);
    assert_eq!(wire.send(&text), Ok(Parsed::Updates(1)));
    assert_eq!(
        wire.session.last(),
        "Snapshot BTC-USD 0..0 at 1786309548228568000 flags 0: Bid 65083.66 x 0.20371215 Bid 65083 x 0.00000001 \
         Ask 65083.67 x 0.00000005"
    );
    let update = Update {
        event_ms: 2,
        stamp_us: STAMP_US + 1,
        first: 71,
        last: 72,
        previous: 70,
        bids: &[Level::new(6_508_366, 0)],
        asks: &[],
        best_bids: &[],
        best_asks: &[],
    };
    text.clear();
    wire.exchange.book_update(&traded(), &stream, &update, &mut text);
    assert_eq!(wire.send(&text), Ok(Parsed::Updates(1)));
    let expected = "Delta BTC-USD 0..1 at 1786309548228569000 flags 0: Bid 65083.66 x 0";
    assert_eq!(wire.session.last(), expected);
}

/// Trades in their order and with who met whom; ticker, candle, status; what streams begin with; heartbeats.
#[test]
fn the_other_channels_come_through() {
    let mut wire = Wire::new();
    let trade = |id, aggressor| Trade { price: Price(6_508_366), qty: Qty(1 + id), id, aggressor };
    let mut text = String::new();
    let stream = wire.stream(Channel::Trade);
    wire.exchange.begin(&traded(), &stream, &moment(), &mut text);
    assert_eq!(wire.send(&text), Ok(Parsed::Ignored(Ignored::History)));
    text.clear();
    let both = [trade(4, Side::Bid), trade(5, Side::Ask)];
    wire.exchange.trades(&traded(), &stream, &moment(), &both, &mut text);
    assert_eq!(wire.send(&text), Ok(Parsed::Updates(2)));
    let told = wire.session.sink.messages.iter().map(|(_, body)| Trade::from_record(&body[0]));
    assert_eq!(told.collect::<Vec<_>>(), both);

    let candle = Candle {
        open: Price(6_500_000),
        high: Price(6_600_000),
        low: Price(6_400_000),
        close: Price(6_508_366),
        volume: Qty(5),
        start: Nanos(1_786_309_540_000_000_000),
        ..Candle::default()
    };
    for (channel, expected) in [
        (Channel::Ticker, "last 65083.66 x 0 open 0 high 66000 low 64000.5 volume 2.5"),
        (Channel::Status, "Trading"),
        (
            Channel::Candle,
            "open 65000 high 66000 low 64000 close 65083.66 volume 0.00000005 \
             from 1786309500000000000 for 300 s, 0 trades",
        ),
    ] {
        let stream = wire.stream(channel);
        text.clear();
        match channel {
            Channel::Candle => wire.exchange.candle(&traded(), &stream, &moment(), &candle, &mut text),
            _ => wire.exchange.begin(&traded(), &stream, &moment(), &mut text),
        }
        assert_eq!(wire.send(&text), Ok(Parsed::Updates(1)), "{text}");
        let told = updates(&wire.session);
        assert!(told[0].ends_with(expected), "{told:?}");
    }

    wire.subscribe(&(facts(VENUE).texts.hello)()[0]);
    text.clear();
    wire.exchange.heartbeat(&mut wire.connection, 1_000, &mut text);
    assert_eq!(wire.send(&text), Ok(Parsed::Ignored(Ignored::Heartbeat)));
}

/// A text that does not arrive is missed at the next one, of whichever kind it was.
#[test]
fn a_text_that_does_not_arrive_is_missed() {
    let mut wire = Wire::new();
    let mut text = String::new();
    let stream = wire.stream(Channel::Ticker);
    wire.exchange.ticker(&traded(), &stream, &moment(), &mut text);
    assert_eq!(wire.send(&text), Ok(Parsed::Updates(1)));
    wire.seal(&text);
    assert_eq!(wire.send(&text), Err(ParseError::Lost { expected: 1, found: 2 }));
}

/// The list of products, found at the path that we ask for.
#[test]
fn the_list_of_products_is_read() {
    let request = (facts(VENUE).texts.instruments)();
    let resource = exchange().resource(&request.path);
    assert_eq!(resource, Resource::Instruments { weight: request.weight });
    let body = exchange().instruments_body(0, &[traded()]);
    let list = (facts(VENUE).instruments)(body.as_bytes()).expect("a list");
    let [btc] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!((btc.name.as_str(), btc.price_scale, btc.qty_scale), ("BTC-USD", 2, 8));
    let mut listed = Session::listed(VENUE, &list);
    assert_eq!(listed.listing.find("BTC-USD").map(|found| found.id), Some(InstrumentId(0)));
}
