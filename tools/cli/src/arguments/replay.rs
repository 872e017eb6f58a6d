//! Arguments of `replay`, and which part of a recording is meant.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use touchline::market::Nanos;
use touchline::{Pace, Part, Point};

use super::{Recording, Threads, pace};

/// Arguments of `replay`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline replay btcusdt.cap.zst --report out
  touchline replay btcusdt.cap.zst --pace 20x
  touchline replay btcusdt.cap.zst --pace real --placement reader --cores 2
  touchline replay btcusdt_20240808.gz --venue binance-usdm --from 00:10:00 --to 00:15:00
  touchline replay journal/touchline-20261121T160000Z-000001.tlj
  touchline replay journal/touchline-20261121T160000Z-000001.tlj --as-recording
  touchline replay btcusdt.cap.zst --serve
  touchline replay btcusdt.cap.zst --serve --from 00:10:00 --to 00:15:00 --pace 10x

What a file is its content tells: Touchline's lines (.cap.zst), journals (.tlj), and
what hftbacktest's collector, cryptofeed and Tardis write, plain, gzip or zstd.

At `--pace max` the reader runs ahead of the books and messages queue in the
ring: ring and end-to-end figures are then those of a pipeline at its limit.
In a paced replay each message counts from the moment it was due, so that a
stall counts for every message behind it.

The journal of a feed (`touchline record`) is run again instead, as fast as it goes
and on one thread: the same feed is told the same, must ask and say the same, and
build the same books. The exit code is 1 if anything differed or is missing. With
--as-recording, or with any option that only a replay has, its frames go through the
measured threads like those of any other recording.

A moment is RFC 3339 such as 2024-08-08T23:54:15.5Z, nanoseconds since 1970, or
HH:MM:SS[.fraction] since the recording's first entry. What came at `--to` is not in
the part any more. What came before `--from` leads there, neither waited for nor
measured, but counted with the books: they are what they were. `--warm-up` bounds
how much of it is read, which a journal finds by its index; a book without a snapshot
in what is read is not LIVE. With --serve it goes to whoever subscribes in front of the
part, 5,000 frames a second.")]
pub(crate) struct Replay {
    /// The recording; of a journal of several files the first.
    pub(crate) capture: PathBuf,
    /// How fast: max, real, or a multiple of real time such as 10x [default: max, or real with --serve].
    #[arg(long, value_name = "PACE", value_parser = pace)]
    pub(crate) pace: Option<Pace>,
    /// Write report.html, report.json, latency.hlog and latency*.hgrm into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Play it as an exchange on this machine, to whoever subscribes, until Ctrl-C.
    #[arg(long, conflicts_with_all = ["report", "only", "as_recording", "placement", "cores"])]
    pub(crate) serve: bool,
    /// Replay the frames of a journal instead of running its feed again.
    #[arg(long)]
    pub(crate) as_recording: bool,
    #[command(flatten)]
    pub(crate) part: PartArguments,
    #[command(flatten)]
    pub(crate) recording: Recording,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Replay {
    /// Is something asked for that a feed which is run again does not have?
    pub(crate) fn wants_frames(&self) -> bool {
        let Self { pace, report, as_recording, part, recording, threads, .. } = self;
        let chosen = recording.venue.is_some() || !recording.only.is_empty() || threads.cores.is_some();
        *as_recording || pace.is_some() || report.is_some() || part.part() != Part::default() || chosen
    }
}

/// Which part of a recording is meant.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct PartArguments {
    /// Begin there; books are then what they were.
    #[arg(long, value_name = "MOMENT", value_parser = point)]
    pub(crate) from: Option<Point>,
    /// End there.
    #[arg(long, value_name = "MOMENT", value_parser = point)]
    pub(crate) to: Option<Point>,
    /// Read no more than so much in front of --from, e.g. 30s, 10m or 2h [default: all].
    #[arg(long, value_name = "TIME", requires = "from", value_parser = duration)]
    pub(crate) warm_up: Option<Duration>,
}

impl PartArguments {
    pub(crate) fn part(&self) -> Part {
        Part { from: self.from, to: self.to, warm_up: self.warm_up }
    }
}

/// A moment of a recording.
pub(super) fn point(text: &str) -> Result<Point, String> {
    let wrong = || {
        "write 2024-08-08T23:54:15.5Z, nanoseconds since 1970, or HH:MM:SS since the recording's beginning"
            .to_owned()
    };
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(|ns| Point::At(Nanos(ns))).map_err(|_| wrong());
    }
    let moment = touchline_capture::import::from_utc(text).map(Point::At);
    moment.or_else(|| offset(text).map(Point::After)).ok_or_else(wrong)
}

/// `HH:MM:SS` with digits behind the point or none.
fn offset(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut fields = whole.split(':').map(number);
    let [Some(hours), Some(minutes), Some(seconds), None] = [(); 4].map(|()| fields.next().flatten()) else {
        return None;
    };
    let fine = number(fraction).filter(|_| fraction.len() <= 9)?;
    let nanos = fine * 10_u64.pow(9 - fraction.len() as u32);
    let whole = hours.checked_mul(3_600)?.checked_add(minutes * 60 + seconds)?;
    (minutes < 60 && seconds < 60).then_some(Duration::new(whole, nanos as u32))
}

/// A time such as `30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let found = units.iter().find_map(|(unit, ms)| number(text.strip_suffix(unit)?)?.checked_mul(*ms));
    found.map(Duration::from_millis).ok_or_else(|| "write a time such as 500ms, 30s, 10m or 2h".to_owned())
}

/// Digits and nothing else, few enough that an hour's seconds of them fit.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three ways to write a moment, and what is none of them.
    #[test]
    fn moments_are_read() {
        let after = |ms| Ok(Point::After(Duration::from_millis(ms)));
        assert_eq!(point("1723161255500000000"), Ok(Point::At(Nanos(1_723_161_255_500_000_000))));
        assert_eq!(point("2024-08-08T23:54:15.5Z"), Ok(Point::At(Nanos(1_723_161_255_500_000_000))));
        assert_eq!((point("00:00:00"), point("25:01:01.25")), (after(0), after(90_061_250)));
        assert_eq!(point("00:00:00.000000001"), Ok(Point::After(Duration::from_nanos(1))));
        for bad in [
            "",
            "-1",
            "1.5",
            "1:2",
            "1:2:3:4",
            "0:60:0",
            "0:0:60",
            "0:0:1.",
            "0:0:0.0000000001",
            "0::0",
            "now",
        ] {
            assert!(point(bad).is_err(), "{bad}");
        }
        for bad in ["2024-08-08", "2024-08-08T23:54:15", "2024-13-08T23:54:15Z", "99999999999999999999"] {
            assert!(point(bad).is_err(), "{bad}");
        }
    }

    /// A time has a number and a unit.
    #[test]
    fn times_are_read() {
        let read =
            ["250ms", "30s", "10m", "2h", "0s"].map(|text| duration(text).map(|time| time.as_millis()));
        assert_eq!(read, [Ok(250), Ok(30_000), Ok(600_000), Ok(7_200_000), Ok(0)]);
        for bad in ["", "5", "s", "-1s", "1.5s", "1 s", "1d", "ms"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
