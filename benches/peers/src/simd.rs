//! Each path of the parser in turn: a process of its own for each, since the path is chosen once when a process begins.

use std::process::Command;

use touchline_json::shape::Simd;

use crate::cycles::Cycles;
use crate::error::BenchError;
use crate::parse;
use crate::recording::{Recording, USDM};
use crate::row::{Bound, Row};

/// The environment's word that forces a path.
const FORCE: &str = "TOUCHLINE_SIMD";

/// The paths, and how many times faster than sonic-rs without checks each has to be.
const PATHS: [(&str, f64); 4] = [("avx512", 15.0), ("avx2", 6.0), ("portable", 4.0), ("general", 0.0)];

/// The path that this process parses by, by its name above.
fn in_use() -> &'static str {
    Simd::best().name()
}

/// Starts a process for each path and gathers its rows.
///
/// # Errors
/// This program cannot be started again.
pub fn run(rounds: usize) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for (path, least) in PATHS {
        let unmeasured = |why: &str| {
            let row = Row::unmeasured(&format!("parse, {path}"), "mean", why);
            let row = if least > 0.0 { row.asked(Bound::Faster(least)) } else { row };
            row.between("venue dialect", parse::UNCHECKED)
        };
        let child = std::env::current_exe().and_then(|program| {
            Command::new(program).args(["path", path, &rounds.to_string()]).env(FORCE, path).output()
        });
        let output = child.map_err(|cause| BenchError::File { path: "this program".into(), cause })?;
        match serde_json::from_slice::<Vec<Row>>(&output.stdout) {
            Ok(measured) if output.status.success() => rows.extend(measured),
            _ => rows.push(unmeasured("its process gave no result")),
        }
    }
    Ok(rows)
}

/// What such a process does: its rows as JSON on the standard output.
///
/// # Errors
/// As [`Recording::read`].
pub fn child(path: &str, rounds: usize) -> Result<(), BenchError> {
    let least = PATHS.iter().find(|known| known.0 == path).map_or(0.0, |known| known.1);
    let rows = if in_use() == path {
        parse::against_fastest(&Recording::read(USDM)?, path, least, &Cycles::new(), rounds)
    } else {
        let why = format!("this processor takes the path {}", in_use());
        vec![Row::unmeasured(&format!("parse, {path}"), "mean", &why)]
    };
    println!("{}", serde_json::to_string(&rows).unwrap_or_default());
    Ok(())
}
