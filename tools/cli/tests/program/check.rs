//! `check`: what a configuration would do, or every mistake in it.

use super::{Recordings, text, touchline};

const SOUND: &str = r#"
[[subscribe]]
instruments = ["binance:BTC-USDT", "binance-usdm:@BTCUSDT"]
channels = ["book", "trade"]

[feed]
readers = 2
wait = "spin"
transport = "spin"

[endpoint.binance]
ws = "wss://localhost:9443"

[journal]
folder = "kept"
file_period_s = 60

[metrics]
listen = "[::1]:9464"

[logs]
level = "warn"
json = true
"#;

/// A sound file: 0, its threads, subscriptions and endpoints; the same as JSON.
#[test]
fn a_sound_configuration_is_summed_up() {
    let files = Recordings::new();
    let path = files.file("touchline.toml", SOUND.as_bytes());
    let ran = touchline(["check", text(&path)]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    for part in [
        "sound",
        "2 readers",
        "1 book thread",
        "idle threads spin",
        "sockets spin",
        "book trade",
        "wss://localhost:9443",
        "kept, files touchline-* of at most 1,073,741,824 bytes or 60 s",
        "metrics: http://[::1]:9464/metrics",
        "log: warn, as JSON",
    ] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    let plan = touchline(["check", text(&path), "--json"]).json()["plan"].clone();
    assert_eq!((&plan["readers"], &plan["wait"]), (&2.into(), &"spin".into()), "{plan}");
    assert_eq!(plan["transport"], "spin", "{plan}");
    assert_eq!(plan["subscriptions"][1]["instrument"], "binance-usdm:@BTCUSDT");
    assert_eq!(plan["journal"]["file_period_s"], 60, "{plan}");
    assert_eq!((&plan["metrics"], &plan["logs"]["json"]), (&"[::1]:9464".into(), &true.into()), "{plan}");
    let configured = |place: usize| plan["endpoints"][place]["configured"].clone();
    assert_eq!((configured(0), configured(1)), (true.into(), false.into()), "{plan}");
}

/// A wrong file: 2, every mistake with its line, column and key, the nearest name beside it; the same as JSON.
#[test]
fn every_mistake_is_named_with_its_place() {
    let files = Recordings::new();
    let wrong = SOUND.replace("readers = 2", "raeders = 2").replace("\"spin\"", "\"spinn\"");
    let path = files.file("wrong.toml", wrong.as_bytes());
    let ran = touchline(["check", text(&path)]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
    for part in [
        "wrong.toml:7:1: ",
        "`raeders`",
        "did you mean `readers`?",
        "wrong.toml:8:",
        "wrong.toml:9:",
        "did you mean `spin`?",
        "3 mistakes",
    ] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    let json = touchline(["check", text(&path), "--json"]);
    assert_eq!(json.code, Some(2));
    let found = &json.json()["mistakes"];
    assert_eq!((&found[0]["line"], &found[0]["key"]), (&7.into(), &"feed.raeders".into()), "{found}");
    // The commands that use it say the same.
    let watch = touchline(["watch", "--config", text(&path)]);
    assert!(watch.code == Some(2) && watch.err.contains("wrong.toml:7:1: "), "{watch:?}");
}

/// A file that is not there: 2, and it is named.
#[test]
fn a_missing_file_is_named() {
    let ran = touchline(["check", "/nowhere/touchline.toml"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("/nowhere/touchline.toml") && ran.err.contains("cannot be read"), "{ran:?}");
}
