//! The handle of a running exchange.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::command::Command;
use crate::config::{Config, StartError};
use crate::counts::Counts;
use crate::floor::Floor;
use crate::plants::Plants;
use crate::server::{self, Shared, now_ms};
use crate::tls::Identity;
use crate::truth::Truth;

/// A running exchange on loopback; it stops when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    venue: String,
    host: String,
    symbols: usize,
    plants: Plants,
    root_pem: Option<String>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts an exchange; it listens when this returns.
    ///
    /// # Errors
    /// [`StartError`]: an unknown venue, a certificate that cannot be used, no port, no thread.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let floor = Floor::of(&config, Instant::now(), now_ms())?;
        let identity = match (&config.identity, config.tls) {
            (_, false) => None,
            (Some(identity), true) => Some(identity.clone()),
            (None, true) => Some(Identity::made_for(&["localhost", "127.0.0.1"])?),
        };
        let tls = identity.as_ref().map(Identity::server).transpose()?.map(TlsAcceptor::from);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(floor));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new().name("exchange".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                // The listener is open and of this machine: there is nothing left to fail but the loop's end.
                let _ = runtime.block_on(server::run(shared, listener, tls, stopped));
            }
        })?;
        Ok(Self {
            shared,
            address,
            venue: config.venue,
            host: config.host,
            symbols: config.symbols.len(),
            plants: config.plants,
            root_pem: identity.map(|identity| identity.root_pem),
            stop,
            thread: Some(thread),
        })
    }

    /// Does something at once, or lets it happen at the next occasion. Bytes leave within a moment.
    pub fn command(&self, command: Command) {
        self.shared.floor().command(command, Instant::now(), now_ms());
    }

    /// What its WebSocket URLs begin with: `wss://127.0.0.1:PORT`.
    #[must_use]
    pub fn ws_root(&self) -> String {
        let scheme = if self.root_pem.is_some() { "wss" } else { "ws" };
        let root = format!("{scheme}://{}:{}", self.host, self.address.port());
        Plants::root(root, &self.plants.socket_path)
    }

    /// What its REST URLs begin with: `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn rest_root(&self) -> String {
        let scheme = if self.root_pem.is_some() { "https" } else { "http" };
        let root = format!("{scheme}://{}:{}", self.host, self.address.port());
        Plants::root(root, &self.plants.rest_path)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root to trust, in PEM; empty without TLS.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        self.root_pem.as_deref().unwrap_or_default()
    }

    /// A symbol's true book; `None` if it is not traded here.
    #[must_use]
    pub fn truth(&self, symbol: &str) -> Option<Truth> {
        let floor = self.shared.floor();
        floor.places.get(symbol).and_then(|place| floor.pits.get(*place)).map(|pit| pit.truth.clone())
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.floor().counts.clone()
    }

    /// One line on what runs where.
    #[must_use]
    pub fn describe(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ws, rest) = (self.ws_root(), self.rest_root());
        write!(f, "a simulated {} exchange, {} symbols, at {ws} and {rest}", self.venue, self.symbols)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
