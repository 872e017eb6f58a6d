//! What a URL, a header or an answer holds of secrets stands in no refusal and in no note, and in nothing that the crates
//! below say through the `log` facade down to DEBUG, but for the reason of a close, which a log has to replace.

mod support;

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use support::{Bench, PATIENCE, Told, drain, frame, head, serve, text, upgrade};
use touchline_feed::Refusal;
use touchline_link::{Rest, Transport};
use touchline_tests::secrets::{SECRETS, find};

/// What other crates said.
static SAID: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

struct Ear;

impl Log for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let said = format!("{}: {}", record.target(), record.args());
        SAID.lock().unwrap_or_else(PoisonError::into_inner).push((record.level(), said));
    }

    fn flush(&self) {}
}

fn secret(name: &str) -> &'static str {
    SECRETS.iter().find(|(known, _)| *known == name).unwrap().1
}

/// Answers to a handshake or a request that make a refusal of it, each with secrets wherever there is room.
fn refusing() -> Vec<String> {
    let (cookie, refusal) = (secret("cookie"), secret("refusal"));
    let headers = format!("Set-Cookie: s={cookie}\r\nX-API-KEY: {refusal}");
    let body = format!("{{\"apiKey\":\"{refusal}\"}}");
    let length = body.len();
    vec![
        format!("HTTP/1.1 503 No\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!(
            "HTTP/1.1 302 There\r\n{headers}\r\nLocation: http://127.0.0.1/{refusal}\r\nContent-Length: 0\r\n\r\n"
        ),
        format!("HTTP/1.1 429 {refusal}\r\n{headers}\r\nRetry-After: {cookie}\r\nContent-Length: 0\r\n\r\n"),
        format!(
            "HTTP/1.1 101 Go\r\n{headers}\r\nUpgrade: {refusal}\r\nSec-WebSocket-Accept: {cookie}\r\n\r\n"
        ),
        format!("{refusal}\r\n{headers}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{headers}\r\nContent-Length: 9999\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\nX {refusal}: \u{0}{cookie}\r\n\r\n"),
    ]
}

/// A server that answers a request so, and what stands behind its `ws://` or `http://`.
fn answers(answer: String) -> String {
    serve(move |mut stream| {
        head(&mut stream);
        // The other side may have had enough before the end.
        let _ = stream.write_all(answer.as_bytes());
    })
    .to_string()
}

/// A server whose answer, texts, pings and close frame hold secrets.
fn indiscreet() -> String {
    serve(|mut stream| {
        upgrade(&mut stream);
        let reply = text(&format!("{{\"listenKey\":\"{}\"}}", secret("reply")));
        let ping = frame(0x89, secret("ping").as_bytes());
        let reason = [&1_012_u16.to_be_bytes(), secret("close reason").as_bytes()].concat();
        stream.write_all(&[reply, ping, frame(0x88, &reason)].concat()).unwrap();
        drain(&mut stream);
    })
    .to_string()
}

/// URLs that are refused before anybody is asked, as sockets' and as REST's.
const FORBIDDEN: [&str; 4] = ["SCHEME://192.0.2.1", "ftp://127.0.0.1", "no url", "SCHEME://ho st"];

fn forbidden(scheme: &str, path: &str) -> impl Iterator<Item = String> {
    FORBIDDEN.into_iter().map(move |root| format!("{}/{path}?token={path}", root.replace("SCHEME", scheme)))
}

fn is_silent(refusal: &Refusal) {
    for shown in [refusal.to_string(), format!("{refusal:?}")] {
        assert_eq!(find(shown.as_bytes()), None, "{shown}");
    }
}

fn sockets() {
    let path = secret("socket path");
    let with_path = |host: String| format!("ws://{host}/{path}/stream?listenKey={path}");
    let mut bench = Bench::new(Transport::default());
    let urls = refusing().into_iter().map(|answer| with_path(answers(answer)));
    for url in urls.chain(forbidden("ws", path)) {
        bench.open(&url);
        match bench.told() {
            Told::Refused(refusal) => is_silent(&refusal),
            other => panic!("{other:?}"),
        }
    }
    let told = bench.until_end(&with_path(indiscreet()));
    let [Told::Frame(reply), Told::Alive, Told::Ended(ending)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((find(reply), find(format!("{ending:?} {ending}").as_bytes())), (Some("reply"), None));
    let (_, notes) = bench.end();
    assert_eq!(find(notes.join("\n").as_bytes()), None, "{notes:?}");
}

fn requests() {
    let path = secret("REST path");
    let rest = Rest::start(&Transport::default()).unwrap();
    let get = |url: &str| rest.get(url, 1, 1_000, PATIENCE);
    let with_path = |host: String| format!("http://{host}/{path}/api?signature={path}");
    let urls = refusing().into_iter().map(|answer| with_path(answers(answer)));
    for url in urls.chain(forbidden("http", path)) {
        is_silent(&get(&url).expect_err(&url));
    }
    let body = secret("REST body");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nSet-Cookie: s={}\r\nContent-Length: {}\r\n\r\n{body}",
        secret("cookie"),
        body.len()
    );
    assert_eq!(get(&with_path(answers(answer))).as_deref(), Ok(body.as_bytes()));
}

/// Every way in, over sockets and REST, opened and refused. The search can fail: the close frame's reason is found, and at
/// TRACE, which no log of ours takes, so are the frames, in hexadecimal.
#[test]
fn nothing_here_tells_a_secret() {
    log::set_boxed_logger(Box::new(Ear)).unwrap();
    log::set_max_level(LevelFilter::Trace);
    sockets();
    requests();
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    let found = |level: Level| {
        let said = said.iter().filter(move |(of, text)| *of == level && find(text.as_bytes()).is_some());
        said.map(|(_, text)| text.as_str()).collect::<Vec<_>>()
    };
    assert!(said.iter().filter(|(level, _)| *level == Level::Debug).count() > 5, "{said:?}");
    for level in [Level::Error, Level::Warn, Level::Info] {
        assert_eq!(found(level), [""; 0]);
    }
    let debug = found(Level::Debug);
    assert!(!debug.is_empty() && debug.iter().all(|text| text.contains(" close ")), "{debug:?}");
    assert!(
        found(Level::Trace).iter().any(|text| text.contains("payload: 0x")),
        "frames are told otherwise now"
    );
}
