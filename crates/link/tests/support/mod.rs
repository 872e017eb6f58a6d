//! What the tests share: a driver that records, and servers on loopback.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod tls;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use touchline_feed::{Ending, Moment, Refusal};
use touchline_link::{
    Answer, Command, Driver, Handle, Reader, ReaderOptions, Rest, SocketEvent, SocketId, Stamp, Transport,
    TransportKind, Turn, Wait, spawn,
};

/// How sockets are read here: `spin.rs` holds the other files' tests once more.
pub(crate) fn kind() -> TransportKind {
    if env!("CARGO_CRATE_NAME") == "spin" { TransportKind::Spin } else { TransportKind::Tokio }
}

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// What the driver was told, in words that outlive the call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Opened,
    Refused(Refusal),
    Frame(Vec<u8>),
    BrokenFrame,
    Alive,
    Ended(Ending),
    Answer(u64, Result<Vec<u8>, Refusal>),
    Turn,
}

/// What the tests tell the driver.
pub(crate) enum Order {
    Do(Vec<Command>),
    RingAt(Moment),
    Panic,
    Finish,
}

/// Records what it is told, and does what it is told.
pub(crate) struct Recorder {
    told: Sender<(SocketId, Told, Stamp)>,
    orders: Vec<Command>,
    ring_at: Moment,
    finish: bool,
    pub(crate) turns: usize,
}

impl Driver for Recorder {
    type Control = Order;

    fn socket(&mut self, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        let told = match event {
            SocketEvent::Opened => Told::Opened,
            SocketEvent::Refused(refusal) => Told::Refused(refusal),
            SocketEvent::Frame(frame) | SocketEvent::Binary { frame, .. } => Told::Frame(frame.to_vec()),
            SocketEvent::BrokenFrame(_) => Told::BrokenFrame,
            SocketEvent::Alive | SocketEvent::Pinged => Told::Alive,
            SocketEvent::Ended(ending) => Told::Ended(ending),
        };
        self.told.send((socket, told, stamp)).ok();
    }

    fn answer(&mut self, answer: Answer, stamp: Stamp) {
        self.told.send((SocketId(0), Told::Answer(answer.id, answer.body), stamp)).ok();
    }

    fn control(&mut self, control: Order, _: Stamp) {
        match control {
            Order::Do(commands) => self.orders.extend(commands),
            Order::RingAt(moment) => self.ring_at = moment,
            Order::Panic => panic!("as ordered"),
            Order::Finish => self.finish = true,
        }
    }

    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn {
        self.turns += 1;
        commands.append(&mut self.orders);
        if self.finish {
            return Turn::Done;
        }
        if now >= self.ring_at {
            self.ring_at = Moment::NEVER;
            let stamp = Stamp { now, ..Stamp::default() };
            self.told.send((SocketId(0), Told::Turn, stamp)).ok();
        }
        Turn::Until(self.ring_at)
    }
}

/// A reader with a recording driver.
pub(crate) struct Bench {
    pub(crate) reader: Reader<Recorder>,
    pub(crate) handle: Handle<Order>,
    told: Receiver<(SocketId, Told, Stamp)>,
    next: u64,
    _end: End,
}

/// Ends the thread of a test that is over: one that spins would burn its core on.
struct End(Handle<Order>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.send(Order::Finish);
    }
}

impl Bench {
    pub(crate) fn new(transport: Transport) -> Self {
        Self::waiting(transport, Wait::Block)
    }

    pub(crate) fn waiting(transport: Transport, wait: Wait) -> Self {
        let transport = Transport { kind: kind(), ..transport };
        let rest = Rest::start(&transport).unwrap();
        let (told, receiver) = channel();
        let driver = Recorder { told, orders: Vec::new(), ring_at: Moment::NEVER, finish: false, turns: 0 };
        let options = ReaderOptions { name: "reader".to_owned(), core: None, wait, transport };
        let reader = spawn(options, rest, driver).unwrap();
        let handle = reader.handle();
        let end = End(reader.handle());
        Self { reader, handle, told: receiver, next: 1, _end: end }
    }

    pub(crate) fn order(&self, commands: Vec<Command>) {
        assert!(self.handle.send(Order::Do(commands)));
    }

    pub(crate) fn open(&mut self, url: &str) -> SocketId {
        let socket = SocketId(self.next);
        self.next += 1;
        let (url, timeout) = (url.to_owned(), Duration::from_secs(5));
        self.order(vec![Command::Open { socket, url, timeout }]);
        socket
    }

    /// The next that the driver was told.
    pub(crate) fn next(&self) -> (SocketId, Told, Stamp) {
        self.told.recv_timeout(PATIENCE).expect("the driver was told nothing")
    }

    /// The next, whoever it is about.
    pub(crate) fn told(&self) -> Told {
        self.next().1
    }

    /// Nothing is told for so long.
    pub(crate) fn silent(&self, time: Duration) {
        if let Ok(told) = self.told.recv_timeout(time) {
            panic!("{told:?}");
        }
    }

    /// Opens a URL, waits until it is open, and returns what follows up to the end.
    pub(crate) fn until_end(&mut self, url: &str) -> Vec<Told> {
        self.open(url);
        assert_eq!(self.told(), Told::Opened);
        let mut all = Vec::new();
        loop {
            all.push(self.told());
            if matches!(all.last(), Some(Told::Ended(_))) {
                return all;
            }
        }
    }

    /// Ends the thread in order.
    pub(crate) fn finish(self) -> Recorder {
        self.end().0
    }

    /// The same, with what did not go as asked.
    pub(crate) fn end(self) -> (Recorder, Vec<String>) {
        assert!(self.handle.send(Order::Finish));
        self.reader.join().unwrap()
    }
}

/// A server on loopback: each connection is handled on a thread of its own.
pub(crate) fn serve(handle: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let handle = handle.clone();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            std::thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Reads an HTTP head.
pub(crate) fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Answers the WebSocket handshake.
pub(crate) fn upgrade(stream: &mut (impl Read + Write)) {
    let request = head(stream);
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .unwrap();
}

/// A server that answers the handshake, then does this.
pub(crate) fn websocket(then: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let address = serve(move |mut stream| {
        upgrade(&mut stream);
        then(stream);
    });
    format!("ws://{address}/")
}

/// A server that answers the handshake, writes these bytes, and reads until the other side ends.
pub(crate) fn writes(bytes: Vec<u8>) -> String {
    websocket(move |mut stream| {
        stream.write_all(&bytes).unwrap();
        drain(&mut stream);
    })
}

/// Reads until the other side ends; returns all of it.
pub(crate) fn drain(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
    }
    all
}

/// One frame as a server sends it.
pub(crate) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match body.len() {
        0..=125 => bytes.push(body.len() as u8),
        126..=0xffff => {
            bytes.push(126);
            bytes.extend((body.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((body.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A text message in one frame.
pub(crate) fn text(body: &str) -> Vec<u8> {
    frame(0x81, body.as_bytes())
}

/// A close frame.
pub(crate) fn close(code: u16) -> Vec<u8> {
    frame(0x88, &code.to_be_bytes())
}
