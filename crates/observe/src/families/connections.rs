//! What becomes of connections: one by one as they are now, and added up by venue and path.

use touchline::feed::Phase;
use touchline::{ConnectionCounters, ConnectionReport, FeedReport};

use super::feed::of_path;
use crate::family::{Family, Labels, Value, labels};

/// Every phase with its name.
const PHASES: [(Phase, &str); 5] = [
    (Phase::Closed, "closed"),
    (Phase::Waiting, "waiting"),
    (Phase::Connecting, "connecting"),
    (Phase::Subscribing, "subscribing"),
    (Phase::Live, "live"),
];

pub(super) fn families(report: &FeedReport) -> Vec<Family> {
    let connections = &report.connections;
    let mut families = lives(report);
    families.extend([
        phases(connections),
        Family::gauge("touchline_connection_streams", "Streams subscribed to on a connection")
            .of(connections, |one| (of(one), one.streams)),
        Family::gauge(
            "touchline_connection_streams_acknowledged",
            "Those of them that the venue has acknowledged",
        )
        .of(connections, |one| (of(one), one.acknowledged)),
        Family::gauge(
            "touchline_connection_standby",
            "Whether another connection stands for its streams: it takes over or was taken over from",
        )
        .of(connections, |one| (of(one), one.standby)),
        Family::gauge(
            "touchline_connection_retry_seconds",
            "How long until it tries again; 0 if it does not wait for that",
        )
        .of(connections, |one| (of(one), one.retry_in.unwrap_or_default().as_secs_f64())),
        outcomes(connections),
    ]);
    families
}

/// What connections went through, by venue and path, those that are gone included.
fn lives(report: &FeedReport) -> Vec<Family> {
    type Count = fn(&ConnectionCounters) -> u64;
    let counts: [(&'static str, &'static str, Count); 8] = [
        ("touchline_connect_attempts_total", "Attempts to connect", |counts| counts.attempts),
        ("touchline_connects_total", "Attempts that gave an open socket", |counts| counts.opened),
        ("touchline_reconnects_total", "Connects that were not the first of their connection", |counts| {
            counts.reopened
        }),
        ("touchline_connect_failures_total", "Attempts that failed", |counts| counts.refused),
        ("touchline_disconnects_total", "Open sockets that ended", |counts| counts.ended),
        ("touchline_stalls_total", "Times that a connection or a stream was silent for too long", |counts| {
            counts.stalled
        }),
        ("touchline_stream_refusals_total", "Times that the venue refused a stream", |counts| {
            counts.rejected
        }),
        (
            "touchline_replacements_total",
            "Times that a connection was about to end and another one was opened in its place",
            |counts| counts.replaced,
        ),
    ];
    let families = counts.into_iter().map(|(name, help, count)| {
        Family::counter(name, help)
            .of(&report.paths, |path| (of_path(path.venue, path.path), count(&path.connections)))
    });
    families.collect()
}

fn phases(connections: &[ConnectionReport]) -> Family {
    let mut family = Family::gauge(
        "touchline_connection_phase",
        "1 for the phase that a connection is in, 0 for the others",
    );
    for one in connections {
        for (phase, name) in PHASES {
            let mut labels = of(one);
            labels.push(("phase", name.to_owned()));
            family.samples.push((labels, Value::from(one.phase == phase)));
        }
    }
    family
}

/// What became of each connection's frames.
fn outcomes(connections: &[ConnectionReport]) -> Family {
    let mut family =
        Family::counter("touchline_connection_frames_total", "What became of a connection's frames");
    for one in connections {
        let intake = &one.intake;
        let counts = [
            ("parsed", intake.parsed),
            ("ignored", intake.ignored_total()),
            ("rejected", intake.rejected_total()),
            ("dropped", intake.dropped),
        ];
        for (outcome, count) in counts {
            let mut labels = of(one);
            labels.push(("outcome", outcome.to_owned()));
            family.samples.push((labels, Value::from(count)));
        }
    }
    family
}

fn of(one: &ConnectionReport) -> Labels {
    labels![venue = one.venue, reader = one.reader, connection = one.number, path = one.path]
}
