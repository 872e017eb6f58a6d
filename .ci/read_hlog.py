"""Reads a .hlog with HdrHistogram's own Python package and compares it with report.json."""
import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

log, report = sys.argv[1:]
reference = HdrHistogram(1, 60_000_000_000, 3)
reader = HistogramLogReader(log, reference)
counts = {}
while (interval := reader.get_next_interval_histogram()) is not None:
    counts[interval.tag] = counts.get(interval.tag, 0) + interval.get_total_count()
total = sum(counts.values())
assert total > 0, "the log holds no value"
with open(report, encoding="utf-8") as file:
    rows = json.load(file)
print(f"{len(counts)} tagged histograms, {total} values; report.json has {len(rows)} top-level fields")
