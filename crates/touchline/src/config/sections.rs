//! The tables of the TOML form, each read into its part of the configuration.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use touchline_market::{Address, AddressError, Channel};

use super::document::{
    Document, Table, expected, file, flag, ms, seconds, some_address, some_ms, some_socket, some_string,
    some_us, some_whole, string, whole,
};
use super::mistake::{header, suggestion, unknown_venue};
use super::{Config, Endpoint, JournalConfig, Secrets, Subscription, TransportKind, Waiting};
use crate::pipeline::Placement;

/// Every table with its keys; those of `endpoint` and `instruments` are venues.
const TABLES: &[(&str, &[&str])] = &[
    ("subscribe", &["instrument", "instruments", "channels"]),
    (
        "feed",
        &[
            "readers",
            "book_threads",
            "reader_cores",
            "book_cores",
            "placement",
            "wait",
            "transport",
            "ring_records",
            "paths",
            "instruments_max",
            "snapshot_levels",
            "incidents",
            "secrets",
        ],
    ),
    ("journal", &["folder", "name", "file_bytes_max", "file_period_s", "ring_bytes", "hash_every_ms"]),
    ("metrics", &["listen"]),
    ("logs", &["level", "json"]),
    ("endpoint", &[]),
    ("instruments", &[]),
    (
        "timing",
        &[
            "connect_timeout_ms",
            "ack_timeout_ms",
            "idle_ms",
            "probe_timeout_ms",
            "stable_ms",
            "backoff_first_ms",
            "backoff_max_ms",
            "lifetime_ms",
        ],
    ),
    (
        "transport",
        &[
            "nodelay",
            "receive_buffer_bytes",
            "user_timeout_ms",
            "local_address",
            "kernel_stamps",
            "busy_poll_us",
            "roots",
            "frame_bytes_max",
            "message_bytes_max",
        ],
    ),
];

/// Every channel that there is; a venue has some of them.
pub(super) const CHANNELS: [Channel; 8] = Channel::ALL;

/// The table that has this key.
fn home_of(key: &str) -> Option<&'static str> {
    TABLES.iter().find(|(_, keys)| keys.contains(&key)).map(|(table, _)| *table)
}

/// Reads a document; `None` if it is no TOML. Files are looked for in `folder`.
pub(super) fn read(document: &mut Document<'_>, folder: &Path) -> Option<Config> {
    let root = document.parse()?;
    let mut config = Config::default();
    for (key, value) in &root {
        table(document, key, value, folder, &mut config);
    }
    if !root.contains_key("subscribe") {
        let what = "nothing is subscribed to: add a [[subscribe]] with an instrument";
        document.mistakes.add_at((1, 1), "subscribe", what.to_owned());
    }
    Some(config)
}

/// Reads one entry of the root.
fn table(
    document: &mut Document<'_>,
    key: &Spanned<toml::de::DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    config: &mut Config,
) {
    let name: &str = key.get_ref();
    document.place(name, key);
    let Some((path, keys)) = TABLES.iter().find(|(table, _)| *table == name) else {
        let what = match (home_of(name), value.get_ref()) {
            (Some(home), _) => {
                format!("unknown key `{name}` outside any table; it belongs in {}", header(home))
            }
            (None, DeValue::Table(_)) => {
                format!("unknown table [{}]{}", name.escape_debug(), near_table(name))
            }
            (None, _) => {
                format!("unknown key `{}` outside any table{}", name.escape_debug(), near_table(name))
            }
        };
        return document.mistakes.add_at(document.position(&key.span()), name, what);
    };
    if *path == "subscribe" {
        return subscriptions(document, value, config);
    }
    let DeValue::Table(entries) = value.get_ref() else {
        return document.mistakes.add(path, expected(&format!("a table [{path}]"), value.get_ref()));
    };
    let table = Table { path, entries };
    match *path {
        "endpoint" => endpoints(document, entries, config),
        "instruments" => instrument_files(document, table, folder, config),
        _ => {
            document.only(table, keys, home_of);
            match *path {
                "feed" => feed(document, table, folder, config),
                "journal" => journal(document, table, folder, config),
                "metrics" => document.set(table, "listen", some_socket, &mut config.metrics),
                "logs" => {
                    document.set(table, "level", some_string, &mut config.logs.level);
                    document.set(table, "json", flag, &mut config.logs.json);
                }
                "timing" => timing(document, table, config),
                _ => transport(document, table, folder, config),
            }
        }
    }
}

fn near_table(name: &str) -> String {
    suggestion(name, TABLES.iter().map(|(table, _)| *table))
}

fn subscriptions(document: &mut Document<'_>, value: &Spanned<DeValue<'_>>, config: &mut Config) {
    let DeValue::Array(entries) = value.get_ref() else {
        return document
            .mistakes
            .add("subscribe", "write [[subscribe]] with double brackets, once for each group");
    };
    if entries.is_empty() {
        document.mistakes.add("subscribe", "nothing is subscribed to: add an instrument");
    }
    for entry in entries.iter() {
        document.place("subscribe", entry);
        let DeValue::Table(entries) = entry.get_ref() else {
            document.mistakes.add("subscribe", expected("a table [[subscribe]]", entry.get_ref()));
            continue;
        };
        subscription(document, Table { path: "subscribe", entries }, config);
    }
}

/// One `[[subscribe]]`: as many subscriptions as it has instruments.
fn subscription(document: &mut Document<'_>, table: Table<'_>, config: &mut Config) {
    document.only(table, &["instrument", "instruments", "channels"], home_of);
    let mut addresses = Vec::new();
    match (table.get("instrument"), table.get("instruments")) {
        (Some(_), Some(both)) => {
            document.place("subscribe.instruments", both);
            document
                .mistakes
                .add("subscribe.instruments", "there is `instrument` already: write one of the two");
        }
        (None, None) => {
            document.mistakes.add("subscribe", "no instrument: add `instrument` or `instruments`")
        }
        (Some(one), None) => addresses.push(("subscribe.instrument", one)),
        (None, Some(value)) => match value.get_ref() {
            DeValue::Array(values) => {
                if values.is_empty() {
                    document.place("subscribe.instruments", value);
                    document.mistakes.add("subscribe.instruments", "the list is empty: add an instrument");
                }
                addresses.extend(values.iter().map(|value| ("subscribe.instruments", value)));
            }
            other => {
                document.place("subscribe.instruments", value);
                document.mistakes.add("subscribe.instruments", expected("a list of instruments", other));
            }
        },
    }
    let channels = if table.get("channels").is_some() {
        document.list(table, "channels", channel)
    } else {
        Some(vec![Channel::Book])
    };
    for (path, value) in addresses {
        let Some(instrument) = document.value(path, value, address) else { continue };
        let index = config.subscriptions.len();
        document.place(&path.replace("subscribe.", &format!("subscribe[{index}].")), value);
        if let Some(DeValue::Array(values)) = table.get("channels").map(Spanned::get_ref) {
            for (i, value) in values.iter().enumerate() {
                document.place(&format!("subscribe[{index}].channels[{i}]"), value);
            }
        }
        if let Some(list) = table.get("channels") {
            document.place(&format!("subscribe[{index}].channels"), list);
        }
        // Channels that could not be read are named already; the book stands in for them.
        let channels = channels.clone().unwrap_or_else(|| vec![Channel::Book]);
        config.subscriptions.push(Subscription { instrument, channels });
    }
}

fn address(value: &DeValue<'_>) -> Result<Address, String> {
    let text = string(value)?;
    text.parse().map_err(|error| match &error {
        AddressError::BadVenue(venue) => {
            format!("{error}; {}", unknown_venue(venue))
        }
        AddressError::NoVenue(_) | AddressError::BadInstrument(_) => error.to_string(),
    })
}

fn channel(value: &DeValue<'_>) -> Result<Channel, String> {
    let name = string(value)?;
    CHANNELS.into_iter().find(|channel| channel.name() == name).ok_or_else(|| {
        format!("unknown channel `{}`{}", name.escape_debug(), suggestion(&name, CHANNELS.map(Channel::name)))
    })
}

fn feed(document: &mut Document<'_>, table: Table<'_>, folder: &Path, config: &mut Config) {
    document.set(table, "readers", whole, &mut config.readers);
    document.set(table, "book_threads", whole, &mut config.book_threads);
    config.reader_cores = document.list(table, "reader_cores", whole).unwrap_or_default();
    config.book_cores = document.list(table, "book_cores", whole).unwrap_or_default();
    if !config.reader_cores.is_empty() && table.get("readers").is_none() {
        config.readers = config.reader_cores.len();
    }
    if !config.book_cores.is_empty() && table.get("book_threads").is_none() {
        config.book_threads = config.book_cores.len();
    }
    document.set(table, "placement", placement, &mut config.placement);
    document.set(table, "wait", waiting, &mut config.wait);
    document.set(table, "transport", transport_kind, &mut config.transport.kind);
    document.set(table, "ring_records", whole, &mut config.ring_records);
    document.set(table, "paths", whole, &mut config.paths);
    document.set(table, "instruments_max", whole, &mut config.instruments_max);
    document.set(table, "snapshot_levels", whole, &mut config.snapshot_levels);
    config.incidents = document.read(table, "incidents", file).map(|path| folder.join(path));
    if let Some(path) = document.read(table, "secrets", file) {
        let path = folder.join(path);
        match Secrets::read(&path) {
            Ok(secrets) => config.secrets = secrets,
            Err(error) => {
                document.mistakes.add("feed.secrets", format!("{} cannot be read: {error}", path.display()));
            }
        }
    }
}

fn journal(document: &mut Document<'_>, table: Table<'_>, folder: &Path, config: &mut Config) {
    let Some(written) = document.read(table, "folder", file) else {
        if table.get("folder").is_none() {
            document.mistakes.add("journal", "no folder for its files: add `folder`");
        }
        return;
    };
    let mut journal = JournalConfig::new(folder.join(written));
    document.set(table, "name", string, &mut journal.name);
    document.set(table, "file_bytes_max", whole, &mut journal.file_bytes_max);
    document.set(table, "file_period_s", seconds, &mut journal.file_period);
    document.set(table, "ring_bytes", whole, &mut journal.ring_bytes);
    document.set(table, "hash_every_ms", ms, &mut journal.hash_every);
    config.journal = Some(journal);
}

fn placement(value: &DeValue<'_>) -> Result<Placement, String> {
    one_of(value, &[("book-thread", Placement::BookThread), ("reader", Placement::Reader)])
}

fn waiting(value: &DeValue<'_>) -> Result<Waiting, String> {
    one_of(value, &[("block", Waiting::Block), ("spin", Waiting::Spin)])
}

fn transport_kind(value: &DeValue<'_>) -> Result<TransportKind, String> {
    one_of(value, &[("tokio", TransportKind::Tokio), ("spin", TransportKind::Spin)])
}

/// One of some words.
fn one_of<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, String> {
    let written = string(value)?;
    words.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let near = suggestion(&written, words.iter().map(|(word, _)| *word));
        format!("`{}` is not one of its words{near}", written.escape_debug())
    })
}

fn endpoints(document: &mut Document<'_>, entries: &DeTable<'_>, config: &mut Config) {
    for (key, value) in entries {
        let name: &str = key.get_ref();
        let path = format!("endpoint.{name}");
        document.place(&path, key);
        let Some(facts) = touchline_venue::find(name) else {
            document.mistakes.add(&path, unknown_venue(name));
            continue;
        };
        let DeValue::Table(entries) = value.get_ref() else {
            document.mistakes.add(&path, expected("a table with `ws` and `rest`", value.get_ref()));
            continue;
        };
        let table = Table { path: &path, entries };
        document.only(table, &["ws", "rest"], home_of);
        let ws = document.read(table, "ws", string);
        let rest = document.read(table, "rest", string);
        let endpoint = match (ws, rest) {
            (Some(ws), None) => Endpoint::new(facts.name, &ws),
            (Some(ws), Some(rest)) => Endpoint::new(facts.name, &ws).with_rest(&rest),
            (None, Some(rest)) => Endpoint::new(facts.name, facts.access.ws).with_rest(&rest),
            (None, None) if entries.is_empty() => {
                document.mistakes.add(&path, "neither `ws` nor `rest` is given");
                continue;
            }
            (None, None) => continue, // What is there instead is named already.
        };
        config.endpoints.push(endpoint);
    }
}

fn instrument_files(document: &mut Document<'_>, table: Table<'_>, folder: &Path, config: &mut Config) {
    for (key, _) in table.entries {
        let name: &str = key.get_ref();
        match touchline_venue::find(name) {
            Some(facts) => {
                if let Some(path) = document.read(table, name, file) {
                    config.instrument_files.push((facts.name, folder.join(path)));
                }
            }
            None => {
                let path = format!("instruments.{name}");
                document.place(&path, key);
                document.mistakes.add(&path, unknown_venue(name));
            }
        }
    }
}

fn timing(document: &mut Document<'_>, table: Table<'_>, config: &mut Config) {
    let timing = &mut config.timing;
    document.set(table, "connect_timeout_ms", some_ms, &mut timing.connect_timeout);
    document.set(table, "ack_timeout_ms", some_ms, &mut timing.ack_timeout);
    document.set(table, "idle_ms", some_ms, &mut timing.idle);
    document.set(table, "probe_timeout_ms", some_ms, &mut timing.probe_timeout);
    document.set(table, "stable_ms", some_ms, &mut timing.stable);
    document.set(table, "backoff_first_ms", some_ms, &mut timing.backoff_first);
    document.set(table, "backoff_max_ms", some_ms, &mut timing.backoff_max);
    document.set(table, "lifetime_ms", some_ms, &mut timing.lifetime);
}

fn transport(document: &mut Document<'_>, table: Table<'_>, folder: &Path, config: &mut Config) {
    let transport = &mut config.transport;
    document.set(table, "nodelay", flag, &mut transport.nodelay);
    document.set(table, "receive_buffer_bytes", some_whole, &mut transport.receive_buffer_bytes);
    document.set(table, "user_timeout_ms", some_ms, &mut transport.user_timeout);
    document.set(table, "local_address", some_address, &mut transport.local_address);
    document.set(table, "kernel_stamps", flag, &mut transport.kernel_stamps);
    document.set(table, "busy_poll_us", some_us, &mut transport.busy_poll);
    let roots = document.list(table, "roots", file).unwrap_or_default();
    transport.roots = roots.into_iter().map(|path| folder.join(path)).collect();
    document.set(table, "frame_bytes_max", whole, &mut transport.frame_bytes_max);
    document.set(table, "message_bytes_max", whole, &mut transport.message_bytes_max);
}
