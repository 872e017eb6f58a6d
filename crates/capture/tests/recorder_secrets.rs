//! What the redactor replaces and what it leaves: venue by venue, at random, and over every real recording.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use touchline_capture::journal::EntryKind;
use touchline_capture::redact::{REDACTED, Redactor};
use touchline_capture::{Kind, Reader};

fn plain() -> Redactor {
    Redactor::new([]).expect("an automaton without known texts")
}

fn redact(redactor: &Redactor, kind: EntryKind, text: &str) -> (String, usize) {
    let mut scratch = b"what was here before".to_vec();
    let (bytes, count) = redactor.redact(kind, text.as_bytes(), &mut scratch);
    (String::from_utf8(bytes.to_vec()).expect("text stays text"), count)
}

/// What venues are told and say of secrets; `§` encloses each secret.
#[rustfmt::skip]
const CASES: &[(EntryKind, &str)] = &[
    // Addresses: KuCoin, SignalR, Binance, HTX, Gate, OKX.
    (EntryKind::Connecting, "wss://ws-api-spot.kucoin.com/?token=§2neAiuYvAU61ZDXANAGAsiL4-iAExhsBXZxftpOeh_55i3Ysy2q2LEsEWU64mdzUOPusi34M_wGoSf7iNyEWJ1UQy47YbpY4zVdzilNP-Bj3iXzrjjGlWtiYB9J6i9GjsxUuhPw3BlrzazF6ghq4Lzf7scStOz3KkxjwpsOBCH4=.WNQmhZQeUKIkh97KYgU0Lg==§&connectId=welcome"),
    (EntryKind::Opened, "wss://socket.example.com/signalr/connect?transport=webSockets&connectionToken=§OI%2FnFaYCQVbFJ83K43XLySr2%3D§&clientProtocol=1.5"),
    (EntryKind::Asked, "https://api.binance.com/api/v3/account?symbol=BTCUSDT&timestamp=1499827319559&signature=§c8db56825ae71d6d79447849e617115f4a920fa2acdce§"),
    (EntryKind::Opened, "wss://stream.binance.com:9443/ws/§pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1§"),
    (EntryKind::Asked, "https://api.huobi.pro/v1/order?AccessKeyId=§e2xxxxxx-99xxxxxx§&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=2017-05-11T15%3A19%3A30&Signature=§4F65x5A2bLyMWVQj3Aqp%2BB4w%2BivaA7n5Oi2SuYtCJ9o%3D§"),
    (EntryKind::RestFailed, "https://h/x?api-key=§short§&sign=§abc§ timed out"),
    (EntryKind::Refused, "error sending request for url (https://h/x?apikey=§short§)"),
    (EntryKind::Connecting, "wss://h/?key=§abc§&auth=§d§&jwt=§e§&nonce=5"),
    // Sent: OKX, Gate, Coinbase, Kraken, Binance, Bitfinex, Deribit, Bitstamp, Crypto.com, HTX.
    (EntryKind::Sent, r#"{"op":"login","args":[{"apiKey":"§985d5b66§","passphrase":"§12 34\"56§","timestamp":"1538054050","sign":"§7L+zFQ+CEgGu5rzCj4+BdV2/uUHGqddA9pI6ztsRRPs=§"}]}"#),
    (EntryKind::Sent, r#"{"time":1,"channel":"spot.orders","event":"subscribe","auth":{"method":"api_key","KEY":"§0123456789abcdef0123456789abcdef§","SIGN":"§abc§"}}"#),
    (EntryKind::Sent, r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2","jwt":"§eyJhbGciOi.eyJ.sig§"}"#),
    (EntryKind::Sent, r#"{"type":"subscribe","signature":"§s§","key":"§0123456789abcdef0123456789abcdef§","passphrase":"§p§","timestamp":"1"}"#),
    (EntryKind::Sent, r#"{"method":"subscribe","params":{"channel":"level3","symbol":["BTC/USD"],"token":"§T§"}}"#),
    (EntryKind::Sent, r#"{"id":1,"method":"session.logon","params":{"apiKey":"§k§","signature":"§s§","timestamp":1649729878532}}"#),
    (EntryKind::Sent, r#"{"event":"auth","apiKey":"§k§","authSig":"§s§","authNonce":12,"authPayload":"AUTH12"}"#),
    (EntryKind::Sent, r#"{"jsonrpc":"2.0","id":9,"method":"public/auth","params":{"grant_type":"client_credentials","client_id":"§fo7WAPRm4P§","client_secret":"§W0H6FJW4IRPZ1MOQ8FP6KMC5RZDUUKXS§"}}"#),
    (EntryKind::Sent, r#"{"event":"bts:subscribe","data":{"channel":"private-my_orders_btcusd-7","auth":"§secret§"}}"#),
    (EntryKind::Sent, r#"{"id":1,"method":"public/auth","api_key":"§k§","sig":"§s§","nonce":1610905028000}"#),
    (EntryKind::Sent, r#"{"action":"req","ch":"auth","params":{"authType":"api","accessKey":"§k§","signature":"§s§"}}"#),
    // Sent in lists, without names: Bybit, BitMEX, Phemex.
    (EntryKind::Sent, r#"{"req_id":"1","op":"auth","args":["§api_key§",1662350400000,"§b5d1a2§"]}"#),
    (EntryKind::Sent, r#"{"args":["§k§", 12, "§s\"\\§"],"op": "authKeyExpires"}"#),
    (EntryKind::Sent, r#"{"method":"user.auth","params":["§API§","§token§","§sig§",1570000000],"id":1}"#),
    // Received: KuCoin's bullet, Kraken's token, listen keys, Deribit, an echo, JSON in JSON.
    (EntryKind::Rest, r#"https://api.kucoin.com/api/v1/bullet-public {"code":"200000","data":{"token":"§2neAiuYvAU61ZDXANAGAsiL4-iAExhsB§","instanceServers":[{"endpoint":"wss://ws-api-spot.kucoin.com/","encrypt":true}]}}"#),
    (EntryKind::Rest, r#"https://api.kraken.com/0/private/GetWebSocketsToken {"error":[],"result":{"token":"§1Dwc4lzSwNWOAwkMdqhssNNFhs1ed606d1WcF3XfEMw§","expires":900}}"#),
    (EntryKind::Rest, r#"https://api.binance.com/api/v3/userDataStream {"listenKey" : "§k§"}"#),
    (EntryKind::Text, r#"{"result":{"token_type":"bearer","refresh_token":"§r§","expires_in":31536000,"access_token":"§1582628593469.1MbQ-J_4.CBP-OqOwm_FBdMYj4cRK2dMXyHPfBtXGpzLxhWg§"}}"#),
    (EntryKind::Text, r#"{"event":"error","msg":"{\"op\":\"login\",\"args\":[{\"apiKey\":\"§k§\",\"sign\":\"§0123456789abcdef§\",\"token\":5}]}"}"#),
    (EntryKind::Binary, r#" {"secret": "§s§", "password": ["§a§", "§b§"]}"#),
    (EntryKind::Text, r#"{"url":"wss:\/\/h\/ws\/§pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1§"}"#),
    // Headers.
    (EntryKind::Headers, r#"{"Authorization":"§Bearer abc§","X-MBX-APIKEY":"§k§","KC-API-PASSPHRASE":"§p§","KC-API-SIGN":"§s§","OK-ACCESS-KEY":"§k§","CB-ACCESS-SIGN":"§s§","API-Key":"§k§","API-Sign":"§s§","Set-Cookie":["§__cf_bm=x; path=/§"],"Sequence":"17"}"#),
    (EntryKind::Note, "GET / HTTP/1.1\r\nAuthorization: §Bearer abc, def§\r\nSet-Cookie: §a=b; c=d§\r\nX-MBX-APIKEY: §k§\r\nHost: h\r\n"),
];

#[test]
fn each_venues_secrets_go_and_nothing_else() {
    // Every case with its marks taken out goes in; the text between marks, and only that, comes back replaced.
    let redactor = plain();
    for &(kind, case) in CASES {
        let (mut expected, mut secrets) = (String::new(), 0);
        for (index, part) in case.split('§').enumerate() {
            expected += if index % 2 == 0 { part } else { REDACTED };
            secrets += index % 2;
        }
        let (text, count) = redact(&redactor, kind, &case.replace('§', ""));
        assert_eq!((text.as_str(), count), (expected.as_str(), secrets), "{case}");
        // Twice changes nothing more.
        assert_eq!(redact(&redactor, kind, &text), (text.clone(), 0), "{case}");
    }
}

#[test]
fn numbers_become_text_and_words_stay() {
    // A secret's name with each kind of JSON value.
    let text =
        r#"{"apiKey":-12.5e3,"secret":true,"password":null,"token":7,"jwt":{"sig":9},"m":"{\"secret\":12}"}"#;
    let redacted = r#"{"apiKey":"<redacted>","secret":true,"password":null,"token":"<redacted>","jwt":{"sig":"<redacted>"},"m":"{\"secret\":\"<redacted>\"}"}"#;
    assert_eq!(redact(&plain(), EntryKind::Sent, text), (redacted.to_owned(), 4));
}

#[test]
fn market_data_that_resembles_secrets_stays() {
    // Frames and subscriptions with harmless names; each comes back borrowed, at its own address.
    let redactor = Redactor::new(["a-known-secret".to_owned()]).unwrap();
    for (kind, text) in [
        (EntryKind::Text, r#"{"e":"depthUpdate","s":"KEYUSDT","U":1,"u":2,"b":[["0.1","2"]],"a":[]}"#),
        (
            EntryKind::Text,
            r#"{"tokens":[{"token":"BTC","name":"Token"}],"token":0,"tokenId":"0x6d1e7cde53ba9467b783cb7c530ce054"}"#,
        ),
        (EntryKind::Text, r#"{"token":"0xdAC17F958D2ee523a2206206994597C13D831ec7","sign":"+","sig":1}"#),
        (
            EntryKind::Text,
            r#"{"event":"subscribed","channel":"candles","chanId":1,"key":"trade:1m:tBTCUSD"}"#,
        ),
        (EntryKind::Sent, r#"{"event":"subscribe","channel":"candles","key":"trade:1m:tBTCUSD"}"#),
        (EntryKind::Sent, r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#),
        (EntryKind::Sent, r#"{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}"#),
        (EntryKind::Text, r#"{"keys":["symbol","id","side"],"foreignKeys":{"side":"side"},"Nonce":4908}"#),
        (EntryKind::Text, r#"{"secret":"","password":"<redacted>"}"#),
        (EntryKind::Binary, "\u{1}\0token=0123456789abcdef0123456789abcdef"),
        (
            EntryKind::Opened,
            "wss://stream.binance.us:9443/stream?streams=crvusdt@depth@100ms/keyusdt@aggTrade",
        ),
        (EntryKind::Gap, "token=0123456789abcdef01"),
    ] {
        let mut scratch = Vec::new();
        let (bytes, count) = redactor.redact(kind, text.as_bytes(), &mut scratch);
        assert_eq!((bytes.as_ptr(), bytes.len(), count), (text.as_ptr(), text.len(), 0), "{text}");
    }
}

/// Names that stand for a secret in what is sent, as venues spell them.
fn secret_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "token",
        "access_token",
        "listenKey",
        "signature",
        "sign",
        "apiKey",
        "api_key",
        "apikey",
        "API-Key",
        "secret",
        "passphrase",
        "password",
        "auth",
        "jwt",
        "KC-API-SIGN",
        "OK-ACCESS-KEY",
        "X-MBX-APIKEY",
    ])
}

/// JSON without secrets whose texts have all that must be escaped; nested.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(serde_json::Value::from),
        r#"[ -~é"\\/\n]{0,12}"#.prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-z\"]{1,6}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_planted_value_never_survives_and_json_stays_json(
        name in secret_name(),
        secret in r#"[A-Za-z0-9+/=_."\\{}\[\],:-]{12,60}"#,
        around in json(),
        inside in any::<bool>(),
    ) {
        // Random JSON with a secret under a name, at some depth or as JSON in a string, is sent.
        let planted = serde_json::json!({ "a": [around.clone(), { name: secret }], "z": around });
        let expected = serde_json::json!({ "a": [around.clone(), { name: REDACTED }], "z": around });
        let wrap = |value: &serde_json::Value| {
            if inside { serde_json::json!({ "m": value.to_string() }).to_string() } else { value.to_string() }
        };
        let (text, count) = redact(&plain(), EntryKind::Sent, &wrap(&planted));
        prop_assert_eq!((text, count), (wrap(&expected), 1));
    }

    #[test]
    fn a_known_text_never_survives(
        secret in r#"[A-Za-z0-9+/=_."\\ é-]{8,40}"#,
        around in json(),
        form in 0..5,
    ) {
        // A known secret somewhere in JSON: as it is, inside a longer text, in base64, percent-encoded, as a name.
        prop_assume!(!secret.bytes().all(|byte| byte.is_ascii_digit()));
        let whole = percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string();
        let redactor = Redactor::new([secret.clone()]).unwrap();
        let value = match form {
            0 => secret.clone(),
            1 => format!("before {secret} behind"),
            2 => STANDARD.encode(&secret),
            3 => whole.clone(),
            _ => format!("x{secret}"),
        };
        let text = serde_json::json!({ "a": around, "b": value, "c": [1, around] }).to_string();
        let (redacted, count) = redact(&redactor, EntryKind::Text, &text);
        prop_assert!(count >= 1);
        let parsed: serde_json::Value = serde_json::from_str(&redacted).expect("JSON stays JSON");
        let left = parsed["b"].as_str().expect("text stays text");
        prop_assert!(!left.contains(&secret) && !left.contains(&STANDARD.encode(&secret)), "{left}");
        prop_assert!(!left.contains(&whole), "{left}");
    }

    #[test]
    fn any_bytes_are_taken_and_clean_ones_are_lent(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..19u8) {
        // Noise of every kind, with the punctuation of JSON and addresses; without letters nothing is copied.
        let redactor = Redactor::new(["planted".to_owned()]).unwrap();
        let kind = EntryKind::from_number(kind).expect("a kind");
        let mut noise = b"{\"token\":".to_vec();
        noise.extend(bytes.iter().map(|byte| b"\"\\:[]{}=&/ key1wsa"[usize::from(byte % 18)]));
        let mut scratch = Vec::new();
        redactor.redact(kind, &noise, &mut scratch);
        let digits: Vec<u8> = bytes.iter().map(|byte| b"0123456789,.[]\":{}"[usize::from(byte % 18)]).collect();
        let (out, count) = redactor.redact(kind, &digits, &mut scratch);
        prop_assert_eq!((out.as_ptr(), out.len(), count), (digits.as_ptr(), digits.len(), 0));
    }
}

/// The recordings, sorted; none if there is no such folder. `TOUCHLINE_CAPTURES` names it, else
/// `../shared/captures` beside the workspace. Under `CI=true` an absent folder fails the test.
#[expect(clippy::print_stdout, reason = "a test that compares nothing says so")]
fn recordings() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let files =
        fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.expect("a folder entry").path());
    let mut paths: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(".cap.zst")).collect();
    paths.sort();
    if paths.is_empty() {
        println!("no recordings in {}: nothing compared", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    paths
}

/// What real recordings hold of secrets: two connections' tokens.
const IN_RECORDINGS: [(&str, usize); 2] = [("bittrex", 1), ("kucoin", 1)];

#[test]
fn real_recordings_pass_untouched_but_for_their_tokens() {
    // Every line of every recording, as the entry it would be now; what changed is counted by venue.
    let redactor = Redactor::new(["a-known-secret-that-is-nowhere".to_owned()]).unwrap();
    let mut changed: Vec<(String, usize)> = Vec::new();
    let (mut entries, mut scratch, mut unpacked) = (0, Vec::new(), Vec::new());
    let paths = recordings();
    for path in &paths {
        let mut reader = Reader::open(path).unwrap();
        while let Some(record) = reader.next().unwrap() {
            let (kind, payload) = match record.kind {
                Kind::Text => (EntryKind::Text, record.payload),
                Kind::Binary => {
                    unpacked = STANDARD.decode(record.payload).unwrap();
                    (EntryKind::Binary, unpacked.as_slice())
                }
                Kind::Sent => (EntryKind::Sent, record.payload),
                Kind::Connected => (EntryKind::Opened, record.payload),
                Kind::Rest => (EntryKind::Rest, record.payload),
                Kind::Headers => (EntryKind::Headers, record.payload),
                Kind::Note => (EntryKind::Note, record.payload),
            };
            entries += 1;
            let (after, count) = redactor.redact(kind, payload, &mut scratch);
            if count == 0 {
                assert_eq!((after.as_ptr(), after.len()), (payload.as_ptr(), payload.len()));
            } else {
                println!(
                    "{} line {}: {}",
                    path.display(),
                    record.line,
                    String::from_utf8_lossy(&after[..after.len().min(200)])
                );
                changed.push((path.file_name().unwrap().to_string_lossy().into_owned(), count));
            }
        }
    }
    drop(unpacked);
    println!("{entries} entries of {} recordings, changed: {changed:?}", paths.len());
    if !paths.is_empty() {
        let found: Vec<(&str, usize)> =
            changed.iter().map(|(name, count)| (name.split('-').next().unwrap(), *count)).collect();
        assert_eq!(found, IN_RECORDINGS);
    }
}
