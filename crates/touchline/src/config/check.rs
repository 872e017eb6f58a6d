//! What the values of a configuration must be, alone and together. Files that are named are read, the network is not.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use touchline_market::{Address, Channel, Instrument, LEVELS_MAX, Venue, What};
use touchline_venue::VenueFacts;

use super::endpoint::{REST, WS, check_url};
use super::mistake::{Mistakes, suggestion, unknown_venue};
use super::shown::{LEVELS, wrong_level};
use super::{Config, TimingConfig, TransportConfig};
use crate::live::PATHS_MAX;
use crate::pipeline::Placement;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Adds every mistake. `cores` are those there are; `None` if nobody knows.
pub(super) fn check(config: &Config, mistakes: &mut Mistakes, cores: Option<&[usize]>) {
    threads(config, mistakes);
    core_lists(config, mistakes, cores);
    sizes(config, mistakes);
    folder("feed.incidents", config.incidents.as_deref(), mistakes);
    if let Err(error) = config.secrets.redactor() {
        mistakes.add("feed.secrets", error);
    }
    journal(config, mistakes);
    shown(config, mistakes);
    subscriptions(config, mistakes);
    endpoints(config, mistakes);
    instrument_files(config, mistakes);
    timing(&config.timing, mistakes);
    transport(&config.transport, mistakes);
}

/// A value outside its range.
fn range<T: PartialOrd + Display>(mistakes: &mut Mistakes, path: &str, value: T, range: RangeInclusive<T>) {
    if !range.contains(&value) {
        let (least, most) = range.into_inner();
        mistakes.add(path, format!("{value} is out of range: {least} to {most}"));
    }
}

fn threads(config: &Config, mistakes: &mut Mistakes) {
    range(mistakes, "feed.readers", config.readers, 1..=256);
    range(mistakes, "feed.book_threads", config.book_threads, 1..=256);
    for (path, cores_path, count, cores) in [
        ("feed.readers", "feed.reader_cores", config.readers, &config.reader_cores),
        ("feed.book_threads", "feed.book_cores", config.book_threads, &config.book_cores),
    ] {
        // A program leaves the count at its default where it names cores; a file that names both must agree.
        let named = mistakes.is_given(path) || count != 1;
        if named && !cores.is_empty() && cores.len() != count {
            let key = path.trim_start_matches("feed.");
            mistakes.add(
                cores_path,
                format!("{} cores, but `{key}` is {count}: leave one of them out", cores.len()),
            );
        }
    }
    if config.placement == Placement::Reader {
        let what = "there are no book threads with placement \"reader\": leave it out";
        if mistakes.is_given("feed.book_threads") || config.book_threads != 1 {
            mistakes.add("feed.book_threads", what);
        }
        if !config.book_cores.is_empty() {
            mistakes.add("feed.book_cores", what);
        }
    }
}

fn core_lists(config: &Config, mistakes: &mut Mistakes, present: Option<&[usize]>) {
    let mut used = HashSet::new();
    for (path, cores) in
        [("feed.reader_cores", &config.reader_cores), ("feed.book_cores", &config.book_cores)]
    {
        for (i, core) in cores.iter().enumerate() {
            let path = format!("{path}[{i}]");
            if !used.insert(core) {
                mistakes.add(&path, format!("core {core} is taken already: each thread needs its own"));
            }
            if let Some(present) = present.filter(|present| !present.contains(core)) {
                mistakes
                    .add(&path, format!("core {core} is not there; this thread may use {}", spans(present)));
            }
        }
    }
}

/// Sorted numbers, runs shortened: `0-3, 8`.
fn spans(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = runs.iter().map(|&(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") });
    shown.collect::<Vec<_>>().join(", ")
}

fn sizes(config: &Config, mistakes: &mut Mistakes) {
    let records = config.ring_records;
    let most = 1 << 24;
    if !(64..=most).contains(&records) || !records.is_power_of_two() {
        let near = records.clamp(64, most).next_power_of_two();
        mistakes.add(
            "feed.ring_records",
            format!("{records} is no power of two from 64 to {most}; write {near}"),
        );
    }
    range(mistakes, "feed.paths", usize::from(config.paths), 1..=PATHS_MAX);
    range(mistakes, "feed.instruments_max", config.instruments_max, 1..=1_000_000);
    let levels_max = u32::try_from(LEVELS_MAX).unwrap_or(u32::MAX);
    range(mistakes, "feed.snapshot_levels", config.snapshot_levels, 1..=levels_max);
    let instruments: HashSet<_> = config.subscriptions.iter().map(|one| &one.instrument).collect();
    if instruments.len() > config.instruments_max {
        let what = format!("{} is less than the {} subscribed", config.instruments_max, instruments.len());
        mistakes.add("feed.instruments_max", what);
    }
}

/// A folder that is not there yet will be made.
fn folder(path: &str, folder: Option<&Path>, mistakes: &mut Mistakes) {
    if let Some(folder) = folder.filter(|folder| folder.exists() && !folder.is_dir()) {
        mistakes.add(path, format!("{} is no folder", folder.display()));
    }
}

fn journal(config: &Config, mistakes: &mut Mistakes) {
    const GIB: u64 = 1 << 30;
    let Some(journal) = &config.journal else { return };
    folder("journal.folder", Some(&journal.folder), mistakes);
    let name = &journal.name;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(is_letter) {
        let what = "letters, digits, `-`, `_` and `.` only, up to 100, and no `.` at its beginning";
        mistakes.add("journal.name", what);
    }
    range(mistakes, "journal.file_bytes_max", journal.file_bytes_max, 64 << 10..=1_024 * GIB);
    range(mistakes, "journal.file_period_s", journal.file_period.as_secs(), 1..=100_000_000);
    range(mistakes, "journal.ring_bytes", journal.ring_bytes, 4 * KIB..=1_024 * MIB);
    range(mistakes, "journal.hash_every_ms", journal.hash_every.as_millis(), 10..=3_600_000);
}

/// What a program around the feed will be told by those who serve and log, told before.
fn shown(config: &Config, mistakes: &mut Mistakes) {
    if config.metrics.is_some_and(|address| !address.ip().is_loopback()) {
        mistakes.add("metrics.listen", "metrics are for this machine alone: use 127.0.0.1 or [::1]");
    }
    if let Some(part) = config.logs.level.as_deref().and_then(wrong_level) {
        let near = suggestion(part, LEVELS);
        mistakes.add("logs.level", format!("`{}` is no level{near}", part.escape_debug()));
    }
}

/// The facts of a venue; if there are none, that is a mistake.
fn facts_of(mistakes: &mut Mistakes, path: &str, venue: Venue) -> Option<&'static VenueFacts> {
    let facts = touchline_venue::find(venue.as_str());
    if facts.is_none() {
        mistakes.add(path, unknown_venue(venue.as_str()));
    }
    facts
}

/// The path of a subscription's instrument: that of its list, if it stands in one.
fn instrument_path(mistakes: &Mistakes, index: usize) -> String {
    let listed = format!("subscribe[{index}].instruments");
    if mistakes.is_given(&listed) { listed } else { format!("subscribe[{index}].instrument") }
}

fn subscriptions(config: &Config, mistakes: &mut Mistakes) {
    let mut seen = HashSet::new();
    for (index, subscription) in config.subscriptions.iter().enumerate() {
        let Some(facts) =
            facts_of(mistakes, &instrument_path(mistakes, index), subscription.instrument.venue)
        else {
            continue;
        };
        let path = format!("subscribe[{index}].channels");
        if subscription.channels.is_empty() {
            mistakes
                .add(&path, format!("no channel of {}: leave it out for the book", subscription.instrument));
        }
        for (i, channel) in subscription.channels.iter().enumerate() {
            let path = format!("{path}[{i}]");
            if !facts.channels.contains(channel) {
                let there: Vec<_> = facts.channels.iter().copied().map(Channel::name).collect();
                let (name, there) = (channel.name(), there.join(", "));
                mistakes.add(&path, format!("{} has no channel `{name}`; there are {there}", facts.name));
            }
            if !seen.insert((&subscription.instrument, channel)) {
                let path = if mistakes.is_given(&path) { path } else { instrument_path(mistakes, index) };
                let what = format!("{} {} is subscribed to already", subscription.instrument, channel.name());
                mistakes.add(&path, what);
            }
        }
    }
}

fn endpoints(config: &Config, mistakes: &mut Mistakes) {
    let mut seen = HashSet::new();
    for endpoint in &config.endpoints {
        let path = format!("endpoint.{}", endpoint.venue);
        if facts_of(mistakes, &path, endpoint.venue).is_some() && !seen.insert(endpoint.venue) {
            mistakes.add(&path, "the venue has an endpoint already");
        }
        let ws = check_url(&endpoint.ws, WS);
        if let Err(error) = &ws {
            mistakes.add(&format!("{path}.ws"), error);
        }
        // A REST root that was derived from a malformed one is not a second mistake.
        let derived = !mistakes.is_given(&format!("{path}.rest")) && ws.is_err();
        if let (Err(error), false) = (check_url(&endpoint.rest, REST), derived) {
            mistakes.add(&format!("{path}.rest"), error);
        }
    }
}

fn instrument_files(config: &Config, mistakes: &mut Mistakes) {
    let mut lists: HashMap<Venue, Vec<Instrument>> = HashMap::new();
    for (venue, file) in &config.instrument_files {
        let path = format!("instruments.{venue}");
        let Some(facts) = facts_of(mistakes, &path, *venue) else { continue };
        if lists.contains_key(venue) {
            mistakes.add(&path, "the venue has a file already");
        }
        match instruments_in(file, facts) {
            Ok(list) => drop(lists.insert(*venue, list)),
            Err(what) => mistakes.add(&path, what),
        }
    }
    for (index, subscription) in config.subscriptions.iter().enumerate() {
        if let Some(list) = lists.get(&subscription.instrument.venue)
            && let Err(what) = listed(&subscription.instrument, list)
        {
            mistakes.add(&instrument_path(mistakes, index), what);
        }
    }
}

/// The instruments of a file.
fn instruments_in(file: &Path, facts: &VenueFacts) -> Result<Vec<Instrument>, String> {
    let body = fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    (facts.instruments)(&body)
        .map_err(|error| format!("{} is no list of {}: {error}", file.display(), facts.name))
}

/// An instrument must be in its venue's list, where we have that.
fn listed(address: &Address, list: &[Instrument]) -> Result<(), String> {
    let (written, names): (_, Vec<&str>) = match &address.what {
        What::Name(name) => (name, list.iter().map(|instrument| instrument.name.as_str()).collect()),
        What::Symbol(symbol) => (symbol, list.iter().map(|instrument| instrument.symbol.as_str()).collect()),
    };
    if names.contains(&written.as_str()) {
        return Ok(());
    }
    // A venue lists thousands: too many to show where none is near.
    let near = suggestion(written, names);
    let near = if near.contains("did you mean") { near } else { String::new() };
    Err(format!("the venue's list has no `{address}`{near}"))
}

fn timing(timing: &TimingConfig, mistakes: &mut Mistakes) {
    const HOUR_MS: u128 = 3_600_000;
    for (path, value, allowed) in [
        ("timing.connect_timeout_ms", timing.connect_timeout, 100..=300_000),
        ("timing.ack_timeout_ms", timing.ack_timeout, 100..=300_000),
        ("timing.idle_ms", timing.idle, 2_000..=HOUR_MS),
        ("timing.probe_timeout_ms", timing.probe_timeout, 100..=HOUR_MS),
        ("timing.stable_ms", timing.stable, 1..=24 * HOUR_MS),
        ("timing.backoff_first_ms", timing.backoff_first, 10..=HOUR_MS),
        ("timing.backoff_max_ms", timing.backoff_max, 10..=24 * HOUR_MS),
        ("timing.lifetime_ms", timing.lifetime, 1_000..=7 * 24 * HOUR_MS),
    ] {
        if let Some(value) = value {
            range(mistakes, path, value.as_millis(), allowed);
        }
    }
    let mut less = |path, small: Option<Duration>, than, large: Option<Duration>, may_equal: bool| {
        if let (Some(small), Some(large)) = (small, large)
            && (small > large || small == large && !may_equal)
        {
            let word = if may_equal { "at most" } else { "less than" };
            let (small, large) = (small.as_millis(), large.as_millis());
            mistakes.add(path, format!("{small} must be {word} `{than}`, which is {large}"));
        }
    };
    less("timing.backoff_first_ms", timing.backoff_first, "backoff_max_ms", timing.backoff_max, true);
    less("timing.probe_timeout_ms", timing.probe_timeout, "idle_ms", timing.idle, false);
    less("timing.idle_ms", timing.idle, "lifetime_ms", timing.lifetime, false);
    less("timing.stable_ms", timing.stable, "lifetime_ms", timing.lifetime, false);
}

fn transport(transport: &TransportConfig, mistakes: &mut Mistakes) {
    if let Some(bytes) = transport.receive_buffer_bytes {
        range(mistakes, "transport.receive_buffer_bytes", bytes, 4 * KIB..=1024 * MIB);
    }
    if let Some(timeout) = transport.user_timeout {
        range(mistakes, "transport.user_timeout_ms", timeout.as_millis(), 1..=3_600_000);
    }
    if let Some(time) = transport.busy_poll {
        range(mistakes, "transport.busy_poll_us", time.as_micros(), 1..=1_000_000);
    }
    if transport.local_address.is_some_and(|address| address.is_unspecified() || address.is_multicast()) {
        mistakes.add("transport.local_address", "it is no single address of this machine");
    }
    let (frame, message) = (transport.frame_bytes_max, transport.message_bytes_max);
    range(mistakes, "transport.frame_bytes_max", frame, KIB..=1024 * MIB);
    range(mistakes, "transport.message_bytes_max", message, KIB..=1024 * MIB);
    if frame > message {
        let what = format!("{frame} must be at most `message_bytes_max`, which is {message}");
        mistakes.add("transport.frame_bytes_max", what);
    }
    for (i, file) in transport.roots.iter().enumerate() {
        let shown = file.display();
        let what = match fs::read(file) {
            Err(error) => format!("{shown} cannot be read: {error}"),
            Ok(body) if !body.windows(PEM.len()).any(|part| part == PEM) => {
                format!("{shown} holds no certificate")
            }
            Ok(_) => continue,
        };
        mistakes.add(&format!("transport.roots[{i}]"), what);
    }
}

/// How a certificate begins in a PEM file.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";
