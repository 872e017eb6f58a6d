//! The `touchline-simulation` program: many worlds, one of them, or the smallest that fails.
//!
//! Exit codes: 0 everything held, 1 something did not, 2 usage.
#![forbid(unsafe_code)]

mod table;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use touchline_simulation::{Plan, Switch, coverage, many, run, shrink};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds that failed once: they run first.
const REGRESSIONS: &str = include_str!("../regressions.txt");

/// From so many worlds of so much time on, every fault has to have happened.
const COVERED_FROM: Duration = Duration::from_secs(200 * 60);

/// The whole feed against a simulated exchange on virtual time.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run many worlds, the regressions first.
    Run(Run),
    /// Run one world and say what happened last.
    One(One),
    /// Make a failing world small.
    Shrink(One),
}

#[derive(Args)]
struct Run {
    /// How many worlds.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// How long each lasts, minutes; the last one is without faults.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// At this venue only.
    #[arg(long)]
    venue: Option<String>,
    /// So many connections to each book, 1 to 4, in every world; else each seed draws them.
    #[arg(long)]
    paths: Option<u8>,
    /// Leave these faults out.
    #[arg(long, value_delimiter = ',')]
    without: Vec<Switch>,
    /// Write the result there as well, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct One {
    /// Which world.
    #[arg(long)]
    seed: u64,
    /// How long it lasts, minutes; the last one is without faults.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// How long it has faults, seconds, in place of the minutes.
    #[arg(long)]
    faulty_seconds: Option<f64>,
    /// At this venue only.
    #[arg(long)]
    venue: Option<String>,
    /// So many connections to each book, 1 to 4; else the seed draws them.
    #[arg(long)]
    paths: Option<u8>,
    /// Leave these faults out.
    #[arg(long, value_delimiter = ',')]
    without: Vec<Switch>,
    /// Say what happened last, also if all held.
    #[arg(long)]
    trace: bool,
    /// How many lines of it.
    #[arg(long, default_value_t = 60)]
    lines: usize,
}

impl One {
    fn faulty(&self) -> Duration {
        self.faulty_seconds.map_or_else(|| faulty(self.minutes), Duration::from_secs_f64)
    }
}

/// How long a world of so many minutes has faults.
fn faulty(minutes: f64) -> Duration {
    Duration::from_secs_f64((minutes * 60.0).max(0.0)).saturating_sub(Duration::from_secs(60))
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run_many(&arguments),
        Command::One(arguments) => run_one(&arguments),
        Command::Shrink(arguments) => run_shrink(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Nobody is left to hear that nobody can be told.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// The seeds of a list, each with the faults that it leaves out: `SEED [without=FAULT,FAULT] WHAT IT SHOWED`.
fn listed(list: &str) -> impl Iterator<Item = (u64, Vec<Switch>)> {
    list.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let seed = words.next()?.parse().ok()?;
        let without = words.next().and_then(|word| word.strip_prefix("without="));
        let switches =
            without.into_iter().flat_map(|names| names.split(',')).filter_map(|name| name.parse().ok());
        Some((seed, switches.collect()))
    })
}

fn run_many(arguments: &Run) -> io::Result<bool> {
    let fresh = arguments.first..arguments.first.saturating_add(arguments.seeds);
    let known = listed(REGRESSIONS).filter(|(seed, without)| !fresh.contains(seed) || !without.is_empty());
    let worlds = known.chain(fresh.clone().map(|seed| (seed, Vec::new())));
    let plans: Vec<Plan> = worlds
        .filter_map(|(seed, mut without)| {
            without.extend(&arguments.without);
            Plan::of_paths(seed, &without, arguments.venue.as_deref(), arguments.paths)
        })
        .collect();
    let bar =
        if io::stderr().is_terminal() { ProgressBar::new(plans.len() as u64) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} worlds, {eta} left") {
        bar.set_style(style);
    }
    let faulty = faulty(arguments.minutes);
    let summary = many(plans, faulty, arguments.jobs, |outcome| {
        bar.inc(1);
        if let Some(failure) = &outcome.failure {
            bar.suspend(|| {
                let _ = writeln!(io::stderr(), "seed {}: {failure}", outcome.seed);
            });
        }
    });
    bar.finish_and_clear();
    let whole = arguments.without.is_empty() && arguments.venue.is_none() && arguments.paths.is_none();
    let covered = whole && summary.lasted >= COVERED_FROM;
    let missing = if covered { coverage::missing(&summary.marks) } else { Vec::new() };
    table::print(&mut io::stdout().lock(), &summary, &missing)?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, table::json(&summary, &missing).to_string())?;
    }
    Ok(summary.failures.is_empty() && missing.is_empty())
}

fn run_one(arguments: &One) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let venue = arguments.venue.as_deref();
    let Some(plan) = Plan::of_paths(arguments.seed, &arguments.without, venue, arguments.paths) else {
        return Ok(false);
    };
    let outcome = run(&plan, arguments.faulty(), arguments.lines);
    writeln!(out, "{plan}")?;
    if arguments.trace || outcome.failure.is_some() {
        for line in &outcome.trace {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(
        out,
        "{} publications, {} compared, hash {:016x}",
        outcome.counted.publications, outcome.counted.compared, outcome.hash
    )?;
    match &outcome.failure {
        Some(failure) => writeln!(out, "FAILED {failure}")?,
        None => writeln!(out, "everything held for {:.0} s", outcome.lasted.as_secs_f64())?,
    }
    Ok(outcome.failure.is_none())
}

fn run_shrink(arguments: &One) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let venue = arguments.venue.as_deref();
    match shrink(arguments.seed, venue, arguments.paths, arguments.faulty(), &arguments.without) {
        Some(least) => {
            writeln!(out, "{}", least.failure)?;
            writeln!(out, "{}", least.command())?;
            Ok(false)
        }
        None => {
            writeln!(out, "seed {} does not fail", arguments.seed)?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of the list begins with its seed, and may say what its world leaves out; every line of ours can be read.
    #[test]
    fn a_line_of_the_list_names_a_world() {
        let list = "# Words.\n7 what it showed\n8 without=paths,crowd what it showed\n";
        let read: Vec<_> = listed(list).collect();
        assert_eq!(read, [(7, vec![]), (8, vec![Switch::Paths, Switch::Crowd])]);
        let lines = REGRESSIONS.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), listed(REGRESSIONS).count());
    }
}
