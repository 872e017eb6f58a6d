//! 1,000 instruments on one reader and one book thread at 20,000 messages a second for a minute: nothing may be lost,
//! every book must be live, the memory must stay flat. The exchange runs in the same process and shares the machine's
//! cores; memory is that of the process, exchange included.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

use std::time::{Duration, Instant};

use touchline::Placement;
use touchline_benches::cores::is_test;
use touchline_benches::exchange;
use touchline_simulator::Config;

fn main() {
    let (instruments, rate, seconds) = if is_test() { (50, 2_000.0, 2) } else { (1_000, 20_000.0, 60) };
    let symbols = Config::symbols("binance", instruments);
    let config = Config { symbols, rate, history: 0, ..Config::new("binance") };
    let began = Instant::now();
    // 100 levels weigh 5: a thousand of them fit into a minute's 6,000.
    let live = exchange::start(config, |mut builder| {
        builder.config_mut().snapshot_levels = 100;
        builder
    });
    let all_live = live.wait(true) - began;
    let first = live.feed.report().expect("the feed says how it stands");
    println!("{instruments} instruments live after {all_live:?}, on {} connections", first.connections.len());
    println!("{:>5} {:>12} {:>8} {:>8} {:>10}", "s", "messages", "a second", "live", "RSS MiB");
    let (start, mut last, mut memory) = (Instant::now(), messages(&live), Vec::new());
    for second in 1..=seconds {
        std::thread::sleep((start + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
        let now = messages(&live);
        memory.push(resident_kib());
        if second % 5 == 0 || seconds < 5 {
            let books = live.views.iter().filter(|view| view.touch().state.is_live()).count();
            let mib = resident_kib() as f64 / 1_024.0;
            println!("{second:>5} {now:>12} {:>8} {books:>8} {mib:>10.1}", now - last);
        }
        last = now;
    }
    let books = live.views.iter().filter(|view| view.touch().state.is_live()).count();
    let counts = live.exchange.counts();
    let report = live.feed.stop().expect("the feed ends");
    let gaps: u64 = report.books.iter().map(|book| book.counters.gaps).sum();
    let third = memory.len() / 3;
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64 / 1_024.0;
    println!(
        "frames dropped {}, rejected {}, gaps {gaps}, live {books} of {instruments}, breaches {}, slow {}",
        report.intake.dropped,
        report.intake.rejected_total(),
        counts.breached(),
        counts.slow_clients
    );
    println!(
        "RSS, mean of the first third {:.1} MiB, of the last {:.1} MiB",
        mean(&memory[..third.max(1)]),
        mean(&memory[memory.len() - third.max(1)..])
    );
    if let Some(latency) = report.latency("universe", Placement::BookThread) {
        println!("{}", latency.table());
    }
    assert!(report.intake.balances(), "every frame is accounted for");
}

/// Book messages of all instruments so far.
fn messages(live: &exchange::Live) -> u64 {
    live.views.iter().map(|view| view.messages()[0]).sum()
}

/// The process's resident memory.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
