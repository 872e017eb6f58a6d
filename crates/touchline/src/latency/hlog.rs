//! The histograms themselves, as an HdrHistogram interval log (`.hlog`), version 1.3.
//!
//! The whole run is one interval. Each stage and kind that has values is a line of its own, tagged `stage.kind`: its
//! start (seconds since the base time), its length in seconds, its maximum in milliseconds (the tools' custom), and the
//! histogram, V2 compressed, in base64. Values are nanoseconds.

use std::io::{self, Write as _};
use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::summary::{date, printable};
use super::{MessageKind, Report, Stage};

/// The whole file.
pub(super) fn bytes(report: &Report) -> io::Result<Vec<u8>> {
    let info = report.info();
    let since = Duration::from_nanos(u64::try_from(info.started_ns()).unwrap_or(0));
    let seconds = since.as_secs_f64();
    let mut log = Vec::new();
    writeln!(log, "#[Latency of {}, in nanoseconds, by touchline]", printable(&info.recording))?;
    writeln!(log, "#[{}]", info.omission.sentence(info.placement))?;
    writeln!(log, "#[Histogram log format version 1.3]")?;
    writeln!(log, "#[StartTime: {seconds:.3} (seconds since epoch), {}]", date(since.as_secs()))?;
    writeln!(log, "#[BaseTime: {seconds:.3} (seconds since epoch)]")?;
    writeln!(
        log,
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
    )?;

    let mut serializer = V2DeflateSerializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(1e6)
        .begin_log_with(&mut log, &mut serializer)?;
    for stage in Stage::ALL {
        for kind in MessageKind::ALL {
            let histogram = report.recorder.histogram(stage, kind);
            if histogram.is_empty() {
                continue;
            }
            let tag = format!("{}.{}", stage.name(), kind.name());
            writer
                .write_histogram(histogram, Duration::ZERO, info.wall, Tag::new(&tag))
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::super::samples;
    use super::*;

    #[test]
    fn every_histogram_decodes_to_what_was_recorded() {
        // Reads the log back with the format's own reader: every tag once, every histogram equal, times kept.
        let report = samples::report();
        let log = bytes(&report).unwrap();
        let mut tags = Vec::new();
        for entry in IntervalLogIterator::new(&log) {
            match entry.unwrap() {
                LogEntry::StartTime(start) | LogEntry::BaseTime(start) => {
                    assert_eq!(start, Duration::from_secs(1_723_120_496));
                }
                LogEntry::Interval(interval) => {
                    assert_eq!(interval.duration(), report.info().wall);
                    let payload = STANDARD.decode(interval.encoded_histogram()).unwrap();
                    let histogram: Histogram<u64> =
                        Deserializer::new().deserialize(&mut payload.as_slice()).unwrap();
                    let tag = interval.tag().unwrap().as_str().to_owned();
                    let (stage, kind) = tag.split_once('.').unwrap();
                    let stage = Stage::ALL.into_iter().find(|s| s.name() == stage).unwrap();
                    let kind = MessageKind::ALL.into_iter().find(|k| k.name() == kind).unwrap();
                    assert_eq!(&histogram, report.recorder.histogram(stage, kind), "{tag}");
                    assert!((interval.max() - histogram.max() as f64 / 1e6).abs() < 0.001);
                    tags.push(tag);
                }
            }
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 22);
    }

    #[test]
    fn a_foreign_name_stays_inside_its_comment() {
        // A newline in the name must not begin a line of its own.
        let mut report = samples::report();
        report.info.recording = "a\nTag=x,0,0,0,HIST\r".to_owned();
        let log = String::from_utf8(bytes(&report).unwrap()).unwrap();
        assert!(
            log.lines().skip(6).all(|line| line.starts_with("Tag=") || line.starts_with("#[MaxValueDivisor"))
        );
        assert_eq!(log.lines().filter(|line| line.starts_with("Tag=x")).count(), 0);
    }
}
