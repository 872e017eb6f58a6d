//! What the exchange costs.

use std::time::Duration;

use touchline_simulator::{Config, Simulator};

use crate::client::{next, open, run};

/// Processor time of the exchange's thread so far, in ticks of 10 ms.
fn exchange_ticks() -> u64 {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if let Some((_, fields)) = text.split_once("(exchange) ") {
            let fields: Vec<u64> = fields.split(' ').filter_map(|field| field.parse().ok()).collect();
            // Behind the state come ten numbers, then user and system time; the group of no terminal is negative.
            total += fields.get(9..11).map_or(0, |times| times.iter().sum());
        }
    }
    total
}

/// 20,000 messages a second of 1,000 symbols reach four connections; a busy machine may be a quarter as fast.
#[test]
fn a_thousand_symbols_are_cheap() {
    run(async {
        let symbols = Config::symbols("binance-usdm", 1_000);
        let names: Vec<String> =
            symbols.iter().map(|symbol| format!("{}@depth@0ms", symbol.name.to_lowercase())).collect();
        let config = Config { symbols, rate: 20_000.0, ..Config::new("binance-usdm") };
        let exchange = Simulator::start(config).unwrap();
        let mut readers = Vec::new();
        for names in names.chunks(250) {
            let mut socket = open(&exchange, &format!("/public/stream?streams={}", names.join("/"))).await;
            readers.push(tokio::spawn(async move { while next(&mut socket).await.is_ok() {} }));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (before, ticks) = (exchange.counts(), exchange_ticks());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let sent = exchange.counts().messages - before.messages;
        let share = (exchange_ticks() - ticks) as f64 / 200.0;
        println!("{} messages a second over 1,000 symbols and TLS, {share:.2} of a core", sent / 2);
        assert!(sent > 10_000, "{sent} in 2 s, with {share} of a core");
        readers.iter().for_each(|reader| reader.abort());
    });
}
