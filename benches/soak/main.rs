//! Hours in minutes: a feed with everything on it (a journal, histograms, reports every second) at a steady rate, while
//! messages are lost, doubled and bad and connections end. Its memory and its latencies must be the same at the end as
//! after the first minutes.
//!
//! ```text
//! cargo bench -p touchline-benches --bench soak -- --minutes 30 --rate 5000 --out soak
//! ```
//!
//! Exchange, reader, book thread, the journal's thread and this one are one process and share the machine's cores: its
//! memory is that of all of them. With `--out` every second is written to `soak.csv`, and drawn in `soak.png`.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

mod picture;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use touchline::config::JournalConfig;
use touchline::latency::Stage;
use touchline_benches::cores::is_test;
use touchline_benches::exchange;
use touchline_simulator::{Config, Faults};

/// One second of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    at: f64,
    resident_mb: f64,
    messages: u64,
    live: usize,
    /// End to end, microseconds: p50, p99, p99.9, and the longest.
    latency: [f64; 4],
}

/// What is asked for.
struct Wish {
    minutes: f64,
    rate: f64,
    books: usize,
    out: Option<PathBuf>,
}

fn main() {
    let wish = if is_test() {
        Wish { minutes: 0.05, rate: 500.0, books: 5, out: None }
    } else {
        Wish {
            minutes: argument("--minutes").map_or(30.0, |text| text.parse().expect("--minutes is a number")),
            rate: argument("--rate").map_or(5_000.0, |text| text.parse().expect("--rate is a number")),
            books: argument("--books").map_or(50, |text| text.parse().expect("--books is a number")),
            out: argument("--out").map(PathBuf::from),
        }
    };
    let seconds = run(&wish);
    table(&wish, &seconds);
    if let Some(folder) = &wish.out {
        std::fs::create_dir_all(folder).expect("the folder of the results");
        std::fs::write(folder.join("soak.csv"), csv(&seconds)).expect("the seconds are written");
        picture::draw(&folder.join("soak.png"), &seconds, wish.books).expect("the picture is written");
    }
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// What goes wrong: a few times a minute, so that books heal all the time.
fn faults(rate: f64) -> Faults {
    let a_minute = |times: f64| times / (60.0 * rate);
    Faults {
        drop: a_minute(6.0),
        reorder: a_minute(6.0),
        garbage: a_minute(3.0),
        duplicate: 0.001,
        harmless: 0.01,
        fragment: 0.001,
        fin: a_minute(0.2),
        reset: a_minute(0.2),
        mid_frame: a_minute(0.1),
        ..Faults::default()
    }
}

fn run(wish: &Wish) -> Vec<Second> {
    let journal = tempfile::tempdir().expect("a folder for the journal");
    let config = Config {
        symbols: Config::symbols("binance-usdm", wish.books),
        rate: wish.rate,
        faults: faults(wish.rate),
        history: 0,
        ..Config::new("binance-usdm")
    };
    let live = exchange::start(config, |mut builder| {
        let config = builder.config_mut();
        // 50 levels weigh 2: enough of them fit into a minute's 2,400 for all books to heal.
        config.snapshot_levels = 50;
        config.journal = Some(JournalConfig::new(journal.path()));
        builder
    });
    live.wait(true);
    let reporter = live.feed.reporter();
    let (began, mut before) = (Instant::now(), 0);
    let mut seconds = Vec::new();
    // What starting took is told once and not counted.
    reporter.report().expect("the feed runs");
    for second in 1_u32.. {
        let due = began + Duration::from_secs(u64::from(second));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let report = reporter.report().expect("the feed runs");
        let latencies = report.latencies.as_ref().expect("latencies are measured").stage(Stage::EndToEnd);
        let received = report.intake.received;
        seconds.push(Second {
            at: began.elapsed().as_secs_f64(),
            resident_mb: resident_mb(),
            messages: received - std::mem::replace(&mut before, received),
            live: live.views.iter().filter(|view| view.touch().state.is_live()).count(),
            latency: [0.5, 0.99, 0.999, 1.0].map(|share| latencies.value_at_quantile(share) as f64 / 1e3),
        });
        if began.elapsed().as_secs_f64() >= wish.minutes * 60.0 {
            break;
        }
    }
    let counts = live.exchange.counts();
    let report = live.feed.stop().expect("the feed ends");
    assert!(report.balances(), "every message is accounted for");
    assert_eq!((counts.breached(), counts.early_requests), (0, 0), "{counts}");
    let recorder = report.recorder.expect("there is a journal");
    println!("{counts}");
    println!(
        "{} messages received, {} dropped; {} entries in the journal, {} lost",
        report.intake.received, report.intake.dropped, recorder.entries, recorder.lost_entries
    );
    seconds
}

/// What of this process is in memory.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse().map_or(0.0, |kilobytes: f64| kilobytes / 1_024.0)
}

/// The middle one.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A line for each tenth of the run, and how the last third stands to the one before.
fn table(wish: &Wish, seconds: &[Second]) {
    println!(
        "{} books, {} messages a second for {} minutes; end to end in us, medians over the seconds",
        wish.books, wish.rate, wish.minutes
    );
    println!(
        "{:>8} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9} {:>8}",
        "minute", "messages", "MB", "p50", "p99", "p99.9", "longest", "LIVE"
    );
    for tenth in seconds.chunks(seconds.len().div_ceil(10).max(1)) {
        let of = |figure: fn(&Second) -> f64| median(tenth.iter().map(figure));
        let longest = tenth.iter().map(|second| second.latency[3]).fold(0.0, f64::max);
        let live = tenth.iter().map(|second| second.live as f64).sum::<f64>() / tenth.len() as f64;
        println!(
            "{:>8.1} {:>10} {:>8.1} {:>8.1} {:>9.1} {:>9.1} {:>9.0} {:>7.1}%",
            tenth.last().map_or(0.0, |second| second.at / 60.0),
            tenth.iter().map(|second| second.messages).sum::<u64>(),
            of(|second| second.resident_mb),
            of(|second| second.latency[0]),
            of(|second| second.latency[1]),
            of(|second| second.latency[2]),
            longest,
            live * 100.0 / wish.books as f64,
        );
    }
    let third = seconds.len() / 3;
    let (middle, last) = (&seconds[third..2 * third], &seconds[2 * third..]);
    for (what, figure) in [
        ("memory", (|second| second.resident_mb) as fn(&Second) -> f64),
        ("p50", |second| second.latency[0]),
        ("p99", |second| second.latency[1]),
    ] {
        let [middle, last] = [middle, last].map(|part| median(part.iter().map(figure)));
        println!(
            "{what:<7} second third {middle:>8.1}, last third {last:>8.1}: {:+.1} %",
            (last / middle - 1.0) * 100.0
        );
    }
}

fn csv(seconds: &[Second]) -> String {
    let mut text = "second,resident_mb,messages,live,p50_us,p99_us,p999_us,max_us\n".to_owned();
    for Second { at, resident_mb, messages, live, latency: [p50, p99, p999, max] } in seconds {
        let _ =
            writeln!(text, "{at:.1},{resident_mb:.1},{messages},{live},{p50:.2},{p99:.2},{p999:.2},{max:.2}");
    }
    text
}
