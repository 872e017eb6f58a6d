//! `touchline demo`: a synthetic market, written in a venue's wire form, through the whole pipeline.

mod market;
mod random;
mod tape;

use std::time::SystemTime;

use serde::Serialize;
use touchline::{BookView, Finished, Pace, Plan, Start, VIEW_DEPTH, pipeline};

use crate::arguments::Demo;
use crate::exit::{Ending, Failure};
use crate::{out, progress, replay, screen, verify};

use tape::Tape;

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    instrument: String,
    state: String,
    /// `null` if Ctrl-C came before the market's end.
    equals_market: Option<bool>,
    bid: Option<[String; 2]>,
    ask: Option<[String; 2]>,
    latency: serde_json::Value,
}

/// Messages that are held in memory at most, some 350 bytes each.
const MESSAGES_MAX: u64 = 1_000_000;

pub(crate) fn run(arguments: &Demo) -> Result<Ending, Failure> {
    let unknown = || touchline::Error::UnknownVenue { name: arguments.venue.clone() };
    let facts = touchline_venue::find(&arguments.venue).ok_or_else(unknown)?;
    let messages = arguments.seconds * arguments.rate;
    if messages > MESSAGES_MAX {
        return Err(Failure::Usage(format!(
            "{} s at {} a second are {messages} messages; the demo keeps at most {MESSAGES_MAX}: ask for fewer \
             seconds or a lower rate",
            arguments.seconds, arguments.rate
        )));
    }
    let mut plan = Plan::new(facts);
    plan.placement = arguments.threads.placement();
    plan.cores = arguments.threads.cores()?;
    plan.pace = Pace::Times(1.0);
    let record = || Tape::record(&arguments.venue, arguments.seed, arguments.seconds, arguments.rate);
    let tape = progress::during("writing the market's messages", record).ok_or_else(unknown)?;
    let (truth, frames) = (tape.truth().clone(), tape.frames());
    plan.instruments = vec![(tape.instrument().clone(), Start::Snapshot)];
    if !arguments.json {
        out::remark(&format!(
            "a synthetic {} market, seed {}: {frames} frames in {} s, through parse, ring, book and view\n",
            facts.title, arguments.seed, arguments.seconds
        ));
    }
    let started = SystemTime::now();
    let running = pipeline::start(plan, tape, ())?;
    let views = running.views().to_vec();
    let interrupted = progress::watch(&running, "demo");
    let finished = running.join()?;
    for note in &finished.notes {
        out::remark(&format!("note: {note}"));
    }
    let Some(view) = views.first() else { return Ok(Ending::Untrusted) };
    let shown = view.read();
    // A run that was cut short has not seen all of the market: there is nothing to compare with.
    let equal = (!interrupted).then(|| truth.equals(&shown));
    let name = format!("{}:{}", facts.name, view.instrument().name);
    let report = replay::report(
        &format!("demo seed {}", arguments.seed),
        frames.min(finished.intake.received),
        started,
        Pace::Times(1.0),
        &arguments.threads,
        &finished,
    );
    if arguments.json {
        out::json(&outcome(name, &shown, equal, replay::value(&report)))?;
    } else {
        out::result(&screen::ladder(&name, &shown))?;
        out::result(&judgement(&finished, equal))?;
        out::result(&report.table())?;
    }
    let ending = replay::ending(&finished, interrupted);
    Ok(if equal == Some(false) { Ending::Untrusted } else { ending })
}

fn judgement(finished: &Finished<()>, equal: Option<bool>) -> String {
    let verdict = match equal {
        None => "stopped early: not compared with the market's own book",
        Some(true) => "the published book is equal to the market's own book",
        Some(false) => "THE PUBLISHED BOOK DIFFERS FROM THE MARKET'S OWN BOOK",
    };
    format!("{verdict}\n{}\n", verify::remarks(finished))
}

fn outcome(
    instrument: String,
    view: &BookView<VIEW_DEPTH>,
    equals_market: Option<bool>,
    latency: serde_json::Value,
) -> Outcome {
    let best = |levels: &[touchline::market::Level]| {
        levels.first().map(|level| {
            [level.price.at(view.price_scale).to_string(), level.qty.at(view.qty_scale).to_string()]
        })
    };
    Outcome {
        instrument,
        state: view.state.to_string(),
        equals_market,
        bid: best(view.bids()),
        ask: best(view.asks()),
        latency,
    }
}
