//! Arguments of `why`.

use std::path::PathBuf;

use clap::Args;
use touchline::market::Address;

use super::{PartArguments, venue};

/// Arguments of `why`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline why btcusdt.cap.zst
  touchline why btcusdt.cap.zst binance:BTC-USDT --limit 1
  touchline why btcusdt.cap.zst --from 00:10:00 --to 00:15:00
  touchline why incidents --from 2026-11-21T16:00:00Z
  touchline why incidents --json | jq -r '.incidents[].why'

For each time that a book stopped being LIVE: when, which book, which line of
the recording (or entry of the journal) and its frame, one sentence that says what was wrong, and the
messages before it. Lines count from 0.

A moment is RFC 3339 such as 2024-08-08T23:54:15.5Z, nanoseconds since 1970, or, of a
recording, HH:MM:SS[.fraction] since its first entry. What came before `--from` is read
too, because it leads there, but not told of; `--warm-up` bounds how much of it.

A running feed writes the same into files, one for each time, if its
configuration says where:
  [feed]
  incidents = \"incidents\"

Exit codes:
  0    no book stopped being LIVE
  1    some did
  2    wrong usage
  3    the recording or an incident's file is damaged or cannot be read
  130  stopped by Ctrl-C")]
pub(crate) struct Why {
    /// A recording of any form, or the folder that a feed writes its incidents to.
    #[arg(value_name = "CAPTURE|DIR")]
    pub(crate) source: PathBuf,
    /// Only this book: VENUE:BASE-QUOTE or VENUE:@SYMBOL.
    pub(crate) book: Option<Address>,
    /// The recording's dialect [default: told by a URL in the recording, or by its file name].
    #[arg(long, value_name = "VENUE", value_parser = venue())]
    pub(crate) venue: Option<String>,
    #[command(flatten)]
    pub(crate) part: PartArguments,
    /// Show so many at most, the first ones; all are counted.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}
