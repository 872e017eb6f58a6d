//! An exchange on loopback and a feed on it, in one process.

use std::time::{Duration, Instant};

use touchline::config::Endpoint;
use touchline::market::Channel;
use touchline::{Builder, Feed, View};
use touchline_simulator::{Config, Simulator};

/// A running pair.
pub struct Live {
    /// The feed.
    pub feed: Feed,
    /// The exchange.
    pub exchange: Simulator,
    /// The view of every book.
    pub views: Vec<View>,
    _root: tempfile::TempDir,
}

/// Starts an exchange, and a feed of all its books over TLS.
///
/// # Panics
/// If either does not start.
#[must_use]
pub fn start(config: Config, change: impl FnOnce(Builder) -> Builder) -> Live {
    let venue = config.venue.clone();
    let symbols: Vec<_> = config.symbols.iter().map(|symbol| symbol.name.clone()).collect();
    let exchange = Simulator::start(config).expect("the exchange starts");
    let folder = tempfile::tempdir().expect("a folder for its certificate");
    let root = folder.path().join("root.pem");
    std::fs::write(&root, exchange.certificate_pem()).expect("its certificate is written");
    let endpoint = Endpoint::new(venue.parse().expect("a venue's name"), &exchange.ws_root());
    let mut builder = Feed::builder().root(root).endpoint(endpoint.with_rest(&exchange.rest_root()));
    for symbol in &symbols {
        builder = builder.channel(&format!("{venue}:@{symbol}"), Channel::Book);
    }
    let feed = change(builder).start().expect("the feed starts");
    let views = feed.views().into_iter().map(|(_, view)| view).collect();
    Live { feed, exchange, views, _root: folder }
}

impl Live {
    /// Waits until every book is live, or until none is, looking some ten thousand times a second: it leaves its core to
    /// the threads it waits for. Returns when it was.
    ///
    /// # Panics
    /// After a minute and a half.
    pub fn wait(&self, live: bool) -> Instant {
        let began = Instant::now();
        let mut next = 0;
        while let Some(view) = self.views.get(next) {
            if view.touch().state.is_live() == live {
                next += 1;
                continue;
            }
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "{}: {}",
                view.instrument().name,
                view.touch().state
            );
            std::thread::sleep(Duration::from_micros(20));
        }
        Instant::now()
    }
}
