//! The incidents that a feed wrote into a folder.

use std::path::Path;

use touchline::flight::IncidentReport;
use touchline::market::{Address, What};

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
            Ok(report) if arguments.book.as_ref().is_none_or(|book| is_of(&report, book)) => {
                found.incidents.push(report);
            }
            Ok(_) => {}
            Err(fault) => found.damage.push(fault),
        }
    }
    found.incidents.sort_by_key(|report| report.at_ns);
    found.count = found.incidents.len() as u64;
    found.incidents.truncate(usize::try_from(arguments.limit).unwrap_or(usize::MAX));
    Ok(found)
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
