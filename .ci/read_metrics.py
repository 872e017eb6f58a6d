"""Reads a running feed's metrics with Prometheus' own Python package, in both formats, and its verdicts.

Usage: read_metrics.py http://127.0.0.1:9464. Exit code 1 if a page does not parse, a metric lacks a description or a
type, a sample stands twice, or the two formats differ in a metric or in their labels.
"""
import json
import sys
import urllib.error
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

FORMATS = {
    "text/plain; version=0.0.4": read_plain,
    "application/openmetrics-text; version=1.0.0": read_openmetrics,
}


def get(url, accept="*/*"):
    """The status, the content type and the text of a page."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read().decode()


def look(families):
    """Every sample's name and labels, and what is wrong with the families."""
    seen, wrong = set(), []
    for family in families:
        if not family.documentation:
            wrong.append(f"{family.name}: no description")
        if family.type not in ("counter", "gauge", "histogram"):
            wrong.append(f"{family.name}: its type is {family.type}")
        for sample in family.samples:
            # A bound may be written 0.001 or 1e-3.
            labels = {name: float(value) if name == "le" else value for name, value in sample.labels.items()}
            key = (sample.name, tuple(sorted(labels.items())))
            if key in seen:
                wrong.append(f"{key}: twice")
            seen.add(key)
            if family.type in ("counter", "histogram") and not sample.value >= 0:
                wrong.append(f"{key}: {sample.value}")
    return seen, wrong


def main(root):
    wrong, pages = [], []
    for accept, read in FORMATS.items():
        status, kind, text = get(root + "/metrics", accept)
        if status != 200 or not kind.startswith(accept):
            wrong.append(f"asked for {accept}: {status}, {kind}")
        seen, faults = look(read(text))
        pages.append(seen)
        wrong += faults
    differ = pages[0] ^ pages[1]
    wrong += [f"{key}: in one of the formats only" for key in sorted(differ, key=str)[:20]]
    if not any(name == "touchline_feed_up" for name, _ in pages[0]):
        wrong.append("touchline_feed_up is missing")
    live, _, _ = get(root + "/live")
    status, _, text = get(root + "/ready")
    ready = json.loads(text)
    if live != 200 or ready["ready"] != (status == 200) or ready["ready"] != (not ready["missing"]):
        wrong.append(f"/live says {live}, /ready {status}: {text}")
    for line in wrong:
        print(line)
    if not wrong:
        metrics = len({name for name, _ in pages[0]})
        print(f"{metrics} names, {len(pages[0])} samples, the same in both formats; /live {live}, /ready {status}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
