//! In steady state the live path makes no heap call of its own: socket to view, counted by thread.
//!
//! Over plain text the reader thread as a whole makes none, what tungstenite and tokio do included; over TLS rustls
//! takes one buffer a record, which is counted and said.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use touchline::Feed;
use touchline::config::Endpoint;
use touchline::market::Channel;
use touchline_simulator::{Config, Simulator};
use touchline_tests::tell;

/// Counts the heap calls of each thread.
struct Counting;

/// Threads that are told apart; later ones share the last place.
const THREADS: usize = 64;

static CALLS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
static TIDS: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn count() {
    // A thread that is ending has no place any more, and what it frees then is nobody's steady state.
    let _ = PLACE.try_with(|place| {
        if place.get() == usize::MAX {
            place.set(NEXT.fetch_add(1, Relaxed).min(THREADS - 1));
            TIDS[place.get()].store(nix::unistd::gettid().as_raw() as u64, Relaxed);
        }
        CALLS[place.get()].fetch_add(1, Relaxed);
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of a caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's obligations are passed on as they are.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
