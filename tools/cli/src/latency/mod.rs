//! `touchline latency`: runs beside each other.

mod plot;
mod show;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use touchline::latency::compare::{Comparison, Limit, Verdict};
use touchline::latency::log::Log;

use crate::arguments::Latency;
use crate::exit::{Ending, Failure};
use crate::out;

/// One log, under the letter that stands for it: A is the base.
pub(crate) struct Run {
    letter: char,
    path: String,
}

pub(crate) fn run(arguments: &Latency) -> Result<Ending, Failure> {
    if arguments.fail_above.is_some() && arguments.logs.len() < 2 {
        return Err(Failure::Usage("--fail-above compares with a base: give two logs at least".to_owned()));
    }
    if let Some(folder) = &arguments.plot {
        // Says no before the work instead of after it.
        std::fs::create_dir_all(folder).map_err(|source| Failure::Write { path: folder.clone(), source })?;
    }
    let (mut runs, mut logs, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for (letter, path) in ('A'..).zip(&arguments.logs) {
        let (log, wrong) = read(path, arguments.over_time);
        runs.push(Run { letter, path: path.display().to_string() });
        logs.push(log);
        faults.push(wrong);
    }
    let compared = Comparison::new(&logs, &arguments.tag);
    let limit = arguments.fail_above.map(|ratio| Limit {
        ratio,
        at: arguments.at.clone(),
        least_count: arguments.least_count,
    });
    let verdict = limit.as_ref().map(|limit| (limit, compared.judge(limit)));
    let told = show::Told {
        runs: &runs,
        logs: &logs,
        faults: &faults,
        compared: &compared,
        percentiles: &arguments.percentiles,
        verdict: verdict.as_ref().map(|(limit, verdict)| (*limit, verdict)),
    };
    if arguments.json {
        out::json(&told.json())?;
        told.slower().iter().for_each(|line| out::remark(line));
    } else {
        out::result(&told.text())?;
    }
    if let Some(folder) = &arguments.plot {
        plot::write(folder, &told, !arguments.tag.is_empty(), arguments.over_time)?;
    }
    for wrong in faults.iter().flatten() {
        out::error(wrong);
    }
    if faults.iter().any(|wrong| !wrong.is_empty()) {
        return Ok(Ending::Damaged);
    }
    Ok(ending(arguments, &compared, verdict.map(|(_, verdict)| verdict)))
}

/// How a comparison of sound logs ends. A check that checks nothing must not pass.
fn ending(arguments: &Latency, compared: &Comparison<'_>, verdict: Option<Verdict<'_>>) -> Ending {
    let compares = |tag: &&String| compared.rows.iter().any(|row| row.tag == **tag);
    if let Some(tag) = arguments.tag.iter().find(|tag| !compares(tag)) {
        out::error(&format!("tag {tag} cannot be compared: the base and another run must have it"));
        return Ending::Unusable;
    }
    if compared.rows.is_empty() {
        out::error("no tag to compare: the base shares none with another run");
        return Ending::Unusable;
    }
    match verdict {
        Some(verdict) if !verdict.slower.is_empty() => Ending::Slower,
        Some(verdict) if verdict.judged == 0 => {
            out::error("nothing was judged: every tag has fewer values than --least-count asks for");
            Ending::Unusable
        }
        _ => Ending::Sound,
    }
}

/// What can be read of a log, and what is wrong with it.
fn read(path: &Path, moments: bool) -> (Log, Vec<String>) {
    match File::open(path).and_then(|file| Log::read(BufReader::new(file), moments)) {
        Ok(log) => {
            let mut wrong: Vec<String> =
                log.faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect();
            let more = log.fault_count - log.faults.len() as u64;
            if more > 0 {
                wrong.push(format!("{}: and {more} more faults", path.display()));
            }
            (log, wrong)
        }
        Err(error) => (Log::default(), vec![format!("cannot read {}: {error}", path.display())]),
    }
}
