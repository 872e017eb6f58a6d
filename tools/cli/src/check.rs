//! `touchline check`: a configuration, read and judged without network.

use serde::Serialize;
use touchline::Placement;
use touchline::config::{Config, JournalConfig, Mistake, TransportKind, Waiting};

use crate::arguments::Check;
use crate::exit::{Ending, Failure};
use crate::{numbers, out, screen};

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    file: String,
    sound: bool,
    mistakes: Vec<Found>,
    /// `null` if there are mistakes.
    plan: Option<Plan>,
}

#[derive(Serialize)]
struct Found {
    /// From 1; 0 where the file itself is the mistake.
    line: usize,
    column: usize,
    key: String,
    what: String,
}

#[derive(Serialize)]
struct Plan {
    readers: usize,
    reader_cores: Vec<usize>,
    book_threads: usize,
    book_cores: Vec<usize>,
    placement: &'static str,
    wait: &'static str,
    transport: &'static str,
    subscriptions: Vec<Subscription>,
    endpoints: Vec<Endpoint>,
    incidents: Option<String>,
    journal: Option<Journal>,
    metrics: Option<String>,
    logs: Logs,
    /// How many texts are kept out of journal and log. Not which.
    secrets: usize,
}

#[derive(Serialize)]
struct Journal {
    folder: String,
    name: String,
    file_bytes_max: u64,
    file_period_s: u64,
    ring_bytes: usize,
    hash_every_ms: u128,
}

#[derive(Serialize)]
struct Logs {
    level: Option<String>,
    json: bool,
}

#[derive(Serialize)]
struct Subscription {
    instrument: String,
    channels: Vec<&'static str>,
}

#[derive(Serialize)]
struct Endpoint {
    venue: String,
    ws: String,
    rest: String,
    /// Named by the configuration, or the venue's own.
    configured: bool,
}

pub(crate) fn run(arguments: &Check) -> Result<Ending, Failure> {
    let file = arguments.file.display().to_string();
    match Config::read(&arguments.file) {
        Ok(config) => {
            let plan = plan(&config);
            if arguments.json {
                out::json(&Outcome { file, sound: true, mistakes: Vec::new(), plan: Some(plan) })?;
            } else {
                out::result(&format!("{file}: sound\n\n{}", text(&plan)))?;
            }
            Ok(Ending::Sound)
        }
        Err(error) if arguments.json => {
            let found = |mistake: &Mistake| {
                let Mistake { line, column, key, what } = mistake.clone();
                Found { line, column, key, what }
            };
            let mistakes = error.mistakes.iter().map(found).collect();
            out::json(&Outcome { file, sound: false, mistakes, plan: None })?;
            Ok(Ending::Unusable)
        }
        Err(error) => {
            out::remark(&error.to_string());
            let count = error.mistakes.len();
            out::error(&format!("{count} {} in {file}", if count == 1 { "mistake" } else { "mistakes" }));
            Ok(Ending::Unusable)
        }
    }
}

fn plan(config: &Config) -> Plan {
    let mut venues: Vec<_> = config.subscriptions.iter().map(|one| one.instrument.venue).collect();
    venues.sort();
    venues.dedup();
    let endpoint = |venue| {
        let named = config.endpoints.iter().find(|endpoint| endpoint.venue == venue);
        let access = touchline_venue::find(venue.as_str()).map(|facts| facts.access);
        let own = access.map_or(("", ""), |access| (access.ws, access.rest));
        let (ws, rest) = named.map_or(own, |endpoint| (&endpoint.ws, &endpoint.rest));
        Endpoint {
            venue: venue.to_string(),
            ws: ws.to_owned(),
            rest: rest.to_owned(),
            configured: named.is_some(),
        }
    };
    let subscription = |one: &touchline::config::Subscription| Subscription {
        instrument: one.instrument.to_string(),
        channels: one.channels.iter().map(|channel| channel.name()).collect(),
    };
    Plan {
        readers: config.reader_count(),
        reader_cores: config.reader_cores.clone(),
        book_threads: config.book_thread_count(),
        book_cores: config.book_cores.clone(),
        placement: match config.placement {
            Placement::BookThread => "book-thread",
            Placement::Reader => "reader",
        },
        wait: match config.wait {
            Waiting::Block => "block",
            Waiting::Spin => "spin",
        },
        transport: match config.transport.kind {
            TransportKind::Tokio => "tokio",
            TransportKind::Spin => "spin",
        },
        subscriptions: config.subscriptions.iter().map(subscription).collect(),
        endpoints: venues.into_iter().map(endpoint).collect(),
        incidents: config.incidents.as_ref().map(|folder| folder.display().to_string()),
        journal: config.journal.as_ref().map(journal),
        metrics: config.metrics.map(|address| address.to_string()),
        logs: Logs { level: config.logs.level.clone(), json: config.logs.json },
        secrets: config.secrets.count(),
    }
}

fn journal(journal: &JournalConfig) -> Journal {
    Journal {
        folder: journal.folder.display().to_string(),
        name: journal.name.clone(),
        file_bytes_max: journal.file_bytes_max,
        file_period_s: journal.file_period.as_secs(),
        ring_bytes: journal.ring_bytes,
        hash_every_ms: journal.hash_every.as_millis(),
    }
}

fn text(plan: &Plan) -> String {
    let threads = |what: &str, count: usize, cores: &[usize]| {
        let plural = if count == 1 { "" } else { "s" };
        let cores: Vec<_> = cores.iter().map(usize::to_string).collect();
        let place = match cores.as_slice() {
            [] => "wherever the system puts them".to_owned(),
            cores => format!("on cores {}", cores.join(", ")),
        };
        format!("{count} {what}{plural} {place}\n")
    };
    let mut text = threads("reader", plan.readers, &plan.reader_cores);
    if plan.book_threads > 0 {
        text += &threads("book thread", plan.book_threads, &plan.book_cores);
    } else {
        text += "books on the readers' threads\n";
    }
    text += match plan.wait {
        "spin" => "idle threads spin\n",
        _ => "idle threads sleep\n",
    };
    text += match plan.transport {
        "spin" => "sockets spin: each reader burns its core\n\n",
        _ => "sockets wake their reader\n\n",
    };
    let mut rows = vec![["instrument", "channels"].map(str::to_owned)];
    rows.extend(plan.subscriptions.iter().map(|one| [one.instrument.clone(), one.channels.join(" ")]));
    text += &screen::table(&rows, [false; 2]);
    let mut rows = vec![["venue", "sockets", "REST"].map(str::to_owned)];
    rows.extend(plan.endpoints.iter().map(|one| [one.venue.clone(), one.ws.clone(), one.rest.clone()]));
    text.push('\n');
    text += &screen::table(&rows, [false; 3]);
    text.push('\n');
    text += &shown(plan);
    text.trim_end().to_owned()
}

/// What is written down and shown, a line each.
fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    if let Some(folder) = &plan.incidents {
        text += &format!("incidents: {folder}\n");
    }
    if let Some(journal) = &plan.journal {
        let Journal { folder, name, file_period_s, hash_every_ms, .. } = journal;
        let bytes = numbers::grouped(journal.file_bytes_max);
        text += &format!(
            "journal: {folder}, files {name}-* of at most {bytes} bytes or {file_period_s} s, hashes every {hash_every_ms} ms\n"
        );
    }
    if let Some(address) = &plan.metrics {
        text += &format!("metrics: http://{address}/metrics\n");
    }
    if let Some(level) = &plan.logs.level {
        text += &format!("log: {level}{}\n", if plan.logs.json { ", as JSON" } else { "" });
    }
    if plan.secrets > 0 {
        text += &format!("secrets: {} kept out of journal and log\n", plan.secrets);
    }
    text
}
