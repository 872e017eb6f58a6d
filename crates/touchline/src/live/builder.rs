//! What a feed is made from.

use std::path::Path;

use touchline_market::{Address, Channel};

use super::feed::Feed;
use crate::Error;
use crate::config::{Config, Endpoint, Subscription, TransportKind, Waiting};
use crate::events::{self, Events, EventsConfig, Sender};
use crate::pipeline::Placement;

/// Gathers what a feed is made from. Mistakes are told by [`start`](Self::start), all at once.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    config: Config,
    consumers: Vec<Sender>,
    mistakes: Vec<Error>,
}

impl Builder {
    /// Everything from a configuration; what is called afterwards is added to it.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Everything from a configuration file (TOML).
    ///
    /// # Errors
    /// [`Error::Config`] names every mistake with file, line and key.
    pub fn config_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(self.config(Config::read(path.as_ref())?))
    }

    /// The order book of an instrument: `venue:BASE-QUOTE…` or `venue:@SYMBOL`.
    pub fn book(self, address: &str) -> Self {
        self.channel(address, Channel::Book)
    }

    /// The trades of an instrument.
    pub fn trades(self, address: &str) -> Self {
        self.channel(address, Channel::Trade)
    }

    /// The venue's own best bid and offer of an instrument.
    pub fn bbo(self, address: &str) -> Self {
        self.channel(address, Channel::Bbo)
    }

    /// Any channel of an instrument.
    pub fn channel(mut self, address: &str, channel: Channel) -> Self {
        match address.parse::<Address>() {
            Ok(instrument) => {
                let subscriptions = &mut self.config.subscriptions;
                match subscriptions.iter_mut().find(|subscription| subscription.instrument == instrument) {
                    // Two wishes for the same are one.
                    Some(known) if known.channels.contains(&channel) => {}
                    Some(known) => known.channels.push(channel),
                    None => subscriptions.push(Subscription { instrument, channels: vec![channel] }),
                }
            }
            Err(error) => self.mistakes.push(error.into()),
        }
        self
    }

    /// One reader thread for each of these cores.
    pub fn reader_cores(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.config.reader_cores = cores.into_iter().collect();
        self.config.readers = self.config.reader_cores.len();
        self
    }

    /// One book thread for each of these cores.
    pub fn book_cores(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.config.book_cores = cores.into_iter().collect();
        self.config.book_threads = self.config.book_cores.len();
        self
    }

    /// Where books are built; a book thread by default.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.config.placement = placement;
        self
    }

    /// How threads wait; they block by default.
    pub fn wait(mut self, wait: Waiting) -> Self {
        self.config.wait = wait;
        self
    }

    /// How sockets are read; by tokio by default. [`TransportKind::Spin`] is the fastest and burns a core for each
    /// reader: give it cores of its own with [`reader_cores`](Self::reader_cores).
    pub fn transport(mut self, kind: TransportKind) -> Self {
        self.config.transport.kind = kind;
        self
    }

    /// How many connections bring each book, 1 to 4; the first message of any of them counts. One by default.
    pub fn paths(mut self, paths: u8) -> Self {
        self.config.paths = paths;
        self
    }

    /// Reaches a venue elsewhere: a simulator, a proxy, a test network.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.config.endpoints.retain(|known| known.venue != endpoint.venue);
        self.config.endpoints.push(endpoint);
        self
    }

    /// Trusts the certificates in this PEM file beside the usual roots.
    pub fn root(mut self, path: impl AsRef<Path>) -> Self {
        self.config.transport.roots.push(path.as_ref().to_owned());
        self
    }

    /// A consumer of everything that happens, the very first connection included: [`Feed::events`] hears only what
    /// comes after it is called. What comes before anybody reads waits in the consumer's queue. If the feed does not
    /// start, the consumer comes to its end.
    ///
    /// ```no_run
    /// let mut builder = touchline::Feed::builder().book("binance:BTC-USDT");
    /// let events = builder.events();
    /// let feed = builder.start()?;
    /// # Ok::<(), touchline::Error>(())
    /// ```
    #[must_use]
    pub fn events(&mut self) -> Events {
        self.events_with(EventsConfig::default())
    }

    /// The same of what `config` says.
    #[must_use]
    pub fn events_with(&mut self, config: EventsConfig) -> Events {
        let (sender, events) = events::channel(&config);
        self.consumers.push(sender);
        events
    }

    /// The configuration as it is now, to change anything else.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Connects, subscribes, pins.
    ///
    /// # Errors
    /// What is wrong with the configuration, an instrument that its venue does not have, a list of instruments that
    /// cannot be had, a thread that cannot be started. A venue that cannot be reached later on is no error: its books
    /// say so.
    pub fn start(mut self) -> Result<Feed, Error> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes.swap_remove(0));
        }
        self.config.check()?;
        super::start::start(self.config, &self.consumers)
    }
}
