//! How an attempt to connect fails, and how a connection ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a connection or a REST request could not be had. What to do about each is decided in one place,
/// [`Connection::refused`](crate::Connection::refused).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub enum Refusal {
    /// The host has no address, or nobody says which. Check the host's name and the resolver.
    #[error("no address for {host}: {cause}")]
    Resolve {
        /// Whose address.
        host: String,
        /// What the resolver said.
        cause: String,
    },
    /// No address could be connected to.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It took too long.
    #[error("no connection within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The other side is not who it must be (wrong name, expired, unknown issuer): no data is ever taken from it.
    #[error("{host} could not prove its identity: {cause}")]
    Identity {
        /// Who it should have been.
        host: String,
        /// What is wrong with its certificate.
        cause: String,
    },
    /// TLS failed in another way.
    #[error("TLS: {0}")]
    Tls(String),
    /// An HTTP status other than the one asked for.
    #[error("HTTP {status}")]
    Status {
        /// The status.
        status: u16,
        /// What `Retry-After` said, from the moment the answer came.
        retry_after: Option<Duration>,
    },
    /// What came was no answer to a WebSocket handshake, or no HTTP.
    #[error("no WebSocket there: {0}")]
    Handshake(String),
    /// Our own rules forbid it: plain text to a remote host, a malformed URL. Mend the configuration.
    #[error("{0}")]
    Forbidden(String),
}

/// How an open connection ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub enum Ending {
    /// The venue closed it in order; the code it gave, 1005 if none.
    #[error("closed by the venue, code {0}")]
    Closed(u16),
    /// The stream ended or was reset without a word.
    #[error("cut")]
    Cut,
    /// What came breaks the protocol: invalid frames (1002), text that is no UTF-8 (1007), too large or a
    /// decompression bomb (1009). We closed it with that code.
    #[error("bad frames, closed with code {0}")]
    Broken(u16),
    /// A message did not become whole in time.
    #[error("a message that did not end in time")]
    Slow,
    /// More pings than a venue may send.
    #[error("flooded with pings")]
    Flooded,
    /// We closed it, for a reason of our own.
    #[error("closed by us")]
    Ours,
}
