//! `report.json`: every figure for programs.
//!
//! All latencies are nanoseconds. The fields:
//!
//! | field | meaning |
//! | --- | --- |
//! | `format` | 1; rises when a field changes its meaning |
//! | `program`, `version` | what wrote it |
//! | `unit` | `ns`, of every figure under `latencies` |
//! | `run.recording` | the recording's name |
//! | `run.started_ns` | begin, in nanoseconds since 1970 |
//! | `run.frames`, `run.messages` | frames read; messages that reached a book or an event |
//! | `run.wall_seconds`, `run.frames_per_second` | duration and rate |
//! | `run.placement`, `run.pace` | where books were built, how fast frames were handed in |
//! | `run.omission` | `measured_from_schedule` or `not_corrected` (coordinated omission) |
//! | `run.clock_cost_ns` | one stamp's cost |
//! | `run.clipped` | values above `highest_ns`, recorded as that |
//! | `machine.*` | processor, cores, system, whether the build has debug assertions |
//! | `histogram.*` | `lowest_ns`, `highest_ns`, significant `digits` |
//! | `latencies[]` | a row for each that has values: `stage`, `kind` (or `all`), `count`, `min`, `mean`, `p50`, `p90`, `p99`, `p99_9`, `p99_99`, `max` |

use std::io;

use serde_json::{Value, json};

use super::{DIGITS, HIGHEST_NS, LOWEST_NS, Report};

/// The whole file, indented, with a newline at its end.
pub(super) fn bytes(report: &Report) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&value(report)?)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn value(report: &Report) -> io::Result<Value> {
    let info = report.info();
    let mut latencies = Vec::new();
    for row in report.rows() {
        let mut figures = serde_json::to_value(row.summary)?;
        figures["stage"] = row.stage.name().into();
        figures["kind"] = row.kind_name().into();
        latencies.push(figures);
    }
    Ok(json!({
        "format": 1,
        "program": "touchline",
        "version": env!("CARGO_PKG_VERSION"),
        "unit": "ns",
        "run": {
            "recording": info.recording,
            "started_ns": u64::try_from(info.started_ns()).unwrap_or(0),
            "frames": info.frames,
            "messages": info.messages,
            "wall_seconds": info.wall.as_secs_f64(),
            "frames_per_second": info.frames_per_second(),
            "placement": info.placement_name(),
            "pace": info.pace,
            "omission": info.omission.name(),
            "clock_cost_ns": info.clock_cost_ns,
            "clipped": report.recorder.clipped(),
        },
        "machine": {
            "cpu": info.machine.cpu,
            "cores": info.machine.cores,
            "system": info.machine.system,
            "debug_assertions": info.machine.debug_assertions,
        },
        "histogram": { "lowest_ns": LOWEST_NS, "highest_ns": HIGHEST_NS, "digits": DIGITS },
        "latencies": latencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::{MessageKind, Stage, samples};
    use super::*;

    #[test]
    fn every_figure_of_every_histogram_is_there() {
        // Parses the file and compares each row with the recorder's histogram.
        let report = samples::report();
        let value: Value = serde_json::from_slice(&bytes(&report).unwrap()).unwrap();
        assert_eq!((&value["format"], &value["unit"]), (&json!(1), &json!("ns")));
        assert_eq!(value["run"]["frames"], 93_953);
        assert_eq!(value["run"]["omission"], "measured_from_schedule");
        assert_eq!(value["run"]["started_ns"], 1_723_120_496_000_000_000_u64);
        let rows = value["latencies"].as_array().unwrap();
        // The kinds without a book have no row for the stage that changes one.
        assert_eq!(rows.len(), 5 * 6 - 3);
        for row in rows {
            let stage = Stage::ALL.into_iter().find(|stage| row["stage"] == stage.name()).unwrap();
            let histogram = match MessageKind::ALL.into_iter().find(|kind| row["kind"] == kind.name()) {
                Some(kind) => report.recorder.histogram(stage, kind).clone(),
                None => report.recorder.stage(stage),
            };
            assert_eq!(row["count"], histogram.len());
            for (field, quantile) in
                [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999), ("p99_99", 0.9999)]
            {
                assert_eq!(row[field], histogram.value_at_quantile(quantile), "{row}");
            }
            assert_eq!((&row["min"], &row["max"]), (&json!(histogram.min()), &json!(histogram.max())));
        }
    }
}
