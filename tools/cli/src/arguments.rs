//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use touchline::{Pace, Placement};

/// Low-latency feed handler for crypto exchanges: verified order books from raw exchange bytes.
#[derive(Debug, Parser)]
#[command(
    name = "touchline",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  touchline demo                                   the whole journey on a synthetic market, in seconds
  touchline verify btcusdt.cap.zst --out out.json  rebuild every book of a recording and write it down
  touchline replay btcusdt.cap.zst --report out    measure each stage's latency; open out/report.html
  touchline venues                                 what is spoken

Exit codes:
  0    sound
  1    a book could not be trusted
  2    wrong usage
  3    the recording is damaged or cannot be read
  130  stopped by Ctrl-C"
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a synthetic exchange through the pipeline for some seconds; show its book and the latencies.
    Demo(Demo),
    /// Rebuild every book of a recording and judge it.
    Verify(Verify),
    /// Replay a recording through pinned threads and measure each stage.
    Replay(Replay),
    /// List the venues that are spoken.
    Venues(Venues),
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline demo
  touchline demo --venue binance --seconds 10 --seed 7
  touchline demo --json | jq .touch")]
pub(crate) struct Demo {
    /// Whose dialect the synthetic market speaks: binance, binance-usdm or binance-coinm.
    #[arg(long, default_value = "binance-usdm")]
    pub(crate) venue: String,
    /// How long it runs, 1 to 60 seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,
    /// Which market: the same seed gives the same messages.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Messages a second, 10 to 200,000.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..=200_000))]
    pub(crate) rate: u64,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline verify btcusdt.cap.zst
  touchline verify btcusdt.cap.zst --out out.json --every 100
  touchline verify other.cap.zst --venue binance-coinm --only binance-coinm:@BTCUSD_PERP

The result holds, for every symbol, the counts of its messages and the exact state of its book at intervals and at
the end, with a SHA-256 over all levels.")]
pub(crate) struct Verify {
    /// The recording (.cap.zst, or .cap uncompressed).
    pub(crate) capture: PathBuf,
    /// Write the result there, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Keep a book's state every so many of its messages [default: 25, 100 or 1,000 by the recording's size].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: Option<u64>,
    #[command(flatten)]
    pub(crate) recording: Recording,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Print the result as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline replay btcusdt.cap.zst
  touchline replay btcusdt.cap.zst --report out            then open out/report.html
  touchline replay btcusdt.cap.zst --pace real --placement reader --cores 2

At `--pace max` the reader is ahead of the books and messages queue in the ring: its ring and end-to-end figures are
those of a pipeline at its limit. At a paced replay each message counts from the moment it was due, so that a stall
counts for every message behind it.")]
pub(crate) struct Replay {
    /// The recording (.cap.zst, or .cap uncompressed).
    pub(crate) capture: PathBuf,
    /// How fast: `max`, `real`, or a multiple of real time such as `10x`.
    #[arg(long, default_value = "max", value_parser = pace)]
    pub(crate) pace: Pace,
    /// Write latency.hlog, latency.hgrm, report.json and report.html into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recording: Recording,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `venues`.
#[derive(Args, Debug)]
pub(crate) struct Venues {
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a recording is read.
#[derive(Args, Debug)]
pub(crate) struct Recording {
    /// The venue's dialect [default: told by a URL in the recording, or by its file name].
    #[arg(long, value_name = "VENUE")]
    pub(crate) venue: Option<String>,
    /// Only this instrument, e.g. binance:BTC-USDT or binance:@BTCUSDT; may be given several times.
    #[arg(long, value_name = "INSTRUMENT")]
    pub(crate) only: Vec<String>,
}

/// On which threads and cores the pipeline runs.
#[derive(Args, Debug)]
pub(crate) struct Threads {
    /// Where books are built.
    #[arg(long, value_enum, default_value = "book-thread")]
    pub(crate) placement: PlacementName,
    /// Cores to pin to: the reader's, then the book thread's, e.g. 2,3 [default: 0,1 where there are two].
    #[arg(long, value_delimiter = ',', num_args = 1..=2, value_name = "CORES")]
    pub(crate) cores: Vec<usize>,
}

/// Where books are built.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PlacementName {
    /// On a thread of their own, behind a ring.
    BookThread,
    /// On the reader's thread.
    Reader,
}

impl Threads {
    /// The placement.
    pub(crate) fn placement(&self) -> Placement {
        match self.placement {
            PlacementName::BookThread => Placement::BookThread,
            PlacementName::Reader => Placement::Reader,
        }
    }

    /// The reader's core and the book thread's.
    pub(crate) fn cores(&self) -> [Option<usize>; 2] {
        let there = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self.cores.as_slice() {
            [reader, book, ..] => [Some(*reader), Some(*book)],
            [reader] => [Some(*reader), None],
            [] if there >= 2 => [Some(0), Some(1)],
            [] => [None, None],
        }
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    match text {
        "max" => Ok(Pace::Max),
        "real" => Ok(Pace::Times(1.0)),
        _ => {
            let times = text.strip_suffix('x').and_then(|times| times.parse::<f64>().ok());
            times
                .filter(|times| times.is_finite() && *times > 0.0)
                .map(Pace::Times)
                .ok_or_else(|| "write max, real, or a multiple such as 10x".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// The command line's own checks hold.
    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    /// A pace is max, real or a positive multiple; anything else is told how to write one.
    #[test]
    fn paces_are_read() {
        assert_eq!(pace("max"), Ok(Pace::Max));
        assert_eq!(pace("real"), Ok(Pace::Times(1.0)));
        assert_eq!(pace("2.5x"), Ok(Pace::Times(2.5)));
        for bad in ["", "x", "0x", "-1x", "infx", "NaNx", "10"] {
            assert!(pace(bad).is_err(), "{bad}");
        }
    }
}
