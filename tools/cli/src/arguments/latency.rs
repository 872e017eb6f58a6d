//! Arguments of `latency`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `latency`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  touchline latency before/latency.hlog after/latency.hlog
  touchline latency before.hlog after.hlog --tag end_to_end --fail-above 1.10
  touchline latency before.hlog after.hlog --fail-above 1.25 --at 50 --at 99.9
  touchline latency soak.hlog --plot out --over-time
  touchline latency a.hlog b.hlog --json | jq -r '.verdict.slower[].tag'

The files are HdrHistogram interval logs with values in nanoseconds, as `replay
--report` writes them, and other tools too. The first is the base: a ratio is a
run's figure divided by the base's. The intervals of a tag are summed; where
tags are STAGE.KIND, each stage is shown over all its kinds too, under its name.

Exit codes:
  0    nothing is slower than --fail-above allows, or no limit was given
  1    something is; each such figure is named
  2    wrong usage, nothing to judge, or a result that cannot be written
  3    a log is damaged or cannot be read; what is readable is shown")]
pub(crate) struct Latency {
    /// Interval logs, up to eight; the first is the base.
    #[arg(required = true, num_args = 1..=8, value_name = "HLOG")]
    pub(crate) logs: Vec<PathBuf>,
    /// Only this tag, e.g. end_to_end or end_to_end.delta; may be given several times.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// The percentiles to show.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "50,90,99,99.9", value_parser = percentile)]
    pub(crate) percentiles: Vec<f64>,
    /// Exit with 1 if a figure is above so many times the base's, e.g. 1.10.
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    pub(crate) fail_above: Option<f64>,
    /// The percentile that --fail-above judges; may be given several times.
    #[arg(long, value_name = "PERCENTILE", default_value = "99", value_parser = percentile, requires = "fail_above")]
    pub(crate) at: Vec<f64>,
    /// Judge no tag with fewer values than this, in the base or in the other run.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) least_count: u64,
    /// Write latency.html and latency.png into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
    /// Plot each interval's p50 and p99 over time too: for logs with an interval a second.
    #[arg(long, requires = "plot")]
    pub(crate) over_time: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

fn percentile(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
    number.ok_or_else(|| "write a number above 0 and up to 100, such as 99.9".to_owned())
}

fn ratio(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|ratio| ratio.is_finite() && *ratio > 0.0);
    number.ok_or_else(|| "write a ratio above 0, such as 1.10".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percentiles end at 100, ratios are finite; neither is 0.
    #[test]
    fn percentiles_and_ratios_are_read() {
        assert_eq!((percentile("99.9"), percentile("100"), ratio("1.10")), (Ok(99.9), Ok(100.0), Ok(1.1)));
        for bad in ["", "0", "-1", "NaN", "p99"] {
            assert!(percentile(bad).is_err() && ratio(bad).is_err(), "{bad}");
        }
        assert!(percentile("100.1").is_err() && ratio("inf").is_err());
    }
}
