//! The documented example is right, and every way of spoiling it is named with its line and key.

use std::fs;

use super::*;

const EXAMPLE: &str = include_str!("example.toml");

const LIST: &str = r#"{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",
    "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01"},{"filterType":"LOT_SIZE","stepSize":"0.00001"}]}]}"#;

/// A folder with the files that the example names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("binance.json"), LIST).unwrap();
    fs::write(folder.path().join("roots.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    fs::write(folder.path().join("secrets.txt"), "first secret\nsecond secret\n").unwrap();
    folder
}

/// Reads a text in that folder, on a machine with four cores.
fn parse(folder: &tempfile::TempDir, text: &str) -> Result<Config, ConfigError> {
    Config::parse_on(text, &folder.path().join("touchline.toml"), Some(&[0, 1, 2, 3]))
}

/// The example without the files that it names.
fn alone() -> String {
    EXAMPLE
        .replace("binance = \"binance.json\"", "")
        .replace("secrets = \"secrets.txt\"", "")
        .replace("roots.pem\"]", "\"]")
        .replace("roots = [\"\"]", "")
}

/// The example's lines `key = value`, each with its number from 1 and its table's path.
fn entries() -> Vec<(usize, &'static str, &'static str, &'static str)> {
    let mut table = "";
    let mut found = Vec::new();
    for (i, line) in EXAMPLE.lines().enumerate() {
        if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
        } else if let Some((key, value)) = line.split_once(" = ") {
            found.push((i + 1, table, key, value.split('#').next().unwrap().trim()));
        }
    }
    found
}

/// The example with one line replaced.
fn with_line(number: usize, line: &str) -> String {
    let lines = EXAMPLE.lines().enumerate().map(|(i, old)| if i + 1 == number { line } else { old });
    lines.collect::<Vec<_>>().join("\n")
}

/// The mistakes on a line, as text; fails if there are none.
fn on_line(error: &ConfigError, line: usize) -> String {
    let found: Vec<_> = error.mistakes.iter().filter(|mistake| mistake.line == line).collect();
    assert!(!found.is_empty(), "nothing on line {line} in\n{error}");
    found.iter().map(|mistake| format!("{}|{}\n", mistake.key, mistake.what)).collect()
}

/// The example is read as it says; what it calls a default is the default.
#[test]
fn the_example_is_right() {
    let folder = folder();
    let config = parse(&folder, EXAMPLE).unwrap_or_else(|error| panic!("{error}"));
    let shown = config.subscriptions.iter().map(|one| (one.instrument.to_string(), one.channels.clone()));
    let expected = [
        ("binance:BTC-USDT".to_owned(), vec![Channel::Book, Channel::Trade]),
        ("binance-usdm:BTC-USDT-PERP".to_owned(), vec![Channel::Book]),
        ("binance-usdm:@ETHUSDT".to_owned(), vec![Channel::Book]),
    ];
    assert!(shown.eq(expected));
    assert_eq!((&config.reader_cores, &config.book_cores), (&vec![0], &vec![1]));
    assert_eq!(
        config.endpoints[0].to_string(),
        "binance=wss://data-stream.binance.vision,https://data-api.binance.vision"
    );
    assert_eq!(config.instrument_files[0].1, folder.path().join("binance.json"));
    assert_eq!(config.incidents, Some(folder.path().join("incidents")));
    assert_eq!(config.journal, Some(JournalConfig::new(folder.path().join("journal"))));
    assert_eq!((config.secrets.count(), config.metrics), (2, Some("127.0.0.1:9464".parse().unwrap())));
    assert_eq!(config.logs, LogsConfig { level: Some("info".to_owned()), json: false });
    assert_eq!(config.timing.idle, Some(Duration::from_secs(15)));
    assert_eq!(config.transport.busy_poll, Some(Duration::from_micros(50)));
    let default = Config::default();
    let shared = Config {
        subscriptions: Vec::new(),
        reader_cores: Vec::new(),
        book_cores: Vec::new(),
        incidents: None,
        journal: None,
        secrets: Secrets::default(),
        metrics: None,
        logs: LogsConfig::default(),
        endpoints: Vec::new(),
        instrument_files: Vec::new(),
        timing: TimingConfig::default(),
        transport: TransportConfig {
            receive_buffer_bytes: None,
            local_address: None,
            busy_poll: None,
            roots: Vec::new(),
            ..config.transport
        },
        ..config
    };
    assert_eq!(shared, default);
}

/// The second transport is read, beside the table of the same name.
#[test]
fn the_transport_is_chosen_by_its_word() {
    let folder = folder();
    let text = EXAMPLE.replace("transport = \"tokio\"", "transport = \"spin\"");
    let config = parse(&folder, &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.transport.kind, TransportKind::Spin);
}

/// Every key misspelt, given a value of another type, and left without a value: always refused, with its line and key.
#[test]
fn every_key_of_the_example_can_be_spoilt() {
    let folder = folder();
    let mut count = 0;
    for (line, table, key, value) in entries() {
        let misspelt = format!("{key}x");
        let error = parse(&folder, &with_line(line, &format!("{misspelt} = {value}"))).unwrap_err();
        let found = on_line(&error, line);
        assert!(found.starts_with(&format!("{table}.{misspelt}|")), "{found}");
        assert!(found.contains(&format!("`{misspelt}`")) && found.contains("did you mean `"), "{found}");
        assert!(found.contains(&format!("`{key}`?")), "{found}");

        let other = if value.starts_with('"') { "7" } else { "\"seven\"" };
        let error = parse(&folder, &with_line(line, &format!("{key} = {other}"))).unwrap_err();
        let found = on_line(&error, line);
        assert!(found.contains(&format!("{table}.{key}|`{key}` in [")), "{found}");
        assert!(found.contains("expected ") && found.contains("found a "), "{found}");

        let error = parse(&folder, &with_line(line, &format!("{key} ="))).unwrap_err();
        assert!(on_line(&error, line).starts_with('|'), "a broken text is no mistake of a key");
        count += 3;
    }
    assert!(count >= 120, "{count} mutations");
}

/// Values of the right type that are wrong: (what the example says, what is written instead, the key named, the text).
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("[feed]", "[fed]", "fed", "unknown table [fed]; did you mean `feed`?"),
    ("[timing]", "[timings]", "timings", "did you mean `timing`?"),
    ("[transport]", "[colour]", "colour", "valid are `subscribe`, `feed`, `journal`"),
    ("[feed]", "[[feed]]", "feed", "expected a table [feed], found a list"),
    ("[endpoint.binance]", "[endpoint.binanse]", "endpoint.binanse", "did you mean `binance`?"),
    ("[endpoint.binance]", "[endpoint]", "endpoint.ws", "unknown venue `ws`"),
    ("readers = 1 ", "idle_ms = 1 ", "feed.idle_ms", "it belongs in [timing]"),
    ("readers = 1 ", "channels = [] ", "feed.channels", "it belongs in [[subscribe]]"),
    ("readers = 1 ", "readers = 2 ", "feed.reader_cores", "1 cores, but `readers` is 2"),
    ("readers = 1 ", "readers = 0 ", "feed.readers", "0 is out of range: 1 to 256"),
    ("readers = 1 ", "readers = -1 ", "feed.readers", "-1 is out of range"),
    ("readers = 1 ", "readers = 1.5 ", "feed.readers", "found a number with a fraction"),
    ("readers = 1 ", "readers = 1979-05-27 ", "feed.readers", "found a date or time"),
    ("readers = 1 ", "readers = 99999999999999999999 ", "feed.readers", "out of range"),
    ("book_threads = 1 ", "book_threads = 257 ", "feed.book_threads", "257 is out of range"),
    ("book_threads = 1 ", "book_threads = {} ", "feed.book_threads", "found a table"),
    ("reader_cores = [0]", "reader_cores = [0, 2]", "feed.reader_cores", "2 cores, but `readers` is 1"),
    (
        "reader_cores = [0]",
        "reader_cores = [9]",
        "feed.reader_cores",
        "core 9 is not there; this thread may use 0-3",
    ),
    ("reader_cores = [0]", "reader_cores = [true]", "feed.reader_cores", "found true or false"),
    ("book_cores = [1]", "book_cores = [0]", "feed.book_cores", "core 0 is taken already"),
    ("book_cores = [1]", "book_cores = [2, 2]", "feed.book_cores", "core 2 is taken already"),
    ("\"book-thread\"", "\"book-tread\"", "feed.placement", "did you mean `book-thread`?"),
    ("\"book-thread\"", "\"Reader\"", "feed.placement", "did you mean `reader`?"),
    ("\"block\"", "\"sleep\"", "feed.wait", "valid are `block`, `spin`"),
    ("ring_records = 8192", "ring_records = 8000", "feed.ring_records", "write 8192"),
    ("ring_records = 8192", "ring_records = 32", "feed.ring_records", "write 64"),
    ("ring_records = 8192", "ring_records = 0x100000000", "feed.ring_records", "write 16777216"),
    ("paths = 1 ", "paths = 5 ", "feed.paths", "1 to 4"),
    ("instruments_max = 1024", "instruments_max = 2", "feed.instruments_max", "less than the 3 subscribed"),
    ("snapshot_levels = 1000", "snapshot_levels = 32769", "feed.snapshot_levels", "1 to 32768"),
    ("incidents = \"incidents\"", "incidents = \"binance.json\"", "feed.incidents", "no folder"),
    ("\"secrets.txt\"", "\"secret.txt\"", "feed.secrets", "secret.txt cannot be read"),
    ("[journal]", "[jurnal]", "jurnal", "did you mean `journal`?"),
    ("folder = \"journal\"", "ring_byte = 1", "journal.ring_byte", "did you mean `ring_bytes`?"),
    ("[journal]\nfolder = \"journal\"", "[journal]", "journal", "add `folder`"),
    ("folder = \"journal\"", "folder = \"\"", "journal.folder", "a file has a name"),
    ("folder = \"journal\"", "folder = \"binance.json\"", "journal.folder", "binance.json is no folder"),
    ("name = \"touchline\"", "name = \"../touchline\"", "journal.name", "letters, digits"),
    ("file_bytes_max = 1073741824", "file_bytes_max = 65535", "journal.file_bytes_max", "65536 to"),
    ("file_period_s = 3600", "file_period_s = 0", "journal.file_period_s", "out of range"),
    ("ring_bytes = 67108864", "ring_bytes = 4095", "journal.ring_bytes", "4096 to"),
    ("hash_every_ms = 1000", "hash_every_ms = 9", "journal.hash_every_ms", "10 to"),
    ("hash_every_ms = 1000", "idle_ms = 1000", "journal.idle_ms", "it belongs in [timing]"),
    ("\"127.0.0.1:9464\"", "\"127.0.0.1\"", "metrics.listen", "no IP address with a port"),
    ("\"127.0.0.1:9464\"", "\"0.0.0.0:9464\"", "metrics.listen", "use 127.0.0.1 or [::1]"),
    ("\"127.0.0.1:9464\"", "9464", "metrics.listen", "expected an IP address with a port, found"),
    ("level = \"info\"", "level = \"infos\"", "logs.level", "did you mean `info`?"),
    ("level = \"info\"", "level = \"info,a=loud\"", "logs.level", "`a=loud` is no level"),
    ("json = false", "json = \"no\"", "logs.json", "expected true or false"),
    ("\"binance:BTC-USDT\"", "\"BTC-USDT\"", "subscribe.instrument", "has no venue"),
    ("\"binance:BTC-USDT\"", "\"binance:BTCUSDT\"", "subscribe.instrument", "names no instrument"),
    ("\"binance:BTC-USDT\"", "\"Binance:BTC-USDT\"", "subscribe.instrument", "did you mean `binance`?"),
    ("\"binance:BTC-USDT\"", "\"binanc:BTC-USDT\"", "subscribe.instrument", "did you mean `binance`?"),
    ("\"binance:BTC-USDT\"", "\"binance:BTC-USDC\"", "subscribe.instrument", "did you mean `BTC-USDT`?"),
    ("\"binance:BTC-USDT\"", "\"binance:@XRPEUR\"", "subscribe.instrument", "has no `binance:@XRPEUR`"),
    ("@ETHUSDT", "BTC-USDT-PERP", "subscribe.instruments", "book is subscribed to already"),
    (
        "[\"binance-usdm:BTC-USDT-PERP\", \"binance-usdm:@ETHUSDT\"]",
        "[]",
        "subscribe.instruments",
        "the list is empty",
    ),
    ("\"binance-usdm:@ETHUSDT\"", "7", "subscribe.instruments", "expected a string, found a whole number"),
    (
        "[\"book\", \"trade\"]",
        "[\"trades\"]",
        "subscribe.channels",
        "unknown channel `trades`; did you mean `trade`?",
    ),
    ("[\"book\", \"trade\"]", "[\"book\", \"book\"]", "subscribe.channels", "is subscribed to already"),
    ("[\"book\", \"trade\"]", "[]", "subscribe.channels", "no channel of binance:BTC-USDT"),
    (
        "\"wss://data-stream",
        "\"ws://data-stream",
        "endpoint.binance.ws",
        "not encrypted and leaves this machine: use wss",
    ),
    ("\"wss://data-stream", "\"data-stream", "endpoint.binance.ws", "must begin with wss://"),
    ("\"https://data-api", "\"http://data-api", "endpoint.binance.rest", "use https://"),
    ("\"https://data-api.binance.vision\"", "\"https://\"", "endpoint.binance.rest", "no valid host"),
    (
        "binance = \"binance.json\"",
        "binance = \"none.json\"",
        "instruments.binance",
        "none.json cannot be read",
    ),
    ("binance = \"binance.json\"", "binance = \"\"", "instruments.binance", "a file has a name"),
    ("binance = \"binance.json\"", "binance = \"roots.pem\"", "instruments.binance", "is no list of binance"),
    (
        "binance = \"binance.json\"",
        "binanc = \"binance.json\"",
        "instruments.binanc",
        "unknown venue `binanc`",
    ),
    ("connect_timeout_ms = 10000", "connect_timeout_ms = 5", "timing.connect_timeout_ms", "100 to 300000"),
    ("ack_timeout_ms = 10000", "ack_timeout_ms = 0", "timing.ack_timeout_ms", "out of range"),
    ("\nidle_ms = 15000", "\nidle_ms = 1999", "timing.idle_ms", "1999 is out of range: 2000"),
    ("probe_timeout_ms = 5000", "probe_timeout_ms = 15000", "timing.probe_timeout_ms", "less than `idle_ms`"),
    ("stable_ms = 30000", "stable_ms = 82800000", "timing.stable_ms", "less than `lifetime_ms`"),
    (
        "backoff_first_ms = 250",
        "backoff_first_ms = 30001",
        "timing.backoff_first_ms",
        "at most `backoff_max_ms`",
    ),
    ("backoff_max_ms = 30000", "backoff_max_ms = 1", "timing.backoff_max_ms", "out of range"),
    ("lifetime_ms = 82800000", "lifetime_ms = 999", "timing.lifetime_ms", "out of range"),
    ("transport = \"tokio\"", "transport = \"spn\"", "feed.transport", "did you mean `spin`?"),
    ("nodelay = true", "nodelay = 1", "transport.nodelay", "expected true or false"),
    ("nodelay = true", "nodelay = true\nnodelay = true", "", "duplicate key"),
    (
        "receive_buffer_bytes = 4194304",
        "receive_buffer_bytes = 1",
        "transport.receive_buffer_bytes",
        "out of range",
    ),
    ("user_timeout_ms = 10000", "user_timeout_ms = 0", "transport.user_timeout_ms", "out of range"),
    ("\"127.0.0.1\"", "\"127.0.0\"", "transport.local_address", "`127.0.0` is no IP address"),
    ("\"127.0.0.1\"", "\"0.0.0.0\"", "transport.local_address", "no single address"),
    ("busy_poll_us = 50", "busy_poll_us = 2000000", "transport.busy_poll_us", "out of range"),
    ("[\"roots.pem\"]", "[\"roots.pen\"]", "transport.roots", "roots.pen cannot be read"),
    ("[\"roots.pem\"]", "[\"binance.json\"]", "transport.roots", "holds no certificate"),
    (
        "frame_bytes_max = 4194304",
        "frame_bytes_max = 16777217",
        "transport.frame_bytes_max",
        "at most `message_bytes_max`",
    ),
    ("message_bytes_max = 16777216", "message_bytes_max = 1", "transport.message_bytes_max", "1024 to"),
    ("message_bytes_max = 16777216", "message_bytes_max = 1_", "", ""),
    ("\"block\"", "\"block", "", ""),
    ("[transport]", "[transport", "", ""),
    ("[transport]", "[feed]", "", "duplicate key"),
];

/// Wrong values and contradictions are named with line, key and what to write.
#[test]
fn every_wrong_value_is_named() {
    let folder = folder();
    for &(right, wrong, key, what) in WRONG {
        let start = EXAMPLE.find(right).unwrap_or_else(|| panic!("the example has no {right}"));
        let text = EXAMPLE.replacen(right, wrong, 1);
        let first = EXAMPLE[..start].matches('\n').count() + 1;
        let error = parse(&folder, &text).expect_err(wrong);
        // A contradiction stands where its last part does: within the two lines next to the change.
        let near = |mistake: &&Mistake| (first..=first + 2).contains(&mistake.line) && mistake.column > 0;
        let found = error.mistakes.iter().filter(near).find(|mistake| mistake.what.contains(what));
        let found = found.unwrap_or_else(|| panic!("{wrong:?} on line {first}: not named in\n{error}"));
        assert_eq!(found.key, key, "{error}");
        let shown = format!("touchline.toml:{}:{}: {}", found.line, found.column, found.what);
        assert!(error.to_string().contains(&shown), "{error}");
    }
    assert!(WRONG.len() >= 80);
}

/// The exact place: the value's first character, counted in characters; an unknown key's own first character.
#[test]
fn places_are_exact() {
    let text = "[[subscribe]]\ninstrument = \"binance:BTC-USDT\"\n[feed]\n  reader_core = [0]\n  'wait' = \"spün\"\n\
        book_cores = [ # ä\n 1,\n  7]\n";
    let error = Config::parse_on(text, Path::new("touchline.toml"), Some(&[0, 1])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "touchline.toml:4:3: unknown key `reader_core` in [feed]; did you mean `reader_cores`?\n\
         touchline.toml:5:12: `wait` in [feed]: `spün` is not one of its words; did you mean `spin`?\n\
         touchline.toml:8:3: `book_cores` in [feed]: core 7 is not there; this thread may use 0-1"
    );
}

/// A file that subscribes to nothing is refused, in each way of saying nothing; so is one that is not there.
#[test]
fn nothing_subscribed_is_a_mistake() {
    for text in ["", "[feed]\nreaders = 1\n", "subscribe = []"] {
        let error = Config::parse(text, "a.toml").unwrap_err();
        assert!(error.to_string().contains("nothing is subscribed to"), "{error}");
    }
    for text in
        ["[subscribe]\ninstrument = \"binance:BTC-USDT\"", "subscribe = [7]", "[[subscribe]]", "readers = 1"]
    {
        assert!(Config::parse(text, "a.toml").is_err(), "{text}");
    }
    let both = "[[subscribe]]\ninstrument = \"binance:BTC-USDT\"\ninstruments = [\"binance:ETH-USDT\"]";
    assert!(Config::parse(both, "a.toml").unwrap_err().to_string().contains("a.toml:3:15:"));
    let error = Config::read(Path::new("no/such/touchline.toml")).unwrap_err();
    assert!(error.to_string().starts_with("no/such/touchline.toml: cannot be read"), "{error}");
}

/// With placement on the reader's thread, book threads are a contradiction, named where they stand.
#[test]
fn a_reader_that_builds_books_has_no_book_threads() {
    let folder = folder();
    let text = EXAMPLE.replace("\"book-thread\"", "\"reader\"");
    let error = parse(&folder, &text).unwrap_err();
    let keys: Vec<_> = error.mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, ["feed.book_threads", "feed.book_cores"]);
    let text = text.replace("book_threads = 1", "").replace("book_cores = [1]", "");
    assert_eq!(parse(&folder, &text).unwrap().book_thread_count(), 0);
}

/// Cores alone say how many threads there are, in a file and in a program.
#[test]
fn cores_set_the_number_of_threads() {
    let text = alone().replace("readers = 1 ", "").replace("reader_cores = [0]", "reader_cores = [0, 2, 3]");
    let config = Config::parse_on(&text, Path::new("a.toml"), None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.readers, config.reader_count(), config.book_thread_count()), (3, 3, 1));
    let config = Config { book_cores: vec![1, 2], ..Config::default() };
    assert_eq!((config.reader_count(), config.book_thread_count()), (1, 2));
}

/// A configuration made by a program meets the same checks, without lines; the default passes.
#[test]
fn a_program_s_configuration_is_checked_too() {
    assert_eq!(Config::default().check(), Ok(()));
    let subscription = Subscription::book("nowhere:BTC-USDT".parse().unwrap());
    let config = Config {
        subscriptions: vec![subscription],
        ring_records: 100,
        readers: 3,
        reader_cores: vec![usize::MAX],
        endpoints: vec![Endpoint {
            venue: Venue::literal("binance"),
            ws: "ws://a".into(),
            rest: "http://[::1]".into(),
        }],
        timing: TimingConfig { idle: Some(Duration::from_secs(1)), ..TimingConfig::default() },
        ..Config::default()
    };
    let error = config.check().unwrap_err();
    assert!(error.mistakes.iter().all(|mistake| (mistake.line, mistake.column) == (0, 0)));
    let mut keys: Vec<_> = error.mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    keys.dedup();
    let expected = [
        "feed.reader_cores",
        "feed.ring_records",
        "subscribe.instrument",
        "endpoint.binance.ws",
        "timing.idle_ms",
    ];
    assert_eq!(keys, expected, "{error}");
    assert!(
        error.to_string().starts_with("`reader_cores` in [feed]: 1 cores, but `readers` is 3"),
        "{error}"
    );
}
