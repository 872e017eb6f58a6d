//! An exchange, a feed on it, and a judge who reads every view all the time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use touchline::config::Endpoint;
use touchline::market::{Channel, Level, Reason, State};
use touchline::{BookView, Builder, Feed, View};
use touchline_observe::logs;
use touchline_simulator::{Config, Simulator, TRUTH_LEVELS, Truth, Verdict};
use touchline_tests::secrets::plants;

use crate::secrets::Trail;

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An exchange and a feed on it.
pub(crate) struct Rig {
    pub(crate) feed: Feed,
    pub(crate) exchange: Simulator,
    pub(crate) judge: Judge,
    /// Searched for secrets when all else is over.
    pub(crate) trail: Trail,
}

/// A feed of all books of this exchange, over TLS if the exchange has it.
pub(crate) fn rig(config: Config) -> Rig {
    rig_with(config, |builder| builder)
}

/// As [`rig`], with a feed that is changed before it starts.
pub(crate) fn rig_with(config: Config, change: impl FnOnce(Builder) -> Builder) -> Rig {
    rig_after(config, |_| {}, change)
}

/// As [`rig_with`], with an exchange to which something happens before anybody connects.
pub(crate) fn rig_after(
    config: Config,
    before: impl FnOnce(&Simulator),
    change: impl FnOnce(Builder) -> Builder,
) -> Rig {
    let venue = config.venue.clone();
    let symbols: Vec<_> = config.symbols.iter().map(|symbol| symbol.name.clone()).collect();
    let exchange = exchange(config);
    before(&exchange);
    let (mut trail, mut builder) = reach(&exchange, &venue);
    for symbol in &symbols {
        builder = builder.channel(&format!("{venue}:@{symbol}"), Channel::Book);
    }
    let mut builder = change(builder);
    trail.configured(builder.config_mut());
    let events = builder.events_with(logs::EVENTS);
    let feed = builder.start().unwrap();
    trail.follow(&feed, events);
    let judge = Judge::start(&feed, &exchange);
    Rig { feed, exchange, judge, trail }
}

/// An exchange that lets secrets slip.
pub(crate) fn exchange(config: Config) -> Simulator {
    Simulator::start(Config { plants: plants(), ..config }).unwrap()
}

/// A builder of a feed with the transport that this program tests.
pub(crate) fn builder() -> Builder {
    Feed::builder().transport(crate::TRANSPORT)
}

/// A builder whose venue is this exchange, and what its feed leaves behind.
pub(crate) fn reach(exchange: &Simulator, venue: &str) -> (Trail, Builder) {
    let trail = Trail::new();
    let mut builder = builder();
    trail.configure(builder.config_mut());
    if !exchange.certificate_pem().is_empty() {
        let root: PathBuf = trail.path().join("root.pem");
        std::fs::write(&root, exchange.certificate_pem()).unwrap();
        builder = builder.root(root);
    }
    let endpoint =
        Endpoint::new(venue.parse().unwrap(), &exchange.ws_root()).with_rest(&exchange.rest_root());
    (trail, builder.endpoint(endpoint))
}

impl Rig {
    /// The view of a symbol.
    pub(crate) fn view(&self, symbol: &str) -> View {
        let views = self.feed.views();
        let found = views.iter().find(|(_, view)| view.instrument().symbol == symbol);
        found.unwrap_or_else(|| panic!("no view of {symbol}")).1.clone()
    }

    /// Waits until every book is live. Returns how long it took.
    pub(crate) fn all_live(&self) -> Duration {
        self.wait("every book is LIVE", |rig| {
            rig.feed.views().iter().all(|(_, view)| view.touch().state.is_live())
        })
    }

    /// Waits until a symbol's book is in this state.
    pub(crate) fn state(&self, symbol: &str, state: State) -> Duration {
        let view = self.view(symbol);
        self.wait(&format!("{symbol} is {state}"), |_| view.touch().state == state)
    }

    /// Waits until a symbol's book is stale for this reason.
    pub(crate) fn stale(&self, symbol: &str, reason: Reason) -> Duration {
        self.state(symbol, State::Stale(reason))
    }

    /// Waits for something.
    pub(crate) fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !done(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}\n{}",
                self.state_of_affairs()
            );
            std::thread::sleep(Duration::from_micros(200));
        }
        began.elapsed()
    }

    /// How everything stands, for a message.
    pub(crate) fn state_of_affairs(&self) -> String {
        let books: Vec<_> = self
            .feed
            .views()
            .iter()
            .map(|(_, view)| format!("{} {}", view.instrument().symbol, view.touch().state))
            .collect();
        let report = self.feed.report().map(|report| {
            let books: Vec<_> =
                report.books.iter().map(|book| (book.epoch, book.buffered, book.counters)).collect();
            format!("{:?} {:?} {books:?}", report.connections, report.intake)
        });
        format!("{books:?}\n{report:?}\n{}", self.exchange.counts())
    }

    /// Ends it all: the feed accounts for every message, the exchange saw no rule broken, and no view that said LIVE
    /// differed from the exchange's own book. Returns how many LIVE reads were compared.
    pub(crate) fn finish(self) -> u64 {
        let began = Instant::now();
        let views = self.feed.views();
        self.trail.show(&self.feed.report().unwrap());
        let report = self.feed.stop().unwrap();
        self.trail.show(&report);
        assert!(began.elapsed() < Duration::from_secs(2), "stopping took {:?}", began.elapsed());
        for (_, view) in views {
            assert!(!view.touch().state.is_live() && !view.read().is_live(), "LIVE after the end");
        }
        assert!(report.balances(), "{report:#?}");
        let counts = self.exchange.counts();
        assert_eq!((counts.breached(), counts.early_requests), (0, 0), "{:?}", counts.breaches);
        self.judge.verdict()
    }
}

/// Reads every view all the time and compares each LIVE read with the exchange's own book at its sequence.
pub(crate) struct Judge {
    stop: Arc<AtomicBool>,
    /// Levels a side that are compared at most.
    depth: Arc<AtomicUsize>,
    equal: Arc<AtomicU64>,
    thread: JoinHandle<Option<String>>,
}

impl Judge {
    fn start(feed: &Feed, exchange: &Simulator) -> Self {
        let books: Vec<(View, Truth)> = feed
            .views()
            .into_iter()
            .filter_map(|(_, view)| {
                let truth = exchange.truth(&view.instrument().symbol)?;
                Some((view, truth))
            })
            .collect();
        let (stop, equal) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let depth = Arc::new(AtomicUsize::new(TRUTH_LEVELS));
        let thread = std::thread::spawn({
            let (stop, depth, equal) = (Arc::clone(&stop), Arc::clone(&depth), Arc::clone(&equal));
            move || {
                let mut last = vec![(0, 0); books.len()];
                loop {
                    let over = stop.load(Relaxed);
                    for ((view, truth), last) in books.iter().zip(&mut last) {
                        let read = view.read();
                        if !read.is_live() || *last == (read.epoch, read.sequence.0) {
                            continue;
                        }
                        *last = (read.epoch, read.sequence.0);
                        match judge(truth, &read, depth.load(Relaxed)) {
                            Verdict::Equal => _ = equal.fetch_add(1, Relaxed),
                            Verdict::Unknown => {}
                            Verdict::Differs => {
                                let symbol = &view.instrument().symbol;
                                return Some(format!(
                                    "{symbol}: LIVE and wrong at {}: {read:?}",
                                    read.sequence.0
                                ));
                            }
                        }
                    }
                    if over {
                        return None;
                    }
                    std::thread::sleep(Duration::from_micros(500));
                }
            }
        });
        Self { stop, depth, equal, thread }
    }

    /// Compares so many levels a side from now on: what a checksum of the venue's covers, where messages are lost and
    /// nothing else shows it.
    pub(crate) fn only(&self, levels: usize) {
        self.depth.store(levels, Relaxed);
    }

    /// How many LIVE reads agreed so far.
    pub(crate) fn equal(&self) -> u64 {
        self.equal.load(Relaxed)
    }

    /// No LIVE read differed. Returns how many were compared.
    pub(crate) fn verdict(self) -> u64 {
        self.stop.store(true, Relaxed);
        let wrong = self.thread.join().unwrap();
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
        self.equal.load(Relaxed)
    }
}

/// Is this read the true book, as far as it says that it knows it? Between levels beyond the proven depth others may be
/// missing. At most `depth` levels a side are compared.
pub(crate) fn judge(truth: &Truth, read: &BookView, depth: usize) -> Verdict {
    let [bids, asks] = read.proven.map(|proven| depth.min(proven as usize));
    let sequence = truth.key(read.sequence.0, read.ts_event.0);
    let (price_scale, qty_scale) = (read.price_scale, read.qty_scale);
    if bids.min(asks) >= TRUTH_LEVELS {
        return truth.judge(sequence, price_scale, qty_scale, read.bids(), read.asks());
    }
    let Some(whole) = truth.levels_at(sequence) else { return Verdict::Unknown };
    if truth.scales() != (price_scale, qty_scale) {
        return Verdict::Unknown;
    }
    let known = |levels: &[Level], proven: usize| levels[..proven.min(levels.len())].to_vec();
    let begins = |whole: &[Level], known: &[Level]| {
        let shown = whole.len().min(TRUTH_LEVELS);
        known.iter().take(shown).eq(whole.iter().take(known.len().min(shown)))
    };
    let equal =
        begins(&whole.bids, &known(read.bids(), bids)) && begins(&whole.asks, &known(read.asks(), asks));
    if equal { Verdict::Equal } else { Verdict::Differs }
}
