//! Servers that answer the handshake in every wrong way: each is a refusal of its own kind, and no message is told.

mod support;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use support::{Bench, Told, drain, head, serve, text};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use touchline_feed::Refusal;
use touchline_link::{Command, SocketId, Transport};

/// Opens a socket to a server that answers with these bytes and then waits; returns the refusal.
fn answered(answer: impl Into<Vec<u8>>) -> Refusal {
    let answer = answer.into();
    let address = serve(move |mut stream| {
        head(&mut stream);
        // The other side may have had enough before the end.
        let _ = stream.write_all(&answer);
        drain(&mut stream);
    });
    refusal(&format!("ws://{address}/"))
}

fn refusal(url: &str) -> Refusal {
    let mut bench = Bench::new(Transport::default());
    bench.open(url);
    let Told::Refused(refusal) = bench.told() else { panic!("not refused") };
    bench.silent(Duration::from_millis(20));
    refusal
}

#[test]
fn a_status_is_told_with_the_wait_it_asks_for() {
    // Every status of the fault list, each with a body that nobody reads; 429 with seconds, with a date, with neither.
    for status in [301, 302, 307, 400, 401, 403, 404, 418, 451, 500, 502, 503] {
        let answer = format!(
            "HTTP/1.1 {status} No\r\nLocation: wss://elsewhere.test/\r\nContent-Length: 5\r\n\r\nabcde"
        );
        assert_eq!(answered(answer), Refusal::Status { status, retry_after: None });
    }
    let limited = |header: &str| answered(format!("HTTP/1.1 429 Slow down\r\n{header}\r\n"));
    let wait = |retry_after| Refusal::Status { status: 429, retry_after };
    assert_eq!(limited(""), wait(None));
    assert_eq!(limited("Retry-After: 17\r\n"), wait(Some(Duration::from_secs(17))));
    assert_eq!(limited("Retry-After: perhaps\r\n"), wait(None));
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
    match limited(&format!("Retry-After: {date}\r\n")) {
        Refusal::Status { status: 429, retry_after: Some(wait) } => {
            assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_handshake_is_told_as_such() {
    // Pages, noise, a head cut short, a head without end, too many headers, and 101 with a wrong or no key.
    let many: String = (0..65).map(|n| format!("H{n}: x\r\n")).collect();
    let bad_accept = "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let cases: [(&str, Vec<u8>); 7] = [
        ("page", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>hello</html>".to_vec()),
        ("html", b"<html>hello</html>\r\n\r\n".to_vec()),
        ("noise", vec![0; 4_096]),
        ("endless", [b"HTTP/1.1 101 Go\r\nA: ".to_vec(), vec![b'a'; 17 * 1024]].concat()),
        ("many headers", format!("HTTP/1.1 101 Go\r\n{many}\r\n").into_bytes()),
        ("wrong key", bad_accept.as_bytes().to_vec()),
        ("no upgrade", b"HTTP/1.1 101 Go\r\n\r\n".to_vec()),
    ];
    for (name, answer) in cases {
        let refusal = answered(answer);
        assert!(matches!(refusal, Refusal::Handshake(_)), "{name}: {refusal:?}");
    }
    let cut = serve(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 101 Go\r\nUpgr").unwrap();
    });
    assert!(matches!(refusal(&format!("ws://{cut}/")), Refusal::Handshake(_)));
}

/// Opens a socket to a server that answers rightly but for these header lines, and sends a text behind.
fn accepted_with(lines: String) -> Told {
    let address = serve(move |mut stream| {
        let request = head(&mut stream);
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
        );
        stream.write_all(&[answer.into_bytes(), text("early")].concat()).unwrap();
        drain(&mut stream);
    });
    let mut bench = Bench::new(Transport::default());
    bench.open(&format!("ws://{address}/"));
    match bench.told() {
        Told::Opened => bench.told(),
        refused => refused,
    }
}

#[test]
fn limits_of_the_head_are_exact_and_extensions_are_refused() {
    // 64 headers are taken (three are there already), 65 are not; a message right behind the head is not lost; an
    // extension or a subprotocol that nobody asked for is refused.
    let headers = |count: usize| (0..count).map(|n| format!("H{n}: x\r\n")).collect::<String>();
    assert_eq!(accepted_with(headers(61)), Told::Frame(b"early".to_vec()));
    for lines in [
        headers(62),
        "Sec-WebSocket-Extensions: permessage-deflate\r\n".to_owned(),
        "Sec-WebSocket-Protocol: chat\r\n".to_owned(),
        format!("A: {}\r\n", "a".repeat(16 * 1024)),
    ] {
        let told = accepted_with(lines.clone());
        assert!(matches!(told, Told::Refused(Refusal::Handshake(_))), "{} {told:?}", &lines[..20]);
    }
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    // The handshake's own limit of three seconds, and an order with less.
    let address = serve(|mut stream| {
        drain(&mut stream);
    });
    let mut bench = Bench::new(Transport::default());
    let from = Instant::now();
    let url = format!("ws://{address}/");
    bench.open(&url);
    let (socket, timeout) = (SocketId(100), Duration::from_millis(300));
    bench.order(vec![Command::Open { socket, url, timeout }]);
    assert_eq!(bench.told(), Told::Refused(Refusal::Timeout(timeout)));
    assert!(from.elapsed() < Duration::from_secs(2));
    assert_eq!(bench.told(), Told::Refused(Refusal::Timeout(Duration::from_secs(3))));
    assert!(from.elapsed() >= Duration::from_secs(3));
}
