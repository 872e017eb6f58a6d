//! `touchline verify`.

use touchline::market::Reason;
use touchline::verify::{Verification, Verified, Verifier};
use touchline::{Finished, Replay};

use crate::arguments::{Recording, Verify};
use crate::exit::{Ending, Failure};
use crate::{out, progress};

/// Opens a recording as the command line says.
pub(crate) fn open(capture: &std::path::Path, recording: &Recording) -> Result<Replay, Failure> {
    let replay = match &recording.venue {
        Some(venue) => Replay::open_as(capture, venue)?,
        None => Replay::open(capture)?,
    };
    if recording.only.is_empty() {
        return Ok(replay);
    }
    Ok(replay.only(recording.only.iter().map(String::as_str))?)
}

pub(crate) fn run(arguments: &Verify) -> Result<Ending, Failure> {
    let mut replay = open(&arguments.capture, &arguments.recording)?.placement(arguments.threads.placement());
    if let [Some(reader), Some(book)] = arguments.threads.cores() {
        replay = replay.cores(reader, book);
    }
    let verification = Verification::start(replay, arguments.every)?;
    let interrupted = progress::watch(verification.running(), "verify");
    let (verified, finished) = verification.join()?;
    for note in &finished.notes {
        out::remark(&format!("note: {note}"));
    }
    if let Some(path) = &arguments.out {
        let text = serde_json::to_string_pretty(&verified).unwrap_or_default() + "\n";
        std::fs::write(path, text).map_err(|source| Failure::Write { path: path.clone(), source })?;
    }
    if arguments.json {
        out::json(&verified);
    } else {
        out::result(&table(&verified, &finished));
    }
    if let Some(damage) = &finished.damage {
        out::error(&damage.to_string());
        return Ok(Ending::Damaged);
    }
    if interrupted {
        return Ok(Ending::Interrupted);
    }
    let doubtful = verified.symbols.values().any(|book| book.doubt().is_some());
    Ok(if doubtful || verified.symbols.is_empty() || !finished.balances() {
        Ending::Untrusted
    } else {
        Ending::Sound
    })
}

fn table(verified: &Verified, finished: &Finished<Verifier>) -> String {
    let mut text = format!("{}: {} lines, {} frames\n\n", verified.capture, verified.lines, verified.frames);
    text += &format!(
        "{:<16} {:<14} {:>8} {:>6} {:>5} {:>7} {:>6} {:>6} {:>13}  {}\n",
        "symbol", "start", "msgs", "stale", "gaps", "crossed", "bids", "asks", "best prices", "verdict"
    );
    for (symbol, book) in &verified.symbols {
        let [bids, asks] = book.report.levels;
        let best = format!("{}/{}", book.bbo_pass, book.bbo_pass + book.bbo_fail);
        let verdict =
            book.doubt().map_or_else(|| "sound".to_owned(), |doubt| format!("NOT TRUSTED: {doubt}"));
        text += &format!(
            "{symbol:<16} {:<14} {:>8} {:>6} {:>5} {:>7} {bids:>6} {asks:>6} {best:>13}  {verdict}\n",
            book.start.unwrap_or("-"),
            book.msgs,
            book.stale,
            book.gaps,
            book.crossed,
        );
    }
    if verified.symbols.is_empty() {
        text += "no book in this recording\n";
    }
    text += &remarks(finished);
    text.trim_end().to_owned()
}

/// What was not an update, by reason; and the identity of all counts.
pub(crate) fn remarks<O>(finished: &Finished<O>) -> String {
    let mut text = String::new();
    for (reason, count) in finished.intake.named() {
        text += &format!("\n{count:>10} frames: {reason}");
    }
    if finished.malformed > 0 {
        text += &format!("\n{:>10} lines of the recording are malformed", finished.malformed);
    }
    if finished.intake.breaks > 0 {
        let reasons =
            [Reason::BadMessage, Reason::Overrun, Reason::Disconnected].map(Reason::name).join(", ");
        text += &format!("\n{:>10} breaks told to books ({reasons})", finished.intake.breaks);
    }
    let balance =
        if finished.balances() { "every message accounted for" } else { "MESSAGES UNACCOUNTED FOR" };
    text += &format!("\n{:>10} received, {balance}\n", finished.intake.received);
    text
}
