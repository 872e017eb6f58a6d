//! Eight secrets are planted in every exchange of these tests, and looked for in all that a feed leaves behind.
//!
//! | secret | where the exchange lets it slip | how the feed may know it |
//! | --- | --- | --- |
//! | socket path | in the URL of every socket | it looks like a listen key |
//! | REST path | in the URL of every REST request | it is told |
//! | cookie | in the headers of every HTTP answer | by its name |
//! | REST body | in every list of instruments and every snapshot | it is told |
//! | refusal | in the body of every HTTP error | by its name |
//! | reply | in every answer to a subscription | by its name |
//! | close reason | in every close frame | by its name |
//! | ping | in every ping | it is told |
//!
//! These are all the ways in: no venue asks for a login, so a feed sends no token and no `Authorization`, and an endpoint
//! takes no user and no query. Every feed has a log of everything (`trace`), a journal and a folder of incidents; they,
//! the metrics, the verdict on readiness, the report and the messages of panics are searched for each secret as it is,
//! percent-encoded, in base64 and in hexadecimal. What TLS, WebSockets and HTTP say of themselves is in the log too.

use std::cell::RefCell;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use touchline::config::{Config, JournalConfig, Secrets};
use touchline::events::Events;
use touchline::feed::Report;
use touchline::market::{Channel, InstrumentId, Reason};
use touchline::{Feed, FeedReport};
use touchline_capture::journal::{EntryKind, Reader};
use touchline_observe::logs::{self, Follower, Scrub, Settings};
use touchline_observe::{Format, Observer};
use touchline_simulator::{self as simulator, Command, End, HandshakeFault, RestFault, Subscribing, Which};
use touchline_tests::secrets::{self, SECRETS, find};

use crate::history::History;
use crate::rig::{PATIENCE, rig_with};

/// Something of a secret was found, and where.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Bytes of logs, journals and pages that were searched.
static SEARCHED: [AtomicU64; 3] = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
const LOGS: usize = 0;
const JOURNALS: usize = 1;
const PAGES: usize = 2;

/// Those that no name and no shape gives away.
fn told() -> Secrets {
    Secrets::new(secrets::told().map(str::to_owned))
}

/// Searches, and remembers what is found.
fn search(place: &dyn Display, kind: usize, bytes: &[u8]) {
    SEARCHED[kind].fetch_add(bytes.len() as u64, Relaxed);
    if let Some(name) = find(bytes) {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]);
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found.push(format!("the secret of the {name} in {place}: {text}"));
    }
}

/// A log's line, searched and thrown away.
struct Line;

impl io::Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(&"a log", LOGS, line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings() -> Settings {
    let redactor = told().redactor().unwrap();
    let scrub: Scrub = Arc::new(move |line| redactor.in_text(line));
    Settings { filter: "trace".to_owned(), json: false, scrub: Some(scrub) }
}

/// From now on every log and every panic of this process is searched.
fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let log = logs::subscriber(&settings(), || Line).unwrap();
        tracing::subscriber::set_global_default(log).unwrap();
        logs::listen(settings().scrub).unwrap();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            search(&"a panic", PAGES, panic.to_string().as_bytes());
            before(panic);
        }));
    });
}

/// What a feed leaves behind. When this is dropped, after the feed, it has been searched.
pub(crate) struct Trail {
    folder: tempfile::TempDir,
    journal: PathBuf,
    follower: Option<Follower>,
}

impl Trail {
    pub(crate) fn new() -> Self {
        begin();
        let folder = tempfile::tempdir().unwrap();
        Self { journal: folder.path().join("journal"), folder, follower: None }
    }

    /// Where a test may put files of its own.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A feed that leaves everything that it can.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.secrets = told();
        config.incidents = Some(self.path().join("incidents"));
        config.journal = Some(JournalConfig { ring_bytes: 4 << 20, ..JournalConfig::new(&self.journal) });
    }

    /// The configuration as the test wants it: its journal may be elsewhere.
    pub(crate) fn configured(&mut self, config: &Config) {
        if let Some(journal) = &config.journal {
            self.journal.clone_from(&journal.folder);
        }
    }

    /// Logs what happens to a feed.
    pub(crate) fn follow(&mut self, feed: &Feed, events: Events) {
        let reporter = feed.reporter();
        let name = move |id: InstrumentId| reporter.instrument(id).map(|instrument| instrument.name.clone());
        self.follower = Some(logs::follow(events, settings().scrub, name).unwrap());
    }

    /// Searches what is shown of a feed.
    pub(crate) fn show(&self, report: &FeedReport) {
        let shown = Observer::new().observe(report, SystemTime::now());
        for format in [Format::Plain, Format::OpenMetrics] {
            search(&"the metrics", PAGES, shown.metrics(format).as_bytes());
        }
        search(&"the readiness", PAGES, shown.readiness().json().as_bytes());
        search(&"a report", PAGES, format!("{report:?}").as_bytes());
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        // It says what is left to say.
        self.follower = None;
        for path in files(&self.journal) {
            search(&path.display(), JOURNALS, &fs::read(&path).unwrap_or_default());
            entries(&path, |kind, payload| search(&format_args!("{kind:?}"), JOURNALS, payload));
        }
        for path in files(&self.path().join("incidents")) {
            search(&path.display(), PAGES, &fs::read(&path).unwrap_or_default());
        }
        let found = std::mem::take(&mut *FOUND.lock().unwrap_or_else(PoisonError::into_inner));
        if !found.is_empty() && !std::thread::panicking() {
            panic!("{} secrets got out:\n{}", found.len(), found.join("\n"));
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Goes through the entries of a journal's file.
fn entries(path: &Path, mut each: impl FnMut(EntryKind, &[u8])) {
    if let Ok(mut reader) = Reader::open(path) {
        while let Ok(Some(entry)) = reader.next() {
            each(entry.kind, entry.payload);
        }
    }
}

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Here;

impl io::Write for Here {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What this thread logs of a text.
fn logged(settings: &Settings, text: &str) -> Vec<u8> {
    let log = logs::subscriber(settings, || Here).unwrap();
    tracing::subscriber::with_default(log, || tracing::trace!("{text}"));
    WRITTEN.with_borrow_mut(std::mem::take)
}

/// The search can fail: each secret is found in a log that lets it through; and what the feed is told of is not found in
/// a log that does not.
#[test]
fn what_gets_past_the_log_is_found() {
    let open = Settings { filter: "trace".to_owned(), ..Settings::default() };
    for (name, text) in SECRETS {
        let said = format!("they said {text} aloud");
        assert_eq!(find(&logged(&open, &said)), Some(name), "{said}");
        if secrets::told().contains(&text) {
            assert_eq!(find(&logged(&settings(), &said)), None, "{said}");
        }
    }
    assert_eq!(find(b"nothing of the kind"), None);
}

/// Every way in is gone: sockets and REST refused with pages and statuses, subscriptions refused, connections closed
/// with a reason, pings. In the journal stands what was said, each secret replaced; there was something to search.
#[test]
fn every_secret_comes_in_and_none_goes_out() {
    let symbols = simulator::Config::symbols("binance", 2);
    let ping_every = Some(Duration::from_millis(100));
    let config = simulator::Config { symbols, rate: 400.0, ping_every, ..simulator::Config::new("binance") };
    let rig = rig_with(config, |mut builder| {
        builder.config_mut().timing.backoff_first = Some(Duration::from_millis(20));
        builder
    });
    rig.all_live();
    let mut history = History::of(&rig);
    let refused = HandshakeFault::Status { code: 503, retry_after_s: None };
    for (handshake, rest) in [
        (HandshakeFault::Html, RestFault::Html(500)),
        (refused, RestFault::Status { code: 503, retry_after_s: None }),
    ] {
        rig.exchange.command(Command::Rest { symbol: None, fault: rest, count: 1 });
        rig.exchange.command(Command::Handshake { fault: handshake, count: 1 });
        rig.exchange.command(Command::End { which: Which::All, how: End::Close(1_012) });
        history.recovers(&rig, "BTCUSDT", Reason::Disconnected);
        history.forget();
        rig.all_live();
    }
    rig.exchange.command(Command::Subscribing { symbol: None, how: Subscribing::Refused });
    rig.feed.subscribe("binance:@BTCUSDT", Channel::Trade).unwrap();
    let began = Instant::now();
    while !history.take().connections.iter().any(|event| matches!(event.report, Report::Rejected { .. })) {
        assert!(began.elapsed() < PATIENCE, "no refusal in {:?}", history.connections);
        std::thread::sleep(Duration::from_millis(5));
    }
    let journal = rig.trail.journal.clone();
    let report = rig.feed.report().unwrap();
    assert!(report.connections.iter().all(|one| one.url.contains("/<redacted>/stream")), "{report:?}");
    rig.exchange.command(Command::Heal);
    std::thread::sleep(Duration::from_millis(500));
    let mut said = [
        (EntryKind::Connecting, "/<redacted>/stream"),
        (EntryKind::Opened, "/<redacted>/stream"),
        (EntryKind::Asked, "/<redacted>/api"),
        (EntryKind::Rest, "\"note\":\"<redacted>\""),
        (EntryKind::RestFailed, "/<redacted>/api"),
        (EntryKind::Refused, "503"),
        (EntryKind::Text, "\"listenKey\":\"<redacted>\""),
        (EntryKind::Ping, ""),
        (EntryKind::Ended, "1012"),
    ]
    .to_vec();
    for path in files(&journal) {
        entries(&path, |kind, payload| {
            said.retain(|(of, part)| *of != kind || !String::from_utf8_lossy(payload).contains(part));
        });
    }
    assert_eq!(said, [], "these do not stand in the journal");
    assert!(report.recorder.is_some_and(|recorder| recorder.redacted > 10));
    let logged = SEARCHED[LOGS].load(Relaxed);
    rig.finish();
    let searched = [0, 1, 2].map(|kind| SEARCHED[kind].load(Relaxed));
    assert!(logged > 1_000 && searched[JOURNALS] > 10_000 && searched[PAGES] > 10_000, "{searched:?}");
}
