"""Reads a .hlog with HdrHistogram's own Python package: every histogram must agree with report.json.

Usage: read_hlog.py LATENCY.HLOG REPORT.JSON. Exit code 1 if a row is missing, unknown or different.
"""
import json
import math
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

FIGURES = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}


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


def main(log, report):
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
