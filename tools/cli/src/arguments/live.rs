//! Arguments of the commands that meet an exchange, a real or a simulated one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use touchline::config::Endpoint;
use touchline::market::{Address, Channel};

use super::{Cores, Observe, PlacementName, Threads, cores, venue};

/// Arguments of `watch`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline watch binance:BTC-USDT
  touchline watch binance:BTC-USDT binance-usdm:@ETHUSDT --channels book,trade,bbo
  touchline watch --config touchline.toml
  touchline watch binance:BTC-USDT --json --seconds 60 | jq -c 'select(.type==\"book\") | .bid'
  touchline watch --config touchline.toml --metrics 127.0.0.1:9464 --log info 2>log

On a terminal a screen is shown: q, Esc or Ctrl-C end it, the arrow keys and Tab
select an instrument, p pauses. Elsewhere a line is printed for every instrument
each second, and for everything that happens. A configuration with a [journal]
is recorded meanwhile.

A venue that cannot be reached is no end: the books say why, and it is tried again.
The exit code is 0 if every book was LIVE at the end, or if q ended the watch.")]
pub(crate) struct Watch {
    /// What to watch: VENUE:BASE-QUOTE or VENUE:@SYMBOL; may be several.
    #[arg(value_name = "INSTRUMENT", required_unless_present = "config")]
    pub(crate) instruments: Vec<Address>,
    /// Which channels of them: book, trade, bbo, depth, ticker.
    #[arg(long, value_name = "CHANNELS", value_delimiter = ',', value_parser = channel,
        default_value = "book,trade")]
    pub(crate) channels: Vec<Channel>,
    /// End after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,
    /// Levels a side that are shown, 1 to 20.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(crate) depth: u8,
    #[command(flatten)]
    pub(crate) live: Live,
    #[command(flatten)]
    pub(crate) observe: Observe,
    /// Print JSON lines, also on a terminal.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `once`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline once binance:BTC-USDT
  touchline once binance-usdm:BTC-USDT-PERP --depth 20 --json | jq .asks
  touchline once binance:@BTCUSDT --timeout 60 || echo 'no book to trust'")]
pub(crate) struct Once {
    /// Whose book: VENUE:BASE-QUOTE or VENUE:@SYMBOL.
    #[arg(value_name = "INSTRUMENT")]
    pub(crate) instrument: Address,
    /// How long to wait until the book is LIVE, in seconds.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) timeout: u64,
    /// Levels a side that are shown, 1 to 20.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(crate) depth: u8,
    #[command(flatten)]
    pub(crate) live: Live,
    /// Print JSON instead of a ladder.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline check touchline.toml
  touchline check touchline.toml --json | jq .mistakes")]
pub(crate) struct Check {
    /// The configuration (TOML).
    pub(crate) file: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `instruments`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline instruments binance
  touchline instruments binance-usdm btc
  touchline instruments binance --json | jq -r '.[].name'")]
pub(crate) struct Instruments {
    /// Whose.
    #[arg(value_parser = venue())]
    pub(crate) venue: String,
    /// Only those with this text in their name or symbol, small or capital.
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `simulate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline simulate
  touchline simulate --venue binance-usdm --symbols 50 --rate 20000 --port 9443
  touchline simulate --fault drop=0.001 --fault reset=0.0001 --seconds 60
  touchline simulate --serve btcusdt.cap.zst

It prints the command that watches it. Faults are probabilities per message,
snapshot, subscription or connection; a file of them holds lines such as
`drop = 0.001`.")]
pub(crate) struct Simulate {
    /// Whose dialect it speaks [default: binance, or the recording's].
    #[arg(long, value_name = "VENUE", value_parser = venue())]
    pub(crate) venue: Option<String>,
    /// How many symbols (the best known one, then invented ones), or their names with a comma between.
    #[arg(long, value_name = "N|NAMES", default_value = "1", value_parser = symbols)]
    pub(crate) symbols: Symbols,
    /// Which market, and which faults: the same seed gives the same.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Messages a second over all symbols.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) rate: u32,
    /// Where it listens [default: a free port].
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Without TLS.
    #[arg(long, conflicts_with = "certificate")]
    pub(crate) plain: bool,
    /// Write the certificate to trust there (PEM) [default: a file for the time of the run].
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Probabilities of faults from this file (TOML).
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// A probability of a fault from 0 to 1, or a value of one, e.g. drop=0.001; may be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) fault: Vec<String>,
    /// Play this recording instead of a market of its own.
    #[arg(long, value_name = "CAPTURE")]
    pub(crate) serve: Option<PathBuf>,
    /// End after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,
    /// Print JSON lines instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline demo
  touchline demo --venue binance --seconds 20 --seed 7
  touchline demo --json | jq .heal

A simulated exchange and the feed run in one process and talk over TLS sockets on
this machine. The connection is cut once, halfway; every published book is compared
with the exchange's own book at the same sequence.")]
pub(crate) struct Demo {
    /// Whose dialect the exchange speaks.
    #[arg(long, default_value = "binance-usdm", value_parser = venue())]
    pub(crate) venue: String,
    /// How long it runs, 2 to 45 seconds.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(2..=45))]
    pub(crate) seconds: u64,
    /// Which market: the same seed gives the same market.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Messages a second, 10 to 50,000.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=50_000))]
    pub(crate) rate: u32,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How venues are reached.
#[derive(Args, Debug, Default)]
pub(crate) struct Reach {
    /// Begin with this configuration (TOML); what else is said here is added to it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Reach a venue elsewhere: a simulator, a proxy, a test network; may be given several times.
    #[arg(long, value_name = "VENUE=WS_URL[,REST_URL]")]
    pub(crate) endpoint: Vec<Endpoint>,
    /// Trust the certificates in this file (PEM) beside the usual roots; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Vec<PathBuf>,
}

/// How a feed is run.
#[derive(Args, Debug, Default)]
pub(crate) struct Live {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// Where books are built [default: book-thread].
    #[arg(long, value_enum)]
    pub(crate) placement: Option<PlacementName>,
    /// Cores to pin to: the reader's, then the book thread's, e.g. 2,3 [default: the system's choice].
    #[arg(long, value_name = "CORES", value_parser = cores)]
    pub(crate) cores: Option<Cores>,
    /// What idle threads do [default: block].
    #[arg(long, value_enum)]
    pub(crate) wait: Option<WaitName>,
    /// Texts that must stand in no journal and no log, one a line, besides what is secret by its name.
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
}

/// What a simulated exchange trades.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Symbols {
    /// So many.
    Count(usize),
    /// These, by the venue's symbols.
    Names(Vec<String>),
}

/// What idle threads do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum WaitName {
    /// They sleep until something comes.
    Block,
    /// They burn their cores and see everything at once.
    Spin,
}

/// Every channel that can be named.
const CHANNELS: [Channel; 8] = Channel::ALL;

pub(super) fn channel(text: &str) -> Result<Channel, String> {
    let found = CHANNELS.into_iter().find(|channel| channel.name() == text);
    found.ok_or_else(|| {
        "write book, trade, bbo, depth, ticker, candle, orders or status, with a comma between".to_owned()
    })
}

/// Symbols that a simulated exchange trades at most.
const SYMBOLS_MAX: usize = 2_000;

pub(super) fn symbols(text: &str) -> Result<Symbols, String> {
    if let Ok(count) = text.parse::<usize>() {
        let allowed = (1..=SYMBOLS_MAX).contains(&count);
        return allowed.then_some(Symbols::Count(count)).ok_or(format!("write 1 to {SYMBOLS_MAX}"));
    }
    let names: Vec<_> = text.split(',').map(str::to_owned).collect();
    // Letters of either case and what stands between them at one venue or another: `BTCUSD_PERP`, `BTC-USD`, `BTC/USD`.
    let good = |name: &String| {
        name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.".contains(c))
    };
    if names.iter().all(good) && names.len() <= SYMBOLS_MAX {
        Ok(Symbols::Names(names))
    } else {
        Err("write a number, or symbols as the venue does, such as BTCUSDT,ETHUSDT".to_owned())
    }
}
