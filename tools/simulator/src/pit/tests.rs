use super::*;
use serde_json::Value;

fn exchange(venue: &str) -> Box<dyn Exchange> {
    (touchline_venue::find(venue).unwrap().exchange)().unwrap()
}

fn pit(venue: &str) -> Pit {
    let symbol = &crate::Config::symbols(venue, 1)[0];
    let mut pit = Pit::new(exchange(venue).rules(), symbol, 9, 64, 1_000);
    let (name, symbol) = ("book".to_owned(), symbol.name.clone());
    pit.subscribe(0, Stream { name, symbol, channel: Some(Channel::Book), levels: 0 });
    pit
}

/// Messages chain as each product's documentation says, the true book runs ahead of them, and the same seed writes
/// the same messages.
#[test]
fn messages_chain() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let exchange = exchange(venue);
        let run = || {
            let (mut pit, mut out, mut texts) = (pit(venue), Events::default(), Vec::new());
            let mut last = pit.sent;
            let mut ahead = 0;
            for beat in 0..300 {
                out.clear();
                pit.beat(&*exchange, 1_000 + beat, false, &mut out);
                let text = out.iter().last().unwrap().text.clone();
                let event: Value = serde_json::from_str(&text).unwrap();
                let (first, end) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
                if venue == "binance" {
                    assert_eq!(first, last + 1);
                } else {
                    assert_eq!(event["pu"].as_u64(), Some(last));
                    assert!(first > last);
                }
                assert!(end >= first && end == pit.sent);
                ahead += usize::from(pit.truth.sequence() > end);
                last = end;
                texts.push(text);
            }
            assert!((100..300).contains(&ahead));
            texts
        };
        assert_eq!(run(), run());
    }
}

/// After a reset the chain begins at 1 and holds.
#[test]
fn a_reset_begins_at_one() {
    let exchange = exchange("binance");
    let (mut pit, mut out) = (pit("binance"), Events::default());
    pit.beat(&*exchange, 1_000, false, &mut out);
    pit.reset_sequence();
    pit.beat(&*exchange, 1_001, false, &mut out);
    let event: Value = serde_json::from_str(&out.iter().last().unwrap().text).unwrap();
    assert_eq!(event["U"], 1);
    assert!(event["u"].as_u64().unwrap() < 200);
}

/// A candle has the minute's trades, and begins anew with the next minute.
#[test]
fn a_candle_is_of_its_minute() {
    let exchange = exchange("binance");
    let (mut pit, mut out) = (pit("binance"), Events::default());
    let beats = |pit: &mut Pit, out: &mut Events, from: u64| {
        for beat in 0..500 {
            pit.beat(&*exchange, from + beat, false, out);
        }
        pit.candle
    };
    let first = beats(&mut pit, &mut out, 60_000);
    assert_eq!((first.start, first.seconds), (Nanos(60_000_000_000), 60));
    assert!(first.trades > 20 && first.low < first.high && first.volume.0 >= u64::from(first.trades));
    assert!((first.low..=first.high).contains(&first.close));
    let second = beats(&mut pit, &mut out, 120_000);
    assert_eq!((second.start, second.open), (Nanos(120_000_000_000), first.close));
}
