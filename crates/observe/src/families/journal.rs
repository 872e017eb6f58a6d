//! What a feed writes down of itself.

use touchline::FeedReport;
use touchline::recorder::RecorderStatus;

use crate::family::Family;

pub(super) fn families(report: &FeedReport) -> Vec<Family> {
    type Count = fn(&RecorderStatus) -> u64;
    let status = report.recorder.as_ref();
    let counts: [(&'static str, &'static str, Count); 5] = [
        ("touchline_journal_entries_total", "Entries that stand in the journal", |status| status.entries),
        ("touchline_journal_bytes_total", "Bytes of the journal's files", |status| status.bytes_written),
        (
            "touchline_journal_lost_entries_total",
            "Entries that could not be written, recorded as gaps",
            |status| status.lost_entries,
        ),
        ("touchline_journal_lost_bytes_total", "Bytes of the entries that could not be written", |status| {
            status.lost_bytes
        }),
        ("touchline_journal_redacted_total", "Secrets that were replaced in the journal", |status| {
            status.redacted
        }),
    ];
    let counters =
        counts.into_iter().map(|(name, help, count)| Family::counter(name, help).alone(status.map(count)));
    let gauges = [
        Family::gauge("touchline_journal_failing", "Whether nothing can be written to the journal now")
            .alone(status.map(|status| status.failing_since.is_some())),
        Family::gauge(
            "touchline_journal_held_up_seconds",
            "How long the disk has held up the thread that writes",
        )
        .alone(status.map(|status| status.round_age.as_secs_f64())),
    ];
    counters.chain(gauges).collect()
}
