//! `touchline convert`: recordings in another form; `touchline recover`: a clean copy of a damaged journal.

mod target;

use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use touchline_capture::import::{self, Losses, Options};
use touchline_capture::journal;

use crate::arguments::{Convert, Recover};
use crate::exit::{Ending, Failure};
use crate::interrupt::{self, Interrupt};
use crate::{numbers, out};
use target::Target;

/// Entries between two looks at the bar and at Ctrl-C.
const STEP: u64 = 4_096;

/// What became of one recording.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    recording: String,
    result: String,
    /// It was there already.
    skipped: bool,
    entries: u64,
    /// Records that could not be read.
    malformed: u64,
    left_out: u64,
    noted: u64,
    rewritten: u64,
    stamps_cut: u64,
    damage: Option<String>,
    #[serde(skip)]
    interrupted: bool,
}

pub(crate) fn run(arguments: &Convert) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let written = |source| Failure::Write { path: arguments.out.clone(), source };
    std::fs::create_dir_all(&arguments.out).map_err(written)?;
    let mut outcomes = Vec::new();
    for recording in &arguments.recordings {
        let outcome = one(arguments, recording, interrupt)?;
        let interrupted = outcome.interrupted;
        if !arguments.json {
            out::result(&text(&outcome))?;
        }
        outcomes.push(outcome);
        if interrupted {
            return Ok(Ending::Interrupted);
        }
    }
    if arguments.json {
        out::json(&outcomes)?;
    }
    let damaged = outcomes.iter().any(|outcome| outcome.damage.is_some() || outcome.malformed > 0);
    Ok(if damaged { Ending::Damaged } else { Ending::Sound })
}

/// Converts one recording, unless its result is there.
fn one(arguments: &Convert, recording: &Path, interrupt: Interrupt) -> Result<Outcome, Failure> {
    let result = arguments.out.join(format!("{}.{}", stem(recording), arguments.to.extension()));
    let mut outcome = Outcome {
        recording: recording.display().to_string(),
        result: result.display().to_string(),
        ..Outcome::default()
    };
    if result.exists() {
        return Ok(Outcome { skipped: true, ..outcome });
    }
    let options = Options { form: None, rest_url: arguments.rest_url.clone() };
    let mut source = match import::open(recording, &options) {
        Ok(source) => source,
        Err(error) => return Ok(Outcome { damage: Some(error.to_string()), ..outcome }),
    };
    let part = PathBuf::from(format!("{}.part", result.display()));
    let failed = |source: io::Error| Failure::Write { path: part.clone(), source };
    let mut target = Target::create(arguments.to, &part, arguments.level).map_err(failed)?;
    let bar = bar(recording);
    loop {
        match source.next() {
            Ok(Some(entry)) => {
                target.entry(&entry).map_err(failed)?;
                outcome.entries += 1;
            }
            Ok(None) => break,
            Err(error) => {
                if error.is_final() {
                    outcome.damage = Some(error.to_string());
                    break;
                }
                outcome.malformed += 1;
                outcome.damage.get_or_insert(error.to_string());
            }
        }
        if outcome.entries.is_multiple_of(STEP) {
            let progress = source.progress();
            bar.set_length(progress.total_bytes.unwrap_or(progress.done_bytes));
            bar.set_position(progress.done_bytes);
            if interrupt.is_set() {
                drop(target);
                std::fs::remove_file(&part).map_err(failed)?;
                return Ok(Outcome { interrupted: true, ..outcome });
            }
        }
    }
    bar.finish_and_clear();
    let losses = target.finish().map_err(failed)?;
    std::fs::rename(&part, &result).map_err(failed)?;
    let Losses { left_out, noted, rewritten, stamps_cut } = losses;
    Ok(Outcome { left_out, noted, rewritten, stamps_cut, ..outcome })
}

/// A recording's name without what says its form.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ends = [".cap.zst", ".cap", ".tlj", ".hft.gz", ".tardis.gz", ".gz", ".zst", ".txt", ".csv"];
    let end = ends.into_iter().find(|end| name.ends_with(end) && name.len() > end.len());
    name.strip_suffix(end.unwrap_or_default()).unwrap_or(&name).to_owned()
}

fn bar(recording: &Path) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(stem(recording));
    match ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn text(outcome: &Outcome) -> String {
    if outcome.skipped {
        return format!("{} is there already", outcome.result);
    }
    if outcome.interrupted {
        return format!("{}: stopped by Ctrl-C; the same command goes on", outcome.recording);
    }
    let mut text = match &outcome.damage {
        Some(damage) if outcome.entries == 0 => return format!("DAMAGED {}: {damage}", outcome.recording),
        _ => format!("{}: {} entries", outcome.result, numbers::grouped(outcome.entries)),
    };
    let counts = [
        (outcome.left_out, "have no place in this form"),
        (outcome.noted, "became notes"),
        (outcome.rewritten, "were brought onto one line"),
        (outcome.stamps_cut, "stamps lost digits"),
        (outcome.malformed, "could not be read"),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {} {what}", numbers::grouped(count)));
    }
    if let Some(damage) = &outcome.damage {
        text.push_str(&format!("\nDAMAGED {}: {damage}", outcome.recording));
    }
    text
}

/// What `recover --json` prints.
#[derive(Serialize)]
struct Recovered {
    entries: u64,
    damages: u64,
    gaps: u64,
    lost: u64,
    truncated: bool,
    finished: bool,
}

pub(crate) fn recover(arguments: &Recover) -> Result<Ending, Failure> {
    let done = match journal::recover(&arguments.journal, &arguments.copy) {
        Ok(done) => done,
        Err(journal::RecoverError::Read(error)) => {
            out::error(&format!("{}: {error}", arguments.journal.display()));
            return Ok(Ending::Damaged);
        }
        Err(journal::RecoverError::Write(source)) => {
            return Err(Failure::Write { path: arguments.copy.clone(), source });
        }
    };
    let told = Recovered {
        entries: done.entries,
        damages: done.damages,
        gaps: done.gaps,
        lost: done.lost,
        truncated: done.is_truncated,
        finished: done.is_finished,
    };
    if arguments.json {
        out::json(&told)?;
    } else {
        let [entries, damages, lost] = [told.entries, told.damages, told.lost].map(numbers::grouped);
        let mut text = format!(
            "{}: {entries} entries; {damages} damaged stretches, {lost} entries lost in {} gaps",
            arguments.copy.display(),
            told.gaps
        );
        if told.truncated {
            text.push_str("; its end was cut off");
        }
        out::result(&text)?;
    }
    Ok(Ending::Sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name loses what says its form and nothing else.
    #[test]
    fn stems_are_names_without_their_form() {
        for (name, expected) in [
            ("a/btcusdt.cap.zst", "btcusdt"),
            ("touchline-20261121T160000Z-000001.tlj", "touchline-20261121T160000Z-000001"),
            ("btcusdt_20240808.gz", "btcusdt_20240808"),
            ("x.hft.gz", "x"),
            ("v1.2-feed", "v1.2-feed"),
            (".gz", ".gz"),
        ] {
            assert_eq!(stem(Path::new(name)), expected);
        }
    }
}
