//! Sockets in good times: open, receive in order with stamps, send, close; and how the thread is told, timed and ended.

mod support;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::{Bench, Order, Told, close, drain, frame, serve, text, upgrade, websocket, writes};
use touchline_feed::{Ending, Moment, Refusal};
use touchline_link::{Command, Rest, Stamp, Transport, Wait};

fn texts(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| text(&n.to_string())).collect()
}

/// Receives so many numbered texts and returns their stamps.
fn numbered(bench: &Bench, count: usize) -> Vec<Stamp> {
    let receive = |n: usize| {
        let (_, told, stamp) = bench.next();
        assert_eq!(told, Told::Frame(n.to_string().into_bytes()));
        stamp
    };
    (0..count).map(receive).collect()
}

#[test]
fn messages_come_in_order_with_growing_stamps() {
    // A thousand texts in one write and one more 20 ms later: all there, stamps never fall, the wall clock is right to
    // 50 ms, the last is 20 ms later, and on Linux the kernel had each packet before we did.
    let url = websocket(|mut stream| {
        stream.write_all(&texts(1_000)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(&text("1000")).unwrap();
        drain(&mut stream);
    });
    let mut bench = Bench::new(Transport::default());
    bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    let stamps = numbered(&bench, 1_000);
    let (_, told, last) = bench.next();
    assert_eq!(told, Told::Frame(b"1000".to_vec()));
    assert!(stamps.windows(2).all(|pair| pair[0].now <= pair[1].now && pair[0].ticks <= pair[1].ticks));
    assert!(last.now.since(stamps[999].now) >= Duration::from_millis(15));
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    assert!(wall.abs_diff(last.recv.0) < 500_000_000, "{wall} {last:?}");
    if cfg!(target_os = "linux") {
        assert!(last.kernel.0 > 0, "the kernel gives no stamp");
        // The two clocks are one, but ours is an extrapolation of up to a second: 1 ms of room.
        assert!(last.kernel.0 <= last.recv.0 + 1_000_000, "{last:?}");
        assert!(last.recv.0 - last.kernel.0.min(last.recv.0) < 500_000_000, "{last:?}");
    }
    assert_eq!(bench.reader.notes(), Vec::<String>::new());
    bench.finish();
}

#[test]
fn without_kernel_stamps_there_are_none() {
    // The option turned off: the kernel's stamp is the constant for absence.
    let url = writes(texts(1));
    let mut bench = Bench::new(Transport { kernel_stamps: false, ..Transport::default() });
    bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    assert_eq!(numbered(&bench, 1)[0].kernel.0, 0);
}

#[test]
fn every_option_of_the_kernel_is_taken_or_noted() {
    // All of them set: the socket opens and receives; at most the one that needs a privilege is refused, with a note.
    let transport = Transport {
        receive_buffer: Some(256 * 1024),
        user_timeout: Some(Duration::from_secs(3)),
        local_address: Some("127.0.0.1".parse().unwrap()),
        busy_poll: Some(Duration::from_micros(50)),
        ..Transport::default()
    };
    let mut bench = Bench::new(transport);
    bench.open(&writes(texts(10)));
    assert_eq!(bench.told(), Told::Opened);
    numbered(&bench, 10);
    let notes = bench.reader.notes();
    assert!(notes.iter().all(|note| note.contains("SO_BUSY_POLL")), "{notes:?}");
}

#[test]
fn a_server_that_takes_nothing_costs_bounded_memory() {
    // It reads no byte of what is sent: once the kernel's buffers are full and a MiB waits, the socket is cut.
    let url = websocket(|stream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(stream);
    });
    let mut bench = Bench::new(Transport::default());
    let socket = bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    let text = "x".repeat(512 * 1024);
    let flood = (0..40).map(|_| Command::Send { socket, text: text.clone() });
    bench.order(flood.collect());
    assert_eq!(bench.told(), Told::Ended(Ending::Cut));
}

#[test]
fn what_is_sent_arrives_and_pings_are_answered() {
    // A server that sends back what it reads: the text and the ping arrive whole and masked, our ping's pong is a sign
    // of life, and a server's ping is answered with its own content.
    let url = websocket(|mut stream| {
        let mut server = tokio_tungstenite::tungstenite::WebSocket::from_raw_socket(
            &mut stream,
            tokio_tungstenite::tungstenite::protocol::Role::Server,
            None,
        );
        let first = server.read().unwrap();
        server.send(first).unwrap();
        assert!(server.read().unwrap().is_ping());
        server.send(tokio_tungstenite::tungstenite::Message::Ping("mark".into())).unwrap();
        let pong = server.read().unwrap();
        server.send(tokio_tungstenite::tungstenite::Message::Text(pong.to_text().unwrap().into())).unwrap();
        while server.read().is_ok() {}
    });
    let mut bench = Bench::new(Transport::default());
    let socket = bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    bench.order(vec![Command::Send { socket, text: "subscribe".to_owned() }, Command::Ping { socket }]);
    assert_eq!(bench.told(), Told::Frame(b"subscribe".to_vec()));
    assert_eq!(bench.told(), Told::Alive, "the pong");
    assert_eq!(bench.told(), Told::Alive, "the ping");
    assert_eq!(bench.told(), Told::Frame(b"mark".to_vec()));
    bench.finish();
}

#[test]
fn binary_and_fragmented_messages_are_whole() {
    // Binary; a text in three fragments, one empty, with a ping between; a message of 3 MiB.
    let large = vec![b'x'; 3 * 1024 * 1024];
    let mut bytes = frame(0x82, b"binary");
    for part in [frame(0x01, b"a\xc3"), frame(0x89, b""), frame(0x00, b""), frame(0x80, b"\xa4b")] {
        bytes.extend(part);
    }
    bytes.extend(frame(0x82, &large));
    bytes.extend(close(1_000));
    let mut bench = Bench::new(Transport::default());
    let all = bench.until_end(&writes(bytes));
    let expected = [
        Told::Frame(b"binary".to_vec()),
        Told::Alive,
        Told::Frame("aäb".as_bytes().to_vec()),
        Told::Frame(large),
        Told::Ended(Ending::Closed(1_000)),
    ];
    assert!(all == expected, "{} told", all.len());
}

#[test]
fn a_closed_socket_says_nothing_more() {
    // A server that sends without end. After the close, and what was told before it was obeyed, there is silence; the
    // server sees our code. The same for an attempt that is given up.
    let (code, codes) = std::sync::mpsc::channel();
    let url = websocket(move |stream| {
        let mut writer = stream.try_clone().unwrap();
        let endless = std::thread::spawn(move || while writer.write_all(&text("x")).is_ok() {});
        let mut server = tokio_tungstenite::tungstenite::WebSocket::from_raw_socket(
            stream,
            tokio_tungstenite::tungstenite::protocol::Role::Server,
            None,
        );
        if let Ok(tokio_tungstenite::tungstenite::Message::Close(Some(frame))) = server.read() {
            code.send(u16::from(frame.code)).unwrap();
        }
        drop(server);
        endless.join().unwrap();
    });
    let mut bench = Bench::new(Transport::default());
    let socket = bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    bench.order(vec![Command::Close { socket, code: 1_001 }]);
    let marker = bench.open("ws://192.0.2.1/");
    while bench.next().0 != marker {}
    bench.silent(Duration::from_millis(100));
    assert_eq!(codes.recv_timeout(support::PATIENCE), Ok(1_001));

    let silent = serve(|mut stream| {
        drain(&mut stream);
    });
    let socket = bench.open(&format!("ws://{silent}/"));
    bench.order(vec![Command::Close { socket, code: 1_000 }]);
    bench.silent(Duration::from_millis(100));
    bench.finish();
}

#[test]
fn nobody_listening_is_a_refusal() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut bench = Bench::new(Transport::default());
    bench.open(&format!("ws://{address}/"));
    assert!(matches!(bench.told(), Told::Refused(Refusal::Connect(_))));
}

#[test]
fn plain_text_leaves_this_machine_by_no_door() {
    // A literal foreign address; a scheme that is none of ours; and localhost by name, which may.
    let mut bench = Bench::new(Transport::default());
    for url in ["ws://192.0.2.1/", "http://127.0.0.1/", "ws://"] {
        bench.open(url);
        assert!(matches!(bench.told(), Told::Refused(Refusal::Forbidden(_))), "{url}");
    }
    let url = writes(texts(1)).replace("127.0.0.1", "localhost");
    bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    numbered(&bench, 1);
}

#[test]
fn an_unknown_name_is_a_refusal_that_names_it() {
    // The name is reserved to not exist (RFC 6761); without a network the resolver fails in another way, or says
    // nothing for two seconds. All are the same to us.
    let mut bench = Bench::new(Transport::default());
    bench.open("wss://venue.invalid/");
    match bench.told() {
        Told::Refused(Refusal::Resolve { host, .. }) => assert_eq!(host, "venue.invalid"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_handle_wakes_a_reader_that_waits() {
    // Blocked and spinning: an order is obeyed at once, and the timer rings when it should, to 20 ms on this machine.
    for wait in [Wait::Block, Wait::Spin] {
        let mut bench = Bench::waiting(Transport::default(), wait);
        std::thread::sleep(Duration::from_millis(30));
        let from = Instant::now();
        bench.open("ws://192.0.2.1/");
        let (_, told, stamp) = bench.next();
        assert!(matches!(told, Told::Refused(_)));
        assert!(from.elapsed() < Duration::from_millis(200), "{wait:?} {:?}", from.elapsed());
        let ring_at = stamp.now + Duration::from_millis(50);
        assert!(bench.handle.send(Order::RingAt(ring_at)));
        let (_, told, stamp) = bench.next();
        assert_eq!(told, Told::Turn);
        assert!(stamp.now >= ring_at && stamp.now.since(ring_at) < Duration::from_millis(100), "{wait:?}");
        let turns = bench.finish().turns;
        assert!(turns < 20, "{turns} turns for five causes");
    }
}

#[test]
fn a_spinning_reader_receives() {
    // The same thousand texts, by looking instead of waiting.
    let url = writes(texts(1_000));
    let mut bench = Bench::waiting(Transport::default(), Wait::Spin);
    bench.open(&url);
    assert_eq!(bench.told(), Told::Opened);
    numbered(&bench, 1_000);
    bench.finish();
}

#[test]
fn done_closes_every_socket_in_order_and_gives_the_driver_back() {
    // Three sockets, one of whose servers never reads: the thread ends within a second, the two others saw a close
    // frame with code 1000, and the handle knows that nobody is there.
    let (closed, closes) = std::sync::mpsc::channel();
    let polite = move |mut stream: std::net::TcpStream| {
        let bytes = drain(&mut stream);
        closed.send(bytes).unwrap();
    };
    let url = websocket(polite);
    let rude = serve(|mut stream| {
        upgrade(&mut stream);
        std::thread::sleep(Duration::from_secs(3));
    });
    let mut bench = Bench::new(Transport::default());
    for url in [&url, &url, &format!("ws://{rude}/")] {
        bench.open(url);
        assert_eq!(bench.told(), Told::Opened);
    }
    let handle = bench.handle.clone();
    let from = Instant::now();
    bench.finish();
    assert!(from.elapsed() < Duration::from_secs(1), "{:?}", from.elapsed());
    for _ in 0..2 {
        let bytes = closes.recv_timeout(support::PATIENCE).unwrap();
        let [0x88, 0x82, m0, m1, _, _, c0, c1] = bytes[..] else { panic!("{bytes:?}") };
        assert_eq!(u16::from_be_bytes([c0 ^ m0, c1 ^ m1]), 1_000);
    }
    assert!(!handle.send(Order::RingAt(Moment::NEVER)));
}

#[test]
fn a_panic_of_the_driver_ends_the_thread_and_is_told() {
    // The panic's text comes with `join`.
    let bench = Bench::new(Transport::default());
    assert!(bench.handle.send(Order::Panic));
    assert!(bench.reader.join().err().unwrap().0.contains("as ordered"));
}

#[test]
fn a_panic_in_a_socket_event_ends_the_thread_too() {
    // A driver that panics at its first frame, which comes on the socket's own task.
    struct Fragile;
    impl touchline_link::Driver for Fragile {
        type Control = Command;
        fn socket(&mut self, _: touchline_link::SocketId, event: touchline_link::SocketEvent<'_>, _: Stamp) {
            assert!(!matches!(event, touchline_link::SocketEvent::Frame(_)), "fragile");
        }
        fn answer(&mut self, _: touchline_link::Answer, _: Stamp) {}
        fn control(&mut self, _: Command, _: Stamp) {}
        fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> touchline_link::Turn {
            commands.append(&mut ORDERS.lock().unwrap());
            touchline_link::Turn::Until(now + Duration::from_millis(10))
        }
    }
    static ORDERS: std::sync::Mutex<Vec<Command>> = std::sync::Mutex::new(Vec::new());
    let (socket, url) = (touchline_link::SocketId(1), writes(texts(1)));
    ORDERS.lock().unwrap().push(Command::Open { socket, url, timeout: Duration::from_secs(5) });
    let options = touchline_link::ReaderOptions {
        name: "fragile".to_owned(),
        core: Some(0),
        wait: Wait::Block,
        transport: Transport { kind: support::kind(), ..Transport::default() },
    };
    let rest = Rest::start(&Transport::default()).unwrap();
    let reader = touchline_link::spawn(options, rest, Fragile).unwrap();
    assert!(reader.join().err().unwrap().0.contains("fragile"));
}

#[test]
fn a_core_that_is_not_there_is_a_note() {
    // No machine has so many: the reader runs all the same.
    let options = touchline_link::ReaderOptions {
        name: "lost".to_owned(),
        core: Some(1_000),
        wait: Wait::Block,
        transport: Transport::default(),
    };
    struct Idle;
    impl touchline_link::Driver for Idle {
        type Control = ();
        fn socket(&mut self, _: touchline_link::SocketId, _: touchline_link::SocketEvent<'_>, _: Stamp) {}
        fn answer(&mut self, _: touchline_link::Answer, _: Stamp) {}
        fn control(&mut self, (): (), _: Stamp) {}
        fn turn(&mut self, _: Moment, _: &mut Vec<Command>) -> touchline_link::Turn {
            touchline_link::Turn::Done
        }
    }
    let rest = Rest::start(&Transport::default()).unwrap();
    let (_, notes) = touchline_link::spawn(options, rest, Idle).unwrap().join().unwrap();
    assert!(notes.len() == 1 && notes[0].contains("core 1000"), "{notes:?}");
}
