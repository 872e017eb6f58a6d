//! `touchline record`: a feed whose every input is written down.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde::Serialize;
use touchline::config::JournalConfig;
use touchline::recorder::RecorderStatus;
use touchline::{Feed, FeedReport};

use crate::arguments::Record;
use crate::exit::{Ending, Failure};
use crate::observe::Observing;
use crate::{interrupt, live, numbers, out, progress};

/// How often it is said how things stand: on a terminal, and elsewhere.
const TICK: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    folder: String,
    last_file: String,
    entries: u64,
    bytes: u64,
    lost_entries: u64,
    lost_bytes: u64,
    redacted: u64,
    error: Option<String>,
    frames: u64,
    rejected: u64,
    dropped: u64,
    books: usize,
    books_live_at_the_end: usize,
}

pub(crate) fn run(arguments: &Record) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let mut config = live::config(&arguments.live, &arguments.instruments, &arguments.channels)?;
    let journal = journal(arguments, config.journal.take())?;
    let folder = journal.folder.display().to_string();
    config.journal = Some(journal);
    // What nobody asks for is not measured.
    let shown = arguments.observe.metrics.or(config.metrics);
    config.measured = shown.is_some() || arguments.observe.hlog.is_some();
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut observing = Observing::start(&arguments.observe, &config)?;
    let mut builder = Feed::builder().config(config);
    observing.listen(&mut builder);
    let feed = progress::during("connecting", || builder.start())?;
    observing.attach(&feed)?;
    let ticker = progress::ticker();
    let mut line_at = Instant::now() + LINE_EVERY;
    loop {
        let text = standing(&feed);
        if line_at <= Instant::now() && !std::io::stderr().is_terminal() {
            out::remark(&text);
            line_at += LINE_EVERY;
        }
        ticker.set_message(text);
        let next = Instant::now() + TICK;
        let next = until.map_or(next, |until| next.min(until));
        if interrupt.sleep_until(next) || until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
    }
    ticker.finish_and_clear();
    let live = feed.views().iter().filter(|(_, view)| view.touch().state.is_live()).count();
    let report = feed.stop()?;
    let Some(status) = report.recorder.clone() else { return Ok(Ending::Untrusted) };
    for note in &report.notes {
        out::remark(&format!("note: {note}"));
    }
    if arguments.json {
        out::json(&outcome(folder, &report, &status, live))?;
    } else {
        out::result(&summary(&report, &status, live))?;
    }
    let whole = status.lost_entries == 0 && status.failing_since.is_none();
    Ok(if whole { Ending::Sound } else { Ending::Untrusted })
}

/// The file's journal, with what the command line says instead.
fn journal(arguments: &Record, file: Option<JournalConfig>) -> Result<JournalConfig, Failure> {
    let mut journal = match (&arguments.out, file) {
        (Some(out), Some(file)) => JournalConfig { folder: out.clone(), ..file },
        (Some(out), None) => JournalConfig::new(out),
        (None, Some(file)) => file,
        (None, None) => {
            let what =
                "nowhere to record to: give --out DIR, or a [journal] with a folder in the configuration";
            return Err(Failure::Usage(what.to_owned()));
        }
    };
    if let Some(name) = &arguments.name {
        journal.name.clone_from(name);
    }
    if let Some(mib) = arguments.file_mib {
        journal.file_bytes_max = mib << 20;
    }
    if let Some(minutes) = arguments.file_minutes {
        journal.file_period = Duration::from_secs(60 * minutes);
    }
    if let Some(millis) = arguments.hash_ms {
        journal.hash_every = Duration::from_millis(millis);
    }
    Ok(journal)
}

/// How things stand, in a line.
fn standing(feed: &Feed) -> String {
    let views = feed.views();
    let live = views.iter().filter(|(_, view)| view.touch().state.is_live()).count();
    let status = feed.recorder().unwrap_or_default();
    let mut text = format!(
        "{live} of {} books LIVE, {} entries, {} bytes",
        views.len(),
        numbers::grouped(status.entries),
        numbers::grouped(status.bytes_written)
    );
    if status.lost_entries > 0 {
        text.push_str(&format!(", {} LOST", numbers::grouped(status.lost_entries)));
    }
    if let (Some(_), Some(error)) = (status.failing_since, &status.last_error) {
        text.push_str(&format!(", cannot write: {error}"));
    }
    text
}

fn summary(report: &FeedReport, status: &RecorderStatus, live: usize) -> String {
    let mut text = format!(
        "recorded {} entries ({} frames) in {} bytes; {live} of {} books were LIVE at the end\nlast file: {}",
        numbers::grouped(status.entries),
        numbers::grouped(report.intake.received),
        numbers::grouped(status.bytes_written),
        report.books.len(),
        status.path.display()
    );
    if status.redacted > 0 {
        text.push_str(&format!("\n{} secrets were replaced", numbers::grouped(status.redacted)));
    }
    if status.lost_entries > 0 {
        let (entries, bytes) = (numbers::grouped(status.lost_entries), numbers::grouped(status.lost_bytes));
        text.push_str(&format!("\nLOST: {entries} entries of {bytes} bytes, recorded as gaps"));
    }
    if let Some(error) = &status.last_error {
        text.push_str(&format!("\nlast error: {error}"));
    }
    text
}

fn outcome(folder: String, report: &FeedReport, status: &RecorderStatus, live: usize) -> Outcome {
    Outcome {
        folder,
        last_file: status.path.display().to_string(),
        entries: status.entries,
        bytes: status.bytes_written,
        lost_entries: status.lost_entries,
        lost_bytes: status.lost_bytes,
        redacted: status.redacted,
        error: status.last_error.clone(),
        frames: report.intake.received,
        rejected: report.intake.rejected.iter().sum(),
        dropped: report.intake.dropped,
        books: report.books.len(),
        books_live_at_the_end: live,
    }
}
