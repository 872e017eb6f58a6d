//! Books, one by one, as far as they are subscribed to.

use std::time::{SystemTime, UNIX_EPOCH};

use touchline::market::{Nanos, Reason, State};
use touchline::{BookReport, Counters, FeedReport};

use super::{Subscribed, subscribed};
use crate::family::{Family, Labels, Value, labels};

/// Leads below 2^10 ns (1 µs) are one bucket, then each bucket is four times as wide as the one before, to 2^30 ns (1 s).
const LEAD_BITS: [usize; 11] = [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];

/// A book that is subscribed to.
struct Book<'a> {
    labels: Labels,
    report: &'a BookReport,
}

pub(super) fn families(report: &FeedReport, now: SystemTime) -> Vec<Family> {
    let subscribed = subscribed(report);
    let book = |one: &Subscribed<'_>| labels![venue = one.instrument.venue, instrument = one.name];
    let with = |books_only: bool| -> Vec<Book<'_>> {
        let there = subscribed.iter().filter(|one| one.has_book() || !books_only);
        there.filter_map(|one| Some(Book { labels: book(one), report: one.report? })).collect()
    };
    let (books, all) = (with(true), with(false));
    let mut families = states(&books, now);
    families.extend(counters(&books));
    families.push(messages(&books));
    families.push(by(
        Family::counter("touchline_book_checksums_total", "Messages by what their checksum showed"),
        &books,
        "outcome",
        |book| {
            let counters = &book.counters;
            vec![
                ("pass", counters.checksum_pass),
                ("fail", counters.checksum_fail),
                ("absent", counters.checksum_absent),
            ]
        },
    ));
    families.push(by(
        Family::counter(
            "touchline_instrument_messages_total",
            "Messages that came beside a book, by channel",
        ),
        &all,
        "channel",
        |book| {
            let counts = book.channels;
            vec![("bbo", counts.bbos), ("trade", counts.trades), ("other", counts.others)]
        },
    ));
    families.extend(paths(&books));
    families
}

fn states(books: &[Book<'_>], now: SystemTime) -> Vec<Family> {
    let gauge = |name, help, value: fn(&BookReport) -> Value| {
        Family::gauge(name, help).of(books, |book| (book.labels.clone(), value(book.report)))
    };
    let mut families = vec![
        by(
            Family::gauge("touchline_book_state", "1 for the state that a book is in, 0 for the others"),
            books,
            "state",
            |book| {
                let names = ["init", "syncing", "live", "stale", "dead"];
                let place = usize::from(book.state.to_bytes()[0]);
                names.into_iter().enumerate().map(|(n, name)| (name, u64::from(n == place))).collect()
            },
        ),
        by(
            Family::gauge(
                "touchline_book_untrusted",
                "1 for the reason why a book is stale or dead, 0 for the others",
            ),
            books,
            "reason",
            |book| {
                let present = match book.state {
                    State::Stale(reason) | State::Dead(reason) => Some(reason),
                    State::Init | State::Syncing | State::Live => None,
                };
                reasons().map(|reason| (reason.name(), u64::from(present == Some(reason)))).collect()
            },
        ),
        by(
            Family::counter(
                "touchline_book_lapses_total",
                "Times that a book was LIVE and ceased to be, by reason",
            ),
            books,
            "reason",
            |book| reasons().map(Reason::name).zip(book.lapses).collect(),
        ),
        gauge(
            "touchline_book_epoch",
            "How often a book was begun anew, its first beginning included",
            |book| book.epoch.into(),
        ),
        gauge("touchline_book_sequence", "A book's last sequence, as its view shows it", |book| {
            book.sequence.0.into()
        }),
        gauge("touchline_book_buffered_messages", "Messages that wait for a snapshot", |book| {
            book.buffered.into()
        }),
        gauge(
            "touchline_book_held_messages",
            "Messages that wait for another path to bring what is missing",
            |book| book.held.into(),
        ),
    ];
    families.push(by(Family::gauge("touchline_book_levels", "Levels of a book"), books, "side", |book| {
        let [bids, asks] = book.levels.map(|levels| levels as u64);
        vec![("bid", bids), ("ask", asks)]
    }));
    let mut age = Family::gauge(
        "touchline_book_age_seconds",
        "How long ago the newest message that a book holds was received",
    );
    for book in books {
        if let Some(seconds) = age_of(book.report.updated, now) {
            age.samples.push((book.labels.clone(), Value::from(seconds)));
        }
    }
    families.push(age);
    families
}

/// Every reason that a book can have: only a read is ever busy.
fn reasons() -> impl Iterator<Item = Reason> {
    Reason::ALL.into_iter().filter(|reason| *reason != Reason::Busy)
}

/// `None` while nothing has come.
fn age_of(updated: Nanos, now: SystemTime) -> Option<f64> {
    let updated = updated.get()?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Some(now.saturating_sub(u128::from(updated)) as f64 / 1e9)
}

fn counters(books: &[Book<'_>]) -> Vec<Family> {
    type Count = fn(&BookReport) -> u64;
    let counts: [(&'static str, &'static str, Count); 11] = [
        ("touchline_book_received_total", "Messages handed to a book", |book| book.counters.received),
        ("touchline_book_snapshots_total", "Snapshots that took effect", |book| book.counters.snapshots),
        (
            "touchline_book_resyncs_total",
            "Times that a book was begun anew after its first beginning",
            |book| u64::from(book.epoch.saturating_sub(1)),
        ),
        ("touchline_book_gaps_total", "Holes in the sequence", |book| book.counters.gaps),
        ("touchline_book_resets_total", "Times that the venue began to count anew", |book| {
            book.counters.resets
        }),
        ("touchline_book_disproved_total", "Snapshots that the stream disproved or did not reach", |book| {
            book.counters.disproved
        }),
        (
            "touchline_book_overflows_total",
            "Times that the buffer for messages before a snapshot was full",
            |book| book.counters.overflows,
        ),
        ("touchline_book_breaks_total", "Breaks of a book's stream", |book| book.counters.breaks),
        (
            "touchline_book_crossed_total",
            "Messages after which the best bid was above the best ask",
            |book| book.counters.crossed,
        ),
        ("touchline_book_locked_total", "Messages after which the best bid was the best ask", |book| {
            book.counters.locked
        }),
        ("touchline_book_unknown_levels_total", "Removals of levels that were not there", |book| {
            book.counters.unknown_level
        }),
    ];
    let families = counts.into_iter().map(|(name, help, count)| {
        Family::counter(name, help).of(books, |book| (book.labels.clone(), count(book.report)))
    });
    families.collect()
}

/// The headings under which every message of a book stands once.
fn headings(counters: &Counters) -> Vec<(&'static str, u64)> {
    vec![
        ("snapshot", counters.snapshots),
        ("update", counters.updates),
        ("stale", counters.stale),
        ("too old", counters.too_old),
        ("ignored snapshot", counters.ignored_snapshots),
        ("unwanted", counters.unwanted),
        ("rejected", counters.rejected),
        ("dropped", counters.dropped),
    ]
}

fn messages(books: &[Book<'_>]) -> Family {
    let family = Family::counter(
        "touchline_book_messages_total",
        "What became of a book's messages, those that still wait aside",
    );
    by(family, books, "outcome", |book| headings(&book.counters))
}

/// The family with several samples a book, told apart by one more label.
fn by(
    mut family: Family,
    books: &[Book<'_>],
    label: &'static str,
    values: impl Fn(&BookReport) -> Vec<(&'static str, u64)>,
) -> Family {
    for book in books {
        for (name, value) in values(book.report) {
            let mut labels = book.labels.clone();
            labels.push((label, name.to_owned()));
            family.samples.push((labels, Value::from(value)));
        }
    }
    family
}

/// What each path has brought, where several bring a book.
fn paths(books: &[Book<'_>]) -> Vec<Family> {
    type Count = fn(&touchline::PathFigures) -> u64;
    let counts: [(&'static str, &'static str, Count); 5] = [
        ("touchline_book_path_messages_total", "Messages that a path brought of a book", |path| {
            path.messages
        }),
        ("touchline_book_path_wins_total", "Deltas that a path was the first to bring", |path| path.wins),
        ("touchline_book_path_stale_total", "Deltas of a path that were known already", |path| path.stale),
        ("touchline_book_path_losses_total", "Holes in a path that another one had filled", |path| {
            path.losses
        }),
        ("touchline_book_path_breaks_total", "Breaks of a path", |path| path.breaks),
    ];
    let each =
        || books.iter().flat_map(|book| book.report.paths.iter().enumerate().map(move |path| (book, path)));
    let labels = |book: &Book<'_>, number: usize| {
        let mut labels = book.labels.clone();
        labels.push(("path", number.to_string()));
        labels
    };
    let mut families: Vec<_> = counts
        .into_iter()
        .map(|(name, help, count)| {
            let mut family = Family::counter(name, help);
            family
                .samples
                .extend(each().map(|(book, (n, path))| (labels(book, n), Value::from(count(path)))));
            family
        })
        .collect();
    let mut leads = Family::histogram(
        "touchline_book_path_lead_seconds",
        "How much earlier a path's wins came than the next path's copy; the sum is right to a quarter",
    );
    leads.samples.extend(each().map(|(book, (n, path))| (labels(book, n), lead(path.leads.classes()))));
    families.push(leads);
    families
}

/// Leads by powers of two of a nanosecond, as a histogram. Each counts as three quarters of its class's end.
fn lead(classes: &[u64]) -> Value {
    let mut buckets: Vec<_> = LEAD_BITS.iter().map(|bits| ((1_u64 << bits) as f64 / 1e9, 0)).collect();
    buckets.push((f64::INFINITY, 0));
    let mut sum = 0.0;
    for (class, &count) in classes.iter().enumerate() {
        let place = LEAD_BITS.iter().position(|bits| class <= *bits).unwrap_or(LEAD_BITS.len());
        if let Some((_, bucket)) = buckets.get_mut(place) {
            *bucket += count;
        }
        sum += count as f64 * 0.75 * (1_u64 << class.min(62)) as f64 / 1e9;
    }
    Value::Histogram { sum, buckets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn find<'a>(families: &'a [Family], name: &str) -> &'a Family {
        families.iter().find(|family| family.name == name).unwrap()
    }

    /// What a stale book shows: its state and reason alone are 1, its lapses stand under their reason, its age is ours
    /// minus the receipt of its newest message.
    #[test]
    fn a_stale_book_says_why() {
        let mut report = samples::report(1);
        report.books[0].state = State::Stale(Reason::Gap);
        report.books[0].lapses[Reason::Gap as usize - 1] = 3;
        report.books[0].updated = Nanos(10_000_000_000);
        let families = families(&report, UNIX_EPOCH + std::time::Duration::from_millis(12_500));
        let ones = |name| -> Vec<_> {
            let samples = find(&families, name).samples.iter().filter(|(_, value)| *value != Value::Whole(0));
            samples.map(|(labels, value)| (labels[2].1.as_str(), value.clone())).collect()
        };
        assert_eq!(ones("touchline_book_state"), [("stale", Value::Whole(1))]);
        assert_eq!(ones("touchline_book_untrusted"), [("gap", Value::Whole(1))]);
        assert_eq!(ones("touchline_book_lapses_total"), [("gap", Value::Whole(3))]);
        assert_eq!(find(&families, "touchline_book_age_seconds").samples[0].1, Value::Real(2.5));
    }

    /// The headings of a book's messages add up to what it received.
    #[test]
    fn headings_add_up() {
        let report = samples::report(1);
        let counters = report.books[0].counters;
        let sum: u64 = headings(&counters).iter().map(|(_, count)| count).sum();
        assert!(sum > 0 && counters.balance(0));
        assert_eq!(sum, counters.received);
    }

    /// Instruments without a book have no state; those that nobody subscribes to any more have nothing.
    #[test]
    fn only_what_is_subscribed_to_is_shown() {
        let mut report = samples::report(3);
        report.subscriptions[0].channels = vec![touchline::market::Channel::Trade];
        report.subscriptions.remove(2);
        let families = families(&report, UNIX_EPOCH);
        let names = |name| -> Vec<_> {
            find(&families, name).samples.iter().map(|(labels, _)| labels[1].1.clone()).collect()
        };
        assert_eq!(names("touchline_book_epoch"), ["I1"]);
        assert_eq!(names("touchline_instrument_messages_total"), ["I0", "I0", "I0", "I1", "I1", "I1"]);
    }

    /// Every lead is in the bucket it belongs to, at each edge.
    #[test]
    fn leads_keep_their_places() {
        let mut classes = [0; 40];
        // Below 1 ns; just below and from 2^10 ns; beyond 2^30 ns.
        (classes[0], classes[10], classes[11], classes[31], classes[39]) = (1, 2, 4, 8, 16);
        let Value::Histogram { buckets, sum } = lead(&classes) else { panic!("no histogram") };
        assert_eq!(
            buckets.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
            [3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24]
        );
        assert!(buckets.is_sorted_by(|one, other| one.0 < other.0) && sum > 24.0);
    }
}
