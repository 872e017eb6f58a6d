//! Names of hosts on the REST thread: for readers that ask, and for the HTTP client.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;
use touchline_feed::Refusal;

use crate::address::is_loopback;
use crate::resolve::Found;

/// How long the system may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);

/// Asks the system.
pub(crate) async fn lookup(host: &str, port: u16) -> Found {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// The HTTP client's resolver.
#[derive(Debug)]
pub(crate) struct Names {
    /// Refuse a name with an address outside this machine.
    pub(crate) loopback_only: bool,
}

/// Why the HTTP client gets no address. Travels inside its error.
#[derive(Debug)]
pub(crate) enum NoAddress {
    /// Nobody knows.
    Unknown(String),
    /// Plain text may not go there.
    NotHere,
}

impl NoAddress {
    pub(crate) fn refusal(&self, host: &str) -> Refusal {
        match self {
            Self::Unknown(cause) => Refusal::Resolve { host: host.to_owned(), cause: cause.clone() },
            Self::NotHere => {
                Refusal::Forbidden(format!("plain text to {host}, which is not this machine: use TLS"))
            }
        }
    }
}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(cause) => f.write_str(cause),
            Self::NotHere => f.write_str("not this machine"),
        }
    }
}

impl Error for NoAddress {}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback_only = self.loopback_only;
        Box::pin(async move {
            let found = match timeout(LOOKUP_LIMIT, lookup(name.as_str(), 0)).await {
                Ok(found) => found.map_err(|error| NoAddress::Unknown(error.to_string()))?,
                Err(_) => {
                    let cause = format!("no answer within {} ms", LOOKUP_LIMIT.as_millis());
                    return Err(NoAddress::Unknown(cause).into());
                }
            };
            Ok(judge(found, loopback_only)?)
        })
    }
}

fn judge(found: Vec<SocketAddr>, loopback_only: bool) -> Result<Addrs, NoAddress> {
    if loopback_only && !found.iter().all(|address| is_loopback(address.ip())) {
        return Err(NoAddress::NotHere);
    }
    Ok(Box::new(found.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_may_lead_here_only() {
        // One foreign address of two is too many, without the rule it is not.
        let mixed = || vec![SocketAddr::from(([127, 0, 0, 1], 0)), SocketAddr::from(([192, 0, 2, 1], 0))];
        assert!(judge(mixed(), true).is_err());
        assert!(judge(mixed()[..1].to_vec(), true).is_ok());
        assert_eq!(judge(mixed(), false).map(Iterator::count).ok(), Some(2));
    }
}
