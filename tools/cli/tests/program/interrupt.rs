//! Ctrl-C, and readers that go away.

use std::process::Stdio;
use std::time::Instant;

use super::exchange::{signal, wait};
use super::{Ran, Recordings, STUCK, program, text};

/// Does this process catch SIGINT by now? Bit 1 of the mask is signal 2.
fn catches_interrupts(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 0b10 != 0
}

/// Starts a run that would take long, and stops it by Ctrl-C as soon as it listens.
pub(super) fn interrupted(arguments: &[&str]) -> Ran {
    let child = program(arguments).spawn().unwrap();
    let began = Instant::now();
    while !catches_interrupts(child.id()) {
        assert!(began.elapsed() < STUCK, "the program does not listen for Ctrl-C");
        std::thread::yield_now();
    }
    signal(child.id(), "INT");
    wait(child)
}

/// A replay of minutes ends at once with 130, in both placements, and shows what was done until then.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_replay_with_130_and_what_was_done() {
    let recordings = Recordings::new();
    let path = recordings.sound(5_000);
    for placement in ["book-thread", "reader"] {
        let folder = recordings.path(placement);
        let ran = interrupted(&[
            "replay",
            text(&path),
            "--pace",
            "0.01x",
            "--placement",
            placement,
            "--json",
            "--report",
            text(&folder),
        ]);
        assert_eq!(ran.code, Some(130), "{ran:?}");
        assert!(ran.err.contains("stopped by Ctrl-C"), "{ran:?}");
        let json = ran.json();
        assert_eq!(json["interrupted"], true);
        assert!(json["run"]["frames"].as_u64().unwrap() < 5_000, "{json}");
        assert!(folder.join("report.html").is_file());
    }
}

/// A demo of most of a minute ends at once with 130, and does not judge what it has not seen.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_demo_with_130_and_no_verdict() {
    let ran = interrupted(&["demo", "--seconds", "45", "--rate", "500"]);
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.out.contains("not compared") && ran.err.contains("stopped by Ctrl-C"), "{ran:?}");
}

/// Whoever reads the output may leave early: no panic, the files are written, and the exit code is the run's own.
#[test]
fn a_closed_pipe_changes_nothing_else() {
    let recordings = Recordings::new();
    let (sound, gap, folder) = (recordings.sound(300), recordings.with_a_gap(), recordings.path("report"));
    let report = ["replay", text(&sound), "--report", text(&folder)];
    for (arguments, code) in [(report.as_slice(), 0), (&["verify", text(&gap)], 1)] {
        let mut child = program(arguments).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = wait(child);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(!ran.err.contains("panic") && !ran.err.contains("error"), "{ran:?}");
    }
    assert!(folder.join("latency.hlog").is_file());
}
