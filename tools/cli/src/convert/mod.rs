//! `touchline convert`: recordings in another form; `touchline recover`: a clean copy of a damaged journal.

mod tables;
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
use crate::{arguments, numbers, out};
use target::Target;

/// Entries between two looks at the bar and at Ctrl-C.
const STEP: u64 = 4_096;

/// What became of one recording.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    recording: String,
    results: Vec<String>,
    /// They were there already.
    skipped: bool,
    entries: u64,
    /// Updates of which there are rows, and the rows.
    updates: u64,
    rows: u64,
    /// Records that could not be read.
    malformed: u64,
    left_out: u64,
    noted: u64,
    rewritten: u64,
    stamps_cut: u64,
    /// Events that stand twice, whose stamps were raised, whose venue's clock is ahead.
    split: u64,
    raised: u64,
    ahead: u64,
    damage: Option<String>,
    #[serde(skip)]
    interrupted: bool,
}

/// What is written: what came from the venue, or what it means.
enum Way {
    Raw(target::Form),
    Tables(tables::Form),
}

fn way(to: arguments::Target) -> Way {
    match to {
        arguments::Target::Tlj => Way::Raw(target::Form::Journal),
        arguments::Target::Cap => Way::Raw(target::Form::Lines),
        arguments::Target::Hftbacktest => Way::Raw(target::Form::Hftbacktest),
        arguments::Target::Tardis => Way::Raw(target::Form::Tardis),
        arguments::Target::Csv => Way::Tables(tables::Form::Csv),
        arguments::Target::Parquet => Way::Tables(tables::Form::Parquet),
        arguments::Target::Npz => Way::Tables(tables::Form::Npz),
    }
}

pub(crate) fn run(arguments: &Convert) -> Result<Ending, Failure> {
    let way = way(arguments.to);
    let unused = match way {
        Way::Raw(_) if arguments.venue.is_some() => Some("--venue is for csv, parquet and npz"),
        Way::Tables(_) if !arguments.rest_url.is_empty() => {
            Some("--rest-url is for tlj, cap, hftbacktest and tardis")
        }
        _ => None,
    };
    if let Some(unused) = unused {
        return Err(Failure::Usage(unused.to_owned()));
    }
    let interrupt = interrupt::flag();
    let written = |source| Failure::Write { path: arguments.out.clone(), source };
    std::fs::create_dir_all(&arguments.out).map_err(written)?;
    let mut outcomes = Vec::new();
    for recording in &arguments.recordings {
        let outcome = match way {
            Way::Raw(form) => one(arguments, form, recording, interrupt)?,
            Way::Tables(form) => tables::one(arguments, form, recording, interrupt)?,
        };
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
fn one(
    arguments: &Convert,
    form: target::Form,
    recording: &Path,
    interrupt: Interrupt,
) -> Result<Outcome, Failure> {
    let result = arguments.out.join(format!("{}.{}", stem(recording), arguments.to.extension()));
    let mut outcome = Outcome::of(recording, [result.as_path()]);
    if result.exists() {
        return Ok(Outcome { skipped: true, ..outcome });
    }
    let options = Options { form: None, rest_url: arguments.rest_url.clone() };
    let mut source = match import::open(recording, &options) {
        Ok(source) => source,
        Err(error) => return Ok(Outcome { damage: Some(error.to_string()), ..outcome }),
    };
    let part = part(&result);
    let failed = |source: io::Error| Failure::Write { path: part.clone(), source };
    let mut target = Target::create(form, &part, arguments.level).map_err(failed)?;
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
            show(&bar, progress.done_bytes, progress.total_bytes);
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

impl Outcome {
    fn of<'a>(recording: &Path, results: impl IntoIterator<Item = &'a Path>) -> Self {
        let results = results.into_iter().map(|result| result.display().to_string()).collect();
        Self { recording: recording.display().to_string(), results, ..Self::default() }
    }

    /// The results by name; of many the first.
    fn results(&self) -> String {
        const SHOWN: usize = 4;
        let shown: Vec<_> = self.results.iter().take(SHOWN).map(String::as_str).collect();
        match self.results.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            others => format!("{} and {others} others", shown.join(", ")),
        }
    }
}

/// Where a result is written until it is whole.
fn part(result: &Path) -> PathBuf {
    PathBuf::from(format!("{}.part", result.display()))
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

fn show(bar: &ProgressBar, done_bytes: u64, total_bytes: Option<u64>) {
    bar.set_length(total_bytes.unwrap_or(done_bytes));
    bar.set_position(done_bytes);
}

fn text(outcome: &Outcome) -> String {
    if outcome.skipped {
        return format!("{} is there already", outcome.results());
    }
    if outcome.interrupted {
        return format!("{}: stopped by Ctrl-C; the same command goes on", outcome.recording);
    }
    let [entries, updates, rows] = [outcome.entries, outcome.updates, outcome.rows].map(numbers::grouped);
    let mut text = match &outcome.damage {
        Some(damage) if outcome.entries + outcome.updates == 0 => {
            return format!("DAMAGED {}: {damage}", outcome.recording);
        }
        // A table: raw entries are left out only where there are entries.
        _ if outcome.entries == 0 && outcome.updates + outcome.left_out > 0 => {
            format!("{}: {updates} updates in {rows} rows", outcome.results())
        }
        _ => format!("{}: {entries} entries", outcome.results()),
    };
    let counts = [
        (outcome.left_out, "have no place in this form"),
        (outcome.noted, "became notes"),
        (outcome.rewritten, "were brought onto one line"),
        (outcome.stamps_cut, "stamps lost digits"),
        (outcome.split, "stand twice, once by the venue's stamp and once by ours"),
        (outcome.raised, "stamps were raised to the one before"),
        (outcome.ahead, "were stamped by the venue later than received"),
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
