//! `touchline replay` of a journal: the feed is run again, and compared with itself.

use std::path::Path;
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;
use touchline::{Rerun, RerunReport};
use touchline_capture::journal::{EntryKind, Reader};

use crate::arguments::Replay;
use crate::exit::{Ending, Failure};
use crate::{interrupt, numbers, out};

/// Entries between two looks at the clock and at Ctrl-C.
const STEP: usize = 4_096;

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    entries: u64,
    frames: u64,
    gaps: u64,
    lost_entries: u64,
    commands_same: u64,
    hashes_same: u64,
    mismatches: u64,
    first_mismatch: Option<String>,
    damage: Vec<String>,
    interrupted: bool,
    seconds: f64,
}

/// Is it the journal of a feed? Others hold what came, but nothing of the feed that it came to.
pub(crate) fn is_possible(path: &Path) -> bool {
    let mut journal = Reader::open(path);
    let first = journal.as_mut().ok().and_then(|journal| journal.next().ok().flatten());
    first.is_some_and(|entry| entry.kind == EntryKind::Setup)
}

pub(crate) fn run(arguments: &Replay) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let began = Instant::now();
    let mut rerun = Rerun::open(&arguments.capture)?;
    let bar = ProgressBar::new(0).with_message("running again");
    let mut interrupted = false;
    'run: loop {
        for _ in 0..STEP {
            if !rerun.step() {
                break 'run;
            }
        }
        let progress = rerun.progress();
        bar.set_length(progress.total_bytes.unwrap_or(progress.done_bytes));
        bar.set_position(progress.done_bytes);
        if interrupt.is_set() {
            interrupted = true;
            break;
        }
    }
    bar.finish_and_clear();
    let report = rerun.finish();
    let seconds = began.elapsed().as_secs_f64();
    if arguments.json {
        out::json(&outcome(&report, interrupted, seconds))?;
    } else {
        out::result(&text(&report, seconds))?;
    }
    Ok(ending(&report, interrupted))
}

fn ending(report: &RerunReport, interrupted: bool) -> Ending {
    match () {
        () if interrupted => Ending::Interrupted,
        () if !report.damage.is_empty() => Ending::Damaged,
        () if report.mismatches > 0 || !report.gaps.is_empty() => Ending::Untrusted,
        () => Ending::Sound,
    }
}

fn text(report: &RerunReport, seconds: f64) -> String {
    let grouped = numbers::grouped;
    let mut text = format!(
        "{} entries, {} frames in {seconds:.2} s\n{} requests, connects and texts the same, {} book hashes the same",
        grouped(report.entries),
        grouped(report.frames),
        grouped(report.commands),
        grouped(report.hashes)
    );
    for gap in &report.gaps {
        let (entries, bytes) = (grouped(gap.entries), grouped(gap.bytes));
        text.push_str(&format!("\nGAP: {entries} entries of {bytes} bytes were never written"));
    }
    for damage in &report.damage {
        text.push_str(&format!("\nDAMAGED: {damage}"));
    }
    if let Some(first) = &report.first {
        text.push_str(&format!("\nNOT THE SAME: {} times; {first}", grouped(report.mismatches)));
    }
    text
}

fn outcome(report: &RerunReport, interrupted: bool, seconds: f64) -> Outcome {
    Outcome {
        entries: report.entries,
        frames: report.frames,
        gaps: report.gaps.len() as u64,
        lost_entries: report.gaps.iter().map(|gap| gap.entries).sum(),
        commands_same: report.commands,
        hashes_same: report.hashes,
        mismatches: report.mismatches,
        first_mismatch: report.first.as_ref().map(ToString::to_string),
        damage: report.damage.clone(),
        interrupted,
        seconds,
    }
}
