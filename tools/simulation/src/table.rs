//! The result of many worlds, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};
use touchline_simulation::Summary;

/// Prints it.
pub(crate) fn print(out: &mut impl Write, summary: &Summary, missing: &[&str]) -> io::Result<()> {
    let hours = summary.lasted.as_secs_f64() / 3_600.0;
    for (title, marks) in [("fault", &summary.marks), ("change of state", &summary.edges)] {
        writeln!(out, "{title:<32}{:>14}", "times")?;
        for (name, count) in marks {
            writeln!(out, "  {name:<30}{count:>14}")?;
        }
    }
    let counted = summary.counted;
    writeln!(out, "{:<32}{:>14}", "worlds", summary.seeds)?;
    writeln!(out, "{:<32}{hours:>14.1}", "virtual hours")?;
    writeln!(out, "{:<32}{:>14}", "messages sent", summary.messages)?;
    writeln!(out, "{:<32}{:>14}", "publications", counted.publications)?;
    writeln!(out, "{:<32}{:>14}", "live books compared", counted.compared)?;
    writeln!(out, "{:<32}{:>14}", "of them with every level", counted.whole)?;
    writeln!(out, "{:<32}{:>14}", "live books too old to judge", counted.unjudged)?;
    writeln!(out, "{:<32}{:>14.0}", "times real time, per core", summary.speed())?;
    writeln!(out, "{:<32}{:>14.1}", "seconds", summary.wall.as_secs_f64())?;
    writeln!(out, "{:<32}{:>14}", "hash", format!("{:016x}", summary.hash))?;
    for (seed, failure) in &summary.failures {
        writeln!(out, "FAILED seed {seed}: {failure}")?;
    }
    if !missing.is_empty() {
        writeln!(out, "NOT COVERED: {}", missing.join(", "))?;
    }
    writeln!(out, "{} of {} worlds failed", summary.failures.len(), summary.seeds)
}

/// The same for programs.
pub(crate) fn json(summary: &Summary, missing: &[&str]) -> Value {
    let failures: Vec<Value> =
        summary.failures.iter().map(|(seed, failure)| json!({ "seed": seed, "failure": failure })).collect();
    json!({
        "worlds": summary.seeds,
        "virtual_seconds": summary.lasted.as_secs_f64(),
        "core_seconds": summary.worked.as_secs_f64(),
        "wall_seconds": summary.wall.as_secs_f64(),
        "times_real_time_per_core": summary.speed(),
        "messages": summary.messages,
        "publications": summary.counted.publications,
        "compared": summary.counted.compared,
        "compared_whole": summary.counted.whole,
        "hash": format!("{:016x}", summary.hash),
        "unjudged": summary.counted.unjudged,
        "faults": summary.marks,
        "changes_of_state": summary.edges,
        "not_covered": missing,
        "failures": failures,
    })
}
