//! The recorder on real files: order and content through its thread, rotation, secrets, a full disk, and a kill.
//!
//! Two tests run this test program again as a child, whose part is a test that does nothing by itself.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use touchline_capture::journal::{Entry, EntryKind, Gap, JournalError, Reader, Rotation};
use touchline_capture::recorder::{ALL_READERS, Recorder, RecorderOptions, Tap};
use touchline_capture::redact::Redactor;
use touchline_market::Nanos;

/// Tells the child where it records to.
const FOLDER: &str = "TOUCHLINE_TEST_RECORDER_FOLDER";

fn options(folder: &Path) -> RecorderOptions {
    let rotation = Rotation {
        folder: folder.to_owned(),
        name: "test".to_owned(),
        bytes_max: u64::MAX,
        period: Duration::from_secs(3600),
    };
    let redactor = Redactor::new(SECRETS.map(str::to_owned)).expect("few secrets");
    RecorderOptions {
        ring_bytes: 1 << 20,
        setup: br#"{"venue":"test","apiKey":"Canary-Key-0001"}"#.to_vec(),
        ..RecorderOptions::new(rotation, [9; 16], redactor)
    }
}

fn wall() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    Nanos(u64::try_from(since.as_nanos()).expect("a clock before 2554"))
}

fn entry(kind: EntryKind, source: u64, recv: Nanos, payload: &[u8]) -> Entry<'_> {
    Entry { kind, reader: 0, path: 1, source, recv, now: source, kernel: Nanos::NONE, payload }
}

/// A journal's files in their order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "tlj"));
    files.sort();
    files
}

/// Calls `each` for every entry of every file, and says how many files end as they should.
fn read(folder: &Path, mut each: impl FnMut(&Entry<'_>)) -> usize {
    let mut whole = 0;
    for path in files(folder) {
        let mut reader = Reader::new(File::open(&path).expect("the file")).expect("a journal");
        loop {
            match reader.next() {
                Ok(Some(entry)) => each(&entry),
                Ok(None) => break whole += 1,
                Err(JournalError::Corrupt { .. }) => {}
                Err(JournalError::Truncated { .. }) => break,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
    whole
}

/// Waits for something that another thread or process brings about.
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn entries_of_any_size_come_through_whole_and_in_order(
        sizes in prop::collection::vec(prop_oneof![4 => 0..300usize, 1 => 0..50_000usize], 1..300),
    ) {
        // Two taps on two threads, rings of 64 KiB, entries up to most of a ring: each tap's entries stand in the
        // files in its order, whole, and what had no room is counted.
        let folder = tempfile::tempdir().unwrap();
        let options = RecorderOptions { ring_bytes: 65_536, ..options(folder.path()) };
        let (recorder, taps) = Recorder::start(options, 2).unwrap();
        let threads: Vec<_> = taps.into_iter().enumerate().map(|(reader, mut tap)| {
            let sizes = sizes.clone();
            std::thread::spawn(move || for (number, &bytes) in sizes.iter().enumerate() {
                let payload = vec![number as u8; bytes];
                let entry = entry(EntryKind::Binary, number as u64, Nanos(number as u64), &payload);
                tap.record(&Entry { reader: reader as u16, ..entry });
            })
        }).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let status = recorder.stop();
        let (mut next, mut read_entries, mut lost) = ([0; 2], 0, 0);
        let whole = read(folder.path(), |entry| match entry.kind {
            EntryKind::Setup => {}
            EntryKind::Gap => {
                let gap = Gap::from_payload(entry.payload).unwrap();
                lost += gap.entries;
                next[usize::from(entry.reader)] += gap.entries;
            }
            _ => {
                let number = &mut next[usize::from(entry.reader)];
                assert_eq!(entry.source, *number);
                assert_eq!(entry.payload, vec![entry.source as u8; sizes[entry.source as usize]]);
                *number += 1;
                read_entries += 1;
            }
        });
        prop_assert_eq!(whole, 1);
        prop_assert_eq!(next, [sizes.len() as u64; 2]);
        prop_assert_eq!((status.entries, status.lost_entries), (read_entries, lost));
    }
}

#[test]
fn files_follow_one_another_by_size_and_by_time() {
    // 200 entries that do not compress against files of 64 KiB; then a short period. Every file begins with the setup,
    // all entries are there, and each file ends as it should.
    for (bytes_max, period, entries, bytes) in [(65_536, 3_600_000, 200, 4_096), (u64::MAX, 40, 40, 10)] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        options.flush_every = Duration::from_millis(10);
        options.rotation.bytes_max = bytes_max;
        options.rotation.period = Duration::from_millis(period);
        let (recorder, mut taps) = Recorder::start(options, 1).unwrap();
        let mut noise = 1_u64;
        let mut payload = vec![0; bytes];
        for number in 0..entries {
            for byte in &mut payload {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (noise >> 56) as u8;
            }
            taps[0].record(&entry(EntryKind::Binary, number, wall(), &payload));
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(taps);
        let status = recorder.stop();
        let (mut setups, mut next) = (0, 0);
        let whole = read(folder.path(), |entry| match entry.kind {
            EntryKind::Setup => setups += 1,
            _ => {
                assert_eq!(entry.source, next);
                next += 1;
            }
        });
        let count = files(folder.path()).len();
        assert!(count >= 3, "{count} files");
        assert_eq!((whole, setups, next), (count, count, entries));
        assert_eq!(status.path, files(folder.path())[count - 1]);
        let bytes: u64 = files(folder.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(
            status.bytes_written <= bytes && status.bytes_written > bytes / 4,
            "{} {bytes}",
            status.bytes_written
        );
    }
}

/// Planted in every place that an entry has; no file may hold one.
const SECRETS: [&str; 8] = [
    "Canary-Key-0001",
    "Canary/Secret+0002=",
    "Canary Pass \"0003\"",
    "Canary_Token_0004",
    "CanaryListenKey0005CanaryListenKey0005CanaryListenKey0005",
    "canary.jwt.0006",
    "Canary-Signature-0007",
    "Canary-User-0008",
];

#[test]
fn planted_secrets_reach_no_file() {
    // Each secret as text, in JSON, in an address and in a header, in entries of every kind; all that the files hold,
    // unpacked and as bytes, is searched.
    let folder = tempfile::tempdir().unwrap();
    let (recorder, mut taps) = Recorder::start(options(folder.path()), 1).unwrap();
    let mut offered = 0;
    for kind in EntryKind::ALL.into_iter().filter(|kind| !matches!(kind, EntryKind::Gap | EntryKind::Turn)) {
        for secret in SECRETS {
            let json = serde_json::json!({ "token": secret, "note": format!("is {secret}!") }).to_string();
            let address = format!("wss://h/ws?note={}", percent_encode(secret.as_bytes(), NON_ALPHANUMERIC));
            for text in [secret.to_owned(), json, address, format!("Authorization: Bearer {secret}")] {
                taps[0].record(&entry(kind, offered, Nanos(offered), text.as_bytes()));
                offered += 1;
            }
        }
    }
    drop(taps);
    let status = recorder.stop();
    let (mut entries, mut replaced) = (0, 0);
    read(folder.path(), |entry| {
        let text = String::from_utf8_lossy(entry.payload).to_lowercase();
        assert!(!text.contains("canary"), "{:?}: {text}", entry.kind);
        entries += u64::from(entry.reader != ALL_READERS);
        replaced += text.matches("<redacted>").count() as u64;
    });
    assert_eq!((entries, status.entries), (offered, offered));
    // The setup's is one more in the file, and a binary frame has `x` in place of three texts.
    assert!(status.redacted >= offered && replaced >= offered - 24, "{} {replaced}", status.redacted);
    for path in files(folder.path()) {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(6).any(|window| window.eq_ignore_ascii_case(b"canary")));
    }
}

/// Runs one test of this program in another process, in `folder`.
fn child(test: &str, folder: &Path, by: &[&str]) -> io::Result<Child> {
    let program = std::env::current_exe()?;
    let (first, rest) =
        by.split_first().map_or((program.as_os_str(), by), |(first, rest)| (first.as_ref(), rest));
    let mut command = Command::new(first);
    command.args(rest);
    if !by.is_empty() {
        command.arg(&program);
    }
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.stdout(Stdio::null()).spawn()
}

/// The folder, in a child; `None` where the test is run by itself.
fn child_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

#[test]
fn child_that_records_until_it_is_killed() {
    // An entry a millisecond, stamped by the wall clock.
    let Some(folder) = child_folder() else { return };
    let (_recorder, mut taps) = Recorder::start(options(&folder), 1).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    for number in 0.. {
        taps[0].record(&entry(EntryKind::Text, number, wall(), b"{\"a frame\":1}"));
        std::thread::sleep(Duration::from_millis(1));
        assert!(Instant::now() < until, "nobody killed this process");
    }
}

#[test]
fn a_kill_loses_a_second_at_most() {
    // Three children killed at different moments: every entry up to a second before the kill is there, none missing
    // in between.
    for ms in [600, 850, 1_100] {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = child("child_that_records_until_it_is_killed", folder.path(), &[]).unwrap();
        wait("a file with a block", || {
            files(folder.path()).iter().any(|path| fs::metadata(path).is_ok_and(|file| file.len() > 200))
        });
        std::thread::sleep(Duration::from_millis(ms));
        let killed = wall();
        recording.kill().unwrap();
        recording.wait().unwrap();
        let (mut next, mut last) = (0, Nanos(0));
        read(folder.path(), |entry| {
            if entry.kind == EntryKind::Text {
                assert_eq!(entry.source, next);
                (next, last) = (next + 1, entry.recv);
            }
        });
        assert!(next > 50, "{next} entries");
        assert!(
            killed.0.saturating_sub(last.0) < 1_000_000_000,
            "lost {} ms",
            (killed.0 - last.0) / 1_000_000
        );
    }
}

/// Offers `count` entries that do not compress well, at a pace that the recorder keeps up with.
fn offer(tap: &mut Tap, from: u64, count: u64) {
    let mut noise = from.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for number in from..from + count {
        let mut payload = [0; 1_024];
        for word in payload.chunks_exact_mut(8) {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            word.copy_from_slice(&noise.to_le_bytes());
        }
        tap.record(&entry(EntryKind::Binary, number, wall(), &payload));
        if number % 64 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn child_that_fills_a_small_disk() {
    // 1 MiB of disk with a file of 256 KiB on it: 3 MB are offered, the status tells of the full disk within a second,
    // the other file is removed, the recording goes on by itself, and the sum is exact.
    let Some(folder) = child_folder() else { return };
    fs::write(folder.join("other"), vec![1; 256 << 10]).unwrap();
    let (recorder, mut taps) = Recorder::start(options(&folder), 1).unwrap();
    // Some 780 KiB fit.
    let mut offered = 1_024;
    offer(&mut taps[0], 0, offered);
    let since = Instant::now();
    wait("the disk to be full", || recorder.status().failing_since.is_some());
    assert!(since.elapsed() < Duration::from_secs(1), "the status was late");
    offer(&mut taps[0], offered, 2_048);
    offered += 2_048;
    let slow = Instant::now();
    taps[0].record(&entry(EntryKind::Note, offered, wall(), b"while the disk is full"));
    offered += 1;
    assert!(slow.elapsed() < Duration::from_millis(500), "a tap waited");
    let status = recorder.status();
    assert!(status.lost_entries > 0, "a ring of 1 MiB cannot hold 2 MiB");
    // Room for some of what the ring holds, not for all: one more time full, and then all of it.
    fs::remove_file(folder.join("other")).unwrap();
    let before = status.entries;
    wait("the recording to go on", || recorder.status().entries > before);
    drop(taps);
    let status = recorder.stop();
    let (mut entries, mut gaps) = (0, 0);
    read(&folder, |entry| match entry.kind {
        EntryKind::Setup => {}
        EntryKind::Gap => gaps += Gap::from_payload(entry.payload).unwrap().entries,
        _ => entries += 1,
    });
    assert_eq!(entries, status.entries);
    assert_eq!(entries + status.lost_entries, offered, "{status:?}");
    assert!(gaps > 0 && gaps <= status.lost_entries);
    fs::write(folder.join("../passed"), b"").unwrap();
}

#[test]
fn a_full_disk_is_survived_on_a_small_tmpfs() {
    // The child above, in a mount namespace of its own with 1 MiB of memory for a disk.
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=1m none '{}'", disk.display());
    let can = Command::new("unshare").args(["-rm", "sh", "-c", &mount]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("no tmpfs can be mounted here: the full disk was not tried");
        return;
    }
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    let by = ["unshare", "-rm", "sh", "-c", &script];
    let status = child("child_that_fills_a_small_disk", &disk, &by).unwrap().wait().unwrap();
    assert!(status.success() && folder.path().join("passed").exists(), "{status}");
}
