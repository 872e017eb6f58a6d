//! The server over loopback sockets, with a source that says what a test wants.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use touchline::market::{Reason, State};

use super::*;
use crate::samples;

/// Longest wait for an answer that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends bytes and reads what is answered, to the end.
fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // A server that has heard enough may have closed before the last byte.
    let _ = stream.write_all(bytes);
    read(stream)
}

fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(answer).unwrap()
}

fn get(server: &Server, path: &str) -> (u16, String) {
    request(server, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
}

fn request(server: &Server, text: &str) -> (u16, String) {
    let answer = send(server.address(), text.as_bytes());
    (code(&answer), answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

fn code(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

fn start(source: impl Source) -> Server {
    serve("127.0.0.1:0".parse().unwrap(), source).unwrap()
}

fn sound() -> Server {
    start(|| Ok(samples::report(2)))
}

/// Waits until a source has a new answer to give.
fn pass_report() {
    std::thread::sleep(REPORT_EVERY + Duration::from_millis(20));
}

/// Addresses that others can reach are refused, and the error says what to do; a port that is taken is named.
#[test]
fn only_this_machine_is_served() {
    for address in ["0.0.0.0:0", "192.0.2.1:9464", "[::]:0", "[2001:db8::1]:0"] {
        let refused = serve(address.parse().unwrap(), || Ok(FeedReport::default())).unwrap_err();
        assert!(matches!(refused, ServeError::NotLoopback(_)), "{refused}");
        assert!(refused.to_string().contains("use 127.0.0.1 or [::1]"));
    }
    let server = sound();
    let taken = serve(server.address(), || Ok(FeedReport::default())).unwrap_err();
    assert!(matches!(taken, ServeError::Bind { .. }), "{taken}");
}

/// What a request holds of secrets, in its path, its query or its headers, is in no answer, whatever the answer is.
#[test]
fn a_request_is_not_repeated() {
    let server = sound();
    let secrets = touchline_tests::secrets::SECRETS.map(|(_, text)| text);
    for (method, path) in [("GET", "metrics"), ("GET", "nothing"), ("POST", "ready"), ("G\u{0}T", "live")] {
        for secret in secrets {
            let headers = format!("host: {secret}\r\nauthorization: Bearer {secret}\r\naccept: {secret}");
            let asked = format!("{method} /{path}/{secret}?token={secret} HTTP/1.1\r\n{headers}\r\n\r\n");
            let answer = send(server.address(), asked.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
            assert_eq!(touchline_tests::secrets::find(answer.as_bytes()), None, "{answer}");
        }
    }
}

/// Each path and each method has its code; the format is the one that is accepted; HEAD has the head alone.
#[test]
fn every_path_has_its_answer() {
    let server = sound();
    let (code, metrics) = get(&server, "/metrics");
    assert!(code == 200 && metrics.contains("\ntouchline_feed_up 1\n") && !metrics.contains("# EOF"));
    let asked =
        "GET /metrics HTTP/1.1\r\nhost: a\r\naccept: application/openmetrics-text; version=1.0.0\r\n\r\n";
    let answer = send(server.address(), asked.as_bytes());
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
    assert!(answer.ends_with("\n# EOF\n"));
    assert_eq!(get(&server, "/live"), (200, "live\n".to_owned()));
    let ready = "{\"missing\":[],\"more\":0,\"ready\":true}\n";
    assert_eq!(get(&server, "/ready?now=1"), (200, ready.to_owned()));
    for path in ["/", "/metrics/", "/favicon.ico"] {
        assert_eq!(get(&server, path).0, 404, "{path}");
    }
    for method in ["POST", "DELETE", "OPTIONS"] {
        let text = format!("{method} /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(request(&server, &text).0, 405, "{method}");
    }
    let head = request(&server, "HEAD /ready HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(head, (200, String::new()));
    let old = request(&server, "GET /live HTTP/1.0\r\n\r\n");
    assert_eq!(old, (200, "live\n".to_owned()));
}

/// `/ready` falls when a book turns STALE, names it, and stands again when the book is LIVE; `/live` does not care.
#[test]
fn ready_turns_with_the_books() {
    let state = Arc::new(Mutex::new(State::Live));
    let server = start({
        let state = Arc::clone(&state);
        move || {
            let mut report = samples::report(3);
            report.books[1].state = *state.lock().unwrap();
            Ok(report)
        }
    });
    for (now, code, says) in [
        (State::Live, 200, "\"ready\":true"),
        (State::Stale(Reason::Gap), 503, "[\"binance:I1 is STALE(gap)\"]"),
        (State::Live, 200, "\"ready\":true"),
    ] {
        *state.lock().unwrap() = now;
        pass_report();
        let answer = get(&server, "/ready");
        assert!(answer.0 == code && answer.1.contains(says), "{now}: {answer:?}");
        assert_eq!(get(&server, "/live").0, 200);
    }
}

/// However often it is looked, the feed is asked four times a second at most; its latencies add up all the same.
#[test]
fn the_feed_is_asked_rarely() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = start({
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, SeqCst);
            Ok(samples::report(1))
        }
    });
    let began = Instant::now();
    let mut last = String::new();
    for _ in 0..40 {
        last = get(&server, "/metrics").1;
    }
    let most = began.elapsed().as_millis() / REPORT_EVERY.as_millis() + 1;
    let asked = asked.load(SeqCst);
    assert!(asked as u128 <= most, "asked {asked} times in {:?}", began.elapsed());
    // Each report brings one.
    let line = format!("touchline_stage_latency_seconds_count{{stage=\"parse\"}} {asked}\n");
    assert!(last.contains(&line), "{asked}");
}

/// A feed that does not answer in time, and one that says that a thread is gone: 503 within the bound, metrics that say
/// so, and no harm when it answers again.
#[test]
fn a_feed_that_does_not_answer_is_not_live() {
    let (hang, panicked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let server = start({
        let (hang, panicked) = (Arc::clone(&hang), Arc::clone(&panicked));
        move || {
            let began = Instant::now();
            while hang.load(SeqCst) && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
            if panicked.load(SeqCst) {
                Err(Error::Panicked { stage: "book" })
            } else {
                Ok(samples::report(1))
            }
        }
    });
    assert_eq!(get(&server, "/live").0, 200);
    hang.store(true, SeqCst);
    pass_report();
    let began = Instant::now();
    let (code, body) = get(&server, "/live");
    assert!(code == 503 && body.contains("did not answer"), "{code} {body}");
    assert!(began.elapsed() < ANSWER_WITHIN + Duration::from_millis(700), "{:?}", began.elapsed());
    assert!(get(&server, "/metrics").1.contains("\ntouchline_feed_up 0\n"));
    assert_eq!(get(&server, "/ready").0, 503);
    panicked.store(true, SeqCst);
    hang.store(false, SeqCst);
    pass_report();
    let (code, body) = get(&server, "/live");
    assert!(code == 503 && body.contains("book"), "{code} {body}");
    panicked.store(false, SeqCst);
    pass_report();
    assert_eq!(get(&server, "/live").0, 200);
}

/// A head that is too large, one with too many headers, and bytes that are no HTTP: each gets a refusal or silence,
/// and the next request its answer.
#[test]
fn requests_are_bounded() {
    let server = sound();
    let long = format!("GET /live?{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET /live HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(500));
    for bytes in [long.as_bytes(), many.as_bytes(), b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03", b"live?\r\n\r\n"]
    {
        let code = code(&send(server.address(), bytes));
        assert!(matches!(code, 0 | 400 | 414 | 431), "{code}");
    }
    assert_eq!(get(&server, "/live").0, 200);
}

/// Clients that send nothing, or their request byte by byte, are cut after two seconds; the ninth at the same time is
/// told to come again; then there is room once more.
#[test]
fn slow_clients_take_no_place_for_long() {
    let server = sound();
    let began = Instant::now();
    let idle: Vec<_> = (0..CONNECTIONS_MAX).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    (&idle[0]).write_all(b"GET /li").unwrap();
    let ninth = wait_for(|| Some(get(&server, "/live").0).filter(|code| *code == 503));
    assert!(ninth && began.elapsed() < REQUEST_WITHIN, "{:?}", began.elapsed());
    for stream in idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (answer, took) = (read(stream), began.elapsed());
        assert!(answer.is_empty() && took < REQUEST_WITHIN + Duration::from_secs(2), "{took:?} {answer}");
    }
    assert!(began.elapsed() >= REQUEST_WITHIN - Duration::from_millis(100), "{:?}", began.elapsed());
    assert!(wait_for(|| Some(get(&server, "/live").0).filter(|code| *code == 200)));
}

fn wait_for<T>(mut done: impl FnMut() -> Option<T>) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if done().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Stopping and dropping free the port within a moment, also while a client idles and while the source hangs.
#[test]
fn stopping_takes_no_time() {
    for drop_it in [false, true] {
        let (release, hold): (Sender<()>, _) = channel();
        let server = start(move || {
            let _ = hold.recv_timeout(PATIENCE);
            Ok(samples::report(1))
        });
        let address = server.address();
        let mut idle = TcpStream::connect(address).unwrap();
        idle.write_all(b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        if drop_it {
            drop(server)
        } else {
            server.stop()
        }
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        assert!(TcpStream::connect(address).is_err());
        drop(release);
    }
}
