//! What may be said on the command line. Exit codes: 0 every goal is met or missed within noise, 1 a goal is missed or
//! a record has become worse, 2 a usage error, or nothing could be measured.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Touchline beside its peers and the floors, in one process and one run.
///
/// Exits with 0 if every goal is met, or missed by no more than noise; 1 if one is missed; 2 if the usage is wrong or
/// nothing could be measured. Recordings are looked for in TOUCHLINE_CAPTURES, or in ../shared/captures.
#[derive(Parser)]
#[command(name = "peers", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// Also writes the rows to this file, as a JSON list
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measures this stage alone; may be said several times
    #[arg(long, value_name = "STAGE")]
    pub only: Vec<Stage>,
    /// Rounds in which contestants take turns; fewer than six cannot tell noise
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// Adds the rows to benches/record/<cpu>/<date>.csv
    #[arg(long)]
    pub record: bool,
    /// Lists the stages
    #[arg(long)]
    pub list: bool,
    /// Something else than a run
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Something else than a run.
#[derive(Subcommand)]
pub enum Command {
    /// Names what has become slower from one record to another, by more than noise: exits with 1 if anything has
    Compare {
        /// The older record
        before: PathBuf,
        /// The newer one
        after: PathBuf,
    },
    /// What a process that is counted by callgrind does
    #[command(hide = true)]
    Count {
        /// What
        stage: String,
        /// Its frames
        frames: PathBuf,
        /// How many
        count: usize,
    },
    /// What a process with a forced path does
    #[command(hide = true)]
    Path {
        /// Which
        path: String,
        /// How often
        rounds: usize,
    },
}

/// The stages, in the order the bytes travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Stage {
    /// Socket to frame
    Socket,
    /// Bytes of a frame to its numbers
    Parse,
    /// The same, with each path of the parser forced in turn
    Paths,
    /// A value from one core to another
    Hop,
    /// Levels into a book
    Book,
    /// What is published, read on another core
    View,
    /// Bytes of a frame to the published view, on one thread
    Journey,
    /// The same, on two cores
    Across,
    /// Many books
    Growth,
    /// Heap calls in steady state
    Heap,
    /// Instructions a frame, by callgrind
    Instructions,
}
