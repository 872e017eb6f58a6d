//! The incidents that a feed wrote into a folder.

use std::path::Path;

use touchline::flight::IncidentReport;
use touchline::market::{Address, Nanos, What};
use touchline::{Error, Point};

use super::Found;
use crate::arguments::Why;
use crate::exit::Failure;

/// Reads every incident of a folder, the oldest first. Other files than `*.json` are none of ours.
pub(super) fn read(arguments: &Why) -> Result<Found, Failure> {
    let folder = &arguments.source;
    if arguments.venue.is_some() {
        let text = format!("--venue says how a recording is read; {} is a folder", folder.display());
        return Err(Failure::Usage(text));
    }
    if arguments.part.warm_up.is_some() {
        let text =
            format!("--warm-up says how much of a recording is read; {} is a folder", folder.display());
        return Err(Failure::Usage(text));
    }
    let from = moment(arguments.part.from, "--from", folder)?.unwrap_or(Nanos(0));
    let to = moment(arguments.part.to, "--to", folder)?.unwrap_or(Nanos(u64::MAX));
    if to <= from {
        return Err(Error::Backwards { from, to }.into());
    }
    let is_asked = |report: &IncidentReport| {
        let during = from.0 <= report.at_ns && report.at_ns < to.0;
        during && arguments.book.as_ref().is_none_or(|book| is_of(report, book))
    };
    let mut found = Found { source: folder.display().to_string(), ..Found::default() };
    let mut paths = Vec::new();
    match std::fs::read_dir(folder) {
        Ok(entries) => paths.extend(entries.flatten().map(|entry| entry.path())),
        Err(error) => found.damage.push(format!("cannot read {}: {error}", folder.display())),
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    for path in paths {
        match one(&path) {
            Ok(report) if is_asked(&report) => found.incidents.push(report),
            Ok(_) => {}
            Err(fault) => found.damage.push(fault),
        }
    }
    found.incidents.sort_by_key(|report| report.at_ns);
    found.count = found.incidents.len() as u64;
    found.incidents.truncate(usize::try_from(arguments.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// A moment by the wall clock: a folder has no beginning to count from.
fn moment(point: Option<Point>, option: &str, folder: &Path) -> Result<Option<Nanos>, Failure> {
    match point {
        None => Ok(None),
        Some(Point::At(at)) => Ok(Some(at)),
        Some(Point::After(_)) => {
            let text = format!(
                "{option} HH:MM:SS counts from a recording's beginning; {} is a folder: write \
                 2024-08-08T23:54:15.5Z or nanoseconds since 1970",
                folder.display()
            );
            Err(Failure::Usage(text))
        }
    }
}

fn one(path: &Path) -> Result<IncidentReport, String> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    IncidentReport::parse(&text).ok_or_else(|| format!("{} is no incident's file", path.display()))
}

/// Is it an incident of this book?
fn is_of(report: &IncidentReport, book: &Address) -> bool {
    let Some((venue, name)) = report.instrument.split_once(':') else { return false };
    venue == book.venue.as_str()
        && match &book.what {
            What::Name(asked) => name == asked,
            What::Symbol(asked) => report.symbol == *asked,
        }
}
