//! `touchline replay`.

use std::time::SystemTime;

use touchline::latency::{Machine, Omission, Report, RunInfo};
use touchline::verify::capture_name;
use touchline::{Finished, Pace};

use crate::arguments::{Replay, Threads};
use crate::exit::{Ending, Failure};
use crate::{out, progress, screen, verify};

pub(crate) fn run(arguments: &Replay) -> Result<Ending, Failure> {
    let mut replay = verify::open(&arguments.capture, &arguments.recording)?
        .placement(arguments.threads.placement())
        .pace(arguments.pace);
    if let [Some(reader), Some(book)] = arguments.threads.cores() {
        replay = replay.cores(reader, book);
    }
    let frames = replay.survey().frames;
    let name = capture_name(&arguments.capture);
    let started = SystemTime::now();
    let running = replay.start()?;
    let views = running.views().to_vec();
    let interrupted = progress::watch(&running, "replay");
    let finished = running.join()?;

    for note in &finished.notes {
        out::remark(&format!("note: {note}"));
    }
    let report = report(&name, frames, started, arguments.pace, &arguments.threads, &finished);
    if arguments.json {
        out::result(report.json().unwrap_or_default().trim_end());
    } else {
        out::result(&report.table());
        out::result(&screen::books(&finished, &views));
        out::result(verify::remarks(&finished).trim_end());
    }
    if let Some(folder) = &arguments.report {
        let files = report.write(folder).map_err(|source| Failure::Write { path: folder.clone(), source })?;
        for file in files {
            out::remark(&format!("wrote {}", file.display()));
        }
    }
    Ok(ending(&finished, interrupted))
}

/// How a run without verification ends.
pub(crate) fn ending<O>(finished: &Finished<O>, interrupted: bool) -> Ending {
    if let Some(damage) = &finished.damage {
        out::error(&damage.to_string());
        return Ending::Damaged;
    }
    if interrupted {
        return Ending::Interrupted;
    }
    let with_book = |book: &&touchline::BookReport| book.counters.received > 0;
    let trusted = finished.books.iter().filter(with_book).all(|book| book.state.is_live());
    if trusted && finished.balances() { Ending::Sound } else { Ending::Untrusted }
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
        placement: match threads.placement() {
            touchline::Placement::BookThread => "book-thread".to_owned(),
            touchline::Placement::Reader => "reader".to_owned(),
        },
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
