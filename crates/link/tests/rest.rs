//! REST against servers on loopback: bodies, refusals, and a host that wants to be left alone.

mod support;

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Bench, PATIENCE, Told, head, serve};
use touchline_feed::Refusal;
use touchline_link::{Command, Fetch, Rest, Transport};

/// A server that answers every request with these bytes; says when each came, and its head.
fn answers(answer: impl Into<Vec<u8>>) -> (String, Receiver<(Instant, String)>) {
    let answer = answer.into();
    let (seen, requests) = channel();
    let address = serve(move |mut stream| {
        loop {
            let head = head(&mut stream);
            if head.is_empty() || seen.send((Instant::now(), head)).is_err() {
                return;
            }
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}/api?symbol=X"), requests)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn get(url: &str) -> Result<Vec<u8>, Refusal> {
    let rest = Rest::start(&Transport::default()).unwrap();
    rest.get(url, 1, 1_000, PATIENCE)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_body_comes_back_over_one_connection() {
    // Two requests, one after the other: the same bytes, path and query as asked, no word of a redirect's referrer.
    let (url, requests) = answers(ok(b"{\"a\":1}"));
    let rest = Rest::start(&Transport::default()).unwrap();
    for _ in 0..2 {
        assert_eq!(rest.get(&url, 1, 1_000, PATIENCE), Ok(b"{\"a\":1}".to_vec()));
        let (_, head) = requests.recv_timeout(PATIENCE).unwrap();
        assert!(head.starts_with("GET /api?symbol=X HTTP/1.1\r\n"), "{head}");
    }
}

#[test]
fn a_driver_gets_its_answer_on_the_readers_thread() {
    // By command, with the driver's own number.
    let (url, _requests) = answers(ok(b"snapshot"));
    let bench = Bench::new(Transport::default());
    let fetch = Fetch { id: 77, url, weight: 5, weight_per_minute: 10, priority: 0 };
    bench.order(vec![Command::Fetch(fetch)]);
    assert_eq!(bench.told(), Told::Answer(77, Ok(b"snapshot".to_vec())));
    bench.finish();
}

#[test]
fn a_host_that_is_overrun_is_left_alone_for_as_long_as_it_asks() {
    // 429 with two seconds, then five requests at once: none reaches the server before the two seconds are over.
    let (url, requests) = answers("HTTP/1.1 429 Slow down\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n");
    let rest = Rest::start(&Transport::default()).unwrap();
    let wait = Some(Duration::from_secs(2));
    let limited = Err(Refusal::Status { status: 429, retry_after: wait });
    assert_eq!(rest.get(&url, 1, 1_000, PATIENCE), limited);
    let answered = Instant::now();
    requests.recv_timeout(PATIENCE).unwrap();
    for id in 0..5 {
        rest.fetch(Fetch { id, url: url.clone(), weight: 1, weight_per_minute: 1_000, priority: 0 }, drop);
    }
    let (came, _) = requests.recv_timeout(PATIENCE).unwrap();
    let early = Duration::from_millis(50);
    assert!(came + early >= answered + Duration::from_secs(2), "{:?}", came - answered);
    // Another host is not concerned.
    let (other, _other_requests) = answers(ok(b"x"));
    assert_eq!(rest.get(&other, 1, 1_000, PATIENCE), Ok(b"x".to_vec()));
}

#[test]
fn a_budget_holds_requests_back() {
    // Ten of weight 1 and a budget of 5, of which a part is left to others: four arrive, the others wait for the next
    // minute.
    let (url, requests) = answers(ok(b"x"));
    let rest = Rest::start(&Transport::default()).unwrap();
    for id in 0..10 {
        rest.fetch(Fetch { id, url: url.clone(), weight: 1, weight_per_minute: 5, priority: 0 }, drop);
    }
    for _ in 0..4 {
        requests.recv_timeout(PATIENCE).unwrap();
    }
    assert!(requests.recv_timeout(Duration::from_millis(300)).is_err());
    assert_eq!(
        rest.get(&url, 1, 5, Duration::from_millis(50)),
        Err(Refusal::Timeout(Duration::from_millis(50)))
    );
}

#[test]
fn refusals_are_told_apart() {
    // A status with a page, a redirect (not followed: its server sees nothing), no HTTP, a body cut short, a closed
    // port, plain text to another machine, no URL.
    let (elsewhere, visits) = answers(ok(b"x"));
    let (page, _page) = answers("HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\n<html>");
    assert_eq!(get(&page), Err(Refusal::Status { status: 503, retry_after: None }));
    let (moved, _moved) =
        answers(format!("HTTP/1.1 302 There\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(get(&moved), Err(Refusal::Status { status: 302, retry_after: None }));
    assert!(visits.recv_timeout(Duration::from_millis(50)).is_err());
    let (noise, _noise) = answers("what?\r\n\r\n");
    assert!(matches!(get(&noise), Err(Refusal::Handshake(_))));
    let cut = serve(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort").unwrap();
    });
    assert!(matches!(get(&format!("http://{cut}/")), Err(Refusal::Handshake(_))));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    assert!(matches!(get(&format!("http://{closed}/")), Err(Refusal::Connect(_))));
    for url in ["http://192.0.2.1/", "ftp://127.0.0.1/", "no url"] {
        assert!(matches!(get(url), Err(Refusal::Forbidden(_))), "{url}");
    }
    match get("https://venue.invalid/") {
        Err(Refusal::Resolve { host, .. }) => assert_eq!(host, "venue.invalid"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bodies_have_a_limit_packed_or_not() {
    // 16 MiB exactly are taken, one byte more is not, however it is packed: 64 MiB in some 64 KiB are a bomb.
    const MAX: usize = 16 * 1024 * 1024;
    let packed = |bytes: &[u8]| {
        let body = gzip(bytes);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    };
    let fits = vec![b'x'; MAX];
    let over = vec![b'x'; MAX + 1];
    for answer in [ok(&fits), packed(&fits)] {
        let (url, _requests) = answers(answer);
        assert!(get(&url).as_deref() == Ok(&fits[..]));
    }
    for answer in [ok(&over), packed(&over), packed(&vec![0; 4 * MAX])] {
        let (url, _requests) = answers(answer);
        assert!(matches!(get(&url), Err(Refusal::Handshake(text)) if text.contains("16777216")));
    }
}

#[test]
fn a_server_that_dawdles_is_given_up() {
    // Bytes come, but the whole does not within five seconds. Meanwhile others are served.
    let slow = serve(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").unwrap();
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let rest = Rest::start(&Transport::default()).unwrap();
    let (reply, replies) = channel();
    let from = Instant::now();
    let url = format!("http://{slow}/");
    rest.fetch(Fetch { id: 1, url, weight: 1, weight_per_minute: 1_000, priority: 0 }, move |answer| {
        reply.send(answer.body).unwrap();
    });
    let (quick, _requests) = answers(ok(b"quick"));
    assert_eq!(rest.get(&quick, 1, 1_000, PATIENCE), Ok(b"quick".to_vec()));
    assert!(from.elapsed() < Duration::from_secs(2));
    let five = Duration::from_secs(5);
    assert_eq!(replies.recv_timeout(PATIENCE).unwrap(), Err(Refusal::Timeout(five)));
    assert!(from.elapsed() >= five && from.elapsed() < five + Duration::from_secs(1));
}

#[test]
fn the_thread_ends_with_its_last_handle() {
    // A connection it holds open is closed when the handle goes, though the server would keep it.
    let (seen, ended) = channel();
    let address = serve(move |mut stream| {
        head(&mut stream);
        stream.write_all(&ok(b"x")).unwrap();
        let count = stream.read(&mut [0; 16]).unwrap();
        seen.send(count).unwrap();
    });
    let rest = Rest::start(&Transport::default()).unwrap();
    assert!(rest.get(&format!("http://{address}/"), 1, 1_000, PATIENCE).is_ok());
    assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
    drop(rest);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(0));
}
