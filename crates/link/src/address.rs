//! A URL as we may use it: who is asked, in which way, and whether our own rules allow it.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use touchline_feed::Refusal;

/// Where to, and whether through TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// Name or IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl Address {
    /// Reads a URL whose scheme is one of these two.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`]: no such URL, or plain text to an address outside this machine.
    pub(crate) fn parse(url: &str, plain: &str, secure: &str) -> Result<Self, Refusal> {
        let forbid = |what: &str| Refusal::Forbidden(format!("{:?} {what}", root(url)));
        let parsed = Url::parse(url).map_err(|e| forbid(&format!("is no URL: {e}")))?;
        let tls = match parsed.scheme() {
            scheme if scheme == secure => true,
            scheme if scheme == plain => false,
            _ => return Err(forbid(&format!("begins neither {secure}:// nor {plain}://"))),
        };
        let host = parsed.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| forbid("names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = parsed.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
        let address = Self { host, port, tls };
        match address.ip() {
            Some(ip) if !tls && !is_loopback(ip) => Err(address.forbid_plain()),
            _ => Ok(address),
        }
    }

    /// The host, if it is an address already.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Plain text may go to this machine only: every address of the name must be.
    pub(crate) fn check(&self, addresses: &[SocketAddr]) -> Result<(), Refusal> {
        if self.tls || addresses.iter().all(|address| is_loopback(address.ip())) {
            return Ok(());
        }
        Err(self.forbid_plain())
    }

    fn forbid_plain(&self) -> Refusal {
        Refusal::Forbidden(format!("plain text to {}, which is not this machine: use TLS", self.host))
    }
}

/// What may be told of a URL to many: scheme, host and port. A key may stand behind them, and a password in front of the
/// host.
pub(crate) fn root(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/…")
}

/// Whether an address is this machine's own, also when written as IPv6.
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_schemes_are_read() {
        // Names, IPv4, IPv6, ports given and left out; schemes of another kind are refused.
        let parse = |url| Address::parse(url, "ws", "wss");
        let address = |host: &str, port, tls| Address { host: host.to_owned(), port, tls };
        assert_eq!(parse("wss://example.com/a?b=c").unwrap(), address("example.com", 443, true));
        assert_eq!(parse("wss://example.com:9443").unwrap(), address("example.com", 9_443, true));
        assert_eq!(parse("ws://127.0.0.1:80/ws").unwrap(), address("127.0.0.1", 80, false));
        assert_eq!(parse("ws://[::1]:81/ws").unwrap(), address("::1", 81, false));
        for url in ["https://example.com", "example.com", "wss://", "", "ws:"] {
            assert!(matches!(parse(url), Err(Refusal::Forbidden(_))), "{url}");
        }
    }

    #[test]
    fn a_refusal_names_the_host_alone() {
        // A key in a path, a query or a fragment, a password, and what is no URL at all: none of it is repeated.
        for (url, told) in [
            ("ftp://user:secret@h:1/secret?secret#secret", "ftp://h:1/…"),
            ("ftp://h?secret@secret", "ftp://h/…"),
            ("ws:///secret", "ws:///…"),
            ("secret", "…"),
            ("ws:secret", "…"),
        ] {
            assert_eq!(root(url), told);
        }
        let refused = Address::parse("ftp://u:secret@h/secret", "ws", "wss").unwrap_err();
        assert_eq!(refused, Refusal::Forbidden("\"ftp://h/…\" begins neither wss:// nor ws://".to_owned()));
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        // Literal addresses are judged at once, names by what they resolve to, all of it.
        for url in ["ws://192.0.2.1/", "ws://[2001:db8::1]/", "ws://0.0.0.0/", "ws://[::ffff:192.0.2.1]/"] {
            assert!(matches!(Address::parse(url, "ws", "wss"), Err(Refusal::Forbidden(_))), "{url}");
        }
        assert!(Address::parse("ws://[::ffff:127.0.0.1]/", "ws", "wss").is_ok());
        let named = Address::parse("ws://example.com/", "ws", "wss").unwrap();
        let (here, there) = (SocketAddr::from(([127, 0, 0, 1], 80)), SocketAddr::from(([192, 0, 2, 1], 80)));
        assert!(named.check(&[here]).is_ok());
        assert!(named.check(&[here, there]).is_err());
        assert!(Address { tls: true, ..named }.check(&[there]).is_ok());
    }
}
