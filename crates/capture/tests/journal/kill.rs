//! Writers that are killed.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use touchline_capture::journal::{FileWriter, JournalError, Reader};

use crate::common::{self, HEADER};

/// Set for the child process that writes until it is killed: the file to write.
const CHILD: &str = "TOUCHLINE_JOURNAL_CHILD";

/// Entries between two flushes.
const FLUSH_ENTRIES: u64 = 25;

/// Kills.
const KILLS: u64 = 100;

#[test]
fn a_hundred_killed_writers_leave_a_hundred_readable_files() {
    // A child writes and says after each flush how much is safe; it is killed at a moment that moves from kill to
    // kill. Every entry that was called safe is in the file, each is the right one, and at most one block is cut off.
    let folder = tempfile::tempdir().unwrap();
    let (mut safe_sum, mut read_sum, mut cut_off) = (0, 0, 0);
    for kill in 0..KILLS {
        let path = folder.path().join(format!("{kill}.tlj"));
        let safe = killed_after(&path, Duration::from_micros(kill * 7_919 % 6_000));
        let mut reader = Reader::open(&path).unwrap();
        assert!(!reader.is_finished());
        let mut count = 0;
        loop {
            match reader.next() {
                Ok(Some(entry)) => assert_eq!(entry, common::entry(count, 200).lent()),
                Ok(None) => break,
                Err(JournalError::Truncated { .. }) => {
                    cut_off += 1;
                    continue;
                }
                Err(error) => panic!("kill {kill}: {error}"),
            }
            count += 1;
        }
        assert!(count >= safe && count % FLUSH_ENTRIES == 0, "kill {kill}: {count} read, {safe} safe");
        safe_sum += safe;
        read_sum += count;
    }
    assert!(safe_sum > 0);
    println!("{KILLS} kills: {safe_sum} entries safe, {read_sum} read, {cut_off} files cut off");
}

/// Runs a child that writes to `path`, kills it `delay` after its first flush, and returns how many entries it called
/// safe.
fn killed_after(path: &Path, delay: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(CHILD, path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reports = child.stderr.take().unwrap();
    let mut report = [0; 8];
    reports.read_exact(&mut report).unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    let mut safe = u64::from_le_bytes(report);
    while reports.read_exact(&mut report).is_ok() {
        safe = u64::from_le_bytes(report);
    }
    child.wait().unwrap();
    safe
}

#[test]
fn child() {
    // Only in the child: writes as fast as it can, for 10 s at most.
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut writer = FileWriter::create(path, &HEADER, 1).unwrap();
    let mut reports = std::io::stderr();
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < Duration::from_secs(10) {
        writer.push(&common::entry(number, 200).lent()).unwrap();
        number += 1;
        if number % FLUSH_ENTRIES == 0 {
            writer.flush().unwrap();
            reports.write_all(&writer.entries().to_le_bytes()).unwrap();
        }
    }
}
