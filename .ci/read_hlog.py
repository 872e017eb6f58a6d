"""Reads a .hlog with HdrHistogram's own Python package.

Usage: read_hlog.py LATENCY.HLOG REPORT.JSON: a recording's, whose every histogram must agree with report.json.
Or read_hlog.py LIVE.HLOG: that of a running feed, which must hold intervals of all stages that follow one another.
Exit code 1 if a row or a stage is missing, unknown or different.
"""
import json
import math
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

FIGURES = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}

# What every histogram of ours can hold: 1 ns to 60 s, three digits.
BOUNDS = {"lowest_ns": 1, "highest_ns": 60_000_000_000, "digits": 3}

# Stages that every message of a live feed with book threads passes.
STAGES = ["parse", "ring", "apply", "publish", "end_to_end"]


def read(path, bounds):
    """The log's histograms by tag, each tag's intervals added up."""
    new = lambda: HdrHistogram(bounds["lowest_ns"], bounds["highest_ns"], bounds["digits"])
    reader = HistogramLogReader(path, new())
    histograms = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        histograms.setdefault(interval.tag, new()).add(interval)
    return histograms


def at_quantile(histogram, quantile):
    """The value that this share of all values is at or below. The package rounds a rank to the nearest, where the
    report takes the next whole one; a percentage that names a rank exactly leaves nothing to round."""
    count = histogram.get_total_count()
    return histogram.get_value_at_percentile(100 * max(1, math.ceil(quantile * count)) / count)


def live(log):
    """Looks at the log of a running feed: what is wrong with it, and a line on what it holds."""
    new = lambda: HdrHistogram(BOUNDS["lowest_ns"], BOUNDS["highest_ns"], BOUNDS["digits"])
    reader = HistogramLogReader(log, new())
    counts, ends, wrong = {}, {}, []
    while (interval := reader.get_next_interval_histogram()) is not None:
        tag, start, end = interval.tag, interval.start_time_stamp_msec, interval.end_time_stamp_msec
        values = interval.get_total_count()
        if not (values > 0 and 0 < interval.get_value_at_percentile(50) <= interval.get_max_value()):
            wrong.append(f"{tag}: {values} values, at most {interval.get_max_value()} ns")
        if not start < end or start < ends.get(tag, 0) - 1:
            wrong.append(f"{tag}: an interval from {start} to {end} ms behind one that ends at {ends.get(tag)} ms")
        counts.setdefault(tag.split(".")[0], []).append(values)
        ends[tag] = end
    wrong += [f"{stage}: fewer than two intervals" for stage in STAGES if len(counts.get(stage, [])) < 2]
    values = sum(sum(values) for values in counts.values())
    return wrong, f"{len(ends)} histograms of {len(counts)} stages, {values} values: intervals follow one another"


def main(log, report=None):
    if report is None:
        wrong, right = live(log)
        print("\n".join(wrong) or right)
        return 1 if wrong else 0
    with open(report, encoding="utf-8") as file:
        report = json.load(file)
    histograms = read(log, report["histogram"])
    rows = {f"{row['stage']}.{row['kind']}": row for row in report["latencies"] if row["kind"] != "all"}
    wrong = [f"{tag}: only in the log" for tag in histograms.keys() - rows.keys()]
    wrong += [f"{tag}: only in report.json" for tag in rows.keys() - histograms.keys()]
    for tag in sorted(histograms.keys() & rows.keys()):
        histogram, row = histograms[tag], rows[tag]
        found = {"count": histogram.get_total_count(), "max": histogram.get_max_value()}
        found |= {name: at_quantile(histogram, quantile) for name, quantile in FIGURES.items()}
        wrong += [f"{tag}: {name} is {value} in the log, {row[name]} in report.json"
                  for name, value in found.items() if value != row[name]]
    if not rows:
        wrong.append("report.json holds no latency")
    for line in wrong:
        print(line)
    if not wrong:
        values = sum(row["count"] for row in rows.values())
        print(f"{len(rows)} histograms, {values} values: counts, p50, p99, p99.9 and max agree with report.json")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
