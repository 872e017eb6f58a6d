//! HTTP/1.1, as much as an exchange needs: requests read, answers written by hand.

use std::fmt::Write;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The head of a client's request at most.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A client's request; nobody here sends a body.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Head {
    /// Path and query.
    pub(crate) target: String,
    /// `Sec-WebSocket-Key`, if it asks for a socket.
    pub(crate) key: Option<String>,
}

/// Reads one request; `None` at the end of the connection. What follows its head stays in `buffer`.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Head>> {
    loop {
        if let Some(head) = parse(buffer)? {
            return Ok(Some(head));
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("the head of the request is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Takes a request's head out of the buffer, once it is whole.
fn parse(buffer: &mut Vec<u8>) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let used = match request.parse(buffer).map_err(io::Error::other)? {
        httparse::Status::Complete(used) => used,
        httparse::Status::Partial => return Ok(None),
    };
    let target = request.path.unwrap_or_default().to_owned();
    let value = |name: &str| {
        let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let upgrade = value("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let key = value("Sec-WebSocket-Key").filter(|_| upgrade).map(str::to_owned);
    buffer.drain(..used);
    Ok(Some(Head { target, key }))
}

/// An answer with a body.
pub(crate) fn response(code: u16, kind: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {code} {}\r\nContent-Type: {kind}\r\n", reason(code));
    for (name, value) in headers {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n{body}", body.len());
    out.into_bytes()
}

/// A page.
pub(crate) fn page(code: u16, text: &str) -> Vec<u8> {
    response(code, "text/html", &[], &format!("<!DOCTYPE html><html><body><h1>{text}</h1></body></html>"))
}

/// 101: the connection is a socket from now on.
pub(crate) fn switching(key: &str, right: bool, extension: bool) -> Vec<u8> {
    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    // RFC 6455, section 1.3.
    digest.update(if right { &b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"[..] } else { b"something else" });
    let accept = STANDARD.encode(digest.finalize());
    let extension = if extension { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extension}\r\n"
    )
    .into_bytes()
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn the_accept_header_is_the_rfcs() {
        let answer = String::from_utf8(switching("dGhlIHNhbXBsZSBub25jZQ==", true, false)).unwrap();
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(answer.ends_with("\r\n\r\n"));
    }

    /// A request is read however it is cut, and what follows stays.
    #[test]
    fn requests_are_read_whole() {
        let text = b"GET /stream?streams=a HTTP/1.1\r\nHost: x\r\nupgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n\r\nmore";
        for cut in 0..text.len() - 4 {
            assert_eq!(parse(&mut text[..cut].to_vec()).unwrap(), None);
        }
        let mut buffer = text.to_vec();
        let head = parse(&mut buffer).unwrap().unwrap();
        assert_eq!((head.target.as_str(), head.key.as_deref()), ("/stream?streams=a", Some("k")));
        assert_eq!(buffer, b"more");
    }
}
