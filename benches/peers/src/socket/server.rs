//! The other side: upgrades whoever comes, and sends unmasked text frames that were made beforehand.

use std::hint::spin_loop;
use std::io::{Error, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use touchline_benches::cores::Ticks;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Frames of one write when they go flat out.
const BATCH: usize = 64;

/// Hexadecimal digits of the stamp at the head of a paced payload.
pub(super) const STAMP: usize = 16;

/// How many frames, and how fast.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) frames: u64,
    /// Ticks between two; 0 for flat out.
    every: u64,
}

impl Load {
    /// As fast as they go.
    pub(super) const FLAT: Self = Self { frames: 100_000, every: 0 };

    /// One every 25 us.
    pub(super) fn paced(ticks: &Ticks) -> Self {
        Self { frames: 1_000, every: ticks.of_ns(25_000) }
    }

    pub(super) fn is_paced(self) -> bool {
        self.every > 0
    }
}

/// A server for one connection.
pub(super) struct Server {
    listener: TcpListener,
    frame: Vec<u8>,
    /// Where the payload begins.
    payload: usize,
    load: Load,
    ticks: Ticks,
    tls: Option<Arc<ServerConfig>>,
}

/// The head of an unmasked text frame.
pub(super) fn head(payload: usize) -> Vec<u8> {
    let mut head = vec![0x81];
    match payload {
        0..=125 => head.push(payload as u8),
        _ => {
            head.push(126);
            head.extend((payload as u16).to_be_bytes());
        }
    }
    head
}

impl Server {
    /// Listens on a port of this machine's choice.
    pub(super) fn bind(
        payload: &[u8],
        load: Load,
        ticks: &Ticks,
        tls: Option<Arc<ServerConfig>>,
    ) -> std::result::Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let head = head(payload.len());
        let frame = [&head, payload].concat();
        Ok(Self { listener, frame, payload: head.len(), load, ticks: ticks.clone(), tls })
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().map_or(0, |address| address.port())
    }

    /// Serves one connection, and returns when the other side has left.
    pub(super) fn run(self) -> Result<()> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        match &self.tls {
            None => self.serve(stream),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(Error::other)?;
                self.serve(StreamOwned::<ServerConnection, TcpStream>::new(connection, stream))
            }
        }
    }

    fn serve(&self, mut stream: impl Read + Write) -> Result<()> {
        upgrade(&mut stream)?;
        if self.load.is_paced() {
            self.pace(&mut stream)?
        } else {
            self.flood(&mut stream)?
        }
        // Whatever comes now, a goodbye or the end: nothing more is wanted.
        let _ = stream.read(&mut [0; 256]);
        Ok(())
    }

    fn flood(&self, stream: &mut impl Write) -> Result<()> {
        let batch = self.frame.repeat(BATCH);
        let mut left = self.load.frames as usize;
        while left > 0 {
            let frames = left.min(BATCH);
            stream.write_all(&batch[..frames * self.frame.len()])?;
            left -= frames;
        }
        stream.flush()
    }

    fn pace(&self, stream: &mut impl Write) -> Result<()> {
        let mut frame = self.frame.clone();
        let at = self.payload;
        let mut due = self.ticks.now() + 100 * self.load.every;
        for _ in 0..self.load.frames {
            while self.ticks.now() < due {
                spin_loop();
            }
            due += self.load.every;
            let stamp = format!("{:016x}", self.ticks.now());
            frame[at..at + STAMP].copy_from_slice(stamp.as_bytes());
            stream.write_all(&frame)?;
            stream.flush()?;
        }
        Ok(())
    }
}

/// Answers the handshake.
fn upgrade(stream: &mut (impl Read + Write)) -> Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    };
    let key = head.lines().find_map(value).ok_or_else(|| Error::other("no handshake came"))?;
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    stream.flush()
}
