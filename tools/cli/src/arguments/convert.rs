//! Arguments of `convert` and `recover`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `convert`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline convert journal/*.tlj --to cap --out captures
  touchline convert btcusdt.cap.zst --to tlj --out journals
  touchline convert btcusdt_20240808.gz --to cap --out captures \\
      --rest-url 'https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000'
  touchline convert btcusdt.cap.zst --to parquet --out tables
  touchline convert journal/*.tlj --to npz --out hftbacktest

What a file is its content tells, not its name: journals (.tlj), Touchline's lines
(.cap.zst), and what hftbacktest's collector, cryptofeed and Tardis write, plain,
gzip or zstd. What the other form cannot hold is counted and said.

tlj, cap, hftbacktest and tardis hold what came from the venue, byte for byte; csv,
parquet and npz what it means: csv and parquet a row for each level of each message,
exact; npz, a file for each instrument, the events of its book and its trades.

A result is written beside its place and put there when it is whole; one that is
there already is not written again. So a run that was stopped is resumed by the
same command. Of a damaged file every whole record is converted, and the exit
code is 3.")]
pub(crate) struct Convert {
    /// The recordings.
    #[arg(required = true, value_name = "RECORDING")]
    pub(crate) recordings: Vec<PathBuf>,
    /// What to write.
    #[arg(long, value_enum)]
    pub(crate) to: Target,
    /// The folder of the results; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where REST bodies were asked for that stand in a recording without their URL.
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true)]
    pub(crate) rest_url: String,
    /// Whose dialect the recording is in, for csv, parquet and npz; told by the recording if not given.
    #[arg(long, value_name = "VENUE")]
    pub(crate) venue: Option<String>,
    /// How small against how fast: zstd's level for tlj, cap and parquet.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level: i32,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A form that is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Target {
    /// A journal, .tlj: all that any form holds.
    Tlj,
    /// Lines of text, .cap.zst: what people exchange and read with zstdcat.
    Cap,
    /// As hftbacktest's collector writes, .hft.gz.
    Hftbacktest,
    /// As Tardis serves raw feeds, .tardis.gz.
    Tardis,
    /// Updates as lines of numbers, .csv.
    Csv,
    /// Updates as typed columns, .parquet.
    Parquet,
    /// Events as hftbacktest replays them, .SYMBOL.npz.
    Npz,
}

impl Target {
    /// What its files' names end with.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Tlj => "tlj",
            Self::Cap => "cap.zst",
            Self::Hftbacktest => "hft.gz",
            Self::Tardis => "tardis.gz",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Npz => "npz",
        }
    }
}

/// Arguments of `recover`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline recover damaged.tlj clean.tlj

Every whole block of the journal is copied, and a gap stands where one is missing.
A file that is there is never overwritten.")]
pub(crate) struct Recover {
    /// The journal.
    pub(crate) journal: PathBuf,
    /// The clean copy.
    pub(crate) copy: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
