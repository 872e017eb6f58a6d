//! The feed as a whole: its rings, the hosts it asks, what came by each path.

use touchline::market::Venue;
use touchline::venue::{Ignored, ParseError};
use touchline::{FeedReport, IntakeCounters, PathReport};

use crate::family::{Family, Labels, Value, labels};

pub(super) fn families(report: &FeedReport, up: bool, ready: bool) -> Vec<Family> {
    let answered = |value: u64| up.then_some(value);
    let mut families = vec![
        Family::gauge("touchline_feed_up", "Whether every thread of the feed answered").alone(Some(up)),
        Family::gauge(
            "touchline_feed_ready",
            "Whether every subscription is acknowledged and every book LIVE",
        )
        .alone(Some(ready)),
        Family::gauge("touchline_feed_uptime_seconds", "How long the feed has run")
            .alone(up.then_some(report.wall.as_secs_f64())),
        Family::counter(
            "touchline_stray_updates_total",
            "Updates for no instrument: a defect if it is not 0",
        )
        .alone(answered(report.strays)),
    ];
    families.extend(intake(report));
    families.extend(rings(report));
    families.extend(hosts(report));
    families
}

/// What became of every frame, by venue and path.
fn intake(report: &FeedReport) -> Vec<Family> {
    type Count = fn(&IntakeCounters) -> u64;
    let counts: [(&'static str, &'static str, Count); 7] = [
        ("touchline_frames_received_total", "Frames, and REST responses about books", |counts| {
            counts.received
        }),
        ("touchline_frames_parsed_total", "Frames that gave updates", |counts| counts.parsed),
        ("touchline_frames_dropped_total", "Frames not parsed because a ring was full", |counts| {
            counts.dropped
        }),
        ("touchline_updates_total", "Updates that frames gave", |counts| counts.updates),
        (
            "touchline_updates_withheld_total",
            "Updates and breaks that another connection brings, or that nobody wants",
            |counts| counts.withheld,
        ),
        ("touchline_breaks_total", "Breaks sent to books", |counts| counts.breaks),
        (
            "touchline_connection_losses_total",
            "Times that a connection's own counter showed that messages were missing",
            |counts| counts.lost,
        ),
    ];
    let mut families: Vec<_> = counts
        .into_iter()
        .map(|(name, help, count)| {
            Family::counter(name, help)
                .of(&report.paths, |path| (of_path(path.venue, path.path), count(&path.intake)))
        })
        .collect();
    let ignored = Family::counter(
        "touchline_frames_ignored_total",
        "Frames understood and of no use to a book, by reason",
    );
    families.push(by_reason(ignored, &report.paths, |path| {
        Ignored::ALL.iter().map(|reason| reason.name()).zip(path.intake.ignored).collect()
    }));
    let rejected =
        Family::counter("touchline_frames_rejected_total", "Frames that could not be read, by reason");
    families.push(by_reason(rejected, &report.paths, |path| {
        ParseError::REASONS.iter().copied().zip(path.intake.rejected).collect()
    }));
    families
}

fn by_reason(
    mut family: Family,
    paths: &[PathReport],
    counts: impl Fn(&PathReport) -> Vec<(&'static str, u64)>,
) -> Family {
    for path in paths {
        for (reason, count) in counts(path) {
            let mut labels = of_path(path.venue, path.path);
            labels.push(("reason", reason.to_owned()));
            family.samples.push((labels, Value::from(count)));
        }
    }
    family
}

pub(super) fn of_path(venue: Venue, path: u8) -> Labels {
    labels![venue = venue, path = path]
}

fn rings(report: &FeedReport) -> [Family; 2] {
    let capacity = Family::gauge("touchline_ring_capacity_records", "Records that a ring has room for");
    let used = Family::gauge(
        "touchline_ring_used_records",
        "Records of a ring that are not known to be free: up to a quarter of its capacity more than wait",
    );
    let labels = |reader: usize, book_thread: usize| labels![reader = reader, book_thread = book_thread];
    [
        capacity.of(&report.rings, |ring| (labels(ring.reader, ring.book_thread), ring.capacity)),
        used.of(&report.rings, |ring| (labels(ring.reader, ring.book_thread), ring.used)),
    ]
}

fn hosts(report: &FeedReport) -> [Family; 4] {
    let hosts = &report.budgets;
    let of = |host: &touchline::feed::Budget| labels![host = host.host];
    [
        Family::gauge("touchline_rest_weight_used", "Weight of the requests of the last minute")
            .of(hosts, |host| (of(host), host.used)),
        Family::gauge("touchline_rest_weight_limit", "Weight that is spent a minute at most")
            .of(hosts, |host| (of(host), host.limit)),
        Family::gauge(
            "touchline_rest_requests_waiting",
            "Requests that wait for the budget or for their turn",
        )
        .of(hosts, |host| (of(host), host.waiting)),
        Family::gauge(
            "touchline_rest_held_seconds",
            "How long the host is still to be left alone, as it asked for",
        )
        .of(hosts, |host| (of(host), host.held_for.as_secs_f64())),
    ]
}
