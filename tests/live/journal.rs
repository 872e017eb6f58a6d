//! A feed with a journal, and the journal run again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use touchline::config::JournalConfig;
use touchline::{Placement, Rerun, RerunReport};
use touchline_capture::journal::{EntryKind, Gap, Reader, Writer};
use touchline_simulator::{Command, Config, Counts, End, FaultKind, Faults, MessageFault, Which};

use crate::rig::{Rig, rig_with};

/// The first file of the journal in a folder.
fn first_file(folder: &Path) -> PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.swap_remove(0)
}

fn rerun(folder: &Path) -> RerunReport {
    let mut rerun = Rerun::open(first_file(folder)).unwrap();
    while rerun.step() {}
    rerun.finish()
}

/// A feed on this exchange that writes a journal of small files, hashes five times a second.
fn recorded(config: Config, folder: &Path, placement: Placement, paths: u8) -> Rig {
    rig_with(config, |mut builder| {
        let mut journal = JournalConfig::new(folder);
        journal.hash_every = Duration::from_millis(200);
        journal.file_bytes_max = 400_000;
        builder.config_mut().journal = Some(journal);
        builder.placement(placement).paths(paths)
    })
}

/// Every dialect, with doubled and bad messages, with lost and swapped ones where the venue's numbers tell of them, and
/// connections that end: run again, the feed asks and says the same, and every book is the same at every boundary.
#[test]
fn journal_run_again_is_the_same() {
    let told = Faults { garbage: 0.000_3, harmless: 0.05, ..Faults::default() };
    let numbered = Faults { drop: 0.000_5, duplicate: 0.01, reorder: 0.000_5, ..told.clone() };
    for (venue, placement, paths, faults) in [
        ("binance", Placement::BookThread, 1, &numbered),
        ("binance-usdm", Placement::Reader, 2, &numbered),
        ("kraken", Placement::BookThread, 1, &told),
        ("kraken", Placement::Reader, 2, &told),
        ("coinbase-advanced", Placement::BookThread, 1, &numbered),
        ("bitstamp", Placement::BookThread, 1, &told),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let symbols = Config::symbols(venue, 4);
        let config = Config { symbols, rate: 600.0, faults: faults.clone(), ..Config::new(venue) };
        let rig = recorded(config, folder.path(), placement, paths);
        rig.wait("200 reads are compared", |rig| rig.judge.equal() >= 200);
        for (ended, how) in (0_u64..).zip([End::Reset, End::Close(1_012)]) {
            std::thread::sleep(Duration::from_millis(900));
            rig.exchange.command(Command::End { which: Which::Connection(ended), how });
        }
        std::thread::sleep(Duration::from_millis(1_500));
        let counts = rig.exchange.counts();
        rig.finish();
        let report = rerun(folder.path());
        let gaps = report.gaps.len();
        println!(
            "{venue}, {placement:?}, {paths} paths: {} entries, {} frames, {} commands and {} hashes the same, {counts}",
            report.entries, report.frames, report.commands, report.hashes
        );
        assert_eq!((report.mismatches, gaps, &report.damage), (0, 0, &vec![]), "{venue}: {:?}", report.first);
        assert!(report.hashes >= 40 && report.commands >= 4, "{venue}: {report:?}");
        assert!(report.feed.intake.balances(), "{venue}: {:?}", report.feed.intake);
    }
}

/// A number from the environment, for a longer run than a test's.
fn wish(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

/// What the exchange has put on the wire: its messages as they came out of their faults, and its answers to requests.
fn sent(counts: &Counts) -> u64 {
    let dealt = |fault| counts.faults.get(&FaultKind::Message(fault)).copied().unwrap_or_default();
    counts.messages + dealt(MessageFault::Duplicate) - dealt(MessageFault::Drop) + counts.requests
}

/// Every frame that the exchange sent stands in the journal, to the last one, though messages are lost, doubled, bad and
/// in pieces, and the connections end once; and run again every book is the same at every boundary. Longer and faster by
/// `TOUCHLINE_RECORD_SECONDS`, `TOUCHLINE_RECORD_RATE` and `TOUCHLINE_RECORD_BOOKS`.
#[test]
fn journal_holds_what_the_exchange_sent() {
    let seconds = wish("TOUCHLINE_RECORD_SECONDS", 4);
    let books = wish("TOUCHLINE_RECORD_BOOKS", 10) as usize;
    let rate = wish("TOUCHLINE_RECORD_RATE", 1_500) as f64;
    // So few a second that no connection is given up for them: what is under way to one that closes is read by nobody.
    let faults = Faults {
        drop: 0.15 / rate,
        duplicate: 0.002,
        garbage: 0.08 / rate,
        harmless: 0.02,
        fragment: 0.001,
        ..Faults::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let config =
        Config { symbols: Config::symbols("binance", books), rate, faults, ..Config::new("binance") };
    let rig = rig_with(config, |mut builder| {
        builder.config_mut().journal = Some(JournalConfig::new(folder.path()));
        builder
    });
    rig.wait("200 reads are compared", |rig| rig.judge.equal() >= 200);
    std::thread::sleep(Duration::from_millis(seconds * 500));
    rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
    std::thread::sleep(Duration::from_millis(seconds * 500));
    rig.exchange.command(Command::Pause { symbol: None });
    // Answers by REST are among what the feed received: a second more for what may be under way.
    rig.wait("the frames have come", |rig| {
        rig.feed.report().unwrap().intake.received >= sent(&rig.exchange.counts())
    });
    std::thread::sleep(Duration::from_secs(1));
    let counts = rig.exchange.counts();
    let lost = rig.feed.recorder().unwrap().lost_entries;
    rig.finish();
    let began = std::time::Instant::now();
    let report = rerun(folder.path());
    let (frames, hashes, mismatches) = (report.frames, report.hashes, report.mismatches);
    println!(
        "{seconds} s at {rate} messages a second, {books} books: {} frames sent, {frames} in the journal, {lost} entries lost; {hashes} \
         hashes and {} commands the same, {mismatches} not, in {:?}; {counts}",
        sent(&counts),
        report.commands,
        began.elapsed()
    );
    assert_eq!(frames, sent(&counts));
    assert_eq!((mismatches, lost, report.gaps.len()), (0, 0, 0), "{:?}", report.first);
    assert!(hashes >= seconds && report.feed.intake.balances(), "{report:?}");
}

/// Books that nobody wants any more, and one that is wanted again, while the journal is written: the run over it ends and
/// opens them where the feed did.
#[test]
fn journal_knows_what_was_wanted_when() {
    for placement in [Placement::BookThread, Placement::Reader] {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { symbols: Config::symbols("binance", 4), rate: 400.0, ..Config::new("binance") };
        let names: Vec<_> = config.symbols.iter().map(|symbol| format!("binance:@{}", symbol.name)).collect();
        let rig = recorded(config, folder.path(), placement, 1);
        rig.all_live();
        rig.wait("100 reads are compared", |rig| rig.judge.equal() >= 100);
        for name in &names[..2] {
            rig.feed.unsubscribe(name, None).unwrap();
        }
        std::thread::sleep(Duration::from_millis(700));
        let view = rig.feed.subscribe(&names[0], touchline::market::Channel::Book).unwrap();
        rig.wait("the book is LIVE again", |_| view.touch().state.is_live());
        std::thread::sleep(Duration::from_millis(700));
        rig.finish();
        let report = rerun(folder.path());
        assert_eq!(report.mismatches, 0, "{placement:?}: {:?}", report.first);
        assert!(report.hashes >= 20 && report.feed.balances(), "{placement:?}: {report:?}");
    }
}

/// One frame of a book is taken out of a sound journal: the books are not the same any more, and the run says where.
#[test]
fn journal_without_one_frame_is_not_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { symbols: Config::symbols("binance", 1), rate: 300.0, ..Config::new("binance") };
    let rig = recorded(config, folder.path(), Placement::BookThread, 1);
    rig.all_live();
    rig.wait("500 reads are compared", |rig| rig.judge.equal() >= 500);
    std::thread::sleep(Duration::from_millis(500));
    rig.finish();
    assert_eq!(rerun(folder.path()).mismatches, 0);

    let mut whole = Reader::open(first_file(folder.path())).unwrap();
    let mut writer = Writer::new(Vec::new(), whole.header(), 1).unwrap();
    let (mut frames, mut taken) = (0, false);
    while let Some(entry) = whole.next().unwrap() {
        frames += usize::from(entry.kind == EntryKind::Text);
        if frames >= 60 && !taken && entry.kind == EntryKind::Text && entry.payload.starts_with(b"{\"stream")
        {
            taken = true;
            continue;
        }
        writer.push(&entry).unwrap();
    }
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("less.tlj"), writer.finish().unwrap()).unwrap();
    let report = rerun(other.path());
    assert!(taken && report.mismatches > 0, "{report:?}");
    let first = report.first.unwrap();
    assert!(first.recorded.contains("LIVE") && first.now.contains("STALE(gap)"), "{first}");
}

/// Where a test's own process, started anew, finds its small disk.
const DISK: &str = "TOUCHLINE_TEST_SMALL_DISK";

/// Half a mebibyte of disk, a third of it taken, and a feed whose journal fills it: not one message is dropped, no book is
/// flagged, every read is right; the feed's report says that the disk is full; and once there is room again the journal
/// goes on, and what it lost stands there as gaps with the exact counts.
#[test]
fn a_full_disk_is_nothing_to_the_feed() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else {
        if !passes_with_a_disk_of_its_own() {
            println!("no tmpfs can be mounted here: the full disk was not tried");
        }
        return;
    };
    std::fs::write(disk.join("ballast"), vec![1; 160 << 10]).unwrap();
    let config = Config { symbols: Config::symbols("binance", 4), rate: 2_000.0, ..Config::new("binance") };
    let rig = rig_with(config, |mut builder| {
        let mut journal = JournalConfig::new(disk.join("journal"));
        (journal.file_bytes_max, journal.ring_bytes) = (100_000, 1 << 18);
        builder.config_mut().journal = Some(journal);
        builder
    });
    rig.all_live();
    let status = |rig: &Rig| rig.feed.recorder().unwrap();
    rig.wait("entries are lost", |rig| status(rig).lost_entries > 1_000);
    assert!(status(&rig).failing_since.is_some());
    let live = |rig: &Rig| rig.feed.views().iter().all(|(_, view)| view.touch().state.is_live());
    assert!(live(&rig), "{}", rig.state_of_affairs());
    std::fs::remove_file(disk.join("ballast")).unwrap();
    let before = status(&rig).entries;
    rig.wait("the journal goes on", |rig| status(rig).entries > before + 500);
    assert!(live(&rig) && rig.judge.equal() > 1_000, "{}", rig.state_of_affairs());
    let report = rig.feed.report().unwrap();
    assert_eq!((report.intake.dropped, report.intake.lost), (0, 0));
    assert!(report.books.iter().all(|book| book.counters.gaps == 0 && book.epoch == report.books[0].epoch));
    rig.finish();
    let (mut gaps, mut lost) = (0, 0);
    let mut files: Vec<_> =
        std::fs::read_dir(disk.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let mut reader = Reader::open(file).unwrap();
        while let Some(entry) = reader.next().unwrap() {
            if let Some(gap) = Gap::from_payload(entry.payload).filter(|_| entry.kind == EntryKind::Gap) {
                (gaps, lost) = (gaps + 1, lost + gap.entries);
            }
        }
    }
    println!("{gaps} gaps of {lost} entries");
    assert!(gaps > 0 && lost > 1_000);
    std::fs::write(std::env::var_os("TOUCHLINE_TEST_PASSED").unwrap(), b"").unwrap();
}

/// Runs the test above with a disk of its own, in a mount namespace that ends with it. False where that cannot be.
fn passes_with_a_disk_of_its_own() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=512k none '{}'", disk.display());
    let can = std::process::Command::new("unshare").args(["-rm", "sh", "-c", &mount]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        return false;
    }
    let passed = folder.path().join("passed");
    let status = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "journal::a_full_disk_is_nothing_to_the_feed", "--nocapture"])
        .env(DISK, &disk)
        .env("TOUCHLINE_TEST_PASSED", &passed)
        .status()
        .unwrap();
    assert!(status.success() && passed.exists(), "{status}");
    true
}
