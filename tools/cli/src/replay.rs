//! `touchline replay`.

use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use touchline::latency::{Machine, Omission, Report, RunInfo};
use touchline::verify::capture_name;
use touchline::{Finished, Pace};

use crate::arguments::{Replay, Threads};
use crate::exit::{Ending, Failure, damage};
use crate::{out, progress, rerun, screen, simulate, verify};

/// What `--json` prints: the fields of `report.json`, then what became of the books.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    report: serde_json::Value,
    interrupted: bool,
    damage: Option<String>,
    /// Times that something was missing in the recording.
    lost: u64,
    books: Vec<Book>,
}

#[derive(Serialize)]
struct Book {
    instrument: String,
    symbol: String,
    state: String,
    epoch: u32,
    sequence: u64,
    snapshots: u64,
    updates: u64,
    gaps: u64,
    bbos: u64,
    trades: u64,
    levels: [usize; 2],
}

pub(crate) fn run(arguments: &Replay) -> Result<Ending, Failure> {
    if arguments.serve {
        return simulate::replay(arguments);
    }
    if !arguments.wants_frames() && rerun::is_possible(&arguments.capture) {
        return rerun::run(arguments);
    }
    let (pace, part) = (arguments.pace.unwrap_or_default(), arguments.part.part());
    let replay =
        verify::open(&arguments.capture, &part, &arguments.recording, &arguments.threads)?.pace(pace);
    if let Some(folder) = &arguments.report {
        // Says no before the work instead of after it.
        std::fs::create_dir_all(folder).map_err(|source| Failure::Write { path: folder.clone(), source })?;
    }
    let frames = replay.survey().frames;
    let started = SystemTime::now();
    let running = replay.start()?;
    let views = running.views().to_vec();
    let interrupted = progress::watch(&running, "replay");
    let finished = running.join()?;

    for note in &finished.notes {
        out::remark(&format!("note: {note}"));
    }
    let frames = if interrupted { frames.min(finished.intake.received) } else { frames };
    let name = capture_name(&arguments.capture);
    let report = report(&name, frames, started, pace, &arguments.threads, &finished);
    if let Some(folder) = &arguments.report {
        write(&report, folder)?;
    }
    let fault = finished.damage.as_ref().map(|fault| damage(&arguments.capture, fault));
    if arguments.json {
        out::json(&outcome(&report, &finished, interrupted, fault.clone()))?;
    } else if finished.inputs > 0 {
        out::result(&report.table())?;
        out::result(&screen::books(&finished, &views))?;
        out::result(&verify::remarks(&finished))?;
    }
    if let Some(fault) = fault {
        out::error(&fault);
        return Ok(Ending::Damaged);
    }
    Ok(ending(&finished, interrupted))
}

fn write(report: &Report, folder: &Path) -> Result<(), Failure> {
    let written = report.write(folder);
    let files = written.map_err(|source| Failure::Write { path: folder.to_owned(), source })?;
    let page = folder.join("report.html");
    out::remark(&format!("wrote {} files; open {} in a browser", files.len(), page.display()));
    Ok(())
}

fn outcome(report: &Report, finished: &Finished<()>, interrupted: bool, damage: Option<String>) -> Outcome {
    let book = |book: &touchline::BookReport| Book {
        instrument: format!("{}:{}", book.instrument.venue, book.instrument.name),
        symbol: book.instrument.symbol.clone(),
        state: book.state.to_string(),
        epoch: book.epoch,
        sequence: book.sequence.0,
        snapshots: book.counters.snapshots,
        updates: book.counters.updates,
        gaps: book.counters.gaps,
        bbos: book.channels.bbos,
        trades: book.channels.trades,
        levels: book.levels,
    };
    let books = finished.books.iter().map(book).collect();
    Outcome { report: value(report), interrupted, damage, lost: finished.lost, books }
}

/// A report as a part of a larger JSON.
pub(crate) fn value(report: &Report) -> serde_json::Value {
    serde_json::from_str(&report.json().unwrap_or_default()).unwrap_or_default()
}

/// How a run without verification ends, if nothing was wrong with its source.
pub(crate) fn ending<O>(finished: &Finished<O>, interrupted: bool) -> Ending {
    if interrupted {
        return Ending::Interrupted;
    }
    let with_book = |book: &&touchline::BookReport| book.counters.received > 0;
    let trusted = finished.books.iter().filter(with_book).all(|book| book.state.is_live());
    if trusted && finished.lost == 0 && finished.balances() { Ending::Sound } else { Ending::Untrusted }
}

/// The latency report of a finished run.
pub(crate) fn report<O>(
    name: &str,
    frames: u64,
    started: SystemTime,
    pace: Pace,
    threads: &Threads,
    finished: &Finished<O>,
) -> Report {
    let clock = touchline::clock::Clock::new();
    let info = RunInfo {
        recording: name.to_owned(),
        frames,
        messages: finished.intake.updates,
        wall: finished.wall,
        placement: threads.placement(),
        pace: match pace {
            Pace::Max => "max".to_owned(),
            Pace::Times(1.0) => "real".to_owned(),
            Pace::Times(times) => format!("{times}x"),
        },
        omission: match pace {
            Pace::Max => Omission::NotCorrected,
            Pace::Times(_) => Omission::MeasuredFromSchedule,
        },
        clock_cost_ns: clock.cost(),
        started,
        machine: Machine::here(),
    };
    Report::new(info, finished.latencies.clone().unwrap_or_default())
}
