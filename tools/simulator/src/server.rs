//! The exchange's thread: sockets and the clock around [`Floor`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::faults::{End, HandshakeFault};
use crate::floor::{Admission, Floor};
use crate::line::{Piece, Wake};
use crate::plants::Plants;
use crate::rest::After;
use crate::wire::Wire;
use crate::{frames, http};

/// How often the markets move: what came together is written at once.
const TICK: Duration = Duration::from_millis(2);

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The pace of what is sent byte by byte.
const DRIP: Duration = Duration::from_millis(50);

/// What the thread and the handle share.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<Floor>);

impl Shared {
    pub(crate) fn new(floor: Floor) -> Self {
        Self(Mutex::new(floor))
    }

    pub(crate) fn floor(&self) -> MutexGuard<'_, Floor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Runs until told to stop.
pub(crate) async fn run(
    shared: Arc<Shared>,
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut listener = Some(TcpListener::from_std(listener)?);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return Ok(()),
            _ = ticks.tick() => {
                let refusing = {
                    let mut floor = shared.floor();
                    floor.tick(Instant::now(), now_ms());
                    floor.refusing
                };
                listen(refusing, address, &mut listener).await;
            }
            accepted = accept(listener.as_ref()) => {
                if let Ok(tcp) = accepted {
                    tokio::spawn(serve(Arc::clone(&shared), tcp, tls.clone()));
                }
            }
        }
    }
}

/// Closes the listener, or opens it again at the same port.
async fn listen(refusing: bool, address: SocketAddr, listener: &mut Option<TcpListener>) {
    if refusing {
        *listener = None;
    } else if listener.is_none() {
        // Tokio sets SO_REUSEADDR: connections that linger do not keep the port.
        *listener = TcpListener::bind((Ipv4Addr::LOCALHOST, address.port())).await.ok();
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(tcp, _)| tcp),
        None => std::future::pending().await,
    }
}

/// One connection: requests until it becomes a socket, or ends.
async fn serve(shared: Arc<Shared>, mut tcp: TcpStream, tls: Option<TlsAcceptor>) {
    let _ = tcp.set_nodelay(true);
    if shared.floor().cuts(Instant::now()) {
        let mut first = [0; 64];
        let _ = tokio::time::timeout(HANDSHAKE, tcp.read(&mut first)).await;
        return Wire::Plain(tcp).reset();
    }
    let mut wire = match tls {
        None => Wire::Plain(tcp),
        Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(tcp)).await {
            Ok(Ok(tls)) => Wire::Tls(Box::new(tls)),
            _ => return,
        },
    };
    let mut buffer = Vec::new();
    loop {
        let head = match http::read(&mut wire, &mut buffer).await {
            Ok(Some(head)) => head,
            Ok(None) | Err(_) => return wire.finish(true).await,
        };
        let plants = Arc::clone(&shared.floor().plants);
        let target = plants.target(&head.target, head.key.is_some());
        if let Some(key) = head.key {
            return upgrade(shared, wire, buffer, target, &key, &plants).await;
        }
        let answer = shared.floor().answer(target, Instant::now(), now_ms());
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        if wire.write_all(&plants.answer(answer.bytes)).await.is_err() || wire.flush().await.is_err() {
            return;
        }
        match answer.after {
            After::Keep => {}
            After::Fin => return wire.finish(false).await,
            After::Reset => return wire.reset(),
        }
    }
}

/// Answers an attempt to open a socket.
async fn upgrade(
    shared: Arc<Shared>,
    mut wire: Wire,
    buffer: Vec<u8>,
    target: &str,
    key: &str,
    plants: &Plants,
) {
    let admission = shared.floor().admit(target, Instant::now());
    let switching = plants.answer(http::switching(key, true, false));
    match admission {
        Admission::Open(id, wake) => {
            if wire.write_all(&switching).await.is_ok() {
                return socket(shared, wire, buffer, id, wake).await;
            }
            shared.floor().gone(id);
        }
        Admission::NoSuchPath => {
            let _ = wire.write_all(&http::page(404, "Not Found")).await;
            wire.finish(true).await;
        }
        Admission::Fault(fault, opened) => {
            let wrote = refuse(&mut wire, fault, key, plants).await;
            match opened {
                Some((id, _)) if wrote.is_err() || fault == HandshakeFault::Dropped => {
                    shared.floor().gone(id);
                    wire.finish(false).await;
                }
                Some((id, wake)) => socket(shared, wire, buffer, id, wake).await,
                None => wire.finish(true).await,
            }
        }
    }
}

/// What is said instead of the right answer.
async fn refuse(wire: &mut Wire, fault: HandshakeFault, key: &str, plants: &Plants) -> io::Result<()> {
    let right = http::switching(key, true, false);
    match fault {
        HandshakeFault::Status { code, retry_after_s } => {
            let seconds = retry_after_s.map(|seconds| seconds.to_string());
            let headers: Vec<(&str, &str)> =
                seconds.iter().map(|seconds| ("Retry-After", seconds.as_str())).collect();
            let refused = http::response(code, "text/plain", &headers, &plants.page("refused"));
            wire.write_all(&plants.answer(refused)).await?;
        }
        HandshakeFault::Html => {
            let page = http::page(200, &plants.page("Welcome"));
            wire.write_all(&plants.answer(page)).await?;
        }
        HandshakeFault::Redirect => {
            let elsewhere = [("Location", "wss://elsewhere.invalid/stream")];
            wire.write_all(&http::response(302, "text/plain", &elsewhere, "")).await?;
        }
        HandshakeFault::Endless => {
            wire.write_all(b"HTTP/1.1 101 Switching Protocols\r\n").await?;
            for line in 0_u64.. {
                wire.write_all(format!("X-Line-{line}: {line:01000}\r\n").as_bytes()).await?;
                wire.flush().await?;
                tokio::time::sleep(TICK).await;
            }
        }
        HandshakeFault::BadAccept => wire.write_all(&http::switching(key, false, false)).await?,
        HandshakeFault::Extension => wire.write_all(&http::switching(key, true, true)).await?,
        HandshakeFault::Late(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            wire.write_all(&right).await?;
        }
        HandshakeFault::Drip => drip(wire, &right, 1).await?,
        HandshakeFault::Dropped => wire.write_all(&right).await?,
        HandshakeFault::Cut => {}
    }
    wire.flush().await
}

/// One socket, until it ends.
async fn socket(shared: Arc<Shared>, wire: Wire, buffer: Vec<u8>, id: u64, wake: Arc<Wake>) {
    let (mut reader, mut writer) = tokio::io::split(wire);
    let how = tokio::select! {
        how = write(&shared, &mut writer, id, &wake) => how,
        how = read(&shared, &mut reader, buffer, id) => how,
        () = wake.cut.notified() => End::Reset,
    };
    shared.floor().gone(id);
    let wire = reader.unsplit(writer);
    match how {
        End::Reset => wire.reset(),
        End::Fin | End::MidFrame => wire.finish(false).await,
        End::Close(_) => wire.finish(true).await,
        // Kept, and never touched again, until the exchange stops.
        End::HalfOpen => {
            std::future::pending::<()>().await;
            drop(wire);
        }
    }
}

async fn read(shared: &Shared, reader: &mut ReadHalf<Wire>, mut buffer: Vec<u8>, id: u64) -> End {
    loop {
        loop {
            match frames::take(&mut buffer) {
                Ok(Some(frame)) => shared.floor().heard(id, frame, Instant::now()),
                Ok(None) => break,
                Err(()) => return End::Reset,
            }
        }
        match reader.read_buf(&mut buffer).await {
            Ok(read) if read > 0 => {}
            Ok(_) | Err(_) => return End::Fin,
        }
    }
}

async fn write(shared: &Shared, writer: &mut WriteHalf<Wire>, id: u64, wake: &Wake) -> End {
    loop {
        let pieces = shared.floor().outgoing(id);
        if pieces.is_empty() {
            wake.more.notified().await;
        }
        for piece in pieces {
            let wrote = match piece {
                Piece::Bytes(bytes) => match writer.write_all(&bytes).await {
                    Ok(()) => writer.flush().await,
                    wrong => wrong,
                },
                Piece::Slow(bytes, pace) => drip(writer, &bytes, pace).await,
                Piece::Mark(kind) => {
                    shared.floor().mark(kind, Instant::now());
                    Ok(())
                }
                Piece::End(how) => return how,
            };
            if wrote.is_err() {
                return End::Fin;
            }
        }
    }
}

async fn drip(writer: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8], pace: usize) -> io::Result<()> {
    for piece in bytes.chunks(pace.max(1)) {
        writer.write_all(piece).await?;
        writer.flush().await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}
