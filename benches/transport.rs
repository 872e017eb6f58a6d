//! From a socket on loopback to the driver: both transports beside bare reads, over plain text and TLS.
//!
//! A server on the first core sends text frames of 179 bytes that it has prepared; the client is on the last core. Two
//! figures a row, the rows taken in turns so that a slow minute of the machine hits all alike:
//!
//! * flat out: as many frames as go through, 64 in a write (through TLS: in a record); nanoseconds a frame, the best round.
//!   Sender and kernel are part of it.
//! * paced: a frame every 25 us, each in a write of its own, stamped by the sender just before; microseconds until the
//!   driver has it. Of all stretches of 100 frames only the quietest tenth counts, so that a machine that others use too
//!   does not measure them.
//!
//! The floor reads without waiting into 256 KiB and looks at nothing but the stamp. Run it alone on the machine.
#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its table")]

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use core_affinity::CoreId;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use touchline::feed::Moment;
use touchline_benches::cores::{Ticks, is_test};
use touchline_link::{
    Answer, Command, Driver, ReaderOptions, Rest, Roots, SocketEvent, SocketId, Stamp, Transport,
    TransportKind, Turn, Wait, spawn,
};

/// Bytes of a frame's text, as many as a best-level message has. Its first 16 are the stamp, in hexadecimal.
const TEXT_BYTES: usize = 179;
const FRAME_BYTES: usize = 4 + TEXT_BYTES;
const PACE_NS: u64 = 25_000;

/// What the server does.
#[derive(Clone, Copy)]
enum Send {
    FlatOut,
    Paced,
}

/// How many frames, of either kind.
#[derive(Clone, Copy)]
struct Counts {
    flat_out: usize,
    paced: usize,
}

impl Counts {
    fn of(self, send: Send) -> usize {
        match send {
            Send::FlatOut => self.flat_out,
            Send::Paced => self.paced,
        }
    }
}

/// What a client saw: when it had the first and the last frame, and how long each paced one took.
#[derive(Default)]
struct Seen {
    count: usize,
    first: u64,
    last: u64,
    took: Vec<u64>,
}

impl Seen {
    fn frame(&mut self, ticks: &Ticks, send: Send, text: &[u8]) {
        if let Send::Paced = send {
            let stamp =
                std::str::from_utf8(&text[..16]).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
            self.took.push(ticks.now().saturating_sub(stamp.expect("a stamp")));
        }
        black_box(text);
        self.frames(ticks, 1);
    }

    fn frames(&mut self, ticks: &Ticks, count: usize) {
        if self.count == 0 {
            self.first = ticks.now();
        }
        self.count += count;
    }
}

fn frame(stamp: u64) -> Vec<u8> {
    let mut frame = vec![0x81, 126, 0, TEXT_BYTES as u8];
    frame.extend(format!("{stamp:016x}").bytes());
    frame.resize(FRAME_BYTES, b'7');
    frame
}

/// Answers the handshake, then sends.
fn serve(mut stream: impl Read + Write, ticks: &Ticks, send: Send, count: usize) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    stream.flush()?;
    std::thread::sleep(Duration::from_millis(20));
    match send {
        Send::FlatOut => {
            let burst: Vec<u8> = (0..64).flat_map(|_| frame(0)).collect();
            for _ in 0..count / 64 {
                stream.write_all(&burst)?;
            }
        }
        Send::Paced => {
            let pace = ticks.of_ns(PACE_NS);
            let mut next = ticks.now();
            for _ in 0..count {
                next += pace;
                while ticks.now() < next {
                    std::hint::spin_loop();
                }
                stream.write_all(&frame(ticks.now()))?;
            }
        }
    }
    stream.flush()?;
    // Until the client has had enough.
    while stream.read(&mut [0; 1_024])? > 0 {}
    Ok(())
}

/// A server for one client, on the first core.
fn server(tls: Option<Arc<ServerConfig>>, ticks: &Ticks, send: Send, count: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let ticks = ticks.clone();
    std::thread::spawn(move || {
        core_affinity::get_core_ids()
            .and_then(|cores| cores.first().copied())
            .map(core_affinity::set_for_current);
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        match tls.map(ServerConnection::new) {
            Some(connection) => {
                let connection = connection.map_err(io::Error::other)?;
                serve(StreamOwned::new(connection, stream), &ticks, send, count)
            }
            None => serve(stream, &ticks, send, count),
        }
    });
    address
}

fn last_core() -> Option<CoreId> {
    core_affinity::get_core_ids().and_then(|cores| cores.last().copied())
}

/// The floor.
fn bare(address: SocketAddr, ticks: &Ticks, send: Send, count: usize) -> Seen {
    let ticks = ticks.clone();
    let client = std::thread::spawn(move || -> io::Result<Seen> {
        last_core().map(core_affinity::set_for_current);
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let mut buffer = vec![0; 256 * 1024];
        stream.set_nonblocking(true)?;
        let (mut seen, mut bytes) = (Seen::default(), 0);
        while bytes < count * FRAME_BYTES {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    // Of several frames in one read, which a pause brings, the first is as old as it gets.
                    match send {
                        Send::Paced if bytes % FRAME_BYTES == 0 => seen.frame(&ticks, send, &buffer[4..]),
                        _ => seen.frames(&ticks, read / FRAME_BYTES),
                    }
                    bytes += read;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        seen.last = ticks.now();
        Ok(seen)
    });
    client.join().expect("no panic").expect("a connection")
}

/// Counts frames; done with the last.
struct Counter {
    url: Option<String>,
    ticks: Ticks,
    send: Send,
    count: usize,
    seen: Seen,
}

impl Driver for Counter {
    type Control = ();

    fn socket(&mut self, _: SocketId, event: SocketEvent<'_>, _: Stamp) {
        match event {
            SocketEvent::Frame(text) => {
                self.seen.frame(&self.ticks, self.send, text);
                if self.seen.count == self.count {
                    self.seen.last = self.ticks.now();
                }
            }
            SocketEvent::Opened => {}
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, _: Answer, _: Stamp) {}

    fn control(&mut self, (): (), _: Stamp) {}

    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn {
        if let Some(url) = self.url.take() {
            commands.push(Command::Open { socket: SocketId(1), url, timeout: Duration::from_secs(5) });
        }
        if self.seen.count >= self.count { Turn::Done } else { Turn::Until(now + Duration::from_secs(60)) }
    }
}

/// A client of a row.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    client: Option<(TransportKind, Wait, bool)>,
    tls: bool,
}

struct Tls {
    config: Arc<ServerConfig>,
    roots: Roots,
}

impl Tls {
    fn new(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let file = folder.join("root.pem");
        std::fs::write(&file, made.cert.pem()).expect("it is written");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone()];
                builder.with_no_client_auth().with_single_cert(chain, key)
            })
            .expect("a sound configuration");
        Self { config: Arc::new(config), roots: Roots { files: vec![file] } }
    }
}

fn run(row: Row, tls: &Tls, ticks: &Ticks, send: Send, count: usize) -> Seen {
    let address = server(row.tls.then(|| Arc::clone(&tls.config)), ticks, send, count);
    let Some((kind, wait, kernel_stamps)) = row.client else { return bare(address, ticks, send, count) };
    let transport = Transport { kind, kernel_stamps, roots: tls.roots.clone(), ..Transport::default() };
    let url = format!("{}://{address}/", if row.tls { "wss" } else { "ws" });
    let rest = Rest::start(&transport).expect("a thread");
    let took = Vec::with_capacity(count);
    let seen = Seen { took, ..Seen::default() };
    let counter = Counter { url: Some(url), ticks: ticks.clone(), send, count, seen };
    let core = last_core().map(|core| core.id);
    let options = ReaderOptions { name: "bench".to_owned(), core, wait, transport };
    let (counter, _) = spawn(options, rest, counter).expect("a thread").join().expect("no panic");
    counter.seen
}

fn main() {
    let (rounds, counts) = if is_test() {
        (1, Counts { flat_out: 6_400, paced: 100 })
    } else {
        (7, Counts { flat_out: 1_280_000, paced: 10_000 })
    };
    let (tokio, spin) = (TransportKind::Tokio, TransportKind::Spin);
    let row = |name, client, tls| Row { name, client, tls };
    let rows = [
        row("bare read", None, false),
        row("spin", Some((spin, Wait::Block, true)), false),
        row("spin, no kernel stamps", Some((spin, Wait::Block, false)), false),
        row("tokio, blocking", Some((tokio, Wait::Block, true)), false),
        row("tokio, spinning", Some((tokio, Wait::Spin, true)), false),
        row("TLS: spin", Some((spin, Wait::Block, true)), true),
        row("TLS: tokio, blocking", Some((tokio, Wait::Block, true)), true),
        row("TLS: tokio, spinning", Some((tokio, Wait::Spin, true)), true),
    ];
    let ticks = Ticks::new();
    let folder = tempfile::tempdir().expect("a folder");
    let tls = Tls::new(folder.path());
    let mut flat_out = vec![f64::INFINITY; rows.len()];
    let mut paced: Vec<Vec<u64>> = vec![Vec::new(); rows.len()];
    for _ in 0..rounds {
        for (i, &row) in rows.iter().enumerate() {
            let count = counts.of(Send::FlatOut);
            let seen = run(row, &tls, &ticks, Send::FlatOut, count);
            flat_out[i] = flat_out[i].min(ticks.ns(seen.last - seen.first) / count as f64);
            paced[i].extend(run(row, &tls, &ticks, Send::Paced, counts.of(Send::Paced)).took);
        }
    }
    println!("{:<24} {:>12} {:>10} {:>10} {:>10}", "", "ns a frame", "p50 us", "p90 us", "p99 us");
    for (row, (flat_out, paced)) in rows.iter().zip(flat_out.iter().zip(&paced)) {
        let paced = quietest(paced);
        let at =
            |percent: usize| ticks.ns(paced[(paced.len() * percent / 100).min(paced.len() - 1)]) / 1_000.0;
        println!("{:<24} {flat_out:>12.1} {:>10.2} {:>10.2} {:>10.2}", row.name, at(50), at(90), at(99));
    }
}

/// Of stretches of 100 times the tenth with the lowest sums, sorted.
fn quietest(times: &[u64]) -> Vec<u64> {
    let mut stretches: Vec<_> = times.chunks(100).collect();
    stretches.sort_by_key(|stretch| stretch.iter().sum::<u64>());
    stretches.truncate(stretches.len().div_ceil(10));
    let mut times = stretches.concat();
    times.sort_unstable();
    times
}
