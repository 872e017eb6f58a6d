//! Open sockets in bad times: every way to break the protocol ends the socket with the right word, and what came whole
//! before is told.

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use socket2::SockRef;
use support::{Bench, Told, close, drain, frame, text, websocket, writes};
use touchline_capture::Encoding;
use touchline_feed::Ending;
use touchline_link::Transport;

/// What a driver is told of a server that sends a text, then these bytes.
fn after_text(bytes: &[u8]) -> Vec<Told> {
    let url = writes([text("whole"), bytes.to_vec()].concat());
    let mut told = Bench::new(Transport::default()).until_end(&url);
    assert_eq!(told.remove(0), Told::Frame(b"whole".to_vec()));
    told
}

#[test]
fn broken_frames_end_the_socket_with_their_code() {
    // Each fault behind a whole text: the code of RFC 6455, section 7.4.1, and nothing else.
    let long_control = frame(0x89, &[0; 126]);
    let cases: [(&str, Vec<u8>, u16); 15] = [
        ("claims 2^63", [vec![0x82, 127, 0x80], vec![0; 7]].concat(), 1_009),
        ("claims 2^63 - 1", [vec![0x82, 127, 0x7f], vec![0xff; 7]].concat(), 1_009),
        (
            "one byte over 4 MiB",
            [vec![0x82, 127, 0, 0, 0, 0], (4_194_305_u32).to_be_bytes().to_vec()].concat(),
            1_009,
        ),
        ("no UTF-8", frame(0x81, b"a\xff"), 1_007),
        ("UTF-8 cut", frame(0x81, b"a\xc3"), 1_007),
        ("UTF-8 broken over fragments", [frame(0x01, b"\xc3"), frame(0x80, b"x")].concat(), 1_007),
        ("UTF-8 of a close reason", frame(0x88, b"\x03\xe8\xff"), 1_007),
        ("reserved bit", frame(0xc1, b"x"), 1_002),
        ("opcode 3", frame(0x83, b"x"), 1_002),
        ("opcode 11", frame(0x8b, b"x"), 1_002),
        ("masked", vec![0x81, 0x81, 1, 2, 3, 4, 5], 1_002),
        ("long control", long_control, 1_002),
        ("fragmented control", frame(0x09, b""), 1_002),
        ("continuation of nothing", frame(0x80, b"x"), 1_002),
        ("close with code 1005", close(1_005), 1_002),
    ];
    for (name, bytes, code) in cases {
        assert_eq!(after_text(&bytes), [Told::Ended(Ending::Broken(code))], "{name}");
    }
}

#[test]
fn too_much_of_one_message_is_broken() {
    // Five frames of 4 MiB in one message are over 16 MiB; 1,025 fragments are over the number allowed, 1,024 not.
    let part = vec![b'x'; 4 * 1024 * 1024];
    let mut large = frame(0x02, &part);
    (0..4).for_each(|_| large.extend(frame(0x00, &part)));
    let url = websocket(move |mut stream| {
        // The other side has had enough before the end.
        let _ = stream.write_all(&large);
        drain(&mut stream);
    });
    let told = Bench::new(Transport::default()).until_end(&url);
    assert!(told == [Told::Ended(Ending::Broken(1_009))], "{} told", told.len());

    let fragments = |count: usize| {
        let mut bytes = frame(0x01, b"");
        (2..count).for_each(|_| bytes.extend(frame(0x00, b"")));
        bytes.extend(frame(0x80, b"end"));
        bytes
    };
    assert_eq!(after_text(&fragments(1_025)), [Told::Ended(Ending::Broken(1_009))]);
    let told = after_text(&[fragments(1_024), close(1_000)].concat());
    assert_eq!(told, [Told::Frame(b"end".to_vec()), Told::Ended(Ending::Closed(1_000))]);
}

#[test]
fn a_broken_frame_is_answered_with_its_code() {
    // The server reads our close frame: its code is that of the fault.
    let (seen, codes) = std::sync::mpsc::channel();
    let url = websocket(move |mut stream| {
        stream.write_all(&frame(0x83, b"x")).unwrap();
        seen.send(drain(&mut stream)).unwrap();
    });
    Bench::new(Transport::default()).until_end(&url);
    let bytes = codes.recv_timeout(support::PATIENCE).unwrap();
    let [0x88, 0x82, m0, m1, _, _, c0, c1] = bytes[..] else { panic!("{bytes:?}") };
    assert_eq!(u16::from_be_bytes([c0 ^ m0, c1 ^ m1]), 1_002);
}

#[test]
fn a_close_is_told_with_its_code_and_answered() {
    // Codes of venues, none at all, and data behind the close, which nobody hears. The server sees our answer.
    for code in [1_000, 1_001, 1_008, 1_011, 1_012, 1_013, 3_000, 4_999] {
        let (seen, answers) = std::sync::mpsc::channel();
        let url = websocket(move |mut stream| {
            stream.write_all(&[close(code), text("late"), close(1_000)].concat()).unwrap();
            seen.send(drain(&mut stream)).unwrap();
        });
        let mut bench = Bench::new(Transport::default());
        assert_eq!(bench.until_end(&url), [Told::Ended(Ending::Closed(code))]);
        assert_eq!(answers.recv_timeout(support::PATIENCE).unwrap()[0], 0x88);
        bench.silent(Duration::from_millis(10));
    }
    assert_eq!(after_text(&frame(0x88, b"")), [Told::Ended(Ending::Closed(1_005))]);
}

#[test]
fn a_stream_that_ends_without_a_word_is_cut() {
    // FIN and RST, between messages and within one.
    for linger in [None, Some(Duration::ZERO)] {
        for rest in [vec![], vec![0x81, 5, b'c', b'u', b't']] {
            let url = websocket(move |mut stream| {
                stream.write_all(&[text("whole"), rest.clone()].concat()).unwrap();
                // A reset overtakes bytes that nobody has read.
                std::thread::sleep(Duration::from_millis(100));
                SockRef::from(&stream).set_linger(linger).unwrap();
            });
            let told = Bench::new(Transport::default()).until_end(&url);
            assert_eq!(told, [Told::Frame(b"whole".to_vec()), Told::Ended(Ending::Cut)]);
        }
    }
}

/// A server that sends a text's bytes one by one, with a pause before each.
fn drips(body: &'static str, pause: Duration) -> String {
    websocket(move |mut stream| {
        stream.set_nodelay(true).unwrap();
        for byte in text(body) {
            std::thread::sleep(pause);
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
        drain(&mut stream);
    })
}

#[test]
fn a_message_that_takes_too_long_ends_the_socket() {
    // One byte every 50 ms: 10 bytes are whole in half a second and taken; 100 are not within the second allowed, and
    // the socket ends then. The same for a message that stops in its middle, before which another came whole.
    let transport = Transport { message_timeout: Duration::from_secs(1), ..Transport::default() };
    let mut bench = Bench::new(transport.clone());
    bench.open(&drips("in time!", Duration::from_millis(50)));
    assert_eq!(bench.told(), Told::Opened);
    assert_eq!(bench.told(), Told::Frame(b"in time!".to_vec()));
    bench.silent(Duration::from_millis(1_200));

    let from = Instant::now();
    let long = "0123456789012345678901234567890123456789012345678901234567890123456789";
    let told = bench.until_end(&drips(long, Duration::from_millis(50)));
    assert_eq!(told, [Told::Ended(Ending::Slow)]);
    let took = from.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_millis(1_500), "{took:?}");

    let told = bench.until_end(&writes([text("whole"), vec![0x81, 5, b'h']].concat()));
    assert_eq!(told, [Told::Frame(b"whole".to_vec()), Told::Ended(Ending::Slow)]);
    let told = bench.until_end(&writes(frame(0x01, b"a fragment, and no other")));
    assert_eq!(told, [Told::Ended(Ending::Slow)]);
}

/// Counts the pongs in the bytes of a client, all of whose frames are short.
fn pongs(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let [first, length, ..] = *bytes {
        count += usize::from(first == 0x8a);
        bytes = &bytes[(6 + usize::from(length & 0x7f)).min(bytes.len())..];
    }
    count
}

#[test]
fn pings_are_answered_twice_a_second_and_a_flood_ends_the_socket() {
    // 500 pings in about a second: all are signs of life, at most 4 are answered, and the newest is. Then 5,000 at
    // once: the socket ends.
    let (seen, bytes) = std::sync::mpsc::channel();
    let url = websocket(move |mut stream| {
        for n in 0..500_u16 {
            stream.write_all(&frame(0x89, &n.to_be_bytes())).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(700));
        stream.write_all(&close(1_000)).unwrap();
        seen.send(drain(&mut stream)).unwrap();
    });
    let mut bench = Bench::new(Transport::default());
    let told = bench.until_end(&url);
    assert_eq!(told.len(), 501);
    assert!(told[..500].iter().all(|told| *told == Told::Alive));
    let bytes = bytes.recv_timeout(support::PATIENCE).unwrap();
    let count = pongs(&bytes);
    assert!((2..=5).contains(&count), "{count} pongs");
    // The last two frames are the last pong (of two bytes) and the answer to the close.
    let [0x8a, 0x82, m0, m1, _, _, b0, b1] = bytes[bytes.len() - 16..bytes.len() - 8] else {
        panic!("{bytes:?}")
    };
    assert_eq!(u16::from_be_bytes([b0 ^ m0, b1 ^ m1]), 499);

    let flood: Vec<u8> = (0..5_000).flat_map(|_| frame(0x89, b"")).collect();
    let told = bench.until_end(&writes(flood));
    assert_eq!(told.last(), Some(&Told::Ended(Ending::Flooded)));
    assert!(told.len() <= 1_002, "{}", told.len());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_frames_are_unpacked_within_bounds() {
    // A good frame, text beside it untouched; then one cut short (1002), and a bomb of 64 MiB in some 64 KiB (1009):
    // both are told as broken before the end.
    let transport = Transport { encoding: Some(Encoding::Gzip), ..Transport::default() };
    let good = [frame(0x82, &gzip(b"packed")), text("plain")].concat();
    let cut = gzip(&[7; 1_000]);
    let cases = [(cut[..cut.len() - 9].to_vec(), 1_002), (gzip(&vec![0; 64 * 1024 * 1024]), 1_009)];
    for (bad, code) in cases {
        let url = writes([good.clone(), frame(0x82, &bad), text("late")].concat());
        let told = Bench::new(transport.clone()).until_end(&url);
        let expected = [
            Told::Frame(b"packed".to_vec()),
            Told::Frame(b"plain".to_vec()),
            Told::BrokenFrame,
            Told::Ended(Ending::Broken(code)),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn one_bad_socket_hurts_no_other() {
    // Beside a socket that ends badly again and again, another on the same thread loses no message.
    let url = websocket(|mut stream| {
        for n in 0..200 {
            stream.write_all(&text(&n.to_string())).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        drain(&mut stream);
    });
    let bad = writes(frame(0x83, b"x"));
    let mut bench = Bench::new(Transport::default());
    let good = bench.open(&url);
    let mut frames = 0;
    while frames < 200 {
        if frames % 20 == 0 {
            bench.open(&bad);
        }
        let (socket, told, _) = bench.next();
        if socket == good && told != Told::Opened {
            assert_eq!(told, Told::Frame(frames.to_string().into_bytes()));
            frames += 1;
        }
    }
}
