//! HdrHistogram interval logs (`.hlog`), version 1.3: one of a whole run, or one that grows while a feed runs.
//!
//! Each stage and kind that has values is a line of its own, tagged `stage.kind`: its start (seconds since the base
//! time), its length in seconds, its maximum in milliseconds (the tools' custom), and the histogram, V2 compressed, in
//! base64. Values are nanoseconds.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use super::summary::{date, printable};
use super::{MessageKind, Recorder, Report, Stage};

/// The whole file of a report: the run is one interval.
pub(super) fn bytes(report: &Report) -> io::Result<Vec<u8>> {
    let info = report.info();
    let about = format!("Latency of {}, in nanoseconds, by touchline", info.recording);
    let omission = info.omission.sentence(info.placement);
    let mut log = IntervalLog::begin(Vec::new(), info.started, &[&about, omission])?;
    log.append(&report.recorder, Duration::ZERO, info.wall)?;
    Ok(log.out)
}

/// An interval log that grows: once a second, say, it is given what was recorded since the last time.
///
/// An interval goes to the sink in one write and is flushed. A process that is killed loses what it had recorded since
/// its last [`append`](Self::append) and no more; a machine that loses its power loses what its system had not written
/// to disk yet. Memory is that of one interval's text: some kilobytes.
///
/// A second of a busy feed is some 20 lines of 0.3 to 2 KB each.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use touchline::latency::{IntervalLog, MessageKind, Recorder, Stage};
///
/// let mut log = IntervalLog::begin(Vec::new(), SystemTime::now(), &["Latency of a feed, in nanoseconds"])?;
/// let mut second = Recorder::new();
/// second.record(Stage::Parse, MessageKind::Delta, 412);
/// log.append(&second, Duration::ZERO, Duration::from_secs(1))?;
/// second.reset();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct IntervalLog<W> {
    out: W,
    /// The text of one interval.
    text: Vec<u8>,
    payload: Vec<u8>,
    serializer: V2DeflateSerializer,
    /// The last write failed: a part of it may stand in the sink.
    torn: bool,
}

impl<W> std::fmt::Debug for IntervalLog<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntervalLog").field("torn", &self.torn).finish_non_exhaustive()
    }
}

impl<W: Write> IntervalLog<W> {
    /// Writes the head of a log that began at `started`. `about` is for people: each text is a comment.
    ///
    /// # Errors
    /// What the sink says.
    pub fn begin(mut out: W, started: SystemTime, about: &[&str]) -> io::Result<Self> {
        let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs_f64();
        let mut text = Vec::new();
        for line in about {
            writeln!(text, "#[{}]", printable(line))?;
        }
        writeln!(text, "#[Histogram log format version 1.3]")?;
        writeln!(text, "#[StartTime: {seconds:.3} (seconds since epoch), {}]", date(since.as_secs()))?;
        writeln!(text, "#[BaseTime: {seconds:.3} (seconds since epoch)]")?;
        writeln!(
            text,
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
        )?;
        writeln!(text, "#[MaxValueDivisor: 1000000.000]")?;
        out.write_all(&text)?;
        out.flush()?;
        Ok(Self { out, text, payload: Vec::new(), serializer: V2DeflateSerializer::new(), torn: false })
    }

    /// Adds what was recorded in the interval that began `start` after the log did and took `length`: a line for each
    /// stage and kind that has values, nothing if none has. After an error the log stays usable: readers lose the
    /// interval that failed and no other.
    ///
    /// # Errors
    /// What the sink says.
    pub fn append(&mut self, interval: &Recorder, start: Duration, length: Duration) -> io::Result<()> {
        self.text.clear();
        if self.torn {
            self.text.push(b'\n');
        }
        for stage in Stage::ALL {
            for kind in MessageKind::ALL {
                let histogram = interval.histogram(stage, kind);
                if histogram.is_empty() {
                    continue;
                }
                self.payload.clear();
                self.serializer
                    .serialize(histogram, &mut self.payload)
                    .map_err(|error| io::Error::other(error.to_string()))?;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "at most 60 s in nanoseconds, exact in 53 bits"
                )]
                let max_ms = histogram.max() as f64 / 1e6;
                writeln!(
                    self.text,
                    "Tag={}.{},{:.3},{:.3},{max_ms:.3},{}",
                    stage.name(),
                    kind.name(),
                    start.as_secs_f64(),
                    length.as_secs_f64(),
                    STANDARD.encode(&self.payload)
                )?;
            }
        }
        let written = self.out.write_all(&self.text).and_then(|()| self.out.flush());
        self.torn = written.is_err();
        written
    }

    /// The sink.
    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
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

    /// The intervals of a log: tag, start and length in milliseconds, histogram.
    fn intervals(log: &[u8]) -> Vec<(String, u128, u128, Histogram<u64>)> {
        IntervalLogIterator::new(log)
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(line) => {
                    let payload = STANDARD.decode(line.encoded_histogram()).unwrap();
                    let histogram = Deserializer::new().deserialize(&mut payload.as_slice()).unwrap();
                    let (start, length) = (line.start_timestamp().as_millis(), line.duration().as_millis());
                    Some((line.tag().unwrap().to_string(), start, length, histogram))
                }
                _ => None,
            })
            .collect()
    }

    #[test]
    fn each_interval_holds_its_own_second() {
        // Three seconds, the middle one silent: two intervals with the values of their second alone.
        let started = UNIX_EPOCH + Duration::from_secs(1_723_120_496);
        let mut log = IntervalLog::begin(Vec::new(), started, &["a test"]).unwrap();
        let mut second = Recorder::new();
        for (start, nanos) in [(0, Some(100)), (1, None), (2, Some(70_000))] {
            second.reset();
            if let Some(nanos) = nanos {
                second.record(Stage::EndToEnd, MessageKind::Delta, nanos);
                second.record(Stage::Parse, MessageKind::Trade, nanos);
            }
            log.append(&second, Duration::from_secs(start), Duration::from_millis(1_001)).unwrap();
        }
        let found = intervals(&log.into_inner());
        let shown: Vec<_> = found
            .iter()
            .map(|(tag, start, length, h)| (tag.as_str(), *start, *length, h.len(), h.min()))
            .collect();
        assert_eq!(shown[..2], [("parse.trade", 0, 1_001, 1, 100), ("end_to_end.delta", 0, 1_001, 1, 100)]);
        assert_eq!(
            shown[2..].iter().map(|s| (s.0, s.1, s.3)).collect::<Vec<_>>(),
            [("parse.trade", 2_000, 1), ("end_to_end.delta", 2_000, 1)]
        );
        assert_eq!(found[2].3.max(), second.histogram(Stage::Parse, MessageKind::Trade).max());
    }

    /// A sink that takes every interval whole, or half of it and then fails; what it was flushed with is `seen`.
    #[derive(Default)]
    struct Failing {
        taken: Vec<u8>,
        seen: usize,
        fails: bool,
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::take(&mut self.fails) {
                self.taken.extend_from_slice(&bytes[..bytes.len() / 2]);
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.seen = self.taken.len();
            Ok(())
        }
    }

    #[test]
    fn a_failed_write_loses_one_interval() {
        // The second of three is cut in its middle: the first and the third decode, the torn line stands alone.
        let mut log = IntervalLog::begin(Failing::default(), UNIX_EPOCH, &[]).unwrap();
        let mut second = Recorder::new();
        second.record(Stage::Parse, MessageKind::Bbo, 100);
        let length = Duration::from_secs(1);
        log.append(&second, Duration::from_secs(0), length).unwrap();
        log.out.fails = true;
        assert!(log.append(&second, Duration::from_secs(1), length).is_err());
        log.append(&second, Duration::from_secs(2), length).unwrap();
        assert_eq!(log.out.seen, log.out.taken.len(), "every interval is flushed");
        let text = String::from_utf8(log.into_inner().taken).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("Tag=")).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].len() < lines[0].len() && lines[2].starts_with("Tag=parse.bbo,2.000,1.000,"));
    }
}
