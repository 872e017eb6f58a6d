//! The peers' clients, and the floor: the bytes read and not looked at.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use boomnet::stream::ConnectionInfo;
use boomnet::stream::buffer::IntoBufferedStream;
use boomnet::ws::{IntoWebsocket, WebsocketFrame};
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{self, Message};

use super::seen::Seen;

/// Bytes of one bare read at most.
const READ: usize = 256 * 1024;

/// A handshake whose key is nobody's.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn connect(port: u16) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(text)?;
    Ok(stream)
}

/// read() into one large buffer. A frame is where its bytes must end: no head is read.
pub(super) fn bare(port: u16, mut seen: Seen) -> Result<Seen, String> {
    let mut stream = connect(port)?;
    stream.write_all(REQUEST.as_bytes()).map_err(text)?;
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).map_err(text)?;
        answer.push(byte[0]);
    }
    let (all, each) = seen.bytes();
    let mut buffer = vec![0; READ];
    let (mut taken, mut frames) = (0, 0);
    while taken < all {
        let read = stream.read(&mut buffer).map_err(text)?;
        if read == 0 {
            return Err("the server has left".to_owned());
        }
        let start = taken as usize % each;
        taken += read as u64;
        // A frame that is paced comes alone, and begins the read.
        let payload = if start == 0 { &buffer[4..read.max(4)] } else { &[] };
        while frames < taken / each as u64 {
            seen.frame(payload);
            frames += 1;
        }
    }
    Ok(seen)
}

/// boomnet, which polls.
pub(super) fn boomnet(port: u16, mut seen: Seen) -> Result<Seen, String> {
    let stream = ConnectionInfo::new("127.0.0.1", port).into_tcp_stream().map_err(text)?;
    let mut socket = stream.into_default_buffered_stream().into_websocket("/");
    while !seen.is_over() {
        for frame in socket.read_batch().map_err(text)? {
            if let WebsocketFrame::Text(true, payload) = frame.map_err(text)? {
                seen.frame(payload);
            }
        }
    }
    Ok(seen)
}

/// tungstenite, which waits in the kernel.
pub(super) fn tungstenite(port: u16, mut seen: Seen) -> Result<Seen, String> {
    let (mut socket, _) = tungstenite::client(url(port), connect(port)?).map_err(text)?;
    while !seen.is_over() {
        if let Message::Text(payload) = socket.read().map_err(text)? {
            seen.frame(payload.as_bytes());
        }
    }
    Ok(seen)
}

/// tokio-tungstenite on a runtime of this thread.
pub(super) fn tokio(port: u16, seen: Seen) -> Result<Seen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(text)?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        receive(stream, url(port), seen).await
    })
}

/// Every frame of a stream that is to be upgraded.
pub(super) async fn receive(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    url: String,
    mut seen: Seen,
) -> Result<Seen, String> {
    let (mut socket, _) = client_async(url, stream).await.map_err(text)?;
    while !seen.is_over() {
        match socket.next().await {
            Some(Ok(Message::Text(payload))) => seen.frame(payload.as_bytes()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(text(error)),
            None => return Err("the server has left".to_owned()),
        }
    }
    Ok(seen)
}

fn url(port: u16) -> String {
    format!("ws://127.0.0.1:{port}/")
}
