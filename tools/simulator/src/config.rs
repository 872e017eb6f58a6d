//! What an exchange is started with.

use std::net::Ipv4Addr;
use std::time::Duration;

use touchline_market::Nanos;
use touchline_venue::exchange::Traded;

use crate::faults::Faults;
use crate::plants::Plants;
use crate::tls::Identity;

/// An exchange to be started.
#[derive(Clone, Debug)]
pub struct Config {
    /// The venue whose dialect it speaks, by its name in the registry.
    pub venue: String,
    /// What is traded.
    pub symbols: Vec<Symbol>,
    /// The seed of the markets and of the faults.
    pub seed: u64,
    /// Messages a second over all symbols, counting what somebody is subscribed to.
    pub rate: f64,
    /// TLS, with a certificate made at the start or with [`identity`](Self::identity); plain text otherwise.
    pub tls: bool,
    /// Another certificate than a good one.
    pub identity: Option<Identity>,
    /// What goes wrong by chance.
    pub faults: Faults,
    /// Sequences a symbol's truth remembers, two a message (32 bytes each); 0 for none.
    pub history: usize,
    /// The host in the URLs: `127.0.0.1`, or a name that leads there. The certificate made at the start is for both that
    /// address and `localhost`.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// How often the exchange pings; the venue's own way without.
    pub ping_every: Option<Duration>,
    /// After how long it ends a connection; the venue's own way without.
    pub lifetime: Option<Duration>,
    /// End the connection of a client that breaks a rule, and refuse its requests; counted in any case.
    pub police: bool,
    /// Play this recording instead of a market of its own.
    pub recording: Option<Playback>,
    /// Secrets that it lets slip.
    pub plants: Plants,
}

/// A recording to be played. Stamps are those of receipt.
#[derive(Clone, Debug)]
pub struct Playback {
    /// Where it is.
    pub path: std::path::PathBuf,
    /// How many times faster than it was.
    pub speed: f64,
    /// Where REST bodies were asked for that stand in it without their URL; empty if there are none.
    pub rest_url: String,
    /// Frames and snapshots that came earlier are left out.
    pub begin: Nanos,
    /// It goes at its pace from then on. What came earlier leads there: it is played first, as fast as a client follows.
    pub from: Nanos,
    /// It ends there: what came then is left out.
    pub to: Nanos,
}

impl Playback {
    /// All of a recording, as fast as it was.
    #[must_use]
    pub fn new(path: impl Into<std::path::PathBuf>) -> Self {
        let (begin, from, to) = (Nanos(0), Nanos(0), Nanos(u64::MAX));
        Self { path: path.into(), speed: 1.0, rest_url: String::new(), begin, from, to }
    }
}

/// Something traded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Symbol {
    /// The venue's symbol.
    pub name: String,
    /// Decimals of its tick.
    pub price_scale: u8,
    /// Decimals of its lot.
    pub qty_scale: u8,
    /// The price it begins at, in ticks.
    pub mid: i64,
    /// Levels a side, at least 30.
    pub levels: usize,
}

impl Config {
    /// A quiet, faultless exchange with the venue's best known symbol, over TLS.
    #[must_use]
    pub fn new(venue: &str) -> Self {
        Self {
            venue: venue.to_owned(),
            symbols: Self::symbols(venue, 1),
            seed: 1,
            rate: 1_000.0,
            tls: true,
            identity: None,
            faults: Faults::default(),
            history: 16_384,
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: 0,
            ping_every: None,
            lifetime: None,
            police: true,
            recording: None,
            plants: Plants::default(),
        }
    }

    /// So many symbols of a venue: the best known one, then invented ones of many prices. None of a venue without an
    /// exchange side.
    #[must_use]
    pub fn symbols(venue: &str, count: usize) -> Vec<Symbol> {
        let Some(exchange) = touchline_venue::find(venue).and_then(|facts| (facts.exchange)()) else {
            return Vec::new();
        };
        let levels = if count > 100 { 50 } else { 400 };
        let symbol = |index: usize| {
            let known = exchange.symbol("BTC");
            if index == 0 {
                let Traded { symbol: name, price_scale, qty_scale } = known;
                let mid = 61_800 * 10_i64.pow(u32::from(price_scale));
                return Symbol { name, price_scale, qty_scale, mid, levels };
            }
            Symbol {
                name: exchange.symbol(&format!("S{index:04}")).symbol,
                price_scale: 1 + (index % 7) as u8,
                qty_scale: known.qty_scale.min((index % 4) as u8),
                mid: 10_000 + 997 * index as i64,
                levels,
            }
        };
        (0..count).map(symbol).collect()
    }
}

/// Why an exchange did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The venue has no exchange side.
    #[error("no exchange side for venue {0}: choose one of {all}", all = venues())]
    UnknownVenue(String),
    /// The certificate cannot be made or used.
    #[error("the exchange's certificate: {0}")]
    Certificate(String),
    /// The recording cannot be read, or holds no frame.
    #[error("the recording {path}: {cause}")]
    Recording {
        /// Where it should be.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// No port, no thread.
    #[error("the exchange cannot listen on loopback: {0}")]
    Io(#[from] std::io::Error),
}

/// The venues that have an exchange side.
fn venues() -> String {
    let all = touchline_venue::all().iter().filter(|facts| (facts.exchange)().is_some());
    all.map(|facts| facts.name.as_str()).collect::<Vec<_>>().join(", ")
}
