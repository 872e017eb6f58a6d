//! Every metric there is: what a report holds, as families.
//!
//! Durations are in seconds, sizes in bytes. Every family is there in every page, with or without samples.

mod books;
mod connections;
mod feed;
mod journal;
mod latency;
mod process;

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use touchline::market::{Channel, Instrument};
use touchline::{BookReport, FeedReport};

use crate::family::Family;
use crate::logs::escaped;
pub(crate) use latency::Latencies;
pub(crate) use process::Process;

/// All families: of the process, and of the feed if it answered.
pub(crate) fn all(
    report: Option<&FeedReport>,
    ready: bool,
    latencies: &Latencies,
    process: &Process,
    now: SystemTime,
) -> Vec<Family> {
    let silent = FeedReport::default();
    let (up, report) = (report.is_some(), report.unwrap_or(&silent));
    let mut families = process::families(process);
    families.extend(feed::families(report, up, ready));
    families.extend(connections::families(report));
    families.extend(books::families(report, now));
    families.extend(journal::families(report));
    families.push(latencies.family());
    families
}

/// An instrument that is subscribed to.
pub(crate) struct Subscribed<'a> {
    pub(crate) instrument: &'a Instrument,
    /// Its name, unique at its venue; escaped and cut, for it is the venue's text.
    pub(crate) name: String,
    pub(crate) channels: &'a [Channel],
    /// How it stands; `None` in the moment before its book is there.
    pub(crate) report: Option<&'a BookReport>,
}

impl Subscribed<'_> {
    /// Is its book subscribed to?
    pub(crate) fn has_book(&self) -> bool {
        self.channels.contains(&Channel::Book)
    }
}

/// Everything that is subscribed to. Two instruments of a venue whose names look the same bear their symbols; if these
/// look the same too, their places.
pub(crate) fn subscribed(report: &FeedReport) -> Vec<Subscribed<'_>> {
    let books: HashMap<_, _> = report.books.iter().map(|book| (key(&book.instrument), book)).collect();
    let mut names = HashSet::new();
    let subscribed = report.subscriptions.iter().enumerate().map(|(place, wanted)| {
        let instrument = &*wanted.instrument;
        let (name, symbol) = (escaped(&instrument.name), format!("@{}", escaped(&instrument.symbol)));
        let numbered = (place..).map(|place| format!("{symbol}#{place}"));
        let mut all = [name, symbol.clone()].into_iter().chain(numbered);
        let new = |name: &String| !name.is_empty() && names.insert((instrument.venue, name.clone()));
        Subscribed {
            instrument,
            name: all.find(new).unwrap_or(symbol),
            channels: &wanted.channels,
            report: books.get(&key(instrument)).copied(),
        }
    });
    subscribed.collect()
}

fn key(instrument: &Instrument) -> (touchline::market::Venue, &str) {
    (instrument.venue, &instrument.symbol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    /// Two instruments of one name: the second bears its symbol. Each has its own book.
    #[test]
    fn names_are_unique() {
        let mut report = samples::report(3);
        let instrument = Instrument { name: "I0".to_owned(), ..(*report.books[2].instrument).clone() };
        report.subscriptions[2].instrument = std::sync::Arc::new(instrument);
        let subscribed = subscribed(&report);
        let names: Vec<_> = subscribed.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["I0", "I1", "@S2"]);
        assert!(
            subscribed
                .iter()
                .all(|one| one.report.is_some_and(|book| book.instrument.symbol == one.instrument.symbol))
        );
    }

    /// No family twice, each with a help text that ends without a full stop, and with a name of the right form.
    #[test]
    fn every_family_is_described_once() {
        let report = samples::report(2);
        let families = all(Some(&report), true, &Latencies::default(), &Process::now(), SystemTime::now());
        let names: HashSet<_> = families.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), families.len());
        for family in &families {
            assert!(
                family.help.len() > 10 && !family.help.ends_with('.'),
                "{}: {}",
                family.name,
                family.help
            );
            assert!(
                family.name.starts_with("touchline_") || family.name.starts_with("process_"),
                "{}",
                family.name
            );
            assert!(family.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", family.name);
        }
    }

    /// Of a feed that does not answer there is the process, and that the feed is not up; every family is described.
    #[test]
    fn a_silent_feed_has_no_samples() {
        let report = samples::report(2);
        let all = |report| all(report, false, &Latencies::default(), &Process::now(), SystemTime::now());
        let (silent, answering) = (all(None), all(Some(&report)));
        assert_eq!(silent.len(), answering.len());
        let with_samples: Vec<_> = silent.iter().filter(|family| !family.samples.is_empty()).collect();
        for family in &with_samples {
            let own = [
                "touchline_build_info",
                "touchline_feed_up",
                "touchline_feed_ready",
                "touchline_stage_latency_seconds",
            ];
            assert!(family.name.starts_with("process_") || own.contains(&family.name), "{}", family.name);
        }
        let empty: Vec<_> =
            answering.iter().filter(|family| family.samples.is_empty()).map(|family| family.name).collect();
        assert_eq!(empty, Vec::<&str>::new());
    }
}
