//! The program as a user meets it: arguments in, text, files and an exit code out.

mod audit;
mod check;
mod configured;
mod convert;
mod exchange;
mod exit_codes;
mod export;
mod forms;
mod interrupt;
mod latency;
mod live;
mod observe;
mod output;
mod record;
mod why;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use touchline_capture::{Reader, Writer};
use touchline_tests::secrets;

/// How long a run may take before a test calls it stuck: far beyond what any does.
const STUCK: Duration = Duration::from_secs(60);

/// What a run left. None of the secrets that exchanges let slip stands in it.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    /// Standard error but for the log.
    err: String,
    /// The log's lines.
    log: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        for said in [&output.stdout, &output.stderr] {
            assert_eq!(secrets::find(said), None, "{}", String::from_utf8_lossy(said));
        }
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        let (log, err) = err.split_inclusive('\n').partition(|line| is_of_log(line));
        Self { code: output.status.code(), out, err, log }
    }
}

/// Is it a line of a log, which begins with the time or is an object?
fn is_of_log(line: &str) -> bool {
    let has_time = |line: &str| line.get(10..11) == Some("T") && line.starts_with("20");
    has_time(line) || line.starts_with("{\"timestamp\"")
}

impl Ran {
    /// Standard output, whole, as JSON.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The built program, not started, both outputs caught, with a log of everything.
fn program(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchline"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("TOUCHLINE_LOG", "trace");
    command
}

/// Runs the program to its end.
fn touchline(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
    program(arguments).output().unwrap().into()
}

/// A folder with recordings in it, for one test.
struct Recordings {
    folder: TempDir,
}

impl Recordings {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A recording with so many deltas after its snapshot, one a millisecond, nothing wrong with it.
    fn sound(&self, deltas: u64) -> PathBuf {
        self.file("sound.cap.zst", &touchline_tests::small_recording(deltas))
    }

    /// The same with one delta missing in its middle.
    fn with_a_gap(&self) -> PathBuf {
        let whole = touchline_tests::small_recording(100);
        let mut reader = Reader::new(whole.as_slice());
        let mut writer = Writer::new(Vec::new(), 3).unwrap();
        while let Some(record) = reader.next().unwrap() {
            if record.line != 50 {
                writer.record(record.recv, record.kind, record.payload).unwrap();
            }
        }
        self.file("gap.cap.zst", &writer.finish().unwrap())
    }

    /// The same, cut off in its middle.
    fn cut(&self) -> PathBuf {
        let whole = touchline_tests::small_recording(2_000);
        self.file("cut.cap.zst", &whole[..whole.len() / 2])
    }
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
