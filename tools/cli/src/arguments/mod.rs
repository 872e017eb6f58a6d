//! The command line.

mod convert;
mod latency;
mod live;
mod observe;
mod record;
mod replay;
#[cfg(test)]
mod tests;
mod why;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use touchline::{Pace, Placement};

use crate::exit::Failure;

pub(crate) use convert::{Convert, Recover, Target};
pub(crate) use latency::Latency;
pub(crate) use live::{Check, Demo, Instruments, Live, Once, Reach, Simulate, Symbols, WaitName, Watch};
pub(crate) use observe::Observe;
pub(crate) use record::Record;
pub(crate) use replay::{PartArguments, Replay};
pub(crate) use why::Why;

/// Low-latency feed handler for crypto exchanges: verified order books from raw exchange bytes.
#[derive(Debug, Parser)]
#[command(
    name = "touchline",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  The whole journey in seconds, against an exchange inside the process, without internet:
    touchline demo
  Watch live books:
    touchline watch binance:BTC-USDT binance-usdm:BTC-USDT-PERP
  One verified book, for a script:
    touchline once binance:BTC-USDT --json
  Rebuild every book of a recording and write it down:
    touchline verify btcusdt.cap.zst --out out.json
  Find out why a book stopped being LIVE:
    touchline why btcusdt.cap.zst
  Write down everything that is seen, said and done, and show that it can be done again:
    touchline record binance:BTC-USDT --out journal
    touchline replay journal/touchline-*-000001.tlj
  Measure each stage's latency, then open out/report.html:
    touchline replay btcusdt.cap.zst --report out
  See whether another run was slower:
    touchline latency before/latency.hlog out/latency.hlog --fail-above 1.10

Exit codes:
  0    sound
  1    a book could not be trusted, stopped being LIVE (why), or is not the venue's (--audit);
       a run is slower than allowed (latency)
  2    wrong usage or configuration, or a result that cannot be had or written
  3    the recording or log is damaged or cannot be read
  130  stopped by Ctrl-C; a second Ctrl-C stops at once"
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an exchange and a feed in one process: live books, a cut that heals, the latencies.
    Demo(Demo),
    /// Watch live books, their state and the latencies.
    Watch(Watch),
    /// Print one live book as soon as it can be trusted.
    Once(Once),
    /// Check a configuration without network.
    Check(Check),
    /// List the instruments of a venue.
    Instruments(Instruments),
    /// Run a simulated exchange on this machine.
    Simulate(Simulate),
    /// Rebuild every book of a recording and judge it.
    Verify(Verify),
    /// Say why books stopped being LIVE, in a recording or in a running feed's files.
    Why(Why),
    /// Write down everything a feed sees, says and does.
    Record(Record),
    /// Write recordings in another form: journals, lines, and those of other tools.
    Convert(Convert),
    /// Make a clean copy of a damaged journal.
    Recover(Recover),
    /// Replay a recording of any form through pinned threads and measure each stage; run a journal again.
    Replay(Replay),
    /// Compare the latencies of runs, and fail if one is too slow.
    Latency(Latency),
    /// List the venues that are spoken.
    Venues(Venues),
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline verify btcusdt.cap.zst
  touchline verify btcusdt.cap.zst --out out.json --every 100
  touchline verify btcusdt.cap.zst --audit
  touchline verify other.cap.zst --venue binance-coinm --only binance-coinm:@BTCUSD_PERP
  touchline verify journal/touchline-20261121T160000Z-000001.tlj --from 00:10:00 --to 00:15:00

The result holds, for every symbol, the counts of its messages and the exact
state of its book at intervals and at the end, with a SHA-256 over all levels.

With --audit, each REST snapshot after a book's first one is kept from the book
while that is LIVE, and compared with it at the same sequence, within the depth
that both know. A difference is an error that no number of the venue showed.
Counts may then differ from those of a run without --audit.

A part is chosen as `touchline help replay` says. What only leads there is counted
with the books, and not with the lines and frames.

The table's columns:
  start    how the book began: a snapshot by REST or in the stream, or empty
  msgs     snapshots and deltas that took effect
  stale    deltas that were not newer than the book
  gaps     breaks of the venue's sequence rule
  crossed  messages after which the best bid stood above the best ask
  best     book states whose best prices are those of the venue's own best bid
           and offer at the same sequence, of how many that could be compared")]
pub(crate) struct Verify {
    /// The recording, of any form that `replay` takes; of a journal of several files the first.
    pub(crate) capture: PathBuf,
    /// Write the result there, as JSON. Not after Ctrl-C: a part does not pass for the whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Keep a book's state every so many of its messages [default: 25, 100 or 1,000 by their number].
    #[arg(long, value_name = "N", value_parser = every)]
    pub(crate) every: Option<u64>,
    /// Compare the books with the recording's later REST snapshots.
    #[arg(long)]
    pub(crate) audit: bool,
    #[command(flatten)]
    pub(crate) part: PartArguments,
    #[command(flatten)]
    pub(crate) recording: Recording,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Print the result as JSON instead of a table.
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
    #[arg(long, value_name = "VENUE", value_parser = venue())]
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
    /// Cores to pin to: the reader's, then the book thread's, e.g. 2,3 [default: the first two there are].
    #[arg(long, value_name = "CORES", value_parser = cores)]
    pub(crate) cores: Option<Cores>,
}

/// Cores to pin to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cores {
    reader: usize,
    book: Option<usize>,
}

/// Where books are built.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PlacementName {
    /// On a thread of their own, behind a ring.
    BookThread,
    /// On the reader's thread.
    Reader,
}

impl From<PlacementName> for Placement {
    fn from(name: PlacementName) -> Self {
        match name {
            PlacementName::BookThread => Self::BookThread,
            PlacementName::Reader => Self::Reader,
        }
    }
}

impl Threads {
    /// The placement.
    pub(crate) fn placement(&self) -> Placement {
        self.placement.into()
    }

    /// The reader's core and the book thread's; without a wish the first two this process may use, if there are two.
    pub(crate) fn cores(&self) -> Result<[Option<usize>; 2], Failure> {
        match self.cores {
            Some(cores) => cores.on(self.placement()),
            None => match core_affinity::get_core_ids().unwrap_or_default().as_slice() {
                [reader, book, ..] => Ok([Some(reader.id), Some(book.id)]),
                _ => Ok([None, None]),
            },
        }
    }
}

impl Cores {
    /// The reader's core, and the book thread's where there is one.
    pub(crate) fn on(self, placement: Placement) -> Result<[Option<usize>; 2], Failure> {
        match (self, placement) {
            (Self { reader, .. }, Placement::Reader) => Ok([Some(reader), None]),
            (Self { reader, book: Some(book) }, Placement::BookThread) => Ok([Some(reader), Some(book)]),
            (Self { reader, book: None }, Placement::BookThread) => Err(Failure::Usage(format!(
                "--cores {reader} leaves the book thread without one: name two, such as {reader},{}, or use \
                 --placement reader",
                reader + 1
            ))),
        }
    }
}

fn venue() -> PossibleValuesParser {
    PossibleValuesParser::new(touchline_venue::all().iter().map(|facts| facts.name.as_str()))
}

fn cores(text: &str) -> Result<Cores, String> {
    let core = |text: &str| text.parse().map_err(|_| "write one core or two, such as 2 or 2,3".to_owned());
    match text.split_once(',') {
        Some((reader, book)) => Ok(Cores { reader: core(reader)?, book: Some(core(book)?) }),
        None => Ok(Cores { reader: core(text)?, book: None }),
    }
}

fn every(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|every| *every > 0).ok_or_else(|| "write a whole number from 1".to_owned())
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
