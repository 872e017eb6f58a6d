//! What a running feed shows of itself: metrics, liveness and readiness over HTTP, logs' events.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use touchline::latency::Stage;
use touchline::market::{Channel, Reason, State};
use touchline::{Error, FeedReport};
use touchline_observe::serve;
use touchline_simulator::{Command, Config, End, MessageFault, RestFault, Subscribing, Which};

use crate::rig::{PATIENCE, Rig, rig, rig_with};

fn config(symbols: usize) -> Config {
    Config { symbols: Config::symbols("binance-usdm", symbols), rate: 400.0, ..Config::new("binance-usdm") }
}

/// The code and the body of a page.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Waits until `/ready` gives this code; returns what it says.
fn ready(rig: &Rig, address: SocketAddr, code: u16) -> String {
    let mut says = String::new();
    let said = std::cell::RefCell::new(&mut says);
    rig.wait(&format!("/ready says {code}"), |_| {
        let (now, body) = get(address, "/ready");
        **said.borrow_mut() = body;
        now == code
    });
    says
}

/// The sum of a metric's samples whose line holds `label`.
fn sum(metrics: &str, name: &str, label: &str) -> f64 {
    let samples = metrics.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
    });
    samples.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

/// A feed of three books becomes ready; one whose deltas leave a hole takes the verdict back and is named for as long as it
/// lasts; then it stands again. The counters tell of the gap, of the lapse and of its reason, and agree with the report.
#[test]
fn ready_turns_with_the_exchanges_faults() {
    let rig = rig(config(3));
    let server = serve("127.0.0.1:0".parse().unwrap(), rig.feed.reporter()).unwrap();
    let address = server.address();
    rig.all_live();
    assert_eq!(ready(&rig, address, 200), "{\"missing\":[],\"more\":0,\"ready\":true}\n");
    rig.exchange.command(Command::Refuse(true));
    rig.exchange.command(Command::End { which: Which::All, how: End::Reset });
    rig.stale("BTCUSDT", Reason::Disconnected);
    let missing = ready(&rig, address, 503);
    assert!(missing.contains("BTC-USDT-PERP is STALE(disconnected)"), "{missing}");
    assert_eq!(get(address, "/live"), (200, "live\n".to_owned()));
    rig.exchange.command(Command::Refuse(false));
    ready(&rig, address, 200);
    let (_, metrics) = get(address, "/metrics");
    let live = sum(&metrics, "touchline_book_state", "state=\"live\"");
    assert_eq!((live, sum(&metrics, "touchline_feed_ready", "")), (3.0, 1.0));
    assert_eq!(sum(&metrics, "touchline_book_lapses_total", "reason=\"disconnected\""), 3.0);
    let counted = |name| sum(&metrics, name, "venue=\"binance-usdm\"");
    assert!(counted("touchline_disconnects_total") >= 1.0 && counted("touchline_reconnects_total") >= 1.0);
    assert!(counted("touchline_frames_received_total") > 0.0 && counted("touchline_book_age_seconds") < 60.0);
    assert!(sum(&metrics, "touchline_rest_weight_used", "") > 0.0);
    assert!(sum(&metrics, "touchline_ring_capacity_records", "reader=\"0\"") > 0.0);
    assert!(sum(&metrics, "touchline_stage_latency_seconds_count", "stage=\"end_to_end\"") > 0.0);
    // Every message of a book stands under one heading; some may wait.
    let outcomes = sum(&metrics, "touchline_book_messages_total", "");
    let waiting = sum(&metrics, "touchline_book_buffered_messages", "");
    assert_eq!(outcomes + waiting, sum(&metrics, "touchline_book_received_total", ""));
    server.stop();
    rig.finish();
}

/// What `/ready` says, read as JSON: its three members, which agree with one another and with the code.
fn verdict(address: SocketAddr) -> (bool, Vec<String>) {
    let (code, body) = get(address, "/ready");
    let said: serde_json::Value = serde_json::from_str(&body).unwrap();
    let members: Vec<_> = said.as_object().unwrap().keys().collect();
    assert_eq!(members, ["missing", "more", "ready"], "{body}");
    let missing = said["missing"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
    let missing: Vec<_> = missing.collect();
    let ready = said["ready"].as_bool().unwrap();
    assert_eq!((code, said["more"].as_u64()), (if ready { 200 } else { 503 }, Some(0)), "{body}");
    assert_eq!(ready, missing.is_empty(), "{body}");
    (ready, missing)
}

/// A lost message whose snapshot is late, and a subscription that nobody answers, each take the verdict back and are
/// named by it, and nothing else is; then the feed is ready again.
#[test]
fn each_fault_is_named_until_it_is_mended() {
    let rig = rig_with(config(3), |mut builder| {
        let timing = &mut builder.config_mut().timing;
        timing.ack_timeout = Some(Duration::from_millis(400));
        builder
    });
    let server = serve("127.0.0.1:0".parse().unwrap(), rig.feed.reporter()).unwrap();
    let address = server.address();
    rig.all_live();
    let turns = |what: &str, named: &str| {
        rig.wait(what, |_| {
            let (_, missing) = verdict(address);
            assert!(missing.iter().all(|one| one.contains(named)), "{what}: {missing:?}");
            !missing.is_empty()
        });
    };
    let mended = |what: &str| rig.wait(&format!("{what} is mended"), |_| verdict(address).0);
    mended("nothing");

    let symbol = "S0001USDT".to_owned();
    rig.exchange.command(Command::Rest { symbol: None, fault: RestFault::Late(1_000), count: 1 });
    rig.exchange.command(Command::Message { symbol, fault: MessageFault::Drop, count: 1 });
    turns("a message is lost", "binance-usdm:S0001-USDT-PERP is ");
    mended("a message is lost");

    rig.exchange.command(Command::Subscribing { symbol: None, how: Subscribing::Unanswered });
    rig.feed.subscribe("binance-usdm:@BTCUSDT", Channel::Trade).unwrap();
    turns("a subscription is not answered", "streams are acknowledged");
    rig.exchange.command(Command::Heal);
    mended("a subscription is not answered");
    server.stop();
    rig.finish();
}

/// Paths are the sum of the connections that there are and of those that are gone, and add up to the whole; what is told
/// of a path never falls, whatever becomes of its connections.
#[test]
fn what_came_by_a_path_never_falls() {
    let rig = rig_with(config(2), |builder| builder.paths(2));
    rig.all_live();
    let mut before = [0; 2];
    for round in 0..3 {
        rig.exchange.command(Command::Shutdown { which: Which::Connection(round) });
        rig.wait("a connection was replaced", |rig| {
            let report = rig.feed.report().unwrap();
            check_paths(&report);
            report.paths.iter().map(|path| path.connections.replaced).sum::<u64>() > round
        });
        let report = rig.feed.report().unwrap();
        let now = [0, 1].map(|path| report.paths[path].intake.received);
        assert!(now.iter().zip(before).all(|(now, before)| *now >= before), "{before:?} {now:?}");
        before = now;
    }
    rig.finish();
}

fn check_paths(report: &FeedReport) {
    let mut whole = touchline::IntakeCounters::default();
    report.paths.iter().for_each(|path| whole.merge(&path.intake));
    assert_eq!(whole, report.intake);
    let mut there = touchline::IntakeCounters::default();
    report.connections.iter().for_each(|connection| there.merge(&connection.intake));
    assert!(there.received <= whole.received);
    assert_eq!(report.subscriptions.len(), 2);
}

/// Two who ask are each told every latency once, however the other one asks; after the feed's end both are told so.
#[test]
fn every_reporter_has_its_own_latencies() {
    let rig = rig(config(1));
    let (often, once) = (rig.feed.reporter(), rig.feed.reporter());
    rig.all_live();
    let count = |report: &FeedReport| {
        report.latencies.as_ref().map_or(0, |latencies| latencies.stage(Stage::EndToEnd).len())
    };
    let mut seen = 0;
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(50));
        seen += count(&often.report().unwrap());
    }
    assert!(seen > 0);
    // Nothing was taken away from the other, and nothing is told twice. The kernel stamps what it receives.
    let report = once.report().unwrap();
    let told = count(&report);
    let waited = report.latencies.unwrap().stage(Stage::Receive);
    assert!(waited.len() >= told / 2 && waited.max() < 1_000_000_000, "{} of {told}", waited.len());
    let rest = count(&often.report().unwrap());
    assert!((seen..=seen + rest).contains(&told), "{seen} {told} {rest}");
    assert!(count(&once.report().unwrap()) < told);
    let view = rig.view("BTCUSDT");
    assert_eq!(often.instrument(rig.feed.views()[0].0).as_deref(), Some(view.instrument()));
    rig.finish();
    assert!(matches!(often.report(), Err(Error::Stopped)));
    assert!(
        view.touch().state != State::Live && often.instrument(touchline::market::InstrumentId(0)).is_none()
    );
}
