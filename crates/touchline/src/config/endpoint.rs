//! Where a venue is reached instead of its usual hosts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use touchline_market::Venue;

use super::Secrets;
use super::mistake::unknown_venue;

/// Where a venue is reached instead of its usual hosts. Written `VENUE=WS_URL[,REST_URL]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Which venue.
    pub venue: Venue,
    /// Root of its sockets: `wss://host[:port]`, or `ws://` on this machine; no `/` at its end.
    pub ws: String,
    /// Root of its REST interface: `https://host[:port]`, or `http://` on this machine; no `/` at its end.
    pub rest: String,
}

/// Why a text names no endpoint.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// There is no `=`. Write the venue, `=`, then the URL.
    #[error("`{0}` names no venue: write VENUE=WS_URL[,REST_URL]")]
    NoVenue(String),
    /// No such venue; the text says which is meant.
    #[error("{0}")]
    UnknownVenue(String),
    /// The URL has another scheme, or none.
    #[error("`{url}` must begin with {secure}://, or with {plain}:// on this machine")]
    Scheme {
        /// What was written.
        url: String,
        /// The scheme with TLS.
        secure: &'static str,
        /// The scheme without.
        plain: &'static str,
    },
    /// The host or the port is missing or malformed.
    #[error("`{0}` has no valid host: write host or host:port behind the ://")]
    Host(String),
    /// A user, a query, a fragment or blanks: only a path may follow the host.
    #[error("`{0}` holds more than scheme, host, port and path")]
    Extra(String),
    /// It ends in `/`. Leave that away: the venue's paths begin with it.
    #[error("`{0}` ends in /: leave it away")]
    Slash(String),
    /// No TLS to another machine.
    #[error("`{url}` is not encrypted and leaves this machine: use {secure}://")]
    Plain {
        /// What was written.
        url: String,
        /// The scheme to use.
        secure: &'static str,
    },
}

/// The schemes of sockets: with TLS, without.
pub(super) const WS: [&str; 2] = ["wss", "ws"];
/// The schemes of REST.
pub(super) const REST: [&str; 2] = ["https", "http"];

impl Endpoint {
    /// An endpoint whose REST interface is at the host and port of its sockets. Nothing is checked.
    #[must_use]
    pub fn new(venue: Venue, ws: &str) -> Self {
        let (scheme, behind) = ws.split_once("://").unwrap_or_default();
        let scheme = if scheme == "ws" { "http" } else { "https" };
        let host = behind.split('/').next().unwrap_or_default();
        Self { venue, ws: without_last_slash(ws), rest: format!("{scheme}://{host}") }
    }

    /// The same with REST elsewhere.
    #[must_use]
    pub fn with_rest(self, rest: &str) -> Self {
        Self { rest: without_last_slash(rest), ..self }
    }
}

/// A root is written without the slash that its paths begin with.
fn without_last_slash(url: &str) -> String {
    url.strip_suffix('/').filter(|rest| !rest.ends_with('/')).unwrap_or(url).to_owned()
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (venue, urls) = text.split_once('=').ok_or_else(|| EndpointError::NoVenue(shown(text)))?;
        let facts = touchline_venue::find(venue)
            .ok_or_else(|| EndpointError::UnknownVenue(unknown_venue(&shown(venue))))?;
        let (ws, rest) = urls.split_once(',').map_or((urls, None), |(ws, rest)| (ws, Some(rest)));
        let endpoint = Self::new(facts.name, ws);
        let endpoint = rest.map_or(endpoint.clone(), |rest| endpoint.with_rest(rest));
        check_url(&endpoint.ws, WS)?;
        check_url(&endpoint.rest, REST)?;
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={},{}", self.venue, self.ws, self.rest)
    }
}

/// What was written, as a mistake may tell it to many: without users, keys and tokens.
fn shown(url: &str) -> String {
    Secrets::default().in_address(url)
}

/// Checks the root of an interface. `link` judges again what a name resolves to when it connects.
pub(super) fn check_url(url: &str, [secure, plain]: [&'static str; 2]) -> Result<(), EndpointError> {
    let owned = || shown(url);
    let (scheme, behind) = url.split_once("://").unwrap_or_default();
    if scheme != secure && scheme != plain {
        return Err(EndpointError::Scheme { url: owned(), secure, plain });
    }
    if behind.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#' | '\\')) {
        return Err(EndpointError::Extra(owned()));
    }
    let authority = behind.split('/').next().unwrap_or_default();
    let host = host_of(authority).ok_or_else(|| EndpointError::Host(owned()))?;
    if url.ends_with('/') {
        return Err(EndpointError::Slash(owned()));
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback());
    if scheme == plain && !here { Err(EndpointError::Plain { url: owned(), secure }) } else { Ok(()) }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` if it is none of them.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(length) => {
            let (host, behind) = authority.split_at_checked(length + 2)?;
            let inner = host.get(1..=length)?;
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) })
        }
        None => {
            let (host, port) =
                authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            let is_name = |part: &str| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            };
            if !host.strip_suffix('.').unwrap_or(host).split('.').all(is_name) {
                return None;
            }
            (host, port)
        }
    };
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0);
    if port.is_none_or(is_port) { Some(host) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written in full shows again as written, and reads as itself again.
    #[test]
    fn endpoints_read_back_as_written() {
        for text in [
            "binance=wss://stream.binance.com:9443,https://api.binance.com",
            "binance=ws://127.0.0.1:8080,http://127.0.0.1:8081",
            "binance-usdm=ws://[::1]:9/prefix,http://localhost",
            "binance=wss://[2001:db8::1],https://10.0.0.1:443",
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
    }

    /// Without a REST root it is the sockets' host and port, without their path; a last slash is taken away.
    #[test]
    fn rest_is_where_the_sockets_are() {
        let rest = |text: &str| text.parse::<Endpoint>().unwrap().rest;
        assert_eq!(rest("binance=ws://127.0.0.1:8080/"), "http://127.0.0.1:8080");
        assert_eq!(rest("binance=wss://example.com/a/b"), "https://example.com");
        assert_eq!(rest("binance=wss://example.com,https://b.example.com/"), "https://b.example.com");
    }

    /// Each mistake has its own cause.
    #[test]
    fn mistakes_are_told_apart() {
        let error = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert!(matches!(error("ws://127.0.0.1"), EndpointError::NoVenue(_)));
        assert!(error("binanse=wss://a").to_string().ends_with("did you mean `binance`?"));
        for url in ["", "a", "127.0.0.1:80", "https://a", "://a", "WSS://a", "wss:/a"] {
            assert!(matches!(error(&format!("binance={url}")), EndpointError::Scheme { .. }), "{url}");
        }
        for url in
            ["wss://", "wss://:80", "wss://a:", "wss://a:0", "wss://a:+1", "wss://a:65536", "wss://a..b"]
        {
            assert!(matches!(error(&format!("binance={url}")), EndpointError::Host(_)), "{url}");
        }
        for url in ["wss://[::1", "wss://[::1]80", "wss://[a]", "wss://::1", "wss://ä"] {
            assert!(matches!(error(&format!("binance={url}")), EndpointError::Host(_)), "{url}");
        }
        for url in ["wss://a@b", "wss://a?b", "wss://a b", "wss://a#b"] {
            assert!(matches!(error(&format!("binance={url}")), EndpointError::Extra(_)), "{url}");
        }
        for url in
            ["ws://example.com", "ws://10.0.0.1", "ws://localhost.example.com", "ws://127.0.0.1.example.com"]
        {
            assert!(matches!(error(&format!("binance={url}")), EndpointError::Plain { .. }), "{url}");
        }
        assert!(matches!(error("binance=wss://a,http://a"), EndpointError::Plain { .. }));
        assert!(matches!(error("binance=wss://a,wss://a"), EndpointError::Scheme { .. }));
        assert!(matches!(check_url("wss://a/", WS), Err(EndpointError::Slash(_))));
    }

    /// A mistake shows what was written without a user's password and a token.
    #[test]
    fn mistakes_tell_no_secrets() {
        for url in [
            "wss://me:canary@a",
            "wss://a/x?token=canary",
            "ftp://me:canary@a",
            "//me:canary@a?apiKey=canary",
        ] {
            for text in [format!("binance={url}"), url.to_owned()] {
                let error = text.parse::<Endpoint>().unwrap_err();
                assert!(
                    !error.to_string().contains("canary") && !format!("{error:?}").contains("canary"),
                    "{error}"
                );
            }
        }
    }
}
