//! In steady state the live path makes no heap call of its own: socket to view, counted by thread.
//!
//! Over plain text the reader thread as a whole makes none, what tungstenite and tokio do included; over TLS rustls
//! takes one buffer a record, which is counted and said.

use std::alloc::System;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use touchline::Feed;
use touchline::config::Endpoint;
use touchline::market::Channel;
use touchline_simulator::{Config, Simulator};
use touchline_tests::tell;
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

/// Threads that are told apart; later ones share the last place.
const THREADS: usize = 64;

static CALLS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
static TIDS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Counts the heap calls of each thread; a reallocation is two, the new memory and the old.
struct Counting;

impl AllocationTracker for Counting {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        called();
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {
        called();
    }
}

fn called() {
    if PLACE.get() == usize::MAX {
        PLACE.set(NEXT.fetch_add(1, Relaxed).min(THREADS - 1));
        TIDS[PLACE.get()].store(nix::unistd::gettid().as_raw() as u64, Relaxed);
    }
    CALLS[PLACE.get()].fetch_add(1, Relaxed);
}

/// Counts from here on, and shows it: what a thread of ours takes, grows and gives back is found under its name.
fn count() {
    AllocationRegistry::set_global_tracker(Counting).unwrap();
    AllocationRegistry::enable_tracking();
    let counted = || {
        // The first call of a thread gives it its place.
        drop(black_box(Box::new(1)));
        let own = || CALLS[PLACE.get()].load(Relaxed);
        let before = own();
        let mut bytes = black_box(Vec::<u8>::with_capacity(8));
        bytes.reserve_exact(64);
        drop(black_box(bytes));
        (own() - before, calls())
    };
    let thread = std::thread::Builder::new().name("touchline-count".to_owned());
    let (counted, by_name) = thread.spawn(counted).unwrap().join().unwrap();
    assert_eq!(counted, 4);
    assert!(by_name["touchline-count"] >= 4, "the counted thread is found by its name");
}

/// The heap calls so far of each thread of ours, by its name.
fn calls() -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (tid, calls) in TIDS.iter().zip(&CALLS) {
        let path = format!("/proc/self/task/{}/comm", tid.load(Relaxed));
        let Ok(name) = std::fs::read_to_string(path) else { continue };
        if name.starts_with("touchline-") {
            *all.entry(name.trim().to_owned()).or_default() += calls.load(Relaxed);
        }
    }
    all
}

/// A feed with books, trades and best levels of 20 instruments runs until everything is warm; then the calls of its
/// threads are counted over some seconds.
#[test]
fn the_live_path_makes_no_heap_call_of_its_own() {
    count();
    for tls in [false, true] {
        let symbols = Config::symbols("binance-usdm", 20);
        let names: Vec<_> = symbols.iter().map(|symbol| symbol.name.clone()).collect();
        // The same levels come and go: a book that grows takes memory, and that is not its steady state.
        let exchange = Simulator::start(Config {
            symbols,
            tls,
            rate: 2_000.0,
            history: 0,
            ..Config::new("binance-usdm")
        })
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::new("binance-usdm".parse().unwrap(), &exchange.ws_root());
        let mut builder = Feed::builder().endpoint(endpoint.with_rest(&exchange.rest_root()));
        if tls {
            let root = folder.path().join("root.pem");
            std::fs::write(&root, exchange.certificate_pem()).unwrap();
            builder = builder.root(root);
        }
        for name in &names {
            for channel in [Channel::Book, Channel::Trade, Channel::Bbo] {
                builder = builder.channel(&format!("binance-usdm:@{name}"), channel);
            }
        }
        let feed = builder.start().unwrap();
        let received = |feed: &Feed| {
            feed.views().iter().map(|(_, view)| view.messages().iter().sum::<u64>()).sum::<u64>()
        };
        std::thread::sleep(Duration::from_secs(4));
        assert!(feed.views().iter().all(|(_, view)| view.read().is_live()));
        let (before, messages) = (calls(), received(&feed));
        std::thread::sleep(Duration::from_secs(4));
        let (after, messages) = (calls(), received(&feed) - messages);
        assert!(feed.views().iter().all(|(_, view)| view.read().is_live()));
        let of = |stage: &str| {
            let sum = |all: &BTreeMap<String, u64>| {
                all.iter().filter(|(name, _)| name.starts_with(stage)).map(|(_, calls)| calls).sum::<u64>()
            };
            sum(&after) - sum(&before)
        };
        let (reader, book) = (of("touchline-reade"), of("touchline-book"));
        tell(&format!(
            "{}: {messages} messages, heap calls: {reader} on the reader thread, {book} on the book thread",
            if tls { "TLS" } else { "plain" }
        ));
        assert!(messages > 4_000, "{messages}");
        assert_eq!(book, 0, "the book thread");
        if !tls {
            assert!(reader * 1_000 < messages, "the reader thread: {reader} calls for {messages} messages");
        }
        drop(feed);
    }
}
