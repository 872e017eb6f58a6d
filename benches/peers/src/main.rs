//! Touchline beside its peers and the floors: the same recorded frames, in one process and one run.
//!
//! See `README.md` here for what is measured, how, and what is done for fairness.

mod across;
mod arguments;
mod book;
mod calls;
mod count;
mod cycles;
mod error;
mod growth;
mod heap;
mod hop;
mod journey;
mod machine;
mod messages;
mod parse;
mod race;
mod receive;
mod record;
mod recording;
mod row;
mod simd;
mod socket;
mod table;
mod view;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use arguments::{Arguments, Command, Stage};
use cycles::Cycles;
use error::BenchError;
use machine::Machine;
use recording::{Recording, SPOT, USDM};
use row::{Row, Verdict};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for stage in Stage::value_variants() {
            let shown = stage.to_possible_value();
            let help = shown.as_ref().and_then(|value| value.get_help());
            println!("{:<14}{}", name(*stage), help.map(ToString::to_string).unwrap_or_default());
        }
        return ExitCode::SUCCESS;
    }
    let result = match &arguments.command {
        None => measure(&arguments),
        Some(Command::Compare { before, after }) => compare(before, after),
        Some(Command::Count { stage, frames, count }) => count::child(stage, frames, *count).map(|()| false),
        Some(Command::Path { path, rounds }) => simd::child(path, *rounds).map(|()| false),
    };
    match result {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures what was asked for, and tells whether a goal is missed.
fn measure(arguments: &Arguments) -> Result<bool, BenchError> {
    let machine = Machine::here();
    let rounds = usize::from(arguments.rounds);
    let asked = |stage: &Stage| arguments.only.is_empty() || arguments.only.contains(stage);
    let bench = Bench { usdm: Recording::read(USDM)?, cycles: Cycles::new(), rounds };
    let mut rows = Vec::new();
    for stage in Stage::value_variants().iter().filter(|stage| asked(stage)) {
        eprintln!("{} …", name(*stage));
        rows.extend(bench.stage(*stage)?);
    }
    print!("{}", table::text(&rows, &machine, rounds));
    if let Some(path) = &arguments.json {
        write_json(path, &rows, &machine)?;
    }
    if arguments.record {
        println!("added to {}", record::append(&rows, &machine)?.display());
    }
    Ok(rows.iter().any(|row| row.verdict == Verdict::Missed))
}

/// What the stages are measured with.
struct Bench {
    usdm: Recording,
    cycles: Cycles,
    rounds: usize,
}

impl Bench {
    fn stage(&self, stage: Stage) -> Result<Vec<Row>, BenchError> {
        let Self { usdm, cycles, rounds } = self;
        let rounds = *rounds;
        Ok(match stage {
            Stage::Socket => socket::run(usdm, cycles, rounds)?,
            Stage::Parse => parse::run(usdm, &Recording::read(SPOT)?, cycles, rounds)?,
            Stage::Paths => simd::run(rounds)?,
            Stage::Hop => hop::run(cycles, rounds),
            Stage::Book => book::run(&book::Input::of(usdm)?, cycles, rounds)?,
            Stage::View => view::run(cycles, rounds),
            Stage::Journey => journey::run(usdm, cycles, rounds)?,
            Stage::Across => across::run(usdm, cycles, rounds)?,
            Stage::Growth => growth::run(&book::Input::of(usdm)?, rounds),
            Stage::Heap => calls::run(usdm),
            Stage::Instructions => count::run(usdm)?,
        })
    }
}

/// Prints what has become worse, and tells whether anything has.
fn compare(before: &Path, after: &Path) -> Result<bool, BenchError> {
    let (regressions, compared) = record::compare(&record::read(before)?, &record::read(after)?);
    for regression in &regressions {
        println!("{regression}");
    }
    println!("{} of {compared} figures worse than noise", regressions.len());
    Ok(!regressions.is_empty())
}

fn write_json(path: &Path, rows: &[Row], machine: &Machine) -> Result<(), BenchError> {
    /// A row, and where it comes from: each stands for itself.
    #[derive(serde::Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        row: &'a Row,
        machine: &'a Machine,
    }
    let lines: Vec<_> = rows.iter().map(|row| Line { row, machine }).collect();
    let text = serde_json::to_string_pretty(&lines).unwrap_or_default();
    fs::write(path, text + "\n").map_err(|cause| BenchError::File { path: path.to_owned(), cause })
}

fn name(stage: Stage) -> String {
    stage.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// The command line is sound; no rounds, unknown stages and options are refused, and a comparison needs two files.
    #[test]
    fn usage_errors_are_refused() {
        Arguments::command().debug_assert();
        let refused = |words: &[&str]| Arguments::try_parse_from([&["peers"], words].concat()).is_err();
        assert!(!refused(&["--only", "parse", "--only", "book", "--rounds", "7", "--json", "x"]));
        assert!(!refused(&["compare", "a", "b"]));
        for words in [
            &["--rounds", "0"][..],
            &["--only", "x"],
            &["--fast"],
            &["compare", "a"],
            &["--record", "compare", "a", "b"],
        ] {
            assert!(refused(words), "{words:?}");
        }
    }

    /// A row in the file has the fields that its readers count on, and the machine.
    #[test]
    fn rows_are_written_as_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.json");
        let row = Row::paired(
            "parse depth",
            "mean",
            &[(2.0, 8.0); 9],
            Some(row::Bound::Faster(3.0)),
            row::Says::TimesFaster,
        );
        write_json(&path, &[row], &Machine::here()).unwrap();
        let rows: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let row = &rows[0];
        assert_eq!(
            (&row["stage"], &row["ours_ns"], &row["peer_ns"]),
            (&"parse depth".into(), &2.0.into(), &8.0.into())
        );
        assert_eq!(
            (&row["ratio"], &row["goal"], &row["met"]),
            (&4.0.into(), &">= 3x faster".into(), &true.into())
        );
        assert!(row["machine"]["cpu"].is_string() && row["machine"]["commit"].is_string());
    }
}
