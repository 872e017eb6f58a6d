//! Venues whose streams begin with a snapshot: their books, judged by the truth, and what can go wrong with them.

use touchline_simulator::{
    Command, Config, FaultKind, Faults, MessageFault, Simulator, Subscribing, Verdict, Which,
};

use crate::client::{event, get, is_silent, open, plain, run, say};
use crate::follower::{COINBASE, Client, KRAKEN, Kind, VENUES};

fn next_message(exchange: &Simulator, symbol: &str, fault: MessageFault) {
    exchange.command(Command::Message { symbol: symbol.to_owned(), fault, count: 1 });
}

/// Every state of a book that follows snapshot and updates is the true one, every checksum and every number is right, for
/// a client that came late to the stream too.
#[test]
fn a_book_of_the_stream_is_the_true_one() {
    run(async {
        for venue in &VENUES {
            for tls in [false, true] {
                let exchange = Simulator::start(Config { tls, ..plain(venue.name) }).unwrap();
                let mut first = Client::subscribe(venue, &exchange).await;
                let mut came = first.follow(50).await;
                let mut second = Client::subscribe(venue, &exchange).await;
                assert_eq!(second.follow(150).await, (1, 1), "{}", venue.name);
                let more = first.follow(150).await;
                came = (came.0 + more.0, came.1 + more.1);
                assert_eq!(came, (1, 1), "{}", venue.name);
                assert_eq!(exchange.counts().breached(), 0);
            }
        }
    });
}

/// A stream that ends is silent but for heartbeats, and begins anew with a snapshot.
#[test]
fn a_stream_begins_anew_with_a_snapshot() {
    run(async {
        for venue in &VENUES {
            let exchange = Simulator::start(plain(venue.name)).unwrap();
            let mut client = Client::subscribe(venue, &exchange).await;
            while client.next().await != Kind::Update {}
            say(&mut client.socket, venue.unsubscribe).await;
            while client.next().await == Kind::Update {}
            assert!(is_silent(&mut client.socket, 200).await);
            say(&mut client.socket, venue.subscribe).await;
            while client.next().await != Kind::Snapshot {}
            assert_eq!(client.judge(), Verdict::Equal);
            while client.next().await != Kind::Update {}
            assert_eq!(client.judge(), Verdict::Equal);
        }
    });
}

/// Where no order is promised the acknowledgement comes before the snapshot as well as behind it.
#[test]
fn acknowledgements_come_before_and_behind() {
    run(async {
        let exchange = Simulator::start(plain(COINBASE.name)).unwrap();
        let mut first = [0, 0];
        while first.contains(&0) {
            let mut client = Client::subscribe(&COINBASE, &exchange).await;
            match client.next().await {
                Kind::Ack => first[0] += 1,
                Kind::Snapshot => first[1] += 1,
                kind => panic!("{kind:?} first"),
            }
        }
    });
}

/// A lost message leaves a hole in the numbers of a connection, a doubled one repeats its number; what is lost on one
/// connection is not on another.
#[test]
fn numbers_show_what_is_lost() {
    run(async {
        let exchange = Simulator::start(plain(COINBASE.name)).unwrap();
        let mut client = Client::subscribe(&COINBASE, &exchange).await;
        while client.next().await != Kind::Update {}
        next_message(&exchange, COINBASE.symbol, MessageFault::Drop);
        while client.missing == 0 {
            client.next().await;
        }
        assert_eq!(client.missing, 1);
        next_message(&exchange, COINBASE.symbol, MessageFault::Duplicate);
        let mut last = client.number;
        loop {
            let number = event(&mut client.socket).await["sequence_num"].as_u64();
            if number == last {
                break;
            }
            assert_eq!(number, last.map(|last| last + 1));
            last = number;
        }
        let mut other = Client::subscribe(&COINBASE, &exchange).await;
        while other.next().await != Kind::Update {
            assert_eq!(other.missing, 0);
        }
    });
}

/// A checksum that is wrong by command is wrong while the book is true; a wrong quantity makes both wrong.
#[test]
fn checksums_are_wrong_as_told() {
    run(async {
        let exchange = Simulator::start(plain(KRAKEN.name)).unwrap();
        let mut client = Client::subscribe(&KRAKEN, &exchange).await;
        while client.next().await != Kind::Update {}
        next_message(&exchange, KRAKEN.symbol, MessageFault::Checksum);
        while client.checked != Some(false) {
            client.next().await;
            assert_eq!(client.judge(), Verdict::Equal);
        }
        while client.next().await != Kind::Update {}
        assert_eq!((client.checked, client.judge()), (Some(true), Verdict::Equal));
        next_message(&exchange, KRAKEN.symbol, MessageFault::Corrupt);
        while client.checked != Some(false) {
            client.next().await;
        }
        assert_eq!(client.judge(), Verdict::Differs);
        let counts = exchange.counts();
        for fault in [MessageFault::Checksum, MessageFault::Corrupt] {
            assert_eq!(counts.faults[&FaultKind::Message(fault)], 1);
        }
    });
}

/// A crossed message has the checksum of the crossed book: nothing but the crossing shows it.
#[test]
fn a_crossed_book_has_its_checksum() {
    run(async {
        let exchange = Simulator::start(plain(KRAKEN.name)).unwrap();
        let mut client = Client::subscribe(&KRAKEN, &exchange).await;
        while client.next().await != Kind::Update {}
        next_message(&exchange, KRAKEN.symbol, MessageFault::Cross);
        while client.bids.last_key_value().unwrap().0 < client.asks.first_key_value().unwrap().0 {
            client.next().await;
            assert_eq!(client.checked, Some(true));
        }
        assert_eq!(client.judge(), Verdict::Differs);
    });
}

/// While data is held back its numbers are used up: afterwards the hole shows.
#[test]
fn a_stall_uses_up_its_numbers() {
    run(async {
        let exchange = Simulator::start(plain(COINBASE.name)).unwrap();
        let mut client = Client::subscribe(&COINBASE, &exchange).await;
        while client.next().await != Kind::Update {}
        exchange.command(Command::Stall { which: Which::All, on: true });
        while !is_silent(&mut client.socket, 100).await {}
        exchange.command(Command::Stall { which: Which::All, on: false });
        while client.next().await != Kind::Update {}
        assert!(client.missing > 10, "{}", client.missing);
    });
}

/// Every channel that the venue has comes when it is asked for.
#[test]
fn channels_come_as_asked_for() {
    run(async {
        let kraken = |channel: &str, more: &str| {
            let params = format!(r#""channel":"{channel}","symbol":["BTC/USD"]{more}"#);
            (&KRAKEN, format!(r#"{{"method":"subscribe","params":{{{params}}}}}"#), channel.to_owned())
        };
        let coinbase = |channel: &str| {
            let ask = format!(r#"{{"type":"subscribe","product_ids":["BTC-USD"],"channel":"{channel}"}}"#);
            (&COINBASE, ask, channel.to_owned())
        };
        for (venue, ask, channel) in [
            kraken("trade", ""),
            kraken("ticker", r#","event_trigger":"bbo""#),
            kraken("ticker", r#","event_trigger":"trades""#),
            kraken("ohlc", r#","interval":1"#),
            coinbase("market_trades"),
            coinbase("ticker"),
            coinbase("candles"),
            coinbase("status"),
        ] {
            let exchange = Simulator::start(plain(venue.name)).unwrap();
            let mut socket = open(&exchange, venue.path).await;
            say(&mut socket, &ask).await;
            let mut came = 0;
            while came < if channel == "status" { 1 } else { 2 } {
                let message = event(&mut socket).await;
                came += u32::from(message["channel"] == channel.as_str());
            }
        }
    });
}

/// The list of instruments of every venue is one that the library reads, whole and with the market's scales.
#[test]
fn the_list_of_instruments_can_be_read() {
    run(async {
        let mut venues = 0;
        for facts in touchline_venue::all().iter().filter(|facts| (facts.exchange)().is_some()) {
            let name = facts.name.as_str();
            let symbols = Config::symbols(name, 20);
            let exchange = Simulator::start(Config { symbols: symbols.clone(), ..plain(name) }).unwrap();
            let target = (facts.texts.instruments)().path;
            let (status, _, body) = get(&exchange, &target).await;
            assert_eq!(status, 200, "{name}: {target}");
            let list = (facts.instruments)(body.as_bytes()).unwrap();
            assert_eq!(list.len(), 20, "{name}");
            for symbol in &symbols {
                let found = list.iter().find(|listed| listed.symbol == symbol.name);
                let scales = found.map(|listed| (listed.price_scale, listed.qty_scale));
                assert_eq!(scales, Some((symbol.price_scale, symbol.qty_scale)), "{name} {}", symbol.name);
            }
            venues += 1;
        }
        assert!(venues >= 5, "{venues}");
    });
}

/// Subscriptions go wrong: without an acknowledgement, without a snapshot, and with a snapshot behind changes, from which
/// on the book is true.
#[test]
fn subscriptions_go_wrong_as_told() {
    run(async {
        for venue in &VENUES {
            let exchange = Simulator::start(plain(venue.name)).unwrap();
            let told = |how| exchange.command(Command::Subscribing { symbol: None, how });
            let kinds = async |count: usize| {
                let mut client = Client::subscribe(venue, &exchange).await;
                let mut kinds = Vec::new();
                while kinds.len() < count {
                    let kind = client.next().await;
                    kinds.extend((kind != Kind::Other).then_some(kind));
                }
                kinds
            };
            told(Subscribing::AckLost);
            let came = kinds(30).await;
            assert!(came[0] == Kind::Snapshot && !came.contains(&Kind::Ack), "{came:?}");
            told(Subscribing::SnapshotLost);
            let came = kinds(30).await;
            assert!(came.contains(&Kind::Ack) && !came.contains(&Kind::Snapshot), "{came:?}");
            told(Subscribing::SnapshotLate(100));
            let mut client = Client::subscribe(venue, &exchange).await;
            let mut early = 0;
            loop {
                match client.next().await {
                    Kind::Update => early += 1,
                    Kind::Snapshot => break,
                    _ => {}
                }
            }
            assert!(early > 5, "{early}");
            for _ in 0..30 {
                client.next().await;
                assert_eq!(client.judge(), Verdict::Equal);
            }
            told(Subscribing::Normal);
            exchange.command(Command::SetFaults(Faults { snapshot_lost: 1.0, ..Faults::default() }));
            assert!(!kinds(10).await.contains(&Kind::Snapshot));
        }
    });
}

/// An unknown symbol is refused in the venue's words: by itself where the venue answers each, with the rest of the request
/// where it takes requests as a whole; afterwards the venue goes on.
#[test]
fn unknown_symbols_are_refused() {
    run(async {
        for (venue, known, two, word) in [
            (&KRAKEN, true, r#"["NONE/USD","BTC/USD"]"#, "Currency pair not supported"),
            (&COINBASE, false, r#"["NONE-USD","BTC-USD"]"#, "failed to subscribe"),
        ] {
            let exchange = Simulator::start(plain(venue.name)).unwrap();
            let mut socket = open(&exchange, venue.path).await;
            let one = format!(r#"["{}"]"#, venue.symbol);
            say(&mut socket, &venue.subscribe.replace(&one, two)).await;
            while !event(&mut socket).await.to_string().contains(word) {}
            if !known {
                assert!(is_silent(&mut socket, 100).await);
                say(&mut socket, venue.subscribe).await;
            }
            while !event(&mut socket).await.to_string().contains("snapshot") {}
        }
    });
}

/// Heartbeats come every second: Kraken's where nothing else is said, Coinbase's to whoever asked for them.
#[test]
fn heartbeats_come() {
    run(async {
        let exchange = Simulator::start(plain(KRAKEN.name)).unwrap();
        exchange.command(Command::Pause { symbol: None });
        let mut client = Client::subscribe(&KRAKEN, &exchange).await;
        while client.next().await != Kind::Snapshot {}
        // The acknowledgement may come behind the snapshot; nothing else does in a market that stands still.
        let mut message = event(&mut client.socket).await;
        if message["method"] == "subscribe" {
            message = event(&mut client.socket).await;
        }
        assert_eq!(message["channel"], "heartbeat");
        let exchange = Simulator::start(plain(COINBASE.name)).unwrap();
        let mut client = Client::subscribe(&COINBASE, &exchange).await;
        say(&mut client.socket, r#"{"type":"subscribe","channel":"heartbeats"}"#).await;
        let mut expected = 0;
        loop {
            let message = event(&mut client.socket).await;
            assert_eq!(message["sequence_num"], expected);
            expected += 1;
            if message["channel"] == "heartbeats" {
                break;
            }
        }
    });
}
