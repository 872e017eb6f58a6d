//! A small client: sockets, REST, and a book kept in a `BTreeMap`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use touchline_market::Level;
use touchline_simulator::{Config, Simulator, Truth, Verdict};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(6 * PATIENCE, test).await.unwrap() });
}

/// A plain-text exchange of one symbol.
pub(crate) fn plain(venue: &str) -> Config {
    Config { tls: false, rate: 500.0, ..Config::new(venue) }
}

pub(crate) async fn dial(exchange: &Simulator) -> Box<dyn Stream> {
    let tcp = TcpStream::connect(exchange.address()).await.unwrap();
    if exchange.certificate_pem().is_empty() {
        return Box::new(tcp);
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(exchange.certificate_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap())
}

pub(crate) async fn try_open(exchange: &Simulator, target: &str) -> Result<Socket, Error> {
    let url = format!("ws://localhost{target}");
    let opened = tokio_tungstenite::client_async(url, dial(exchange).await);
    Ok(tokio::time::timeout(PATIENCE, opened).await.expect("a bounded handshake")?.0)
}

pub(crate) async fn open(exchange: &Simulator, target: &str) -> Socket {
    try_open(exchange, target).await.unwrap()
}

/// The next message of any kind.
pub(crate) async fn next(socket: &mut Socket) -> Result<Message, Error> {
    let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time");
    next.unwrap_or(Err(Error::ConnectionClosed))
}

/// The next text, read.
pub(crate) async fn event(socket: &mut Socket) -> Value {
    serde_json::from_str(&text(socket).await).unwrap()
}

pub(crate) async fn text(socket: &mut Socket) -> String {
    loop {
        if let Message::Text(text) = next(socket).await.unwrap() {
            return text.to_string();
        }
    }
}

/// The first error or close frame, past any messages.
pub(crate) async fn ending(socket: &mut Socket) -> Result<u16, Error> {
    loop {
        match next(socket).await {
            Ok(Message::Close(frame)) => return Ok(frame.map_or(1_005, |frame| frame.code.into())),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Is nothing at all said for a while?
pub(crate) async fn is_silent(socket: &mut Socket, ms: u64) -> bool {
    tokio::time::timeout(Duration::from_millis(ms), socket.next()).await.is_err()
}

pub(crate) async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

/// Subscribes, and sees it acknowledged.
pub(crate) async fn subscribe(socket: &mut Socket, stream: &str) {
    say(socket, &format!(r#"{{"method":"SUBSCRIBE","params":["{stream}"],"id":7}}"#)).await;
    loop {
        if text(socket).await == r#"{"result":null,"id":7}"# {
            return;
        }
    }
}

/// Status, head and body of a GET; the body is what came until the end or its length.
pub(crate) async fn get(exchange: &Simulator, target: &str) -> (u16, String, String) {
    let mut stream = dial(exchange).await;
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next());
                if body.len() >= length.unwrap_or("0").parse().unwrap() {
                    return;
                }
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer in time");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head.to_owned(), body.to_owned())
}

/// A venue's texts.
pub(crate) struct Dialect {
    pub(crate) venue: &'static str,
    pub(crate) symbol: &'static str,
    pub(crate) path: &'static str,
    pub(crate) depth: &'static str,
    pub(crate) snapshot: &'static str,
    pub(crate) scales: (u8, u8),
}

pub(crate) const DIALECTS: [Dialect; 3] = [
    Dialect {
        venue: "binance",
        symbol: "BTCUSDT",
        path: "/stream",
        depth: "btcusdt@depth@100ms",
        snapshot: "/api/v3/depth?symbol=BTCUSDT&limit=5000",
        scales: (2, 5),
    },
    Dialect {
        venue: "binance-usdm",
        symbol: "BTCUSDT",
        path: "/public/stream",
        depth: "btcusdt@depth@0ms",
        snapshot: "/fapi/v1/depth?symbol=BTCUSDT&limit=1000",
        scales: (1, 3),
    },
    Dialect {
        venue: "binance-coinm",
        symbol: "BTCUSD_PERP",
        path: "/stream",
        depth: "btcusd_perp@depth@0ms",
        snapshot: "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000",
        scales: (1, 0),
    },
];

/// A book of mantissas, kept as simply as can be.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) sequence: u64,
    bids: BTreeMap<i64, u64>,
    asks: BTreeMap<i64, u64>,
}

impl Book {
    pub(crate) fn apply(&mut self, sequence: u64, bids: &Value, asks: &Value, scales: (u8, u8)) {
        self.sequence = sequence;
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels.as_array().unwrap() {
                let price = mantissa(level[0].as_str().unwrap(), scales.0);
                match mantissa(level[1].as_str().unwrap(), scales.1) {
                    0 => side.remove(&price),
                    qty => side.insert(price, qty as u64),
                };
            }
        }
    }

    pub(crate) fn judge(&self, truth: &Truth, scales: (u8, u8)) -> Verdict {
        let level = |(price, qty): (&i64, &u64)| Level::new(*price, *qty);
        let bids: Vec<_> = self.bids.iter().rev().map(level).collect();
        let asks: Vec<_> = self.asks.iter().map(level).collect();
        truth.judge(self.sequence, scales.0, scales.1, &bids, &asks)
    }
}

fn mantissa(text: &str, scale: u8) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let (part, zeros) = part.split_at(part.len().min(usize::from(scale)));
    assert!(zeros.bytes().all(|byte| byte == b'0'));
    format!("{whole}{part:0<width$}", width = usize::from(scale)).parse().unwrap()
}
