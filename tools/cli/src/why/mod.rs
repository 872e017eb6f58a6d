//! `touchline why`: each time that a book stopped being LIVE, and why.

mod folder;
mod frames;
mod show;

use serde::Serialize;
use touchline::flight::{Collector, IncidentReport};
use touchline::{Finished, Marking};

use crate::arguments::{PlacementName, Recording, Threads, Why};
use crate::exit::{Ending, Failure, damage};
use crate::{out, progress, verify};

/// What is found, and what `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Found {
    /// The recording or the folder.
    source: String,
    /// How many incidents there are.
    count: u64,
    /// The first of them.
    incidents: Vec<IncidentReport>,
    /// Books with messages that were LIVE at no time.
    never_live: Vec<String>,
    /// It was stopped before its end.
    interrupted: bool,
    /// What is wrong with the files.
    damage: Vec<String>,
}

pub(crate) fn run(arguments: &Why) -> Result<Ending, Failure> {
    let found = if arguments.source.is_dir() { folder::read(arguments)? } else { replay(arguments)? };
    if arguments.json {
        out::json(&found)?;
    } else {
        out::result(&show::text(&found))?;
    }
    for fault in &found.damage {
        out::error(fault);
    }
    Ok(match &found {
        Found { damage, .. } if !damage.is_empty() => Ending::Damaged,
        Found { interrupted: true, .. } => Ending::Interrupted,
        Found { count: 0, .. } => Ending::Sound,
        Found { .. } => Ending::Untrusted,
    })
}

/// Replays a recording and keeps what broke.
fn replay(arguments: &Why) -> Result<Found, Failure> {
    let path = &arguments.source;
    let recording = Recording {
        venue: arguments.venue.clone(),
        only: arguments.book.iter().map(ToString::to_string).collect(),
    };
    let threads = Threads { placement: PlacementName::Reader, cores: None };
    let replay = verify::open(path, &arguments.part.part(), &recording, &threads)?;
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let collector = Collector::new(limit).since(replay.survey().window().from);
    let running = replay.start_observed(collector, Marking::Line)?;
    let interrupted = progress::watch(&running, "why");
    let finished = running.join()?;
    let kept = finished.observer.kept().iter();
    let mut incidents: Vec<_> = kept.map(|incident| IncidentReport::new(incident, Marking::Line)).collect();
    frames::fill(path, &mut incidents);
    Ok(Found {
        source: path.display().to_string(),
        count: finished.observer.count(),
        incidents,
        never_live: never_live(&finished),
        interrupted,
        damage: finished.damage.iter().map(|fault| damage(path, fault)).collect(),
    })
}

/// A book that began with no snapshot cannot break.
fn never_live(finished: &Finished<Collector>) -> Vec<String> {
    let never = |book: &&touchline::BookReport| book.counters.received > 0 && book.epoch == 0;
    let name = |book: &touchline::BookReport| format!("{}:{}", book.instrument.venue, book.instrument.name);
    finished.books.iter().filter(never).map(name).collect()
}
