//! `touchline verify`.

mod audit;

use std::path::Path;

use touchline::verify::{Verification, Verified, Verifier};
use touchline::{Finished, Part, Placement, Replay};

use crate::arguments::{Recording, Threads, Verify};
use crate::exit::{Ending, Failure, damage};
use crate::{out, progress, screen};

/// Opens a recording as the command line says.
pub(crate) fn open(
    capture: &Path,
    part: &Part,
    recording: &Recording,
    threads: &Threads,
) -> Result<Replay, Failure> {
    let cores = threads.cores()?;
    let opened = progress::during("looking at the recording", || {
        Replay::open_part(capture, recording.venue.as_deref(), part)
    });
    let mut replay = opened?.placement(threads.placement());
    match (cores, threads.placement()) {
        ([Some(reader), Some(book)], _) => replay = replay.cores(reader, book),
        // There is no book thread.
        ([Some(reader), None], Placement::Reader) => replay = replay.cores(reader, reader),
        _ => {}
    }
    if recording.only.is_empty() {
        return Ok(replay);
    }
    Ok(replay.only(recording.only.iter().map(String::as_str))?)
}

pub(crate) fn run(arguments: &Verify) -> Result<Ending, Failure> {
    if let Some(path) = &arguments.out {
        writable(path)?;
    }
    let part = arguments.part.part();
    let replay = open(&arguments.capture, &part, &arguments.recording, &arguments.threads)?;
    let verification = if arguments.audit {
        Verification::start_audited(replay, arguments.every)?
    } else {
        Verification::start(replay, arguments.every)?
    };
    let interrupted = progress::watch(verification.running(), "verify");
    let (mut verified, finished) = verification.join()?;
    for note in &finished.notes {
        out::remark(&format!("note: {note}"));
    }
    if interrupted {
        cut_short(&mut verified, &finished);
    } else if let Some(path) = &arguments.out {
        let text = serde_json::to_string_pretty(&verified).unwrap_or_default() + "\n";
        std::fs::write(path, text).map_err(|source| Failure::Write { path: path.clone(), source })?;
    }
    if arguments.json {
        out::json(&verified)?;
    } else if verified.lines > 0 {
        out::result(&table(&verified, &finished))?;
        if let Some(audit) = &verified.audit {
            out::result(&audit::text(audit))?;
        }
    }
    if let Some(fault) = &finished.damage {
        out::error(&damage(&arguments.capture, fault));
        return Ok(Ending::Damaged);
    }
    if interrupted {
        return Ok(Ending::Interrupted);
    }
    let doubtful = verified.symbols.values().any(|book| book.doubt().is_some());
    let differs = verified.audit.iter().flatten().any(|(_, audit)| audit.different > 0);
    Ok(if doubtful || differs || finished.lost > 0 || verified.symbols.is_empty() || !finished.balances() {
        Ending::Untrusted
    } else {
        Ending::Sound
    })
}

/// Says no before the work instead of after it. Writing may still fail later.
fn writable(path: &Path) -> Result<(), Failure> {
    let refused = |source| Failure::Write { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(refused(std::io::ErrorKind::IsADirectory.into()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| std::fs::metadata(folder).map(drop).map_err(refused))
}

/// A part must not read like the whole: its counts end where it ended.
fn cut_short(verified: &mut Verified, finished: &Finished<Verifier>) {
    verified.lines = verified.lines.min(finished.inputs + finished.malformed);
    verified.frames = verified.frames.min(finished.intake.received);
    for book in verified.symbols.values_mut() {
        if let Some(end) = &mut book.end {
            end.line = verified.lines.saturating_sub(1);
        }
    }
}

fn table(verified: &Verified, finished: &Finished<Verifier>) -> String {
    let mut text = format!("{}: {} lines, {} frames\n\n", verified.capture, verified.lines, verified.frames);
    let head = ["symbol", "start", "msgs", "stale", "gaps", "crossed", "bids", "asks", "best", "verdict"];
    let mut rows = vec![head.map(str::to_owned)];
    let mut doubts = String::new();
    for (symbol, book) in &verified.symbols {
        let [bids, asks] = book.report.levels;
        let doubt = book.doubt();
        if let Some(doubt) = &doubt {
            doubts += &format!("\n{symbol}: {doubt}");
        }
        rows.push([
            symbol.clone(),
            book.start.unwrap_or("-").to_owned(),
            book.msgs.to_string(),
            book.stale.to_string(),
            book.gaps.to_string(),
            book.crossed.to_string(),
            bids.to_string(),
            asks.to_string(),
            format!("{}/{}", book.bbo_pass, book.bbo_pass + book.bbo_fail),
            if doubt.is_some() { "NOT TRUSTED" } else { "sound" }.to_owned(),
        ]);
    }
    if verified.symbols.is_empty() {
        text += "no book in this recording\n";
    } else {
        text += &screen::table(&rows, [false, false, true, true, true, true, true, true, true, false]);
    }
    if !doubts.is_empty() {
        text += &format!("\nNot trusted, because:{doubts}\n");
    }
    text + "\n" + &remarks(finished)
}

/// What was not an update, by reason; and the identity of all counts.
pub(crate) fn remarks<O>(finished: &Finished<O>) -> String {
    let mut lines = Vec::new();
    for (reason, count) in finished.intake.named() {
        lines.push(format!("{count:>10} frames: {reason}"));
    }
    if finished.malformed > 0 {
        lines.push(format!("{:>10} parts of the recording cannot be read", finished.malformed));
    }
    if finished.lost > finished.malformed {
        let lost = finished.lost - finished.malformed;
        lines.push(format!("{lost:>10} times something is missing that was never written"));
    }
    if finished.intake.breaks > 0 {
        lines.push(format!("{:>10} times a book was told that its stream broke", finished.intake.breaks));
    }
    let balance =
        if finished.balances() { "every message accounted for" } else { "MESSAGES UNACCOUNTED FOR" };
    lines.push(format!("{:>10} received, {balance}", finished.intake.received));
    lines.join("\n")
}
