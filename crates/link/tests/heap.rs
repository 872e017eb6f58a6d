//! A message costs no call of the allocator: what the reader thread, the decoder and the runtime do from the socket's
//! bytes to the driver, over bursts on loopback, after a warm-up. Through TLS each record costs one, which is rustls's.
//! And what a frame claims to be costs no memory before it is judged.

mod support;

use std::alloc::System;
use std::cell::Cell;
use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Once;
use std::time::Duration;

use support::tls::{Authority, Tls, server};
use support::{drain, text, upgrade, websocket, writes};
use touchline_feed::{Ending, Moment};
use touchline_link::{
    Answer, Command, Driver, ReaderOptions, Rest, SocketEvent, SocketId, Stamp, Transport, TransportKind,
    Turn, Wait, spawn,
};
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// Counts what each thread takes, a reallocation as the memory that it asks for. Giving back is not counted.
struct Counting;

impl AllocationTracker for Counting {
    fn allocated(&self, _: usize, bytes: usize, _: usize, _: AllocationGroupId) {
        CALLS.set(CALLS.get() + 1);
        LARGEST.set(LARGEST.get().max(bytes));
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {}
}

/// Counts from here on, and shows on a thread of its own that taking memory and growing it are seen, with their size.
fn count() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        AllocationRegistry::set_global_tracker(Counting).unwrap();
        AllocationRegistry::enable_tracking();
    });
    let counted = || {
        let before = CALLS.get();
        LARGEST.set(0);
        let mut bytes = black_box(Vec::<u8>::with_capacity(100_000));
        let taken = (CALLS.get() - before, LARGEST.get());
        bytes.reserve_exact(200_000);
        drop(black_box(bytes));
        (taken, CALLS.get() - before, LARGEST.get())
    };
    assert_eq!(std::thread::spawn(counted).join().unwrap(), ((1, 100_000), 2, 200_000));
}

const KINDS: [TransportKind; 2] = [TransportKind::Tokio, TransportKind::Spin];

const WARM_UP: u64 = 2_000;
const MESSAGES: u64 = 20_000;

/// Sends so many messages of 200 bytes, in bursts.
fn burst(stream: &mut (impl Read + Write)) {
    let burst: Vec<u8> = (0..100).flat_map(|_| text(&"x".repeat(200))).collect();
    for _ in 0..(WARM_UP + MESSAGES) / 100 {
        stream.write_all(&burst).unwrap();
        stream.flush().unwrap();
        std::thread::sleep(Duration::from_micros(200));
    }
    drain(stream);
}

/// Counts messages, and the calls of its thread between the warm-up and the end.
struct Meter {
    url: Option<String>,
    seen: u64,
    at_start: u64,
    calls: Option<u64>,
}

impl Driver for Meter {
    type Control = ();

    fn socket(&mut self, _: SocketId, event: SocketEvent<'_>, _: Stamp) {
        if matches!(event, SocketEvent::Frame(_)) {
            self.seen += 1;
            match self.seen {
                WARM_UP => self.at_start = CALLS.get(),
                all if all == WARM_UP + MESSAGES => self.calls = Some(CALLS.get() - self.at_start),
                _ => {}
            }
        }
    }

    fn answer(&mut self, _: Answer, _: Stamp) {}

    fn control(&mut self, (): (), _: Stamp) {}

    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn {
        if let Some(url) = self.url.take() {
            commands.push(Command::Open { socket: SocketId(1), url, timeout: Duration::from_secs(5) });
        }
        if self.calls.is_some() { Turn::Done } else { Turn::Until(now + Duration::from_secs(1)) }
    }
}

/// The heap calls of a reader's thread for the messages after the warm-up.
fn calls(url: String, transport: Transport, wait: Wait) -> u64 {
    let rest = Rest::start(&transport).unwrap();
    let meter = Meter { url: Some(url), seen: 0, at_start: 0, calls: None };
    let options = ReaderOptions { name: "meter".to_owned(), core: None, wait, transport };
    let (meter, _) = spawn(options, rest, meter).unwrap().join().unwrap();
    assert!(meter.at_start > 0, "opening takes memory: the counter counts");
    meter.calls.unwrap()
}

#[test]
fn a_message_costs_no_heap_call() {
    // 20,000 messages in bursts of 100, counted on the reader's own thread, blocked and spinning, and by sockets that
    // spin.
    count();
    let kinds = [
        (Wait::Block, TransportKind::Tokio),
        (Wait::Spin, TransportKind::Tokio),
        (Wait::Block, TransportKind::Spin),
    ];
    for (wait, kind) in kinds {
        let url = websocket(|mut stream| burst(&mut stream));
        let transport = Transport { kind, ..Transport::default() };
        assert_eq!(calls(url, transport, wait), 0, "{wait:?} {kind:?}");
    }
}

#[test]
fn through_tls_a_record_costs_what_rustls_takes() {
    // Every message in a record of its own, as venues send them: one call each, for the
    // plaintext, which rustls hands over in memory of its own; and some for its queue.
    count();
    let authority = Authority::new(|_| {});
    let serve = |mut tls: Tls| {
        upgrade(&mut tls);
        for n in 1..=WARM_UP + MESSAGES {
            tls.write_all(&text(&"x".repeat(200))).unwrap();
            if n % 100 == 0 {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        drain(&mut tls);
    };
    let port = server(authority.certify(&["127.0.0.1"], |_| {}), serve).port();
    for kind in KINDS {
        let transport = Transport { kind, ..authority.transport() };
        let calls = calls(format!("wss://127.0.0.1:{port}/"), transport, Wait::Block);
        assert!(calls <= MESSAGES + MESSAGES / 50, "{calls} calls for {MESSAGES} messages, {kind:?}");
    }
}

/// Notes the largest piece of memory that its thread has asked for when its socket ends.
struct Claims {
    url: Option<String>,
    ended: Option<(Ending, usize)>,
}

impl Driver for Claims {
    type Control = ();

    fn socket(&mut self, _: SocketId, event: SocketEvent<'_>, _: Stamp) {
        match event {
            SocketEvent::Opened => LARGEST.set(0),
            SocketEvent::Ended(ending) => self.ended = Some((ending, LARGEST.get())),
            _ => {}
        }
    }

    fn answer(&mut self, _: Answer, _: Stamp) {}

    fn control(&mut self, (): (), _: Stamp) {}

    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn {
        if let Some(url) = self.url.take() {
            commands.push(Command::Open { socket: SocketId(1), url, timeout: Duration::from_secs(5) });
        }
        if self.ended.is_some() { Turn::Done } else { Turn::Until(now + Duration::from_secs(1)) }
    }
}

#[test]
fn a_claim_costs_no_memory() {
    // Frames that claim 2^63 bytes, and one more than 4 MiB: the socket ends, and no piece of memory was larger than
    // 64 KiB.
    count();
    let lengths = [1_u64 << 63, (1 << 22) + 1];
    for (length, kind) in lengths.into_iter().flat_map(|length| KINDS.map(|kind| (length, kind))) {
        let head = [vec![0x82, 127], length.to_be_bytes().to_vec()].concat();
        let claims = Claims { url: Some(writes(head)), ended: None };
        let transport = Transport { kind, ..Transport::default() };
        let rest = Rest::start(&transport).unwrap();
        let options = ReaderOptions { name: "claims".to_owned(), core: None, wait: Wait::Block, transport };
        let (claims, _) = spawn(options, rest, claims).unwrap().join().unwrap();
        let (ending, largest) = claims.ended.unwrap();
        assert_eq!(ending, Ending::Broken(1_009));
        assert!(largest <= 64 * 1024, "{largest}");
    }
}
