//! A feed with a journal, and the journal run again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use touchline::config::JournalConfig;
use touchline::{Placement, Rerun, RerunReport};
use touchline_capture::journal::{EntryKind, Reader, Writer};
use touchline_simulator::{Command, Config, End, Faults, Which};

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
