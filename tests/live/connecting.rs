//! Connections that cannot be had, and connections that end: N1 to N6 and N10 of the fault table.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use touchline::config::Endpoint;
use touchline::market::{Channel, Reason, State};
use touchline::{Builder, Feed, View};
use touchline_feed::{Refusal, Report};
use touchline_simulator::{
    Command, Config, End, HandshakeFault, Identity, RestFault, Simulator, Subscribing, Which,
};

use crate::rig::{PATIENCE, Rig, builder, exchange, reach, rig, rig_after, rig_with};
use crate::witness::{Log, figures};

const DISCONNECTED: State = State::Stale(Reason::Disconnected);

/// The bound from a fault's first byte to its flag.
const FLAG: Duration = Duration::from_millis(50);

fn quiet(venue: &str, symbols: usize) -> Config {
    Config { symbols: Config::symbols(venue, symbols), rate: 200.0, ..Config::new(venue) }
}

/// Every session counts as a stable one, so that one fault's wait does not depend on those before it.
fn forgetful(mut builder: Builder) -> Builder {
    let timing = &mut builder.config_mut().timing;
    timing.stable = Some(Duration::from_millis(1));
    timing.backoff_max = Some(Duration::from_millis(250));
    builder
}

/// A feed that has nothing to do yet, what it says, and the view of a book it is then told to receive.
fn late_subscriber(builder: Builder) -> (Feed, Log, View) {
    let feed = builder.start().unwrap();
    let log = Log::of(&feed);
    let view = feed.subscribe("binance:@BTCUSDT", Channel::Book).unwrap();
    (feed, log, view)
}

fn wait_for(view: &View, state: State) {
    let began = Instant::now();
    while view.touch().state != state {
        assert!(began.elapsed() < PATIENCE, "{} instead of {state}", view.touch().state);
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn refusal(log: &mut Log) -> Refusal {
    log.report("a refusal", |report| match report {
        Report::Refused { refusal, .. } => Some(refusal.clone()),
        _ => None,
    })
    .1
}

fn attempts(log: &Log) -> usize {
    log.count(|report| matches!(report, Report::Connecting { .. }))
}

/// N1. A name without an address: the books say that they are disconnected, the refusal names the host, and it is
/// tried again.
#[test]
fn name_without_an_address_is_disconnected_and_tried_again() {
    let endpoint = Endpoint::new("binance".parse().unwrap(), "wss://nowhere.invalid");
    let (feed, mut log, view) = late_subscriber(builder().endpoint(endpoint));
    for _ in 0..2 {
        let refusal = refusal(&mut log);
        assert!(matches!(&refusal, Refusal::Resolve { host, .. } if host == "nowhere.invalid"), "{refusal}");
        wait_for(&view, DISCONNECTED);
    }
    assert!(feed.stop().unwrap().balances());
}

/// N2. Nobody listens, REST included: the book is disconnected and attempts go on; when the port opens it becomes
/// live within a back-off and is the exchange's own, although its instrument had to be learned from its data.
#[test]
fn closed_port_is_tried_until_it_opens() {
    for tls in [true, false] {
        let refuse = |exchange: &Simulator| {
            exchange.command(Command::Refuse(true));
            while TcpStream::connect(exchange.address()).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let rig = rig_after(Config { tls, ..quiet("binance", 1) }, refuse, forgetful);
        let mut log = Log::of(&rig.feed);
        rig.stale("BTCUSDT", Reason::Disconnected);
        assert!(matches!(refusal(&mut log), Refusal::Connect(_)));
        assert!(matches!(refusal(&mut log), Refusal::Connect(_)));
        rig.exchange.command(Command::Refuse(false));
        let took = rig.all_live();
        assert!(took < Duration::from_secs(2), "live only after {took:?}");
        rig.wait("reads are compared", |rig| rig.judge.equal() >= 50);
        println!("tls {tls}: live {took:?} after the port opened, {} compared", rig.finish());
    }
}

/// N2, N3. A connection that is reset in its handshake, with and without TLS: no question of identity, so the book is
/// only disconnected, and the next attempt is made by back-off.
#[test]
fn reset_within_the_handshake_is_tried_again() {
    for tls in [true, false] {
        let rig = rig_with(Config { tls, ..quiet("binance", 1) }, forgetful);
        rig.all_live();
        let mut log = Log::of(&rig.feed);
        rig.exchange.command(Command::Handshake { fault: HandshakeFault::Cut, count: 2 });
        rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
        assert_eq!(log.flag().2, DISCONNECTED);
        for _ in 0..2 {
            let refusal = refusal(&mut log);
            let expected = match refusal {
                Refusal::Tls(_) | Refusal::Connect(_) => true,
                Refusal::Handshake(_) => !tls,
                _ => false,
            };
            assert!(expected, "tls {tls}: {refusal:?}");
        }
        let took = rig.all_live();
        assert!(took < Duration::from_secs(2), "live only after {took:?}");
        rig.finish();
    }
}

/// A certificate that is signed by nobody else, for a time.
fn self_signed(from: i32, to: i32) -> Identity {
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    (leaf.not_before, leaf.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    let key = KeyPair::generate().unwrap();
    let pem = leaf.self_signed(&key).unwrap().pem();
    Identity { chain_pem: pem.clone(), key_pem: key.serialize_pem(), root_pem: pem }
}

/// N3. An exchange that cannot prove who it is, for each of four reasons: the book is dead for its configuration, the
/// refusal names host and cause, no socket ever opens, no data is ever taken, REST included, and within 1.5 s nobody
/// tries a second time.
#[test]
fn wrong_identity_is_dead_and_nothing_is_taken() {
    let stranger = Identity::made_for(&["localhost", "127.0.0.1"]).unwrap();
    let ours = Identity::made_for(&["localhost", "127.0.0.1"]).unwrap();
    let identities = [
        ("another name", Identity::made_for(&["elsewhere.test"]).unwrap()),
        ("another issuer of the same name", Identity { root_pem: ours.root_pem, ..stranger }),
        ("expired", self_signed(2001, 2002)),
        ("not yet valid", self_signed(2900, 2901)),
    ];
    let tried: Vec<_> = identities
        .into_iter()
        .map(|(what, identity)| {
            let exchange = exchange(Config { identity: Some(identity), ..quiet("binance", 1) });
            let (root, builder) = reach(&exchange, "binance");
            let (feed, mut log, view) = late_subscriber(builder);
            let refusal = refusal(&mut log);
            let Refusal::Identity { host, cause } = &refusal else { panic!("{what}: {refusal:?}") };
            let named = exchange.ws_root().contains(&format!("//{host}:"));
            assert!(named && !cause.is_empty(), "{what}: {refusal:?}");
            wait_for(&view, State::Dead(Reason::Config));
            println!("{what}: {refusal}");
            (exchange, root, feed, log, view)
        })
        .collect();
    std::thread::sleep(Duration::from_millis(1_500));
    for (exchange, _root, feed, log, view) in tried {
        assert_eq!((attempts(&log), view.touch().state), (1, State::Dead(Reason::Config)));
        let report = feed.stop().unwrap();
        let counts = exchange.counts();
        assert_eq!((counts.connections, counts.rest_requests, report.intake.received), (0, 0, 0));
        assert!(report.balances());
    }
}

/// One fault in the next handshake of a rig that was live: flagged at once, refused as it should be, live again.
fn mended(rig: &Rig, log: &mut Log, fault: HandshakeFault) -> Refusal {
    rig.all_live();
    log.skip();
    rig.exchange.command(Command::Handshake { fault, count: 1 });
    rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
    assert_eq!(log.flag().2, DISCONNECTED);
    let refusal = refusal(log);
    let took = rig.all_live();
    assert!(took < Duration::from_secs(2), "{fault:?}: live only after {took:?}");
    refusal
}

/// N4. Answers to a handshake that say nothing of us: the book stays disconnected, the refusal says what came, and the
/// next attempt is made by back-off.
#[test]
fn answer_that_is_no_handshake_is_tried_again() {
    let rig = rig_with(quiet("binance-usdm", 1), forgetful);
    let mut log = Log::of(&rig.feed);
    for code in [400, 500, 502, 503] {
        let refusal = mended(&rig, &mut log, HandshakeFault::Status { code, retry_after_s: None });
        assert_eq!(refusal, Refusal::Status { status: code, retry_after: None });
    }
    let html = mended(&rig, &mut log, HandshakeFault::Html);
    assert!(matches!(html, Refusal::Status { status: 200, .. } | Refusal::Handshake(_)), "{html:?}");
    for fault in [HandshakeFault::Endless, HandshakeFault::BadAccept, HandshakeFault::Extension] {
        let refusal = mended(&rig, &mut log, fault);
        assert!(matches!(refusal, Refusal::Handshake(_)), "{fault:?}: {refusal:?}");
    }
    rig.finish();
}

/// N4, N6. Answers that only a person can mend: the book is dead, for its configuration (no such path, not allowed,
/// sent elsewhere) or because the venue refuses us (403, 451), the refusal says so, and nobody tries again within 1.5 s.
#[test]
fn answer_that_a_person_must_mend_is_dead() {
    let status = |code| HandshakeFault::Status { code, retry_after_s: None };
    let faults = [
        (status(401), Reason::Config),
        (status(404), Reason::Config),
        (HandshakeFault::Redirect, Reason::Config),
        (status(403), Reason::Blocked),
        (status(451), Reason::Blocked),
    ];
    let tried = faults.map(|(fault, reason)| {
        let handshake = |exchange: &Simulator| exchange.command(Command::Handshake { fault, count: 100 });
        let rig = rig_after(Config { tls: false, ..quiet("binance", 1) }, handshake, |builder| builder);
        rig.state("BTCUSDT", State::Dead(reason));
        (fault, reason, rig)
    });
    std::thread::sleep(Duration::from_millis(1_500));
    for (fault, reason, rig) in tried {
        assert_eq!(rig.exchange.counts().attempts, 1, "{fault:?}");
        assert_eq!(rig.view("BTCUSDT").read().state, State::Dead(reason), "{fault:?}");
        rig.finish();
    }
}

/// N5. 429 and 418 with `Retry-After` on one of two connections to a host: the book waits for the venue's limits, the
/// other connection waits with it when it ends too, and nobody comes early; then both are back.
#[test]
fn nobody_connects_before_the_venue_said_so() {
    let wait = Duration::from_secs(2);
    let live = |rig: &Rig| rig.view("BTCUSDT").touch().state.is_live() && rig.exchange.counts().open == 2;
    for code in [429, 418] {
        let rig = rig_with(quiet("binance-usdm", 2), |mut builder| {
            // The one's book and the other's statistics come by connections of different kinds.
            builder.config_mut().subscriptions[1].channels = vec![Channel::Ticker];
            forgetful(builder)
        });
        rig.wait("both connections are open", live);
        let mut log = Log::of(&rig.feed);
        let limited = HandshakeFault::Status { code, retry_after_s: Some(2) };
        rig.exchange.command(Command::Handshake { fault: limited, count: 1 });
        rig.exchange.command(Command::End { which: Which::Symbol("BTCUSDT".to_owned()), how: End::Fin });
        let (at, ()) = log.report("the limit", |report| match report {
            Report::Refused { refusal: Refusal::Status { status, retry_after }, .. } => {
                assert_eq!((*status, *retry_after), (code, Some(wait)));
                Some(())
            }
            _ => None,
        });
        rig.stale("BTCUSDT", Reason::RateLimited);
        rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
        rig.wait("both connections are open", live);
        assert!(at.elapsed() >= wait - Duration::from_millis(20), "back after {:?}", at.elapsed());
        rig.finish();
    }
}

/// N5. 429 and 418 of REST: the books wait for the venue's limits, say so, and nothing is asked before its time.
#[test]
fn nothing_is_fetched_before_the_venue_said_so() {
    for code in [429, 418] {
        let rig = rig_with(quiet("binance", 1), forgetful);
        rig.all_live();
        let fault = RestFault::Status { code, retry_after_s: Some(2) };
        rig.exchange.command(Command::Rest { symbol: None, fault, count: 1 });
        let before = rig.exchange.counts().rest_requests;
        rig.exchange.command(Command::End { which: Which::All, how: End::Reset });
        rig.stale("BTCUSDT", Reason::RateLimited);
        let limited = Instant::now();
        assert_eq!(rig.exchange.counts().rest_requests, before + 1);
        rig.all_live();
        let waited = limited.elapsed();
        assert!(waited >= Duration::from_millis(1_950), "live after {waited:?}");
        assert!(waited < Duration::from_secs(5), "live only after {waited:?}");
        rig.finish();
    }
}

/// N10. Every way an open connection can end, with and without TLS: each book is flagged as disconnected within the
/// bound, and becomes live again. Code 1006 stands for an end without a close frame and is never sent.
#[test]
fn every_end_is_flagged_and_mended() {
    let codes = [1_000, 1_001, 1_008, 1_011, 1_012, 1_013, 3_000].map(End::Close);
    let ends = [End::Fin, End::Reset, End::MidFrame].into_iter().chain(codes);
    for tls in [true, false] {
        let rig = rig_with(Config { tls, ..quiet("binance", 3) }, forgetful);
        let mut log = Log::of(&rig.feed);
        let mut flags = Vec::new();
        let mut back = Vec::new();
        for how in ends.clone() {
            rig.all_live();
            log.skip();
            rig.exchange.command(Command::End { which: Which::All, how });
            for _ in 0..3 {
                let (at, _, state) = log.flag();
                assert_eq!(state, DISCONNECTED, "{how:?}");
                let (_, began) = rig.exchange.counts().last_fault.unwrap();
                flags.push(at.saturating_duration_since(began));
            }
            back.push(rig.all_live());
        }
        assert!(back.iter().all(|took| *took < Duration::from_secs(2)), "{back:?}");
        flags.sort();
        assert!(flags[flags.len() / 2] < FLAG, "{flags:?}");
        println!("tls {tls}: to flag {}; to live {}", figures(flags), figures(back));
        rig.finish();
    }
}

/// N10. A connection that closes while it is being subscribed to, several times: the books come up all the same.
#[test]
fn close_while_subscribing_is_mended() {
    let rig = rig(quiet("binance", 3));
    rig.all_live();
    for how in [End::Close(1_011), End::Fin, End::Reset] {
        let before = rig.exchange.counts();
        rig.exchange.command(Command::Subscribing { symbol: None, how: Subscribing::Unanswered });
        rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
        rig.wait("the request is there", |rig| rig.exchange.counts().requests > before.requests);
        assert!(rig.feed.views().iter().all(|(_, view)| view.touch().state == DISCONNECTED));
        rig.exchange.command(Command::Subscribing { symbol: None, how: Subscribing::Normal });
        rig.exchange.command(Command::End { which: Which::All, how });
        rig.all_live();
    }
    rig.finish();
}
