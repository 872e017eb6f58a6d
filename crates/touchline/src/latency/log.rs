//! HdrHistogram interval logs, read: ours and those of other tools.
//!
//! The intervals of a tag are summed. A line that cannot be read is named and left out; every other line counts. What a
//! line may hold is bounded before it is believed: its length, what its histogram inflates to, and how many tags there
//! are.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogHistogram, IntervalLogIterator, LogEntry};
use hdrhistogram::serialization::{DeserializeError, Deserializer};

use super::Stage;

/// The longest line read, in bytes: far above what a histogram with five digits takes.
const LINE_BYTES_MAX: usize = 16 << 20;

/// The largest histogram read, in bytes when inflated.
const PAYLOAD_BYTES_MAX: u64 = 32 << 20;

/// Different tags at most: each is a histogram in memory.
const TAGS_MAX: usize = 500;

/// Values of one tag at most. Sums stay exact, and so does their arithmetic.
const VALUES_MAX: u64 = 1 << 53;

/// Faults kept with their cause; beyond that they are counted.
const FAULTS_KEPT: usize = 20;

/// The tag under which intervals without one are counted.
pub const UNTAGGED: &str = "untagged";

/// The first four bytes of a compressed histogram, and of one that is not.
const COMPRESSED: &[u8] = &[0x1c, 0x84, 0x93, 0x14];

/// Bytes of a histogram before its counts.
const HEAD_BYTES: usize = 40;

/// What is wrong with a log. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The line is none of the format's. Look there: another tool or a disk has written into the file.
    #[error("line {line} is no interval, comment or legend")]
    Line {
        /// The line.
        line: u64,
    },
    /// The last line has no end: its writer was stopped. The intervals before it are whole.
    #[error("line {line} is cut off: its writer was stopped there")]
    Cut {
        /// The line.
        line: u64,
    },
    /// A line longer than 16 MiB: this is another kind of file.
    #[error("line {line} is longer than 16 MiB: not an interval log")]
    TooLong {
        /// The line.
        line: u64,
    },
    /// The histogram is not base64.
    #[error("line {line}: its histogram is not base64: {source}")]
    Base64 {
        /// The line.
        line: u64,
        /// Where it is not.
        source: base64::DecodeError,
    },
    /// The histogram cannot be inflated.
    #[error("line {line}: its histogram cannot be inflated: {source}")]
    Inflate {
        /// The line.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// The histogram's bytes do not fit together.
    #[error("line {line}: its histogram cannot be read: {source}")]
    Histogram {
        /// The line.
        line: u64,
        /// Why.
        source: DeserializeError,
    },
    /// More than 500 different tags. Split the log by tag.
    #[error("line {line}: more than 500 tags")]
    Tags {
        /// The line that was left out.
        line: u64,
    },
    /// More values than can be recorded in a lifetime: the counts are no counts.
    #[error("line {line}: more than 2^53 values")]
    Values {
        /// The line that was left out.
        line: u64,
    },
    /// Nothing to compare: this is no interval log, or nothing was recorded in it.
    #[error("no interval in it: not an HdrHistogram interval log, or nothing was recorded")]
    Empty,
}

/// One interval of one tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Its middle, in seconds since the first interval of the log began.
    pub seconds: f64,
    /// The median, in nanoseconds.
    pub p50: u64,
    /// 99 % are at or below, in nanoseconds.
    pub p99: u64,
}

/// A log, summed by tag.
#[derive(Debug, Default)]
pub struct Log {
    /// Each tag's values. Where the tags are ours, `stage.kind`, each stage over all kinds stands beside them under its
    /// name.
    pub tags: BTreeMap<String, Histogram<u64>>,
    /// Each tag's intervals in the order of the log; empty if they were not asked for.
    pub moments: BTreeMap<String, Vec<Moment>>,
    /// When the log began, since 1970, if it says so.
    pub started: Option<Duration>,
    /// Intervals that were read.
    pub intervals: u64,
    /// The first 20 faults.
    pub faults: Vec<LogError>,
    /// Faults in all.
    pub fault_count: u64,
}

impl Log {
    /// Reads a log to its end. With `moments` each interval's median and 99th percentile are kept too, 24 bytes for
    /// each.
    ///
    /// # Errors
    /// What the source says. What is wrong with its content stands in [`faults`](Self::faults).
    pub fn read(mut source: impl BufRead, moments: bool) -> io::Result<Self> {
        let mut reading = Reading { moments, ..Reading::default() };
        let mut text = Vec::new();
        for line in 1_u64.. {
            text.clear();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = source.by_ref().take(limit).read_until(b'\n', &mut text)?;
            if read == 0 {
                break;
            }
            let whole = text.ends_with(b"\n");
            if read > LINE_BYTES_MAX && !whole {
                reading.fault(LogError::TooLong { line });
                break;
            }
            if !whole {
                text.push(b'\n');
            }
            if let Err(fault) = reading.line(line, &text) {
                // The writer may have stopped anywhere in the last line.
                reading.fault(if whole { fault } else { LogError::Cut { line } });
            }
        }
        Ok(reading.finish())
    }

    fn sum(&mut self, line: u64, tag: &str, histogram: &Histogram<u64>) -> Result<(), LogError> {
        let known = self.tags.get_mut(tag);
        if known.as_ref().map_or(0, |sum| sum.len()).saturating_add(histogram.len()) > VALUES_MAX {
            return Err(LogError::Values { line });
        }
        if let Some(sum) = known {
            // It grows to whatever the other holds.
            return sum.add(histogram).map_err(|_| LogError::Values { line });
        }
        if self.tags.len() >= TAGS_MAX && line > 0 {
            return Err(LogError::Tags { line });
        }
        let mut sum = histogram.clone();
        sum.auto(true);
        self.tags.insert(tag.to_owned(), sum);
        Ok(())
    }

    fn add_moment(&mut self, tag: &str, seconds: f64, histogram: &Histogram<u64>) {
        let (p50, p99) = (histogram.value_at_quantile(0.5), histogram.value_at_quantile(0.99));
        self.moments.entry(tag.to_owned()).or_default().push(Moment { seconds, p50, p99 });
    }
}

/// The stage of a tag of ours, `stage.kind`.
#[must_use]
pub fn stage_of(tag: &str) -> Option<Stage> {
    let (stage, _) = tag.split_once('.')?;
    Stage::ALL.into_iter().find(|known| known.name() == stage)
}

/// A log as far as it is read.
#[derive(Default)]
struct Reading {
    log: Log,
    moments: bool,
    deserializer: Deserializer,
    /// The start of the first interval.
    begin: Option<Duration>,
    /// Each stage's values in the interval that its last line belongs to, over all kinds.
    stages: BTreeMap<&'static str, (Duration, f64, Histogram<u64>)>,
}

impl Reading {
    fn fault(&mut self, fault: LogError) {
        self.log.fault_count += 1;
        if self.log.faults.len() < FAULTS_KEPT {
            self.log.faults.push(fault);
        }
    }

    /// One line, with its end.
    fn line(&mut self, line: u64, text: &[u8]) -> Result<(), LogError> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        match IntervalLogIterator::new(text).next() {
            None | Some(Ok(LogEntry::BaseTime(_))) => Ok(()),
            Some(Ok(LogEntry::StartTime(start))) => {
                self.log.started = self.log.started.or(Some(start));
                Ok(())
            }
            Some(Ok(LogEntry::Interval(interval))) => self.interval(line, &interval),
            Some(Err(_)) => Err(LogError::Line { line }),
        }
    }

    fn interval(&mut self, line: u64, interval: &IntervalLogHistogram<'_>) -> Result<(), LogError> {
        let histogram = self.histogram(line, interval.encoded_histogram())?;
        let tag = interval.tag().map_or(UNTAGGED, |tag| tag.as_str());
        self.log.sum(line, tag, &histogram)?;
        self.log.intervals += 1;
        if !self.moments || histogram.is_empty() {
            return Ok(());
        }
        let start = interval.start_timestamp();
        let begin = *self.begin.get_or_insert(start);
        let seconds = start.as_secs_f64() - begin.as_secs_f64() + interval.duration().as_secs_f64() / 2.0;
        self.log.add_moment(tag, seconds, &histogram);
        if let Some(stage) = stage_of(tag) {
            self.stage_moment(stage.name(), start, seconds, histogram);
        }
        Ok(())
    }

    /// Lines of one interval have the same start: their kinds are one moment of the stage.
    fn stage_moment(&mut self, stage: &'static str, start: Duration, seconds: f64, more: Histogram<u64>) {
        if let Some((known, _, sum)) = self.stages.get_mut(stage)
            && *known == start
            && sum.add(&more).is_ok()
        {
            return;
        }
        let mut next = more;
        next.auto(true);
        if let Some((_, at, last)) = self.stages.insert(stage, (start, seconds, next)) {
            self.log.add_moment(stage, at, &last);
        }
    }

    /// The histogram in a line's last field. It is inflated here and not by the deserializer, which would believe the
    /// length that stands in it.
    fn histogram(&mut self, line: u64, field: &str) -> Result<Histogram<u64>, LogError> {
        let encoded =
            STANDARD.decode(field.trim_end()).map_err(|source| LogError::Base64 { line, source })?;
        let read = |source| LogError::Histogram { line, source };
        let mut payload = encoded;
        if let Some(deflated) = payload.strip_prefix(COMPRESSED) {
            let mut inflated = Vec::new();
            ZlibDecoder::new(deflated.get(4..).unwrap_or_default())
                .take(PAYLOAD_BYTES_MAX)
                .read_to_end(&mut inflated)
                .map_err(|source| LogError::Inflate { line, source })?;
            payload = inflated;
        }
        let counts = payload.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        if counts.is_none_or(|counts| counts as usize > payload.len().saturating_sub(HEAD_BYTES)) {
            return Err(read(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        self.deserializer.deserialize(&mut payload.as_slice()).map_err(read)
    }

    fn finish(mut self) -> Log {
        for (stage, (_, seconds, last)) in std::mem::take(&mut self.stages) {
            self.log.add_moment(stage, seconds, &last);
        }
        if self.log.intervals == 0 {
            self.fault(LogError::Empty);
        }
        let parts: Vec<(Stage, String)> =
            self.log.tags.keys().filter_map(|tag| Some((stage_of(tag)?, tag.clone()))).collect();
        // A log that has a stage's own line already says itself what its sum is.
        let own: Vec<Stage> =
            Stage::ALL.into_iter().filter(|stage| self.log.tags.contains_key(stage.name())).collect();
        for (stage, tag) in parts {
            if !own.contains(&stage)
                && let Some(histogram) = self.log.tags.get(&tag).cloned()
                && let Err(fault) = self.log.sum(0, stage.name(), &histogram)
            {
                self.fault(fault);
            }
        }
        self.log
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::{IntervalLog, MessageKind, Recorder, samples};
    use super::*;

    /// A log of four seconds: in second `n` a hundred deltas and a trade of `n + 1` microseconds each.
    fn seconds() -> String {
        let mut log =
            IntervalLog::begin(Vec::new(), UNIX_EPOCH + Duration::from_secs(1_000), &["x"]).unwrap();
        let mut second = Recorder::new();
        for n in 0..4 {
            second.reset();
            for _ in 0..100 {
                second.record(Stage::Apply, MessageKind::Delta, (n + 1) * 1_000);
            }
            second.record(Stage::Apply, MessageKind::Trade, (n + 1) * 1_000);
            log.append(&second, Duration::from_secs(n), Duration::from_secs(1)).unwrap();
        }
        String::from_utf8(log.into_inner()).unwrap()
    }

    fn read(text: &str) -> Log {
        Log::read(text.as_bytes(), true).unwrap()
    }

    #[test]
    fn intervals_are_summed_by_tag_and_stage() {
        // Four intervals of two tags: each tag's sum, and the stage's over both, with a moment a second.
        let log = read(&seconds());
        assert_eq!((log.intervals, log.fault_count, log.started), (8, 0, Some(Duration::from_secs(1_000))));
        let counts: Vec<_> = log.tags.iter().map(|(tag, sum)| (tag.as_str(), sum.len())).collect();
        assert_eq!(counts, [("apply", 404), ("apply.delta", 400), ("apply.trade", 4)]);
        let moments = &log.moments["apply"];
        assert_eq!(moments.iter().map(|moment| moment.seconds).collect::<Vec<_>>(), [0.5, 1.5, 2.5, 3.5]);
        assert!(moments.iter().zip(1..).all(|(m, us)| m.p50 / 1_000 == us && m.p50 == m.p99), "{moments:?}");
        assert!(Log::read(seconds().as_bytes(), false).unwrap().moments.is_empty());
    }

    #[test]
    fn the_log_of_a_report_reads_back() {
        // What `Report::write` puts into latency.hlog: every histogram equal, stages summed, empty ones left out.
        let report = samples::report();
        let log = Log::read(super::super::hlog::bytes(&report).unwrap().as_slice(), false).unwrap();
        for stage in Stage::ALL {
            let whole = report.recorder.stage(stage);
            assert_eq!(log.tags.get(stage.name()), Some(&whole).filter(|whole| !whole.is_empty()));
            for kind in MessageKind::ALL {
                let ours = report.recorder.histogram(stage, kind);
                let theirs = log.tags.get(&format!("{}.{}", stage.name(), kind.name()));
                assert_eq!(theirs.map_or(0, Histogram::len), ours.len());
                assert!(theirs.is_none_or(|theirs| theirs == ours));
            }
        }
    }

    #[test]
    fn broken_lines_are_named_and_the_others_count() {
        // A line of another program, a histogram with a letter too few, one with another letter in it; three wrong
        // lines among eight, and the sum of the five.
        let whole = seconds();
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        let first = lines.iter().position(|line| line.starts_with("Tag=")).unwrap();
        lines[first] = "out of disk".to_owned();
        let length = lines[first + 2].len();
        lines[first + 2].truncate(length - 1);
        let middle = lines[first + 4].len() - 30;
        let other = if &lines[first + 4][middle..=middle] == "A" { "B" } else { "A" };
        lines[first + 4].replace_range(middle..=middle, other);
        let log = read(&(lines.join("\n") + "\n"));
        let at = first as u64 + 1;
        assert!(matches!(log.faults[0], LogError::Line { line } if line == at), "{:?}", log.faults);
        assert!(matches!(log.faults[1], LogError::Base64 { line, .. } if line == at + 2), "{:?}", log.faults);
        assert!(log.faults[2].to_string().starts_with(&format!("line {}: ", at + 4)), "{:?}", log.faults);
        assert_eq!((log.fault_count, log.intervals, log.tags["apply"].len()), (3, 5, 104));
    }

    #[test]
    fn a_log_cut_anywhere_keeps_every_whole_line() {
        // Cuts the log behind each byte of its intervals: no line before the cut is lost, only the last is at fault.
        let whole = seconds();
        let first = whole.find("Tag=").unwrap();
        for end in first + 1..=whole.len() {
            let part = &whole[..end];
            let log = read(part);
            let lines = part[first..].matches('\n').count() as u64;
            if whole[end - 1..].starts_with('\n') || whole[end..].starts_with('\n') {
                // Nothing is missing but the line's end, at most.
                assert_eq!(log.intervals, lines + u64::from(!part.ends_with('\n')), "{end}");
                assert_eq!(log.fault_count, 0, "{end}: {:?}", log.faults);
            } else {
                assert_eq!(log.intervals, lines, "{end}");
                assert!(matches!(log.faults[0], LogError::Cut { .. }), "{end}: {:?}", log.faults);
            }
        }
    }

    #[test]
    fn other_tools_logs_are_read() {
        // No tag, Windows line ends, a blank line, other bounds and digits in each interval: all summed.
        use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer, V2Serializer};
        let mut text =
            "#[StartTime: 5.0 (seconds since epoch), once]\r\n\"StartTimestamp\",\"x\"\r\n\r\n".to_owned();
        for (value, digits) in [(10, 2), (3_000_000, 3), (77_000_000_000, 1)] {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, value * 2, digits).unwrap();
            histogram.record_n(value, 5).unwrap();
            let mut payload = Vec::new();
            if digits == 2 {
                V2Serializer::new().serialize(&histogram, &mut payload).unwrap();
            } else {
                V2DeflateSerializer::new().serialize(&histogram, &mut payload).unwrap();
            }
            text += &format!("{value}.0,1.0,0.5,{}\r\n", STANDARD.encode(&payload));
        }
        let log = read(&text);
        assert_eq!((log.fault_count, log.started), (0, Some(Duration::from_secs(5))), "{:?}", log.faults);
        let sum = &log.tags[UNTAGGED];
        assert_eq!((sum.len(), sum.min()), (15, 10));
        assert!((sum.max() as f64 / 77e9 - 1.0).abs() < 0.1, "{}", sum.max());
    }

    #[test]
    fn what_is_no_log_is_said_to_be_none() {
        // Nothing, a head without intervals, a picture's bytes, one endless line, and a length that nobody should believe.
        for text in ["", "#[StartTime: 5.0 (seconds since epoch)]\n"] {
            assert!(matches!(read(text).faults[..], [LogError::Empty]));
        }
        let picture = Log::read([0x89, b'P', b'N', b'G', b'\n', 0xff, b'\n'].as_slice(), false).unwrap();
        assert!(matches!(
            picture.faults[..],
            [LogError::Line { line: 1 }, LogError::Line { line: 2 }, LogError::Empty]
        ));
        let endless = Log::read(io::BufReader::new(io::repeat(b'7').take(1 << 30)), false).unwrap();
        assert!(matches!(endless.faults[..], [LogError::TooLong { line: 1 }, LogError::Empty]));
        let mut payload = vec![0; HEAD_BYTES];
        payload[..8].copy_from_slice(&[0x1c, 0x84, 0x93, 0x13, 0xff, 0xff, 0xff, 0xff]);
        let log = read(&format!("0.0,1.0,1.0,{}\n", STANDARD.encode(&payload)));
        assert!(matches!(log.faults[0], LogError::Histogram { line: 1, .. }), "{:?}", log.faults);
    }
}
