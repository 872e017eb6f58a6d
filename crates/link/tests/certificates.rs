//! TLS: a server that proves its identity is taken, every other is refused before a single message, sockets and REST
//! alike.

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};
use support::tls::{Authority, Identity, Tls, server};
use support::{Bench, PATIENCE, Told, drain, head, serve, text, upgrade};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket};
use touchline_feed::{Ending, Refusal};
use touchline_link::{Command, Rest, Transport};

/// A server that sends a text, or answers a REST request, to whoever takes its identity.
fn greets(identity: Identity) -> u16 {
    let greet = |mut tls: Tls| {
        let mut first = [0; 6];
        if tls.read_exact(&mut first).is_err() {
            return;
        }
        if &first == b"GET /r" {
            head(&mut tls);
            tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrest").unwrap();
        } else {
            upgrade(&mut tls);
            tls.write_all(&text("secret")).unwrap();
        }
        drain(&mut tls);
    };
    server(identity, greet).port()
}

#[test]
fn a_proven_identity_is_taken_by_sockets_and_rest() {
    // By name and by address, with messages that carry stamps.
    let authority = Authority::new(|_| {});
    let port = greets(authority.certify(&["localhost", "127.0.0.1"], |_| {}));
    let mut bench = Bench::new(authority.transport());
    for host in ["localhost", "127.0.0.1"] {
        bench.open(&format!("wss://{host}:{port}/"));
        assert_eq!(bench.told(), Told::Opened);
        let (_, told, stamp) = bench.next();
        assert_eq!(told, Told::Frame(b"secret".to_vec()));
        assert!(stamp.kernel.0 > 0 || !cfg!(target_os = "linux"));
        let rest = Rest::start(&authority.transport()).unwrap();
        assert_eq!(rest.get(&format!("https://{host}:{port}/r"), 1, 10, PATIENCE), Ok(b"rest".to_vec()));
    }
    bench.finish();
}

/// Neither a socket nor REST takes anything from this server; the error names the host. Returns what is wrong.
fn refused(authority: &Authority, identity: Identity, host: &str) -> String {
    let port = greets(identity);
    let mut bench = Bench::new(authority.transport());
    bench.open(&format!("wss://{host}:{port}/"));
    let told = bench.told();
    let Told::Refused(Refusal::Identity { host: named, cause }) = told else { panic!("{told:?}") };
    assert_eq!(named, host);
    bench.silent(Duration::from_millis(20));
    let rest = Rest::start(&authority.transport()).unwrap();
    let answer = rest.get(&format!("https://{host}:{port}/r"), 1, 10, PATIENCE);
    assert!(matches!(answer, Err(Refusal::Identity { .. })), "{answer:?}");
    cause
}

#[test]
fn a_wrong_identity_is_refused() {
    // Each certificate has one thing wrong; the good one beside them is in the test above.
    let ours = Authority::new(|_| {});
    let year = |certificate: &mut CertificateParams, from: i32, to: i32| {
        certificate.not_before = date_time_ymd(from, 1, 1);
        certificate.not_after = date_time_ymd(to, 1, 1);
    };
    let good = |names: &[&str]| ours.certify(names, |_| {});
    let mut causes = vec![
        ("another name", refused(&ours, good(&["other.test"]), "localhost")),
        ("the parent's wildcard", refused(&ours, good(&["*.localhost"]), "localhost")),
        ("a name where an address is asked for", refused(&ours, good(&["localhost"]), "127.0.0.1")),
        ("another address", refused(&ours, good(&["127.0.0.2"]), "127.0.0.1")),
        ("no name", refused(&ours, good(&[]), "localhost")),
    ];
    let expired = ours.certify(&["localhost"], |c| year(c, 2001, 2002));
    causes.push(("expired", refused(&ours, expired, "localhost")));
    let early = ours.certify(&["localhost"], |c| year(c, 2900, 2901));
    causes.push(("not yet valid", refused(&ours, early, "localhost")));
    let client =
        |c: &mut CertificateParams| c.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    causes.push(("for clients", refused(&ours, ours.certify(&["localhost"], client), "localhost")));

    let name = |c: &mut CertificateParams| c.distinguished_name.push(DnType::CommonName, "stranger");
    let stranger = Authority::new(name);
    let unknown = stranger.certify(&["localhost"], |_| {});
    causes.push(("unknown issuer", refused(&ours, unknown, "localhost")));
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let own = Identity { chain: vec![certificate.der().clone()], key: key.serialize_der() };
    causes.push(("self-signed", refused(&ours, own, "localhost")));
    // Signed by a key that calls itself as our authority does.
    let forged = Authority::new(|_| {}).certify(&["localhost"], |_| {});
    causes.push(("forged", refused(&ours, forged, "localhost")));
    // An intermediate that is no authority.
    let leaf_key = KeyPair::generate().unwrap();
    let leaf_params = CertificateParams::new(vec!["middle.test".to_owned()]).unwrap();
    let leaf = leaf_params.signed_by(&leaf_key, &ours.issuer).unwrap().der().clone();
    let middle = Authority { issuer: Issuer::new(leaf_params, leaf_key), pem: String::new() };
    let mut below = middle.certify(&["localhost"], |_| {});
    below.chain.push(leaf);
    causes.push(("issued by no authority", refused(&ours, below, "localhost")));
    assert!(causes.iter().all(|(_, cause)| !cause.is_empty()), "{causes:?}");
    assert_eq!(causes.len(), 12);
}

#[test]
fn tls_that_breaks_off_is_no_question_of_identity() {
    // A server that hangs up, one that speaks plain HTTP, one that says nothing: TLS or time, never identity.
    let authority = Authority::new(|_| {});
    let hangs_up = serve(|mut stream| {
        stream.read_exact(&mut [0; 100]).unwrap();
    });
    let plain = serve(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Plain\r\n\r\n").unwrap();
        drain(&mut stream);
    });
    let mut bench = Bench::new(authority.transport());
    for address in [hangs_up, plain] {
        bench.open(&format!("wss://localhost:{}/", address.port()));
        let told = bench.told();
        assert!(matches!(told, Told::Refused(Refusal::Tls(_))), "{told:?}");
    }
    let silent = serve(|mut stream| {
        drain(&mut stream);
    });
    bench.open(&format!("wss://localhost:{}/", silent.port()));
    assert_eq!(bench.told(), Told::Refused(Refusal::Timeout(Duration::from_secs(3))));
}

#[test]
fn a_record_that_does_not_end_is_a_message_that_takes_too_long() {
    // Behind a whole message the server writes half a TLS record: not one byte of it can be read, and yet the socket
    // ends in time. A socket on which nothing is under way does not.
    let authority = Authority::new(|_| {});
    let server = |half: bool| {
        let then = move |mut tls: Tls| {
            upgrade(&mut tls);
            tls.write_all(&text("whole")).unwrap();
            tls.flush().unwrap();
            if half {
                tls.sock.write_all(&[23, 3, 3, 1, 0, 7, 7]).unwrap();
            }
            drain(&mut tls);
        };
        server(authority.certify(&["localhost"], |_| {}), then).port()
    };
    let transport = Transport { message_timeout: Duration::from_millis(500), ..authority.transport() };
    let mut bench = Bench::new(transport);
    let quiet = bench.open(&format!("wss://localhost:{}/", server(false)));
    assert_eq!(bench.told(), Told::Opened);
    assert_eq!(bench.told(), Told::Frame(b"whole".to_vec()));
    let told = bench.until_end(&format!("wss://localhost:{}/", server(true)));
    assert_eq!(told, [Told::Frame(b"whole".to_vec()), Told::Ended(Ending::Slow)]);
    bench.silent(Duration::from_millis(700));
    bench.order(vec![Command::Close { socket: quiet, code: 1_000 }]);
    bench.finish();
}

#[test]
fn messages_of_every_size_go_both_ways_through_tls() {
    // A server that sends back what it reads, over lengths at the edges of frames, records and buffers; then it says
    // that nothing more comes, and holds the connection: the socket ends all the same.
    let authority = Authority::new(|_| {});
    let then = |mut tls: Tls| {
        upgrade(&mut tls);
        let mut server = WebSocket::from_raw_socket(&mut tls, Role::Server, None);
        while let Ok(message) = server.read() {
            if message == Message::text("enough") {
                break;
            }
            server.send(message).unwrap();
        }
        tls.conn.send_close_notify();
        tls.flush().unwrap();
        std::thread::sleep(PATIENCE);
    };
    let port = server(authority.certify(&["localhost"], |_| {}), then).port();
    let mut bench = Bench::new(authority.transport());
    let socket = bench.open(&format!("wss://localhost:{port}/"));
    assert_eq!(bench.told(), Told::Opened);
    let mut lengths = vec![0, 1, 125, 126, 65_535, 65_536, 500_000, 1_000_000];
    for edge in [16 * 1024, 128 * 1024, 256 * 1024] {
        lengths.extend(edge - 12..=edge + 2);
    }
    for length in lengths {
        let text = "x".repeat(length);
        bench.order(vec![Command::Send { socket, text: text.clone() }]);
        assert!(bench.told() == Told::Frame(text.into_bytes()), "{length} bytes");
    }
    let from = Instant::now();
    bench.order(vec![Command::Send { socket, text: "enough".to_owned() }]);
    assert_eq!(bench.told(), Told::Ended(Ending::Cut));
    assert!(from.elapsed() < PATIENCE / 2);
}
