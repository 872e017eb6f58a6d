//! `touchline simulate`: an exchange on loopback, until somebody has seen enough.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use touchline::{Pace, Part, Window};
use touchline_simulator::{Config, Counts, Faults, Playback, Simulator, Symbol};

use crate::arguments::{Replay, Simulate, Symbols};
use crate::exit::{Ending, Failure};
use crate::{interrupt, out, progress};

/// How often it is said how far it is.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Instruments named in the command that watches it.
const NAMED: usize = 3;

/// Faults' values that are no probabilities.
const VALUES: [&str; 7] =
    ["stall_ms", "close_code", "drip_bytes", "pings", "stale_messages", "late_ms", "retry_after_s"];

/// One line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Start {
        venue: &'a str,
        ws: String,
        rest: String,
        root: Option<String>,
        symbols: Vec<&'a str>,
        watch: &'a str,
    },
    Counts(Told),
    End(Told),
}

#[derive(Serialize)]
struct Told {
    connections: u64,
    open: u64,
    messages: u64,
    snapshots: u64,
    rest_requests: u64,
    faults: u64,
    breaches: u64,
    early_requests: u64,
}

impl Told {
    fn of(counts: &Counts) -> Self {
        Self {
            connections: counts.connections,
            open: counts.open,
            messages: counts.messages,
            snapshots: counts.snapshots,
            rest_requests: counts.rest_requests,
            faults: counts.faulted(),
            breaches: counts.breached(),
            early_requests: counts.early_requests,
        }
    }
}

/// `touchline replay --serve`: a recording as an exchange.
pub(crate) fn replay(arguments: &Replay) -> Result<Ending, Failure> {
    let speed = match arguments.pace {
        None => 1.0,
        Some(Pace::Times(times)) => times,
        Some(Pace::Max) => {
            let text = "--serve --pace max: an exchange needs a pace, real or a multiple such as 10x";
            return Err(Failure::Usage(text.to_owned()));
        }
    };
    let Replay { capture, recording, part, json, .. } = arguments;
    let simulate = Simulate {
        venue: recording.venue.clone(),
        serve: Some(capture.clone()),
        json: *json,
        symbols: Symbols::Count(1),
        seed: 1,
        rate: 1_000,
        port: None,
        plain: false,
        certificate: None,
        faults: None,
        fault: Vec::new(),
        seconds: None,
    };
    serve(&simulate, speed, &part.part())
}

pub(crate) fn run(arguments: &Simulate) -> Result<Ending, Failure> {
    serve(arguments, 1.0, &Part::default())
}

fn serve(arguments: &Simulate, speed: f64, part: &Part) -> Result<Ending, Failure> {
    let interrupt = interrupt::flag();
    let config = config(arguments, speed, part)?;
    let (venue, symbols) = (config.venue.clone(), config.symbols.clone());
    let exchange = Simulator::start(config)?;
    let certificate = Certificate::write(&exchange, arguments.certificate.as_deref())?;
    let root = certificate.as_ref().map(|certificate| certificate.path().display().to_string());
    let watch = watch_command(&venue, &symbols, &exchange, root.as_deref());
    if arguments.json {
        line(&Line::Start {
            venue: &venue,
            ws: exchange.ws_root(),
            rest: exchange.rest_root(),
            root,
            symbols: symbols.iter().map(|symbol| symbol.name.as_str()).collect(),
            watch: &watch,
        })?;
    } else {
        let (count, plural) = (symbols.len(), if symbols.len() == 1 { "" } else { "s" });
        out::result(&format!(
            "a simulated {venue} exchange, {count} symbol{plural}, at {}\nwatch it with\n  {watch}",
            exchange.ws_root()
        ))?;
    }
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    loop {
        let next = Instant::now() + COUNT_EVERY;
        let ended = until.is_some_and(|until| until <= next);
        if interrupt.sleep_until(until.map_or(next, |until| until.min(next))) || ended {
            break;
        }
        tell(arguments, &exchange, Line::Counts)?;
    }
    tell(arguments, &exchange, Line::End)?;
    Ok(if interrupt.is_set() { Ending::Interrupted } else { Ending::Sound })
}

fn tell(arguments: &Simulate, exchange: &Simulator, form: fn(Told) -> Line<'static>) -> Result<(), Failure> {
    let counts = exchange.counts();
    if arguments.json { line(&form(Told::of(&counts))) } else { out::result(&counts.to_string()) }
}

fn line(line: &Line<'_>) -> Result<(), Failure> {
    // Plain data with text keys: it always has a JSON form.
    out::result(&serde_json::to_string(line).unwrap_or_default())
}

/// The command that shows what this exchange sends.
fn watch_command(venue: &str, symbols: &[Symbol], exchange: &Simulator, root: Option<&str>) -> String {
    let mut text = "touchline watch".to_owned();
    for symbol in symbols.iter().take(NAMED) {
        text += &format!(" {venue}:@{}", symbol.name);
    }
    text += &format!(" --endpoint {venue}={}", exchange.ws_root());
    if let Some(root) = root {
        text += &format!(" --root {}", quoted(root));
    }
    text
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Where the exchange's certificate lies: in a file that stays, or one for the time of the run.
pub(crate) enum Certificate {
    Kept(PathBuf),
    Temporary(NamedTempFile),
}

impl Certificate {
    /// Writes it, if the exchange has one.
    pub(crate) fn write(exchange: &Simulator, file: Option<&Path>) -> Result<Option<Self>, Failure> {
        let pem = exchange.certificate_pem();
        if pem.is_empty() {
            return Ok(None);
        }
        let written = match file {
            Some(path) => std::fs::write(path, pem).map(|()| Self::Kept(path.to_owned())),
            None => tempfile::Builder::new()
                .prefix("touchline-")
                .suffix(".pem")
                .tempfile()
                .and_then(|file| std::fs::write(file.path(), pem).map(|()| Self::Temporary(file))),
        };
        let path = || file.map_or_else(std::env::temp_dir, Path::to_owned);
        written.map(Some).map_err(|source| Failure::Write { path: path(), source })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(file) => file.path(),
        }
    }
}

fn config(arguments: &Simulate, speed: f64, part: &Part) -> Result<Config, Failure> {
    let recorded = arguments.serve.as_deref().map(|path| recorded(path, arguments.venue.as_deref(), part));
    let (venue, playback) = match recorded.transpose()? {
        Some(Recorded { venue, symbols, playback }) => (venue, Some((symbols, playback))),
        None => (arguments.venue.clone().unwrap_or_else(|| "binance".to_owned()), None),
    };
    let mut config = Config::new(&venue);
    config.seed = arguments.seed;
    config.rate = f64::from(arguments.rate);
    config.port = arguments.port.unwrap_or(0);
    config.tls = !arguments.plain;
    config.faults = faults(arguments.faults.as_deref(), &arguments.fault)?;
    config.symbols = match (&playback, &arguments.symbols) {
        (Some((names, _)), _) if names.is_empty() => {
            return Err(Failure::Usage("there is no book in the recording".to_owned()));
        }
        (Some((names, _)), _) => named(&venue, names),
        (None, Symbols::Names(names)) => {
            let symbols = named(&venue, names);
            symbols.iter().try_for_each(|symbol| written_as(&venue, &symbol.name))?;
            symbols
        }
        (None, Symbols::Count(count)) => Config::symbols(&venue, *count),
    };
    config.recording = playback.map(|(_, playback)| Playback { speed, ..playback });
    Ok(config)
}

/// What is to be known of a recording that is served.
struct Recorded {
    venue: String,
    /// Those that have a book in it.
    symbols: Vec<String>,
    playback: Playback,
}

fn recorded(path: &Path, venue: Option<&str>, part: &Part) -> Result<Recorded, Failure> {
    let opened =
        progress::during("looking at the recording", || touchline::Replay::open_part(path, venue, part));
    let replay = opened?;
    let survey = replay.survey();
    if survey.is_of_several_venues() {
        let text = format!("{}: a journal of several venues cannot be served as one", path.display());
        return Err(Failure::Usage(text));
    }
    let books = survey.instruments.iter().filter(|surveyed| surveyed.has_book());
    let Window { begin, from, to } = survey.window();
    Ok(Recorded {
        venue: survey.venue.name.to_string(),
        symbols: books.map(|book| book.instrument.symbol.clone()).collect(),
        playback: Playback { rest_url: survey.rest_url().to_owned(), begin, from, to, ..Playback::new(path) },
    })
}

/// Symbols by name: the best known one as it is, others like the invented ones.
fn named(venue: &str, names: &[String]) -> Vec<Symbol> {
    let invented = Config::symbols(venue, names.len() + 1);
    let known = invented.first().cloned();
    let symbol = |(name, like): (&String, &Symbol)| match &known {
        Some(known) if known.name == *name => known.clone(),
        _ => Symbol { name: name.clone(), ..like.clone() },
    };
    names.iter().zip(invented.iter().skip(1)).map(symbol).collect()
}

/// Does the venue write its symbols so, in these letters and with this between them?
fn written_as(venue: &str, name: &str) -> Result<(), Failure> {
    let Some(known) = Config::symbols(venue, 1).pop() else { return Ok(()) };
    let lower = |name: &str| name.contains(|c: char| c.is_ascii_lowercase());
    let mut between = known.name.chars().filter(|c| !c.is_ascii_alphanumeric());
    if lower(name) == lower(&known.name) && between.all(|c| name.contains(c)) {
        return Ok(());
    }
    Err(Failure::Usage(format!("{venue} writes symbols such as {}: {name} is none", known.name)))
}

/// The file's faults, then those of the command line.
fn faults(file: Option<&Path>, more: &[String]) -> Result<Faults, Failure> {
    let mut table = toml::Table::new();
    if let Some(path) = file {
        let wrong = |what: &dyn std::fmt::Display| Failure::Usage(format!("{}: {what}", path.display()));
        let text =
            std::fs::read_to_string(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        table = text.parse().map_err(|error| wrong(&error))?;
    }
    for text in more {
        let wrong = || Failure::Usage(format!("--fault {text}: write NAME=VALUE, e.g. drop=0.001"));
        let one: toml::Table = text.parse().map_err(|_| wrong())?;
        if one.is_empty() {
            return Err(wrong());
        }
        table.extend(one);
    }
    for (name, value) in &table {
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        if !VALUES.contains(&name.as_str()) && number.is_some_and(|number| !(0.0..=1.0).contains(&number)) {
            return Err(Failure::Usage(format!("fault {name} = {value}: a probability is from 0 to 1")));
        }
    }
    Faults::deserialize(table).map_err(|error| Failure::Usage(format!("faults: {}", error.message())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(failure: &Failure) -> &str {
        let Failure::Usage(text) = failure else { panic!("{failure:?}") };
        text
    }

    /// Probabilities and values are read, the command line after the file; mistakes are told.
    #[test]
    fn faults_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faults.toml");
        std::fs::write(&file, "drop = 0.5\nstall_ms = 700\n").unwrap();
        let one = |text: &str| [text.to_owned()];
        let read = faults(Some(&file), &one("drop=0.25")).unwrap();
        assert_eq!(read, Faults { drop: 0.25, stall_ms: 700, ..Faults::default() });
        assert_eq!(faults(None, &one("reset=1")).unwrap(), Faults { reset: 1.0, ..Faults::default() });
        for (bad, why) in
            [("drop", "NAME=VALUE"), ("", "NAME=VALUE"), ("drop=2", "from 0 to 1"), ("drp=0.1", "drop")]
        {
            let failure = faults(None, &one(bad)).unwrap_err();
            assert!(text(&failure).contains(why), "{bad}: {failure:?}");
        }
        std::fs::write(&file, "drop = \n").unwrap();
        assert!(text(&faults(Some(&file), &[]).unwrap_err()).contains("faults.toml"));
    }

    /// Named symbols keep their names, and the best known one its prices.
    #[test]
    fn symbols_go_by_their_names() {
        let names = ["ETHUSDT", "BTCUSDT"].map(str::to_owned);
        let symbols = named("binance", &names);
        assert_eq!([&symbols[0].name, &symbols[1].name], ["ETHUSDT", "BTCUSDT"]);
        assert_eq!(symbols[1], Config::symbols("binance", 1)[0]);
    }

    /// Each venue's own way to write symbols is taken, another's is told from it.
    #[test]
    fn symbols_are_written_as_the_venue_does() {
        let right = [
            ("binance", "ETHUSDT"),
            ("binance-coinm", "BTCUSD_260925"),
            ("coinbase-advanced", "ETH-USD"),
            ("kraken", "ETH/USD"),
            ("bitstamp", "btcusd-perp"),
        ];
        for (venue, name) in right {
            assert!(written_as(venue, name).is_ok(), "{venue} {name}");
        }
        for (venue, name) in [("binance", "ethusdt"), ("kraken", "ETHUSD"), ("bitstamp", "ETHUSD")] {
            assert!(text(&written_as(venue, name).unwrap_err()).contains(name), "{venue} {name}");
        }
    }

    /// A path with blanks and quotes survives the shell.
    #[test]
    fn paths_are_quoted_where_they_must_be() {
        assert_eq!(
            (quoted("/tmp/a-1.pem"), quoted("it's")),
            ("/tmp/a-1.pem".to_owned(), r"'it'\''s'".to_owned())
        );
    }
}
