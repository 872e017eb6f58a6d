//! What other crates' errors mean in our words.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use rustls::Error as TlsError;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderMap, header::RETRY_AFTER};
use touchline_feed::{Ending, Refusal};

/// Longest wait that a `Retry-After` is believed for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// TLS could not be agreed on with `host`.
pub(crate) fn tls_refusal(host: &str, error: &io::Error) -> Refusal {
    match find(error) {
        Some(TlsError::InvalidCertificate(cause)) => {
            Refusal::Identity { host: host.to_owned(), cause: cause.to_string() }
        }
        Some(error) => Refusal::Tls(error.to_string()),
        None => Refusal::Tls(error.to_string()),
    }
}

/// The error of this type anywhere below an error. An I/O error hides the one it was made of from `source`.
pub(crate) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let inner = match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|error| error as &(dyn Error + 'static)),
        None => error.source(),
    };
    find(inner?)
}

/// The WebSocket handshake failed.
pub(crate) fn handshake_refusal(error: tungstenite::Error) -> Refusal {
    match error {
        tungstenite::Error::Http(response) => status_refusal(response.status().as_u16(), response.headers()),
        tungstenite::Error::Io(error) => Refusal::Handshake(error.to_string()),
        other => Refusal::Handshake(other.to_string()),
    }
}

/// An HTTP answer with a status that was not asked for. One that reports success is no refusal, only no WebSocket.
fn status_refusal(status: u16, headers: &HeaderMap) -> Refusal {
    if (200..300).contains(&status) {
        return Refusal::Handshake(format!("HTTP {status} instead of 101"));
    }
    Refusal::Status { status, retry_after: retry_after(headers, SystemTime::now()) }
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// An open connection failed.
pub(crate) fn ending(error: &tungstenite::Error) -> Ending {
    use tungstenite::Error as WsError;
    match error {
        WsError::Capacity(_) => Ending::Broken(1_009),
        WsError::Utf8(_) => Ending::Broken(1_007),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Cut,
        WsError::Protocol(_) => Ending::Broken(1_002),
        _ => Ending::Cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<Duration> {
        // Noon of the day RFC 9110 uses in its examples.
        let now = httpdate::parse_http_date("Fri, 31 Dec 1999 12:00:00 GMT").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, now)
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        // Both forms, a date in the past, numbers too long, and what is neither.
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait(" 0 "), Some(Duration::ZERO));
        assert_eq!(wait("Fri, 31 Dec 1999 12:02:00 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Fri, 31 Dec 1999 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("99999999999999999999999"), Some(RETRY_AFTER_MAX));
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(wait(text), None, "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }

    #[test]
    fn a_cause_is_found_behind_io_errors() {
        // Two I/O errors around a TLS error, as HTTP clients make them; and one around nothing.
        let inner = io::Error::new(io::ErrorKind::InvalidData, TlsError::DecryptError);
        let outer = io::Error::other(inner);
        assert_eq!(find::<TlsError>(&outer), Some(&TlsError::DecryptError));
        assert_eq!(find::<TlsError>(&io::Error::other("text")), None);
        assert_eq!(find::<TlsError>(&io::Error::from(io::ErrorKind::TimedOut)), None);
    }

    #[test]
    fn success_is_not_a_status_to_be_judged() {
        // 200 in answer to a handshake is a page, not a refusal; a redirect is one.
        let none = HeaderMap::new();
        assert!(matches!(status_refusal(200, &none), Refusal::Handshake(_)));
        assert_eq!(status_refusal(302, &none), Refusal::Status { status: 302, retry_after: None });
    }
}
