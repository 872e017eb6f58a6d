//! `touchline demo`: an exchange and a feed in one process, over sockets: the whole journey without internet.

mod journey;

use std::time::{Duration, SystemTime};

use indicatif::ProgressBar;
use serde::Serialize;
use touchline::latency::{Machine, Omission, Report, RunInfo};
use touchline::market::Level;
use touchline::{BookView, FeedReport, VIEW_DEPTH};
use touchline_simulator::Verdict;

use crate::arguments::Demo;
use crate::exit::{Ending, Failure};
use crate::watch::lines;
use crate::{interrupt, numbers, out, progress, replay, screen};

use journey::{Compared, Heal, Journey};

/// Levels a side that are shown.
const SHOWN: usize = 5;

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    instrument: String,
    state: &'static str,
    reason: Option<&'static str>,
    interrupted: bool,
    /// From the start of the feed to the first live book.
    live_after_ms: Option<f64>,
    /// `null` if the connection was not cut.
    heal: Option<Healed>,
    /// Whether every published book that was compared is the market's own; `null` if Ctrl-C came before the end.
    equals_market: Option<bool>,
    compared: Compared,
    bid: Option<[String; 2]>,
    ask: Option<[String; 2]>,
    latency: serde_json::Value,
}

#[derive(Serialize)]
struct Healed {
    /// From the cut to the first read that does not say LIVE.
    flagged_after_ms: Option<f64>,
    reason: Option<&'static str>,
    /// From the cut to the first read that says LIVE again.
    live_after_ms: Option<f64>,
}

/// What the phases found.
#[derive(Default)]
struct Found {
    live: Option<Duration>,
    heal: Option<Heal>,
    last: Option<(BookView<VIEW_DEPTH>, Verdict)>,
}

/// Tells of each phase as it comes, unless only JSON is wanted; a line that moves shows the best prices.
struct Teller {
    quiet: bool,
    ticker: ProgressBar,
}

impl Teller {
    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.ticker.suspend(|| out::result(text)) }
    }

    fn show(&self, book: &BookView<VIEW_DEPTH>) {
        if let Some((bid, ask)) = book.touch() {
            let (price, qty) = (book.price_scale, book.qty_scale);
            let (bid_qty, ask_qty) = (bid.qty.at(qty), ask.qty.at(qty));
            let (bid, ask) = (bid.price.at(price), ask.price.at(price));
            self.ticker.set_message(format!("{}  {bid_qty} x {bid} | {ask} x {ask_qty}", book.state));
        }
    }
}

pub(crate) fn run(arguments: &Demo) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let started = SystemTime::now();
    let teller = Teller { quiet: arguments.json, ticker: progress::ticker() };
    let mut journey = Journey::begin(arguments, interrupt)?;
    let name = journey.name();
    let (seed, rate) = (arguments.seed, numbers::grouped(arguments.rate.into()));
    teller.say(&format!(
        "a simulated {} exchange at {}, seed {seed}, {rate} msg/s",
        arguments.venue,
        journey.place(),
    ))?;
    let found = phases(&mut journey, arguments, &teller)?;
    let (report, compared) = journey.end()?;
    teller.ticker.finish_and_clear();
    for note in &report.notes {
        out::remark(&format!("note: {note}"));
    }
    if interrupt.is_set() {
        out::remark("stopped by Ctrl-C: this is what was done until then");
    }
    let equal = found.last.map(|(_, verdict)| verdict == Verdict::Equal && compared.differing == 0);
    let latencies = latencies(arguments, started, &report);
    if arguments.json {
        out::json(&outcome(name, &found, equal, compared, replay::value(&latencies), interrupt.is_set()))?;
    } else {
        if let Some((book, _)) = &found.last {
            out::result(&format!("\n{}", screen::ladder(&name, book, SHOWN)))?;
        }
        out::result(&judgement(equal, compared, &report))?;
        out::result(&latencies.table())?;
    }
    if interrupt.is_set() {
        return Ok(Ending::Interrupted);
    }
    let healed = found.heal.is_some_and(|heal| heal.live.is_some());
    Ok(if equal == Some(true) && healed && report.balances() { Ending::Sound } else { Ending::Untrusted })
}

/// Connects, runs, cuts, heals, runs on, judges; ends early where the book does not become live, or by Ctrl-C.
fn phases(journey: &mut Journey, arguments: &Demo, teller: &Teller) -> Result<Found, Failure> {
    let mut found = Found { live: journey.first_live(), ..Found::default() };
    let Some(live) = found.live else {
        teller.say("THE BOOK DID NOT BECOME LIVE")?;
        return Ok(found);
    };
    teller.say(&at(live, &format!("{} is LIVE: snapshot and stream joined", journey.name())))?;
    let half = Duration::from_secs(arguments.seconds) / 2;
    if !journey.run(half, |book| teller.show(book)) {
        return Ok(found);
    }
    teller.say(&at(journey.elapsed(), "the exchange cuts the connection, on purpose"))?;
    let heal = journey.cut();
    found.heal = Some(heal);
    let after = |time: Duration| numbers::time(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    if let Some((state, time)) = heal.flagged {
        teller.say(&format!("           {state} after {}", after(time)))?;
    }
    match heal.live {
        Some(time) => teller.say(&format!("           LIVE again after {}", after(time)))?,
        None => {
            teller.say("           THE BOOK DID NOT BECOME LIVE AGAIN")?;
            return Ok(found);
        }
    }
    if journey.run(half, |book| teller.show(book)) {
        teller.say(&at(journey.elapsed(), "the market pauses, its book is compared"))?;
        found.last = Some(journey.last_verdict());
    }
    Ok(found)
}

/// A phase with its time.
fn at(time: Duration, text: &str) -> String {
    format!("{:>7.3} s  {text}", time.as_secs_f64())
}

fn judgement(equal: Option<bool>, compared: Compared, report: &FeedReport) -> String {
    let Compared { equal: same, differing, unknown } = compared;
    let all = numbers::grouped(same + differing + unknown);
    let verdict = match equal {
        None => "stopped early: the last book is not compared with the market's own".to_owned(),
        Some(true) => "the published book is equal to the market's own book".to_owned(),
        Some(false) => "THE PUBLISHED BOOK DIFFERS FROM THE MARKET'S OWN BOOK".to_owned(),
    };
    let balance = if report.balances() { "every message accounted for" } else { "MESSAGES UNACCOUNTED FOR" };
    let received = numbers::grouped(report.intake.received);
    format!(
        "{verdict}\n{} of {all} books read on the way were compared and are equal\n{received} messages received, \
         {balance}\n",
        numbers::grouped(same)
    )
}

fn latencies(arguments: &Demo, started: SystemTime, report: &FeedReport) -> Report {
    let info = RunInfo {
        recording: format!("demo seed {}", arguments.seed),
        frames: report.intake.received,
        messages: report.intake.updates,
        wall: report.wall,
        placement: arguments.threads.placement(),
        pace: "live".to_owned(),
        omission: Omission::MeasuredFromRead,
        clock_cost_ns: touchline::clock::Clock::new().cost(),
        started,
        machine: Machine::here(),
    };
    Report::new(info, report.latencies.clone().unwrap_or_default())
}

fn outcome(
    instrument: String,
    found: &Found,
    equals_market: Option<bool>,
    compared: Compared,
    latency: serde_json::Value,
    interrupted: bool,
) -> Outcome {
    let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    let book = found.last.map_or_else(BookView::busy, |(book, _)| book);
    let (state, reason) = lines::words(book.state);
    let best = |levels: &[Level]| {
        levels.first().map(|level| {
            [level.price.at(book.price_scale).to_string(), level.qty.at(book.qty_scale).to_string()]
        })
    };
    Outcome {
        instrument,
        state,
        reason,
        interrupted,
        live_after_ms: found.live.map(ms),
        heal: found.heal.map(|heal| Healed {
            flagged_after_ms: heal.flagged.map(|(_, time)| ms(time)),
            reason: heal.flagged.and_then(|(state, _)| lines::words(state).1),
            live_after_ms: heal.live.map(ms),
        }),
        equals_market,
        compared,
        bid: best(book.bids()),
        ask: best(book.asks()),
        latency,
    }
}
