//! Arguments of `record`.

use std::path::PathBuf;

use clap::Args;
use touchline::market::{Address, Channel};

use super::Observe;
use super::live::{Live, channel};

/// Arguments of `record`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline record binance:BTC-USDT binance-usdm:@ETHUSDT --out journal
  touchline record --config touchline.toml --seconds 3600
  touchline replay journal/touchline-20261121T160000Z-000001.tlj

The journal holds every frame as it came, what was sent, REST answers, connects
and ends, with stamps of the kernel and the program; and each book's hash at
intervals, so that `replay` can show that it builds the same books. It is written
by a thread of its own: a slow or full disk never holds up the feed, what was lost
meanwhile is counted and stands in the journal as a gap.

Tokens, keys and signatures are replaced before they reach the disk. Ctrl-C ends
the recording in order; the exit code is 1 if anything was lost, 0 otherwise.")]
pub(crate) struct Record {
    /// What to record: VENUE:BASE-QUOTE or VENUE:@SYMBOL; may be several.
    #[arg(value_name = "INSTRUMENT", required_unless_present = "config")]
    pub(crate) instruments: Vec<Address>,
    /// Which channels of them: book, trade, bbo, depth, ticker.
    #[arg(long, value_name = "CHANNELS", value_delimiter = ',', value_parser = channel,
        default_value = "book,trade")]
    pub(crate) channels: Vec<Channel>,
    /// The folder of the journal's files; it is made if it is not there [default: the configuration's].
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub(crate) out: Option<PathBuf>,
    /// What the files' names begin with [default: the configuration's, else touchline].
    #[arg(long, value_name = "NAME", value_parser = file_name)]
    pub(crate) name: Option<String>,
    /// Begin another file once one is so large, in MiB [default: the configuration's, else 1024].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) file_mib: Option<u64>,
    /// Begin another file once one is so old, in minutes [default: the configuration's, else 60].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) file_minutes: Option<u64>,
    /// How often each book's hash is written down, in milliseconds [default: the configuration's, else 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    pub(crate) hash_ms: Option<u64>,
    /// End after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,
    #[command(flatten)]
    pub(crate) live: Live,
    #[command(flatten)]
    pub(crate) observe: Observe,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A name that makes one file's, in the folder that was named.
fn file_name(text: &str) -> Result<String, String> {
    let good = !text.is_empty()
        && text.len() <= 100
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if good { Ok(text.to_owned()) } else { Err("letters, digits, '-', '_' and '.' only".to_owned()) }
}
